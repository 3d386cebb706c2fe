"""Keeping SQLite's log short from a thread of its own, so that no batch of lines waits until it is written back.

SQLite writes its log back into the database within the commit that makes it 32 MB long (`wal_autocheckpoint` in the
settings), which then takes 30 ms and more. Done now and then beside the loading, nearly nothing is left for a commit.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable

from django.db import DatabaseError, connection

from calls.threads import DatabaseThread

EVERY_SECONDS = 0.5
MOST_TURNS = 5
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
            if (now := stored()) - before >= LINES:
                before = now
                with contextlib.suppress(DatabaseError, sqlite3.Error):  # the next one makes up for it
                    await thread.run(write_back)
    finally:
        thread.close()


def write_back() -> None:
    """Move what is committed from the log into the database, and hold up nobody.

    Once all of it is moved the log begins anew. What is committed meanwhile is left, and is little the next time.
    """
    with connection.cursor() as cursor:
        for _ in range(MOST_TURNS):
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            ((_, pages, moved),) = cursor.fetchall()
            if pages < LONG_PAGES or moved == pages:
                break
