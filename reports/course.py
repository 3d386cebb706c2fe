"""How a period's incoming calls ran: bars by hour, day or month, and a table of hours by weekday, ready to be drawn.

Each call counts once, by when it started, on the clock of the site.
"""

import calendar
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from calls.counting import CALL_COUNTS
from calls.models import Facet, Grain
from calls.periods import CUSTOM, DAY, Period, day_start, month_start
from reports.dimensions import by_time, hour_of_month, instant, on_the_clock
from reports.engine import Question
from reports.gathering import Key, Rolled, gathered
from reports.limits import within_time

MOST_DAYS = 62  # beyond these, bars are months
MOST_LABELS = 14
MOST_TICKS = 4
HEAT_STEPS = 7
COUNTS = ("offered", "answered_in", "abandoned")
HOUR = timedelta(hours=1)
BAR_SHARE = 0.6  # of a bar's place; the rest is air


Part = tuple[Period, str, str]  # its label, and what it is in full


@dataclass(frozen=True, slots=True)
class Bar:
    """Places and heights are percent of the drawing, from its left and top."""

    label: str
    is_minor: bool  # its label gives way on a phone
    title: str
    address: str
    left: float
    place: float  # its width with the air around it
    x: float
    width: float
    middle: float
    answered_y: float
    answered_height: float
    abandoned_y: float
    abandoned_height: float


@dataclass(frozen=True, slots=True)
class Tick:
    label: str
    y: float


@dataclass(frozen=True, slots=True)
class HeatRow:
    label: str  # a weekday, or an hour
    cells: list[tuple[int, int]]  # calls, and the step of the ramp


@dataclass(frozen=True, slots=True)
class Course:
    unit: str  # hour, day or month
    bars: list[Bar]
    ticks: list[Tick]
    hours: list[str]
    heat: list[HeatRow]  # of each weekday; empty for a period of one day

    @property
    def heat_by_hour(self) -> list[HeatRow]:
        """The same, weekdays side by side, for where there is little room across."""
        return [HeatRow(hour, [row.cells[place] for row in self.heat]) for place, hour in enumerate(self.hours)]


class HourOfMonth(NamedTuple):
    """One hour of one weekday in all of a month, on the clock of the site."""

    month: date
    weekday: int  # 0 is Monday
    hour: int

    @classmethod
    def keys(cls, key: Key) -> Key:
        month, weekday, hour = key[0].split(" ")
        return (cls(date.fromisoformat(f"{month}-01"), (int(weekday) - 1) % 7, int(hour)),)


BY_HOUR_OF_MONTH = Rolled(Facet.WHOLE, (), HourOfMonth.keys, lambda _question: Grain.HOUR, hour_of_month)


@dataclass(slots=True)
class Tally:
    offered: int = 0
    answered: int = 0
    abandoned: int = 0

    def add(self, other: "Tally") -> None:
        self.offered += other.offered
        self.answered += other.answered
        self.abandoned += other.abandoned


@within_time
def course(question: Question) -> Course:
    """The course of the calls that the question is about; without bars if there were none."""
    tallies, hours_of_week = _tallies(question)
    unit, parts = _parts(question.period, sorted(tallies))
    starts = [part.since for part, _, _ in parts]
    sums = [Tally() for _ in parts]
    for hour, tally in tallies.items():
        sums[max(bisect_right(starts, hour) - 1, 0)].add(tally)
    top, ticks = scale(max((tally.offered for tally in sums), default=0))
    bars = list(_bars(question, parts, sums, top))
    hours, heat = _heat(hours_of_week, question.period)
    return Course(unit, bars, ticks, hours, heat)


def scale(largest: int) -> tuple[int, list[Tick]]:
    """The axis from 0 to a round number that holds the largest, in at most four steps."""
    rounds = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in rounds if largest <= MOST_TICKS * step)
    steps = max(-(-largest // step), 1)
    return step * steps, [Tick(f"{step * place:,}", 100 - 100 * place / steps) for place in range(steps + 1)]


def _tallies(question: Question) -> tuple[dict[datetime, Tally], Counter[tuple[int, int]]]:
    """Counts by hour, or by month where bars are months, in UTC; and calls by weekday and hour of the site's clock."""
    period = question.period
    rolled = BY_HOUR_OF_MONTH if (period.last_day - period.first_day).days >= MOST_DAYS else by_time(Grain.HOUR)
    groups = gathered(
        question, instant(question), ("calls", *COUNTS), rolled,
        only=CALL_COUNTS["offered"], opens={"direction": "in"},
    )  # fmt: skip
    found: defaultdict[datetime, Tally] = defaultdict(Tally)
    hours_of_week: Counter[tuple[int, int]] = Counter()
    for (at,), sums in groups:
        if not sums["offered"]:
            continue
        if isinstance(at, HourOfMonth):
            start, weekday, hour = day_start(at.month, period.zone), at.weekday, at.hour
        else:
            local = on_the_clock(at, period)
            start, weekday, hour = local.replace(minute=0).astimezone(UTC), local.weekday(), local.hour
        found[start].add(Tally(*(sums[name] for name in COUNTS)))
        hours_of_week[weekday, hour] += sums["offered"]
    return found, hours_of_week


def _parts(period: Period, known: list[datetime]) -> tuple[str, list[Part]]:
    """What one bar is, and each bar's part, label and title; hours and months only while there were calls."""
    first, last = period.first_day, period.last_day
    if not known:
        return "day", []
    if first == last:
        return "hour", list(_hours(period, known[0], known[-1]))
    if (last - first).days < MOST_DAYS:
        return "day", list(_days(period))
    first, last = (instant.astimezone(period.zone).date() for instant in (known[0], known[-1]))
    return "month", list(_months(period, first, last))


def _days(period: Period) -> Iterator[Part]:
    """With the weekday while there is room, else with the month where a label is the first of one."""
    days = list(period.days())
    every = _labels_every(len(days))
    for place, (day, since, until) in enumerate(days):
        is_first = place < every or days[place - every][0].month != day.month
        label = f"{day:%a} {day.day}" if every == 1 else f"{day.day} {day:%b}" if is_first else str(day.day)
        yield Period(CUSTOM, since, until, period.zone), label, f"{day:%a} {day.day} {day:%b}"


def _labels_every(bars: int) -> int:
    return -(-bars // MOST_LABELS) or 1


def _hours(period: Period, first: datetime, last: datetime) -> Iterator[Part]:
    at = first
    while at <= last:
        since, until = max(at, period.since), min(at + HOUR, period.until)
        local = at.astimezone(period.zone)
        yield Period(CUSTOM, since, until, period.zone), f"{local:%H}", f"{local:%H:%M}"
        at += HOUR


def _months(period: Period, first: date, last: date) -> Iterator[Part]:
    starts = [month_start(first)]
    while starts[-1] <= last:
        starts.append(month_start(starts[-1] + 31 * DAY))
    for start, end in pairwise(starts):
        since = max(period.since, day_start(start, period.zone))
        until = min(period.until, day_start(end, period.zone))
        yield Period(CUSTOM, since, until, period.zone), f"{start:%b}", f"{start:%b %Y}"


def _address(question: Question, part: Period) -> str:
    asked = {name: value for name, value in question.parameters().items() if name not in question.period.query()}
    return f"{reverse('calls:list')}?{urlencode({**asked, **part.query(), 'counted': 'offered'})}"


def _bars(question: Question, parts: list[Part], sums: list[Tally], top: int) -> Iterator[Bar]:
    every = _labels_every(len(parts))
    for place, ((part, label, title), tally) in enumerate(zip(parts, sums, strict=True)):
        share = 100 / len(parts)
        answered, abandoned = 100 * tally.answered / top, 100 * tally.abandoned / top
        yield Bar(
            label=label if place % every == 0 else "",
            is_minor=place // every % 2 == 1,
            title=f"{title}: {tally.offered:,} offered, {tally.answered:,} answered, {tally.abandoned:,} abandoned",
            address=_address(question, part),
            left=round(share * place, 3),
            place=round(share, 3),
            x=round(share * (place + (1 - BAR_SHARE) / 2), 3),
            width=round(share * BAR_SHARE, 3),
            middle=round(share * (place + 0.5), 3),
            answered_y=round(100 - answered, 3),
            answered_height=round(answered, 3),
            abandoned_y=round(100 - answered - abandoned, 3),
            abandoned_height=round(abandoned, 3),
        )


def _heat(counts: Counter[tuple[int, int]], period: Period) -> tuple[list[str], list[HeatRow]]:
    days = (period.last_day - period.first_day).days + 1
    if days == 1 or not counts:
        return [], []
    hours = range(min(hour for _, hour in counts), max(hour for _, hour in counts) + 1)
    weekdays = sorted({(period.first_day + place * DAY).weekday() for place in range(min(days, 7))})
    most = max(counts.values())

    def step(calls: int) -> int:
        return min(HEAT_STEPS * calls // most, HEAT_STEPS - 1)

    rows = [
        HeatRow(calendar.day_abbr[day], [(counts[day, hour], step(counts[day, hour])) for hour in hours])
        for day in weekdays
    ]
    return [f"{hour:02}" for hour in hours], rows
