"""Traffic against published figures, and the sweep against one that counts every second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.concurrency import HOUR_S, traffic
from reports.erlang import blocking, trunks_needed

# Erlangs that N trunks carry at a blocking of 1 %: the Erlang B table that textbooks print (for example Siemens,
# "Telephone Traffic Theory: Tables and Charts", 1970; Freeman, "Telecommunication System Engineering").
AT_ONE_PERCENT = {1: 0.0101, 2: 0.153, 3: 0.455, 4: 0.869, 5: 1.36, 10: 4.46, 20: 12.0, 30: 20.3, 50: 37.9, 100: 84.1}


@pytest.mark.parametrize(("trunks", "erlangs"), AT_ONE_PERCENT.items())
def test_published_traffic(trunks: int, erlangs: float) -> None:
    assert blocking(erlangs, trunks) == pytest.approx(0.01, rel=0.05)
    assert trunks_needed(erlangs * 0.99, 0.01) == trunks
    assert trunks_needed(erlangs * 1.01, 0.01) == trunks + 1


def test_no_traffic_and_no_trunks() -> None:
    assert (blocking(0, 0), blocking(0, 5), blocking(3, 0), blocking(1, 1)) == (1, 0, 1, 0.5)
    assert trunks_needed(0, 0.01) == 0
    for wrong in ((-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="0 or more"):
            blocking(*wrong)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 400)), max_size=8), st.integers(0, 4))
def test_the_sweep_is_what_counting_every_second_gives(calls: list[tuple[int, int]], limit: int) -> None:
    tenfold = 10  # so that the calls lie further apart than an hour
    spans = [(begin * tenfold, begin * tenfold + length) for begin, length in calls]
    found = traffic(spans, limit)
    levels = [0] * (900 * tenfold + 400 + 2 * HOUR_S)  # an hour before the first second, too
    for begin, end in spans:
        for second in range(begin + HOUR_S, end + HOUR_S):
            levels[second] += 1
    window = most = sum(levels[:HOUR_S])
    for second in range(HOUR_S, len(levels)):
        window += levels[second] - levels[second - HOUR_S]
        most = max(most, window)
    assert (found.seconds, found.peak, found.busy_erlangs) == (sum(levels), max(levels), most / HOUR_S)
    if found.calls:
        begin = found.busy_from + HOUR_S
        assert sum(levels[begin : begin + HOUR_S]) == most
        assert levels[found.peak_at + HOUR_S] == found.peak
        assert found.full_seconds == (sum(level >= limit for level in levels) if limit else 0)
