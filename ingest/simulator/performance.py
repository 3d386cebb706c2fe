"""One performance of an office: its lines into sockets and a file, its account into another, until stopped."""

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from types import FrameType
from typing import Any, BinaryIO, TextIO

from ingest.simulator.office import Office
from ingest.simulator.pacing import Layout
from ingest.simulator.transport import Outlet

TICK_S = 0.01
LINES_AT_ONCE = 1000

TimedLines = Iterator[tuple[int, bytes]]


class AccountBook:
    """One JSON object a call, in the order in which calls end; those still going on come last."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    @property
    def write(self) -> Callable[[dict[str, Any]], None] | None:
        return self._write if self._file else None

    def close(self, office: Office) -> None:
        if self._file:
            for account in office.accounts_in_progress():
                self._write(account)

    def _write(self, account: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(account, ensure_ascii=False) + "\n")


class FileOutlet:
    """A file among the outlets: somebody always listens."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def open(self) -> None:
        pass

    async def someone_listens(self) -> None:
        pass

    def send(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()

    async def close(self) -> None:
        pass


def to_file(office: Office, lines: TimedLines, file: BinaryIO) -> None:
    """Every line as fast as it goes. SIGTERM and SIGINT end it between two lines."""
    with _stopping() as stopped:
        while not stopped() and (batch := [line for _, line in islice(lines, LINES_AT_ONCE)]):
            file.write(b"".join(batch))
    file.write(office.rest())
    file.flush()


async def to_outlets(
    office: Office,
    play: Callable[[datetime], TimedLines],
    outlets: Sequence[Outlet],
    layout: Layout,
    rate: float | None,
) -> None:
    """Waits until somebody listens at every outlet, then plays. SIGTERM and SIGINT end it between two lines."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        for outlet in outlets:
            await outlet.open()
        audience = asyncio.gather(*(outlet.someone_listens() for outlet in outlets))
        await _first_of(stop, audience)
        if not stop.is_set():
            lines = play(layout.start(datetime.now(UTC)))
            if rate is None:
                await _in_real_time(lines, outlets, stop)
            else:
                await _at_rate(lines, outlets, stop, rate)
            _send(outlets, office.rest())
    finally:
        await asyncio.gather(*(outlet.close() for outlet in outlets))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _in_real_time(lines: TimedLines, outlets: Sequence[Outlet], stop: asyncio.Event) -> None:
    """Each line within the second of its stamp. One taken and not yet due at the end is sent all the same."""
    for at, line in lines:
        if (early := at - time.time()) > 0:
            await _pause(stop, early)
        _send(outlets, line)
        if stop.is_set():
            return


async def _at_rate(lines: TimedLines, outlets: Sequence[Outlet], stop: asyncio.Event, rate: float) -> None:
    """Open loop: the pace never depends on who reads. A delay is caught up with."""
    began = time.monotonic()
    sent = 0
    while not stop.is_set():
        due = min(int((time.monotonic() - began) * rate) + 1 - sent, LINES_AT_ONCE)
        batch = [line for _, line in islice(lines, due)]
        if batch:
            _send(outlets, b"".join(batch))
            sent += len(batch)
        if len(batch) < due:
            return
        await _pause(stop, max(TICK_S, (sent + 1) / rate - (time.monotonic() - began)) if due < LINES_AT_ONCE else 0)


def _send(outlets: Sequence[Outlet], lines: bytes) -> None:
    for outlet in outlets:
        outlet.send(lines)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _first_of(stop: asyncio.Event, audience: "asyncio.Future[Any]") -> None:
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((stopped, audience), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not audience.done():
        audience.cancel()
    await asyncio.gather(stopped, audience, return_exceptions=True)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
