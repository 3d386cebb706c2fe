"""What makes a process answer soon, once it has loaded what it needs."""

import ctypes
import gc
import sys
import time
from contextlib import suppress
from itertools import count
from threading import Thread

from smdr_site.logs import import_for_records

TURN_SECONDS = 0.0005
YOUNG_OBJECTS, YOUNG_WALKS = 10_000, 2
SELDOM = 1_000_000_000
TRIM_EVERY_SECONDS, TRIMS_A_WALK = 120.0, 5
M_ARENA_MAX, ARENAS = -8, 2  # of glibc's malloc


def settle() -> None:
    """Make this process one that answers soon: a worker, or one that serves boards.

    What its log needs is imported now, as a first record would hold up lines for it. And threads take turns sooner: a
    line passes through four, a batch waits for the database a few times, and a look of the board some four, each of
    which may cost a turn of another thread; Python's own turn is 5 ms.

    A walk over all objects in search of cycles holds up every thread for 100 ms where calls are kept by the thousand,
    and comes when it likes. What is loaded by now stays, and is not walked again; young objects are looked at by the
    ten thousand, as lines leave next to no cycles; all others every ten minutes.

    SQLite's pages come from the C library's heap, of which each thread would have its own, eight a processor, that each
    keep what they once had: two are enough, and what is free in them is given back every two minutes.
    """
    _of_the_heap("mallopt", M_ARENA_MAX, ARENAS)
    import_for_records()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_WALKS, SELDOM)
    Thread(target=_collect_now_and_then, name="collector", daemon=True).start()
    sys.setswitchinterval(TURN_SECONDS)


def _collect_now_and_then() -> None:
    for trims in count(1):
        time.sleep(TRIM_EVERY_SECONDS)
        if trims % TRIMS_A_WALK == 0:
            gc.collect()
        _of_the_heap("malloc_trim", 0)


def _of_the_heap(name: str, *arguments: int) -> None:
    """Call glibc; other C libraries have no such function."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None)[name](*arguments)
