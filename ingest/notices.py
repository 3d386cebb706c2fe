"""What to tell the operator of outages, and when: pure rules. docs/operations.md tells them in words.

Pure Python, no Django. An outage is told once it has lasted `after`, again every `every` while it is on, and once when
it is over. Of one kind of one feed no new outage is told within `every` of the last message, so that a feed that comes
and goes is no flood.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calls.directory.outages import WORKER_DOWN

PAST_IS_NEWS_FOR = timedelta(days=1)


class What(StrEnum):
    BEGAN = "began"
    GOES_ON = "goes_on"
    OVER = "over"
    WAS = "was"  # it began and ended while nobody looked


@dataclass(frozen=True, slots=True)
class Trouble:
    """An outage of a feed; `ended_at` None while it is on."""

    feed_id: int
    kind: str
    began_at: datetime
    ended_at: datetime | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.feed_id, self.kind


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel has told of an outage last; `cleared_at` None until it has told that it is over."""

    feed_id: int
    kind: str
    began_at: datetime
    told_at: datetime
    cleared_at: datetime | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.feed_id, self.kind


@dataclass(frozen=True, slots=True)
class News:
    what: What
    trouble: Trouble


def news(
    troubles: Iterable[Trouble], told: Iterable[Told], now: datetime, after: timedelta, every: timedelta
) -> list[News]:
    """What to tell now. `troubles` are those that are on and those that ended lately; `told` everything told lately."""
    troubles, told = list(troubles), list(told)
    on = {trouble.key: trouble for trouble in troubles if trouble.ended_at is None}
    open_notices = {notice.key: notice for notice in told if notice.cleared_at is None}
    last = {}
    for notice in sorted(told, key=lambda notice: notice.told_at):
        last[notice.key] = notice.told_at
    found: list[News] = []
    for key, notice in open_notices.items():
        if key not in on and (notice.feed_id, WORKER_DOWN) not in on:  # without a worker nobody can tell
            found.append(News(What.OVER, _ended(notice, troubles, now)))
        elif key in on and now - notice.told_at >= every:
            found.append(News(What.GOES_ON, on[key]))
    for key, trouble in on.items():
        rested = key not in last or now - last[key] >= every
        if key not in open_notices and now - trouble.began_at >= after and rested:
            found.append(News(What.BEGAN, trouble))
    for trouble in troubles:
        if trouble.ended_at is None or now - trouble.ended_at > PAST_IS_NEWS_FOR:
            continue
        rested = trouble.key not in last or trouble.began_at - last[trouble.key] >= every
        if trouble.ended_at - trouble.began_at >= after and rested and not _is_told(trouble, told):
            found.append(News(What.WAS, trouble))
    return found


def _ended(notice: Told, troubles: list[Trouble], now: datetime) -> Trouble:
    """The outage that was told, with its end as the ledger has it."""
    ends = [
        trouble.ended_at
        for trouble in troubles
        if trouble.key == notice.key and trouble.ended_at is not None and trouble.ended_at >= notice.began_at
    ]
    return Trouble(notice.feed_id, notice.kind, notice.began_at, max(ends, default=now))


def _is_told(trouble: Trouble, told: list[Told]) -> bool:
    assert trouble.ended_at is not None
    return any(
        notice.key == trouble.key
        and notice.began_at <= trouble.ended_at
        and (notice.cleared_at is None or notice.cleared_at >= trouble.began_at)
        for notice in told
    )
