from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.occupancy import Sweep

Use = tuple[str, int, int | None]


def peaks(uses: list[Use], edges: list[int], since: int | None = None) -> list[int]:
    sweep = Sweep(edges[0] if since is None else since)
    for use in sorted(uses, key=lambda use: use[1]):
        sweep.add(*use)
    return sweep.peaks(edges)


@pytest.mark.parametrize(
    ("uses", "edges", "expected"),
    [
        ([], [0, 10], [0]),
        ([("a", 1, 5), ("b", 4, 9)], [0, 10], [2]),
        ([("a", 1, 5), ("b", 5, 9)], [0, 10], [1]),  # one ends in the second in which the other begins
        ([("a", 1, 5), ("a", 3, 9)], [0, 10], [1]),  # one line with two calls is one busy line
        ([("a", 1, 5), ("a", 7, 9), ("b", 5, 8)], [0, 5, 7, 10], [1, 1, 2]),
        ([("a", -50, None)], [0, 5, 10], [1, 1]),  # still going
        ([("a", 3, 3)], [0, 5, 10], [1, 0]),  # no length: a second
        ([("a", -9, -5), ("b", 20, 30)], [0, 10], [0]),
        ([("a", 2, 8), ("b", 3, 9)], [0, 5, 10], [2, 2]),  # busy over an edge counts on both sides
    ],
)
def test_the_most_lines_busy_at_once(uses: list[Use], edges: list[int], expected: list[int]) -> None:
    assert peaks(uses, edges) == expected


USES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(-20, 40), st.none() | st.integers(0, 30)).map(
        lambda drawn: (drawn[0], drawn[1], None if drawn[2] is None else drawn[1] + drawn[2])
    ),
    max_size=12,
)


EDGES = st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True).map(sorted)


@given(uses=USES, edges=EDGES, before=st.integers(0, 30))
def test_they_are_those_of_every_second_counted_by_itself(uses: list[Use], edges: list[int], before: int) -> None:
    """Whenever the sweep begins, and asked twice."""
    seconds = [(line, began, 99 if ended is None else max(ended, began + 1)) for line, began, ended in uses]
    busy = {
        second: len({line for line, began, ended in seconds if began <= second < ended})
        for second in range(edges[0], edges[-1])
    }
    expected = [max(busy[second] for second in range(*stretch)) for stretch in pairwise(edges)]
    assert peaks(uses, edges) == expected
    assert peaks(uses, edges, edges[0] - before) == expected
