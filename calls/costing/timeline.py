"""A tariff's versions on a line of time. Every place is a percentage, so that text is never stretched. Pure Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

MONTH = timedelta(days=31)
LABELS = 6  # at most


@dataclass(frozen=True, slots=True)
class Span:
    key: int
    label: str
    state: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Bar:
    span: Span
    x: float
    width: float
    y: int
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    bars: list[Bar]
    months: list[tuple[float, str]]
    today: float
    height: int


def timeline(spans: Sequence[Span], today: date, row_height: int = 28) -> Timeline:
    """One row a version, the newest first; open ends run to the right edge."""
    first = min([span.since for span in spans] + [today - MONTH])
    last = max([span.until or span.since for span in spans] + [today]) + 3 * MONTH
    days = (last - first).days

    def x(day: date) -> float:
        return round(max(0.0, min(100.0, (day - first).days * 100 / days)), 2)

    bars = []
    for row, span in enumerate(sorted(spans, key=lambda span: -span.key)):
        left, right = x(span.since), x(span.until or last)
        ends = "on" if span.until is None else f"until {_words(span.until)}"
        title = f"{span.label}, {span.state}: from {_words(span.since)} {ends}"
        bars.append(Bar(span, left, round(right - left, 2), row * row_height + 4, title))
    return Timeline(
        bars, [(x(day), f"{day:%b %Y}") for day in _months(first, last)], x(today), len(bars) * row_height + 8
    )


def _months(first: date, last: date) -> list[date]:
    """Firsts of months within the line, few enough to be read."""
    starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    within = [day for day in starts if first < day < last - MONTH]
    for months in (1, 3, 6, 12, 24, 60, 120, 600):
        chosen = [day for day in within if (day.year * 12 + day.month - 1) % months == 0]
        if len(chosen) <= LABELS:
            return chosen
    return []


def _words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
