"""Stored calls for tests: their events are folded as the store folds them, so call, legs and events agree."""

import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.db import transaction

from calls.assembly import fold
from calls.directory.models import Extension, Feed, FeedState
from calls.models import Call, CallEvent, Leg
from calls.records import Event, FoldedCall
from calls.returns import set_right

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
Step = tuple[int, str, str] | tuple[int, str, str, str]

ANSWERED = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"), (69, "DISCONNECTED", "1843"))
ABANDONED = ((0, "RINGING", "1843"), (25, "DISCONNECTED", "1843"))
TALKING = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"))
JOURNEY = (
    (0, "QUEUED", "1890"),
    (34, "RINGING", "1840"),
    (34, "RINGING", "1848"),
    (41, "ANSWERED", "1840"),
    (96, "HOLD", "1840"),
    (132, "TRANSFERRED", "1843", "1840"),
    (132, "RINGING", "1843"),
    (139, "CONNECTED", "1843"),
    (252, "HOLD", "1843"),
    (268, "CONNECTED", "1843"),
    (312, "DISCONNECTED", "1843"),
)

serials = count(1)  # of call ids: one row of them for all, as a test may make calls in several ways


def make_feed(name: str = "Head office", **fields: Any) -> Feed:
    """A feed that a Communication Service could send to."""
    fields = {"local_enabled": True, "local_host": "pbx.example", **fields}
    return Feed.objects.filter(name=name).first() or Feed.objects.create(name=name, **fields)


def name_devices(feed: Feed, **names: str) -> None:
    """Extensions by number: name_devices(feed, x1843="Chris Reid")."""
    for number, name in names.items():
        Extension.objects.update_or_create(feed=feed, number=number.removeprefix("x"), defaults={"name": name})


def smdr_line(event: Event, feed_stamp: datetime) -> bytes:
    """The 162 characters of an event, padded with zeros (docs/feed.md, One line)."""
    return (
        f"{feed_stamp:%Y-%m-%d %H:%M:%S} |{event.direction.upper():3}| {event.call_id} {event.trunk:0>7} "
        f"{event.extension:0>7} {event.source_extension:0>7} {event.number:0>15} |{event.contact_name:14}| "
        f"{event.did:0>15} |{event.did_name:10}| {event.account_code:0>12} |{event.name:12}|"
    ).encode("cp1252")


def make_events(steps: Iterable[Step], started_at: datetime, call_id: str, **elements: str) -> list[Event]:
    began = int(started_at.timestamp())
    plain = {
        "direction": "in",
        "trunk": "92108",
        "number": "2079460712",
        "contact_name": "",
        "did": "",
        "did_name": "",
        "account_code": "",
    } | elements
    events = []
    for place, (after, name, extension, *source) in enumerate(steps):
        event = Event(
            call_id=call_id, line=b"", n=1, received_us=(began + after) * 1_000_000 + place, journal=1, sequence=place,
            connection=0xA1B2C3, at=began + after, clock_rule=1, id_started_at=began, name=name, extension=extension,
            source_extension=source[0] if source else "", number_raw=f"{plain['number']:0>15}", flags=0, **plain,
        )  # fmt: skip
        stamp = datetime.fromtimestamp(event.at, UTC)
        events.append(event._replace(line=smdr_line(event, stamp)))
    return events


def make_call(
    *steps: Step,
    feed: Feed | None = None,
    started_at: datetime = NINE,
    e164: str = "+442079460712",
    kinds: dict[str, str] | None = None,
    call_fields: dict[str, Any] | None = None,
    **elements: str,
) -> Call:
    """A call of `steps`: (seconds from its start, event, extension[, source]). `elements` go into each line."""
    feed = feed or make_feed()
    call_id = f"{started_at:%Y%m%d%H%M%S}{next(serials):08}"
    events = make_events(steps or ANSWERED, started_at, call_id, **elements)
    folded = fold(events, kinds or {})
    return store_folded(feed, folded, events, number_e164=e164, **(call_fields or {}))


def store_folded(feed: Feed, folded: FoldedCall, events: list[Event], **fields: Any) -> Call:
    values = {name: _instant(name, value) for name, value in asdict(folded).items() if name != "legs"}
    call = Call.objects.create(
        feed=feed, last_received_at=_time(events[-1].received_us // 1_000_000), event_count=len(events), version=1,
        revision=1, **(values | fields),
    )  # fmt: skip
    for leg in folded.legs:
        values = {name: _instant(name, value) for name, value in asdict(leg).items()}
        Leg.objects.create(call=call, call_started_at=call.started_at, direction=call.direction, **values)
    for event in events:
        values = {name: _instant(name, value) for name, value in event._asdict().items()}
        for name in ("call_id", "received_us"):
            del values[name]
        received = datetime.fromtimestamp(event.received_us / 1_000_000, UTC)
        CallEvent.objects.create(call=call, received_at=received, line_hash=zlib.crc32(event.line), **values)
    FeedState.objects.filter(feed=feed).update(rolled_by="")  # roll-ups know only of what the store wrote
    with transaction.atomic():
        set_right(Call.objects.all())
    return call


def _instant(name: str, value: Any) -> Any:
    return (
        _time(value) if value is not None and (name == "at" or name.endswith("_at") or name == "state_since") else value
    )


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
