"""The thread that loads one feed: adopted journals first, then what its own journal receives."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from calls.directory.models import Feed, FeedState
from calls.rollup_building import build_some
from calls.store import CallStore
from ingest.disk import Space, delete_stored
from ingest.journal import Journal
from ingest.left_behind import LeftBehind, keep_since
from ingest.loader import Loader, close_stale_calls

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
RESTS = 20  # times as long as a piece of what is not urgent took: others write meanwhile, and have the processor
SWEEP_EVERY = timedelta(minutes=1)
CLEAN_EVERY_SECONDS = 60.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
DRAIN_SECONDS = 20.0


class LoadingThread:
    """Loads `journal` until stopped, through every failure of the database.

    `error` says why nothing is being loaded, in one line, or is empty.
    """

    def __init__(self, feed_id: int, journal: Journal, ring: Callable[[int, int], None], space: Space) -> None:
        self.feed_id = feed_id
        self.journal = journal
        self.error = ""
        self.position = 1
        self._store = CallStore(feed_id)
        self._loader = Loader(feed_id, journal, ring=ring, store=self._store, log_is_kept_short=True)
        self._ring = ring
        self._stop_by: float | None = None
        self._next_cleaning = self._next_look = 0.0
        self._space = space
        self._left_behind = LeftBehind(self._store, space, ring, lambda: self._stop_by is not None)
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
                until_look = self._next_look - time.monotonic()
                self.journal.wait_durable(self.position, until_look if until_look > 0 else IDLE_SECONDS)
        finally:
            connections.close_all()

    def _is_over(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _survive(self, work: Callable[[], bool]) -> bool:
        """Do `work`; when the database fails, or anything else does, say so and wait a little, longer each time."""
        try:
            done = work()
        except Exception as error:
            known = isinstance(error, DatabaseError | InterfaceError | OSError)
            if not self.error:
                logger.error(
                    "loading waits for the database" if known else "loading fails",
                    extra={"feed": self.feed_id, "error": str(error)},
                    exc_info=None if known else error,
                )
            self.error = f"Loading waits: {' '.join(str(error).split()) or type(error).__name__}"
            self._loader.forget()  # the database that answers next may be another one, a few commits behind
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
            self._space.stored(self.journal.directory, self.position)
            return True
        if self._stop_by is not None:
            return False
        began = time.monotonic()
        if began < self._next_look:
            return False
        found_some = self._store.refold_changed_devices() or build_some(self._store)
        ended = time.monotonic()  # lines that come soon do not wait for the next look
        self._next_look = ended + (min(RESTS * (ended - began), IDLE_SECONDS) if found_some else IDLE_SECONDS)
        self._sweep()
        if time.monotonic() >= self._next_cleaning:
            self._next_cleaning = time.monotonic() + CLEAN_EVERY_SECONDS
            delete_stored(self.journal.directory, self.position, keep_since())
            self._left_behind.load()
        return False

    def _sweep(self) -> None:
        now = timezone.now()
        state = FeedState.objects.get(pk=self.feed_id)
        # a sweep of the future was by a clock that was wrong
        if state.swept_at is None or not now - SWEEP_EVERY <= state.swept_at <= now:
            FeedState.objects.filter(pk=self.feed_id).update(swept_at=now)
            if close_stale_calls(self._store, Feed.objects.get(pk=self.feed_id), now):
                self._ring(self.feed_id, 0)

    def _load_left_behind(self) -> bool:
        self._left_behind.load()
        return False
