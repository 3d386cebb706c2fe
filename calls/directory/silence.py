"""How long a feed may be silent before that is unusual: learned from its own lines, for each hour of the week.

Pure Python, no Django. Nights and weekends of an office are usual; a quiet quarter of an hour on a busy Monday is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
HOURS_OF_WEEK = 168
WEEKS_LEARNED = 6
FEWEST_WEEKS = 3
WEEKS_FROM_WHICH_THE_WORST_IS_LEFT_OUT = 4
MARGIN = 1.5  # times the longest usual gap
LONGEST_WALK_HOURS = 8 * 24


@dataclass(frozen=True, slots=True)
class HourOfLines:
    """The lines received in one hour: the first, the last, and the longest time between two of them."""

    start: datetime
    first_at: datetime
    last_at: datetime
    longest_gap_seconds: float


def hour_of_week(instant: datetime, zone: ZoneInfo) -> int:
    """0 is Monday from midnight to one, in local time."""
    local = instant.astimezone(zone)
    return local.weekday() * 24 + local.hour


def learn(hours: Iterable[HourOfLines], zone: ZoneInfo, floor: timedelta) -> list[int]:
    """The longest usual silence of each hour of the week, in seconds; empty until three weeks are known.

    A gap counts for every hour that it touches. From four weeks on the worst week of each hour is left out: one outage
    or one holiday does not become usual.
    """
    known = sorted(hours, key=lambda hour: hour.start)
    if not known or known[-1].start - known[0].start < FEWEST_WEEKS * timedelta(weeks=1):
        return []
    worst: dict[datetime, float] = {}

    def note(hour: datetime, seconds: float) -> None:
        worst[hour] = max(worst.get(hour, 0), seconds)

    for hour, following in zip(known, [*known[1:], None], strict=True):
        note(hour.start, hour.longest_gap_seconds)
        if following is None:
            break
        gap = (following.first_at - hour.last_at).total_seconds()
        touched = hour.start
        while touched <= following.start:
            note(touched, gap)
            touched += HOUR
    values: list[list[float]] = [[] for _ in range(HOURS_OF_WEEK)]
    for start, seconds in worst.items():
        values[hour_of_week(start + HOUR / 2, zone)].append(seconds)
    return [max(round(_high(cell) * MARGIN), int(floor.total_seconds())) for cell in values]


def _high(values: list[float]) -> float:
    """The longest; of four and more the second longest."""
    ordered = sorted(values)
    if not ordered:
        return timedelta(weeks=1).total_seconds()
    return ordered[-2] if len(ordered) >= WEEKS_FROM_WHICH_THE_WORST_IS_LEFT_OUT else ordered[-1]


@lru_cache(maxsize=256)
def silent_at(quiet_since: datetime, usual: tuple[int, ...], zone: ZoneInfo, otherwise: timedelta) -> datetime:
    """When a silence that began at `quiet_since` becomes unusual; after `otherwise` where nothing is learned.

    Of a silence only the time counts that is spent in hours at least as busy: it is unusual once it has been silent for
    some limit in hours of that limit or a shorter one. So a weekend adds nothing to what Monday morning may be silent.
    """
    if len(usual) != HOURS_OF_WEEK:
        return quiet_since + otherwise
    spent = dict.fromkeys(sorted(set(usual)), timedelta())
    instant = quiet_since
    for _ in range(LONGEST_WALK_HOURS):
        local = instant.astimezone(zone)
        into_hour = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        part, limit_here = HOUR - into_hour, usual[hour_of_week(instant, zone)]
        found = []
        for limit, so_far in spent.items():
            if limit >= limit_here:
                left = timedelta(seconds=limit) - so_far
                if left <= part:
                    found.append(instant + left)
                spent[limit] = so_far + part
        if found:
            return min(found)
        instant += part
    return instant
