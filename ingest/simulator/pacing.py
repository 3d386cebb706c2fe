"""How fast an office plays: in real time, or at a rate of lines with stamps that stay near the present.

A receiver resolves 12-hour stamps against the time of receipt, so on a socket no stamp may be three hours off.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from ingest.simulator.office import LINES_PER_CALL, calls_every

USUAL_EXTENSIONS = 20
TRUNKS_PER_EXTENSION = 0.8
LONGEST_SPAN_S = 7200.0
"""Stamps of a fast run cover at most this, and end about now."""

BUSIEST_TEMPO = 4
MOST_EXTENSIONS = 400
"""An office whose size is left open grows until it need not be busier than the tempo above, or has this size."""


@dataclass(frozen=True, slots=True)
class Size:
    extensions: int
    trunks: int


@dataclass(frozen=True, slots=True)
class Layout:
    """`tempo` for the office, and how long before the run's first line its stamps begin."""

    tempo: float
    ahead: timedelta

    def start(self, now: datetime) -> datetime:
        return now - self.ahead


REAL_TIME = Layout(tempo=1.0, ahead=timedelta(0))


def size(extensions: int | None, trunks: int | None, *, rate: float | None = None, calls: int | None = None) -> Size:
    """The office's size where it is left open: the usual one, or one that carries `rate`."""
    if extensions is None:
        extensions = USUAL_EXTENSIONS
        if rate is not None:
            needed = at_rate(rate, calls, calls_every(extensions, extensions)).tempo / BUSIEST_TEMPO
            extensions = min(MOST_EXTENSIONS, ceil(extensions * max(1.0, needed)))
    return Size(extensions, trunks or max(1, round(extensions * TRUNKS_PER_EXTENSION)))


def at_rate(rate: float, calls: int | None, every: float) -> Layout:
    """Lines leave at `rate` a second, whatever the office's own pace (a call each `every` seconds) would be."""
    if calls is None:
        return Layout(tempo=every * rate / LINES_PER_CALL, ahead=timedelta(0))
    takes = calls * LINES_PER_CALL / rate
    span = max(takes, min(calls * every, LONGEST_SPAN_S))
    return Layout(tempo=calls * every / span, ahead=timedelta(seconds=span - takes))
