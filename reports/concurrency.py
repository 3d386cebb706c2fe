"""How many calls were up at once: a sweep over their beginnings and ends. Pure; instants are epoch seconds."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Traffic:
    """`busy_from` begins the 60 minutes with the most traffic, in `busy_erlangs`; the first of equals."""

    calls: int
    seconds: int
    peak: int
    peak_at: int
    busy_from: int
    busy_erlangs: float
    full_seconds: int  # in which at least `limit` calls were up


def traffic(spans: Iterable[tuple[int, int]], limit: int) -> Traffic:
    """Of calls, each from a second up to but without another: where one ends and another begins, one is up."""
    listed = [(begin, end) for begin, end in spans if end > begin]
    if not listed:
        return Traffic(0, 0, 0, 0, 0, 0.0, 0)
    steps: dict[int, int] = {}
    for begin, end in listed:
        steps[begin] = steps.get(begin, 0) + 1
        steps[end] = steps.get(end, 0) - 1
    times = sorted(steps)
    levels = list(accumulate(steps[at] for at in times))
    peak = max(levels)
    lengths = [later - at for at, later in pairwise(times)]
    areas = [0, *accumulate(level * length for level, length in zip(levels, lengths, strict=False))]
    full = sum(length for level, length in zip(levels, lengths, strict=False) if limit and level >= limit)

    def area_before(at: int) -> int:
        place = bisect_right(times, at) - 1
        if place < 0:
            return 0
        return areas[-1] if place >= len(lengths) else areas[place] + levels[place] * (at - times[place])

    # The area of a window of fixed width changes its slope only where it begins or ends at a step.
    starts = sorted(set(times) | {at - HOUR_S for at in times})
    areas_of = [(area_before(at + HOUR_S) - area_before(at), at) for at in starts]
    most = max(area for area, _ in areas_of)
    busy_from = next(at for area, at in areas_of if area == most)
    peak_at = times[levels.index(peak)]
    return Traffic(len(listed), areas[-1], peak, peak_at, busy_from, most / HOUR_S, full)
