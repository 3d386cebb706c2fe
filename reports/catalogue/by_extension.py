"""Calls by extension: what each device was offered, answered, missed and dialled."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from calls.chargeback import Part, allocated, shares
from calls.costing.models import Chargeback, CostingChoice
from calls.counting import LEG_COUNTS, NO_DEVICE
from calls.directory.models import Extension
from calls.models import Leg
from calls.querysets import CallQuerySet, LegQuerySet
from reports.engine import Amount, Answer, Column, Kind, Question, Report, Values
from reports.limits import in_time
from reports.measures import SEVERAL
from reports.rolled import int_sum, leg_rollups

MEASURES = {
    **{name: Count("pk", filter=condition) for name, condition in LEG_COUNTS.items() if name != "taken"},
    "talks": Count("pk", filter=Q(answered_at__isnull=False)),
    "ring": Sum("ring_seconds"),
    "talk": Sum("talk_seconds"),
    "hold": Sum("hold_seconds"),
}
ROLLED = {
    "offered": int_sum("legs", filter=Q(direction="in")),
    "answered": int_sum("talks", filter=Q(direction="in")),
    "missed": int_sum("missed", filter=Q(direction="in")),
    "made": int_sum("firsts", filter=Q(direction="out")),
    **{name: int_sum(name) for name in ("talks", "ring", "talk", "hold", "legs", "firsts", "charged")},
}
assert ROLLED.keys() > MEASURES.keys()
CHARGED_IN = {
    "first_currency": Min("currency", filter=~Q(charged=0)),
    "last_currency": Max("currency", filter=~Q(charged=0)),
}
Device = tuple[int, str]
Charge = tuple[int, str, str, int]
"""Feed, device, currency and millionths."""


@dataclass(slots=True)
class Counted:
    """Sums by device, and the millionths each is charged; SEVERAL `currency` and no charges where currencies meet."""

    devices: dict[Device, Values]
    charges: dict[Device, int]
    currency: str
    calls: int


def of_legs(question: Question) -> Counted:
    legs = question.legs()
    devices = _by_device(legs)
    firsts = sum(sums.pop("firsts") for sums in devices.values())  # each call has one, which may be at another device
    is_whole = "extension" not in question.asked_for
    return Counted(devices, *charged(question), firsts if is_whole else _calls(legs))


def _calls(legs: LegQuerySet) -> int:
    return int(legs.aggregate(calls=Count("call", distinct=True))["calls"])


def _by_device(legs: LegQuerySet) -> dict[Device, Values]:
    found = legs.values("call__feed_id", "extension").annotate(**MEASURES, firsts=Count("pk", filter=Q(position=0)))
    return {(row.pop("call__feed_id"), row.pop("extension")): row for row in found}


def of_rollups(question: Question) -> Counted | None:
    """The same from roll-ups and the legs of live calls, which have no cost yet; None where roll-ups do not have it."""
    parts = leg_rollups(question)
    if parts is None:
        return None
    found = Counted({}, defaultdict(int), "", 0)
    if question.live:
        live = question.legs().filter(call__in=question.live)
        found.devices = _by_device(live)
        found.calls = sum(sums.pop("firsts") for sums in found.devices.values())
    named = {f"s_{name}": wanted for name, wanted in (ROLLED | CHARGED_IN).items()}
    by = ("feed_id", "extension")
    currencies = set()
    groups = (group for rows in parts for group in rows.values(*by).annotate(**named).values_list(*by, *named))
    for feed, extension, *values, first_currency, last_currency in groups:
        device, sums = (feed, extension), dict(zip(ROLLED, values, strict=True))
        found.calls += sums.pop("firsts")
        if amount := sums.pop("charged"):
            found.charges[device] += amount
        if first_currency is not None:
            currencies |= {first_currency, last_currency}
        if sums.pop("legs"):
            known = found.devices.get(device)
            found.devices[device] = sums if known is None else {name: known[name] + sums[name] for name in MEASURES}
    if len(currencies) > 1:
        found.charges, found.currency = {}, SEVERAL
    else:
        found.currency = next(iter(currencies), "")
    return found


def run(question: Question) -> Answer:
    """One row a device with any leg of a call that started in the period; the total adds them up."""
    found = of_rollups(question) or of_legs(question)
    names = {
        (feed, number): (name, department or "")
        for feed, number, name, department in Extension.objects.values_list(
            "feed_id", "number", "name", "department__name"
        )
    }
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    for (feed, number), sums in found.devices.items():
        name, department = names.get((feed, number), ("", ""))
        cost = None if found.currency == SEVERAL else Amount(found.charges.get((feed, number), 0), found.currency)
        row = {"extension": number, **sums, "cost": cost, "currency": found.currency}
        rows.append({**row, "name": name, "department": department, **_averages(sums)})
        keys.append({"extension": number or NO_DEVICE, "feed": str(feed)})
    total: Values = {name: sum(row[name] for row in rows) for name in MEASURES}
    parts = [row["cost"].millionths for row in rows if row["cost"] is not None]
    total["cost"] = Amount(sum(parts), found.currency) if parts else None
    total |= {"extension": "Total", "name": "", "department": "", "currency": found.currency, **_averages(total)}
    return Answer(
        rows,
        keys,
        total,
        found.calls,
        note="A call that reached several devices counts at each, so the columns add up to more than the calls.",
    )


def charged(question: Question) -> tuple[dict[Device, int], str]:
    """Millionths that each device is charged, by the rule set for the site, and their currency.

    Nothing, and SEVERAL, where calls of several currencies meet.
    """
    choice = CostingChoice.objects.first()
    rule = choice.chargeback if choice else Chargeback.FIRST
    calls = question.calls().filter(cost__gt=0)
    found: dict[Device, int] = defaultdict(int)
    currencies = set()
    for feed, device, currency, amount in _by_talk(calls) if rule == Chargeback.TALK else _by_one_device(calls, rule):
        found[feed, device] += amount
        currencies.add(currency)
    return ({}, SEVERAL) if len(currencies) > 1 else (found, next(iter(currencies), ""))


def _by_one_device(calls: CallQuerySet, rule: str) -> Iterable[Charge]:
    last = Coalesce(NullIf(F("last_extension"), Value("")), F("extension"))
    groups = calls.annotate(at=last if rule == Chargeback.LAST else F("extension")).values("feed_id", "at", "currency")
    found: Iterable[Charge] = groups.annotate(amount=int_sum("cost")).values_list("feed_id", "at", "currency", "amount")
    return found


def _by_talk(calls: CallQuerySet) -> Iterable[Charge]:
    legs: dict[int, list[Part]] = defaultdict(list)
    talks = Leg.objects.filter(call__in=calls.values("pk"), talk_seconds__gt=0).order_by("call", "position")
    for call, extension, seconds in talks.values_list("call_id", "extension", "talk_seconds"):
        legs[call].append(Part(extension, seconds))
    fields = ("pk", "feed_id", "extension", "last_extension", "currency", "cost")
    for pk, feed, extension, last, currency, cost in in_time(calls.values_list(*fields).iterator(5_000)):
        for device, part in allocated(cost, shares(Chargeback.TALK, extension, last, legs.get(pk, []))).items():
            yield feed, device, currency, part


def _averages(row: Values) -> Values:
    return {"average_talk": row["talk"] // row["talks"] if row["talks"] else None}


REPORT = Report(
    slug="by-extension",
    title="Calls by extension",
    group="Are we answering?",
    purpose="What each person and group was offered, answered, missed and dialled, and how long they talked.",
    columns=(
        Column("extension", "Extension", Kind.TEXT, named_by="name"),
        Column("name", "Name", Kind.TEXT),
        Column("department", "Department", Kind.TEXT),
        Column("offered", "Offered", help="Incoming calls that reached the device", opens={"leg": "offered"}, bar=True),
        Column("answered", "Answered", help="Of those, answered there", opens={"leg": "answered"}),
        Column("missed", "Missed", help="Rang there, and nobody took that alert", opens={"leg": "missed"}),
        Column("made", "Made", help="Outgoing calls begun there", opens={"leg": "made"}),
        Column("ring", "Ring", Kind.SECONDS, opens={}),
        Column("talk", "Talk", Kind.SECONDS, opens={}),
        Column("hold", "Hold", Kind.SECONDS, opens={}),
        Column("cost", "Cost", Kind.MONEY, help="Of the calls charged to it"),
        Column("currency", "Currency", Kind.TEXT),
        Column("average_talk", "Average talk", Kind.SECONDS, help="Talk over the calls connected there"),
    ),
    run=run,
    sort="-offered",
)
