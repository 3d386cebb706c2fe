"""How each feed is doing: the one source of /feeds/ and `ingest_status`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone

from calls.directory.health import FeedHealth, health_of_feeds
from calls.directory.models import Feed
from calls.directory.outages import BACKLOG, DISCONNECTED, SILENT, WORKER_DOWN
from calls.export import utc_text
from calls.models import Call
from ingest.models import JournalPosition

GRAVEST_FIRST = (WORKER_DOWN, DISCONNECTED, SILENT, BACKLOG)


@dataclass(frozen=True, slots=True)
class OutageNow:
    kind: str
    began_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "began_at": utc_text(self.began_at)}


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """Counters are lines; `backlog` is accepted and not yet loaded, so `accepted` includes it."""

    feed: Feed
    health: FeedHealth
    last_line_at: datetime | None
    accepted: int
    events: int
    duplicates: int
    quarantined: int
    backlog: int
    open_calls: int
    outages: list[OutageNow]  # the gravest first

    @property
    def outage(self) -> OutageNow | None:
        return self.outages[0] if self.outages else None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.feed.name,
            "connected": self.health.connected,
            "state": self.health.state,
            "error": self.health.error,
            "last_line_at": utc_text(self.last_line_at),
            "accepted": self.accepted,
            "events": self.events,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "backlog": self.backlog,
            "open_calls": self.open_calls,
            "outage": self.outage and self.outage.as_json(),
            "outages": [outage.as_json() for outage in self.outages],
            "lines_a_second": round(self.health.lines_a_second, 2),
            "silent_from": utc_text(self.health.silent_at),
        }


def feed_statuses(feed: int | None = None) -> list[FeedStatus]:
    """Every feed (or the one), by name; in five queries."""
    now = timezone.now()
    still_open = Call.objects.open().order_by().values_list("feed").annotate(Count("pk"))
    open_calls = dict(still_open if feed is None else still_open.filter(feed=feed))
    healths = health_of_feeds(now, feed)
    backlogs = _backlogs(healths)
    return [
        FeedStatus(
            feed=found,
            health=health,
            last_line_at=health.last_line_at,
            accepted=found.state.accepted + backlogs[found.pk],
            events=found.state.events,
            duplicates=found.state.duplicates,
            quarantined=found.state.quarantined,
            backlog=backlogs[found.pk],
            open_calls=open_calls.get(found.pk, 0),
            outages=[OutageNow(kind, health.outages[kind]) for kind in GRAVEST_FIRST if kind in health.outages],
        )
        for found, health in healths
    ]


def _backlogs(healths: list[tuple[Feed, FeedHealth]]) -> dict[int, int]:
    """Lines accepted and not stored, by feed: of every worker's journal those beyond its position, dead or alive.

    Workers say what they have accepted once a second; taken with the position as it is now no line is counted twice.
    """
    journals = {journal for _, health in healths for journal in health.accepted}
    rows = JournalPosition.objects.filter(journal__in=journals).values_list("feed_id", "journal", "sequence")
    loaded = {(feed_id, journal): sequence - 1 for feed_id, journal, sequence in rows}
    return {
        feed.pk: sum(max(count - loaded.get((feed.pk, journal), 0), 0) for journal, count in health.accepted.items())
        for feed, health in healths
    }
