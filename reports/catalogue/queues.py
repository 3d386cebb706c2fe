"""Queues: what each group was offered, how much of it a member answered, and how long callers waited there."""

from django.db.models import Avg, Count, Max

from calls.counting import GROUP_COUNTS, GROUP_WAIT, LEG_COUNTS
from calls.directory.models import Extension
from reports.engine import Answer, Column, Kind, Question, Report, Values

MEASURES = {
    "offered": Count("pk", filter=LEG_COUNTS["offered"]),
    **{name: Count("pk", filter=condition) for name, condition in GROUP_COUNTS.items()},
    "longest_wait": Max(GROUP_WAIT),
    "average_wait": Avg(GROUP_WAIT),
}


def run(question: Question) -> Answer:
    groups = {
        (feed, number): (name, department or "")
        for feed, number, name, department in Extension.objects.filter(kind=Extension.Kind.GROUP).values_list(
            "feed_id", "number", "name", "department__name"
        )
    }
    legs = question.legs().filter(direction="in", extension__in={number for _, number in groups})
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    for found in legs.values("call__feed_id", "extension").annotate(**MEASURES):
        feed, number = found.pop("call__feed_id"), found["extension"]
        if (feed, number) not in groups:
            continue
        name, department = groups[feed, number]
        rows.append({**found, "name": name, "department": department, **_shares(found)})
        keys.append({"extension": number, "feed": str(feed)})
    total: Values = {name: sum(row[name] for row in rows) for name in ("offered", "answered", "abandoned")}
    total |= _shares(total) | {"longest_wait": max((row["longest_wait"] for row in rows), default=None)}
    weighted = sum(row["average_wait"] * row["offered"] for row in rows)
    total |= {"average_wait": weighted // total["offered"] if total["offered"] else None, "extension": "Total"}
    return Answer(rows, keys, total, legs.aggregate(calls=Count("call", distinct=True))["calls"])


def _shares(row: Values) -> Values:
    shares = {"answered_share": row["answered"] / row["offered"] if row["offered"] else None}
    return shares | ({"average_wait": int(row["average_wait"])} if row.get("average_wait") is not None else {})


REPORT = Report(
    slug="queues",
    title="Queues",
    group="Are we answering?",
    purpose="What each group was offered, how much its members answered, and how long callers waited there.",
    columns=(
        Column("extension", "Group", Kind.TEXT, named_by="name"),
        Column("name", "Name", Kind.TEXT),
        Column("department", "Department", Kind.TEXT),
        Column("offered", "Offered", help="Times a call came to it", opens={"leg": "offered"}, bar=True),
        Column("answered", "Answered", help="By a member"),
        Column("answered_share", "Answered %", Kind.SHARE),
        Column("abandoned", "Abandoned", help="The caller gave up there", opens={"leg": "missed"}),
        Column("average_wait", "Average wait", Kind.SECONDS),
        Column("longest_wait", "Longest wait", Kind.SECONDS),
    ),
    run=run,
    sort="-offered",
    icon="users-round",
)
