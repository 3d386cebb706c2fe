"""What the live board shows: calls, totals and feeds as one viewer's scope lets them be seen (docs/architecture.md).

Synchronous, for one thread. A Room holds what the viewers of one scope have been told, so that a change is one
query and one serialisation for all of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from django.conf import settings
from django.utils import timezone

from calls.access import Scope
from calls.directory.health import LIVE, LOST, NONE, FeedHealth, health_of_active_feeds, usual_seconds
from calls.directory.models import Contact, Department, Did, DirectoryRevision, Extension, Feed, FeedState, Trunk
from calls.directory.outages import SILENT
from calls.edition import EDITION
from calls.export import utc_text
from calls.harmless import json_shown
from calls.models import Call
from calls.numbers import display
from calls.panels import Kept, Panels, health_panel
from calls.records import CallState

MOST_CALLS = 1_000  # keeps a snapshot far below the 1 MiB at which a WebSocket message is refused
HELD_UP = "Lines are held up. Whoever looks after the feeds can see why."
RECENTLY_ENDED = timedelta(seconds=60)
OPEN_STATES = tuple(state.value for state in CallState if state != CallState.ENDED)


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
    carrier: str
    department: str


class Shown(NamedTuple):
    """What is read of a call; the names of its columns."""

    id: int
    feed_id: int
    call_id: str
    direction: str
    state: str
    state_since: datetime | None
    started_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str
    extension: str
    device: str
    from_extension: str
    trunk: str
    number: str
    number_e164: str
    contact_name: str
    did: str
    did_name: str
    account_code: str
    department_id: int | None


class FeedMessage(TypedDict):
    name: str
    connected: bool
    last_line_at: str | None
    state: str
    usual_seconds: float | None  # between two lines at this hour; told of a silent feed only
    error: str  # what keeps its lines back (a full disk, a database that is gone), or empty


@dataclass(slots=True)
class Names:
    """Every name of the directory, read again when its revision has moved."""

    revision: int = -1
    feeds: dict[int, Feed] = field(default_factory=dict)
    devices: dict[tuple[int, str], str] = field(default_factory=dict)
    trunks: dict[tuple[int, str], str] = field(default_factory=dict)
    dids: dict[tuple[int, str], str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)
    carriers: dict[tuple[int, str], str] = field(default_factory=dict)
    departments: dict[int | None, str] = field(default_factory=dict)

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
        self.carriers = {
            (feed, number): carrier
            for feed, number, carrier in Trunk.objects.exclude(carrier=None).values_list(
                "feed_id", "number", "carrier__name"
            )
        }
        self.departments = dict(Department.objects.values_list("pk", "name"))
        self.revision = revision
        return True


class Told(NamedTuple):
    """A call as the viewers of a room have it: `text` is its message, written once."""

    state: str
    text: str


@dataclass(slots=True, eq=False)
class Room:
    """The viewers of one scope: what they have been told, and how far.

    `panels` is the latest that was counted, `panels_told` what the viewers have of it.
    """

    scope: Scope
    seq: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    directory: int = -1
    calls: dict[int, Told] = field(default_factory=dict)
    feeds: list[FeedMessage] = field(default_factory=list)
    panels: Panels = field(default_factory=lambda: Panels({}, {}, {}))
    panels_told: Panels = field(default_factory=lambda: Panels({}, {}, {}))
    kept: Kept = field(default_factory=Kept)
    owes_message: bool = False  # whether or not there is news: as a sign of life, and after a look that failed
    _snapshot: tuple[int, str] = (-1, "")

    def totals(self) -> dict[str, Any]:
        in_progress = dict.fromkeys(OPEN_STATES, 0)
        for call in self.calls.values():
            in_progress[call.state] += 1
        return {**self.panels.totals, "in_progress": in_progress}

    def shown(self, feeds: list[FeedMessage]) -> list[FeedMessage]:
        """An error may name addresses: who does not see all is told that there is one."""
        if self.scope.sees_raw_lines:
            return feeds
        return [{**feed, "error": feed["error"] and HELD_UP} for feed in feeds]

    def health(self) -> str:
        """The worst of the feeds, as the sidebar shows it."""
        states = {feed["state"] for feed in self.feeds}
        return health_panel(next((state for state in (LOST, SILENT, LIVE) if state in states), NONE))

    def news_of_panels(self) -> dict[str, Any]:
        """What of the panels the viewers do not have yet; from now on they have it."""
        new, told = self.panels, self.panels_told
        self.panels_told = new
        if new is told:
            return {}
        html = {name: text for name, text in new.html.items() if told.html.get(name) != text}
        people = {place: day for place, day in new.people.items() if told.people.get(place) != day}
        return {
            **({"panels": html} if html else {}),
            **({"people": people} if people else {}),
            **({"moved": True} if new.totals != told.totals else {}),
        }

    def snapshot(self, now: datetime) -> str:
        """The room as it was last told, as a message; all but the time is written once for all who ask."""
        if self._snapshot[0] != self.seq:
            rest = {
                "totals": self.totals(),
                "feeds": self.feeds,
                "panels": {**self.panels_told.html, "health": self.health()},
                "people": self.panels_told.people,
            }
            calls = ",".join([call.text for call in self.calls.values()])
            text = f'"seq":{self.seq},"edition":"{EDITION}","calls":[{calls}],{json_shown(rest)[1:]}'
            self._snapshot = (self.seq, text)
        return f'{{"type":"snapshot","server_time":"{_now_text(now)}",{self._snapshot[1]}'


@dataclass(slots=True)
class Look:
    """What is asked once for all rooms of a tick: the vector of revisions, and how the feeds are, if that was asked."""

    now: datetime
    vector: dict[int, int]
    feeds: list[FeedMessage] | None


class Board:
    """Answers for every room from the database. It belongs to one thread."""

    def __init__(self) -> None:
        self.names = Names()

    def open_room(self, scope: Scope) -> Room:
        room = Room(scope)
        self._read_all(room)
        return room

    def snapshot(self, room: Room) -> str:
        return room.snapshot(timezone.now())

    def tick(self, rooms: Iterable[Room], *, at_feeds: bool) -> dict[Room, str]:
        """What each room is to be told now; a room of which nothing changed is not in it."""
        look = self.look(at_feeds=at_feeds)
        messages = {room: self.advance(room, look) for room in rooms}
        return {room: message for room, message in messages.items() if message is not None}

    def look(self, *, at_feeds: bool) -> Look:
        """The vector is read before the calls: what is newer than it comes again with the next look."""
        vector = revisions()
        renamed = self.names.refresh()
        return Look(timezone.now(), vector, feed_messages() if at_feeds or renamed else None)

    def advance(self, room: Room, look: Look) -> str | None:
        """What changed since the room was last told, as the room's next message; None if nothing did."""
        changed: dict[int, Told] = {}
        removed: list[int] = []
        moved = {feed: room.seen.get(feed, 0) for feed in look.vector if room.seen.get(feed, -1) != look.vector[feed]}
        if moved:
            changed, removed = self._changes(room, moved, look.now)
        if room.directory != self.names.revision:
            changed |= self._renamed(room, changed.keys())
        room.seen, room.directory = look.vector, self.names.revision
        feeds = room.feeds if look.feeds is None else room.shown(look.feeds)
        panels = room.news_of_panels()
        if not (changed or removed or panels or feeds != room.feeds or room.owes_message):
            return None
        panels.pop("moved", None)
        if feeds != room.feeds:
            room.feeds = feeds
            panels["panels"] = {**panels.get("panels", {}), "health": room.health()}
        room.owes_message = False
        room.seq += 1
        rest = {"removed": removed, "totals": room.totals(), "feeds": room.feeds, **panels}
        calls = ",".join([call.text for call in changed.values()])
        return (
            f'{{"type":"delta","seq":{room.seq},"server_time":"{_now_text(look.now)}","changed":[{calls}],'
            f"{json_shown(rest)[1:]}"
        )

    def _read_all(self, room: Room) -> None:
        room.seen = revisions()
        self.names.refresh()
        room.directory = self.names.revision
        waiting = Call.objects.visible_to(room.scope).open().order_by("-started_at", "-pk")
        room.calls = {
            row[0]: self._told(Shown(*row), room.scope) for row in waiting.values_list(*Shown._fields)[:MOST_CALLS]
        }
        room.feeds = room.shown(feed_messages())

    def _changes(self, room: Room, since: dict[int, int], now: datetime) -> tuple[dict[int, Told], list[int]]:
        changed: dict[int, Told] = {}
        visible = set()
        calls = Call.objects.visible_to(room.scope).changed_since(since).order_by("pk")
        for row in calls.values_list(*Shown._fields):
            call = Shown(*row)
            visible.add(call.id)
            is_open = call.state != CallState.ENDED
            is_new = call.id not in room.calls
            if is_open and is_new and len(room.calls) >= MOST_CALLS:
                continue
            if not is_open and is_new and (call.ended_at is None or call.ended_at < now - RECENTLY_ENDED):
                continue
            told = changed[call.id] = self._told(call, room.scope)
            if is_open:
                room.calls[call.id] = told
            else:
                room.calls.pop(call.id, None)
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

    def _renamed(self, room: Room, told: Collection[int]) -> dict[int, Told]:
        """Calls in progress that show a name otherwise than they did, but for those told already."""
        rest = room.calls.keys() - told
        if not rest:
            return {}
        calls = Call.objects.visible_to(room.scope).open().filter(pk__in=rest).order_by("pk")
        shown = {row[0]: self._told(Shown(*row), room.scope) for row in calls.values_list(*Shown._fields)}
        changed = {key: call for key, call in shown.items() if call != room.calls[key]}
        room.calls |= changed
        return changed

    def _told(self, call: Shown, scope: Scope) -> Told:
        return Told(call.state, json_shown(self._message(call, scope)))

    def _message(self, call: Shown, scope: Scope) -> CallMessage:
        names, feed = self.names, self.names.feeds.get(call.feed_id)
        region = feed.region_code if feed else settings.SMDR_REGION
        contact = names.contacts.get(call.number_e164, "") or call.contact_name
        return {
            "id": call.id,
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
            "carrier": names.carriers.get((call.feed_id, call.trunk), ""),
            "department": names.departments.get(call.department_id, ""),
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
        "usual_seconds": usual_seconds(feed) if health.state == SILENT else None,
        "error": health.error,
    }


def _names(model: type[Extension] | type[Trunk] | type[Did]) -> dict[tuple[int, str], str]:
    rows: Iterable[tuple[int, str, str]] = model.objects.exclude(name="").values_list("feed_id", "number", "name")
    return {(feed, number): name for feed, number, name in rows}


def _now_text(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
