import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.periods import CUSTOM, PRESETS, Period, PeriodError, between, of_days, preset, read

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)  # a Tuesday


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "first", "last", "label"),
    [
        ("today", date(2026, 11, 24), date(2026, 11, 24), "Today: Tue 24 Nov 2026"),
        ("yesterday", date(2026, 11, 23), date(2026, 11, 23), "Yesterday: Mon 23 Nov 2026"),
        ("this-week", date(2026, 11, 23), date(2026, 11, 29), "This week: 23 to 29 Nov 2026"),
        ("last-week", date(2026, 11, 16), date(2026, 11, 22), "Last week: 16 to 22 Nov 2026"),
        ("this-month", date(2026, 11, 1), date(2026, 11, 30), "This month: 1 to 30 Nov 2026"),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31), "Last month: 1 to 31 Oct 2026"),
    ],
)
def test_presets_are_local_days(name, first, last, label):
    period = preset(name, NOW, LONDON)
    assert (period.first_day, period.last_day, period.label) == (first, last, label)


def test_today_is_the_sites_day_and_not_the_utc_one():
    period = preset("today", utc(2026, 7, 1, 23, 30), LONDON)
    assert (period.since, period.until) == (utc(2026, 7, 1, 23), utc(2026, 7, 2, 23))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_day_is_as_long_as_its_clocks_make_it(day, hours):
    period = of_days(day, day, LONDON)
    assert period.until - period.since == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_where_the_clock_lands():
    beirut = ZoneInfo("Asia/Beirut")
    period = of_days(date(2022, 3, 27), date(2022, 3, 27), beirut)
    assert period.since.astimezone(beirut).isoformat() == "2022-03-27T01:00:00+03:00"
    assert period.whole_days


def test_dates_include_their_last_day_and_times_do_not_include_their_end():
    days = between("2026-11-16", "2026-11-20", NOW, LONDON)
    assert (days.since, days.until) == (utc(2026, 11, 16), utc(2026, 11, 21))
    hour = between("2026-11-24T09:00", "2026-11-24T10:00", NOW, LONDON)
    assert (hour.since, hour.until) == (utc(2026, 11, 24, 9), utc(2026, 11, 24, 10))
    assert hour.dates == "24 Nov 2026, 09:00 to 10:00"


def test_a_time_may_name_its_offset_even_where_the_address_lost_its_plus():
    for text in ("2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00 01:00"):
        assert between(text, "2026-10-25T01:30:00Z", NOW, LONDON).since == utc(2026, 10, 25, 0, 30)


def test_one_end_alone_is_enough():
    assert between("2026-11-20", "", NOW, LONDON).until == utc(2026, 11, 25)
    assert between("", "2026-11-20", NOW, LONDON).since == utc(2026, 11, 20)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"period": "fortnight"}, "“fortnight” is not a period"),
        ({"since": "yesterday"}, "“yesterday” is not a date"),
        ({"since": "2026-11-24", "until": "2026-11-23"}, "End is before start"),
        ({"since": "0001-01-01"}, "out of range"),
        ({"until": "9999-12-31"}, "out of range"),
    ],
)
def test_what_is_no_period_is_said(parameters, message):
    with pytest.raises(PeriodError, match=message):
        read(parameters, NOW, LONDON)


def test_nothing_asked_is_today():
    assert read({}, NOW, LONDON).name == "today"
    assert read({}, NOW, LONDON, default="this-week").name == "this-week"


def test_the_period_before_has_the_same_days_or_is_the_month_before():
    assert preset("this-week", NOW, LONDON).before().dates == "16 to 22 Nov 2026"
    assert preset("this-month", NOW, LONDON).before().dates == "1 to 31 Oct 2026"
    assert between("2026-11-20", "2026-11-24", NOW, LONDON).before().dates == "15 to 19 Nov 2026"
    hour = between("2026-11-24T09:00", "2026-11-24T10:00", NOW, LONDON).before()
    assert (hour.since, hour.until) == (utc(2026, 11, 24, 8), utc(2026, 11, 24, 9))


zones = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/London", "America/St_Johns", "Asia/Beirut", "Asia/Kolkata")]
)
instants = st.integers(1_400_000_000, 2_100_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))


@given(st.sampled_from(sorted(PRESETS)), instants, zones)
def test_an_address_brings_the_same_period_back(name, now, zone):
    period = preset(name, now, zone)
    assert read(period.query(), now, zone) == period
    custom = Period(CUSTOM, period.since, period.until, zone)
    assert read(custom.query(), now, zone) == custom


@given(instants, st.integers(1, 10**6), zones)
def test_the_days_of_a_period_cover_it_without_gap_or_overlap(since, seconds, zone):
    period = Period(CUSTOM, since, since + timedelta(seconds=seconds), zone)
    days = list(period.days())
    assert days[0][1] == period.since
    assert days[-1][2] == period.until
    assert all(left[2] == right[1] for left, right in itertools.pairwise(days))
    assert read(period.query(), since, zone) == period
