"""The rules of outages: from what is known of a feed to the outages that are on, that begin and that end.

Pure Python, no Django, no clock of its own. Instants are aware. docs/operations.md tells the same in words.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

DISCONNECTED, SILENT, WORKER_DOWN, BACKLOG = "disconnected", "silent", "worker_down", "backlog"
MISSES_LINES = frozenset({DISCONNECTED, SILENT, WORKER_DOWN})  # a backlog only delays them


@dataclass(frozen=True, slots=True)
class Graces:
    """How long each may last before it is an outage."""

    worker_down: timedelta
    disconnected: timedelta
    backlog: timedelta


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What one worker last said of one feed.

    `connected_since` is None without a connection; `lost_at` is when its last connection ended, None if it has one or
    never had; `waiting_since` is when the oldest line was accepted that is not yet loaded.
    """

    heartbeat_at: datetime
    started_at: datetime
    connected_since: datetime | None = None
    lost_at: datetime | None = None
    last_line_at: datetime | None = None
    waiting_since: datetime | None = None
    signed_off: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One feed as all its workers together tell, at the instant `at`."""

    at: datetime
    last_heartbeat_at: datetime | None = None
    working_since: datetime | None = None  # None: no worker is at it
    connected_since: datetime | None = None  # None: no connection is open
    lost_at: datetime | None = None  # since when none is; None: none ever was
    last_line_at: datetime | None = None
    waiting_since: datetime | None = None

    @property
    def quiet_since(self) -> datetime | None:
        """From when a silence counts: the last line, or the connection if that is younger."""
        return max((moment for moment in (self.last_line_at, self.connected_since) if moment), default=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """An outage that begins (`ended_at` None) or ends."""

    kind: str
    began_at: datetime
    ended_at: datetime | None = None


def seen(workers: Iterable[WorkerFacts], last_line_at: datetime | None, at: datetime, graces: Graces) -> Seen:
    """What the workers of a feed say, together. `last_line_at` is what the database knows of it."""
    workers = list(workers)
    fresh = [worker for worker in workers if is_fresh(worker, at, graces)]
    connected = [worker.connected_since for worker in fresh if worker.connected_since]
    losses = []
    for worker in workers:
        if worker not in fresh and worker.connected_since:
            losses.append(worker.heartbeat_at)
        elif worker.lost_at:
            losses.append(worker.lost_at)
    return Seen(
        at=at,
        last_heartbeat_at=max((worker.heartbeat_at for worker in workers), default=None),
        working_since=min((worker.started_at for worker in fresh), default=None),
        connected_since=min(connected, default=None),
        lost_at=None if connected else max(losses, default=None),
        last_line_at=max(
            (moment for moment in (last_line_at, *(w.last_line_at for w in fresh)) if moment), default=None
        ),
        waiting_since=min((worker.waiting_since for worker in fresh if worker.waiting_since), default=None),
    )


def is_fresh(worker: WorkerFacts, at: datetime, graces: Graces) -> bool:
    return not worker.signed_off and at - worker.heartbeat_at <= graces.worker_down


def outages_on(
    feed: Seen, graces: Graces, silent_at: Callable[[datetime], datetime], open_kinds: Collection[str] = ()
) -> dict[str, datetime] | None:
    """The outages that are on, each with its beginning; None while nothing can be told (a worker may be restarting).

    `silent_at` says when a silence that began then becomes unusual. A backlog that is on stays on until it is half as
    old as one that begins, so that one near the limit is one outage.
    """
    if feed.working_since is None:
        if feed.last_heartbeat_at is None or feed.at - feed.last_heartbeat_at <= graces.worker_down:
            return None
        return {WORKER_DOWN: feed.last_heartbeat_at}
    on: dict[str, datetime] = {}
    if feed.connected_since is None:
        lost_at = max(feed.lost_at or feed.working_since, feed.working_since)
        if feed.at - lost_at > graces.disconnected or DISCONNECTED in open_kinds:
            on[DISCONNECTED] = lost_at
    elif feed.quiet_since is not None and feed.at > silent_at(feed.quiet_since):
        on[SILENT] = feed.quiet_since
    limit = graces.backlog / 2 if BACKLOG in open_kinds else graces.backlog
    if feed.waiting_since is not None and feed.at - feed.waiting_since > limit:
        on[BACKLOG] = feed.waiting_since
    return on


def turns(
    is_open: Mapping[str, datetime],
    on: Mapping[str, datetime] | None,
    feed: Seen,
    last_ends: Mapping[str, datetime] | None = None,
) -> list[Turn]:
    """What begins and ends, given the outages that are open (kind → beginning) and those that are on.

    `last_ends` is when the last one of each kind ended: the next one begins no earlier.
    """
    if on is None:
        return []
    found = []
    ends = dict(last_ends or {})
    for kind, began_at in is_open.items():
        again = kind == SILENT and kind in on and on[kind] > began_at  # a line came, and then silence again
        if kind not in on or again:
            ended_at = on[kind] if again else _end(kind, began_at, feed)
            ends[kind] = min(max(ended_at, began_at), max(feed.at, began_at))
            found.append(Turn(kind, began_at, ends[kind]))
    for kind, began_at in on.items():
        if kind not in is_open or (kind in ends and any(turn.kind == kind for turn in found)):
            earliest = ends.get(kind)
            found.append(Turn(kind, max(began_at, earliest) if earliest else began_at))
    return found


def _end(kind: str, began_at: datetime, feed: Seen) -> datetime:
    """When an outage ended that is on no more, as well as it can be known."""
    if kind == WORKER_DOWN:
        return feed.working_since or feed.at
    if feed.working_since is None:
        return feed.last_heartbeat_at or feed.at
    if kind == SILENT:
        if feed.last_line_at is not None and feed.last_line_at > began_at:
            return feed.last_line_at
        return (feed.lost_at if feed.connected_since is None else feed.connected_since) or feed.at
    if kind == DISCONNECTED:
        return feed.connected_since or feed.at
    return feed.at
