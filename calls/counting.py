"""What each figure counts (docs/call-model.md, Counting), said once: a report sums it, the list of calls selects by it.

So a figure and the list it opens cannot disagree. CALL_COUNTS are conditions on a Call, LEG_COUNTS on a Leg.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from calls.models import Leg
from calls.records import CallState, Direction, LegOutcome, Outcome

_IN = Q(direction=Direction.IN)
_OUT = Q(direction=Direction.OUT)
_ENDED = Q(state=CallState.ENDED)
_UNKNOWN = Q(outcome=Outcome.UNKNOWN)
_HANDLED = Q(handled_at__isnull=False) | Q(partial=True, outcome=Outcome.ANSWERED)

CALL_COUNTS: dict[str, Q] = {
    "offered": _IN & ~_UNKNOWN,
    "answered": _HANDLED & ~_UNKNOWN,
    "abandoned": _IN & _ENDED & ~_HANDLED & ~_UNKNOWN,
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
    "made": _OUT & Q(position=0),
}


NO_DEVICE = "none"  # stands in addresses for a leg whose lines name no device


def has_leg(counted_as: str = "", extension: str = "", started: tuple[datetime, datetime] | None = None) -> Q:
    """Calls with a leg at `extension` (empty: anywhere) that LEG_COUNTS counts as `counted_as` (empty: any leg).

    `started` repeats when the calls asked for started, from and before: one device's legs are looked up by it.
    """
    legs = Leg.objects.filter(LEG_COUNTS[counted_as]) if counted_as else Leg.objects.all()
    if not extension:
        return Q(Exists(legs.filter(call=OuterRef("pk"))))
    legs = legs.filter(extension="" if extension == NO_DEVICE else extension)
    if started:
        legs = legs.filter(call_started_at__gte=started[0], call_started_at__lt=started[1])
    return Q(pk__in=legs.values("call"))
