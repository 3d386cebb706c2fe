"""How many lines were busy at once. Pure Python, no Django; instants are epoch seconds."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple


class Use(NamedTuple):
    """One call on one line; `ended` is None while it lasts."""

    line: Hashable
    began: int
    ended: int | None


def peaks(uses: Iterable[Use], edges: Sequence[int]) -> list[int]:
    """The most lines busy at one instant of each stretch between two edges, which ascend.

    A line is busy once, however many calls it has, and from its first second: a call of no length is busy for one.
    """
    changes: dict[int, int] = defaultdict(int)
    for began, ended in _busy(uses, edges[-1]):
        changes[began] += 1
        changes[ended] -= 1
    found, busy, place = [0] * (len(edges) - 1), 0, -1
    for instant in sorted({*changes, *edges}):
        busy += changes.get(instant, 0)
        while place + 1 < len(edges) and edges[place + 1] <= instant:
            place += 1
        if place >= len(found):
            break
        if place >= 0:
            found[place] = max(found[place], busy)
    return found


def _busy(uses: Iterable[Use], now: int) -> Iterable[tuple[int, int]]:
    """Each line's calls as stretches that neither touch nor overlap."""
    by_line: defaultdict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for line, began, ended in uses:
        by_line[line].append((began, max(now if ended is None else ended, began + 1)))
    for stretches in by_line.values():
        stretches.sort()
        began, ended = stretches[0]
        for next_began, next_ended in stretches[1:]:
            if next_began > ended:
                yield began, ended
                began = next_began
            ended = max(ended, next_ended)
        yield began, ended
