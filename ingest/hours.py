"""Lines counted by the hour of their receipt, in the transaction that loads them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from django.db import DEFAULT_DB_ALIAS, connection

from calls.directory.models import FeedHour
from calls.rows import Columns, Question, Row, columns, precise_instant

HOUR_SECONDS = 3_600
HOUR_US = HOUR_SECONDS * 1_000_000
COLUMNS = ("feed_id", "hour", "lines", "first_at", "last_at", "longest_gap_seconds")


class HourCount:
    """Lines of a feed by their receipt (epoch microseconds), to be added to the hours stored.

    Ask `question` under the feed's lock, `add` the answer, and `write` before the lock goes.
    """

    def __init__(self, feed_id: int, received_us: Iterable[int]) -> None:
        self._feed_id = feed_id
        self._by_hour: dict[int, list[int]] = {}
        for at_us in received_us:
            self._by_hour.setdefault(at_us // HOUR_US, []).append(at_us)
        self._rows: list[Row] = []

    def question(self) -> Question:
        """For what is stored of these hours."""
        adapt = connection.ops.adapt_datetimefield_value
        hours = [adapt(precise_instant(number * HOUR_US)) for number in self._by_hour]
        within = f"hour IN ({', '.join(['%s'] * len(hours))})" if hours else "FALSE"
        return _table().question(f"feed_id = %s AND {within}", [self._feed_id, *hours])

    def add(self, answer: Sequence[Row]) -> None:
        stored = {row[1]: row for row in _table().decode(answer)}
        for number, moments in self._by_hour.items():
            moments.sort()
            lines, first, last = len(moments), moments[0], moments[-1]
            longest = max((later - earlier for earlier, later in pairwise(moments)), default=0) / 1e6
            hour = number * HOUR_SECONDS
            if hour in stored:
                _, _, lines_before, first_before, last_before, longest_before = stored[hour]
                # the gap between lines that come out of order is unknown
                longest = max(longest_before, longest, (first - last_before) / 1e6)
                lines += lines_before
                first, last = min(first_before, first), max(last_before, last)
            self._rows.append((self._feed_id, hour, lines, first, last, longest))

    def write(self) -> None:
        _table().upsert(self._rows, ["feed_id", "hour"])


def _table() -> Columns:
    return columns(DEFAULT_DB_ALIAS, FeedHour, COLUMNS)
