"""The example tariff: sound, plainly invented, and with a price for every kind of UK number."""

import json
from datetime import UTC, datetime

import pytest

from calls.costing.document import export
from calls.costing.example import PATH, example
from calls.costing.rating import Rater

EVENING = datetime(2026, 11, 24, 20, tzinfo=UTC)


def test_it_says_that_it_is_an_example_and_is_in_canonical_form() -> None:
    assert example().name.startswith("EXAMPLE")
    assert export(example()) == json.loads(PATH.read_bytes())


@pytest.mark.parametrize(
    ("number", "destination_class"),
    [
        ("441632960123", "national"),
        ("442079460000", "national"),
        ("443069990123", "national"),
        ("447700900123", "mobile"),
        ("447911123456", "mobile"),
        ("447624123456", "mobile"),
        ("447012345678", "personal"),
        ("447612345678", "special"),
        ("448001234567", "freephone"),
        ("448081570123", "freephone"),
        ("448451234567", "service"),
        ("448712345678", "service"),
        ("449098790123", "premium"),
        ("118500", "premium"),
        ("112", "emergency"),
        ("999", "emergency"),
        ("12125550100", "international"),
        ("35312345678", "international"),
        ("4930123456", "international"),
        ("881612345678", "special"),
    ],
)
def test_every_kind_of_number_has_its_class(number: str, destination_class: str) -> None:
    rating = Rater(example()).rate(EVENING, 61, number)
    assert rating.status == "rated"
    classes = {prefix.prefix: prefix.destination_class for prefix in example().prefixes}
    assert classes[rating.prefix] == destination_class
    assert (rating.cost == 0) == (destination_class in {"freephone", "emergency"})


def test_a_price_worked_by_hand() -> None:
    # 087, 61 s: access 0.0111 + 61 × 0.0770 / 60 = 0.0893833…; service 61 × 0.1 / 60 = 0.1016666…; 0.19105 → up
    rating = Rater(example()).rate(EVENING, 61, "448712345678")
    assert rating.cost_text == "0.1911"


def test_a_number_that_is_not_in_the_plan_is_unrated() -> None:
    assert Rater(example()).rate(EVENING, 61, "4460123456").status == "unrated"
