"""What Push and Local share: one connection's bytes into lines, counted and journaled. Nothing is ever sent."""

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from dataclasses import dataclass, field

from ingest.framing import MAX_LINE_BYTES, Frame, LineFramer
from ingest.journal import Journal, new_id
from ingest.segments import Origin

logger = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
REMEMBERED_LINES = 10_000
KEEP_ALIVE_IDLE_SECONDS = 30
KEEP_ALIVE_INTERVAL_SECONDS = 10
KEEP_ALIVE_PROBES = 3
FINISH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one feed's peers may do."""

    max_connections: int = 64
    max_connections_per_peer: int = 8
    max_line_bytes: int = MAX_LINE_BYTES
    idle_without_line_end_seconds: float = 60.0


class Occurrences:
    """Counts a line among the last 10,000 of its connection: identical lines are different events."""

    def __init__(self, remembered: int = REMEMBERED_LINES) -> None:
        self._remembered = remembered
        self._order: deque[bytes] = deque()
        self._counts: dict[bytes, int] = {}
        self._present: dict[bytes, int] = {}

    def count(self, line: bytes) -> int:
        """The nth occurrence of `line`, from 1; it goes on counting while one of them is remembered."""
        n = self._counts.get(line, 0) + 1
        self._counts[line] = n
        self._present[line] = self._present.get(line, 0) + 1
        self._order.append(line)
        if len(self._order) > self._remembered:
            old = self._order.popleft()
            left = self._present[old] - 1
            if left:
                self._present[old] = left
            else:
                del self._present[old], self._counts[old]
        return n


@dataclass(slots=True, eq=False)
class Peer:
    """One open connection, as it is shown to people."""

    address: str
    mode: str
    since: float = field(default_factory=time.time)
    lines: int = 0


class FeedSink:
    """Where a feed's connections put their lines: its journal, with what is counted for people."""

    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self.journal = journal
        self.peers: set[Peer] = set()
        self.last_line_at: float | None = None
        self.refused = 0
        self._room = asyncio.Event()
        self._room.set()
        self._loop = loop
        journal.on_durable(self._notice_durable)

    def _notice_durable(self) -> None:
        self._loop.call_soon_threadsafe(self._notice_room)

    def _notice_room(self) -> None:
        if self.journal.is_full or self.journal.error:
            self._room.clear()
        else:
            self._room.set()

    def put(self, peer: Peer, connection: int, occurrences: Occurrences, frames: list[Frame]) -> None:
        received_us = time.time_ns() // 1000
        self.journal.append(
            (received_us, connection, occurrences.count(line), Origin.SOCKET, fault, line) for line, fault in frames
        )
        peer.lines += len(frames)
        self.last_line_at = received_us / 1e6

    async def wait_for_room(self) -> None:
        """Wait, and so stop the peer, while the disk is behind or failing."""
        if self.journal.is_full or self.journal.error:
            self._room.clear()
            await self._room.wait()


async def receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sink: FeedSink, mode: str, limits: Limits
) -> str:
    """Take in one connection until it ends; returns why it did, in a few words."""
    keep_alive(writer)
    name = writer.get_extra_info("peername")
    peer = Peer(f"{name[0]}:{name[1]}" if name else "unknown", mode)
    framer, occurrences, connection = LineFramer(limits.max_line_bytes), Occurrences(), new_id()
    sink.peers.add(peer)
    loop = asyncio.get_running_loop()
    partial_since: float | None = None
    why = "closed by the peer"
    try:
        while True:
            deadline = None if partial_since is None else partial_since + limits.idle_without_line_end_seconds
            try:
                async with asyncio.timeout_at(deadline):
                    data = await reader.read(READ_BYTES)
            except TimeoutError:
                why = f"no line end for {limits.idle_without_line_end_seconds:g} s"
                break
            if not data:
                break
            frames = framer.feed(data)
            if frames:
                sink.put(peer, connection, occurrences, frames)
                await sink.wait_for_room()
            if not framer.pending_bytes:
                partial_since = None
            elif partial_since is None or frames:
                partial_since = loop.time()
    except OSError as error:
        why = error.strerror or str(error)
    finally:
        rest = framer.close()
        if rest:
            sink.put(peer, connection, occurrences, rest)
        sink.peers.discard(peer)
        writer.close()
    return why


def finish(writer: asyncio.StreamWriter) -> None:
    """Take in what the system has received so far, and then end: `receive` reads to an end that comes now."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RD)


def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Let the system probe a silent peer, so that a half-open connection ends within a minute."""
    raw = writer.get_extra_info("socket")
    if raw is None:
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEP_ALIVE_IDLE_SECONDS),
        ("TCP_KEEPINTVL", KEEP_ALIVE_INTERVAL_SECONDS),
        ("TCP_KEEPCNT", KEEP_ALIVE_PROBES),
    ):
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
