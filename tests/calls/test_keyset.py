from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.keyset import BadCursorError, Cursor, Keyset, capped_count, count_words
from calls.models import Call
from tests.calls.factories import NINE, make_call

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
