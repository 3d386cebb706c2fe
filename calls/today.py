"""Today's figures beside the same weekday a week ago, today by quarter hour, and each person's own day.

In words already, so that every screen says the same and scripts stay small.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import CharField, Count, Sum
from django.db.models.functions import Cast, Substr

from calls.access import Scope
from calls.counting import CALL_COUNTS, LEG_COUNTS, seconds_to_answer, service_level, service_measures, unreturned_as_of
from calls.journey import clock
from calls.models import Call, Leg
from calls.periods import DAY, day_start

WEEK = 7 * DAY
QUARTER = timedelta(minutes=15)
OFFICE_HOURS = (8, 18)  # always in the picture
TO_THE_MINUTE = len("2026-11-24 09:15")
COUNTED = ("offered", "answered", "made", "no_answer", "unknown")
BETTER = {"answered": 1, "abandoned": -1, "unreturned": -1, "seconds_to_answer": -1, "service_level": 1}


class Change(TypedDict):
    by: str  # ▲ 2 pt
    base: str  # from 88%
    tone: str  # better, worse, or plain where neither is known


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of the strip; `counted` are the parameters of the calls list that hold what it counts."""

    label: str
    value: str
    share: str
    counted: str
    change: Change | None


def totals(scope: Scope, up_to: datetime, zone: ZoneInfo, as_of: datetime | None = None) -> dict[str, Any]:
    """Counts of the calls started on the local day of `up_to`, up to then; unreturned as of then if `as_of` says so."""
    since = day_start(up_to.astimezone(zone).date(), zone)
    calls = Call.objects.visible_to(scope).filter(started_at__gte=since, started_at__lte=up_to).order_by()
    counts = {name: Count("pk", filter=CALL_COUNTS[name]) for name in COUNTED}
    found = calls.aggregate(**counts, **service_measures(up_to))
    return {name: found[name] for name in (*COUNTED, "answered_in", "abandoned")} | {
        "unreturned": calls.filter(unreturned_as_of(as_of) if as_of else CALL_COUNTS["unreturned"]).count(),
        "service_level": service_level(found),
        "seconds_to_answer": seconds_to_answer(found),
    }


def figures(now: Mapping[str, Any], before: Mapping[str, Any] | None, target: str) -> list[Figure]:
    """The strip. `before` is None without calls a week ago: then there is nothing to compare with."""
    level, waited = now["service_level"], now["seconds_to_answer"]
    answered = "direction=in&counted=answered"
    strip = [
        ("Offered", "offered", f"{now['offered']:,}", "", "counted=offered"),
        ("Answered", "answered_in", f"{now['answered_in']:,}", _share(now, "answered_in"), answered),
        ("Abandoned", "abandoned", f"{now['abandoned']:,}", _share(now, "abandoned"), "counted=abandoned"),
        ("Unreturned", "unreturned", f"{now['unreturned']:,}", "", "counted=unreturned"),
        ("Time to answer", "seconds_to_answer", "–", "", answered)
        if waited is None
        else ("Time to answer", "seconds_to_answer", clock(round(waited)), "avg", answered),
        ("Service level", "service_level", "–", "", "counted=offered")
        if level is None
        else ("Service level", "service_level", f"{round(100 * level)}%", target, "counted=offered"),
    ]
    return [
        Figure(label, value, share, counted, _change(name, now, before) if before else None)
        for label, name, value, share, counted in strip
    ]


def _share(found: Mapping[str, Any], name: str) -> str:
    return f"{round(100 * found[name] / found['offered'])}%" if found["offered"] else ""


def _change(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> Change | None:
    """Counts differ in percent or by number, shares in points; nothing is said where there is no base."""
    if name in {"answered_in", "abandoned"}:
        if not (now["offered"] and before["offered"]):
            return None
        base = round(100 * before[name] / before["offered"])
        return _said(name, round(100 * now[name] / now["offered"]) - base, "{} pt", f"{base}%")
    if now[name] is None or before[name] is None:
        return None
    if name == "service_level":
        base = round(100 * before[name])
        return _said(name, round(100 * now[name]) - base, "{} pt", f"{base}%")
    if name == "seconds_to_answer":
        base = round(before[name])
        by = round(now[name]) - base
        return _said(name, by, clock(abs(by)), clock(base))
    if name == "unreturned":
        return _said(name, now[name] - before[name], "{}", f"{before[name]:,}")
    if not before[name]:
        return None
    return _said(name, round(100 * (now[name] - before[name]) / before[name]), "{}%", f"{before[name]:,}")


def _said(name: str, by: int, words: str, base: str) -> Change:
    if not by:
        return {"by": "same", "base": f"as {base}", "tone": "plain"}
    better = BETTER.get(name.removesuffix("_in"), 0)
    tone = ("better" if by * better > 0 else "worse") if better else "plain"
    return {"by": f"{'▲' if by > 0 else '▼'} {words.format(abs(by))}", "base": f"from {base}", "tone": tone}


def base_of(scope: Scope, now: datetime, zone: ZoneInfo) -> tuple[dict[str, Any] | None, datetime]:
    """The same weekday a week ago up to the same time of day, as it stood then, and that time."""
    before = now.astimezone(zone) - WEEK
    found = totals(scope, before, zone, before)
    return (found if found["offered"] or found["made"] else None), before


@dataclass(frozen=True, slots=True)
class Quarters:
    """Today's incoming calls by quarter hour as outlines for SVG, `width` quarters wide and 100 high.

    `before` is a week ago, the whole day; `running` the quarter that is not over yet. `ticks` are (percent, hour).
    """

    width: int
    answered: str
    running: str
    abandoned: str
    before: str
    ticks: list[tuple[float, str]]
    summary: str


def quarters(scope: Scope, now: datetime, zone: ZoneInfo, week_ago: Counter[int]) -> Quarters:
    """`week_ago` are the calls of that day by quarter of its clock (`offered_by_quarter`)."""
    day = now.astimezone(zone).date()
    answered, abandoned = (by_quarter(scope, day_start(day, zone), zone, name) for name in ("answered", "abandoned"))
    running = _quarter(now.astimezone(zone))
    known = {*answered, *abandoned, *week_ago, running}
    first = min(4 * OFFICE_HOURS[0], min(known) // 4 * 4)
    last = max(4 * OFFICE_HOURS[1], -(-(max(known) + 1) // 4) * 4)
    both = answered + abandoned
    top = max([*both.values(), *week_ago.values(), 1])
    busiest = max(both, key=lambda place: (both[place], -place), default=None)
    most = f"most {both[busiest]} at {busiest // 4:02}:{busiest % 4 * 15:02}" if busiest is not None else "none yet"

    def bar(place: int, low: int, high: int) -> str:
        return f"M{place - first}.15 {_up(low, top)}h.7V{_up(high, top)}h-.7z"

    heights = [f"{place - first}.5 {_up(week_ago[place], top)}" for place in range(first, last)]
    return Quarters(
        width=last - first,
        answered="".join(bar(place, 0, count) for place, count in sorted(answered.items()) if place != running),
        running=bar(running, 0, answered[running]) if answered[running] else "",
        abandoned="".join(bar(place, answered[place], both[place]) for place in sorted(abandoned)),
        before="M" + "L".join(heights) if week_ago else "",
        ticks=[
            (round(100 * (place - first) / (last - first), 2), f"{place // 4:02}:00")
            for place in range(first, last, 8 if last - first <= 48 else 16)
        ],
        summary=f"Incoming calls today by quarter hour: {most}",
    )


def by_quarter(scope: Scope, since: datetime, zone: ZoneInfo, counted_as: str) -> Counter[int]:
    """Incoming calls of the local day that begins at `since`, by quarter of its clock: 0 to 95."""
    until = day_start(since.astimezone(zone).date() + DAY, zone)
    rows = (
        Call.objects.visible_to(scope)
        .filter(CALL_COUNTS[counted_as], direction="in", started_at__gte=since, started_at__lt=until)
        .order_by()
        .annotate(minute=Substr(Cast("started_at", CharField()), 1, TO_THE_MINUTE))
        .values_list("minute")
        .annotate(Count("pk"))
    )
    found: Counter[int] = Counter()
    for minute, count in rows:
        found[_quarter(datetime.fromisoformat(minute).replace(tzinfo=UTC).astimezone(zone))] += count
    return found


def _quarter(local: datetime) -> int:
    return 4 * local.hour + local.minute // 15


def _up(count: int, top: int) -> int:
    return 100 - round(98 * count / top)


def people(scope: Scope, now: datetime, zone: ZoneInfo) -> dict[str, list[str]]:
    """Feed and number, a line end between them → the day in short and in full."""
    since = day_start(now.astimezone(zone).date(), zone)
    legs = Leg.objects.visible_to(scope).filter(call_started_at__gte=since, call_started_at__lte=now).order_by()
    rows = legs.values_list("call__feed__name", "extension").annotate(
        answered=Count("pk", filter=LEG_COUNTS["answered"]),
        missed=Count("pk", filter=LEG_COUNTS["missed"]),
        talk=Sum("talk_seconds"),
    )
    return {
        f"{feed}\n{number}": [
            f"{number} · {answered} answered",
            f"{number}, today: {answered} answered, {missed} missed, {clock(talk or 0)} talk",
        ]
        for feed, number, answered, missed, talk in rows
    }
