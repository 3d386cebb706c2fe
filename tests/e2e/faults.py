"""Runs a management command that kills itself at a named step: `python -m tests.e2e.faults STEP TIMES VITALS COMMAND…`.

TIMES is how often the step is passed before; STEP `none` leaves the killing to others. VITALS is a file that at any
moment holds the longest fsync, and the longest delays of the event loop and of a thread together, so far, in seconds,
as two doubles: on a busy machine a line waits for those before it comes to the disk.
The product has no test mode: what it does is wrapped from here.
"""

import asyncio
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

STEPS = ("appended", "synced", "in_transaction", "committing", "committed", "rotating")
VITALS = struct.Struct("<dd")
SEGMENT_BYTES = 64 * 1024  # so that segments are changed often
BEAT_SECONDS = 0.005


class Killer:
    def __init__(self, step: str, times: int) -> None:
        self.step, self.left = step, times

    def pass_by(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Vitals:
    def __init__(self, path: Path) -> None:
        path.write_bytes(VITALS.pack(0, 0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), VITALS.size)
        self._fsync = self._loop = self._thread = 0.0

    def note(self, *, fsync: float = 0.0, loop: float = 0.0, thread: float = 0.0) -> None:
        self._fsync = max(self._fsync, fsync)
        self._loop, self._thread = max(self._loop, loop), max(self._thread, thread)
        VITALS.pack_into(self._memory, 0, self._fsync, self._loop + self._thread)


def read_vitals(path: Path) -> tuple[float, float]:
    """Longest fsync and longest delays, in seconds; none of a process that did not come so far."""
    data = path.read_bytes() if path.exists() else b""
    fsync, lag = VITALS.unpack(data) if len(data) == VITALS.size else (0.0, 0.0)
    return fsync, lag


def arm(killer: Killer, vitals: Vitals) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    import ingest.journal as journal_module
    from calls.feed_transaction import FeedTransaction
    from calls.store import CallStore
    from ingest.disk import Disk
    from ingest.journal import Journal
    from ingest.loader import Loader
    from ingest.worker import Worker

    Journal.create.__func__.__kwdefaults__["segment_bytes"] = SEGMENT_BYTES  # type: ignore[attr-defined]
    sync, sync_directory = Disk.sync, journal_module.sync_directory
    count, transaction, run = FeedTransaction._count, CallStore.transaction, Worker.run
    read_ahead, commit = Loader._read_ahead, BaseDatabaseWrapper._commit

    def timed_sync(self: Disk, descriptor: int) -> None:
        killer.pass_by("appended")
        began = time.monotonic()
        sync(self, descriptor)
        vitals.note(fsync=time.monotonic() - began)
        killer.pass_by("synced")

    def killing_sync_directory(directory: Path) -> None:
        killer.pass_by("rotating")
        sync_directory(directory)

    def killing_count(self: FeedTransaction) -> None:
        count(self)  # the last that is written before the commit
        killer.pass_by("in_transaction")

    def killing_read_ahead(self: Loader, sequence: int) -> None:
        killer.pass_by("committing")  # Postgres has been told to commit, and has not answered
        read_ahead(self, sequence)

    def killing_commit(self: BaseDatabaseWrapper) -> Any:
        if self.vendor == "sqlite":
            killer.pass_by("committing")
        return commit(self)

    @contextmanager
    def killing_transaction(self: CallStore, *arguments: Any) -> Iterator[FeedTransaction]:
        with transaction(self, *arguments) as work:
            yield work
        killer.pass_by("committed")

    async def beating_run(self: Worker) -> None:
        beat = asyncio.create_task(watch_the_loop(vitals))
        try:
            await run(self)
        finally:
            beat.cancel()

    replace: list[tuple[Any, str, Callable[..., Any]]] = [
        (Disk, "sync", timed_sync),
        (journal_module, "sync_directory", killing_sync_directory),
        (FeedTransaction, "_count", killing_count),
        (Loader, "_read_ahead", killing_read_ahead),
        (BaseDatabaseWrapper, "_commit", killing_commit),
        (CallStore, "transaction", killing_transaction),
        (Worker, "run", beating_run),
    ]
    for owner, name, wrapped in replace:
        setattr(owner, name, wrapped)


async def watch_the_loop(vitals: Vitals) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)
        vitals.note(loop=time.monotonic() - began - BEAT_SECONDS)


def watch_threads(vitals: Vitals) -> None:
    while True:
        began = time.monotonic()
        time.sleep(BEAT_SECONDS)
        vitals.note(thread=time.monotonic() - began - BEAT_SECONDS)


def main() -> None:
    step, times, vitals, *command = sys.argv[1:]
    import django

    django.setup()
    noted = Vitals(Path(vitals))
    arm(Killer(step, int(times)), noted)
    Thread(target=watch_threads, args=(noted,), daemon=True).start()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main()
