"""How many lines were busy at once. Pure Python, no Django; instants are epoch seconds."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

FOREVER = 2**62


class Sweep:
    """How many lines are busy from an instant on. It keeps the changes, and of calls the last of each line only.

    A line is busy once, however many calls it has, and from its first second: a call of no length is busy for one.
    """

    def __init__(self, since: int) -> None:
        self._since = since
        self._changes: defaultdict[int, int] = defaultdict(int)  # of how many are busy, by instant
        self._last: dict[Hashable, tuple[int, int]] = {}  # each line's calls so far that touched one another or overlap

    def add(self, line: Hashable, began: int, ended: int | None) -> None:
        """A call, which began no earlier than those of its line before; `ended` is None while it lasts."""
        until = FOREVER if ended is None else max(ended, began + 1)
        if until <= self._since:
            return
        began = max(began, self._since)
        known = self._last.get(line)
        if known is not None and began <= known[1]:
            began, until = known[0], max(known[1], until)
        elif known is not None:
            self._changes[known[0]] += 1
            self._changes[known[1]] -= 1
        self._last[line] = began, until

    def peaks(self, edges: Sequence[int]) -> list[int]:
        """The most lines busy at one instant of each stretch between two edges, which ascend from no earlier instant
        than the sweep's."""
        changes = self._changes.copy()
        for began, until in self._last.values():
            changes[began] += 1
            changes[until] -= 1
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
