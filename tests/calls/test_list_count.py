from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from calls.keyset import Keyset, Page
from calls.list_count import rounded, words_of_count
from calls.models import Call
from tests.calls.factories import NINE, make_call

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def forty_calls() -> None:
    for after in range(40):
        make_call(started_at=NINE + timedelta(seconds=after), direction="in" if after % 10 else "out")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE calls_call")


def page_of(rows: Any, size: int = 2) -> Page:
    return Keyset(rows, size=size).newest()


def test_a_count_is_exact_up_to_the_cap(forty_calls: None) -> None:
    calls, outgoing = Call.objects.all(), Call.objects.filter(direction="out")
    assert words_of_count(outgoing, page_of(outgoing), cap=10) == "4 calls"
    assert words_of_count(calls, page_of(calls), cap=40) == "40 calls"


def test_a_short_list_is_counted_by_its_page(forty_calls: None, django_assert_num_queries: Any) -> None:
    outgoing = Call.objects.filter(direction="out")
    page = page_of(outgoing, size=4)
    with django_assert_num_queries(0):
        assert words_of_count(outgoing, page) == "4 calls"


def test_beyond_it_an_estimate_says_that_it_is_one(forty_calls: None) -> None:
    calls = Call.objects.all()
    assert words_of_count(calls, page_of(calls), cap=30) == "about 40 calls"
    assert words_of_count(calls, page_of(calls), cap=2) == "about 40 calls"


def test_without_an_estimate_there_are_more_than_the_cap(forty_calls: None) -> None:
    """Too few samples are hit; Postgres has not looked at the table since."""
    if connection.vendor == "postgresql":
        Call.objects.filter(direction="out").update(direction="odd")
    outgoing = Call.objects.filter(direction="odd" if connection.vendor == "postgresql" else "out")
    assert words_of_count(outgoing, page_of(outgoing), cap=3) == "more than 3 calls"


@pytest.mark.parametrize(
    ("number", "said"),
    [(10_400, "10,000"), (162_348, "160,000"), (999_600, "1 million"), (1_234_567, "1.2 million"),
     (10_960_000, "11 million"), (0, "0")],
)  # fmt: skip
def test_an_estimate_has_two_digits(number: int, said: str) -> None:
    assert rounded(number) == said
