"""What silence is usual, learned from an office's weeks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from calls.directory.silence import HourOfLines, hour_of_week, learn, silent_at

LONDON = ZoneInfo("Europe/London")
FLOOR = timedelta(minutes=10)
HALF_AN_HOUR = timedelta(minutes=30)
FIRST_MONDAY = datetime(2026, 11, 2, tzinfo=LONDON)


def office(
    weeks: int, every_minutes: int = 4, *, without: tuple[datetime, datetime] | None = None
) -> list[HourOfLines]:
    """Lines on weekdays from 08:00 to 18:00, one each few minutes."""
    moments = []
    for day in range(weeks * 7):
        if day % 7 < 5:
            opening = FIRST_MONDAY + timedelta(days=day, hours=8)
            moments += [opening + timedelta(minutes=minute) for minute in range(0, 600, every_minutes)]
    if without:
        moments = [moment for moment in moments if not without[0] <= moment < without[1]]
    by_hour: dict[datetime, list[datetime]] = {}
    for moment in moments:
        by_hour.setdefault(moment.replace(minute=0).astimezone(UTC), []).append(moment.astimezone(UTC))
    return [
        HourOfLines(hour, lines[0], lines[-1], max(((b - a).total_seconds() for a, b in pairwise(lines)), default=0))
        for hour, lines in by_hour.items()
    ]


def at(week: int, day: int, hour: int, minute: int = 0) -> datetime:
    return FIRST_MONDAY + timedelta(weeks=week, days=day, hours=hour, minutes=minute)


@pytest.fixture(scope="module")
def usual() -> tuple[int, ...]:
    return tuple(learn(office(5), LONDON, FLOOR))


def test_nothing_is_learned_from_too_few_weeks() -> None:
    assert learn(office(2), LONDON, FLOOR) == []
    assert learn([], LONDON, FLOOR) == []
    assert silent_at(at(9, 1, 10), (), LONDON, HALF_AN_HOUR) == at(9, 1, 10, 30)


def test_a_busy_hour_has_the_floor_and_a_quiet_one_its_own_gaps(usual: tuple[int, ...]) -> None:
    assert usual[hour_of_week(at(0, 1, 10), LONDON)] == 600  # 4 minutes and a half more are below the floor
    slow = learn(office(5, every_minutes=20), LONDON, FLOOR)
    assert slow[hour_of_week(at(0, 1, 10), LONDON)] == 30 * 60  # 20 minutes and a half more


def test_a_quiet_busy_hour_alarms(usual: tuple[int, ...]) -> None:
    assert silent_at(at(9, 1, 10, 5), usual, LONDON, HALF_AN_HOUR) == at(9, 1, 10, 15)
    assert silent_at(at(9, 1, 10, 55), usual, LONDON, HALF_AN_HOUR) == at(9, 1, 11, 5)


def test_nights_and_weekends_do_not(usual: tuple[int, ...]) -> None:
    for day in range(4):
        evening, morning = at(9, day, 17, 56), at(9, day + 1, 8)
        assert silent_at(evening, usual, LONDON, HALF_AN_HOUR) > morning
    assert silent_at(at(9, 4, 17, 56), usual, LONDON, HALF_AN_HOUR) > at(10, 0, 8)


def test_a_feed_that_dies_at_night_alarms_in_the_morning(usual: tuple[int, ...]) -> None:
    alarm = silent_at(at(9, 1, 17, 56), usual, LONDON, HALF_AN_HOUR)
    assert at(9, 2, 8) < alarm <= at(9, 2, 9, 10)
    assert at(10, 0, 8) < silent_at(at(9, 4, 17, 56), usual, LONDON, HALF_AN_HOUR) <= at(10, 0, 9, 10)


def test_one_outage_does_not_become_usual() -> None:
    usual = learn(office(5, without=(at(2, 1, 9), at(2, 1, 15))), LONDON, FLOOR)
    assert usual[hour_of_week(at(0, 1, 11), LONDON)] == 600


def test_a_feed_that_is_quiet_all_week_alarms_after_its_own_usual_time() -> None:
    hours = [
        HourOfLines(
            at(0, 0, 0).astimezone(UTC) + timedelta(hours=2 * n), *(2 * [at(0, 0, 0) + timedelta(hours=2 * n)]), 0
        )
        for n in range(12 * 7 * 5)
    ]
    usual = tuple(learn(hours, LONDON, FLOOR))
    assert silent_at(at(9, 2, 10), usual, LONDON, HALF_AN_HOUR) == at(9, 2, 13)  # two hours and a half more


def test_the_clock_change_of_spring_is_no_alarm(usual: tuple[int, ...]) -> None:
    friday = datetime(2027, 3, 26, 17, 56, tzinfo=LONDON)  # clocks go forward on the Sunday after
    assert silent_at(friday, usual, LONDON, HALF_AN_HOUR) > datetime(2027, 3, 29, 8, tzinfo=LONDON)
