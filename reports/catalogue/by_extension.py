"""Calls by extension: what each device was offered, answered, missed and dialled."""

from django.db.models import Count, Q, Sum

from calls.counting import LEG_COUNTS, NO_DEVICE
from calls.directory.models import Extension
from reports.engine import Answer, Column, Kind, Question, Report, Values

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
        rows.append({**row, "name": name, "department": department, **_averages(row)})
        keys.append({"extension": number or NO_DEVICE, "feed": str(feed)})
    total: Values = {name: sum(row[name] for row in found) for name in MEASURES}
    total |= {"extension": "Total", "name": "", "department": "", **_averages(total)}
    calls = legs.aggregate(calls=Count("call", distinct=True))["calls"]
    return Answer(
        rows,
        keys,
        total,
        calls,
        note="A call that reached several devices counts at each, so the columns add up to more than the calls.",
    )


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
        Column("average_talk", "Average talk", Kind.SECONDS, help="Talk over the calls connected there"),
    ),
    run=run,
    sort="-offered",
)
