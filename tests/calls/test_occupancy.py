import pytest

from calls.occupancy import Use, peaks


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
def test_the_most_lines_busy_at_once(uses: list, edges: list[int], expected: list[int]) -> None:
    assert peaks([Use(*use) for use in uses], edges) == expected
