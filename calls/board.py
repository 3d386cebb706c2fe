"""What the live board shows: calls, totals and feeds as one viewer's scope lets them be seen (docs/board.md).

Synchronous, for one thread. A Room holds what the viewers of one scope have been told, so that a change is one
query and one serialisation for all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from calls.access import Scope
from calls.counting import CALL_COUNTS
from calls.directory.health import FeedHealth, health_of_active_feeds
from calls.directory.models import Contact, Did, DirectoryRevision, Extension, Feed, FeedState, Trunk
from calls.export import utc_text
from calls.harmless import json_shown
from calls.models import Call
from calls.numbers import display
from calls.periods import preset
from calls.records import CallState

MOST_CALLS = 1_000  # keeps a snapshot far below the 1 MiB at which a WebSocket message is refused
RECENTLY_ENDED = timedelta(seconds=60)
TOTALS_EVERY = timedelta(seconds=1)
OPEN_STATES = tuple(state.value for state in CallState if state != CallState.ENDED)
TOTALS = ("offered", "answered", "abandoned", "made", "no_answer", "unknown")


class CallMessage(TypedDict):
    id: int
    call_id: str
    feed: str
    direction: str
    state: str
    state_since: str | None
    started_at: str | None
    answered_at: str | None
    ended_at: str | None
    outcome: str
    extension: str
    extension_name: str
    device: str
    device_name: str
    from_extension: str
    from_extension_name: str
    trunk: str
    trunk_name: str
    number: str
    number_display: str
    contact_name: str
    did: str
    did_name: str
    account_code: str


class FeedMessage(TypedDict):
    name: str
    connected: bool
    last_line_at: str | None
    state: str


@dataclass(slots=True)
class Names:
    """Every name of the directory, read again when its revision has moved."""

    revision: int = -1
    feeds: dict[int, Feed] = field(default_factory=dict)
    devices: dict[tuple[int, str], str] = field(default_factory=dict)
    trunks: dict[tuple[int, str], str] = field(default_factory=dict)
    dids: dict[tuple[int, str], str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> bool:
        """True if the names were read again."""
        revision = DirectoryRevision.current()
        if revision == self.revision:
            return False
        self.feeds = {feed.pk: feed for feed in Feed.objects.all()}
        self.devices = _names(Extension)
        self.trunks = _names(Trunk)
        self.dids = _names(Did)
        self.contacts = dict(Contact.objects.values_list("number_e164", "name"))
        self.revision = revision
        return True


@dataclass(slots=True)
class Room:
    """The viewers of one scope: what they have been told, and how far."""

    scope: Scope
    seq: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    directory: int = -1
    calls: dict[int, CallMessage] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
    totals_at: datetime | None = None
    feeds: list[FeedMessage] = field(default_factory=list)
    owes_message: bool = False  # after a failed look something may have been taken in and not told


class Board:
    """Answers for every room from the database. It belongs to one thread."""

    def __init__(self) -> None:
        self.names = Names()

    def open_room(self, scope: Scope) -> Room:
        room = Room(scope)
        self._read_all(room, timezone.now())
        return room

    def snapshot(self, room: Room) -> str:
        """The room as it was last told, as a message."""
        return _message(
            {
                "type": "snapshot",
                "seq": room.seq,
                "server_time": _now_text(timezone.now()),
                "calls": list(room.calls.values()),
                "totals": room.totals,
                "feeds": room.feeds,
            }
        )

    def advance(self, room: Room, *, look_at_feeds: bool) -> str | None:
        """What changed since the room was last told, as the room's next message; None if nothing did.

        The vector of revisions is read first, the calls after it: what is newer than the vector comes again with the
        next look, and nothing is missed.
        """
        now = timezone.now()
        vector = revisions()
        renamed = self.names.refresh() or room.directory != self.names.revision
        changed: list[CallMessage] = []
        removed: list[int] = []
        moved = {feed: room.seen.get(feed, 0) for feed in vector if room.seen.get(feed, -1) != vector[feed]}
        if moved:
            changed, removed = self._changes(room, moved, now)
        if renamed:
            changed += self._renamed(room, {message["id"] for message in changed})
        room.seen, room.directory = vector, self.names.revision
        feeds = feed_messages() if look_at_feeds or renamed else room.feeds
        totals_moved = self._count(room, now) if moved or look_at_feeds else False
        if not (changed or removed or totals_moved or feeds != room.feeds or room.owes_message):
            return None
        room.feeds, room.owes_message = feeds, False
        room.seq += 1
        return _message(
            {
                "type": "delta",
                "seq": room.seq,
                "server_time": _now_text(now),
                "changed": changed,
                "removed": removed,
                "totals": room.totals,
                "feeds": room.feeds,
            }
        )

    def _read_all(self, room: Room, now: datetime) -> None:
        room.seen = revisions()
        self.names.refresh()
        room.directory = self.names.revision
        waiting = Call.objects.visible_to(room.scope).open().order_by("-started_at", "-pk")[:MOST_CALLS]
        room.calls = {call.pk: self._call(call, room.scope) for call in waiting}
        room.feeds = feed_messages()
        self._count(room, now)

    def _changes(self, room: Room, since: dict[int, int], now: datetime) -> tuple[list[CallMessage], list[int]]:
        changed: list[CallMessage] = []
        visible = set()
        for call in Call.objects.visible_to(room.scope).changed_since(since).order_by("pk"):
            visible.add(call.pk)
            is_open = call.state != CallState.ENDED
            is_new = call.pk not in room.calls
            if is_open and is_new and len(room.calls) >= MOST_CALLS:
                continue
            if not is_open and is_new and (call.ended_at is None or call.ended_at < now - RECENTLY_ENDED):
                continue
            message = self._call(call, room.scope)
            changed.append(message)
            if is_open:
                room.calls[call.pk] = message
            else:
                room.calls.pop(call.pk, None)
        return changed, self._gone(room, visible, since)

    def _gone(self, room: Room, visible: set[int], since: dict[int, int]) -> list[int]:
        """Calls that changed and are no longer this scope's."""
        if room.scope.departments is None or not room.calls:
            return []
        shown = Call.objects.filter(pk__in=room.calls).changed_since(since)
        removed = [pk for pk in shown.values_list("pk", flat=True) if pk not in visible]
        for pk in removed:
            del room.calls[pk]
        return removed

    def _renamed(self, room: Room, told: set[int]) -> list[CallMessage]:
        """Calls in progress that show a name otherwise than they did, but for those told already."""
        changed: list[CallMessage] = []
        rest = room.calls.keys() - told
        for call in Call.objects.visible_to(room.scope).filter(pk__in=rest).order_by("pk") if rest else ():
            message = self._call(call, room.scope)
            if message != room.calls[call.pk] and call.state != CallState.ENDED:
                room.calls[call.pk] = message
                changed.append(message)
        return changed

    def _count(self, room: Room, now: datetime) -> bool:
        """Count today's calls and those in progress again, at most once a second; True if a figure moved."""
        if room.totals_at is not None and now - room.totals_at < TOTALS_EVERY:
            return False
        room.totals_at = now
        today = preset("today", now, ZoneInfo(settings.TIME_ZONE))
        calls = Call.objects.visible_to(room.scope)
        totals: dict[str, Any] = calls.filter(started_at__gte=today.since, started_at__lt=today.until).aggregate(
            **{name: Count("pk", filter=CALL_COUNTS[name]) for name in TOTALS},
            answered_in=Count("pk", filter=CALL_COUNTS["answered"] & Q(direction="in")),
        )
        totals["in_progress"] = dict.fromkeys(OPEN_STATES, 0)
        for state, count in calls.open().order_by().values_list("state").annotate(Count("pk")):
            totals["in_progress"][state] = count
        if totals == room.totals:
            return False
        room.totals = totals
        return True

    def _call(self, call: Call, scope: Scope) -> CallMessage:
        names, feed = self.names, self.names.feeds.get(call.feed_id)
        region = feed.region_code if feed else settings.SMDR_REGION
        contact = names.contacts.get(call.number_e164, "") or call.contact_name
        return {
            "id": call.pk,
            "call_id": call.call_id,
            "feed": feed.name if feed else "",
            "direction": call.direction,
            "state": call.state,
            "state_since": utc_text(call.state_since),
            "started_at": utc_text(call.started_at),
            "answered_at": utc_text(call.answered_at),
            "ended_at": utc_text(call.ended_at),
            "outcome": call.outcome,
            "extension": call.extension,
            "extension_name": names.devices.get((call.feed_id, call.extension), ""),
            "device": call.device,
            "device_name": names.devices.get((call.feed_id, call.device), ""),
            "from_extension": call.from_extension,
            "from_extension_name": names.devices.get((call.feed_id, call.from_extension), ""),
            "trunk": call.trunk,
            "trunk_name": names.trunks.get((call.feed_id, call.trunk), ""),
            "number": scope.mask(call.number),
            "number_display": scope.mask(display(call.number, call.number_e164, region)),
            "contact_name": scope.mask_name(contact),
            "did": call.did,
            "did_name": names.dids.get((call.feed_id, call.did), "") or call.did_name,
            "account_code": call.account_code,
        }


def revisions() -> dict[int, int]:
    """The vector: feed → its latest committed revision."""
    return dict(FeedState.objects.values_list("feed_id", "revision"))


def feed_messages() -> list[FeedMessage]:
    return [feed_message(feed, health) for feed, health in health_of_active_feeds()]


def feed_message(feed: Feed, health: FeedHealth) -> FeedMessage:
    return {
        "name": feed.name,
        "connected": health.connected,
        "last_line_at": utc_text(health.last_line_at),
        "state": health.state,
    }


def _names(model: type[Extension] | type[Trunk] | type[Did]) -> dict[tuple[int, str], str]:
    rows: Iterable[tuple[int, str, str]] = model.objects.exclude(name="").values_list("feed_id", "number", "name")
    return {(feed, number): name for feed, number, name in rows}


def _now_text(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _message(content: dict[str, Any]) -> str:
    return json_shown(content)
