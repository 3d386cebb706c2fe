"""The first of very many numbers: sums by number of whole years and months (calls/number_rollups.py), then calls.

One statement unites both and has the database choose; what a sum can't tell is asked of the numbers that are shown.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.db import connection
from django.db.models import Count, F, FloatField, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast

from calls.counting import CALL_COUNTS, NUMBER
from calls.directory.models import FeedState
from calls.models import Grain, NumberRollup
from calls.number_rollups import rows_of
from calls.periods import DAY, Period, day_start, month_start, year_start
from calls.querysets import CallQuerySet
from calls.records import CallState
from calls.rows import Row
from reports.engine import Question, Values
from reports.gathering import BY_TEXT, First
from reports.rolled import starting

COLUMNS = ("number", "calls", "known", "answered", "unanswered", "talk")
# Postgres keeps a sum of int4, or of float8, which is exact up to 2**53, in the group itself; of int8 each is apart.
_SUMS: dict[str, Any] = {
    "calls": Cast(Count("pk"), IntegerField()),
    "known": Cast(Count("pk", filter=~CALL_COUNTS["unknown"]), IntegerField()),
    "answered": Cast(Count("pk", filter=CALL_COUNTS["answered"]), IntegerField()),
    "unanswered": Cast(Count("pk", filter=CALL_COUNTS["abandoned"] | CALL_COUNTS["no_answer"]), IntegerField()),
    "talk": Cast(Sum("talk_seconds"), FloatField()),
}
_OF_ROWS: dict[str, Any] = {
    "calls": F("calls"),
    "known": F("calls") - F("unknown"),
    "answered": F("answered"),
    "unanswered": F("calls") - F("unknown") - F("answered"),
    "talk": Cast("talk", FloatField()),
}
_AS_IT_IS: dict[str, Any] = {"talk": F("talk")}  # of rows that may not be summed up
NEEDS = {
    "calls": "calls", "offered": "known", "made": "known", "answered": "answered", "answered_in": "answered",
    "answered_out": "answered", "abandoned": "unanswered", "no_answer": "unanswered", "talk": "talk",
}  # fmt: skip
APART = {"last", "unreturned"}  # asked of the numbers that are shown
COLLATED = {"postgresql": ' COLLATE "C"', "sqlite": ""}  # as Python orders texts
FIRST = """
SELECT number, groups, {sums} FROM (
    SELECT number, count(*) OVER () AS groups, {sums_of} FROM united GROUP BY number HAVING sum(calls) > 0
) AS g ORDER BY {order} LIMIT %s
"""
# `one` has a number at most once, so it need not be summed up: its first rows, and all that others have something of.
# Those are looked up in it one by one, so it is asked like that where it has most of the period.
MOST_OF = 0.8
DAYS_OF = {Grain.MONTH: 28, Grain.YEAR: 365}
FIRST_OF_ONE = """
, few AS (SELECT number, {sums_of} FROM united GROUP BY number HAVING sum(calls) > 0),
best AS (SELECT number, {sums} FROM one WHERE calls > 0 ORDER BY {order} LIMIT %s + (SELECT count(*) FROM few)),
found AS (
    SELECT number, {sums} FROM best WHERE NOT EXISTS (SELECT 1 FROM few WHERE few.number = best.number)
    UNION ALL SELECT few.number, {added} FROM few LEFT JOIN one ON one.number = few.number
)
SELECT number, (SELECT count(*) FROM one WHERE calls > 0) + (
    SELECT count(*) FROM few WHERE NOT EXISTS (SELECT 1 FROM one WHERE one.number = few.number AND one.calls > 0)
), {sums} FROM found WHERE calls > 0 ORDER BY {order} LIMIT %s
"""
# Not empty is said in the words of the indexes, which SQLite wants; the last call of each is then one step in them.
LAST = """
WITH given (number) AS (VALUES {given})
SELECT given.number,
    (SELECT max(started_at) FROM calls_call WHERE NOT (number_e164 = '') AND number_e164 = given.number AND {when}),
    (SELECT max(started_at) FROM calls_call
     WHERE NOT (number = '') AND number = given.number AND number_e164 = '' AND {when})
FROM given
"""


def first_numbers(
    question: Question, opens: Mapping[str, str], needs: Collection[str], order: str, most: int
) -> First | None:
    """As gathering.first_groups; `opens` says of which calls. None where sums by number do not hold what is asked."""
    direction, by = opens.get("direction", ""), order.removeprefix("-").split("/")
    asked = question.asked_for
    if set(by) - {*NEEDS, BY_TEXT} or set(needs) - {*NEEDS, *APART} or question.scope.departments is not None:
        return None
    if question.rules is None or set(opens) != {"direction"} or asked.keys() - {"feed", "direction"}:
        return None
    if asked.get("direction", direction) != direction:
        return None
    hidden = question.scope.masked_digits
    shown = f"CASE WHEN length(number) > {hidden} THEN substr(number, 1, length(number) - {hidden}) ELSE '' END"
    text = f"{shown if hidden else 'number'}{COLLATED[connection.vendor]}"
    chosen = [text if one == BY_TEXT else NEEDS[one] for one in by]
    first = chosen[0] if len(chosen) == 1 else f"{chosen[0]} / NULLIF({chosen[1]}, 0)"
    places = [f"({first}) IS NULL", f"{first}{' DESC' if order.startswith('-') else ''}", text]
    until = question.period.until
    beyond: set[int] | None = None
    while True:
        numbered = _numbered(question)
        if beyond == (beyond := {feed for feed, end in numbered.items() if end and end > until}):
            break  # nobody's sums came to hold calls after the period, meanwhile
        parts = list(_parts(question, direction, numbered))
        if not any(part.rows.model is NumberRollup for part in parts):
            return None
        found = _first_of(parts, ", ".join(places), most, (min(until, question.now) - question.period.since).days)
    rows = [(row[0], dict(zip(COLUMNS[1:], row[2:], strict=True))) for row in found]
    more = _apart(question, direction, [number for number, _ in rows], APART.intersection(needs))
    named = [
        (number, {need: more[need].get(number, 0) if need in APART else of_row[NEEDS[need]] for need in needs})
        for number, of_row in rows
    ]
    return named, found[0][1] if found else 0


def _numbered(question: Question) -> dict[int, datetime | None]:
    """By feed: before which instant its calls are in the sums."""
    states = FeedState.objects.filter(feed=question.feed) if question.feed else FeedState.objects.all()
    return dict(states.values_list("feed", "numbered_until"))


@dataclass(frozen=True, slots=True)
class Part:
    rows: QuerySet[Any]  # of COLUMNS
    days_once: int = 0  # how many days it has, of sums in which no number stands twice


def _first_of(parts: Sequence[Part], order: str, most: int, days: int) -> list[Row]:
    sums = COLUMNS[1:]
    one = next((part for part in parts if part.days_once and part.days_once >= MOST_OF * days), None)
    statement = (FIRST_OF_ONE if one else FIRST).format(
        sums=", ".join(sums), sums_of=", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in sums),
        added=", ".join(f"few.{name} + coalesce(one.{name}, 0) AS {name}" for name in sums), order=order,
    )  # fmt: skip
    if one is None:
        return rows_of(statement, COLUMNS, {"united": [part.rows for part in parts]}, [most])
    others = [part.rows for part in parts if part is not one]
    return rows_of(statement, COLUMNS, {"one": [one.rows], "united": others}, [most, most])


def _parts(question: Question, direction: str, numbered: Mapping[int, datetime | None]) -> Iterator[Part]:
    """What together holds the question's calls of one direction."""
    period, calls = question.period, question.calls().filter(direction=direction)
    begin, end = _whole_months(period)
    feeds_by_end: dict[datetime | None, list[int]] = {}  # up to when their rows are of use
    for feed, numbered_until in numbered.items():
        until = end if numbered_until and numbered_until > period.until else numbered_until
        feeds_by_end.setdefault(until if until and until > begin else None, []).append(feed)
    for until, feeds in feeds_by_end.items():
        of_feeds = calls if len(feeds_by_end) == 1 else calls.of_feeds_by_time(*feeds)
        if until is None:
            yield Part(_of_calls(of_feeds))
            continue
        of_these = Q(feed__in=feeds) if len(feeds) > 1 else Q(feed=feeds[0])
        rows = NumberRollup.objects.filter(of_these, direction=direction)
        ended = of_feeds.filter(state=CallState.ENDED)
        open_until = period.until
        if until == end:
            starts, open_until, rest = _starts(period, begin, end), end, of_feeds.filter(started_at__gte=end)
        else:  # more may be summed up between two statements: up to when they are is asked again by the one that reads
            starts = _starts(period, begin, None)
            whose = OuterRef("feed") if len(feeds) > 1 else feeds[0]
            known = FeedState.objects.filter(feed=whose).values("numbered_until")
            rest = ended.filter(started_at__gte=until).filter(started_at__gte=Subquery(known))
        for start in starts:
            said = dict(cast("list[tuple[str, Any]]", start.children))
            is_once = len(numbered) == 1 and "start" in said
            named = {f"s_{name}": of for name, of in (_OF_ROWS | (_AS_IT_IS if is_once else {})).items()}
            found = rows.filter(start).annotate(**named).values_list("number", *named)
            covers = (min(until, period.until) - said["start"]).days if is_once else 0
            yield Part(found, min(covers, DAYS_OF[said["grain"]]) if is_once else 0)
        in_progress = calls.filter(feed__in=feeds, started_at__gte=begin, started_at__lt=open_until).open()
        yield Part(_of_calls(in_progress))  # with their feeds, as the index of open calls has them
        if period.since < begin:
            yield Part(_of_calls(of_feeds.filter(started_at__lt=begin)))
        if until < period.until:
            yield Part(_of_calls(rest))


def _starts(period: Period, begin: datetime, end: datetime | None) -> Iterator[Q]:
    """Rows of years, and of the months beside them, from `begin` to `end`; None: to the period's end, in its midst."""
    zone, until = period.zone, end or period.until
    first, stop = (at.astimezone(zone).date() for at in (begin, until))
    if day_start(stop, zone) < until:
        stop += DAY
    years_first = first if year_start(first) == first else year_start(year_start(first) + 366 * DAY)
    years_stop = year_start(stop) if end else stop  # the year that goes on at the period's end has its row, too
    if years_first >= years_stop:
        yield starting(Grain.MONTH, first, stop, zone)
        return
    if first < years_first:
        yield starting(Grain.MONTH, first, years_first, zone)
    yield starting(Grain.YEAR, years_first, years_stop, zone)
    if end and years_stop < stop:
        yield starting(Grain.MONTH, years_stop, stop, zone)


def _whole_months(period: Period) -> tuple[datetime, datetime]:
    """From which instant to which the period has months that are whole."""
    first, last = (end.astimezone(period.zone).date() for end in (period.since, period.until))
    begin = day_start(month_start(first), period.zone)
    if begin < period.since:
        begin = day_start(month_start(month_start(first) + 31 * DAY), period.zone)
    return begin, day_start(month_start(last), period.zone)


def _of_calls(calls: CallQuerySet) -> QuerySet[Any]:
    sums = {f"s_{name}": of for name, of in _SUMS.items()}
    rows: QuerySet[Any] = calls.annotate(k_number=NUMBER).values("k_number").annotate(**sums)
    return rows.values_list("k_number", *sums)


def _apart(question: Question, direction: str, numbers: Sequence[str], needs: Collection[str]) -> Mapping[str, Values]:
    """Of these numbers: when their last call was, and how many calls wait to be called back."""
    calls = question.calls().filter(direction=direction)
    found: dict[str, Values] = {need: {} for need in needs}
    if "unreturned" in needs:
        waiting = calls.filter(CALL_COUNTS["unreturned"], unreturned_number__in=numbers)
        found["unreturned"] = dict(waiting.values_list("unreturned_number").annotate(count=Count("pk")))
    if "last" in needs and numbers:
        when = ["direction = %s", "started_at >= %s", "started_at < %s"]
        adapt = connection.ops.adapt_datetimefield_value
        given: list[Any] = [direction, adapt(question.period.since), adapt(question.period.until)]
        if question.feed:
            when, given = [*when, "feed_id = %s"], [*given, question.feed]
        statement = LAST.format(given=", ".join(["(%s)"] * len(numbers)), when=" AND ".join(when))
        with connection.cursor() as cursor:
            cursor.execute(statement, [*numbers, *given, *given])
            for number, *last in cursor.fetchall():
                found["last"][number] = max((_moment(at) for at in last if at), default=None)
        if "" in numbers:
            withheld = calls.filter(number_e164="", number="")
            found["last"][""] = withheld.aggregate(last=Max("started_at"))["last"]
    return found


def _moment(at: Any) -> datetime:
    """Of what a driver hands over: SQLite's a text."""
    return at if isinstance(at, datetime) else datetime.fromisoformat(at).replace(tzinfo=UTC)
