"""Lines counted by the hour of their receipt, in the transaction that loads them."""

from collections.abc import Iterable
from itertools import pairwise

from django.db import DEFAULT_DB_ALIAS, connection

from calls.directory.models import FeedHour
from calls.rows import columns, precise_instant

HOUR_SECONDS = 3_600
HOUR_US = HOUR_SECONDS * 1_000_000
COLUMNS = ("feed_id", "hour", "lines", "first_at", "last_at", "longest_gap_seconds")


def count_lines(feed_id: int, received_us: Iterable[int]) -> None:
    """Take in lines of a feed by their receipt (epoch microseconds). The caller holds the feed's lock."""
    by_hour: dict[int, list[int]] = {}
    for at_us in received_us:
        by_hour.setdefault(at_us // HOUR_US, []).append(at_us)
    table = columns(DEFAULT_DB_ALIAS, FeedHour, COLUMNS)
    for number, moments in by_hour.items():
        moments.sort()
        lines, first, last = len(moments), moments[0], moments[-1]
        longest = max((later - earlier for earlier, later in pairwise(moments)), default=0) / 1e6
        hour = number * HOUR_SECONDS
        known = table.select(
            "feed_id = %s AND hour = %s",
            [feed_id, connection.ops.adapt_datetimefield_value(precise_instant(number * HOUR_US))],
        )
        for _, _, lines_before, first_before, last_before, longest_before in known:
            # the gap between lines that come out of order is unknown
            longest = max(longest_before, longest, (first - last_before) / 1e6)
            lines += lines_before
            first, last = min(first_before, first), max(last_before, last)
        table.upsert([(feed_id, hour, lines, first, last, longest)], ["feed_id", "hour"])
