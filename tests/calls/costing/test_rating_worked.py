"""The worked cases, by the rater and by the oracle; and what a rating says besides its cost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from calls.costing import document
from calls.costing.document import parse
from calls.costing.rating import Rater
from tests.calls.costing import oracle
from tests.calls.costing.worked_cases import BY_PREFIX, CASES, SPLIT, TUESDAY_NOON, Case

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_worked_by_hand(case: Case) -> None:
    rating = Rater(parse(case.tariff)).rate(utc(case.answered_at), case.duration_s, case.number)
    assert rating.cost_text == case.cost, f"{case.working}\n" + "\n".join(rating.trace)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_oracle_works_as_by_hand(case: Case) -> None:
    exact = oracle.exact_cost(without_nulls(case.tariff), utc(case.answered_at), case.duration_s, case.number)
    if "…" in case.working:
        assert abs(exact - Fraction(case.cost)) < Fraction(1, 10**20)
    elif case.tariff.get("rounding") == {"method": "none"}:
        assert exact == Fraction(case.cost)
    else:
        cost = oracle.cost(without_nulls(case.tariff), utc(case.answered_at), case.duration_s, case.number)
        assert cost == Decimal(case.cost)


def without_nulls(part: Any) -> Any:
    """The oracle has no null: there, a field set back to its default says so."""
    if isinstance(part, list):
        return [without_nulls(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    return {name: 0 if value is None else without_nulls(value) for name, value in part.items()}


def test_the_worked_cases_have_every_field() -> None:
    used = set(fields_in([case.tariff for case in CASES]))
    known = {"name", "currency", "vat", "timezone", "components", "prefixes", "prefix", "class"}
    for readers in (document.PART_FIELDS, document.BAND_FIELDS, document.STEP_FIELDS, document.CAP_FIELDS):
        known |= set(readers)
    assert used == known | set(document.ROUNDING_FIELDS)


def fields_in(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for entry in part:
            yield from fields_in(entry)
    elif isinstance(part, dict):
        for name, value in part.items():
            yield name
            yield from fields_in(value)


def test_a_trace_tells_the_way_to_the_cost() -> None:
    tariff = {
        **SPLIT,
        "name": "Example",
        "initial_s": 30,
        "increment_s": 6,
        "connection_charge": "0.03",
        "markup_pct": "10",
        "prefixes": [{"prefix": "447", "name": "Mobile"}],
    }
    rating = Rater(parse(tariff)).rate(utc("2026-11-24T17:59:30"), 61, "447700900123")
    assert rating.trace == (
        "answered Tue 24 Nov 2026 17:59:30, Europe/London",
        "matched 447 Mobile",
        "peak",
        "61 s → 66 s in 30/6",
        "peak, 30 s at 0.12 for 60 s = 0.06",
        "36 s at 0.06 for 60 s = 0.036",
        "connection charge 0.03",
        "mark-up 10 %: 0.126 → 0.1386",
        "rounded half up to 4 digits: 0.1386 GBP, ex VAT",
    )
    assert (rating.band, rating.prefix, rating.destination, rating.billed_s) == ("peak", "447", "Mobile", 66)
    assert rating.exact == Fraction("0.1386")


def test_a_trace_of_everything_at_once() -> None:
    tariff = {
        "rate": "0.06",
        "free_s": 10,
        "allowance_s": 20,
        "steps": [{"from_s": 60, "rate": "0.12", "increment_s": 30, "step_charge": "0.01"}],
        "components": [
            {"name": "access", "cap": {"amount": "0.05", "window_s": 60, "includes_connection": True}},
            {"name": "service", "min_charge": "1", "initial_s": 30, "initial_charge": "0.10"},
        ],
        "rounding": {"method": "up", "dp": 1},
    }
    rating = Rater(parse(tariff)).rate(NOON, 70)
    assert rating.trace[1:] == (
        "access: first 10 s free: 60 s left",
        "access: 60 s → 80 s, each step by its own increment",
        "access: allowance of 20 s covers 20 s",
        "access: 30 s at 0.06 for 60 s = 0.03",
        "access: step from 60 s, 30 s at 0.12 for 60 s = 0.06",
        "access: step from 60 s: 0.01",
        "service: first 10 s free: 60 s left",
        "service: 60 s → 80 s, each step by its own increment",
        "service: allowance of 20 s covers 20 s",
        "service: initial 30 s at 0.10",
        "service: 20 s at 0.06 for 60 s = 0.02",
        "service: step from 60 s, 30 s at 0.12 for 60 s = 0.06",
        "service: step from 60 s: 0.01",
        "service: minimum charge 1.00: 0.19 → 1.00",
        "components together 1.10",
        "rounded up to 1 digit: 1.1 GBP, ex VAT",
    )
    assert [component.exact for component in rating.components] == [Fraction("0.1"), Fraction(1)]


@pytest.mark.parametrize(
    ("answered_at", "duration_s", "stale", "status", "cost", "reason"),
    [
        (None, 30, False, "not_charged", Decimal(0), "not answered"),
        (NOON, 0, False, "not_charged", Decimal(0), "zero seconds"),
        (NOON, 30, True, "stale", None, "stale"),
        (NOON, 30, False, "unrated", None, "no price for 33123"),
    ],
)
def test_what_is_not_rated_says_why(
    answered_at: datetime | None, duration_s: int, stale: bool, status: str, cost: Decimal | None, reason: str
) -> None:
    rating = Rater(parse(BY_PREFIX)).rate(answered_at, duration_s, "33123", stale=stale)
    assert (rating.status, rating.cost, rating.reason) == (status, cost, reason)
    assert len(rating.trace) == 1


@pytest.mark.parametrize("number", ["", "4", "anonymous", "447700***", "٤٤٧٧"])
def test_a_number_that_no_prefix_begins_is_unrated(number: str) -> None:
    tariff = {"prefixes": [{"prefix": "44", "rate": "1"}]}
    assert Rater(parse(tariff)).rate(NOON, 60, number).status == "unrated"


def test_a_number_may_be_written_with_a_plus_and_spaces() -> None:
    assert Rater(parse(BY_PREFIX)).rate(NOON, 60, "+44 7700 900-123").prefix == "447"


def test_a_year_long_call_is_priced_by_the_band_and_not_by_the_second() -> None:
    # From a Tuesday noon, 364 days: each weekday 52 times, of which 5 × 52 have ten hours of peak.
    rating = Rater(parse(SPLIT)).rate(utc(TUESDAY_NOON), 364 * 86_400)
    peak_s = 5 * 52 * 10 * 3600
    assert rating.exact == (peak_s * 2 + (364 * 86_400 - peak_s)) * Fraction("0.001")


@pytest.mark.parametrize(("answered_at", "duration_s"), [(datetime(2026, 1, 1), 5), (NOON, -1)])
def test_a_call_without_a_zone_or_with_less_than_no_time_is_refused(answered_at: datetime, duration_s: int) -> None:
    with pytest.raises(ValueError, match="aware time"):
        Rater(parse(SPLIT)).rate(answered_at, duration_s)
