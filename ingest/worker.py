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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from calls.directory.fields import networks
from calls.directory.models import Feed, WorkerStatus
from ingest.journal import Journal
from ingest.loading import LoadingThread
from ingest.models import LocalLease
from ingest.receiver import FeedSink, Limits
from ingest.supervisor import Endpoint, FeedConnections

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
LEASE = timedelta(seconds=10)


@dataclass(slots=True)
class FeedAtWork:
    """One feed in this process."""

    journal: Journal
    sink: FeedSink
    connections: FeedConnections
    loading: LoadingThread


@dataclass(frozen=True, slots=True)
class Plan:
    """Which feeds to work on: `only` names feeds (None: every active one); `extra` adds endpoints for this run."""

    only: frozenset[int] | None = None
    extra: dict[int, frozenset[Endpoint]] = field(default_factory=dict)


class Worker:
    """Call `run` on an event loop; it ends when `stop` is called and what is in hand is stored."""

    def __init__(self, plan: Plan, ring: Callable[[int, int], None] = lambda feed, revision: None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"[:80]
        self.feeds: dict[int, FeedAtWork] = {}
        self.ready = asyncio.Event()
        self._plan = plan
        self._ring = ring
        self._stopping = asyncio.Event()
        self._started_at = timezone.now()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ingest-status")
        self._lease_error = ""

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        try:
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self._in_database(self._sign_off_the_dead)
            while not self._stopping.is_set():
                await self._look()
                self.ready.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_SECONDS):
                        await self._stopping.wait()
        finally:
            await asyncio.gather(*(self._end(feed_id) for feed_id in list(self.feeds)))
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self._in_database(self._sign_off)
            await self._in_database(connections.close_all)
            self._database.shutdown()

    async def _look(self) -> None:
        """Do as the feeds' rows say now, and say how it goes. A database that is gone changes nothing."""
        try:
            wanted = await self._in_database(self._wanted)
            for feed_id in self.feeds.keys() - wanted.keys():
                await self._end(feed_id)
            for feed_id, endpoints in wanted.items():
                if feed_id not in self.feeds:
                    self._begin(feed_id)
                await self.feeds[feed_id].connections.apply(endpoints)
            await self._in_database(self._report, self._statuses())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the database does not answer", extra={"error": " ".join(str(error).split())})

    def _begin(self, feed_id: int) -> None:
        journal = Journal.create(Path(settings.SMDR_DATA_DIR), feed_id)
        journal.start()
        sink = FeedSink(journal, asyncio.get_running_loop())
        loading = LoadingThread(feed_id, journal, self._ring)
        loading.start()
        self.feeds[feed_id] = FeedAtWork(journal, sink, FeedConnections(sink, limits()), loading)

    async def _end(self, feed_id: int) -> None:
        """Stop receiving, make it durable, load it."""
        at_work = self.feeds.pop(feed_id)
        await at_work.connections.stop()
        last = at_work.journal.append(())
        await asyncio.to_thread(at_work.journal.wait_durable, last, 5.0)
        at_work.loading.stop()
        await asyncio.to_thread(at_work.loading.join)
        if at_work.journal.durable_sequence:
            at_work.journal.close()
        else:
            at_work.journal.remove()

    async def _in_database(self, work: Callable[..., Any], *arguments: Any) -> Any:
        def run() -> Any:
            close_old_connections()
            return work(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    # In the database's thread

    def _wanted(self) -> dict[int, set[Endpoint]]:
        wanted: dict[int, set[Endpoint]] = {}
        for feed in Feed.objects.all():
            extra = self._plan.extra.get(feed.pk, frozenset())
            chosen = feed.pk in self._plan.only if self._plan.only is not None else feed.active
            if not chosen and not extra:
                continue
            wanted[feed.pk] = set(extra)
            if not chosen or not feed.active:
                continue
            if feed.push_enabled and feed.push_port:
                wanted[feed.pk].add(Endpoint("push", feed.push_host, feed.push_port, tuple(networks(feed.allow_list))))
            if feed.local_enabled and feed.local_host and self._holds_lease(feed):
                wanted[feed.pk].add(Endpoint("local", feed.local_host, feed.local_port))
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
        statuses = {}
        for feed_id, at_work in self.feeds.items():
            last_line_at = at_work.sink.last_line_at
            peers = sorted(at_work.sink.peers, key=lambda peer: peer.since)
            statuses[feed_id] = {
                "connections": len(peers),
                "accepted": at_work.journal.durable_sequence,
                "backlog": at_work.loading.backlog,
                "last_line_at": _moment(last_line_at) if last_line_at else None,
                "connected_since": _moment(peers[0].since) if peers else None,
                "error": " ".join(filter(None, [at_work.connections.error, at_work.loading.error]))[:300],
                "peers": [
                    {"address": peer.address, "mode": peer.mode, "since": peer.since, "lines": peer.lines}
                    for peer in peers[:20]
                ],
            }
        return statuses

    def _report(self, statuses: dict[int, dict[str, Any]]) -> None:
        now = timezone.now()
        with transaction.atomic():
            for feed_id, status in statuses.items():
                WorkerStatus.objects.update_or_create(
                    feed_id=feed_id,
                    worker=self.name,
                    defaults={**status, "heartbeat_at": now, "started_at": self._started_at},
                )
            WorkerStatus.objects.filter(heartbeat_at__lt=now - timedelta(days=1)).delete()

    def _sign_off_the_dead(self) -> None:
        """Take away what workers of this host that were killed have left: their journals are ours to load now."""
        for row in WorkerStatus.objects.filter(worker__startswith=f"{socket.gethostname()}:"):
            pid = row.worker.split(":")[1]
            if pid.isdigit() and not _is_alive(int(pid)):
                row.delete()

    def _sign_off(self) -> None:
        WorkerStatus.objects.filter(worker=self.name).delete()
        LocalLease.objects.filter(holder=self.name).delete()


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


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.get_default_timezone())
