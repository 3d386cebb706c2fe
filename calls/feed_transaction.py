"""One batch of changes to one feed's calls: events matched with what is stored, folded, and the differences written.

Inside the feed's lock, which calls/store.py holds. The rules of what a call is are in assembly.py.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from threading import Thread
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from calls.beside import join
from calls.call_rows import (
    CALL_COLUMNS,
    COST_COLUMNS,
    COUNTERS,
    EVENT_ARRIVAL,
    EVENT_COLUMNS,
    FOLDED,
    IDENTITY,
    KEPT,
    LEG_COLUMNS,
    LEG_POSITION,
    NEW_CALL_COLUMNS,
    PRICED,
    STATE,
    CallEntry,
    call_row,
)
from calls.directory.models import FeedState
from calls.folding import Folded, Folding
from calls.models import Call, CallCost, CallEvent, Leg
from calls.pricing import Priced, Why
from calls.records import Event, arrival, line_hash
from calls.rows import (
    WORTH_A_THREAD,
    Row,
    columns,
    precise_instant,
    without_waiting,
)

if TYPE_CHECKING:
    from calls.store import CallStore

EVENT_AT = itemgetter(Event._fields.index("at"))
CLOCKS_APART = timedelta(minutes=1)
FEW_EVENTS = 200  # for which a COPY, with its waits, takes longer than a statement


@dataclass(slots=True)
class Tally:
    """What a transaction did to one feed; the feed's counters grow by it. Lines, but for `calls`."""

    accepted: int = 0
    events: int = 0
    duplicates: int = 0
    quarantined: int = 0
    calls: int = 0
    revision: int = 0
    last_line_us: int = 0
    last_event_at: int = 0


class FeedTransaction:
    """One batch of changes to one feed, inside its lock."""

    def __init__(
        self, store: "CallStore", state: FeedState, answers: Sequence[Sequence[Row]] = (), *, is_bound: bool = False
    ) -> None:
        """`answers` are those to the questions of its beginning; `is_bound`: its writes may go out without waiting."""
        self._is_bound = is_bound
        connection = connections[store.using]
        self.store = store
        self.answers = answers
        self.state = state
        self.devices = store.devices
        self.entries: dict[str, CallEntry] = {}
        self.tally = Tally(revision=state.revision)
        self._connection = connection
        self._call_columns = columns(store.using, Call, CALL_COLUMNS)
        self._new_call_columns = columns(store.using, Call, NEW_CALL_COLUMNS)
        self._leg_columns = columns(store.using, Leg, LEG_COLUMNS)
        self._event_columns = columns(store.using, CallEvent, EVENT_COLUMNS)
        self._cost_columns = columns(store.using, CallCost, COST_COLUMNS)
        self._folding = Folding(store.devices, store.pricing, store.rollups, store.returns)
        self._touched: dict[str, CallEntry] = {}
        self._fresh: list[Event] = []
        self._at_end: list[Callable[[], None]] = []
        self._beside: Thread | None = None

    # Events

    def open(self, call_ids: Iterable[str]) -> None:
        """Make the entries of these calls ready, from the cache or the database."""
        cache, foreign = self.store.cache, self.store.foreign_revision
        missing: list[str] = []
        unsure: list[CallEntry] = []
        for call_id in call_ids:
            if call_id in self.entries:
                continue
            entry = cache.get(call_id)
            if entry is None:
                missing.append(call_id)
            elif entry.checked < foreign:
                unsure.append(entry)
            else:
                self.entries[call_id] = entry
        if unsure:
            missing += self._check_versions(unsure)
        if missing:
            self.take_read(
                missing, self._call_columns.select_in("call_id", missing, "feed_id = %s", [self.store.feed_id])
            )

    def _check_versions(self, unsure: list[CallEntry]) -> list[str]:
        """Keep cached entries that nobody else has written since; returns the call ids of those to read again."""
        calls = Call.objects.using(self.store.using).filter(pk__in=[entry.pk for entry in unsure])
        versions = dict(calls.values_list("pk", "version"))
        outdated = []
        for entry in unsure:
            if versions.get(entry.pk) == entry.version:
                entry.checked = self.state.revision
                self.entries[entry.call_id] = entry
            else:
                del self.store.cache[entry.call_id]
                outdated.append(entry.call_id)
        return outdated

    def open_stored(self, call_pks: Sequence[int]) -> None:
        """Make the entries of these stored calls ready, read afresh."""
        self.take_read((), self._call_columns.select_in("id", call_pks, "feed_id = %s", [self.store.feed_id]))

    def take_read(self, call_ids: Iterable[str], rows: Sequence[Row]) -> None:
        """Make the entries of calls ready that were read, and empty ones of those `call_ids` that no row is of."""
        if rows:
            self._take_rows(rows)
        for call_id in call_ids:
            if call_id not in self.entries:
                self.entries[call_id] = CallEntry(call_id, checked=self.state.revision)

    def _take_rows(self, rows: Sequence[Row]) -> None:
        by_pk: dict[int, CallEntry] = {}
        identity, counters = len(IDENTITY), len(COUNTERS)
        stale = STATE.index("stale_as_of")
        for row in rows:
            state = row[identity:-counters]
            entry = CallEntry(
                row[2],
                pk=row[0],
                version=row[-2],
                state=state,
                stale_as_of_us=state[stale],
                checked=self.state.revision,
            )
            by_pk[entry.pk] = self.entries[entry.call_id] = entry
        pks = list(by_pk)
        for row in sorted(self._leg_columns.select_in("call_id", pks), key=itemgetter(0, LEG_POSITION)):
            by_pk[row[0]].legs.append(row[1:])
        events = self._event_columns.select_in("call_id", pks)
        events.sort(key=EVENT_ARRIVAL)
        for event_row in events:
            entry = by_pk[event_row[0]]
            entry.remember(Event(entry.call_id, *event_row[2:]), event_row[1])

    def last_at(self, call_id: str, connection: int) -> int | None:
        """The resolved time of the call's previous event on this connection, epoch seconds."""
        return self.entries[call_id].last_at.get(connection)

    def add(self, event: Event, hashed: int | None = None) -> bool:
        """Take in an event; False for a duplicate, of which only an earlier arrival is noted.

        `hashed` is its `line_hash`, where it was made before.
        """
        entry = self.entries[event.call_id]
        key = (line_hash(event.line) if hashed is None else hashed, event.n)
        place = entry.keys.get(key)
        if place is None:
            entry.remember(event, key[0])
            entry.new_events.append((key[0], event))
            self._touched[event.call_id] = entry
            self._fresh.append(event)
            self.tally.events += 1
            return True
        self.tally.duplicates += 1
        first = entry.events[place]
        entry.last_at[event.connection] = first.at
        if arrival(event) < arrival(first):
            moved = first._replace(
                received_us=event.received_us,
                journal=event.journal,
                sequence=event.sequence,
                connection=event.connection,
            )
            entry.events[place] = moved
            entry.moved_events.append((key[0], moved))
            self._touched[event.call_id] = entry
        return False

    # Writing

    def replace_costs(self, calls: Sequence[tuple[Row, Priced, Why | None]]) -> None:
        """Write new costs of stored calls, each with its row of `call_columns` as read in this transaction."""
        revision = self.state.revision + 1
        cost_at, version_at = len(IDENTITY) + len(FOLDED + KEPT), len(IDENTITY) + len(STATE)
        self._call_columns.upsert(
            [(*row[:cost_at], *priced, row[version_at] + 1, revision) for row, priced, _ in calls], ["id"]
        )
        self._cost_columns.upsert([(row[0], *why) for row, _, why in calls if why is not None], ["call_id"])
        self._roll_up_costs(calls)
        without = [row[0] for row, _, why in calls if why is None]
        CallCost.objects.using(self.store.using).filter(pk__in=without).delete()
        for row, _, _ in calls:
            self.store.cache.pop(row[2], None)
        self.tally.revision = revision

    def _roll_up_costs(self, calls: Sequence[tuple[Row, Priced, Why | None]]) -> None:
        legs: dict[int, list[Row]] = {}
        for call, *leg in self._leg_columns.select_in("call_id", [row[0] for row, _, _ in calls]):
            legs.setdefault(call, []).append(tuple(leg))
        first, last = len(IDENTITY), len(IDENTITY) + len(STATE)
        for row, priced, _ in calls:
            state, its_legs = row[first:last], legs.get(row[0], [])
            self.store.rollups.replace(state, its_legs, state[: -len(PRICED)] + tuple(priced), its_legs)
        self.store.rollups.write()

    def at_end(self, write: Callable[[], None]) -> None:
        """Have something written, which reads nothing, with what this transaction writes at its end."""
        self._at_end.append(write)

    def write(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Fold what was touched, write it, and count it under the feed's next revision.

        Where writes go out without waiting the commit goes with them; `meanwhile` runs before their answers are read.
        Many events keep SQLite busy, and Python is free for another thread: `meanwhile` runs in one, until `join`.
        """
        if self._fresh:
            self._fresh.sort(key=arrival)
            self.tally.last_event_at = max(map(EVENT_AT, self._fresh))
            self.devices.discover(self._fresh, precise_instant(self._fresh[-1].received_us))
        folded = self._prepare(self._touched.values()) if self._touched else None
        connection = self._connection
        if meanwhile and len(self._fresh) >= WORTH_A_THREAD and not self._call_columns.postgres:
            self._begin_beside(meanwhile)
        with without_waiting(connection) if self._is_bound else nullcontext():
            if folded:
                self._write_folded(folded)
            for write in self._at_end:
                write()
            self._count()
            self.store.returns.write()
            if self._is_bound:
                connection.connection.execute("COMMIT")
                if meanwhile:
                    meanwhile()

    def _begin_beside(self, meanwhile: Callable[[], None]) -> None:
        thread = Thread(target=meanwhile, name="meanwhile")
        with suppress(RuntimeError):  # there can be no more threads: it is done later, then
            thread.start()
            self._beside = thread

    def join(self) -> None:
        """Wait for what goes on beside this transaction; it must not outlive it, even if that is interrupted."""
        if self._beside:
            join(self._beside)

    def _count(self) -> None:
        tally = self.tally
        changes: dict[str, Any] = {}
        if tally.last_line_us:
            last_line_at, known = precise_instant(tally.last_line_us), self.state.last_line_at
            is_wrong = known is not None and known > timezone.now() + CLOCKS_APART  # by a clock that was ahead
            if known is None or last_line_at > known or is_wrong:
                changes["last_line_at"] = last_line_at
        if tally.last_event_at:
            last_event_at = precise_instant(tally.last_event_at * 1_000_000)
            if self.state.last_event_at is None or last_event_at > self.state.last_event_at:
                changes["last_event_at"] = last_event_at
        if tally.revision != self.state.revision:
            changes["revision"] = tally.revision
        self.state.count(
            self.store.using,
            {name: getattr(tally, name) for name in ("accepted", "events", "duplicates", "quarantined")},
            changes,
        )

    def fold_all(self) -> dict[str, list[str]]:
        """Fold every opened call again and write the differences: call id → names of what changed."""
        folded = self._prepare(self.entries.values())
        self._write_folded(folded)
        return folded.changed

    def _prepare(self, entries: Collection[CallEntry]) -> Folded:
        """Fold these calls; write their new events, and delete what is no more."""
        inserted = [entry for entry in entries if not entry.is_stored]
        for entry, pk in zip(inserted, self.store.fresh_ids(len(inserted)), strict=True):
            entry.pk = pk
        folded = Folded(inserted=inserted)
        revision = self.state.revision + 1
        folded.events = [(entry.pk, hashed, *event[1:]) for entry in entries for hashed, event in entry.new_events]
        # Events are most of the rows, and of their call they need the key only: Postgres takes in many of them while
        # calls are folded. In this block nothing can be asked of it, and a tariff's first call asks for its prices.
        if self.store.pricing.may_ask or len(folded.events) < FEW_EVENTS:
            self._folding.fold(entries, revision, folded)
        else:
            with self._event_columns.inserting(folded.events):
                self._folding.fold(entries, revision, folded)
            folded.events = []
        for entry in entries:
            entry.new_events = []
            if entry.moved_events:
                folded.moved_events += [(entry.pk, hashed, *event[1:]) for hashed, event in entry.moved_events]
                entry.moved_events = []
        for entry in folded.shortened:
            Leg.objects.using(self.store.using).filter(call_id=entry.pk, position__gte=len(entry.legs)).delete()
        if folded.unrated:
            CallCost.objects.using(self.store.using).filter(pk__in=folded.unrated).delete()
        return folded

    def _write_folded(self, folded: Folded) -> None:
        revision = self.state.revision + 1
        feed, returns = self.store.feed_id, self.store.returns
        returns.lock()
        self._new_call_columns.insert(
            [(*call_row(feed, entry, revision), returns.number_of(entry.pk)) for entry in folded.inserted]
        )
        self._call_columns.upsert([call_row(feed, entry, revision) for entry in folded.updated], ["id"])
        self._event_columns.insert(folded.events)
        self._event_columns.upsert(folded.moved_events, ["call_id", "line_hash", "n"])
        self._cost_columns.insert(self._folding.cost_rows(folded.inserted))
        self._cost_columns.upsert(self._folding.cost_rows(folded.updated), ["call_id"])
        self._leg_columns.insert(folded.new_legs)
        self._leg_columns.upsert(folded.changed_legs, ["call_id", "position"])
        self.tally.calls += len(folded.inserted)
        if folded.changed:
            self.store.rollups.write()
            self.tally.revision = revision
