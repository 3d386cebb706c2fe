"""The worker's part in the ledger of outages: it writes what the rules of calls/directory/outages.py say.

Only workers write it, each for the feeds it is at. Several may look at once: whoever finds a turn looks again under the
feed's row lock, so that no outage is written twice. While the database is away a worker remembers its own (`Dark`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from calls.directory.health import expects_lines, facts_of, graces, silence_of
from calls.directory.models import Feed, FeedHour, FeedState, Outage, WorkerStatus
from calls.directory.outages import (
    BACKLOG,
    MISSES_LINES,
    Graces,
    Turn,
    WorkerFacts,
    is_fresh,
    outages_on,
    seen,
    turns,
)
from calls.directory.silence import HOUR, WEEKS_LEARNED, HourOfLines, learn

LEARN_EVERY = timedelta(hours=1)
SilentAt = Callable[[datetime], datetime]


def look(feeds: Iterable[int], now: datetime, *, is_expected: bool = False) -> None:
    """Open and close the outages of these feeds. Three queries while nothing turns.

    `is_expected` says that lines are expected of them, whatever their rows say: a worker that begins knows.
    """
    for feed_id in _turns_of(list(feeds), now, is_expected):
        with transaction.atomic():
            Feed.objects.select_for_update(no_key=True).get(pk=feed_id)
            for turn in _turns_of([feed_id], now, is_expected).get(feed_id, []):
                _write(feed_id, turn)


def _turns_of(feed_ids: list[int], now: datetime, is_expected: bool) -> dict[int, list[Turn]]:
    limits = graces()
    workers: dict[int, list[WorkerStatus]] = {}
    for worker in WorkerStatus.objects.filter(feed__in=feed_ids):
        workers.setdefault(worker.feed_id, []).append(worker)
    written: dict[int, dict[str, datetime]] = {}
    for outage in Outage.objects.filter(feed__in=feed_ids, ended_at=None):
        written.setdefault(outage.feed_id, {})[outage.kind] = outage.began_at
    found = {}
    for feed in Feed.objects.filter(pk__in=feed_ids).select_related("state"):
        at_it, is_open = workers.get(feed.pk, []), written.get(feed.pk, {})
        known = seen(map(facts_of, at_it), feed.state.last_line_at, now, limits)
        on: dict[str, datetime] | None = {}
        if is_expected or expects_lines(feed, at_it):
            on = outages_on(known, limits, silence_of(feed, feed.state), is_open)
            if on is not None and BACKLOG in is_open and known.working_since is None:
                on[BACKLOG] = is_open[BACKLOG]  # nobody can tell: it is still on
        if turns(is_open, on, known):
            found[feed.pk] = turns(is_open, on, known, _last_ends(feed.pk))
    return found


def _last_ends(feed_id: int) -> dict[str, datetime]:
    ended = Outage.objects.filter(feed=feed_id, ended_at__isnull=False).order_by()
    return dict(ended.values_list("kind").annotate(Max("ended_at")))


def _write(feed_id: int, turn: Turn) -> None:
    if turn.ended_at is None:
        Outage.objects.get_or_create(
            feed_id=feed_id, kind=turn.kind, ended_at=None, defaults={"began_at": turn.began_at}
        )
    else:
        Outage.objects.filter(feed=feed_id, kind=turn.kind, ended_at=None).update(ended_at=turn.ended_at)


def close_all(feed_id: int, now: datetime) -> None:
    """The feed was switched off: from now on nothing is expected of it, unless another worker is at it."""
    feed = Feed.objects.filter(pk=feed_id).first()
    if feed is None or expects_lines(feed, WorkerStatus.objects.filter(feed=feed_id)):
        return
    for outage in Outage.objects.filter(feed=feed_id, ended_at=None):
        Outage.objects.filter(pk=outage.pk, ended_at=None).update(ended_at=max(now, outage.began_at))
    # once it is switched on again nobody shall say that it was without a worker all the while
    WorkerStatus.objects.filter(feed=feed_id, signed_off=True).delete()


def close_those_of_feeds_switched_off(now: datetime) -> None:
    """Feeds that were switched off while no worker ran."""
    configured = Q(feed__push_enabled=True) | Q(feed__local_enabled=True)
    gone = Q(signed_off=True) | Q(heartbeat_at__lt=now - graces().worker_down)
    WorkerStatus.objects.filter(configured, gone, feed__active=False).delete()
    for feed_id in Outage.objects.filter(ended_at=None, feed__active=False).values_list("feed_id", flat=True):
        close_all(feed_id, now)


def learn_what_is_usual(feeds: Iterable[int], now: datetime) -> None:
    """Once an hour: how long each feed is usually silent, from its lines of the last weeks."""
    due = FeedState.objects.filter(feed__in=list(feeds)).exclude(usual_learned_at__gt=now - LEARN_EVERY)
    for state in due.select_related("feed"):
        rows = FeedHour.objects.filter(
            feed=state.feed_id, hour__gte=now - timedelta(weeks=WEEKS_LEARNED), hour__lt=now - HOUR
        )
        hours = [HourOfLines(row.hour, row.first_at, row.last_at, row.longest_gap_seconds) for row in rows]
        floor = timedelta(minutes=settings.SILENT_AFTER_AT_LEAST_MINUTES)
        FeedState.objects.filter(pk=state.pk).update(
            usual_silence=learn(hours, ZoneInfo(state.feed.zone_name), floor), usual_learned_at=now
        )


@dataclass(frozen=True, slots=True)
class Past:
    """An outage that is over; `unwritten` if it began while the database was away."""

    feed_id: int
    turn: Turn
    unwritten: bool


@dataclass(slots=True)
class _Own:
    """What one worker knows of one feed by itself."""

    silent_at: SilentAt
    is_open: dict[str, datetime] = field(default_factory=dict)
    noted_at: dict[str, datetime] = field(default_factory=dict)


class Dark:
    """Outages that began or ended while the database was away: kept in memory, and written when it is back.

    It belongs to the event loop's thread. `forget` after a look that succeeded tells it that until then the database
    had everything.
    """

    def __init__(self, limits: Graces | None = None) -> None:
        self._limits = limits or graces()
        self._own: dict[int, _Own] = {}
        self._over: list[Past] = []
        self._good_at: datetime | None = None

    def follow(self, silences: Mapping[int, SilentAt]) -> None:
        """The feeds worked on, and when each becomes silent: as read while the database answered."""
        for feed_id in self._own.keys() - silences.keys():
            del self._own[feed_id]
        for feed_id, silent_at in silences.items():
            self._own.setdefault(feed_id, _Own(silent_at)).silent_at = silent_at

    def note(self, facts: Mapping[int, WorkerFacts], now: datetime) -> None:
        """Take in how the worker's feeds are now."""
        for feed_id, own in self._own.items():
            if feed_id not in facts:
                continue
            known = seen([facts[feed_id]], None, now, self._limits)
            for turn in turns(own.is_open, outages_on(known, self._limits, own.silent_at, own.is_open), known):
                if turn.ended_at is None:
                    own.is_open[turn.kind], own.noted_at[turn.kind] = turn.began_at, now
                else:
                    del own.is_open[turn.kind]
                    noted_at = own.noted_at.pop(turn.kind)
                    unwritten = self._good_at is not None and noted_at > self._good_at
                    self._over.append(Past(feed_id, turn, unwritten))

    def over(self) -> list[Past]:
        """What has ended since the database last answered, in order."""
        return list(self._over)

    def forget(self, written: list[Past], good_at: datetime) -> None:
        """These are in the ledger, and so is everything that was noted until `good_at`."""
        self._over = self._over[len(written) :]
        self._good_at = good_at


def write_past(over: Iterable[Past], worker: str, now: datetime) -> None:
    """Write what ended while the database was away. While another worker had a connection the feed was not without."""
    for past in over:
        turn = past.turn
        with transaction.atomic():
            Feed.objects.select_for_update(no_key=True).get(pk=past.feed_id)
            rows = Outage.objects.filter(feed=past.feed_id, kind=turn.kind)
            if rows.filter(ended_at=None, began_at__lte=turn.ended_at).update(ended_at=turn.ended_at):
                continue
            overlapping = rows.filter(began_at__lte=turn.ended_at).exclude(ended_at__lte=turn.began_at)
            if not past.unwritten or overlapping.exists() or _is_covered(past, worker, now):
                continue
            Outage.objects.create(feed_id=past.feed_id, kind=turn.kind, began_at=turn.began_at, ended_at=turn.ended_at)


def _is_covered(past: Past, worker: str, now: datetime) -> bool:
    """Whether another worker had a connection all the while."""
    others = [facts_of(row) for row in WorkerStatus.objects.filter(feed=past.feed_id).exclude(worker=worker)]
    return past.turn.kind in MISSES_LINES and any(
        other.connected_since and other.connected_since <= past.turn.began_at
        for other in others
        if is_fresh(other, now, graces())
    )
