"""Work in another thread while this one goes on: of use where the work lets go of Python's lock. Pure Python."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Do `work` while the block runs. It is over when the block is; what it raised is then raised here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=run, name="beside")
    try:
        thread.start()
    except RuntimeError:  # there can be no more threads
        work()
        yield
        return
    try:
        yield
    finally:
        join(thread)
    if failed:
        raise failed[0]


def join(thread: Thread) -> None:
    """Wait for a thread that must not outlive its purpose, even if the wait is interrupted."""
    try:
        thread.join()
    except BaseException:
        thread.join()
        raise
