"""What is logged of peers, at a bounded rate: whoever connects and leaves ten times a second cannot fill a disk."""

import logging
import time
from collections.abc import Callable

MINUTE = 60.0


class PeerLog:
    """At most so many lines a minute, a burst of them at once; the next line says how many were left out."""

    def __init__(
        self, logger: logging.Logger, lines_per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.left_out = 0
        self._logger = logger
        self._most = lines_per_minute
        self._clock = clock
        self._allowance = lines_per_minute
        self._seen_at = clock()

    def tell(self, level: int, message: str, **extra: object) -> None:
        """Log it, unless the minute's lines are used up."""
        now = self._clock()
        self._allowance = min(self._allowance + (now - self._seen_at) * self._most / MINUTE, self._most)
        self._seen_at = now
        if self._allowance < 1:
            self.left_out += 1
            return
        self._allowance -= 1
        if self.left_out:
            extra["lines_left_out"] = self.left_out
            self.left_out = 0
        self._logger.log(level, message, extra=extra)
