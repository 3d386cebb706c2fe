"""Sums by number, month and year, for reports of the most frequent of very many numbers (docs/decisions/0017).

Most numbers have a call or two a month, so to keep these sums with each call would nearly double what is written. Calls
are summed up when their day is over, while nothing waits to be loaded. Whatever changes them afterwards,
calls/rollups.py adds as a difference.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, DateTimeField, F, QuerySet, Sum, Value
from django.utils import timezone

from calls.counting import CALL_COUNTS, NUMBER
from calls.directory.models import Feed, FeedState
from calls.models import Call, Grain, NumberRollup
from calls.periods import DAY, day_start, month_start, year_start
from calls.records import CallState
from calls.rollups import NUMBER_COLUMNS, NUMBER_SUMS, Rules
from calls.rows import EPOCH, Row, epoch_seconds
from calls.store import CallStore

AT_ONCE = 1_000  # calls: some ten milliseconds
SECOND = timedelta(seconds=1)
MEASURES: dict[str, Any] = {
    "calls": Count("pk"),
    "unknown": Count("pk", filter=CALL_COUNTS["unknown"]),
    "answered": Count("pk", filter=CALL_COUNTS["answered"]),
    "talk": Sum("talk_seconds"),
}
assert tuple(MEASURES) == NUMBER_SUMS


def sum_some(store: CallStore) -> bool:
    """Sum up some more calls of days that are over, the first ones left; False when none is, or days are not known yet.

    Of one month, and few at a time, those of other feeds among them: on SQLite the lines of every feed wait meanwhile.
    """
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
        left = Call.objects.filter(started_at__gte=since, started_at__lt=today)
        starts = left.order_by("started_at").values_list("started_at", flat=True)
        if first := starts.first():
            month = month_start(first.astimezone(zone).date())
            ends = [today, day_start(month_start(month + 31 * DAY), zone), *starts[AT_ONCE : AT_ONCE + 1]]
            until = max(min(ends).replace(microsecond=0), first + SECOND)
            for grain, start in ((Grain.MONTH, month), (Grain.YEAR, year_start(month))):
                _add(_of_calls(feed.pk, since, until, grain, day_start(start, zone)))
        FeedState.objects.filter(pk=feed.pk).update(numbered_until=until)
    return True


def forget_numbers(feed: int) -> None:
    """Sums of months and years that begin by another clock are of no use. In a transaction of the store."""
    NumberRollup.objects.filter(feed=feed).delete()
    FeedState.objects.filter(pk=feed).update(numbered_until=None)


def wrong_numbers(feed: int, grain: Grain, begin: datetime, end: datetime) -> list[Row]:
    """What has to be added to the rows of a month, so that they are as its calls, or of a year, as its months.

    Rows of NUMBER_COLUMNS; `begin` and `end` are the month's or year's.
    """
    rows = NumberRollup.objects.filter(feed=feed, start__gte=begin, start__lt=end)
    if grain == Grain.MONTH:
        numbered_until = FeedState.objects.values_list("numbered_until", flat=True).get(pk=feed) or EPOCH
        due = _of_calls(feed, begin, min(end, numbered_until), grain, begin)
    else:
        due = _grouped(rows.filter(grain=Grain.MONTH), grain, begin, F("number"), {n: Sum(n) for n in NUMBER_SUMS})
    less = {f"less_{name}": F(name) * -1 for name in NUMBER_SUMS}
    stored = rows.filter(grain=grain).annotate(**less).values_list(*NumberRollup.KEY, *less)
    key, sums = ", ".join(NumberRollup.KEY), ", ".join(f"sum({name})" for name in NUMBER_SUMS)
    differ = " OR ".join(f"sum({name}) <> 0" for name in NUMBER_SUMS)
    statement = f"SELECT {key}, {sums} FROM united GROUP BY {key} HAVING {differ}"  # noqa: S608
    found = rows_of(statement, NUMBER_COLUMNS, {"united": [due, stored]})
    return [(at_grain, _seconds(start), *rest[:3], *map(int, rest[3:])) for at_grain, start, *rest in found]


def rows_of(
    statement: str, names: Iterable[str], tables: Mapping[str, Iterable[QuerySet[Any]]], more: Iterable[Any] = ()
) -> list[Row]:
    """What a statement finds in these tables: each has all rows of its queries, under one another, columns so named.

    The statement may begin with a comma and further tables. None of these is copied, however often it is named.
    """
    columns = ", ".join(names)
    given: list[Any] = []
    made = []
    for table, parts in tables.items():
        compiled = [part.query.sql_with_params() for part in parts]
        given += [parameter for _, parameters in compiled for parameter in parameters]
        made.append(f"{table} ({columns}) AS NOT MATERIALIZED ({' UNION ALL '.join(sql for sql, _ in compiled)})")
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(made)} {statement}", [*given, *more])
        found: list[Row] = cursor.fetchall()
    return found


def _of_calls(feed: int, since: datetime, until: datetime, grain: Grain, start: datetime) -> QuerySet[Any]:
    """Rows of NUMBER_COLUMNS of ended calls."""
    of_feed = Call.objects.of_feeds_by_time(feed)
    calls = of_feed.filter(state=CallState.ENDED, started_at__gte=since, started_at__lt=until)
    return _grouped(calls.order_by(), grain, start, NUMBER, MEASURES)


def _grouped(
    rows: QuerySet[Any], grain: Grain, start: datetime, number: Any, measures: Mapping[str, Any]
) -> QuerySet[Any]:
    by = {"k_grain": Value(int(grain)), "k_start": Value(start, DateTimeField()), "k_feed": F("feed_id"),
          "k_direction": F("direction"), "k_number": number}  # fmt: skip
    sums = {f"m_{name}": measure for name, measure in measures.items()}
    found: QuerySet[Any] = rows.annotate(**by).values(*by).annotate(**sums).values_list(*by, *sums)
    return found


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
