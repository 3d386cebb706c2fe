"""Figures that reports share: each is reckoned from sums, so that a total's average or share is right, too."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, Max, Min, Q, Sum

from calls.counting import CALL_COUNTS, seconds_to_answer, service_level, service_measures
from calls.models import CostStatus
from reports.engine import Amount, Column, Kind, Values

_IN, _OUT = Q(direction="in"), Q(direction="out")
IN, OUT = {"direction": "in"}, {"direction": "out"}


@dataclass(frozen=True, slots=True)
class Measure:
    """`needs` are names of SUMS; without `value` the one sum is the figure.

    `ratio` names two of them where the figure is the one over the other.
    """

    column: Column
    needs: tuple[str, ...]
    value: Callable[[Mapping[str, Any]], Any] | None = None
    ratio: tuple[str, str] | None = None

    @property
    def order(self) -> str | None:
        """By which sum a database orders, or by which ratio, as "talk/answered"; None where it can't."""
        return "/".join(self.ratio) if self.ratio else None if self.value else self.needs[0]

    def of(self, sums: Mapping[str, Any]) -> Any:
        return self.value(sums) if self.value else sums[self.needs[0]]


def sums(now: datetime) -> dict[str, Aggregate]:
    """Every sum over calls that a measure needs, as of `now`."""
    return {
        "calls": Count("pk"),
        "offered": Count("pk", filter=CALL_COUNTS["offered"]),
        "made": Count("pk", filter=CALL_COUNTS["made"]),
        "answered_out": Count("pk", filter=CALL_COUNTS["answered"] & _OUT),
        "no_answer": Count("pk", filter=CALL_COUNTS["no_answer"]),
        "unknown": Count("pk", filter=CALL_COUNTS["unknown"]),
        "lost": Count("pk", filter=CALL_COUNTS["lost"]),
        "unreturned": Count("pk", filter=CALL_COUNTS["unreturned"]),
        "answered": Count("pk", filter=CALL_COUNTS["answered"]),
        "talk": Sum("talk_seconds", default=0),
        "talk_in": Sum("talk_seconds", filter=_IN, default=0),
        "talk_out": Sum("talk_seconds", filter=_OUT, default=0),
        "ring": Sum("ring_seconds", default=0),
        "queue": Sum("queue_seconds", default=0),
        "hold": Sum("hold_seconds", default=0),
        "longest_abandoned": Max("duration_seconds", filter=CALL_COUNTS["abandoned"]),
        "abandoned_wait": Sum("duration_seconds", filter=CALL_COUNTS["abandoned"], default=0),
        "last": Max("started_at"),
        "newest": Max("pk"),
        "cost": Sum("cost", default=0),
        "recharge": Sum("recharge", default=0),
        "unrated": Count("pk", filter=Q(cost_status=CostStatus.UNRATED)),
        "first_currency": Min("currency", filter=~Q(currency="")),
        "last_currency": Max("currency", filter=~Q(currency="")),
        **service_measures(now),
    }


GREATEST = {"longest_abandoned", "last", "newest", "last_currency"}  # the greatest of the parts is the whole's
LEAST = {"first_currency"}


def added(parts: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Values:
    """The sums of a whole from those of its parts."""
    listed = list(parts)
    whole: Values = {}
    for name in names:
        values = [part[name] for part in listed if part[name] is not None]
        if name in GREATEST:
            whole[name] = max(values, default=None)
        elif name in LEAST:
            whole[name] = min(values, default=None)
        else:
            whole[name] = sum(values, timedelta()) if name == "to_person" else sum(values)
    return whole


def share(part: str, whole: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda sums: sums[part] / sums[whole] if sums[whole] else None


def average(total: str, count: str) -> Callable[[Mapping[str, Any]], int | None]:
    return lambda sums: sums[total] // sums[count] if sums[count] else None


def _whole_seconds(sums: Mapping[str, Any]) -> int | None:
    seconds = seconds_to_answer(sums)
    return None if seconds is None else int(seconds)


def amount(name: str) -> Callable[[Mapping[str, Any]], Amount | None]:
    """None where calls of several currencies come together: they are never added."""

    def of(sums: Mapping[str, Any]) -> Amount | None:
        currency = sums["last_currency"] or ""
        return Amount(sums[name], currency) if currency == (sums["first_currency"] or "") else None

    return of


SEVERAL = "several"  # currencies
_CURRENCIES = ("first_currency", "last_currency")
_LEVEL = ("in_time", "answered_in", "abandoned", "short_abandoned", "waiting_late")

OFFERED = Measure(
    Column("offered", "Offered", help="Incoming calls", opens={"counted": "offered"}, bar=True), ("offered",)
)
ANSWERED = Measure(
    Column("answered", "Answered", help="Incoming calls that a person answered", opens={**IN, "counted": "answered"}),
    ("answered_in",),
)
ANSWERED_SHARE = Measure(
    Column("answered_share", "Answered %", Kind.SHARE, help="Of the offered", better=1),
    ("answered_in", "offered"), share("answered_in", "offered"),
)  # fmt: skip
ABANDONED = Measure(
    Column("abandoned", "Abandoned", help="Incoming calls that ended before a person answered",
           opens={"counted": "abandoned"}, better=-1),
    ("abandoned",),
)  # fmt: skip
UNRETURNED = Measure(
    Column("unreturned", "Unreturned", help="Abandoned, and nobody has spoken with that number since",
           opens={"counted": "unreturned"}, better=-1),
    ("unreturned",),
)  # fmt: skip
LEVEL = Measure(
    Column("service_level", "Service level", Kind.SHARE,
           help="Answered within the feed's target, of those answered or abandoned but for short ones", better=1),
    _LEVEL, service_level,
)  # fmt: skip
ANSWER_TIME = Measure(
    Column("time_to_answer", "Time to answer", Kind.SECONDS, help="On average, until a person answered", better=-1),
    ("to_answer", "to_person", "handled"), _whole_seconds,
)  # fmt: skip
MADE = Measure(Column("made", "Made", help="Outgoing calls", opens={"counted": "made"}), ("made",))
NO_ANSWER = Measure(
    Column(
        "no_answer", "No answer", help="Outgoing calls that ended without an answer", opens={"counted": "no_answer"}
    ),
    ("no_answer",),
)
TALK = Measure(Column("talk", "Talk", Kind.SECONDS, opens={}), ("talk",))
HOLD = Measure(Column("hold", "Hold", Kind.SECONDS, opens={}), ("hold",))
AVERAGE_TALK = Measure(
    Column("average_talk", "Average talk", Kind.SECONDS, help="Talk over the answered calls, either way"),
    ("talk", "answered"), average("talk", "answered"), ("talk", "answered"),
)  # fmt: skip
CALLS = Measure(Column("calls", "Calls", help="Either way", opens={}, bar=True), ("calls",))
LOST = Measure(Column("lost", "Lost", help="In a transfer or on hold", opens={"counted": "lost"}, better=-1), ("lost",))
COST = Measure(
    Column("cost", "Cost", Kind.MONEY, help="What the carrier charges"), ("cost", *_CURRENCIES), amount("cost")
)
RECHARGE = Measure(
    Column("recharge", "Recharge", Kind.MONEY, help="The cost with the tariff's mark-up"),
    ("recharge", *_CURRENCIES), amount("recharge"),
)  # fmt: skip
CURRENCY = Measure(
    Column("currency", "Currency", Kind.TEXT), _CURRENCIES,
    lambda sums: (sums["first_currency"] or "") if sums["first_currency"] == sums["last_currency"] else SEVERAL,
)  # fmt: skip
UNRATED = Measure(
    Column("unrated", "Unrated", help="Without a cost, for want of a price", opens={"cost": "unrated"}, better=-1),
    ("unrated",),
)
