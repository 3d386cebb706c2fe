"""The thread that loads one feed: adopted journals first, then what its own journal receives."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from calls.directory.models import Feed, FeedState
from calls.store import CallStore
from ingest.journal import Damaged, Journal, JournalLockedError, Origin, journals
from ingest.loader import Loader, close_stale_calls

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
SWEEP_EVERY = timedelta(minutes=1)
CLEAN_EVERY_SECONDS = 60.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
DRAIN_SECONDS = 20.0


class LoadingThread:
    """Loads `journal` until stopped, through every failure of the database.

    `error` says why nothing is being loaded, in one line, or is empty.
    """

    def __init__(self, feed_id: int, journal: Journal, ring: Callable[[int, int], None]) -> None:
        self.feed_id = feed_id
        self.journal = journal
        self.error = ""
        self.position = 1
        self._store = CallStore(feed_id)
        self._loader = Loader(feed_id, journal, ring=ring, store=self._store)
        self._ring = ring
        self._stop_by: float | None = None
        self._next_cleaning = 0.0
        self._kept: set[Path] = set()  # journals left behind that are stored to their end
        self._backoff_seconds = FIRST_BACKOFF_SECONDS
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"load-{feed_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Load what is journaled, for at most so long, and end."""
        self._stop_by = time.monotonic() + drain_seconds
        self._wake.set()

    def join(self) -> None:
        self._thread.join()

    @property
    def backlog(self) -> int:
        """Lines accepted and not yet loaded."""
        return max(self.journal.durable_sequence + 1 - self.position, 0)

    def _run(self) -> None:
        try:
            self._survive(self._load_left_behind)
            while not self._is_over():
                stopping = self._stop_by is not None  # read before looking: what came until then is loaded
                if self._survive(self._load_some):
                    continue
                if stopping and not self.error:
                    return
                self.journal.wait_durable(self.position, IDLE_SECONDS)
        finally:
            connections.close_all()

    def _is_over(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _survive(self, work: Callable[[], bool]) -> bool:
        """Do `work`; when the database fails, say so and wait a little, longer each time."""
        try:
            done = work()
        except (DatabaseError, InterfaceError, OSError) as error:
            if not self.error:
                logger.error("loading waits for the database", extra={"feed": self.feed_id, "error": str(error)})
            self.error = f"Loading waits: {' '.join(str(error).split())}"
            close_old_connections()
            self._wake.wait(self._backoff_seconds)
            self._wake.clear()
            self._backoff_seconds = min(self._backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
            return False
        if self.error:
            logger.warning("loading goes on", extra={"feed": self.feed_id})
        self.error = ""
        self._backoff_seconds = FIRST_BACKOFF_SECONDS
        return done

    def _load_some(self) -> bool:
        self.position = self._loader.position
        loaded = self._loader.load_batch()
        if loaded is not None:
            self.position = self._loader.position
            return True
        if self._stop_by is not None:
            return False
        self._store.refold_changed_devices()
        self._sweep()
        if time.monotonic() >= self._next_cleaning:
            self._next_cleaning = time.monotonic() + CLEAN_EVERY_SECONDS
            self._clean()
            self._load_left_behind()
        return False

    def _sweep(self) -> None:
        now = timezone.now()
        state = FeedState.objects.get(pk=self.feed_id)
        if state.swept_at is None or state.swept_at < now - SWEEP_EVERY:
            FeedState.objects.filter(pk=self.feed_id).update(swept_at=now)
            if close_stale_calls(self._store, Feed.objects.get(pk=self.feed_id), now):
                self._ring(self.feed_id, 0)

    def _clean(self) -> None:
        older_than = time.time() - settings.JOURNAL_KEEP_DAYS * 86_400
        self._kept = {directory for directory in self._kept if _last_written(directory) >= older_than}
        self.journal.delete_segments_before(self.position, older_than)

    def _load_left_behind(self) -> bool:
        """Load journals of this feed that no process holds: of a worker that was killed, of a file half loaded."""
        for directory in journals(Path(settings.SMDR_DATA_DIR), self.feed_id):
            if directory == self.journal.directory or directory in self._kept:
                continue
            try:
                journal = Journal.adopt(directory)
            except (JournalLockedError, FileNotFoundError):
                continue
            try:
                load_whole(Loader(self.feed_id, journal, ring=self._ring, store=self._store))
                if _may_go(journal):
                    journal.remove()
                else:
                    self._kept.add(directory)
            finally:
                journal.close()
        return False


def load_whole(loader: Loader) -> None:
    """Load a journal to its end."""
    while loader.load_batch() is not None:
        pass


def _may_go(journal: Journal) -> bool:
    """Whether a journal stored to its end may be deleted: a file's at once, a feed's after its days of keeping."""
    first = journal.read(1, 1)
    if first and not isinstance(first[0], Damaged) and first[0].origin != Origin.SOCKET:
        return True
    return _last_written(journal.directory) < time.time() - float(settings.JOURNAL_KEEP_DAYS) * 86_400


def _last_written(directory: Path) -> float:
    return max((path.stat().st_mtime for path in directory.glob("*.seg")), default=0.0)
