"""Journals that nobody writes any more: of a worker that ended or was killed, of a file loaded whole or in part.

What is in them was accepted, so it is loaded to the end; they stay for their days of keeping, so that a restored
backup of the database can be made whole, and then go.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from calls.directory.models import Feed, WorkerStatus
from calls.store import CallStore
from ingest.disk import Space
from ingest.journal import Journal, JournalLockedError, closed_at, journals
from ingest.loader import Loaded, Loader, close_stale_calls_of_file
from ingest.models import JournalPosition
from ingest.segments import Damaged, Origin

logger = logging.getLogger(__name__)

SECONDS_A_DAY = 86_400
SECONDS_TO_BE_MADE = 60


def journal_space() -> Space:
    """The bound on what this data directory's journals take."""
    return Space(Path(settings.SMDR_DATA_DIR) / "journal", settings.JOURNAL_LIMIT_MEGABYTES << 20)


def keep_since() -> float:
    """The moment, in epoch seconds, before which what was last written need not be kept once it is stored."""
    return time.time() - float(settings.JOURNAL_KEEP_DAYS) * SECONDS_A_DAY


@dataclass(slots=True)
class LeftBehind:
    """One feed's journals without a writer. `should_stop` is asked between batches."""

    store: CallStore
    space: Space
    ring: Callable[[int, int], None] = lambda feed, revision: None
    should_stop: Callable[[], bool] = lambda: False

    def load(self) -> None:
        """Load every journal that no process holds, and delete those whose days are over.

        Raises the driver's error if the database fails; what was loaded by then is loaded.
        """
        positions = dict(JournalPosition.objects.filter(feed_id=self.store.feed_id).values_list("journal", "sequence"))
        for directory in journals(Path(settings.SMDR_DATA_DIR), self.store.feed_id):
            if _is_stored(directory, positions) and last_written(directory) >= keep_since():
                self.space.stored(directory)
                continue
            if self.should_stop():
                return
            if is_being_made(directory):
                continue
            try:
                journal = Journal.adopt(directory)
            except (JournalLockedError, FileNotFoundError):
                continue
            except OSError as error:  # of another user's making, or its disk fails: the others are loaded all the same
                logger.error(
                    "a journal left behind cannot be read", extra={"journal": str(directory), "error": str(error)}
                )
                continue
            try:
                if self._load(journal):
                    self._settle(journal)
            finally:
                journal.close()

    def _load(self, journal: Journal) -> bool:
        """True if all of it is stored."""
        loader = Loader(self.store.feed_id, journal, ring=self.ring, store=self.store)
        total = Loaded()
        while (loaded := loader.load_batch()) is not None:
            total.add(loaded)
            if self.should_stop():
                return False
        if total.lines:
            logger.warning(
                "lines that were accepted and not loaded are loaded now",
                extra={"feed": self.store.feed_id, "lines": total.lines},
            )
            self._sweep(journal, total)
        return True

    def _sweep(self, journal: Journal, loaded: Loaded) -> None:
        """A file's own sweep at its end, which the load that did not come to it owes."""
        first = next((record for record in journal.read(1, 1) if not isinstance(record, Damaged)), None)
        if first is not None and first.origin != Origin.SOCKET and loaded.last_at:
            feed = Feed.objects.get(pk=self.store.feed_id)
            close_stale_calls_of_file(self.store, feed, first.connection, loaded.last_at, timezone.now())

    def _settle(self, journal: Journal) -> None:
        if last_written(journal.directory) < keep_since():
            journal.remove()
            WorkerStatus.objects.filter(feed=journal.feed, journal=journal.journal_id).update(accepted=0)
            JournalPosition.objects.filter(feed_id=journal.feed, journal=journal.journal_id).delete()
        else:
            self.space.stored(journal.directory)


def _is_stored(directory: Path, positions: dict[int, int]) -> bool:
    """Whether all of a closed journal is stored, as the database is now: it may have been restored since."""
    end = closed_at(directory)
    return end is not None and positions.get(int(directory.name, 16), 1) > end


def is_being_made(directory: Path) -> bool:
    """Whether this may be a journal whose writer has not yet come to lock it: it must not be taken from under it."""
    return not last_written(directory) and time.time() - directory.stat().st_mtime < SECONDS_TO_BE_MADE


def last_written(directory: Path) -> float:
    """When something was last written to this journal, in epoch seconds; 0 if it holds nothing."""
    return max((path.stat().st_mtime for path in directory.glob("*.seg")), default=0.0)
