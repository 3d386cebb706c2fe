"""Lines counted by the hour of their receipt, in the transaction that loads them."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from calls.directory.models import FeedHour
from calls.directory.silence import HOUR
from calls.rows import EPOCH, precise_instant

HOUR_US = 3_600_000_000


def count_lines(feed_id: int, received_us: Iterable[int]) -> None:
    """Take in lines of a feed by their receipt (epoch microseconds). The caller holds the feed's lock."""
    by_hour: dict[int, list[int]] = {}
    for at_us in received_us:
        by_hour.setdefault(at_us // HOUR_US, []).append(at_us)
    for number, moments in by_hour.items():
        moments.sort()
        hour = EPOCH + number * HOUR
        first_at, last_at = precise_instant(moments[0]), precise_instant(moments[-1])
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        longest = max(gaps, default=0) / 1e6
        row = FeedHour.objects.filter(feed=feed_id, hour=hour).first()
        if row is None:
            FeedHour.objects.create(
                feed_id=feed_id, hour=hour, lines=len(moments), first_at=first_at, last_at=last_at,
                longest_gap_seconds=longest,
            )  # fmt: skip
            continue
        row.longest_gap_seconds = max(row.longest_gap_seconds, longest, _between(row.last_at, first_at))
        row.lines += len(moments)
        row.first_at, row.last_at = min(row.first_at, first_at), max(row.last_at, last_at)
        row.save()


def _between(earlier: datetime, later: datetime) -> float:
    """Seconds; 0 for lines that come out of order, whose gap is unknown."""
    return max((later - earlier).total_seconds(), 0)
