"""A feed's last days as a picture: hours down, days across, shades for lines, hatching for outages.

Pure Python, no Django. Horizontal places are percent, so that the picture needs no scaling; vertical ones are pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = 30
HOUR_PX, CELL_PX = 7, 6
DAY_SECONDS = 86_400
LEVELS = 6
SPARK_WIDTH, SPARK_HEIGHT = 84, 20


@dataclass(frozen=True, slots=True)
class Cell:
    x: str
    y: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Hatched:
    """The part of an outage that is on one day."""

    x: str
    y: str
    height: str
    kind: str
    key: int | None
    title: str


@dataclass(frozen=True, slots=True)
class DayLabel:
    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """An outage to draw; `ended_at` is now while it is on."""

    began_at: datetime
    ended_at: datetime
    kind: str
    title: str
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    width: str
    height: int
    columns: list[str]
    cells: list[Cell]
    hatched: list[Hatched]
    labels: list[DayLabel]
    summary: str


def timeline(lines: Iterable[tuple[datetime, int]], outages: Sequence[Span], today: date, zone: ZoneInfo) -> Timeline:
    """`lines` are (hour, how many came in it). The last column is `today`; days and hours are of `zone`."""
    first = today - timedelta(days=DAYS - 1)
    counts: dict[tuple[int, int], int] = {}
    for hour, count in lines:
        local = hour.astimezone(zone)
        day = (local.date() - first).days
        if 0 <= day < DAYS:
            counts[day, local.hour] = counts.get((day, local.hour), 0) + count
    most = max(counts.values(), default=0)
    cells = [
        Cell(
            _x(day),
            hour * HOUR_PX,
            min(int((LEVELS + 1) * (count / most) ** 0.5), LEVELS),
            f"{_date(first + timedelta(days=day))}, {hour:02}:00: {count:,} line{'' if count == 1 else 's'}",
        )
        for (day, hour), count in sorted(counts.items())
        if count
    ]
    days_with_lines = len({day for (day, _), count in counts.items() if count})
    outages = [span for span in outages if span.ended_at.astimezone(zone).date() >= first]
    return Timeline(
        width=f"{100 / DAYS * 0.88:.3f}%",
        height=24 * HOUR_PX,
        columns=[_x(day) for day in range(DAYS)],
        cells=cells,
        hatched=[part for span in outages for part in _parts(span, first, zone)],
        labels=[
            DayLabel(_x(day), f"{date_.day} {date_:%b}")
            for day in range(DAYS - 2)
            if (date_ := first + timedelta(days=day)).weekday() == 0
        ],
        summary=(
            f"Lines by hour, {_date(first)} to {_date(today)}: {days_with_lines} days with lines, "
            f"{len(outages)} outage{'' if len(outages) == 1 else 's'}"
        ),
    )


def _parts(span: Span, first: date, zone: ZoneInfo) -> Iterable[Hatched]:
    began, ended = span.began_at.astimezone(zone), span.ended_at.astimezone(zone)
    day = max(began.date(), first)
    while day <= ended.date():
        top = _seconds(began) if day == began.date() else 0
        bottom = _seconds(ended) if day == ended.date() else DAY_SECONDS
        place = (day - first).days
        if 0 <= place < DAYS:
            scale = 24 * HOUR_PX / DAY_SECONDS
            height = max((bottom - top) * scale, 2)
            y = min(top * scale, 24 * HOUR_PX - height)
            yield Hatched(_x(place), f"{y:.1f}", f"{height:.1f}", span.kind, span.key, span.title)
        day += timedelta(days=1)


def _seconds(local: datetime) -> float:
    return (datetime.combine(date.min, local.time()) - datetime.combine(date.min, time())).total_seconds()


def _x(day: int) -> str:
    return f"{100 / DAYS * day:.3f}%"


def _date(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def sparkline(counts: Sequence[int]) -> tuple[str, str, str] | None:
    """The points of a line from the oldest count to the newest, and the newest one's place; None for fewer than two."""
    if len(counts) < 2:
        return None
    most = max(*counts, 1)
    step = (SPARK_WIDTH - 6) / (len(counts) - 1)
    points = [
        (f"{3 + place * step:.1f}", f"{SPARK_HEIGHT - 3 - count / most * (SPARK_HEIGHT - 6):.1f}")
        for place, count in enumerate(counts)
    ]
    return " ".join(f"{x},{y}" for x, y in points), *points[-1]
