"""What makes a process answer soon, once it has loaded what it needs."""

import gc
import sys
import time
from threading import Thread

from smdr_site.logs import import_for_records

TURN_SECONDS = 0.0005
YOUNG_OBJECTS, YOUNG_WALKS = 10_000, 2
SELDOM = 1_000_000_000
WHOLE_EVERY_SECONDS = 600.0


def settle() -> None:
    """Make this process one that answers soon: a worker, or one that serves boards.

    What its log needs is imported now, as a first record would hold up lines for it. And threads take turns sooner: a
    line passes through four, a batch waits for the database a few times, and a look of the board some four, each of
    which may cost a turn of another thread; Python's own turn is 5 ms.

    A walk over all objects in search of cycles holds up every thread for 100 ms where calls are kept by the thousand,
    and comes when it likes. What is loaded by now stays, and is not walked again; young objects are looked at by the
    ten thousand, as lines leave next to no cycles; all others every ten minutes.
    """
    import_for_records()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_WALKS, SELDOM)
    Thread(target=_collect_now_and_then, name="collector", daemon=True).start()
    sys.setswitchinterval(TURN_SECONDS)


def _collect_now_and_then() -> None:
    while True:
        time.sleep(WHOLE_EVERY_SECONDS)
        gc.collect()
