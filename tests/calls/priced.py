"""Tariffs and calls that the real store prices, for tests."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from calls.costing.document import parse
from calls.costing.models import CostingChoice, TariffVersion
from calls.costing.versions import Head, make, publish
from calls.directory.models import Carrier, Feed, Trunk
from calls.models import Call
from calls.store import CallStore
from tests.calls.factories import Step, make_events, serials

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
MINUTE = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"), (69, "DISCONNECTED", "1843"))  # 60 s from the answer
UK = {
    "rounding": {"method": "half_up", "dp": 4},
    "prefixes": [
        {"prefix": "1", "name": "North America", "class": "international", "rate": "0.9"},
        {"prefix": "112", "name": "Emergency", "class": "emergency", "rate": "0"},
        {"prefix": "118", "name": "Directory enquiries", "class": "premium", "rate": "1.5"},
        {"prefix": "44", "name": "National", "class": "national", "rate": "0.02"},
        {"prefix": "447", "name": "Mobile", "class": "mobile", "rate": "0.12"},
        {"prefix": "999", "name": "Emergency", "class": "emergency", "rate": "0"},
    ],
}


def turn_on(**choice: Any) -> None:
    CostingChoice.objects.update_or_create(pk=1, defaults={"is_on": True, **choice})


def published(
    said: dict[str, Any], name: str = "Standard", valid_from: date = date(2026, 1, 1), **head: Any
) -> TariffVersion:
    """The first version of a new tariff, holding from `valid_from`."""
    return publish(make(Head(name, **head), parse({"timezone": "Europe/London", **said}), valid_from).pk)


def trunk(feed: Feed, number: str = "92108", carrier: Carrier | None = None, **fields: Any) -> Trunk:
    return Trunk.objects.create(feed=feed, number=number, carrier=carrier, **fields)


def store_call(
    store: CallStore,
    steps: Iterable[Step] = MINUTE,
    *,
    started_at: datetime = NINE,
    call_id: str = "",
    **elements: str,
) -> Call:
    """Events of a call, more of it where `call_id` is known, in one transaction of the store. Outgoing to a mobile."""
    call_id = call_id or f"{started_at:%Y%m%d%H%M%S}{next(serials):08}"
    events = make_events(steps, started_at, call_id, **{"direction": "out", "number": "07911123456", **elements})
    with store.transaction() as work:
        work.open({call_id})
        for event in events:
            work.add(event)
    return Call.objects.get(feed_id=store.feed_id, call_id=call_id)
