"""A call as one plain record, by the field names of docs/call-model.md: what `export_calls` writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Prefetch, Q

from calls import money
from calls.models import Call, Leg
from calls.querysets import CallQuerySet

PAGE = 2_000

CALL_FIELDS = (
    "feed", "call_id", "direction", "state", "outcome", "started_at", "answered_at", "answered_by", "handled_at",
    "handled_by", "ended_at", "duration_seconds", "time_to_answer_seconds", "ring_seconds", "queue_seconds",
    "talk_seconds", "hold_seconds", "billable_seconds", "trunk", "extension", "device", "last_extension",
    "number_raw", "number", "number_e164", "contact_name", "account_code", "did", "did_name", "department",
    "transfers", "diversions", "holds", "lost_in_transfer", "lost_on_hold", "partial", "stale", "flags",
    "cost", "recharge", "currency", "cost_status", "cost_reason", "billed_seconds", "destination", "destination_class",
    "tariff_version", "version",
)  # fmt: skip
WORKED_OUT = frozenset(
    {"feed", "department", "flags", "cost", "recharge", "destination", "destination_class", "tariff_version"}
)
BESIDE = ("feed", "department", "destination", "tariff_version__tariff")  # to be selected with a call
LEG_FIELDS = (
    "position", "extension", "began_by", "from_extension", "started_at", "answered_at", "ended_at", "ring_seconds",
    "queue_seconds", "talk_seconds", "hold_seconds", "outcome",
)  # fmt: skip


def utc_text(value: datetime | None) -> str | None:
    """ISO 8601 with a Z, whole seconds."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def leg_record(leg: Leg) -> dict[str, Any]:
    return {name: _plain(getattr(leg, name)) for name in LEG_FIELDS}


def call_record(call: Call) -> dict[str, Any]:
    """One call with its legs; times ISO 8601 in UTC, flags by name, money as text in major units."""
    record = {name: _plain(getattr(call, name)) for name in CALL_FIELDS if name not in WORKED_OUT}
    record["feed"] = call.feed.name
    record["department"] = call.department.name if call.department else ""
    record["flags"] = call.flag_names
    record["cost"], record["recharge"] = _money(call.cost), _money(call.recharge)
    record["destination"] = call.destination.name if call.destination else ""
    record["destination_class"] = call.destination.charge_class if call.destination else ""
    record["tariff_version"] = str(call.tariff_version) if call.tariff_version else ""
    record["legs"] = [leg_record(leg) for leg in call.legs.all()]
    return {name: record[name] for name in (*CALL_FIELDS, "legs")}


def in_call_id_order(calls: CallQuerySet) -> Iterator[Call]:
    """Every call of a queryset with feed, department and legs, by feed and call id; a page in memory at a time.

    The order does not hang on when a call was stored, so two databases with the same calls export the same.
    """
    ready = calls.select_related(*BESIDE).order_by("feed__name", "feed_id", "call_id")
    ready = ready.prefetch_related(Prefetch("legs", Leg.objects.order_by("position")))
    last: Call | None = None
    while True:
        page = ready
        if last is not None:
            page = page.filter(
                Q(feed__name__gt=last.feed.name)
                | Q(feed__name=last.feed.name, feed_id__gt=last.feed_id)
                | Q(feed_id=last.feed_id, call_id__gt=last.call_id)
            )
        rows = list(page[:PAGE])
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]


def _money(millionths: int | None) -> str | None:
    return None if millionths is None else money.exact(millionths)


def _plain(value: Any) -> Any:
    return utc_text(value) if isinstance(value, datetime) else value
