"""Quarantined lines tried again: through parse and store as if they came now, but with their own receipt.

A line that becomes an event (or is found to be one already) leaves quarantine in the same transaction, so that
accepted = events + duplicates + quarantined holds at all times. What still fails stays, with its reason as of now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.db.models import QuerySet

from calls.directory.models import Feed
from calls.rows import epoch_microseconds
from calls.store import CallStore
from ingest.framing import Fault
from ingest.loader import Clocks, event_of
from ingest.models import QuarantinedLine
from ingest.quarantine import unpack
from ingest.segments import Received
from ingest.smdr import MalformedLine, ParsedLine, parse

LINES_A_TRANSACTION = 200
MOST_AT_ONCE = 5_000
NEVER_TRIED = frozenset({"overlong", "damaged_record", "repeated"})
"""Only a part of the line, or none of its receipt, was kept; or there are more of the same than a call is told by."""

Parsed = tuple[QuarantinedLine, Received, ParsedLine]


@dataclass(slots=True)
class Tried:
    """Lines: `events` and `duplicates` left quarantine, `still` stay there, `left` were too many for one go."""

    events: int = 0
    duplicates: int = 0
    still: int = 0
    left: int = 0


def triable(feed: Feed) -> QuerySet[QuarantinedLine]:
    return QuarantinedLine.objects.filter(feed=feed).exclude(reason__in=NEVER_TRIED)


def parse_again(feed: Feed, lines: QuerySet[QuarantinedLine]) -> Tried:
    """Try these lines of the feed, in the order of their receipt; at most 5,000, 200 a transaction.

    Raises the driver's error if the database fails: what was stored until then stays stored.
    """
    pks = list(lines.order_by("received_at", "journal", "sequence").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    tried = Tried(left=lines.count() - MOST_AT_ONCE if len(pks) > MOST_AT_ONCE else 0)
    store = CallStore(feed.pk)
    for start in range(0, min(len(pks), MOST_AT_ONCE), LINES_A_TRANSACTION):
        _try(store, feed, pks[start : min(start + LINES_A_TRANSACTION, MOST_AT_ONCE)], tried)
    return tried


def parse_packed_again(feed: Feed) -> Tried:
    """Try the lines that quarantine has packed: those that can be read now are taken out, and stored as by the above.

    `still` counts the packed lines that were looked at and stay.
    """

    def is_readable(line: QuarantinedLine) -> bool:
        if line.reason in NEVER_TRIED:
            return False
        try:
            parse(bytes(line.line), feed.padding)
        except MalformedLine:
            return False
        return True

    keys, looked_at = unpack(feed.pk, is_readable, MOST_AT_ONCE)
    tried = parse_again(feed, QuarantinedLine.objects.filter(pk__in=keys))
    tried.still += looked_at - len(keys)
    return tried


def _try(store: CallStore, feed: Feed, pks: Sequence[int], tried: Tried) -> None:
    try:
        _commit(store, feed, pks, tried)
        return
    except (DataError, IntegrityError) as error:
        fault: Exception = error
    except (DatabaseError, InterfaceError, OSError, MemoryError):
        raise
    except Exception as error:
        fault = error
    if len(pks) == 1:
        detail = f"{type(fault).__name__}: {fault}".replace("\0", "␀")[:200]
        QuarantinedLine.objects.filter(pk=pks[0]).update(reason="not_stored", detail=detail)
        tried.still += 1
        return
    middle = len(pks) // 2
    _try(store, feed, pks[:middle], tried)
    _try(store, feed, pks[middle:], tried)


def _commit(store: CallStore, feed: Feed, pks: Sequence[int], tried: Tried) -> None:
    """One transaction. Lines that somebody else has tried meanwhile are no more there, and are passed over."""
    with store.transaction() as work:
        rows = QuarantinedLine.objects.filter(pk__in=pks, feed=feed).order_by("received_at", "journal", "sequence")
        parsed: list[Parsed] = []
        failed: list[QuarantinedLine] = []
        for row in rows:
            record = _record(row)
            try:
                parsed.append((row, record, parse(record.line, work.devices.padding)))
            except MalformedLine as error:
                if row.fault == Fault.NONE:
                    row.reason, row.detail = error.reason[:40], error.detail.replace("\0", "␀")[:200]
                failed.append(row)
        clocks = Clocks(ZoneInfo(feed.zone_name), feed.clock, work.state.call_id_clock_off)
        work.open({line.call_id for _, _, line in parsed})
        for row, record, line in parsed:
            resolution = clocks.resolver(record).resolve(
                line.stamp,
                line.call_id,
                record.origin,
                record.received_us,
                work.last_at(line.call_id, record.connection),
            )
            work.add(event_of(record, row.journal, line, resolution))
        QuarantinedLine.objects.filter(pk__in=[row.pk for row, _, _ in parsed]).delete()
        QuarantinedLine.objects.bulk_update(failed, ["reason", "detail"])
        work.tally.quarantined -= len(parsed)
    tried.events += work.tally.events
    tried.duplicates += work.tally.duplicates
    tried.still += len(failed)


def _record(row: QuarantinedLine) -> Received:
    return Received(
        received_us=epoch_microseconds(row.received_at),
        feed=row.feed_id,
        connection=row.connection,
        sequence=row.sequence,
        n=row.n,
        origin=row.origin,
        fault=row.fault,
        line=bytes(row.line),
    )
