"""What the board says of today beyond its live totals: each person's own day, and how today differs from a week ago.

In words already, so that every screen says the same and scripts stay small.
"""

from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Sum

from calls.access import Scope
from calls.counting import CALL_COUNTS, LEG_COUNTS
from calls.journey import clock
from calls.models import Call, Leg
from calls.periods import DAY, day_start

WEEK = 7 * DAY
TOTALS = {
    **{name: CALL_COUNTS[name] for name in ("offered", "abandoned", "made", "no_answer")},
    "answered_in": CALL_COUNTS["answered"] & Q(direction="in"),
}
SHARES = {"answered_in": "offered", "abandoned": "offered", "no_answer": "made"}  # compared as parts of these
BETTER = {"answered_in": 1, "abandoned": -1}  # the way that is known to be better


class Person(TypedDict):
    feed: str
    number: str
    short: str  # 1843 · 21 answered
    long: str


class Change(TypedDict):
    by: str  # ▲ 2 pt
    base: str  # from 88%
    tone: str  # better, worse, or empty where neither is known


class Today(TypedDict):
    """`changes` are by the names of the board's totals; none, and no note, without calls a week ago."""

    people: list[Person]
    changes: dict[str, Change]
    note: str


def today(scope: Scope, now: datetime, zone: ZoneInfo) -> Today:
    """Today up to now, beside the same weekday a week ago up to the same time of day."""
    before = now.astimezone(zone) - WEEK
    base = _totals(scope, before, zone)
    has_base = bool(base["offered"] or base["made"])
    note = f"compared with {before:%a} {before.day} {before:%b} up to {before:%H:%M}" if has_base else ""
    return {
        "people": _people(scope, now, zone),
        "changes": changes(_totals(scope, now, zone), base) if has_base else {},
        "note": note,
    }


def changes(now: dict[str, int], before: dict[str, int]) -> dict[str, Change]:
    """Counts differ in percent, shares in points; nothing is said where there is no base."""
    found = {}
    for name in TOTALS:
        whole = SHARES.get(name)
        if not (before[whole] and now[whole] if whole else before[name]):
            continue
        if whole:
            base = round(100 * before[name] / before[whole])
            by, unit, shown = round(100 * now[name] / now[whole]) - base, " pt", f"{base}%"
        else:
            by, unit, shown = round(100 * (now[name] - before[name]) / before[name]), "%", f"{before[name]:,}"
        found[name] = _change(by, unit, shown, BETTER.get(name, 0))
    return found


def _change(by: int, unit: str, base: str, better: int) -> Change:
    if not by:
        return {"by": "same", "base": f"as {base}", "tone": ""}
    tone = ("better" if by * better > 0 else "worse") if better else ""
    return {"by": f"{'▲' if by > 0 else '▼'} {abs(by)}{unit}", "base": f"from {base}", "tone": tone}


def _totals(scope: Scope, up_to: datetime, zone: ZoneInfo) -> dict[str, Any]:
    since = day_start(up_to.astimezone(zone).date(), zone)
    calls = Call.objects.visible_to(scope).filter(started_at__gte=since, started_at__lte=up_to)
    return calls.aggregate(**{name: Count("pk", filter=condition) for name, condition in TOTALS.items()})


def _people(scope: Scope, now: datetime, zone: ZoneInfo) -> list[Person]:
    since = day_start(now.astimezone(zone).date(), zone)
    legs = Leg.objects.visible_to(scope).filter(call_started_at__gte=since, call_started_at__lte=now).order_by()
    rows = legs.values_list("call__feed__name", "extension").annotate(
        answered=Count("pk", filter=LEG_COUNTS["answered"]),
        missed=Count("pk", filter=LEG_COUNTS["missed"]),
        talk=Sum("talk_seconds"),
    )
    return [
        {
            "feed": feed,
            "number": number,
            "short": f"{number} · {answered} answered",
            "long": f"{number}, today: {answered} answered, {missed} missed, {clock(talk or 0)} talk",
        }
        for feed, number, answered, missed, talk in rows
    ]
