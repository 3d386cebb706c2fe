"""Calls by extension: what each device was offered, answered, missed and dialled."""

from collections import defaultdict

from django.db.models import Count, Q, Sum

from calls.chargeback import Part, allocated, shares
from calls.costing.models import Chargeback, CostingChoice
from calls.counting import LEG_COUNTS, NO_DEVICE
from calls.directory.models import Extension
from calls.models import Leg
from reports.engine import Amount, Answer, Column, Kind, Question, Report, Values
from reports.measures import SEVERAL

MEASURES = {
    **{name: Count("pk", filter=condition) for name, condition in LEG_COUNTS.items()},
    "talks": Count("pk", filter=Q(answered_at__isnull=False)),
    "ring": Sum("ring_seconds"),
    "talk": Sum("talk_seconds"),
    "hold": Sum("hold_seconds"),
}


def run(question: Question) -> Answer:
    """One row a device with any leg of a call that started in the period; the total adds them up."""
    legs = question.legs()
    costs, currency = charged(question)
    found = list(legs.values("call__feed_id", "extension").annotate(**MEASURES))
    names = {
        (feed, number): (name, department or "")
        for feed, number, name, department in Extension.objects.values_list(
            "feed_id", "number", "name", "department__name"
        )
    }
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    for row in found:
        feed, number = row.pop("call__feed_id"), row["extension"]
        name, department = names.get((feed, number), ("", ""))
        row["cost"] = None if currency == SEVERAL else Amount(costs.get((feed, number), 0), currency)
        row["currency"] = currency
        rows.append({**row, "name": name, "department": department, **_averages(row)})
        keys.append({"extension": number or NO_DEVICE, "feed": str(feed)})
    total: Values = {name: sum(row[name] for row in found) for name in MEASURES}
    parts = [row["cost"].millionths for row in rows if row["cost"] is not None]
    total["cost"] = Amount(sum(parts), currency) if parts else None
    total |= {"extension": "Total", "name": "", "department": "", "currency": currency, **_averages(total)}
    calls = legs.aggregate(calls=Count("call", distinct=True))["calls"]
    return Answer(
        rows,
        keys,
        total,
        calls,
        note="A call that reached several devices counts at each, so the columns add up to more than the calls.",
    )


def charged(question: Question) -> tuple[dict[tuple[int, str], int], str]:
    """Millionths that each device is charged, by the rule set for the site, and their currency.

    Nothing, and SEVERAL, where calls of several currencies meet.
    """
    choice = CostingChoice.objects.first()
    rule = choice.chargeback if choice else Chargeback.FIRST
    calls = question.calls().filter(cost__gt=0)
    currencies = set(calls.order_by().values_list("currency", flat=True).distinct())
    if len(currencies) > 1:
        return {}, SEVERAL
    found: dict[tuple[int, str], int] = defaultdict(int)
    legs: dict[int, list[Part]] = defaultdict(list)
    if rule == Chargeback.TALK:
        talks = Leg.objects.filter(call__in=calls.values("pk"), talk_seconds__gt=0).order_by("call", "position")
        for call, extension, seconds in talks.values_list("call_id", "extension", "talk_seconds"):
            legs[call].append(Part(extension, seconds))
    fields = ("pk", "feed_id", "extension", "last_extension", "cost")
    for pk, feed, extension, last, cost in calls.values_list(*fields).iterator(5_000):
        for device, part in allocated(cost, shares(rule, extension, last, legs.get(pk, []))).items():
            found[feed, device] += part
    return found, next(iter(currencies), "")


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
