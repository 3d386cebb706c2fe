"""Local mode: we connect to the Communication Service and read."""

import asyncio
import contextlib
import logging
import random

from ingest.peer_log import PeerLog
from ingest.receiver import BUFFER_BYTES, FINISH_SECONDS, FeedSink, Limits, Peer, finish, peer_of, receive

logger = logging.getLogger(__name__)

DEFAULT_PORT = 2007
CONNECT_SECONDS = 10.0
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
STABLE_AFTER_SECONDS = 10.0


def waits(random_unit: random.Random | None = None) -> "Backoff":
    return Backoff(random_unit or random.Random())  # noqa: S311 - jitter, no secret


class Backoff:
    """Waiting times that double up to 30 s, each between half of it and all of it, so that many clients spread."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ceiling = FIRST_WAIT_SECONDS

    def next_seconds(self) -> float:
        ceiling, self._ceiling = self._ceiling, min(self._ceiling * 2, LONGEST_WAIT_SECONDS)
        return ceiling * (0.5 + self._chance.random() / 2)

    def reset(self) -> None:
        self._ceiling = FIRST_WAIT_SECONDS


class LocalClient:
    """Keeps one connection to one address for one feed."""

    def __init__(
        self, host: str, port: int, sink: FeedSink, limits: Limits | None = None, backoff: Backoff | None = None
    ) -> None:
        self.host, self.port = host, port
        self.error = ""
        self._sink = sink
        self._limits = limits or Limits()
        self._backoff = backoff or waits()
        self._log = PeerLog(logger, self._limits.log_lines_per_minute)
        self._receiving: asyncio.Task[str] | None = None
        self._open: tuple[asyncio.StreamWriter, Peer] | None = None
        self._stopping = False

    async def stop(self) -> None:
        """Take in what has arrived; `run` then ends. Without a connection `run` is to be cancelled."""
        self._stopping = True
        if self._receiving is not None and self._open is not None:
            finish(*self._open)
            await asyncio.wait({self._receiving}, timeout=FINISH_SECONDS)

    async def run(self) -> None:
        """Connect, read, and connect again, until stopped or cancelled."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    reader, writer = await asyncio.open_connection(self.host, self.port, limit=BUFFER_BYTES)
            except TimeoutError:
                self.error = f"{self.host}:{self.port} does not answer"
            except OSError as error:
                self.error = f"Cannot connect to {self.host}:{self.port}: {error.strerror or error}"
            else:
                self.error = ""
                began = loop.time()
                peer = peer_of(writer, "local")
                self._open = writer, peer
                self._receiving = asyncio.create_task(receive(reader, writer, self._sink, peer, self._limits))
                why = await self._receiving
                self._receiving = self._open = None
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                self.error = f"The connection to {self.host}:{self.port} ended: {why}"
                self._log.tell(logging.INFO, "the connection ended", peer=f"{self.host}:{self.port}", why=why)
                if loop.time() - began >= STABLE_AFTER_SECONDS:
                    self._backoff.reset()
            if not self._stopping:
                await asyncio.sleep(self._backoff.next_seconds())
