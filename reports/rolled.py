"""Which roll-ups hold the calls that a question is about, the coarsest there are; None where none do."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce

from calls.counting import NO_DEVICE
from calls.models import CallRollup, Facet, Grain, LegRollup
from calls.periods import DAY, Period, day_start, month_start, year_start
from calls.rows import EPOCH
from reports.engine import Question, Values
from reports.measures import GREATEST, LEAST

_IN, _OUT = Q(direction="in"), Q(direction="out")
_KNOWN = F("calls") - F("unknown")
NAMED = {"trunk": Facet.TRUNK, "did": Facet.DID, "account_code": Facet.ACCOUNT}
FILTERS = {"feed", "department", "direction", "outcome", "weekday", "hours", *NAMED}
LEG_FILTERS = {"feed", "department", "direction", "outcome"}
MONEY = {"cost", "recharge", "unrated", "first_currency", "last_currency"}  # not kept by hour
LONGEST = {Grain.DAY: DAY, Grain.MONTH: 31 * DAY, Grain.YEAR: 366 * DAY}
NONE_ENDED = {"waiting_late", "unreturned"}  # live calls only, and what hangs on other calls


def int_sum(what: Any, **more: Any) -> Any:
    """A sum that Postgres hands over as the integer that it is: it makes decimals of them, which take long to read."""
    return Coalesce(Cast(Sum(what, **more), BigIntegerField()), Value(0, BigIntegerField()))


SUMS: dict[str, Any] = {
    "offered": int_sum(_KNOWN, filter=_IN),
    "made": int_sum(_KNOWN, filter=_OUT),
    "answered_in": int_sum("answered", filter=_IN),
    "answered_out": int_sum("answered", filter=_OUT),
    "abandoned": int_sum(_KNOWN - F("answered"), filter=_IN),
    "no_answer": int_sum(_KNOWN - F("answered"), filter=_OUT),
    "talk_in": int_sum("talk", filter=_IN),
    "talk_out": int_sum("talk", filter=_OUT),
    "first_currency": Min("currency", filter=Q(calls__gt=0) & ~Q(currency="")),
    "last_currency": Max("currency", filter=Q(calls__gt=0) & ~Q(currency="")),
    **{
        name: int_sum(name)
        for name in ("calls", "unknown", "answered", "lost", "talk", "ring", "queue", "hold", "in_time",
                     "short_abandoned", "handled", "to_answer", "to_person", "cost", "recharge", "unrated")
    },
}  # fmt: skip


def rollups(question: Question, facet: Facet, finest: Grain, needs: Collection[str]) -> list[Any] | None:
    """Query sets of CallRollup that together hold the question's ended calls, by `facet`, no coarser than `finest`."""
    asked = question.asked_for
    if asked.keys() - FILTERS or set(needs) - SUMS.keys() - NONE_ENDED:
        return None
    facets = {NAMED[name] for name in asked.keys() & NAMED.keys()} | ({facet} - {Facet.WHOLE})
    if "department" in asked or question.scope.departments is not None:
        facets.add(Facet.DEPARTMENT)
    grain = min(finest, Grain.HOUR if "hours" in asked else Grain.DAY if "weekday" in asked else Grain.MONTH)
    rules = question.rules
    spans = _spans(question.period, grain, rules.step_seconds) if rules else None
    if spans is None or len(facets) > 1:
        return None
    if spans[0][0] != Grain.HOUR:
        facets = facets or {Facet.DEPARTMENT}
    elif facets - {Facet.DEPARTMENT} or "outcome" in asked or MONEY & set(needs):
        return None
    (chosen,) = facets or {Facet.WHOLE}
    rows = CallRollup.objects.filter(_conditions(question), facet=chosen)
    return [rows.filter(span) for _, span in spans]


def leg_rollups(question: Question) -> list[Any] | None:
    """The same of LegRollup, where the question is of whole days."""
    spans = _spans(question.period, Grain.YEAR, 0) if question.period.whole_days and question.rules else None
    if spans is None or question.asked_for.keys() - LEG_FILTERS:
        return None
    rows = LegRollup.objects.filter(_conditions(question))
    return [rows.filter(span) for _, span in spans]


def starting(grain: Grain, first: date, end: date, zone: ZoneInfo) -> Q:
    """Rows of days, months or years that begin on one of these days, `end` not included; `first` is one they begin on.

    Of one it is said as such: SQLite then reads them in the order of their key, and need not sort them to sum them up.
    """
    since = day_start(first, zone)
    if _next(grain, first) >= end:
        return Q(grain=grain, start=since)
    return Q(grain=grain, start__gte=since, start__lt=day_start(end, zone))


def _next(grain: Grain, day: date) -> date:
    """The day on which the row after that of `day` begins."""
    return _start(grain, _start(grain, day) + LONGEST[grain])


def _start(grain: Grain, day: date) -> date:
    """The day on which the row of `day` begins."""
    return year_start(day) if grain == Grain.YEAR else month_start(day) if grain == Grain.MONTH else day


def whole(name: str, value: Any) -> Any:
    """A sum as that of calls is."""
    return timedelta(seconds=value) if name == "to_person" else value


def nothing(needs: Collection[str]) -> Values:
    """The sums of no calls."""
    return {name: None if name in GREATEST | LEAST else whole(name, 0) for name in needs}


def _conditions(question: Question) -> Q:
    asked, found = question.asked_for, Q()
    if question.scope.departments is not None:
        found &= Q(department__in=sorted(question.scope.departments))
    for name, value in asked.items():
        match name:
            case "department":
                found &= Q(department=0 if question.asks_for_no_department else value.pk)
            case "feed" | "direction" | "outcome":
                found &= Q(**{name: value})
            case "weekday":
                found &= Q(start__iso_week_day=value)
            case "hours":
                found &= Q(start__hour__gte=value[0], start__hour__lt=value[1])
            case "trunk" | "did" | "account_code":
                found &= Q(name="" if value == NO_DEVICE else value)
    return found


def _spans(period: Period, coarsest: Grain, step_seconds: int) -> list[tuple[Grain, Q]] | None:
    """The period in parts of one grain each: days up to a month's begin, months, years, and the same back to days."""
    if coarsest == Grain.HOUR or not period.whole_days:
        ends = (period.since - EPOCH, period.until - EPOCH)
        is_apart = any(end % timedelta(seconds=step_seconds) for end in ends) if step_seconds else True
        return (
            None if is_apart else [(Grain.HOUR, Q(grain=Grain.HOUR, start__gte=period.since, start__lt=period.until))]
        )
    parts = parts_of(period.first_day, period.last_day + DAY, coarsest)
    return [(grain, starting(grain, first, end, period.zone)) for grain, first, end in parts]


def parts_of(first: date, end: date, grain: Grain) -> list[tuple[Grain, date, date]]:
    """These days, `end` not included, in parts of this grain and finer ones, in their order."""
    begin = first if _start(grain, first) == first else _next(grain, first)
    stop = _start(grain, end)
    finer = Grain(grain - 1)
    if begin >= stop:
        return parts_of(first, end, finer)
    before = parts_of(first, begin, finer) if first < begin else []
    after = parts_of(stop, end, finer) if stop < end else []
    return [*before, (grain, begin, stop), *after]
