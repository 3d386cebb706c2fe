"""The ingest worker: every active feed's connections, journal and loading thread, in one process.

Receiving runs on the event loop it is given (Daphne's, or its own); loading has a thread and a database connection a
feed; what the worker reads and writes about itself has one more.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from calls.directory.fields import networks
from calls.directory.health import silence_of
from calls.directory.models import Feed, WorkerStatus
from calls.directory.outages import WorkerFacts
from calls.store import CallStore
from ingest import outages
from ingest.checkpoints import keep_log_short
from ingest.journal import Journal, JournalLockedError
from ingest.left_behind import LeftBehind, journal_space
from ingest.loading import LoadingThread
from ingest.models import JournalPosition, LocalLease
from ingest.outages import Dark, Past, SilentAt
from ingest.receiver import FeedSink, Limits
from ingest.supervisor import Endpoint, FeedConnections
from ingest.watch import FeedWatch

logger = logging.getLogger(__name__)

SHORT_SECONDS = 0.2
LOOK_EVERY_SECONDS = 1.0
TEND_EVERY_SECONDS = 60.0
LEASE = timedelta(seconds=10)
STATUS_KEPT = timedelta(days=1)


@dataclass(slots=True)
class FeedAtWork:
    """One feed in this process."""

    journal: Journal
    sink: FeedSink
    connections: FeedConnections
    loading: LoadingThread
    watch: FeedWatch
    ways: int = 0  # by which lines can come, also those that another worker holds
    at_it_since: datetime = field(default_factory=timezone.now)
    _applying: asyncio.Task[None] | None = None

    async def apply(self, endpoints: set[Endpoint]) -> None:
        """Have these connections. What takes long, such as taking in what a peer has sent, goes on by itself."""
        if self._applying is None or self._applying.done():
            self._applying = asyncio.create_task(self.connections.apply(endpoints))
        await asyncio.wait({self._applying}, timeout=SHORT_SECONDS)

    async def stop_receiving(self) -> None:
        if self._applying is not None:  # it may be about to listen
            await asyncio.wait({self._applying})
        await self.connections.stop()


@dataclass(frozen=True, slots=True)
class Plan:
    """Which feeds to work on: `only` names feeds (None: every active one); `extra` adds endpoints for this run."""

    only: frozenset[int] | None = None
    extra: dict[int, frozenset[Endpoint]] = field(default_factory=dict)


@dataclass(slots=True)
class Wanted:
    """What the rows say of one feed to work on; `ways` as of FeedAtWork."""

    endpoints: set[Endpoint]
    silent_at: SilentAt
    ways: int


class Worker:
    """Call `run` on an event loop; it ends when `stop` is called and what is in hand is stored."""

    def __init__(self, plan: Plan, ring: Callable[[int, int], None] = lambda feed, revision: None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"[:80]
        self.feeds: dict[int, FeedAtWork] = {}
        self.ready = asyncio.Event()
        self._plan = plan
        self._ring = ring
        self._stopping = asyncio.Event()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ingest-status")
        self._space = journal_space()
        self._dark = Dark()
        self._hindered: dict[int, dict[str, Any]] = {}  # feeds whose journal cannot be made, as their status says it
        self._ended: dict[int, int] = {}  # what was accepted in all for feeds that are at work no more
        self._known: set[int] = set()  # feeds whose time without a worker is in the ledger
        self._ending: dict[int, asyncio.Task[None]] = {}  # of feeds switched off: what they hold may take a while

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        with contextlib.suppress(DatabaseError, InterfaceError):
            await self._in_database(self._sign_off_the_dead)
        watching = asyncio.create_task(self._keep_watching(), name="watch-feeds")
        tending = asyncio.create_task(self._tend_feeds_not_at_work(), name="tend")
        checkpoints = asyncio.create_task(keep_log_short(self._stored), name="checkpoints")
        try:
            while not self._stopping.is_set():
                await self._look()
                self.ready.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_SECONDS):
                        await self._stopping.wait()
        finally:
            watching.cancel()
            checkpoints.cancel()
            self.ready.set()
            ends = [self._end(feed_id, at_work) for feed_id, at_work in self.feeds.items()]
            self.feeds = {}
            await asyncio.gather(*ends, *self._ending.values())
            await tending
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self._in_database(self._sign_off)
            await self._in_database(connections.close_all)
            self._database.shutdown()

    def _stored(self) -> int:
        return sum(at_work.loading.position for at_work in self.feeds.values())

    async def _look(self) -> None:
        """Do as the feeds' rows say now, and say how it goes. A database that is gone changes nothing."""
        try:
            wanted = await self._in_database(self._wanted)
            for feed_id in self._hindered.keys() - wanted.keys():
                del self._hindered[feed_id]
                await self._in_database(self._sign_off, feed_id)
            for feed_id in list(self.feeds.keys() - wanted.keys()):
                self._ending[feed_id] = asyncio.create_task(self._end_and_sign_off(feed_id, self.feeds.pop(feed_id)))
            for feed_id, want in wanted.items():
                if feed_id in self._ending or (feed_id not in self.feeds and not self._begin(feed_id, want.ways)):
                    continue
                at_work = self.feeds[feed_id]
                if want.ways and not at_work.ways:
                    at_work.at_it_since = timezone.now()
                at_work.ways = want.ways
                await at_work.apply(want.endpoints)
            self._dark.follow({feed_id: want.silent_at for feed_id, want in wanted.items()})
            self._observe()
            over = self._dark.over()
            now = await self._in_database(self._report, self._statuses(), over)
            self._dark.forget(over, now)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the database does not answer", extra={"error": " ".join(str(error).split())})
        except Exception as error:
            logger.error("a look at the feeds failed; what is at work goes on", exc_info=error)

    async def _keep_watching(self) -> None:
        """See how feeds are also while the database keeps the looks waiting."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self._observe()

    def _observe(self) -> None:
        """How each feed is now; the ledger's memory takes it in."""
        now = timezone.now()
        facts = {}
        for feed_id, at_work in self.feeds.items():
            watch = at_work.watch
            watch.look(
                now,
                oldest_peer=min((peer.since for peer in at_work.sink.peers), default=None),
                has_sent=any(peer.lines for peer in at_work.sink.peers),
                accepted=at_work.journal.durable_sequence,
                loaded=at_work.journal.durable_sequence - at_work.loading.backlog,
            )
            if at_work.ways:
                facts[feed_id] = WorkerFacts(
                    heartbeat_at=now,
                    started_at=at_work.at_it_since,
                    connected_since=watch.connected_since,
                    lost_at=watch.lost_at,
                    last_line_at=_moment(at_work.sink.last_line_at),
                    waiting_since=watch.waiting_since,
                )
        self._dark.note(facts, now)

    def _begin(self, feed_id: int, ways: int) -> bool:
        """Open a journal and start loading; False if the disk does not let us: the other feeds go on all the same."""
        try:
            journal = Journal.create(Path(settings.SMDR_DATA_DIR), feed_id, space=self._space)
        except (OSError, JournalLockedError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            text = f"The journal cannot be made: {reason}. Lines are not received until it can."
            if feed_id not in self._hindered:
                logger.error("a journal cannot be made", extra={"feed": feed_id, "error": str(error)})
            since = self._hindered.get(feed_id, {}).get("started_at", timezone.now())
            self._hindered[feed_id] = {"started_at": since, "endpoints": ways, "error": text[:300]}
            return False
        self._hindered.pop(feed_id, None)
        journal.start()
        sink = FeedSink(journal, asyncio.get_running_loop())
        loading = LoadingThread(feed_id, journal, self._ring, self._space)
        loading.start()
        watch = FeedWatch(timedelta(seconds=settings.DISCONNECTED_AFTER_SECONDS))
        connections_of_feed = FeedConnections(sink, limits())
        self.feeds[feed_id] = FeedAtWork(journal, sink, connections_of_feed, loading, watch)
        return True

    async def _end_and_sign_off(self, feed_id: int, at_work: FeedAtWork) -> None:
        try:
            await self._end(feed_id, at_work)
            await self._in_database(self._sign_off, feed_id)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a feed switched off could not be signed off", extra={"feed": feed_id, "error": str(error)})
        except Exception as error:
            logger.error("a feed did not end well", extra={"feed": feed_id}, exc_info=error)
        finally:
            del self._ending[feed_id]

    async def _end(self, feed_id: int, at_work: FeedAtWork) -> None:
        """Stop receiving, make it durable, load it."""
        await at_work.stop_receiving()
        last = at_work.journal.append(())
        await asyncio.to_thread(at_work.journal.wait_durable, last, 5.0)
        at_work.loading.stop()
        await asyncio.to_thread(at_work.loading.join)
        self._ended[feed_id] = at_work.journal.durable_sequence
        if at_work.journal.durable_sequence:
            at_work.journal.close()
        else:
            at_work.journal.remove()

    async def _tend_feeds_not_at_work(self) -> None:
        """Load what was accepted for other feeds: of a file half loaded, of a feed that was switched off."""
        await self.ready.wait()
        while self._plan.only is None and not self._stopping.is_set():
            await asyncio.to_thread(self._load_left_behind, frozenset(self.feeds))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TEND_EVERY_SECONDS):
                    await self._stopping.wait()

    def _load_left_behind(self, at_work: frozenset[int]) -> None:
        try:
            for feed_id in Feed.objects.exclude(pk__in=at_work).values_list("pk", flat=True):
                LeftBehind(CallStore(feed_id), self._space, self._ring, self._stopping.is_set).load()
        except (DatabaseError, InterfaceError, OSError) as error:
            logger.warning("journals left behind wait", extra={"error": " ".join(str(error).split())})
        finally:
            connections.close_all()

    async def _in_database(self, work: Callable[..., Any], *arguments: Any) -> Any:
        def run() -> Any:
            close_old_connections()
            return work(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    # In the database's thread

    def _wanted(self) -> dict[int, Wanted]:
        wanted: dict[int, Wanted] = {}
        for feed in Feed.objects.select_related("state"):
            extra = self._plan.extra.get(feed.pk, frozenset())
            chosen = feed.pk in self._plan.only if self._plan.only is not None else feed.active
            if not chosen and not extra:
                continue
            want = wanted[feed.pk] = Wanted(set(extra), silence_of(feed, feed.state), len(extra))
            if not chosen or not feed.active:
                continue
            if feed.push_enabled and feed.push_port:
                want.endpoints.add(Endpoint("push", feed.push_host, feed.push_port, tuple(networks(feed.allow_list))))
                want.ways += 1
            if feed.local_enabled and feed.local_host:
                want.ways += 1
                if self._holds_lease(feed):
                    want.endpoints.add(Endpoint("local", feed.local_host, feed.local_port))
        return wanted

    def _holds_lease(self, feed: Feed) -> bool:
        """Take or renew the lease of the feed's Local connection: one worker connects, another takes over."""
        now = timezone.now()
        with transaction.atomic():
            LocalLease.objects.get_or_create(feed=feed, defaults={"holder": self.name, "expires_at": now + LEASE})
            return bool(
                LocalLease.objects.filter(Q(holder=self.name) | Q(expires_at__lt=now), feed=feed).update(
                    holder=self.name, expires_at=now + LEASE
                )
            )

    def _statuses(self) -> dict[int, dict[str, Any]]:
        statuses = dict(self._hindered)
        for feed_id, at_work in self.feeds.items():
            last_line_at, watch = at_work.sink.last_line_at, at_work.watch
            peers = sorted(at_work.sink.peers, key=lambda peer: peer.since)
            statuses[feed_id] = {
                "connections": len(peers),
                "accepted": at_work.journal.durable_sequence,
                "journal": at_work.journal.journal_id,
                "started_at": at_work.at_it_since,
                "endpoints": at_work.ways,
                "last_line_at": _moment(last_line_at),
                "connected_since": watch.connected_since,
                "lost_at": watch.lost_at,
                "waiting_since": watch.waiting_since,
                "recent_lines": list(watch.recent_lines),
                "error": " ".join(filter(None, [at_work.connections.error, at_work.loading.error]))[:300],
                "peers": [
                    {"address": peer.address, "mode": peer.mode, "since": peer.since, "lines": peer.lines}
                    for peer in peers[:20]
                ],
            }
        return statuses

    def _report(self, statuses: dict[int, dict[str, Any]], over: list[Past]) -> datetime:
        """Heartbeat, and the ledger of outages; returns when that was."""
        now = timezone.now()
        new = statuses.keys() - self._known
        if new:  # before the first heartbeat: how long was nobody at it?
            outages.look([feed_id for feed_id in new if statuses[feed_id]["endpoints"]], now, is_expected=True)
            outages.close_those_of_feeds_switched_off(now)
        for feed_id, status in statuses.items():
            # one statement: SQLite's one writer, for whom lines wait, is not to be held up from here to there
            mine = WorkerStatus.objects.filter(feed_id=feed_id, worker=self.name)
            values = {**status, "heartbeat_at": now, "signed_off": False}
            if not mine.update(**values):
                WorkerStatus.objects.create(feed_id=feed_id, worker=self.name, **values)
        if new:
            old_and_stored(new, now).delete()
        self._known |= new
        outages.write_past(over, self.name, now)
        outages.look(statuses, now)
        outages.learn_what_is_usual(statuses, now)
        return now

    def _sign_off_the_dead(self) -> None:
        """Take note of workers of this host that were killed: their journals are ours to load now."""
        for row in WorkerStatus.objects.filter(worker__startswith=f"{socket.gethostname()}:", signed_off=False):
            pid = row.worker.split(":")[1]
            # the same number is the predecessor's: in a container every worker may be process 1
            if pid.isdigit() and (int(pid) == os.getpid() or not _is_alive(int(pid))):
                WorkerStatus.objects.filter(pk=row.pk).update(signed_off=True)

    def _sign_off(self, feed_id: int | None = None) -> None:
        """Say that this worker is at the feed no more, or at none."""
        now = timezone.now()
        mine = WorkerStatus.objects.filter(worker=self.name)
        leases = LocalLease.objects.filter(holder=self.name)
        if feed_id is not None:
            mine, leases = mine.filter(feed=feed_id), leases.filter(feed=feed_id)
        mine.update(signed_off=True, heartbeat_at=now, waiting_since=None)
        leases.delete()
        while self._ended:  # what it did not come to load waits for the next worker, and everybody can see that
            ended, accepted = self._ended.popitem()
            WorkerStatus.objects.filter(worker=self.name, feed=ended).update(accepted=accepted)
        if feed_id is not None:
            self._known.discard(feed_id)
            outages.close_all(feed_id, now)


def old_and_stored(feeds: Collection[int], now: datetime) -> QuerySet[WorkerStatus]:
    """Rows of workers long gone. One whose journal is not stored stays: nothing else says that its lines wait."""
    stored = JournalPosition.objects.filter(
        feed_id=OuterRef("feed_id"), journal=OuterRef("journal"), sequence__gt=OuterRef("accepted")
    )
    old = WorkerStatus.objects.filter(feed__in=feeds, heartbeat_at__lt=now - STATUS_KEPT)
    return old.filter(Q(accepted=0) | Exists(stored))


def limits() -> Limits:
    """What a feed's peers may do, as set in the environment (docs/operations.md)."""
    return Limits(
        max_connections=settings.INGEST_CONNECTIONS_PER_FEED,
        max_connections_per_peer=settings.INGEST_CONNECTIONS_PER_PEER,
        max_line_bytes=settings.INGEST_LINE_BYTES,
        unended_line_seconds=settings.INGEST_UNENDED_LINE_SECONDS,
        odd_lines_per_second=settings.INGEST_ODD_LINES_PER_SECOND,
        log_lines_per_minute=settings.INGEST_LOG_LINES_PER_MINUTE,
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
