"""Sums by number and month, for reports of the most frequent of very many numbers (docs/decisions/0017).

Most numbers have a call or two a month, so to keep these sums with each call would nearly double what is written. A day
is summed up when it is over, while nothing waits to be loaded. Whatever changes its calls afterwards, calls/rollups.py
adds as a difference.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, DateTimeField, F, Min, QuerySet, Sum, Value
from django.utils import timezone

from calls.counting import CALL_COUNTS, NUMBER
from calls.directory.models import Feed, FeedState
from calls.models import Call, NumberRollup
from calls.periods import DAY, day_start, month_start
from calls.records import CallState
from calls.rollups import NUMBER_COLUMNS, NUMBER_SUMS, Rules
from calls.rows import EPOCH, Row, epoch_seconds, instant
from calls.store import CallStore

MEASURES: dict[str, Any] = {
    "calls": Count("pk"),
    "unknown": Count("pk", filter=CALL_COUNTS["unknown"]),
    "answered": Count("pk", filter=CALL_COUNTS["answered"]),
    "talk": Sum("talk_seconds"),
}
assert tuple(MEASURES) == NUMBER_SUMS


def sum_a_day(store: CallStore) -> bool:
    """Sum up one more day that is over, the first one left; False when none is, or days are not known yet."""
    feed = Feed.objects.select_related("state").get(pk=store.feed_id)
    rules = Rules.of(feed)
    zone = ZoneInfo(rules.zone)
    today = day_start(timezone.now().astimezone(zone).date(), zone)
    if feed.state.rolled_by != str(rules) or (feed.state.numbered_until or EPOCH) >= today:
        return False
    with store.transaction() as work:
        since, until = work.state.numbered_until or EPOCH, today
        if work.state.rolled_by != str(rules) or since >= today:  # by somebody else, meanwhile
            return True
        calls = Call.objects.of_feeds_by_time(feed.pk).filter(started_at__gte=since)
        first = calls.aggregate(first=Min("started_at"))["first"]
        if first is not None and first < today:
            day = first.astimezone(zone).date()
            until = day_start(day + DAY, zone)
            _add(_of_calls(feed.pk, since, until, day_start(month_start(day), zone)))
        FeedState.objects.filter(pk=feed.pk).update(numbered_until=until)
    return True


def forget_numbers(feed: int) -> None:
    """Sums of months that begin by another clock are of no use. In a transaction of the store."""
    NumberRollup.objects.filter(feed=feed).delete()
    FeedState.objects.filter(pk=feed).update(numbered_until=None)


def wrong_numbers(feed: int, month: int, until: int) -> list[Row]:
    """What has to be added to a month's rows, so that they are as its calls: rows of NUMBER_COLUMNS.

    `month` and `until` are where it begins and ends, in epoch seconds.
    """
    begin, end = instant(month), instant(until)
    numbered_until = FeedState.objects.values_list("numbered_until", flat=True).get(pk=feed) or EPOCH
    less = {f"less_{name}": F(name) * -1 for name in NUMBER_SUMS}
    stored = NumberRollup.objects.filter(feed=feed, start__gte=begin, start__lt=end).annotate(**less)
    sums = ", ".join(f"sum({name})" for name in NUMBER_SUMS)
    found = rows_of(
        f"SELECT start, feed_id, direction, number, {sums} FROM united GROUP BY start, feed_id, direction, number"  # noqa: S608
        f" HAVING {' OR '.join(f'sum({name}) <> 0' for name in NUMBER_SUMS)}",
        NUMBER_COLUMNS,
        [
            _of_calls(feed, begin, min(end, numbered_until), begin),
            stored.values_list(*NumberRollup.KEY, *less),
        ],
    )
    return [(_seconds(start), *key, *map(int, sums)) for start, *rest in found for key, sums in [(rest[:3], rest[3:])]]


def rows_of(
    statement: str, names: Iterable[str], parts: Iterable[QuerySet[Any]], more: Iterable[Any] = ()
) -> list[Row]:
    """What a statement finds in `united`: all rows of these queries, under one another, their columns so named."""
    compiled = [part.query.sql_with_params() for part in parts]
    given = [parameter for _, parameters in compiled for parameter in parameters]
    united = " UNION ALL ".join(sql for sql, _ in compiled)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH united ({', '.join(names)}) AS ({united}) {statement}", [*given, *more])
        found: list[Row] = cursor.fetchall()
    return found


def _of_calls(feed: int, since: datetime, until: datetime, month: datetime) -> QuerySet[Any]:
    """Rows of NUMBER_COLUMNS of ended calls."""
    of_feed = Call.objects.of_feeds_by_time(feed)
    calls = of_feed.filter(state=CallState.ENDED, started_at__gte=since, started_at__lt=until)
    by = {"k_start": Value(month, DateTimeField()), "k_feed": F("feed_id"), "k_direction": F("direction"),
          "k_number": NUMBER}  # fmt: skip
    sums = {f"m_{name}": measure for name, measure in MEASURES.items()}
    rows: QuerySet[Any] = calls.order_by().annotate(**by).values(*by).annotate(**sums).values_list(*by, *sums)
    return rows


def _add(rows: QuerySet[Any]) -> None:
    """Add rows of NUMBER_COLUMNS to those stored, within the database, in the order of their key."""
    sql, parameters = rows.order_by("k_direction", "k_number").query.sql_with_params()
    table = NumberRollup._meta.db_table
    grown = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in NUMBER_SUMS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(NUMBER_COLUMNS)}) {sql}"
            f" ON CONFLICT ({', '.join(NumberRollup.KEY)}) DO UPDATE SET {grown}",
            parameters,
        )


def _seconds(start: Any) -> int:
    """Of what a driver hands over: SQLite's a text."""
    return epoch_seconds(start if isinstance(start, datetime) else datetime.fromisoformat(start).replace(tzinfo=UTC))
