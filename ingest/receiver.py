"""What Push and Local share: one connection's bytes into lines, counted and journaled. Nothing is ever sent."""

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.framing import MAX_LINE_BYTES, Frame, LineFramer
from ingest.journal import Journal, new_id
from ingest.segments import Origin

logger = logging.getLogger(__name__)

READ_BYTES = 16 * 1024
GATHER_SECONDS = 0.004  # of a peer that sends faster than that
ODD_READ_BYTES = 2 * 1024  # of a connection that has said nothing sound yet, or something odd last
BUFFER_BYTES = 16 * 1024  # a connection that is not read is paused when twice that waits
REMEMBERED_LINES = 10_000
SHORTEST_EVENT_BYTES = 149
LONGEST_WAIT_SECONDS = 60.0
LONGEST_EVENT_BYTES = 162 + 3 * 36  # the elements that are text, in UTF-8's longest characters
KEEP_ALIVE_IDLE_SECONDS = 30
KEEP_ALIVE_INTERVAL_SECONDS = 10
KEEP_ALIVE_PROBES = 3
FINISH_SECONDS = 10.0
STEP_BACK_US = 60_000_000  # a clock set back by less is waited for: within a second, receipt is the order of events


@dataclass(frozen=True, slots=True)
class Limits:
    """What one feed's peers may do."""

    max_connections: int = 64
    max_connections_per_peer: int = 8
    max_line_bytes: int = MAX_LINE_BYTES
    unended_line_seconds: float = 60.0
    odd_lines_per_second: float = 500.0
    silent_gives_way_seconds: float = 10.0  # a connection may be half open, and its peer come again
    log_lines_per_minute: float = 30.0


class Occurrences:
    """Counts a line among the last 10,000 of its connection: identical lines are different events.

    It remembers 64 bits of a line, keyed anew in each process, and not the line: under 1.5 MB whatever is sent. Two
    lines that share them would be counted as one, once in some 10¹¹ windows of 10,000 lines.
    """

    def __init__(self, remembered: int = REMEMBERED_LINES) -> None:
        self._remembered = remembered
        self._order: deque[int] = deque()
        self._counts: dict[int, int] = {}
        self._repeated: dict[int, int] = {}  # how often those are remembered that are so more than once

    def count(self, line: bytes) -> int:
        """The nth occurrence of `line`, from 1; it goes on counting while one of them is remembered."""
        key = hash(line)
        n = self._counts.get(key, 0) + 1
        self._counts[key] = n
        if n > 1:
            self._repeated[key] = self._repeated.get(key, 1) + 1
        self._order.append(key)
        if len(self._order) > self._remembered:
            old = self._order.popleft()
            present = self._repeated.get(old, 1)
            if present > 2:
                self._repeated[old] = present - 1
            elif present == 2:
                del self._repeated[old]
            else:
                del self._counts[old]
        return n


class Pace:
    """How long each address that sends odd lines is to wait, so that together they send so many a second.

    By address, not by connection, so that coming again does not help; a second's worth goes unhindered.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}  # of those that owe

    def owed(self, address: str, lines: int, lines_per_second: float) -> float:
        """Seconds to wait before more is read from `address`, after so many odd lines more; at most a minute."""
        now = self._clock()
        if lines and address not in self._free_at:
            self._free_at = {other: at for other, at in self._free_at.items() if at > now}
        owing = len(self._free_at.keys() | {address})
        free_at = max(self._free_at.get(address, now), now) + lines * owing / lines_per_second
        if lines:
            self._free_at[address] = min(free_at, now + LONGEST_WAIT_SECONDS)
        return min(max(free_at - now - 1, 0), LONGEST_WAIT_SECONDS)

    async def wait(self, address: str, lines: int, lines_per_second: float) -> None:
        """Wait until so many odd lines more may be taken in from `address`."""
        # others of the same address may have been served first, so it is asked again
        while lines and (wait := self.owed(address, 0, lines_per_second)):  # noqa: ASYNC110
            await asyncio.sleep(wait)
        self.owed(address, lines, lines_per_second)


@dataclass(slots=True, eq=False)
class Peer:
    """One open connection, as it is shown to people."""

    address: str  # with the port
    mode: str
    since: float = field(default_factory=time.time)
    lines: int = 0
    heard_at: float = field(default_factory=time.monotonic)  # when something last came
    is_ending: bool = False


def peer_of(writer: asyncio.StreamWriter, mode: str) -> Peer:
    name = writer.get_extra_info("peername")
    return Peer(f"{name[0]}:{name[1]}" if name else "unknown", mode)


class FeedSink:
    """Where a feed's connections put their lines: its journal, with what is counted for people."""

    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self.journal = journal
        self.pace = Pace(time.monotonic)
        self.peers: set[Peer] = set()
        self.last_line_at: float | None = None
        self.refused = 0
        self._received_us = 0
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
        if 0 < self._received_us - received_us < STEP_BACK_US:
            received_us = self._received_us
        self._received_us = received_us
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


def is_odd(frame: Frame) -> bool:
    """Whether a frame cannot be an event for its length alone. A flood of those must not delay what can be one."""
    return bool(frame[1]) or not SHORTEST_EVENT_BYTES <= len(frame[0]) <= LONGEST_EVENT_BYTES


class Waste:
    """What a connection sends and no frame shows: blank lines, and bytes cut off. Reading it takes time from others."""

    def __init__(self, framer: LineFramer) -> None:
        self._framer = framer
        self._blank_lines = self._discarded_bytes = 0

    def since(self, frames: int) -> int:
        """In lines, since the last call, which gave so many frames; one blank line a frame is some peers' way."""
        framer = self._framer
        blank, self._blank_lines = framer.blank_lines - self._blank_lines, framer.blank_lines
        cut, self._discarded_bytes = framer.discarded_bytes - self._discarded_bytes, framer.discarded_bytes
        return max(blank - frames - 1, 0) + cut // SHORTEST_EVENT_BYTES


async def receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sink: FeedSink, peer: Peer, limits: Limits
) -> str:
    """Take in one connection until it ends; returns why it did, in a few words."""
    keep_alive(writer)
    name = writer.get_extra_info("peername")
    framer, occurrences, connection = LineFramer(limits.max_line_bytes), Occurrences(), new_id()
    waste = Waste(framer)
    address = name[0] if name else ""
    sink.peers.add(peer)
    loop = asyncio.get_running_loop()
    partial_since: float | None = None
    why = "closed by the peer"
    waiting: list[Frame] = []
    size = ODD_READ_BYTES
    gathering = Gathering(writer.transport, peer)
    try:
        while True:
            deadline = None if partial_since is None else partial_since + limits.unended_line_seconds
            try:
                async with asyncio.timeout_at(deadline):
                    data = await reader.read(asked := size)
            except TimeoutError:
                why = f"no line end for {limits.unended_line_seconds:g} s"
                break
            if not data:
                break
            peer.heard_at = time.monotonic()
            frames = waiting = framer.feed(data)
            odd = sum(map(is_odd, frames)) + waste.since(len(frames))
            if frames or odd:
                size = ODD_READ_BYTES if odd else READ_BYTES
                await sink.pace.wait(address, odd, limits.odd_lines_per_second)
                waiting = []
            if frames:
                sink.put(peer, connection, occurrences, frames)
                await sink.wait_for_room()
                await gathering.pause(more_waits=len(data) == asked)
            if not framer.is_mid_line:
                partial_since = None
            elif partial_since is None or frames:
                partial_since = loop.time()
    except OSError as error:
        why = error.strerror or str(error)
    finally:
        rest = waiting + framer.close()
        if rest:
            sink.put(peer, connection, occurrences, rest)
        sink.peers.discard(peer)
        writer.close()
    return why


class Gathering:
    """Lets what a busy peer sends gather in the system for a moment: one read of ten lines costs as much as of one."""

    def __init__(self, transport: asyncio.BaseTransport, peer: Peer) -> None:
        self._transport = transport
        self._peer = peer
        self._at = 0.0  # when the last read was over

    async def pause(self, *, more_waits: bool) -> None:
        """After each read; it waits only if that came soon after the one before and left nothing.

        Of a peer that is to end all is taken in at once: the end comes when nothing is left to be read.
        """
        is_busy = time.monotonic() - self._at < GATHER_SECONDS and not (more_waits or self._peer.is_ending)
        transport = self._transport
        if is_busy and isinstance(transport, asyncio.ReadTransport) and transport.is_reading():
            transport.pause_reading()
            try:
                await asyncio.sleep(GATHER_SECONDS)
            finally:
                transport.resume_reading()
        self._at = time.monotonic()


def finish(writer: asyncio.StreamWriter, peer: Peer) -> None:
    """Take in what the system has received so far, and then end: `receive` reads to an end that comes now."""
    peer.is_ending = True
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
