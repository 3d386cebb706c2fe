"""How a feed is, for the sidebar, the board, the pages of feeds and monitoring: live, silent or lost.

The rules are in outages.py; here they are asked of what the database holds. Nothing is written.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from calls.directory.models import Feed, FeedHour, FeedState, Outage, WorkerStatus
from calls.directory.outages import (
    BACKLOG,
    DISCONNECTED,
    SILENT,
    WORKER_DOWN,
    Graces,
    Seen,
    WorkerFacts,
    is_fresh,
    outages_on,
    seen,
)
from calls.directory.silence import WEEKS_LEARNED, silent_at

LIVE, LOST, NONE = "live", "lost", "none"
WORDS = {LIVE: "Live", SILENT: "Silent", LOST: "Lost", NONE: "No feed"}
WORST_STATE_KEPT_SECONDS = 2.0
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """`accepted` is how many lines each worker's journal holds; `error` what keeps a connection or the loading back.

    `outages` are those that are on, kind → beginning, whether a worker has written them or not; `written` kind → key of
    its row. `recent_lines` are lines of ten seconds each, the newest last. `silent_at` is when the silence so far
    becomes unusual. `expected` is False for a feed that nothing can send to.
    """

    state: str
    connected: bool
    connections: int
    last_line_at: datetime | None
    accepted: dict[int, int]  # by journal, those of dead workers too
    error: str
    peers: list[dict[str, object]]
    working: bool
    expected: bool = True
    outages: dict[str, datetime] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    recent_lines: list[int] = field(default_factory=list)
    silent_at: datetime | None = None

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def lines_a_second(self) -> float:
        """Over the last minute."""
        last = self.recent_lines[-6:]
        return sum(last) / (10 * len(last)) if last else 0.0


def graces() -> Graces:
    """How long each may last before it is an outage, as the settings say."""
    return Graces(
        worker_down=timedelta(seconds=settings.WORKER_DOWN_AFTER_SECONDS),
        disconnected=timedelta(seconds=settings.DISCONNECTED_AFTER_SECONDS),
        backlog=timedelta(seconds=settings.BACKLOG_AFTER_SECONDS),
    )


def facts_of(worker: WorkerStatus) -> WorkerFacts:
    return WorkerFacts(
        heartbeat_at=worker.heartbeat_at,
        started_at=worker.started_at,
        connected_since=worker.connected_since,
        lost_at=worker.lost_at,
        last_line_at=worker.last_line_at,
        waiting_since=worker.waiting_since,
        signed_off=worker.signed_off,
    )


def silence_of(feed: Feed, state: FeedState) -> Callable[[datetime], datetime]:
    """When a silence of this feed that began at an instant becomes unusual."""
    return partial(
        silent_at,
        usual=tuple(state.usual_silence),
        zone=ZoneInfo(feed.zone_name),
        otherwise=timedelta(minutes=feed.silent_after_minutes),
    )


def expects_lines(feed: Feed, workers: Iterable[WorkerStatus]) -> bool:
    """Whether anything can send to it: its own connections, or those of a worker's command line."""
    configured = feed.push_enabled or (feed.local_enabled and feed.local_host)
    return bool(feed.active and configured) or any(worker.endpoints and not worker.signed_off for worker in workers)


def feed_health(
    feed: Feed,
    state: FeedState,
    workers: list[WorkerStatus],
    now: datetime,
    rows: Iterable[Outage] = (),
) -> FeedHealth:
    """Lost: no worker, or no connection. Silent: connected, but silent for longer than is usual at this hour.

    `workers` are all that were at it lately; `rows` the outages of it that are open in the database.
    """
    limits, written = graces(), {row.kind: row.began_at for row in rows}
    fresh = [worker for worker in workers if is_fresh(facts_of(worker), now, limits)]
    known = seen(map(facts_of, workers), state.last_line_at, now, limits)
    becomes_silent = silence_of(feed, state)
    expected = expects_lines(feed, workers)
    on = outages_on(known, limits, becomes_silent, written) if expected else {}
    if on is None:
        on = written  # a worker may be restarting: what was on is not over
    on = {kind: began_at if kind == SILENT else written.get(kind, began_at) for kind, began_at in on.items()}
    if BACKLOG in written and not fresh:
        on[BACKLOG] = written[BACKLOG]  # nobody can tell: it is still on
    return FeedHealth(
        state=_state(known, on, limits) if expected else NONE,
        connected=known.connected_since is not None,
        connections=sum(worker.connections for worker in fresh),
        last_line_at=known.last_line_at,
        accepted={worker.journal: worker.accepted for worker in workers if worker.accepted},
        error=" ".join(worker.error for worker in fresh if worker.error),
        peers=[peer for worker in fresh for peer in worker.peers],
        working=bool(fresh),
        expected=expected,
        outages=on,
        written={row.kind: row.pk for row in rows},
        recent_lines=_added([worker.recent_lines for worker in fresh]),
        silent_at=becomes_silent(known.quiet_since) if known.connected_since and known.quiet_since else None,
    )


def _state(known: Seen, on: dict[str, datetime], limits: Graces) -> str:
    if known.working_since is None or WORKER_DOWN in on or DISCONNECTED in on:
        return LOST
    if known.connected_since is None:  # in its grace, if it had a connection
        return LIVE if known.lost_at and known.at - known.lost_at <= limits.disconnected else LOST
    return SILENT if SILENT in on else LIVE


def _added(counts: list[list[int]]) -> list[int]:
    """Sums by place from the newest, which is the last."""
    longest = max(map(len, counts), default=0)
    return [sum(one[-place] for one in counts if len(one) >= place) for place in range(longest, 0, -1)]


def health_of_feeds(now: datetime | None = None, feed: int | None = None) -> list[tuple[Feed, FeedHealth]]:
    """Every feed (or the one), by name; in three queries."""
    now = now or timezone.now()
    feeds = Feed.objects.select_related("state")
    workers: dict[int, list[WorkerStatus]] = {}
    statuses, open_outages = WorkerStatus.objects.all(), Outage.objects.filter(ended_at=None)
    if feed is not None:
        feeds, statuses = feeds.filter(pk=feed), statuses.filter(feed=feed)
        open_outages = open_outages.filter(feed=feed)
    for worker in statuses:
        workers.setdefault(worker.feed_id, []).append(worker)
    written: dict[int, list[Outage]] = {}
    for outage in open_outages:
        written.setdefault(outage.feed_id, []).append(outage)
    return [
        (found, feed_health(found, found.state, workers.get(found.pk, []), now, written.get(found.pk, [])))
        for found in feeds
    ]


def health_of_active_feeds(now: datetime | None = None) -> list[tuple[Feed, FeedHealth]]:
    """Every feed from which lines are expected, by name: active, or worked on for one run."""
    return [(feed, health) for feed, health in health_of_feeds(now) if health.expected]


def usual_seconds(feed: Feed, now: datetime | None = None) -> float | None:
    """How long it is, on average, between two lines at this hour of the week; else of the latest busy hour, or None."""
    this_hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    weeks = [this_hour - timedelta(weeks=weeks) for weeks in range(1, WEEKS_LEARNED + 1)]
    hours = FeedHour.objects.filter(feed=feed, lines__gt=1)
    lines = list(hours.filter(hour__in=weeks).values_list("lines", flat=True))
    lines = lines or list(hours.filter(hour__gte=this_hour - DAY).order_by("-hour").values_list("lines", flat=True)[:1])
    return 3600 * len(lines) / sum(lines) if lines else None


_worst: tuple[float, str] = (float("-inf"), NONE)


def worst_state() -> str:
    """The worst state of an active feed, for the sidebar; looked up every two seconds at most."""
    global _worst  # noqa: PLW0603 - one small value a process
    if time.monotonic() - _worst[0] >= WORST_STATE_KEPT_SECONDS:
        try:
            states = {health.state for _, health in health_of_active_feeds()}
        except (DatabaseError, InterfaceError):
            return NONE
        state = next((name for name in (LOST, SILENT, LIVE) if name in states), NONE)
        _worst = (time.monotonic(), state)
    return _worst[1]
