"""The one writer of calls, legs and events.

Every change happens in a transaction that holds the row lock of the feed's FeedState (on SQLite the whole
database, BEGIN IMMEDIATE) and ends in the feed's next revision. What happens in it is feed_transaction.py's.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from calls.call_rows import (
    LEG_COLUMNS,
    STATE,
    STATE_STATE,
    CallEntry,
    call_columns,
)
from calls.devices import Devices
from calls.directory.models import DirectoryRevision, Extension, FeedState
from calls.feed_transaction import FeedTransaction
from calls.models import Call, CallEvent
from calls.pricing import Pricing
from calls.returns import Returns
from calls.rollups import Rollups
from calls.rows import (
    BOUND,
    Question,
    ask,
    epoch_microseconds,
    fresh_keys,
    may_go_without_waiting,
    reserve_ids,
)

CACHED_CALLS = 2_500

# Held on SQLite by the thread that writes. It has one writer at a time anyway, but who waits for it looks again after
# 1, 2, 5, 10, 15, 20 and 25 ms, and others who come in between go first.
WRITING = threading.Lock()


class CallStore:
    """The calls of one feed, for one worker. Not thread-safe: it belongs to the thread that loads."""

    def __init__(self, feed_id: int, *, using: str = "default", cached_calls: int = CACHED_CALLS) -> None:
        self.feed_id = feed_id
        self.using = using
        self.devices = Devices(feed_id)
        self.pricing = Pricing(using)
        self.rollups = Rollups(feed_id, using, STATE, LEG_COLUMNS[1:])
        self.returns = Returns(using, STATE)
        self._cached_calls = cached_calls
        self.cache: OrderedDict[str, CallEntry] = OrderedDict()  # by call id, that touched last at the end
        self.foreign_revision = 0  # up to which somebody else may have written a call that was kept since
        self._spare_ids: list[int] = []
        self._revision = -1

    @contextmanager
    def transaction(
        self,
        call_ids: Iterable[str] = (),
        questions: Sequence[Question] = (),
        meanwhile: Callable[[], None] | None = None,
    ) -> Iterator[FeedTransaction]:
        """Hold the feed's lock, and write what was added when the block ends. All of it, or nothing.

        `call_ids` are of calls that will be opened; they are read, and `questions` asked, with one wait. While it is
        written `meanwhile` may run once, on SQLite in another thread; it must not raise, nor use the database.
        """
        connection = connections[self.using]
        is_whole = not connection.in_atomic_block
        is_bound = meanwhile is not None and is_whole and may_go_without_waiting(connection)
        work: FeedTransaction | None = None
        try:
            with _turn(connection, is_whole=is_whole), transaction.atomic(using=self.using):
                missing = [call_id for call_id in call_ids if call_id not in self.cache]
                work = self._begun(connection, missing, questions, is_bound=is_bound)
                yield work
                work.write(meanwhile and (lambda: self._while_waiting(meanwhile)))
        except BaseException:
            self._revision = self.devices.revision = -1
            self.pricing.forget()
            if work:
                work.join()
                for call_id in work.entries:
                    self.cache.pop(call_id, None)
            raise
        work.join()
        self._revision = work.tally.revision
        for call_id, entry in work.entries.items():
            if entry.is_stored:
                self.cache[call_id] = entry
                self.cache.move_to_end(call_id)
        if not is_bound:
            self._let_go()

    def _while_waiting(self, meanwhile: Callable[[], None]) -> None:
        self._let_go()
        meanwhile()

    def _let_go(self) -> None:
        """Of the calls that were touched longest ago: to take them apart is a thirtieth of a load."""
        while len(self.cache) > self._cached_calls:
            self.cache.popitem(last=False)

    def _begun(
        self, connection: BaseDatabaseWrapper, missing: list[str], questions: Sequence[Question], *, is_bound: bool
    ) -> FeedTransaction:
        table = call_columns(self.using)
        asked = [BOUND] if is_bound else []
        asked += [FeedState.lock(self.feed_id, self.using), DirectoryRevision.question(), *questions]
        if missing:
            asked.append(table.question(*table.condition_in("call_id", missing, "feed_id = %s", [self.feed_id])))
            if table.postgres:  # most of those missing are new, and will want a key
                asked.append(fresh_keys(Call, len(missing)))
        state_rows, revision_rows, *answers = ask(connection, asked, at_once=is_bound)[int(is_bound) :]
        state = FeedState.answered(state_rows, self.using)
        if state.revision != self._revision:
            self.foreign_revision = state.revision
        self.devices.refresh(DirectoryRevision.answered(revision_rows))
        self.pricing.begin(self.devices.revision)
        self.rollups.begin(state)
        self.returns.begin()
        self._spare_ids = [key for (key,) in answers.pop()] if missing and table.postgres else []
        found = table.decode(answers.pop()) if missing else []
        work = FeedTransaction(self, state, answers, is_bound=is_bound)
        work.take_read(missing, found)
        return work

    def forget(self) -> None:
        """Keep nothing of what was read and written: the database may not be the one it was."""
        self.cache.clear()
        self._revision = self.devices.revision = -1
        self.pricing.forget()

    def fresh_ids(self, count: int) -> list[int]:
        """Keys for new calls, inside a transaction."""
        spare, self._spare_ids = self._spare_ids, []
        if count > len(spare):
            spare += reserve_ids(connections[self.using], Call, count - len(spare))
        return spare[:count]

    def refold(self, call_pks: Sequence[int]) -> dict[str, list[str]]:
        """Fold stored calls again from their events, and write what differs: call id → names of what changed."""
        with self.transaction() as work:
            work.open_stored(call_pks)
            return work.fold_all()

    def refold_changed_devices(self, limit: int = 500) -> int:
        """Fold again calls of devices whose kind was edited; returns how many calls were looked at.

        One chunk at a time: the device's mark is taken off with the last one, unless it was edited meanwhile.
        """
        marked = list(
            Extension.objects.using(self.using)
            .filter(feed_id=self.feed_id, refold_wanted=True)
            .values_list("pk", "number", "kind", "refolded_to")[:1]
        )
        if not marked:
            return 0
        pk, number, kind, done_to = marked[0]
        as_read = Extension.objects.using(self.using).filter(pk=pk, kind=kind, refolded_to=done_to)
        calls = list(
            CallEvent.objects.using(self.using)
            .filter(Q(extension=number) | Q(source_extension=number), call__feed_id=self.feed_id, call_id__gt=done_to)
            .order_by("call_id")
            .values_list("call_id", flat=True)
            .distinct()[:limit]
        )
        if calls:
            self.refold(calls)
        if len(calls) < limit:
            if as_read.filter(forgotten=True).delete()[0]:
                DirectoryRevision.advance()
            as_read.update(refold_wanted=False, refolded_to=0)
        else:
            as_read.update(refolded_to=calls[-1])
        return len(calls)

    def close_stale(self, as_of: datetime, call_pks: Sequence[int]) -> int:
        """Close calls, from which nothing more was received, at their last event; returns how many it closed."""
        as_of_us = epoch_microseconds(as_of)
        with self.transaction() as work:
            work.open_stored(call_pks)
            for entry in work.entries.values():
                if entry.state[STATE_STATE] != "ended" and max(e.received_us for e in entry.events) <= as_of_us:
                    entry.stale_as_of_us = as_of_us
            return len(work.fold_all())


def _turn(connection: BaseDatabaseWrapper, *, is_whole: bool) -> AbstractContextManager[Any]:
    """Nobody who already writes to SQLite may wait for one who waits for that."""
    return WRITING if is_whole and connection.vendor == "sqlite" else nullcontext()
