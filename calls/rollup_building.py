"""Roll-ups made from the calls themselves: proved and repaired by `manage.py rebuild`, made again when a rule changed.

Sums are asked of the database by the conditions of calls/counting.py, so they are a second reckoning beside
calls/rollups.py; what is stored and differs is corrected by the difference. A day at a time, each in one transaction of
the store; a month's rows are the sums of its days', and a year's of its months'.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import add, sub
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import CharField, Count, F, Max, Min, Q, Sum
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from calls.chargeback import Part, allocated, shares
from calls.costing.models import Chargeback
from calls.counting import CALL_COUNTS, service_measures
from calls.directory.models import Feed, FeedState
from calls.models import Call, CallRollup, CostStatus, Facet, Grain, Leg, LegRollup, NumberRollup
from calls.number_rollups import forget_numbers, sum_some, wrong_numbers
from calls.periods import DAY, day_start, month_start, year_start
from calls.querysets import CallQuerySet
from calls.records import CallState
from calls.rollups import CALL_SUMS, HOUR_SECONDS, LEG_SUMS, Rules, Sums, add_rows
from calls.rows import EPOCH, Row, epoch_seconds, instant
from calls.store import CallStore

Rows = dict[Row, Sums]  # by their key
NAMES = {
    Facet.TRUNK: "trunk", Facet.DID: "did", Facet.ACCOUNT: "account_code", Facet.DESTINATION: "destination_id",
}  # fmt: skip
_SERVICE = service_measures(EPOCH)
CALL_MEASURES: dict[str, Any] = {
    "calls": Count("pk"),
    "unknown": Count("pk", filter=CALL_COUNTS["unknown"]),
    "answered": Count("pk", filter=CALL_COUNTS["answered"]),
    "lost": Count("pk", filter=CALL_COUNTS["lost"]),
    **{name: Sum(f"{name}_seconds") for name in ("talk", "ring", "queue", "hold")},
    **{name: _SERVICE[name] for name in ("in_time", "short_abandoned", "handled", "to_answer", "to_person")},
    "cost": Sum("cost"),
    "recharge": Sum("recharge"),
    "unrated": Count("pk", filter=Q(cost_status=CostStatus.UNRATED)),
}
LEG_MEASURES: dict[str, Any] = {
    "legs": Count("pk"),
    "firsts": Count("pk", filter=Q(position=0)),
    "talks": Count("pk", filter=Q(answered_at__isnull=False)),
    "missed": Count("pk", filter=Q(outcome="missed")),
    **{name: Sum(f"{name}_seconds") for name in ("ring", "talk", "hold")},
}
assert tuple(CALL_MEASURES) == CALL_SUMS
assert (*LEG_MEASURES, "charged") == LEG_SUMS


@dataclass(frozen=True, slots=True)
class Span:
    """Ended calls of one feed that started in a local day, month or year: from and up to but without, epoch seconds."""

    feed: int
    since: int
    until: int
    rules: Rules

    def calls(self) -> CallQuerySet:
        calls: CallQuerySet = Call.objects.of_feeds_by_time(self.feed)
        return calls.filter(state=CallState.ENDED, **self.within("started_at")).order_by()

    def within(self, name: str) -> dict[str, Any]:
        return {f"{name}__gte": instant(self.since), f"{name}__lt": instant(self.until)}


def of_calls(span: Span) -> Rows:
    """The rows of CallRollup that hold a day's calls: its hours and itself."""
    rows: Rows = {}
    length = len("2026-11-24 09" if span.rules.step_seconds == HOUR_SECONDS else "2026-11-24 09:15")
    step = Substr(Cast("started_at", CharField()), 1, length)
    for (text, direction, department), sums in _grouped(
        span.calls(), {"k_step": step, "k_direction": F("direction"), "k_department": F("department_id")}, CALL_MEASURES
    ):
        at = epoch_seconds(datetime.fromisoformat(text).replace(tzinfo=UTC))
        start = at - at % span.rules.step_seconds
        _add(rows, (Grain.HOUR, Facet.WHOLE, start, span.feed, "", direction, "", 0, ""), sums)
        _add(rows, (Grain.HOUR, Facet.DEPARTMENT, start, span.feed, "", direction, "", department or 0, ""), sums)
    fields = ("direction", "outcome", "currency", "department_id", *NAMES.values())
    by = {f"k_{field}": F(field) for field in fields}
    for (direction, outcome, currency, department, *names), sums in _grouped(span.calls(), by, CALL_MEASURES):
        day = span.since, span.feed
        key = (Grain.DAY, Facet.DEPARTMENT, *day, "", direction, outcome, department or 0, currency)
        _add(rows, key, sums)
        for facet, name in zip(NAMES, names, strict=True):
            text = "" if name is None else str(name)
            _add(rows, (Grain.DAY, facet, *day, text, direction, outcome, 0, currency), sums)
    return rows


def of_legs(span: Span) -> Rows:
    """The rows of LegRollup that hold a day's legs, and what their devices are charged."""
    rows: Rows = {}
    names = ("extension", "direction", "call__outcome", "call__department_id", "call__currency")
    of_feed = Leg.objects.of_feeds_by_time(span.feed)
    legs = of_feed.filter(call__state=CallState.ENDED, **span.within("call_started_at")).order_by()
    by = {f"k_{place}": F(name) for place, name in enumerate(names)}
    for (device, direction, outcome, department, currency), sums in _grouped(legs, by, LEG_MEASURES):
        key = (Grain.DAY, span.since, span.feed, device, direction, outcome, department or 0, currency)
        _add(rows, key, (*sums, 0))
    calls = span.calls().filter(cost__gt=0)
    talks: dict[int, list[Part]] = {}
    if span.rules.chargeback == Chargeback.TALK:
        found = Leg.objects.filter(call__in=calls.values("pk"), **span.within("call_started_at"))
        ordered = found.order_by("call", "position")
        for call, device, seconds in ordered.values_list("call_id", "extension", "talk_seconds"):
            talks.setdefault(call, []).append(Part(device, seconds))
    fields = ("pk", "cost", "extension", "last_extension", "direction", "outcome", "department_id", "currency")
    for pk, cost, first, last, direction, outcome, department, currency in calls.values_list(*fields):
        weights = shares(span.rules.chargeback, first, last, talks.get(pk, []))
        for device, amount in allocated(cost, weights).items():
            key = (Grain.DAY, span.since, span.feed, device, direction, outcome, department or 0, currency)
            _add(rows, key, (0,) * (len(LEG_SUMS) - 1) + (amount,))
    return rows


def _grouped(found: Any, by: Mapping[str, Any], measures: Mapping[str, Any]) -> Iterable[tuple[Row, Sums]]:
    named = {f"m_{name}": measure for name, measure in measures.items()}
    for row in found.annotate(**by).values(*by).annotate(**named):
        yield tuple(row[name] for name in by), tuple(_whole(row[name]) for name in named)


def _whole(value: Any) -> int:
    return int(value.total_seconds()) if isinstance(value, timedelta) else int(value or 0)


def _add(rows: Rows, key: Row, sums: Sums) -> None:
    known = rows.get(key)
    rows[key] = sums if known is None else tuple(map(add, known, sums))


def _stored(model: type[CallRollup] | type[LegRollup], sums: tuple[str, ...], span: Span, *grains: Grain) -> Rows:
    """Rows that begin in the span, whatever the rules were by which they were written."""
    start, keys = model.KEY.index("start"), len(model.KEY)
    found = model._default_manager.filter(feed=span.feed, grain__in=grains, **span.within("start"))
    return {
        (*row[:start], epoch_seconds(row[start]), *row[start + 1 : keys]): row[keys:]
        for row in found.values_list(*model.KEY, *sums)
    }


def _of_finer(model: type[CallRollup] | type[LegRollup], sums: tuple[str, ...], span: Span, grain: Grain) -> Rows:
    """A month's rows, which are the sums of its days', or a year's, of its months'."""
    by = [name for name in model.KEY if name not in {"grain", "start"}]
    found = model._default_manager.filter(feed=span.feed, grain=grain - 1, **span.within("start"))
    start = model.KEY.index("start")
    rows: Rows = {}
    for row in found.values_list(*by).annotate(**{f"m_{name}": Sum(name) for name in sums}):
        key = (grain, *row[: start - 1], span.since, *row[start - 1 : len(by)])
        rows[key] = row[len(by) :]
    return rows


def _differences(due: Rows, stored: Rows, width: int) -> list[Row]:
    """What has to be added to the stored rows, so that they are as due; rows of noughts and no rows are the same."""
    nothing = (0,) * width
    found = []
    for key in due.keys() | stored.keys():
        less = tuple(map(sub, due.get(key, nothing), stored.get(key, nothing)))
        if any(less):
            found.append((*key, *less))
    return found


def repair_day(span: Span) -> int:
    """Compare a day's rows, and its hours', with its calls, and correct them; how many differed."""
    calls = _differences(of_calls(span), _stored(CallRollup, CALL_SUMS, span, Grain.HOUR, Grain.DAY), len(CALL_SUMS))
    legs = _differences(of_legs(span), _stored(LegRollup, LEG_SUMS, span, Grain.DAY), len(LEG_SUMS))
    add_rows("default", calls, legs)
    return len(calls) + len(legs)


def repair_month(span: Span) -> int:
    """Compare a month's rows with its days', which must be right, and correct them; how many differed."""
    calls, legs = (
        _differences(_of_finer(model, sums, span, Grain.MONTH), _stored(model, sums, span, Grain.MONTH), len(sums))
        for model, sums in ((CallRollup, CALL_SUMS), (LegRollup, LEG_SUMS))
    )
    add_rows("default", calls, legs)
    return len(calls) + len(legs)


def repair_year(span: Span) -> int:
    """Compare a year's rows of legs with its months', which must be right, and correct them; how many differed."""
    due = _of_finer(LegRollup, LEG_SUMS, span, Grain.YEAR)
    legs = _differences(due, _stored(LegRollup, LEG_SUMS, span, Grain.YEAR), len(LEG_SUMS))
    add_rows("default", (), legs)
    return len(legs)


def repair_numbers(span: Span, grain: Grain) -> int:
    """Compare a month's sums by number with its calls, or a year's with its months', and correct them."""
    numbers = wrong_numbers(span.feed, grain, instant(span.since), instant(span.until))
    add_rows("default", (), (), numbers)
    return len(numbers)


def build_some(store: CallStore) -> bool:
    """Make roll-ups of one more day of calls, the latest first; False when none is left to be made.

    A feed's first ones, and all of them after a rule was edited; reports read calls for as long as that takes. Then
    those by number, of the days that are over.
    """
    feed = Feed.objects.get(pk=store.feed_id)
    rules = Rules.of(feed)
    known = FeedState.objects.filter(pk=feed.pk).values_list("rolled_by", "rolled_since").first()
    if known == (str(rules), EPOCH):
        return sum_some(store)
    with store.transaction() as work:
        since = work.state.rolled_since
        if work.state.rolled_by != str(rules) or since is None:
            if work.state.rolled_by and Rules.read(work.state.rolled_by).zone != rules.zone:
                forget_numbers(feed.pk)
                LegRollup.objects.filter(feed=feed.pk, grain=Grain.YEAR).delete()  # which begin in another year now
            since = _day_after_all(feed.pk, rules)
        else:
            since = _next_day(feed.pk, since, rules)
        FeedState.objects.filter(pk=feed.pk).update(rolled_by=str(rules), rolled_since=since)
    return True


def _day_after_all(feed: int, rules: Rules) -> datetime:
    calls = Call.objects.of_feeds_by_time(feed).aggregate(latest=Max("started_at"))["latest"] or EPOCH
    rows = CallRollup.objects.filter(feed=feed).aggregate(latest=Max("start"))["latest"] or EPOCH
    zone = ZoneInfo(rules.zone)
    return day_start(max(calls, rows, timezone.now()).astimezone(zone).date() + 2 * DAY, zone)


def _next_day(feed: int, since: datetime, rules: Rules) -> datetime:
    """Make the latest day before `since` in which there are calls, or rows; where it begins, or EPOCH."""
    of_feed = Call.objects.of_feeds_by_time(feed)
    calls = of_feed.filter(started_at__lt=since).aggregate(latest=Max("started_at"))["latest"]
    rows = CallRollup.objects.filter(feed=feed, start__lt=since).aggregate(latest=Max("start"))["latest"]
    zone = ZoneInfo(rules.zone)
    before = month_start(since.astimezone(zone).date())  # the month that was being made
    latest = max(filter(None, (calls, rows)), default=None)
    day = latest.astimezone(zone).date() if latest else None
    if day is None or month_start(day) != before:
        repair_month(month_of(feed, before, rules))
    if day is None or year_start(day) != year_start(before):
        repair_year(year_of(feed, before, rules))
    if day is None:
        return EPOCH
    repair_day(day_of(feed, day, rules))
    if day.day == 1:  # from now on reports may take the month's rows
        repair_month(month_of(feed, day, rules))
    if day == year_start(day):
        repair_year(year_of(feed, day, rules))
    return day_start(day, zone)


def day_of(feed: int, day: date, rules: Rules) -> Span:
    return _span(feed, day, day + DAY, rules)


def month_of(feed: int, day: date, rules: Rules) -> Span:
    first = month_start(day)
    return _span(feed, first, month_start(first + 31 * DAY), rules)


def year_of(feed: int, day: date, rules: Rules) -> Span:
    first = year_start(day)
    return _span(feed, first, year_start(first + 366 * DAY), rules)


def _span(feed: int, first: date, end: date, rules: Rules) -> Span:
    zone = ZoneInfo(rules.zone)
    since, until = (int(day_start(day, zone).timestamp()) for day in (first, end))
    return Span(feed, since, until, rules)


def prove(store: CallStore, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Compare the roll-ups of a range with the calls, and correct them: days looked at, rows that differed.

    Those that are not made yet are made first.
    """
    while build_some(store):
        pass
    feed, rules = store.feed_id, Rules.of(Feed.objects.get(pk=store.feed_id))
    zone = ZoneInfo(rules.zone)
    end = until.astimezone(zone).date() + DAY if until else date.max
    day = _next(feed, since.astimezone(zone).date() if since else EPOCH.date(), rules)
    months, differed, days = set(), 0, 0
    while day is not None and day < end:
        with store.transaction():
            differed += repair_day(day_of(feed, day, rules))
        months.add(month_start(day))
        days += 1
        day = _next(feed, day + DAY, rules)
    for month in sorted(months):
        with store.transaction():
            differed += repair_month(month_of(feed, month, rules))
        with store.transaction():
            differed += repair_numbers(month_of(feed, month, rules), Grain.MONTH)
    for year in sorted({year_start(month) for month in months}):
        with store.transaction():
            differed += repair_year(year_of(feed, year, rules))
        with store.transaction():
            differed += repair_numbers(year_of(feed, year, rules), Grain.YEAR)
    return days, differed


def _next(feed: int, day: date, rules: Rules) -> date | None:
    """The first day, from `day` on, of which there are calls or rows."""
    zone = ZoneInfo(rules.zone)
    from_then = day_start(day, zone)
    calls = Call.objects.of_feeds_by_time(feed).filter(started_at__gte=from_then)
    found = [calls.aggregate(at=Min("started_at"))["at"]]
    found += [
        model._default_manager.filter(feed=feed, start__gte=from_then).aggregate(at=Min("start"))["at"]
        for model in (CallRollup, LegRollup, NumberRollup)
    ]
    known = [at for at in found if at]
    return min(known).astimezone(zone).date() if known else None
