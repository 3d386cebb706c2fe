"""The board's panels that are counted, not told call by call: Today, Queues, Trunks, and each person's day.

Rendered once for each scope and pushed to all its viewers; the page has the same templates.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string

from calls.access import Scope
from calls.harmless import visible_page
from calls.periods import day_start
from calls.queues import queues, target_words
from calls.today import WEEK, base_of, by_quarter, figures, people, quarters, totals
from calls.trunk_use import TrunkUse

BASE_EVERY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Panels:
    """`html` by the id of its place on the page; `people` by feed and number."""

    totals: dict[str, Any]
    html: dict[str, str]
    people: dict[str, list[str]]


@dataclass(slots=True)
class Kept:
    """What of a scope need not be counted again each time."""

    trunks: TrunkUse = field(default_factory=TrunkUse)
    base: tuple[dict[str, Any] | None, datetime] | None = None
    base_at: datetime | None = None
    day: date | None = None
    week_ago: Counter[int] = field(default_factory=Counter)


def count(scope: Scope, now: datetime, kept: Kept) -> Panels:
    """Everything counted anew, but for what is kept."""
    zone = ZoneInfo(settings.TIME_ZONE)
    day = now.astimezone(zone).date()
    since = day_start(day, zone)
    if kept.base is None or kept.base_at is None or now - kept.base_at >= BASE_EVERY:
        kept.base, kept.base_at = base_of(scope, now, zone), now
    if kept.day != day:
        kept.day, kept.week_ago = day, by_quarter(scope, day_start(day - WEEK, zone), zone, "offered")
    base, before = kept.base
    found, target = totals(scope, now, zone), target_words()
    note = f"compared with {before:%a} {before.day} {before:%b} up to {before:%H:%M}" if base else ""
    html = {
        "note": f"{day:%a} {day.day} {day:%b}" + (f", {note}" if note else ""),
        "today": _render(
            "today",
            figures=figures(found, base, target.lower()),
            quarters=quarters(scope, now, zone, kept.week_ago),
            before=f"{before.day} {before:%b}" if kept.week_ago else "",
        ),
        "queues": _render("queues", queues=queues(scope, since, now), target=target),
        "trunks": _render("trunks", carriers=kept.trunks.of(scope, now, since), all_seen=scope.departments is None),
    }
    return Panels(found, html, people(scope, now, zone))


@cache
def health_panel(state: str) -> str:
    """How the feeds are, as glyph and word."""
    return _render("health", state=state)


def _render(name: str, **context: Any) -> str:
    return visible_page(" ".join(render_to_string(f"board/panels/{name}.html", context).split()))
