"""Push and Local over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ingest.simulator import Office
from ingest.simulator.pacing import REAL_TIME
from ingest.simulator.performance import to_outlets
from ingest.simulator.transport import Local, Push

HOST = "127.0.0.1"
PATIENCE_S = 20


class Receiver:
    """A listener, as Tollbook's Push mode is; each connection's bytes are kept."""

    def __init__(self) -> None:
        self.received: list[bytearray] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.changed = asyncio.Condition()
        self.server: asyncio.Server | None = None

    async def listen(self, port: int = 0) -> int:
        self.server = await asyncio.start_server(self._serve, HOST, port)
        return int(self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        self.received.append(kept)
        self.writers.append(writer)
        while data := await reader.read(65536):
            kept += data
            async with self.changed:
                self.changed.notify_all()
        writer.close()

    async def has(self, connection: int, ending: bytes) -> bytes:
        """The bytes of a connection, once they end so."""
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(
                lambda: len(self.received) > connection and self.received[connection].endswith(ending)
            )
        return bytes(self.received[connection])

    async def close(self) -> None:
        if self.server:
            self.server.close()
        for writer in self.writers:
            writer.close()


class Said:
    """What an outlet tells its user."""

    def __init__(self) -> None:
        self._texts: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, text: str) -> None:
        self._texts.put_nowait(text)

    async def wait_for(self, beginning: str) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while not (text := await self._texts.get()).startswith(beginning):
                pass
        return text


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    yield receiver
    await receiver.close()


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"line %d\r\n" % n for n in range(first, last + 1))


async def test_push_and_local_send_the_same_lines(receiver: Receiver) -> None:
    said = Said()
    push = Push(HOST, await receiver.listen(), tell=said)
    local = Local(HOST, 0, tell=said)
    office = Office(seed=4, tempo=100)
    played: list[bytes] = []

    def play(start: datetime):
        for at, line in office.play(start=start, calls=200):
            played.append(line)
            yield at, line

    performance = asyncio.create_task(to_outlets(office, play, [local, push], REAL_TIME, 20_000))
    await said.wait_for("Listening")
    reader, writer = await asyncio.open_connection(HOST, local.port)
    async with asyncio.timeout(PATIENCE_S):
        by_local = await reader.read(-1)
        await performance
    writer.close()
    assert by_local == b"".join(played)
    assert await receiver.has(0, played[-1]) == by_local


async def test_it_plays_only_once_somebody_listens() -> None:
    said = Said()
    local = Local(HOST, 0, tell=said)
    office = Office(seed=4)
    started: list[datetime] = []

    def play(start: datetime):
        started.append(start)
        return office.play(start=start, calls=3)

    performance = asyncio.create_task(to_outlets(office, play, [local], REAL_TIME, 1000))
    await said.wait_for("Listening")
    assert not started
    before = datetime.now(UTC)
    reader, writer = await asyncio.open_connection(HOST, local.port)
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read(-1)
        await performance
    writer.close()
    assert started[0] >= before


@pytest.mark.parametrize(("resend", "expected"), [(0, numbered(7, 8)), (4, numbered(3, 8))])
async def test_push_connects_again(receiver: Receiver, resend: int, expected: bytes) -> None:
    said = Said()
    push = Push(HOST, await receiver.listen(), tell=said, resend=resend)
    await push.open()
    await push.someone_listens()
    push.send(numbered(1, 4))
    await receiver.has(0, b"line 4\r\n")
    receiver.writers[0].close()
    await said.wait_for("Lost")
    push.send(numbered(5, 6))
    await said.wait_for("Connected")
    push.send(numbered(7, 8))
    assert await receiver.has(1, b"line 8\r\n") == expected
    assert receiver.received[0] == numbered(1, 4)
    await push.close()


async def test_push_waits_for_a_receiver_that_starts_later(receiver: Receiver) -> None:
    said = Said()
    port = await receiver.listen()
    await receiver.close()
    push = Push(HOST, port, tell=said)
    await push.open()
    assert "connection refused" in await said.wait_for("Nobody")
    await receiver.listen(port)
    async with asyncio.timeout(PATIENCE_S):
        await push.someone_listens()
    push.send(numbered(1, 1))
    assert await receiver.has(0, b"\r\n") == numbered(1, 1)
    await push.close()


async def test_a_client_that_leaves_disturbs_no_other() -> None:
    said = Said()
    local = Local(HOST, 0, tell=said)
    await local.open()
    staying, staying_writer = await asyncio.open_connection(HOST, local.port)
    _, leaving_writer = await asyncio.open_connection(HOST, local.port)
    await local.someone_listens()
    leaving_writer.transport.abort()
    for n in range(1, 51):
        local.send(numbered(n, n))
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        assert await staying.readexactly(len(numbered(1, 50))) == numbered(1, 50)
    staying_writer.close()
    await local.close()


async def test_what_waits_is_sent_before_the_end(receiver: Receiver) -> None:
    push = Push(HOST, await receiver.listen(), tell=Said())
    await push.open()
    await push.someone_listens()
    push.send(numbered(1, 100_000))
    await push.close()
    assert await receiver.has(0, b"line 100000\r\n") == numbered(1, 100_000)
