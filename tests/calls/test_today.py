from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from calls.access import EVERYTHING, Scope
from calls.directory.models import Department
from calls.today import changes, today
from tests.calls.factories import ABANDONED, ANSWERED, make_call, make_feed

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 10, 27, 14, 7, tzinfo=UTC)  # two days after the clocks went back
SAME_TIME_A_WEEK_AGO = datetime(2026, 10, 20, 13, 7, tzinfo=UTC)


@pytest.mark.both_databases
@pytest.mark.django_db
def test_today_beside_the_same_weekday_up_to_the_same_time_of_day():
    make_call(*ANSWERED, started_at=NOW - timedelta(minutes=5))
    make_call(*ABANDONED, started_at=NOW - timedelta(minutes=4))
    make_call(*ANSWERED, started_at=NOW - timedelta(days=1))
    for minutes in (-5, -1):
        make_call(*ANSWERED, started_at=SAME_TIME_A_WEEK_AGO + timedelta(minutes=minutes))
    make_call(*ANSWERED, started_at=SAME_TIME_A_WEEK_AGO + timedelta(minutes=1))

    told = today(EVERYTHING, NOW, LONDON)

    assert told["note"] == "compared with Tue 20 Oct up to 14:07"
    assert told["changes"]["offered"] == {"by": "same", "base": "as 2", "tone": ""}
    assert told["changes"]["answered_in"] == {"by": "▼ 50 pt", "base": "from 100%", "tone": "worse"}
    assert [(person["short"], person["long"]) for person in told["people"]] == [
        ("1843 · 1 answered", "1843, today: 1 answered, 1 missed, 1:00 talk")
    ]


@pytest.mark.django_db
def test_without_calls_a_week_ago_there_is_nothing_to_compare_with():
    make_call(*ANSWERED, started_at=NOW - timedelta(minutes=5))

    told = today(EVERYTHING, NOW, LONDON)

    assert (told["changes"], told["note"]) == ({}, "")


@pytest.mark.django_db
def test_only_what_the_viewer_may_see_is_counted():
    sales = Department.objects.create(name="Sales")
    make_call(*ANSWERED, feed=make_feed(), started_at=NOW - timedelta(minutes=5))

    assert today(Scope(frozenset({sales.pk})), NOW, LONDON)["people"] == []


def test_a_fall_of_what_is_bad_is_better_and_no_base_is_no_change():
    now = {"offered": 20, "answered_in": 18, "abandoned": 2, "made": 6, "no_answer": 0}
    before = {"offered": 10, "answered_in": 9, "abandoned": 3, "made": 0, "no_answer": 0}

    assert changes(now, before) == {
        "offered": {"by": "▲ 100%", "base": "from 10", "tone": ""},
        "answered_in": {"by": "same", "base": "as 90%", "tone": ""},
        "abandoned": {"by": "▼ 20 pt", "base": "from 30%", "tone": "better"},
    }


@pytest.mark.django_db
def test_the_page_asks_for_it_as_json(client):
    assert client.get(reverse("board-today")).status_code == 302
    client.force_login(User.objects.create_superuser("priya"))

    assert client.get(reverse("board-today")).json() == {"people": [], "changes": {}, "note": ""}
