"""Trunk traffic: how busy each carrier's trunks were, and how many are needed."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models.functions import Coalesce

from calls.directory.models import Trunk
from reports.concurrency import traffic
from reports.engine import Answer, Column, Kind, Question, Report, Values
from reports.erlang import blocking, trunks_needed
from reports.limits import in_time

GRADE_OF_SERVICE = 0.01
Span = tuple[int, int]


def run(question: Question) -> Answer:
    """A row a carrier and one of all; a call takes its trunk from its first event to its end, or last event so far."""
    period = question.period
    since, until = int(period.since.timestamp()), int(period.until.timestamp())
    known = {
        (feed, number): carrier or "No carrier"
        for feed, number, carrier in Trunk.objects.values_list("feed_id", "number", "carrier__name")
    }
    spans: dict[str, list[Span]] = defaultdict(list)
    seen: dict[str, set[tuple[int, str]]] = defaultdict(set)
    calls = question.calls().exclude(trunk="")
    ends = Coalesce("ended_at", "last_event_at")
    for feed, trunk, began, ended in in_time(
        calls.values_list("feed_id", "trunk", "started_at", ends).iterator(10_000)
    ):
        carrier = known.get((feed, trunk), "No carrier")
        seen[carrier].add((feed, trunk))
        spans[carrier].append((max(int(began.timestamp()), since), min(int(ended.timestamp()), until)))
    lines: dict[str, int] = defaultdict(int)
    for (feed, number), carrier in known.items():
        lines[carrier] += question.feed in {None, feed}
        seen[carrier].discard((feed, number))
    rows = [_row(carrier, spans[carrier], lines[carrier] + len(seen[carrier])) for carrier in sorted(spans)]
    total: Values = {}
    if rows:
        every = [span for group in spans.values() for span in group]
        total = _row("All", every, sum(row["trunks"] for row in rows))
    return Answer(
        rows,
        [None] * len(rows),
        total,
        sum(map(len, spans.values())),
        f"Needed: so that no more than {GRADE_OF_SERVICE:.0%} of the busy hour's calls find all trunks busy (Erlang B)."
        " The busy hour is the 60 minutes with the most traffic; a call counts from its first event to its end.",
    )


def _row(carrier: str, spans: Iterable[Span], trunks: int) -> Values:
    found = traffic(spans, trunks)
    busy = datetime.fromtimestamp(found.busy_from, UTC) if found.calls else None
    return {
        "carrier": carrier,
        "trunks": trunks,
        "calls": found.calls,
        "busy_hour": busy,
        "erlangs": found.busy_erlangs,
        "peak": found.peak,
        "full": found.full_seconds,
        "blocking": blocking(found.busy_erlangs, trunks),
        "needed": trunks_needed(found.busy_erlangs, GRADE_OF_SERVICE),
    }


REPORT = Report(
    slug="trunk-traffic",
    title="Trunk traffic",
    group="Enough lines?",
    purpose="The busy hour of each carrier's trunks, and how many trunks it needs.",
    columns=(
        Column("carrier", "Carrier", Kind.TEXT),
        Column("trunks", "Trunks", help="Known to the directory, or seen in these calls"),
        Column("calls", "Calls"),
        Column("busy_hour", "Busy hour from", Kind.MOMENT),
        Column("erlangs", "Erlangs", Kind.DECIMAL, help="Traffic of the busy hour"),
        Column("peak", "Most at once"),
        Column("full", "All busy", Kind.SECONDS, help="Time in which every trunk was taken"),
        Column("blocking", "Blocking", Kind.SHARE, help="Of calls in the busy hour, by Erlang B"),
        Column("needed", "Needed", help="Trunks for a blocking of 1%"),
    ),
    run=run,
    sort="-erlangs",
    icon="cable",
    has_course=False,
)
