"""Peers that mean harm or know no better, over real sockets: what is good arrives whole and in order all the same."""

import asyncio
import ipaddress
import logging
import resource
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine

from ingest import receiver
from ingest.framing import Fault
from ingest.journal import Journal
from ingest.peer_log import PeerLog
from ingest.push import PushListener
from ingest.receiver import FeedSink, Limits, Occurrences, Pace, Peer
from ingest.segments import Received
from tests.ingest.lines import smdr_line

PATIENCE_SECONDS = 60
GOOD_ADDRESS = "127.0.0.2"  # the whole of 127.0.0.0/8 is this machine, so one host can play two
FEW = Limits(unended_line_seconds=0.3)
MANY = Limits(max_connections=1_100, max_connections_per_peer=1_050, odd_lines_per_second=1e6)


@dataclass
class Feed:
    journal: Journal
    sink: FeedSink
    listener: PushListener

    @property
    def port(self) -> int:
        return self.listener.port

    def received(self) -> list[Received]:
        records = self.journal.read(1, 1_000_000)
        return [record for record in records if isinstance(record, Received)]

    def lines(self) -> list[bytes]:
        return [record.line for record in self.received()]

    async def connect(self, address: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))


@asynccontextmanager
async def listening(directory: Path, limits: Limits, allowed: str = "") -> AsyncIterator[Feed]:
    journal = Journal.create(directory, 1)
    journal.start()
    sink = FeedSink(journal, asyncio.get_running_loop())
    networks = (ipaddress.ip_network(allowed),) if allowed else ()
    listener = PushListener("127.0.0.1", 0, networks, sink, limits)
    await listener.start()
    try:
        yield Feed(journal, sink, listener)
    finally:
        await listener.stop()
        await asyncio.to_thread(journal.close)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is in a journal, which rings no bell here
            await asyncio.sleep(0.01)


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the other side has closed or reset the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass


def good_lines(count: int) -> list[bytes]:
    return [smdr_line(account_code=f"{number}", event="CALLMODIFIED") for number in range(count)]


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.fail(f"this test opens 2,000 sockets, and only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_one_byte_a_segment(tmp_path):
    lines = [
        smdr_line(contact_name="a | b"),
        smdr_line(contact_name="Zoë"),
        smdr_line(contact_name="x\u2028", encoding="utf-8"),
    ]
    async with listening(tmp_path, FEW) as feed:
        _, writer = await feed.connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\r\n".join([*lines, b""]):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await until(lambda: len(feed.lines()) == 3)
        assert feed.lines() == lines
        assert all(not record.fault for record in feed.received())
        writer.close()


async def test_not_on_the_allow_list(tmp_path):
    async with listening(tmp_path, FEW, allowed="127.0.0.2/32") as feed:
        reader, writer = await feed.connect("127.0.0.3")
        writer.write(smdr_line() + b"\r\n")
        await ended(reader)
        _, good = await feed.connect(GOOD_ADDRESS)
        good.write(smdr_line(account_code="7") + b"\r\n")
        await until(lambda: bool(feed.lines()))
        assert feed.lines() == [smdr_line(account_code="7")]
        assert feed.sink.refused == 1
        writer.close()
        good.close()


async def test_slow_loris_is_let_go_and_a_quiet_peer_is_not(tmp_path):
    async with listening(tmp_path, FEW) as feed:
        _, quiet = await feed.connect(GOOD_ADDRESS)
        quiet.write(smdr_line(account_code="1") + b"\r\n")
        slow_reader, slow = await feed.connect()
        endless_reader, endless = await feed.connect()
        slow.write(b"2012")
        endless.write(b"x" * 5_000)  # over the longest line: only its end is awaited, and that too not for ever
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (slow_reader.at_eof() and endless_reader.at_eof()):
                for writer in (slow, endless):
                    writer.write(b"0")
                await asyncio.sleep(0.05)
        quiet.write(smdr_line(account_code="2") + b"\r\n")
        await until(lambda: len(feed.received()) == 4)
        found = {record.fault: record.line for record in feed.received() if record.fault}
        assert found[Fault.UNTERMINATED].startswith(b"2012")
        assert found[Fault.OVERLONG] == b"x" * 4_096
        assert [line[135:147] for line in feed.lines() if len(line) == 162] == [b"000000000001", b"000000000002"]
        for writer in (quiet, slow, endless):
            writer.close()


async def test_a_thousand_connections_of_one_peer_leave_room_for_a_good_one(tmp_path, many_files):
    lines = good_lines(500)
    async with listening(tmp_path, Limits(max_connections_per_peer=8)) as feed:
        hostile = [await feed.connect() for _ in range(500)]
        _, good = await feed.connect(GOOD_ADDRESS)
        for place, line in enumerate(lines):
            good.write(line + b"\r\n")
            hostile.append(await feed.connect())
            if place % 50 == 0:
                await good.drain()
        await until(lambda: len(feed.lines()) == 500)
        assert feed.lines() == lines
        await until(lambda: feed.sink.refused == 992)
        assert len(feed.sink.peers) == 9
        for _, writer in [*hostile, (None, good)]:
            writer.close()


async def test_a_silent_connection_gives_way_to_its_peer_come_again(tmp_path):
    lines = good_lines(3)
    async with listening(tmp_path, Limits(max_connections_per_peer=2, silent_gives_way_seconds=0)) as feed:
        silent, half_open = await feed.connect()
        half_open.write(lines[0] + b"\r\n")
        await until(lambda: len(feed.lines()) == 1)
        _, talking = await feed.connect()
        talking.write(lines[1] + b"\r\n")
        await until(lambda: len(feed.lines()) == 2)
        _, again = await feed.connect()
        again.write(lines[2] + b"\r\n")
        await ended(silent)
        await until(lambda: feed.lines() == lines)
        assert feed.sink.refused == 0
        assert len(feed.sink.peers) == 2
        for writer in (half_open, talking, again):
            writer.close()


async def test_a_thousand_hostile_connections_hold_bounded_memory(tmp_path, many_files):
    lines = good_lines(1_000)
    async with listening(tmp_path, MANY) as feed:
        tracemalloc.start()
        hostile = [await feed.connect() for _ in range(1_000)]
        for number, (_, writer) in enumerate(hostile):
            writer.write(b"".join(b"%d %d\n" % (number, count) for count in range(20)) + b"y" * 4_000)
        _, good = await feed.connect(GOOD_ADDRESS)
        good.write(b"\r\n".join([*lines, b""]))
        await until(lambda: len(feed.sink.peers) == 1_001 and feed.journal.durable_sequence >= 21_000)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert [line for line in feed.lines() if len(line) == 162] == lines
        # both ends of 1,001 connections are in this process: 4 kB of an unended line each, and what a connection costs
        assert held < 1_001 * 60_000
        for _, writer in [*hostile, (None, good)]:
            writer.transport.abort()


async def test_a_flood_of_odd_lines_is_slowed_and_a_good_peer_arrives_first(tmp_path):
    """The good lines are sent last and are all there before a hundredth of the flood is."""
    lines = good_lines(2_000)
    async with listening(tmp_path, Limits(odd_lines_per_second=100)) as feed:
        hostile = [await feed.connect() for _ in range(8)]
        for _, writer in hostile:
            writer.write(b"garbage\n" * 200_000)
        await until(lambda: bool(feed.lines()))
        _, good = await feed.connect(GOOD_ADDRESS)
        good.write(b"\r\n".join([*lines, b""]))
        await until(lambda: sum(len(line) == 162 for line in feed.lines()) == 2_000)
        found = feed.lines()
        assert [line for line in found if len(line) == 162] == lines
        assert len(found) - 2_000 < 1_600_000 / 10
        for _, writer in [*hostile, (None, good)]:
            writer.transport.abort()


@pytest.mark.parametrize("flood", [b"\n", b"\r\n", b"x"])
async def test_a_flood_that_makes_no_line_is_slowed_as_well(tmp_path, flood):
    async with listening(tmp_path, Limits(odd_lines_per_second=100)) as feed:
        _, hostile = await feed.connect()
        hostile.write(flood * (1 << 20))
        await until(lambda: feed.sink.pace.owed("127.0.0.1", 0, 100) > 0)
        hostile.transport.abort()


async def test_blank_lines_between_good_ones_are_free(tmp_path):
    lines = good_lines(1_000)
    async with listening(tmp_path, Limits(odd_lines_per_second=1)) as feed:
        _, writer = await feed.connect()
        writer.write(b"\r\n\r\n".join([*lines, b""]))
        await until(lambda: len(feed.lines()) == 1_000)
        assert feed.sink.pace.owed("127.0.0.1", 0, 1) == 0
        writer.transport.abort()


async def test_a_peer_that_comes_and_goes_loses_no_line_and_fills_no_log(tmp_path, caplog):
    caplog.set_level(logging.INFO, "ingest.push")
    lines = good_lines(60)
    async with listening(tmp_path, Limits(log_lines_per_minute=5)) as feed:
        for place, line in enumerate(lines):
            _, writer = await feed.connect()
            writer.write(line + b"\r\n")
            if place % 2:  # every other time it resets the connection after a line was taken
                await until(lambda place=place: len(feed.lines()) == place + 1)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            await until(lambda place=place: len(feed.lines()) == place + 1 and not feed.sink.peers)
        assert feed.lines() == lines
        assert len({record.connection for record in feed.received()}) == 60
    assert 1 <= len(caplog.records) <= 6


def test_what_is_left_out_of_the_log_is_counted(caplog):
    caplog.set_level(logging.INFO, "peers")
    now = [0.0]
    log = PeerLog(logging.getLogger("peers"), 2, clock=lambda: now[0])
    for _ in range(10):
        log.tell(logging.INFO, "gone", peer="192.0.2.7")
    now[0] = 30.0  # half a minute: one more line
    log.tell(logging.INFO, "gone", peer="192.0.2.7")
    assert [getattr(record, "lines_left_out", 0) for record in caplog.records] == [0, 0, 8]


def test_a_seconds_worth_of_odd_lines_is_free_and_more_is_waited_for():
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    assert pace.owed("192.0.2.7", 100, 100) == 0
    assert pace.owed("192.0.2.7", 50, 100) == pytest.approx(0.5)
    assert pace.owed("192.0.2.7", 0, 100) == pytest.approx(0.5)  # coming again does not help
    now[0] = 10.0
    assert pace.owed("192.0.2.7", 100, 100) == 0
    assert pace.owed("192.0.2.7", 1_000_000, 100) == 60


def test_addresses_share_the_odd_lines_of_a_feed_and_a_damaged_line_of_a_good_one_is_free():
    pace = Pace(clock=lambda: 0.0)
    for number in range(10):
        pace.owed(f"192.0.2.{number}", 100, 100)
    assert pace.owed("192.0.2.0", 100, 100) == pytest.approx(10)  # 1 s, and 10 at a tenth of the rate
    assert pace.owed("198.51.100.1", 5, 100) == 0


def test_lines_are_remembered_in_little_memory():
    tracemalloc.start()
    occurrences = Occurrences()
    for number in range(30_000):
        assert occurrences.count(b"%4096d" % number) == 1
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_500_000


def test_occurrences_go_on_counting_while_one_is_remembered():
    occurrences = Occurrences(remembered=3)
    said = [b"a", b"a", b"b", b"a", b"b", b"c", b"d", b"e", b"a", b"a"]
    # remembered before each: -, a, aa, aab, aba, bab, abc → b's second has left a's count at 3 until a itself is gone
    assert [occurrences.count(line) for line in said] == [1, 2, 1, 3, 2, 1, 1, 1, 1, 2]


async def test_a_clock_set_back_a_little_leaves_lines_in_the_order_they_came(tmp_path):
    journal = Journal.create(tmp_path, 1)
    sink = FeedSink(journal, asyncio.get_running_loop())
    peer, occurrences = Peer("192.0.2.7:1", "push"), Occurrences()
    with time_machine.travel(1_000.0, tick=False) as clock:
        for moment in (1_000.0, 998.0, 100.0):
            clock.move_to(moment)
            sink.put(peer, 5, occurrences, [(b"%d" % moment, 0)])
    journal.start()
    assert journal.wait_durable(3, PATIENCE_SECONDS)
    records = [record for record in journal.read(1, 9) if isinstance(record, Received)]
    assert [record.received_us // 1_000_000 for record in records] == [1_000, 1_000, 100]
    journal.close()


async def test_a_peer_that_never_stops_is_still_ended_at_once(tmp_path, monkeypatch):
    """What it sends gathers no longer once the listener is to stop: as long as it does, the end never comes."""
    monkeypatch.setattr(receiver, "GATHER_SECONDS", 1.0)
    async with listening(tmp_path, FEW) as feed:
        _, writer = await feed.connect()
        sent = 0

        async def send() -> None:
            nonlocal sent
            for line in good_lines(20_000):
                writer.write(line + b"\r\n")
                sent += 1
                await asyncio.sleep(0.001)

        sending = asyncio.create_task(send())
        await until(lambda: len(feed.lines()) > 10)
        async with asyncio.timeout(receiver.FINISH_SECONDS / 3):
            await feed.listener.stop()
        sending.cancel()
        assert len(feed.lines()) <= sent
        writer.close()
