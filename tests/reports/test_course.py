from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from calls.access import EVERYTHING
from calls.periods import of_days
from reports.course import course, scale
from reports.engine import Question
from tests.calls.factories import ABANDONED, ANSWERED, make_call

LONDON, KATHMANDU = ZoneInfo("Europe/London"), ZoneInfo("Asia/Kathmandu")


def asked(first: date, last: date, zone: ZoneInfo = LONDON) -> Question:
    with override_settings(TIME_ZONE=zone.key):
        return Question(QueryDict(urlencode(of_days(first, last, zone).query())), EVERYTHING, timezone.now())


@pytest.mark.both_databases
@pytest.mark.django_db
def test_bars_are_local_days_and_the_table_local_hours_where_clocks_go_back():
    """25 October 2026 has 25 hours; 00:30 and 01:30 UTC are both half past one there."""
    make_call(*ANSWERED, started_at=datetime(2026, 10, 24, 23, 30, tzinfo=UTC))
    make_call(*ANSWERED, started_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    make_call(*ABANDONED, started_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    make_call(*ABANDONED, started_at=datetime(2026, 10, 26, 0, 10, tzinfo=UTC))

    drawn = course(asked(date(2026, 10, 24), date(2026, 10, 26)))

    assert [bar.title for bar in drawn.bars] == [
        "Sat 24 Oct: 0 offered, 0 answered, 0 abandoned",
        "Sun 25 Oct: 3 offered, 2 answered, 1 abandoned",
        "Mon 26 Oct: 1 offered, 0 answered, 1 abandoned",
    ]
    assert drawn.hours == ["00", "01"]
    assert [(row.label, [calls for calls, _ in row.cells]) for row in drawn.heat] == [
        ("Mon", [1, 0]),
        ("Sat", [0, 0]),
        ("Sun", [1, 2]),
    ]


@pytest.mark.both_databases
@pytest.mark.django_db
def test_hours_of_a_zone_three_quarters_off_are_its_own():
    make_call(*ANSWERED, started_at=datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
    make_call(*ANSWERED, started_at=datetime(2026, 11, 24, 3, 16, tzinfo=UTC))

    drawn = course(asked(date(2026, 11, 24), date(2026, 11, 24), KATHMANDU))

    assert [bar.title for bar in drawn.bars] == [
        "08:00: 1 offered, 1 answered, 0 abandoned",
        "09:00: 1 offered, 1 answered, 0 abandoned",
    ]
    assert drawn.heat == []


@pytest.mark.django_db
def test_a_long_period_has_months_from_its_first_call_to_its_last():
    make_call(*ANSWERED, started_at=datetime(2026, 8, 31, 23, 30, tzinfo=UTC))  # in London it is September already
    make_call(*ANSWERED, started_at=datetime(2026, 11, 24, 9, tzinfo=UTC))

    drawn = course(asked(date(2026, 1, 1), date(2026, 12, 31)))

    assert [(bar.label, bar.answered_height) for bar in drawn.bars] == [("Sep", 100), ("Oct", 0), ("Nov", 100)]


@pytest.mark.django_db
def test_every_bar_opens_the_calls_it_counts(client):
    client.force_login(User.objects.create_superuser("priya"))
    make_call(*ANSWERED, started_at=datetime(2026, 11, 23, 9, tzinfo=UTC))
    make_call(*ABANDONED, started_at=datetime(2026, 11, 24, 9, tzinfo=UTC))
    make_call(*ANSWERED, direction="out", started_at=datetime(2026, 11, 24, 9, tzinfo=UTC))

    bar = course(asked(date(2026, 11, 23), date(2026, 11, 29))).bars[1]

    assert bar.title == "Tue 24 Nov: 1 offered, 0 answered, 1 abandoned"
    assert parse_qs(urlsplit(bar.address).query)["counted"] == ["offered"]
    assert len(client.get(bar.address).context["table"].rows) == 1
    month = course(asked(date(2026, 10, 26), date(2026, 11, 25)))
    assert [bar.label for bar in month.bars if bar.label][:4] == ["26 Oct", "29", "1 Nov", "4"]


@pytest.mark.django_db
def test_without_incoming_calls_nothing_is_drawn(client):
    client.force_login(User.objects.create_superuser("priya"))
    make_call(*ANSWERED, direction="out", started_at=datetime(2026, 11, 24, 9, tzinfo=UTC))

    page = client.get(reverse("reports:report", args=["by-extension"]), {"since": "2026-11-24", "until": "2026-11-24"})

    assert page.context["course"].bars == []
    assert "Incoming calls per" not in page.content.decode()


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (5, ["0", "2", "4", "6"]),
        (246, ["0", "100", "200", "300"]),
        (40_001, ["0", "20,000", "40,000", "60,000"]),
    ],
)
def test_the_axis_is_round_begins_at_nothing_and_holds_the_largest(largest, labels):
    top, ticks = scale(largest)

    assert [tick.label for tick in ticks] == labels
    assert top >= largest
    assert (ticks[0].y, ticks[-1].y) == (100, 0)
