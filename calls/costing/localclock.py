"""The wall clock of a time zone in whole seconds, fast: most days of a zone have one offset from UTC, told once.

Pure Python, no Django. Instants are seconds of UTC since the year 1; local seconds are the same on the zone's clock.
Raises OverflowError outside the years that datetime knows.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from calls.costing.terms import DAY_S

YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)

Piece = tuple[int, int, int]  # from and to (half open), offset in seconds


def seconds_of(instant: datetime) -> int:
    """An aware time in whole seconds, fractions dropped."""
    since = instant - YEAR_ONE
    return since.days * DAY_S + since.seconds


class LocalClock:
    __slots__ = ("_offsets", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._offsets: dict[int, int | None] = {}  # by UTC day; None where the offset changes within it

    def local(self, instant: int) -> int:
        """The local second of an instant."""
        offset = self._of_day(instant // DAY_S)
        return instant + (self._exactly(instant) if offset is None else offset)

    def steady(self, begin: int, end: int) -> int | None:
        """The one offset of all the time between two instants of a UTC day; None if it may change or the day does."""
        day = begin // DAY_S
        return self._of_day(day) if end <= (day + 1) * DAY_S else None

    def pieces(self, begin: int, end: int) -> Iterator[Piece]:
        """The time between two instants, in pieces of one offset and one UTC day."""
        while begin < end:
            day = begin // DAY_S
            until = min(end, (day + 1) * DAY_S)
            offset = self._of_day(day)
            if offset is None:
                offset = self._exactly(begin)
                until = self._change(begin, until, offset)
            yield begin, until, offset
            begin = until

    def _of_day(self, day: int) -> int | None:
        if day not in self._offsets:
            # No zone changes its offset and takes that back within a day.
            offset = self._exactly(day * DAY_S)
            self._offsets[day] = offset if self._exactly((day + 1) * DAY_S) == offset else None
        return self._offsets[day]

    def _change(self, same: int, until: int, offset: int) -> int:
        """The first second after `same`, but not after `until`, with another offset; else `until`."""
        while until - same > 1:
            middle = (same + until) // 2
            if self._exactly(middle) == offset:
                same = middle
            else:
                until = middle
        return until

    def _exactly(self, instant: int) -> int:
        offset = (YEAR_ONE + timedelta(seconds=instant)).astimezone(self.zone).utcoffset()
        return offset.days * DAY_S + offset.seconds if offset else 0
