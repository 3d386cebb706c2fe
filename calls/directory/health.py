"""How a feed is, for the sidebar, the board, the pages of feeds and monitoring: live, silent or lost."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Q
from django.utils import timezone

from calls.directory.models import Feed, FeedState, WorkerStatus

LIVE, SILENT, LOST, NONE = "live", "silent", "lost", "none"
WORDS = {LIVE: "Live", SILENT: "Silent", LOST: "Lost", NONE: "No feed"}
HEARTBEAT_GOOD_FOR = timedelta(seconds=10)
WORST_STATE_KEPT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """`backlog` is lines accepted and not yet loaded; `error` is what keeps a connection or the loading back."""

    state: str
    connected: bool
    connections: int
    last_line_at: datetime | None
    backlog: int
    error: str
    peers: list[dict[str, object]]
    working: bool

    @property
    def word(self) -> str:
        return WORDS[self.state]


def feed_health(
    feed: Feed, state: FeedState, workers: list[WorkerStatus] | None = None, now: datetime | None = None
) -> FeedHealth:
    """Lost: no worker, or no connection. Silent: connected, but no line for the feed's `silent_after_minutes`."""
    now = now or timezone.now()
    if workers is None:
        workers = list(WorkerStatus.objects.filter(feed=feed))
    fresh = [worker for worker in workers if worker.heartbeat_at >= now - HEARTBEAT_GOOD_FOR]
    connections = sum(worker.connections for worker in fresh)
    moments = [worker.last_line_at for worker in fresh] + [state.last_line_at]
    last_line_at = max((moment for moment in moments if moment), default=None)
    since = [worker.connected_since for worker in fresh if worker.connected_since]
    quiet_since = max([moment for moment in (last_line_at, min(since, default=None)) if moment], default=None)
    if not connections:
        name = LOST
    elif quiet_since is None or now - quiet_since > timedelta(minutes=feed.silent_after_minutes):
        name = SILENT
    else:
        name = LIVE
    return FeedHealth(
        state=name,
        connected=connections > 0,
        connections=connections,
        last_line_at=last_line_at,
        backlog=sum(worker.backlog for worker in fresh),
        error=" ".join(worker.error for worker in fresh if worker.error),
        peers=[peer for worker in fresh for peer in worker.peers],
        working=bool(fresh),
    )


def health_of_active_feeds(now: datetime | None = None) -> list[tuple[Feed, FeedHealth]]:
    """Every feed that is active, or that a worker is at for one run, by name; in two queries."""
    now = now or timezone.now()
    workers: dict[int, list[WorkerStatus]] = {}
    for worker in WorkerStatus.objects.filter(heartbeat_at__gte=now - HEARTBEAT_GOOD_FOR):
        workers.setdefault(worker.feed_id, []).append(worker)
    return [
        (feed, feed_health(feed, feed.state, workers.get(feed.pk, []), now))
        for feed in Feed.objects.filter(Q(active=True) | Q(pk__in=workers)).select_related("state")
    ]


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
