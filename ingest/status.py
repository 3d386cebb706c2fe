"""How each feed is doing: the one source of /feeds/ and `ingest_status`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.directory.health import FeedHealth, feed_health
from calls.directory.models import Feed, FeedState, Outage
from calls.export import utc_text
from calls.models import Call


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
    outage: Outage | None

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
            "outage": None
            if self.outage is None
            else {"kind": self.outage.kind, "began_at": utc_text(self.outage.began_at)},
        }


def feed_statuses() -> list[FeedStatus]:
    """Every feed, by name."""
    return [status_of(feed) for feed in Feed.objects.select_related("state")]


def status_of(feed: Feed) -> FeedStatus:
    state = FeedState.objects.get(pk=feed.pk)
    health = feed_health(feed, state)
    return FeedStatus(
        feed=feed,
        health=health,
        last_line_at=health.last_line_at,
        accepted=state.accepted + health.backlog,
        events=state.events,
        duplicates=state.duplicates,
        quarantined=state.quarantined,
        backlog=health.backlog,
        open_calls=Call.objects.filter(feed=feed).open().count(),
        outage=Outage.objects.filter(feed=feed, ended_at=None).first(),
    )
