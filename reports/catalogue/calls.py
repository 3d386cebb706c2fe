"""Reports whose rows are calls: the abandoned, the longest, the longest waiting, the unusual."""

from collections.abc import Callable, Iterable, Iterator

import phonenumbers
from django.db.models import F, Q, Sum
from django.utils import timezone

from calls.counting import CALL_COUNTS
from calls.keyset import Keyset
from calls.models import Call
from calls.querysets import CallQuerySet
from calls.showing import Showing
from reports.engine import Amount, Answer, Column, Kind, Question, Report, Values
from reports.limits import in_time
from reports.measures import CURRENCY

MOST = 100
MOST_LISTED = 10_000
PART = 2_000  # rows of a file that are made at once
OFFICE_HOURS = (7, 20)
SATURDAY = 6
LONG_SECONDS = 3600

WHEN = Column("when", "When", Kind.MOMENT)
DIRECTION = Column("direction", "Direction", Kind.TEXT)
PARTIES = (
    Column("who", "Number", Kind.TEXT, named_by="who_name"),
    Column("who_name", "Who", Kind.TEXT),
    Column("whom", "Device", Kind.TEXT, named_by="whom_name"),
    Column("whom_name", "Whom", Kind.TEXT),
)
WAITED = Column("waited", "Waited", Kind.SECONDS, help="Until the caller gave up", sums_up="Waited on average")
TALK = Column("talk", "Talk", Kind.SECONDS)
DURATION = Column("duration", "Duration", Kind.SECONDS, help="From the first event to the end")


def _listed(question: Question, calls: Iterable[Call]) -> Answer:
    found = list(calls)
    rows = _rows(question, found)
    return Answer(rows, [None] * len(rows), {}, len(rows), pages=[call.get_absolute_url() for call in found])


def _rows(question: Question, found: list[Call]) -> list[Values]:
    """Rows of these calls, in this order, with every figure that one of the reports shows."""
    showing = Showing(found, question.scope)
    rows: list[Values] = []
    for call in found:
        who, whom = showing.outside(call), showing.inside(call)
        rows.append(
            {
                "when": call.started_at,
                "direction": call.direction,
                "who": who.number or who.name,
                "who_name": who.name if who.number else "",
                "whom": whom.number or whom.name,
                "whom_name": whom.name if whom.number else "",
                "waited": call.duration_seconds,
                "time_to_answer": call.time_to_answer_seconds,
                "duration": call.duration_seconds,
                "talk": call.talk_seconds,
                "cost": None if call.cost is None else Amount(call.cost, call.currency),
                "currency": call.currency,
                "hold": call.hold_seconds,
                "did": call.did,
            }
        )
    return rows


def _parts(calls: CallQuerySet) -> Iterator[list[Call]]:
    """All of them, newest first, without a cursor that stays open."""
    keyset = Keyset(calls.select_related("feed"), size=PART)
    page = keyset.newest()
    yield page.rows
    while page.older:
        page = keyset.older_than(page.older)
        yield page.rows


def _top(only: Q, order: str, measure: str) -> Callable[[Question], Answer]:
    def run(question: Question) -> Answer:
        calls = question.calls().filter(only, **{f"{measure}__gt": 0}).select_related("feed")
        answer = _listed(question, calls.order_by(F(order).desc(), "-started_at", "-pk")[:MOST])
        answer.note = f"The first {MOST} of them." if answer.calls == MOST else ""
        return answer

    return run


def _abandoned(question: Question) -> Answer:
    calls = question.calls().filter(CALL_COUNTS["abandoned"])
    answer = _listed(question, calls.select_related("feed").order_by("-started_at", "-pk")[:MOST_LISTED])
    answer.calls = calls.count()
    waited = calls.aggregate(all=Sum("duration_seconds", default=0))["all"]
    answer.total = {"when": "", "who": "Average", "waited": waited // answer.calls if answer.calls else None}
    answer.is_cut = answer.calls > MOST_LISTED
    answer.note = f"The latest {MOST_LISTED:,} of {answer.calls:,}; files have all." if answer.is_cut else ""
    return answer


def _every_abandoned(question: Question) -> Iterator[list[Values]]:
    for part in _parts(question.calls().filter(CALL_COUNTS["abandoned"])):
        yield _rows(question, part)


def reasons(call: Call) -> list[str]:
    """Why a call stands out; empty for most."""
    found = []
    local = timezone.localtime(call.started_at)
    if call.direction == "out" and (
        local.isoweekday() >= SATURDAY or not OFFICE_HOURS[0] <= local.hour < OFFICE_HOURS[1]
    ):
        found.append("out of hours")
    if call.direction == "out" and call.number_e164 and not call.number_e164.startswith(home_code(call)):
        found.append("international")
    if call.talk_seconds >= LONG_SECONDS:
        found.append("over an hour")
    return found


def home_code(call: Call) -> str:
    return f"+{phonenumbers.country_code_for_region(call.feed.region_code)}"


def _unusual(question: Question) -> Answer:
    """Long calls, and outgoing ones that are international or out of hours; the database leaves out what is neither."""
    found: list[Call] = []
    for part in in_time(_parts(_perhaps_unusual(question))):
        found += [call for call in part if reasons(call)]
        if len(found) > MOST_LISTED:
            break
    answer = _listed(question, found[:MOST_LISTED])
    answer.is_cut = len(found) > MOST_LISTED
    for row, call in zip(answer.rows, found, strict=False):
        row["why"] = ", ".join(reasons(call))
    first, last = OFFICE_HOURS
    cut = f"The latest {MOST_LISTED:,} of them; files have all. " if answer.is_cut else ""
    answer.note = f"{cut}Out of hours: before {first}:00, from {last}:00, and at weekends."
    return answer


def _perhaps_unusual(question: Question) -> CallQuerySet:
    return question.calls().filter(Q(direction="out") | Q(talk_seconds__gte=LONG_SECONDS))


def _every_unusual(question: Question) -> Iterator[list[Values]]:
    for part in _parts(_perhaps_unusual(question)):
        found = [call for call in part if reasons(call)]
        yield [
            {**row, "why": ", ".join(reasons(call))} for row, call in zip(_rows(question, found), found, strict=True)
        ]


ANSWERING = "Are we answering?"
REPORTS = (
    Report(
        "abandoned", "Abandoned calls", ANSWERING, "Who gave up, where, and after how long a wait.",
        (WHEN, *PARTIES, Column("did", "DID", Kind.TEXT), WAITED), _abandoned, icon="phone-missed",
        every=_every_abandoned,
    ),
    Report(
        "longest-waiting", "Longest waiting", ANSWERING, "The answered callers that waited longest.",
        (WHEN, *PARTIES, Column("time_to_answer", "Waited", Kind.SECONDS), TALK),
        _top(Q(direction="in"), "time_to_answer_seconds", "time_to_answer_seconds"), icon="hourglass",
        has_course=False,
    ),
    Report(
        "longest-calls", "Longest calls", "What does it cost?", "The calls that took the most talk.",
        (WHEN, DIRECTION, *PARTIES, TALK, Column("hold", "Hold", Kind.SECONDS), DURATION),
        _top(Q(), "talk_seconds", "talk_seconds"), icon="timer", has_course=False,
    ),
    Report(
        "most-expensive", "Most expensive calls", "What does it cost?", "The calls that cost the most.",
        (WHEN, DIRECTION, *PARTIES, TALK, Column("cost", "Cost", Kind.MONEY), CURRENCY.column),
        _top(Q(), "cost", "cost"),
        icon="coins", has_course=False,
    ),
    Report(
        "unusual", "Unusual calls", "Can we trust it?", "Calls out of hours, abroad, or over an hour: worth a look.",
        (WHEN, DIRECTION, *PARTIES, Column("why", "Why", Kind.TEXT), DURATION),
        _unusual, icon="siren", has_course=False, every=_every_unusual,
    ),
)  # fmt: skip
