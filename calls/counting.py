"""What each figure counts (docs/call-model.md, Counting), said once: a report sums it, the list of calls selects by it.

So a figure and the list it opens cannot disagree. CALL_COUNTS are conditions on a Call, LEG_COUNTS on a Leg.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce, NullIf

from calls.models import Call, Leg
from calls.records import CallState, Direction, LegOutcome, Outcome

LONGEST_WAIT = timedelta(days=7)  # of a call, from its start until a person answers
NUMBER = Coalesce(NullIf(F("number_e164"), Value("")), F("number"))  # whose calls are counted together; "": not shown

_IN = Q(direction=Direction.IN)
_OUT = Q(direction=Direction.OUT)
_ENDED = Q(state=CallState.ENDED)
_UNKNOWN = Q(outcome=Outcome.UNKNOWN)
_HANDLED = Q(handled_at__isnull=False) | Q(partial=True, outcome=Outcome.ANSWERED)
# not handled, as the index of abandoned calls says it
_ABANDONED = _IN & _ENDED & Q(handled_at=None) & ~Q(partial=True, outcome=Outcome.ANSWERED) & ~_UNKNOWN


def _spoken_with(number: str, until: datetime | None) -> Q:
    """There is a call with this one's `number`, either way, that was answered after this one had ended."""
    # Not empty said again, and from when on: by these the index of a number's calls begins where it has to, and as it
    # has the answer, too, no call is read. The few whose beginning was not seen have indexes of their own.
    since = ExpressionWrapper(OuterRef("ended_at") - Value(LONGEST_WAIT), output_field=DateTimeField())
    calls = Call.objects.filter(~Q(**{number: ""}), started_at__gte=since, **{number: OuterRef(number)})
    if until:
        calls = calls.filter(started_at__lte=until)
    partial = calls.filter(partial=True, outcome=Outcome.ANSWERED, answered_at__gte=OuterRef("ended_at"))
    return Q(Exists(calls.filter(handled_at__gte=OuterRef("ended_at")))) | Q(Exists(partial))


def unreturned_as_of(until: datetime | None) -> Q:
    """Abandoned, and nobody has spoken with that number since (or up to `until`); not calls that showed no number.

    By a look at the calls themselves. Of now (None) it is kept: CALL_COUNTS, calls/returns.py.
    """
    known = ~Q(number_e164="") & ~_spoken_with("number_e164", until)
    other = Q(number_e164="") & ~Q(number="") & ~_spoken_with("number", until)
    return _ABANDONED & (known | other)


CALL_COUNTS: dict[str, Q] = {
    "offered": _IN & ~_UNKNOWN,
    "answered": _HANDLED & ~_UNKNOWN,
    "abandoned": _ABANDONED,
    "unreturned": ~Q(unreturned_number=""),
    "waiting": _IN & ~_ENDED & ~_HANDLED,
    "made": _OUT & ~_UNKNOWN,
    "no_answer": _OUT & _ENDED & ~_HANDLED & ~_UNKNOWN,
    "unknown": _UNKNOWN,
    "lost": Q(lost_in_transfer=True) | Q(lost_on_hold=True),
}

LEG_COUNTS: dict[str, Q] = {
    "offered": _IN,
    "answered": _IN & Q(answered_at__isnull=False),
    "missed": _IN & Q(outcome=LegOutcome.MISSED),
    "taken": _IN & Q(outcome__in=(LegOutcome.ANSWERED, LegOutcome.ANSWERED_ELSEWHERE)),
    "made": _OUT & Q(position=0),
}
# Of a group's legs: what a member answers, the group has answered.
GROUP_COUNTS: dict[str, Q] = {"answered": LEG_COUNTS["taken"], "abandoned": LEG_COUNTS["missed"]}
GROUP_WAIT = F("queue_seconds") + F("ring_seconds")

_TARGET = ExpressionWrapper(
    Cast("feed__answer_target_seconds", IntegerField()) * Value(timedelta(seconds=1)), output_field=DurationField()
)


def service_measures(now: datetime) -> dict[str, Any]:
    """Aggregates of calls from which `service_level` and `seconds_to_answer` are reckoned, as of `now`.

    Target and short-call threshold are each feed's own. The network's answer is a person's for most calls, and its
    time is stored; where a machine answered first, the person's is reckoned.
    """
    plain = _IN & Q(handled_at=F("answered_at"))
    after_machine = _IN & Q(handled_at__gt=F("answered_at"))
    in_time = (plain & Q(time_to_answer_seconds__lte=F("feed__answer_target_seconds"))) | (
        after_machine & Q(handled_at__lte=F("started_at") + _TARGET)
    )
    waited = ExpressionWrapper(F("handled_at") - F("started_at"), output_field=DurationField())
    return {
        "answered_in": Count("pk", filter=CALL_COUNTS["answered"] & _IN),
        "abandoned": Count("pk", filter=_ABANDONED),
        "in_time": Count("pk", filter=in_time & ~_UNKNOWN),
        "short_abandoned": Count("pk", filter=_ABANDONED & Q(duration_seconds__lte=F("feed__short_call_seconds"))),
        "waiting_late": Count(
            "pk", filter=CALL_COUNTS["waiting"] & Q(started_at__lt=Value(now, output_field=DateTimeField()) - _TARGET)
        ),
        "handled": Count("pk", filter=(plain | after_machine) & ~_UNKNOWN),
        "to_answer": Sum("time_to_answer_seconds", filter=plain & ~_UNKNOWN),
        "to_person": Sum(waited, filter=after_machine & ~_UNKNOWN),
    }


def waited(since: int, until: int) -> Q:
    """Incoming calls whose caller was spoken with after at least `since` and less than `until` seconds."""
    plain = Q(handled_at=F("answered_at"), time_to_answer_seconds__gte=since, time_to_answer_seconds__lt=until)
    most = min(until, LONGEST_WAIT_SECONDS)
    after_machine = Q(
        handled_at__gt=F("answered_at"),
        handled_at__gte=F("started_at") + Value(timedelta(seconds=since)),
        handled_at__lt=F("started_at") + Value(timedelta(seconds=most)),
    )
    return _IN & ~_UNKNOWN & (plain | after_machine)


def service_level(found: Mapping[str, Any]) -> float | None:
    """Answered within target ÷ (answered + abandoned − short abandoned + waiting longer than the target), 0 to 1."""
    due = found["answered_in"] + found["abandoned"] - found["short_abandoned"] + found["waiting_late"]
    return found["in_time"] / due if due else None


def seconds_to_answer(found: Mapping[str, Any]) -> float | None:
    """On average until somebody spoke with the caller; None where nobody did."""
    total = (found["to_answer"] or 0) + (found["to_person"] or timedelta()).total_seconds()
    return total / found["handled"] if found["handled"] else None


LONGEST_WAIT_SECONDS = 10**9
NO_DEVICE = "none"  # stands in addresses for a leg whose lines name no device


def has_leg(counted_as: str = "", extension: str = "", started: tuple[datetime, datetime] | None = None) -> Q:
    """Calls with a leg at `extension` (empty: anywhere) that LEG_COUNTS counts as `counted_as` (empty: any leg).

    `started` repeats when the calls asked for started, from and before: one device's legs are looked up by it.
    """
    if extension:
        return Q(pk__in=legs_at(extension, counted_as, started).values("call"))
    legs = Leg.objects.filter(LEG_COUNTS[counted_as]) if counted_as else Leg.objects.all()
    return Q(Exists(legs.filter(call=OuterRef("pk"))))


def legs_at(extension: str, counted_as: str = "", started: tuple[datetime, datetime] | None = None) -> QuerySet[Leg]:
    """The legs by which `has_leg` finds calls."""
    legs = Leg.objects.filter(LEG_COUNTS[counted_as]) if counted_as else Leg.objects.all()
    legs = legs.filter(extension="" if extension == NO_DEVICE else extension)
    if started:
        legs = legs.filter(call_started_at__gte=started[0], call_started_at__lt=started[1])
    return legs
