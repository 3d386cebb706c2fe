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
            if abs((now := stored()) - before) >= LINES:  # it falls when a feed is switched off
                before = now
                with contextlib.suppress(DatabaseError, sqlite3.Error):  # the next one makes up for it
                    await thread.run(write_back)
    finally:
        thread.close()


def write_back() -> None:
    """Move what is committed from the log into the database, and hold up nobody.

    The log begins anew if all of it is moved by the time of the next commit. Each turn has less to do than the one
    before, until one finds that nothing was committed meanwhile.
    """
    before = -1
    with connection.cursor() as cursor:
        for _ in range(MOST_TURNS):
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            ((_, pages, moved),) = cursor.fetchall()
            if pages < LONG_PAGES or moved == pages == before:
                break
            before = pages
