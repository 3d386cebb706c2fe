"""The service measures, worked out by hand: a feed with a target of 20 s, where 5 s is a short call."""

from datetime import timedelta

import pytest

from calls.counting import (
    CALL_COUNTS,
    GROUP_COUNTS,
    seconds_to_answer,
    service_level,
    service_measures,
    unreturned_as_of,
)
from calls.models import Call, Leg
from tests.calls.factories import ANSWERED, NINE, make_call, make_feed

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LATE = ((0, "RINGING", "1843"), (30, "ANSWERED", "1843"), (40, "DISCONNECTED", "1843"))
BY_MACHINE_THEN_PERSON = (
    (0, "RINGING", "1899"), (2, "ANSWERED", "1899"), (10, "TRANSFERRED", "1843", "1899"), (10, "RINGING", "1843"),
    (18, "CONNECTED", "1843"), (60, "DISCONNECTED", "1843"),
)  # fmt: skip
BY_MACHINE_ONLY = ((0, "RINGING", "1899"), (2, "ANSWERED", "1899"), (60, "DISCONNECTED", "1899"))
MACHINE = {"1899": "voicemail"}
SHORT, GIVEN_UP = (((0, "RINGING", "1843"), (after, "DISCONNECTED", "1843")) for after in (5, 6))
WAITING = ((0, "RINGING", "1843"),)


def test_service_level_and_time_to_answer():
    feed = make_feed(answer_target_seconds=20, short_call_seconds=5)
    make_call(*ANSWERED, feed=feed)  # after 9 s
    make_call(*LATE, feed=feed)
    make_call(*BY_MACHINE_THEN_PERSON, feed=feed, kinds=MACHINE)  # after 18 s
    make_call(*BY_MACHINE_ONLY, feed=feed, kinds=MACHINE)  # abandoned, though a machine answered
    make_call(*SHORT, feed=feed)
    make_call(*GIVEN_UP, feed=feed)
    make_call(*WAITING, feed=feed, started_at=NINE - timedelta(seconds=21))  # late
    make_call(*WAITING, feed=feed, started_at=NINE - timedelta(seconds=19))
    make_call(*ANSWERED, feed=feed, direction="out")

    found = Call.objects.aggregate(**service_measures(NINE))

    assert service_level(found) == 2 / (3 + 3 - 1 + 1)
    assert seconds_to_answer(found) == (9 + 30 + 18) / 3


def test_without_calls_there_is_no_level():
    found = Call.objects.aggregate(**service_measures(NINE))
    assert (service_level(found), seconds_to_answer(found)) == (None, None)


def test_a_call_is_returned_by_any_answered_call_with_its_number_since():
    def numbered(place: int, *steps, minutes: int = 0, e164: bool = True, **elements: str) -> Call:
        number = f"207946070{place}"
        return make_call(
            *steps, started_at=NINE + timedelta(minutes=minutes), number=number,
            e164=f"+44{number}" if e164 else "", **elements,
        )  # fmt: skip

    never = numbered(1, *GIVEN_UP)
    numbered(1, *ANSWERED, minutes=-5)  # before
    numbered(1, *GIVEN_UP[:1], minutes=5, direction="out")  # not answered
    numbered(2, *GIVEN_UP)
    numbered(2, *ANSWERED, minutes=5, direction="out")
    again = numbered(3, *GIVEN_UP), numbered(3, *GIVEN_UP, minutes=5)
    inside = numbered(4, *GIVEN_UP, e164=False)
    numbered(5, *GIVEN_UP, e164=False)
    numbered(5, *ANSWERED, minutes=5, e164=False)
    make_call(*GIVEN_UP, number="", e164="")

    assert set(Call.objects.filter(CALL_COUNTS["unreturned"])) == {never, *again, inside}
    assert Call.objects.filter(unreturned_as_of(NINE + timedelta(minutes=4))).count() == 6  # as it was then


def test_what_a_member_answers_the_group_has_answered():
    group = {"1890": "group"}
    make_call(
        (0, "QUEUED", "1890"),
        (9, "RINGING", "1843"),
        (12, "ANSWERED", "1843"),
        (20, "DISCONNECTED", "1843"),
        kinds=group,
    )
    make_call((0, "QUEUED", "1890"), (9, "DISCONNECTED", "1890"), kinds=group)
    make_call(
        (0, "QUEUED", "1890"),
        (9, "DIVERTED", "1850", "1890"),
        (19, "ANSWERED", "1850"),
        (20, "DISCONNECTED", "1850"),
        kinds=group,
    )

    legs = Leg.objects.filter(extension="1890")
    assert {name: legs.filter(condition).count() for name, condition in GROUP_COUNTS.items()} == {
        "answered": 1, "abandoned": 1,
    }  # fmt: skip
