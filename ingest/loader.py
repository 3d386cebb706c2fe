"""From the journal to the store: parse, resolve the clock, match and fold, in one transaction with the position.

What fails by itself, every time, is found by halving the batch and quarantined; everything else (the
database gone, a deadlock, a full disk) leaves the position where it is and is raised as the driver's error.
"""

import copy
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Protocol
from zoneinfo import ZoneInfo

from django.db import DEFAULT_DB_ALIAS, DatabaseError, DataError, IntegrityError, InterfaceError, connection
from django.utils import timezone

from calls.directory.models import Feed
from calls.feed_transaction import FeedTransaction
from calls.models import Call
from calls.records import Event, new_tuple
from calls.rows import Question, ask, columns, precise_instant
from calls.store import CallStore
from ingest.batch import Batch, Parsed
from ingest.clock import Resolution, Resolver
from ingest.hours import HourCount
from ingest.models import JournalPosition, QuarantinedLine
from ingest.quarantine import keep
from ingest.segments import Damaged, Origin, Received
from ingest.smdr import MalformedLine, ParsedLine, parse

logger = logging.getLogger(__name__)

BATCH_RECORDS = 5_000
POSITION = ("feed_id", "journal", "sequence")
TRIES_OF_ONE = 3
WORKER_CACHE_KIB = 8_000  # small batches touch pages all over the indexes; others have less than half of it
LOG_PAGES_KEPT_SHORT = 16_000  # of SQLite's log; a commit that finds more writes them back all the same
NUMBER = attrgetter("trunk", "number_raw", "number", "direction")
FILE_CLOCKS = {Origin.FILE_AUTO: "auto", Origin.FILE_12: "12", Origin.FILE_24: "24"}


class PositionFellBackError(RuntimeError):
    """The database stands before what this loader has seen committed: failed over, or restored."""


class RecordReader(Protocol):
    """The part of a journal that a loader needs."""

    @property
    def journal_id(self) -> int: ...

    def read(self, from_sequence: int, limit: int) -> Sequence[Received | Damaged]: ...


@dataclass(slots=True)
class Loaded:
    """What loading did, in lines; `calls` are new ones. The fields add up over batches."""

    lines: int = 0
    events: int = 0
    duplicates: int = 0
    quarantined: int = 0
    calls: int = 0
    last_at: int = 0  # the latest resolved stamp, epoch seconds

    def add(self, other: "Loaded") -> None:
        self.lines += other.lines
        self.events += other.events
        self.duplicates += other.duplicates
        self.quarantined += other.quarantined
        self.calls += other.calls
        self.last_at = max(self.last_at, other.last_at)


@dataclass(slots=True)
class Clocks:
    """The resolvers of one journal: one for everything from sockets, one for each file."""

    zone: ZoneInfo
    mode: str
    call_id_clock_off: bool
    live: Resolver = field(init=False)
    files: dict[int, Resolver] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live = Resolver(self.zone, self.mode, self.call_id_clock_off)

    def resolver(self, record: Received) -> Resolver:
        if record.origin == Origin.SOCKET:
            return self.live
        known = self.files.get(record.connection)
        if known is None:
            override = FILE_CLOCKS[Origin(record.origin)]
            known = Resolver(self.zone, override if override != "auto" else self.mode, False)
            self.files[record.connection] = known
        return known

    def snapshot(self) -> "Clocks":
        saved = copy.copy(self)
        saved.live = copy.copy(self.live)
        saved.files = {connection: copy.copy(resolver) for connection, resolver in self.files.items()}
        return saved


class Loader:
    """Loads one feed's lines from one journal. It belongs to one thread.

    `ring` is told (feed, revision) after each commit that changed something. `log_is_kept_short`: another thread does
    that (ingest/checkpoints.py), and a commit need not.
    """

    def __init__(
        self,
        feed_id: int,
        reader: RecordReader,
        *,
        ring: Callable[[int, int], None] = lambda feed, revision: None,
        batch_records: int = BATCH_RECORDS,
        store: CallStore | None = None,
        log_is_kept_short: bool = False,
    ) -> None:
        self.feed_id = feed_id
        self.reader = reader
        self.store = store or CallStore(feed_id)
        self._ring = ring
        self._batch_records = batch_records
        self._log_is_kept_short = log_is_kept_short
        self._clocks: Clocks | None = None
        self._clock_settings: tuple[str, str] | None = None
        self._position: int | None = None
        self._ahead: Batch | None = None  # read while the database was at work
        self._ahead_error: Exception | None = None

    @property
    def position(self) -> int:
        """The sequence of the next record to load."""
        if self._position is None:
            if self._log_is_kept_short and connection.vendor == "sqlite":  # a worker's, whose lines somebody waits for
                with connection.cursor() as cursor:
                    cursor.execute(f"PRAGMA cache_size=-{WORKER_CACHE_KIB}")
                    cursor.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES_KEPT_SHORT}")
            self._position = self._stored_position()
        return self._position

    def load_batch(self) -> Loaded | None:
        """Load what waits, at most one batch; None if nothing does. Raises the driver's error if the database fails."""
        batch = self._next_batch()
        if batch is None:
            return None
        try:
            return self._load(batch)
        except PositionFellBackError:
            logger.warning("the database lacks what was stored: it is loaded again", extra={"feed": self.feed_id})
            self.forget()
            return Loaded()

    def _next_batch(self) -> Batch | None:
        """What waits, of which some may have been read ahead."""
        ahead, self._ahead = self._ahead, None
        error, self._ahead_error = self._ahead_error, None
        if error is not None:
            raise error
        if ahead is None or ahead.records[0].sequence != self.position or ahead.padding != self._padding:
            ahead = Batch([], self._padding)
        if room := self._batch_records - len(ahead.records):
            ahead.extend(self.reader.read(ahead.next_sequence if ahead.records else self.position, room))
        return ahead if ahead.records else None

    def _read_ahead(self, sequence: int) -> None:
        try:
            records = self.reader.read(sequence, self._batch_records)
            self._ahead = Batch.of(records, self._padding) if records else None
        except Exception as error:  # it is the next batch's, and must not look like this one's
            self._ahead_error = error
        else:
            self._read_numbers_ahead()

    def _read_numbers_ahead(self) -> None:
        """A number not seen before takes 80 µs, and is then remembered for when its call is folded."""
        parsed = self._ahead.parsed if self._ahead else ()
        with suppress(Exception):  # it will be its line's when that is loaded
            for number in {NUMBER(line) for _, line, _ in parsed}:
                self.store.devices.number_of(*number)

    @property
    def _padding(self) -> str:
        return self.store.devices.padding

    def forget(self) -> None:
        """Keep nothing of what the database said: it may not be the one that said it."""
        self._position = self._clocks = self._ahead = None
        self.store.forget()

    def _load(self, batch: Batch, tries_left: int = TRIES_OF_ONE) -> Loaded:
        saved = self._clocks.snapshot() if self._clocks else None
        try:
            return self._commit(batch)
        except DataError as error:
            fault: Exception = error
        except IntegrityError as error:
            if len(batch.records) == 1 and tries_left:
                self._clocks = saved  # somebody else's change, such as a department deleted meanwhile, fails once
                return self._load(batch, tries_left - 1)
            fault = error
        except (DatabaseError, InterfaceError, OSError, MemoryError, PositionFellBackError):
            self._clocks = saved
            self._position = None
            raise
        except Exception as error:
            fault = error
        self._clocks = saved
        records = batch.records
        if len(records) == 1:
            logger.error("a line could not be stored", exc_info=fault)
            return self._refuse(records[0], f"{type(fault).__name__}: {fault}")
        middle = len(records) // 2
        loaded = self._load(Batch.of(records[:middle], batch.padding))
        loaded.add(self._load(Batch.of(records[middle:], batch.padding)))
        return loaded

    def _refuse(self, record: Received | Damaged, why: str) -> Loaded:
        """Quarantine a record with its receipt or, where that is what cannot be stored, its bytes alone."""
        try:
            return self._commit(Batch.of([record], self._padding, why), why)
        except DataError:
            pass
        except (DatabaseError, InterfaceError, OSError, MemoryError, PositionFellBackError):
            raise
        except Exception as error:
            logger.error("a line could not be quarantined with its receipt", exc_info=error)
        return self._commit(Batch.of([Damaged(record.sequence, record.line, why)], self._padding))

    def _commit(self, batch: Batch, refusal: str = "") -> Loaded:
        """One transaction: events, calls, quarantine, counters, position, revision."""
        loaded = Loaded()
        hours = HourCount(self.feed_id, batch.received_us(Origin.SOCKET))
        call_ids = {line.call_id for _, line, _ in batch.parsed}
        with self.store.transaction(
            call_ids,
            [self._position_question(), hours.question()],
            lambda: self._read_ahead(batch.next_sequence),
        ) as work:
            position, stored_hours = work.answers
            stored = int(position[0][2]) if position else 1
            if self._position is not None and stored < self._position:
                raise PositionFellBackError
            left = [record for record in batch.records if record.sequence >= stored]
            if len(left) < len(batch.records) or work.devices.padding != batch.padding:
                batch = Batch.of(left, work.devices.padding, refusal)
                hours = HourCount(self.feed_id, batch.received_us(Origin.SOCKET))
            if left:
                clocks = self._ready_clocks(work, stored)
                work.open(call_ids)
                self._add(work, clocks, batch.parsed, loaded)
                if batch.refused:
                    keep(self.feed_id, [self._quarantined(*refused) for refused in batch.refused])
                tally = work.tally
                tally.accepted = len(left)
                tally.quarantined = len(batch.refused)
                tally.last_line_us = max(batch.received_us(), default=0)
                hours.add(stored_hours)
                work.at_end(hours.write)
                loaded.lines, loaded.quarantined = tally.accepted, tally.quarantined
                if clocks.live.call_id_clock_off != work.state.call_id_clock_off:
                    work.state.call_id_clock_off = clocks.live.call_id_clock_off
                    work.state.save(update_fields=["call_id_clock_off"])
                stored = batch.next_sequence
                work.at_end(lambda: self._store_position(stored))
        loaded.events, loaded.duplicates, loaded.calls = work.tally.events, work.tally.duplicates, work.tally.calls
        self._position = stored
        if work.tally.revision != work.state.revision:
            self._ring(self.feed_id, work.tally.revision)
        return loaded

    def _add(self, work: FeedTransaction, clocks: Clocks, parsed: Sequence[Parsed], loaded: Loaded) -> None:
        journal, last_at = self.reader.journal_id, loaded.last_at
        for record, line, hashed in parsed:
            call_id = line.call_id
            resolver = clocks.resolver(record)
            resolution = resolver.resolve(
                line.stamp, call_id, record.origin, record.received_us, work.last_at(call_id, record.connection)
            )
            if resolution.at > last_at:  # noqa: PLR1730 - a call of max for each line
                last_at = resolution.at
            work.add(event_of(record, journal, line, resolution), hashed)
        loaded.last_at = last_at

    def _quarantined(self, record: Received | Damaged, reason: str, detail: str) -> QuarantinedLine:
        received = record if isinstance(record, Received) else None
        return QuarantinedLine(
            feed_id=self.feed_id,
            received_at=precise_instant(received.received_us) if received else timezone.now(),
            journal=self.reader.journal_id,
            sequence=record.sequence,
            connection=received.connection if received else 0,
            n=received.n if received else 0,
            origin=received.origin if received else 0,
            fault=received.fault if received else 0,
            line=record.line,
            reason=reason[:40],
            detail=detail.replace("\0", "␀")[:200],
        )

    def _stored_position(self) -> int:
        (rows,) = ask(connection, [self._position_question()])
        return int(rows[0][2]) if rows else 1

    def _position_question(self) -> Question:
        table = columns(DEFAULT_DB_ALIAS, JournalPosition, POSITION)
        return table.question("feed_id = %s AND journal = %s", [self.feed_id, self.reader.journal_id])

    def _store_position(self, sequence: int) -> None:
        table = columns(DEFAULT_DB_ALIAS, JournalPosition, POSITION)
        table.upsert([(self.feed_id, self.reader.journal_id, sequence)], ["feed_id", "journal"])

    def _ready_clocks(self, work: FeedTransaction, position: int) -> Clocks:
        """The resolvers, made anew when the feed's zone or clock setting was edited."""
        zone_name, clock = settings = work.devices.zone_name, work.devices.clock
        if self._clocks is None or self._clock_settings != settings:
            self._clocks = Clocks(ZoneInfo(zone_name), clock, work.state.call_id_clock_off)
            self._clock_settings = settings
            self._replay_files(self._clocks, position)
        return self._clocks

    def _replay_files(self, clocks: Clocks, position: int) -> None:
        """Bring the resolvers of half-loaded files to where they were: a file's reading hangs on its lines before."""
        sequence = 1
        last_at: dict[tuple[str, int], int] = {}
        while sequence < position:
            records = self.reader.read(sequence, min(self._batch_records, position - sequence))
            if not records:
                return
            if isinstance(records[0], Received) and records[0].origin == Origin.SOCKET:
                return
            for record in records:
                if isinstance(record, Damaged) or record.fault:
                    continue
                try:
                    line = parse(record.line, self.store.devices.padding)
                except MalformedLine:
                    continue
                key = (line.call_id, record.connection)
                resolution = clocks.resolver(record).resolve(
                    line.stamp, line.call_id, record.origin, record.received_us, last_at.get(key)
                )
                last_at[key] = resolution.at
            sequence = records[-1].sequence + 1


def event_of(record: Received, journal: int, line: ParsedLine, resolution: Resolution) -> Event:
    """A parsed line with its resolved time, as the store takes it."""
    received_us, _, connection, sequence, n, _, _, raw = record
    at, rule, clock_flags, id_started_at = resolution
    (
        _, call_id, name, direction, trunk, extension, source_extension, number_raw, number, contact_name, did,
        did_name, account_code, flags,
    ) = line  # fmt: skip
    values = (
        call_id, raw, n, received_us, journal, sequence, connection, at, rule, id_started_at, name, direction, trunk,
        extension, source_extension, number_raw, number, contact_name, did, did_name, account_code,
        flags | clock_flags,
    )  # fmt: skip
    return new_tuple(Event, values)


def close_stale_calls(store: CallStore, feed: Feed, now: datetime) -> int:
    """The sweep: close calls of which nothing was received for the feed's stale time; returns how many."""
    cutoff = now - timedelta(hours=feed.stale_after_hours)
    silent = Call.objects.filter(feed=feed, last_received_at__lte=cutoff).open()
    return _close(store, now, list(silent.order_by("pk").values_list("pk", flat=True)[:500]))


def close_stale_calls_of_file(store: CallStore, feed: Feed, connection: int, last_at: int, now: datetime) -> int:
    """The sweep at a file's end, by the file's own last stamp (`last_at`, epoch seconds)."""
    cutoff = precise_instant(last_at * 1_000_000) - timedelta(hours=feed.stale_after_hours)
    silent = (
        Call.objects.filter(feed=feed, last_event_at__lte=cutoff, events__connection=connection)
        .open()
        .order_by("pk")
        .distinct()
    )
    pks = list(silent.values_list("pk", flat=True))
    return sum(_close(store, now, pks[start : start + 500]) for start in range(0, len(pks), 500))


def _close(store: CallStore, now: datetime, pks: list[int]) -> int:
    return store.close_stale(now, pks) if pks else 0
