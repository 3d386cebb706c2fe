"""The rater against the oracle, which reckons second by second, and what must hold for every tariff."""

from datetime import datetime
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calls.costing.document import export, parse
from calls.costing.rating import Rater
from tests.calls.costing import oracle
from tests.calls.costing.strategies import (
    ZONES,
    Json,
    amounts,
    bands,
    durations,
    moments,
    ordinary_prices,
    parts,
    tariffs,
)

NUMBERS = st.sampled_from(["", "4", "447912345678", "442079460000", "12125550100", "33123456789"])


def exact(tariff: Json, answered_at: datetime, duration_s: int, number: str = "") -> Fraction:
    return Rater(parse(tariff)).rate(answered_at, duration_s, number).exact


@given(tariffs(), moments(), durations(), NUMBERS)
def test_it_costs_what_the_oracle_says(tariff: Json, answered_at: datetime, duration_s: int, number: str) -> None:
    rating = Rater(parse(tariff)).rate(answered_at, duration_s, number)
    try:
        expected = oracle.exact_cost(tariff, answered_at, duration_s, number)
    except oracle.UnratedError:
        assert (rating.status, rating.cost) == ("unrated", None)
        return
    assert rating.exact == expected
    assert rating.cost == (oracle.cost(tariff, answered_at, duration_s, number) if duration_s else 0)


@given(amounts(), parts(), st.sampled_from(ZONES), moments(), durations())
def test_so_does_a_tariff_of_one_part(
    rate: str | int, part: Json, zone: str, answered_at: datetime, duration_s: int
) -> None:
    tariff = {"rate": rate, "timezone": zone, "rounding": {"method": "up", "dp": 2}, **part}
    rating = Rater(parse(tariff)).rate(answered_at, duration_s)
    assert rating.exact == oracle.exact_cost(tariff, answered_at, duration_s)


@settings(max_examples=40)
@given(tariffs())
def test_a_document_survives_export_and_import(tariff: Json) -> None:
    read = parse(tariff)
    exported = export(read)
    assert parse(exported) == read
    assert export(parse(exported)) == exported


@settings(max_examples=50)
@given(ordinary_prices(), moments(), durations(), durations(200))
def test_longer_is_never_cheaper(tariff: Json, answered_at: datetime, duration_s: int, more: int) -> None:
    assert exact(tariff, answered_at, duration_s + more) >= exact(tariff, answered_at, duration_s)


@settings(max_examples=50)
@given(parts(), amounts(), moments(), durations())
def test_one_band_for_all_splits_as_it_starts(
    prices: Json, rate: str | int, answered_at: datetime, duration_s: int
) -> None:
    own = {name: value for name, value in prices.items() if not name.startswith("band") and name[:4] != "bank"}
    tariff = {"rate": rate, "bands": [{"name": "always", **own}]}
    start = exact({**tariff, "band_policy": "start"}, answered_at, duration_s)
    assert exact({**tariff, "band_policy": "split"}, answered_at, duration_s) == start
    assert exact({"rate": rate, **own}, answered_at, duration_s) == start


@settings(max_examples=50)
@given(parts(), bands(), amounts(900), moments(), durations())
def test_never_above_the_cap(
    prices: Json, banded: Json, amount: str | int, answered_at: datetime, duration_s: int
) -> None:
    tariff = {
        "rate": "0.10",
        **prices,
        **banded,
        "min_charge": 0,
        "cap": {"amount": amount, "includes_connection": True},
    }
    for band in tariff["bands"]:
        band.pop("cap", None), band.pop("min_charge", None)
    assert exact(tariff, answered_at, duration_s) <= Fraction(amount)


@settings(max_examples=25)
@given(tariffs(), moments(), durations(), NUMBERS)
def test_the_whole_is_the_sum_of_its_components(
    tariff: Json, answered_at: datetime, duration_s: int, number: str
) -> None:
    rating = Rater(parse(tariff)).rate(answered_at, duration_s, number)
    assume(rating.status == "rated")
    before_markup = sum((component.exact for component in rating.components), Fraction(0))
    assert rating.exact == before_markup * oracle.markup(oracle.at_prefix(tariff, number))
    assert len(rating.components) == max(1, len(oracle.at_prefix(tariff, number).get("components", [])))


@settings(max_examples=50)
@given(tariffs(), st.lists(st.tuples(moments(), durations(), NUMBERS), min_size=2, max_size=6))
def test_a_call_costs_the_same_whatever_was_priced_before(tariff: Json, calls: list[tuple[datetime, int, str]]) -> None:
    rater = Rater(parse(tariff))
    one_after_another = [rater.rate(*call) for call in calls]
    assert one_after_another == [Rater(parse(tariff)).rate(*call) for call in calls]
