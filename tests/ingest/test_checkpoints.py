"""SQLite's log is written back beside the loading, so that it begins anew before a commit has to do it."""

import asyncio
import math
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection, connections

from calls.directory.models import Contact
from calls.store import WRITING
from ingest import checkpoints
from ingest.checkpoints import _move, keep_log_short, write_back

pytestmark = pytest.mark.django_db(transaction=True)


def log_bytes() -> int:
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def times_begun_anew() -> int:
    """Since some time, by the log's own header, whose salt grows by one (https://www.sqlite.org/fileformat2.html#walformat).

    Its counter of checkpoints is each connection's own.
    """
    with Path(f"{connection.settings_dict['NAME']}-wal").open("rb") as log:
        log.seek(16)
        (salt,) = struct.unpack(">I", log.read(4))
    return int(salt)


def write_contacts(first: int, count: int) -> None:
    Contact.objects.bulk_create(
        [Contact(number_e164=f"+4420{first + k:08}", name=f"Contact {first + k}") for k in range(count)]
    )


def test_a_log_that_is_written_back_begins_anew() -> None:
    write_contacts(0, 2_000)
    longest = log_bytes()
    for turn in range(1, 12):
        write_back()
        write_contacts(2_000 * turn, 2_000)
    assert log_bytes() < 3 * longest
    assert Contact.objects.count() == 24_000


@pytest.mark.asyncio
async def test_it_is_written_back_once_many_lines_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", 0)
    stored = [0]
    turns: list[int] = []
    written = asyncio.Event()
    loop = asyncio.get_running_loop()

    def noted() -> None:
        turns.append(stored[0])
        write_back()
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(checkpoints, "write_back", noted)
    task = asyncio.create_task(keep_log_short(lambda: stored[0]))
    await asyncio.sleep(0)
    for count in (checkpoints.LINES, 2 * checkpoints.LINES):
        stored[0] = count - 1
        for _ in range(20):
            await asyncio.sleep(0)
        stored[0] = count
        async with asyncio.timeout(20):
            await written.wait()
        written.clear()
    task.cancel()
    assert turns == [checkpoints.LINES, 2 * checkpoints.LINES]


def test_where_somebody_else_is_at_it_it_is_not_taken_for_short() -> None:
    """Another process holds the lock of whoever writes back (https://www.sqlite.org/walformat.html#locks)."""
    write_contacts(0, 100)
    index = f"{connection.settings_dict['NAME']}-shm"
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX, 1, 121); print(); input()"
    with subprocess.Popen([sys.executable, "-c", hold, index], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline()
        held = _move()
        other.communicate(b"\n")
    assert held == math.inf
    assert 0 < _move() < math.inf


def test_a_log_that_is_written_all_the_time_begins_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is: a writer's turns wait for the last of it."""
    monkeypatch.setattr(checkpoints, "LONG_PAGES", 50)
    ended = threading.Event()
    written = threading.Condition()
    turns = 0

    def write_on() -> None:
        nonlocal turns
        try:
            while not ended.is_set():
                with WRITING:
                    write_contacts(100 * turns, 100)
                with written:
                    turns += 1
                    written.notify()
        finally:
            connections.close_all()

    def wait_for_turns(count: int) -> None:
        with written:
            before = turns
            assert written.wait_for(lambda: turns >= before + count, timeout=60)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        wait_for_turns(10)  # of ten pages and more each
        begun = times_begun_anew()
        for _ in range(8):
            write_back()
            wait_for_turns(10)
        assert (times_begun_anew() - begun) % 2**32 >= 8
    finally:
        ended.set()
        writer.join()
    assert Contact.objects.count() == 100 * turns
