"""Keeping SQLite's log short from a thread of its own, so that no batch of lines waits until it is written back.

SQLite writes its log back into the database within the commit that makes it 32 MB long (`wal_autocheckpoint` in the
settings), which then takes 30 ms and more; and within every further commit until one finds all of it written back. Done
now and then beside the loading, nothing is left for a commit.
"""

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import Callable

from django.db import DatabaseError, connection

from calls.store import WRITING
from calls.threads import DatabaseThread

EVERY_SECONDS = 0.5
TURNS_BESIDE = 2  # the second has little to do
LONG_PAGES = 4_000
LINES = 500  # stored since: fewer are written back by the commits themselves, once in a while


async def keep_log_short(stored: Callable[[], int]) -> None:
    """Until cancelled. `stored` tells how many lines are stored by now. Only SQLite has such a log."""
    if connection.vendor != "sqlite":
        return
    thread = DatabaseThread("checkpoint")
    before = stored()
    try:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if abs((now := stored()) - before) >= LINES:  # it falls when a feed is switched off
                before = now
                with contextlib.suppress(DatabaseError, sqlite3.Error):  # the next one makes up for it
                    await thread.run(write_back)
    finally:
        thread.close()


def write_back() -> None:
    """Move what is committed from the log into the database, nearly all of it while others write.

    The log begins anew at the next commit if all of it is moved by then, and nobody reads an older state. On a busy
    machine there is always a commit during a turn beside them; the last turn is taken between two.
    """
    for _ in range(TURNS_BESIDE):
        if _move() < LONG_PAGES:
            return
    with WRITING:
        _move()


def _move() -> float:
    """Move what nobody is in the way of; returns the log's length in pages, without end where it can't be told."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        ((busy, pages, _),) = cursor.fetchall()  # pages is -1 beside a commit or another checkpoint
    return math.inf if busy else int(pages)
