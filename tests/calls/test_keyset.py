from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.counting import has_leg, legs_at
from calls.keyset import BadCursorError, Cursor, Keyset, LegKeyset, NearKeyset, capped_count, count_words
from calls.models import Call
from tests.calls.factories import ABANDONED, ANSWERED, NINE, make_call

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def seven_calls():
    """Seven calls, three of them in one second."""
    return [make_call(started_at=NINE + timedelta(seconds=after)) for after in (0, 1, 2, 2, 2, 3, 4)]


def keys(page):
    return [call.pk for call in page.rows]


def test_older_pages_cover_every_call_once(seven_calls):
    keyset = Keyset(Call.objects.all(), size=2)
    found, older = [], ""
    while True:
        page = keyset.page(older_than=older)
        found += keys(page)
        older = str(page.older or "")
        if not older:
            break
    assert found == [call.pk for call in reversed(seven_calls)]


def test_newer_leads_back_over_the_same_pages(seven_calls):
    keyset = Keyset(Call.objects.all(), size=2)
    first = keyset.newest()
    second = keyset.older_than(first.older)
    third = keyset.older_than(second.older)
    assert keys(keyset.newer_than(third.newer)) == keys(second)
    assert keys(keyset.newer_than(second.newer)) == keys(first)
    assert first.newer is None


def test_calls_that_arrive_meanwhile_move_nothing(seven_calls):
    keyset = Keyset(Call.objects.all(), size=2)
    second = keyset.older_than(keyset.newest().older)
    make_call(started_at=NINE + timedelta(seconds=9))
    assert keys(keyset.page(older_than=str(keyset.newer_than(second.newer).older))) == keys(second)


def test_a_short_newer_page_is_filled_up_to_the_newest(seven_calls):
    keyset = Keyset(Call.objects.all(), size=4)
    page = keyset.newer_than(Cursor(seven_calls[5].started_at, seven_calls[5].pk))
    assert keys(page) == [call.pk for call in reversed(seven_calls)][:4]
    assert page.newer is None


def test_a_page_costs_one_query(seven_calls, django_assert_num_queries):
    with django_assert_num_queries(1):
        Keyset(Call.objects.all(), size=2).newest()


def test_counts_are_exact_up_to_the_cap(seven_calls):
    assert capped_count(Call.objects.all(), cap=7) == 7
    assert capped_count(Call.objects.all(), cap=3) == 4
    assert count_words(4, cap=3) == "more than 3 calls"
    assert count_words(1) == "1 call"
    assert count_words(1170) == "1,170 calls"


@given(st.integers(0, 4 * 10**15), st.integers(1, 2**63 - 1))
def test_a_cursor_survives_its_address(microseconds, pk):
    cursor = Cursor.parse(f"{microseconds}-{pk}")
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "1", "-", "x-1", "1-x", "1--1", "9" * 30 + "-1", "9" * 5000 + "-1", "1-" + "9" * 30, "²-1"]
)
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(BadCursorError):
        Cursor.parse(text)


@pytest.fixture
def calls_of_a_device():
    """Calls of 1843, some with two legs there, some of one second, between calls of others."""
    again = ((0, "RINGING", "1843"), (5, "RINGING", "1848"), (9, "RINGING", "1843"), (20, "DISCONNECTED", "1843"))
    for place in range(36):
        steps = (ANSWERED, again, (*ABANDONED[:1], (25, "DISCONNECTED", "1843")))[place % 3]
        if place % 4 == 3:
            steps = tuple((after, name, "1850") for after, name, *_ in steps)
        make_call(*steps, started_at=NINE + timedelta(seconds=place // 2))


def assert_same_pages(keyset, plain):
    older = ""
    while True:
        page = plain.page(older_than=older)
        assert keyset.page(older_than=older) == page
        if page.newer:
            assert keyset.page(newer_than=str(page.newer)) == plain.page(newer_than=str(page.newer))
        if page.older is None:
            break
        older = str(page.older)


@pytest.mark.parametrize("chunks", [(1,), (1, 2), (4, 20, 100)])
@pytest.mark.parametrize("narrowing", [{}, {"outcome": "answered"}, {"outcome": "no_answer"}])
def test_pages_by_a_devices_legs_are_the_pages_of_one_query(calls_of_a_device, monkeypatch, chunks, narrowing):
    monkeypatch.setattr(LegKeyset, "CHUNKS", chunks)
    among = Call.objects.filter(**narrowing)
    rows = among.filter(has_leg("", "1843"))
    plain, by_legs = Keyset(rows, size=3), LegKeyset(rows, legs_at("1843"), among, size=3)
    assert_same_pages(by_legs, plain)


@pytest.mark.parametrize("chunks", [(1,), (1, 2), (20, 80)])
@pytest.mark.parametrize("narrowing", [{}, {"outcome": "answered"}, {"outcome": "no_answer"}])
def test_pages_of_the_nearest_calls_are_the_pages_of_one_query(calls_of_a_device, monkeypatch, chunks, narrowing):
    monkeypatch.setattr(NearKeyset, "CHUNKS", chunks)
    rows = Call.objects.filter(has_leg("", "1843"), **narrowing)
    plain, near = Keyset(rows, size=3), NearKeyset(rows, Call.objects.all(), size=3)
    assert_same_pages(near, plain)


def test_a_page_of_a_devices_calls_looks_up_no_more_calls_than_it_may_need(
    calls_of_a_device, django_assert_num_queries
):
    rows = Call.objects.filter(has_leg("", "1843"))
    with django_assert_num_queries(2) as queries:
        LegKeyset(rows, legs_at("1843"), Call.objects.all(), size=2).newest()
    assert "LIMIT 12" in queries[0]["sql"]
