"""Unreturned calls: a work-list of numbers to be called back, with who does it and what is known."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from calls.counting import CALL_COUNTS
from reports.dimensions import CALLER
from reports.engine import Answer, Column, Kind, Question, Report, Values
from reports.grouped import grouped, narrowed
from reports.measures import UNRETURNED, Measure
from reports.models import FollowUp

LAST = Measure(Column("last", "Last call", Kind.MOMENT), ("last",))
WAITED = Measure(
    Column("longest_wait", "Longest wait", Kind.SECONDS, help="Of those abandoned"), ("longest_abandoned",)
)
NEWEST = Measure(Column("newest", "Newest call"), ("newest",))
MEASURES = (UNRETURNED, WAITED, LAST)
NOTED = (
    Column("assigned", "Assigned to", Kind.TEXT),
    Column("note", "Note", Kind.TEXT),
    Column("noted", "Noted", Kind.MOMENT),
    Column("noted_by", "By", Kind.TEXT),
)
NOTHING: Values = dict.fromkeys(("assigned", "note", "noted_by"), "") | {"noted": None}
_by_caller = grouped(CALLER, (*MEASURES, NEWEST), only=CALL_COUNTS["unreturned"])


def run(question: Question) -> Answer:
    answer = _by_caller(question)
    calls = question.calls().filter(pk__in=[row["newest"] for row in answer.rows])
    places = {pk: (feed, e164 or number) for pk, feed, e164, number in
              calls.values_list("pk", "feed_id", "number_e164", "number")}  # fmt: skip
    known = {(found.feed_id, found.number): found for found in _follow_ups()}
    lines = []
    for row, key in zip(answer.rows, answer.keys, strict=True):
        page = reverse("reports:follow-up", args=[row["newest"]])
        found = known.get(places.get(row["newest"], (0, "")))
        if question.only_mine and (found is None or found.assignee_id != question.viewer):
            continue
        lines.append(({**row, **(_noted(found, question) if found else NOTHING)}, key, page))
    total: Mapping[str, Any] = {} if question.only_mine else answer.total
    calls_of_rows = sum(row["unreturned"] for row, _, _ in lines) if question.only_mine else answer.calls
    return Answer(
        [row for row, _, _ in lines],
        [key for _, key, _ in lines],
        {**total, **(dict.fromkeys(NOTHING, "") if total else {})},
        calls_of_rows,
        "A number leaves this list when a later call with it, either way, is answered. Press a number to take it on.",
        pages=[page for _, _, page in lines],
    )


def _follow_ups() -> Any:
    return FollowUp.objects.select_related("assignee", "changed_by")


def _noted(found: FollowUp, question: Question) -> Values:
    return {
        "assigned": _name(found.assignee),
        "note": question.scope.mask_name(found.note),
        "noted": found.changed_at,
        "noted_by": _name(found.changed_by),
    }


def _name(user: Any) -> str:
    return (user.get_full_name() or user.get_username()) if user else ""


REPORT = Report(
    slug="unreturned",
    title="Unreturned calls",
    group="Are we answering?",
    purpose="Callers that gave up and whom nobody has spoken with since: whom to call back, and who does.",
    columns=(
        *CALLER.columns,
        *(narrowed(measure.column, {"counted": "unreturned"}) for measure in MEASURES),
        *NOTED,
    ),
    run=run,
    sort="-last",
    icon="phone-missed",
    has_course=False,
    empty="Nobody waits to be called back.",
)
