import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.chargeback import Part, allocated, shares
from tests.examples import examples

PARTS = [Part("1890", 0), Part("1840", 55), Part("1843", 110), Part("1840", 55)]


@pytest.mark.parametrize(
    ("rule", "parts", "expected"),
    [
        ("first", PARTS, {"1890": 1}),
        ("last", PARTS, {"1843": 1}),
        ("talk", PARTS, {"1840": 110, "1843": 110}),
        ("talk", PARTS[:1], {"1890": 1}),
        ("talk", [], {"1890": 1}),
    ],
)
def test_whose_a_call_is(rule, parts, expected):
    assert shares(rule, "1890", "1843", parts) == expected


def test_a_call_that_names_no_last_device_is_the_firsts():
    assert shares("last", "1890", "", []) == {"1890": 1}


def test_what_does_not_divide_goes_to_the_largest_remainders():
    # 100 by 1 : 2 : 4 of 7: 14.28…, 28.57…, 57.14…
    assert allocated(100, {"a": 1, "b": 2, "c": 4}) == {"a": 14, "b": 29, "c": 57}
    assert allocated(1, {"b": 1, "a": 1}) == {"a": 1, "b": 0}


@examples(200)
@given(
    st.integers(-(10**15), 10**15),
    st.dictionaries(st.text("0123456789", max_size=4), st.integers(0, 10**6), min_size=1).filter(
        lambda weights: any(weights.values())
    ),
)
def test_parts_add_up_and_each_is_within_a_millionth_of_its_share(amount, weights):
    parts = allocated(amount, weights)
    assert sum(parts.values()) == amount
    total = sum(weights.values())
    for name, part in parts.items():
        assert abs(part * total - amount * weights[name]) < total
