"""What makes a process answer soon, once it has loaded what it needs."""

import gc
import sys

from smdr_site.logs import import_for_records

TURN_SECONDS = 0.0005


def settle() -> None:
    """Make this process one that answers soon: a worker, or one that serves boards.

    What its log needs is imported now, as a first record would hold up lines for it.
    What is loaded by now stays: walking it again for cycles would hold up every line for 70 ms at a time. And threads
    take turns sooner: a line passes through four, a batch waits for the database a dozen times, and a look of the
    board some four, each of which may cost a turn of another thread; Python's own turn is 5 ms.
    """
    import_for_records()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(TURN_SECONDS)
