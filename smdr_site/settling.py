"""What makes a process answer soon, once it has loaded what it needs."""

import gc
import sys

TURN_SECONDS = 0.0005


def settle() -> None:
    """Make this process one that answers soon: a worker, or one that serves boards.

    What is loaded by now stays: walking it again for cycles would hold up every line for 70 ms at a time. And threads
    take turns sooner: a line passes through four, a batch waits for the database a dozen times, and a look of the
    board some four, each of which may cost a turn of another thread; Python's own turn is 5 ms.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(TURN_SECONDS)
