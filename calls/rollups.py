"""Roll-ups: sums of ended calls, kept right in the transaction that changes a call (docs/decisions/0012).

The store tells what a call was before and what it is after; the difference is added to the rows of its hour, day and
month, of legs of its year, too. Whatever changes a call — late lines, a sweep, other kinds of devices, new prices — so
corrects them. A feed's rows are written under its lock only, and in the order of their key. Live calls are in none:
reports add them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import itemgetter, neg
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from calls.chargeback import Part, allocated, shares
from calls.costing.models import Chargeback, CostingChoice
from calls.directory.models import Feed, FeedState
from calls.models import Call, CallRollup, CostStatus, Facet, Grain, LegRollup, NumberRollup
from calls.periods import day_start, month_start, year_start
from calls.records import CallState, Direction, LegOutcome, Outcome
from calls.rows import EPOCH, Row, columns, instant

HOUR_SECONDS, QUARTER_SECONDS = 3600, 900
YEARS_SEEN = range(1980, 2200, 1)
Sums = tuple[int, ...]
Counted = defaultdict[Row, list[Sums]]

# Plain ints and strings: an enum member costs a look-up at every call.
MONTH, YEAR = Grain.MONTH.value, Grain.YEAR.value
WHOLE, DEPARTMENT, TRUNK, DID, ACCOUNT, DESTINATION = map(int, Facet)
IN, ENDED, UNRATED = Direction.IN.value, CallState.ENDED.value, CostStatus.UNRATED.value
ANSWERED, UNKNOWN, MISSED = Outcome.ANSWERED.value, Outcome.UNKNOWN.value, LegOutcome.MISSED.value

CALL_SUMS = (
    "calls", "unknown", "answered", "lost", "talk", "ring", "queue", "hold", "in_time", "short_abandoned", "handled",
    "to_answer", "to_person", "cost", "recharge", "unrated",
)  # fmt: skip
LEG_SUMS = ("legs", "firsts", "talks", "missed", "ring", "talk", "hold", "charged")
NUMBER_SUMS = ("calls", "unknown", "answered", "talk")
CALL_COLUMNS = (*CallRollup.KEY, *CALL_SUMS)
LEG_COLUMNS = (*LegRollup.KEY, *LEG_SUMS)
NUMBER_COLUMNS = (*NumberRollup.KEY, *NUMBER_SUMS)
FACTS = (
    "state", "started_at", "direction", "outcome", "department_id", "currency", "trunk", "did", "account_code",
    "destination_id", "handled_at", "answered_at", "time_to_answer_seconds", "partial", "duration_seconds",
    "talk_seconds", "ring_seconds", "queue_seconds", "hold_seconds", "lost_in_transfer", "lost_on_hold", "cost",
    "recharge", "cost_status", "extension", "last_extension", "number_e164", "number",
)  # fmt: skip
LEG_FACTS = (
    "position", "extension", "answered_at", "outcome", "ring_seconds", "talk_seconds", "hold_seconds",
)  # fmt: skip


class Rules(NamedTuple):
    """On what a feed's roll-ups hang beside its calls. Edited, they are made again (calls/rollup_building.py)."""

    zone: str
    step_seconds: int  # of the rows by hour: a quarter where the zone is not whole hours off
    target_seconds: int
    short_seconds: int
    chargeback: str

    def __str__(self) -> str:
        return "|".join(map(str, self))

    @classmethod
    def read(cls, text: str) -> "Rules":
        return _read(text)

    @classmethod
    def of(cls, feed: Feed) -> "Rules":
        """Those that hold now."""
        choice = CostingChoice.objects.first()
        rule = choice.chargeback if choice else Chargeback.FIRST
        zone = settings.TIME_ZONE
        return cls(zone, step_of(zone), feed.answer_target_seconds, feed.short_call_seconds, str(rule))


_number_sums = itemgetter(*map(CALL_SUMS.index, NUMBER_SUMS))


@lru_cache
def _read(text: str) -> Rules:
    zone, step, target, short, rule = text.split("|")
    return Rules(zone, int(step), int(target), int(short), rule)


@lru_cache
def step_of(zone: str) -> int:
    """The seconds of a row by hour: every hour and every day of the zone's clock begins with one."""
    known = ZoneInfo(zone)
    offsets = (datetime(year, month, 1, tzinfo=UTC).astimezone(known) for year in YEARS_SEEN for month in (1, 7))
    whole = all((at.utcoffset() or timedelta()) % timedelta(hours=1) == timedelta() for at in offsets)
    return HOUR_SECONDS if whole else QUARTER_SECONDS


class Spans:
    """Of which step, local day and local month an instant is, in epoch seconds; what was asked is remembered."""

    def __init__(self, zone: str, step_seconds: int) -> None:
        self._zone, self._step = ZoneInfo(zone), step_seconds
        self._known: dict[int, tuple[int, int]] = {}
        self._months: dict[int, int] = {}
        self._years: dict[int, int] = {}

    def of(self, at: int) -> tuple[int, int]:
        """The begin of its step and of its day."""
        step = at - at % self._step
        known = self._known.get(step)
        if known is None:
            day = instant(step).astimezone(self._zone).date()
            known = self._known[step] = step, int(day_start(day, self._zone).timestamp())
        return known

    def month(self, day: int) -> int:
        """The begin of the month in which a day begins."""
        known = self._months.get(day)
        return self._first(day, month_start, self._months) if known is None else known

    def year(self, day: int) -> int:
        """The begin of the year in which a day begins."""
        known = self._years.get(day)
        return self._first(day, year_start, self._years) if known is None else known

    def _first(self, day: int, first: Callable[[date], date], known: dict[int, int]) -> int:
        begin = day_start(first(instant(day).astimezone(self._zone).date()), self._zone)
        known[day] = int(begin.timestamp())
        return known[day]


@lru_cache(maxsize=8)
def spans(zone: str, step_seconds: int) -> Spans:
    return Spans(zone, step_seconds)


class Rollups:
    """What a transaction of the store changes in one feed's roll-ups. `begin` comes first, in each transaction."""

    def __init__(self, feed_id: int, using: str, state: Sequence[str], leg: Sequence[str]) -> None:
        """`state` and `leg` name the columns of the rows of a call and of a leg that it is told."""
        self._feed_id, self._using = feed_id, using
        self._facts = itemgetter(*map(state.index, FACTS))
        self._leg_facts = itemgetter(*map(leg.index, LEG_FACTS))
        self._state_at = state.index("state")
        self._clear()
        self._since = self._numbered_until = 0
        self._rules: Rules | None = None
        self._spans = spans("UTC", HOUR_SECONDS)

    def _clear(self) -> None:
        self._calls = Counted(list)  # by (facet, start, name, direction, outcome, department, currency)
        self._hours = Counted(list)
        self._legs = Counted(list)
        self._numbers = Counted(list)  # by (grain, start, feed, direction, number)

    def begin(self, state: FeedState) -> None:
        """Take note of the rules by which the locked feed's roll-ups are made, and from when on there are any."""
        self._clear()
        if not state.rolled_by and not Call.objects.using(self._using).filter(feed_id=self._feed_id).exists():
            state.rolled_by = str(Rules.of(Feed.objects.using(self._using).get(pk=self._feed_id)))
            state.rolled_since = EPOCH
            known = {"rolled_by": state.rolled_by, "rolled_since": EPOCH}
            FeedState.objects.using(self._using).filter(pk=self._feed_id).update(**known)
        self._rules = Rules.read(state.rolled_by) if state.rolled_by else None
        if self._rules and state.rolled_since:
            self._spans = spans(self._rules.zone, self._rules.step_seconds)
            self._since = int(state.rolled_since.timestamp())
        self._numbered_until = int(state.numbered_until.timestamp()) if state.numbered_until else 0

    def replace(self, state: Row, legs: Sequence[Row], new_state: Row, new_legs: Sequence[Row]) -> None:
        """A call was this, if anything, and is that. Asks nothing of the database."""
        if self._rules is None:
            return
        if state and state[self._state_at] == ENDED:
            self._count(state, legs, is_taken_off=True)
        if new_state[self._state_at] == ENDED:
            self._count(new_state, new_legs)

    def _count(self, state: Row, legs: Sequence[Row], *, is_taken_off: bool = False) -> None:
        facts = self._facts(state)
        rules = self._rules
        started_at = facts[1]
        if rules is None or self._numbered_until <= started_at < self._since:
            return
        (
            _, _, direction, outcome, department, currency, trunk, did, account, destination, *_, cost, _, _, extension,
            last_extension, number_e164, number,
        ) = facts  # fmt: skip
        department = department or 0
        step, day = self._spans.of(started_at)
        sums = call_sums(facts, rules)
        if is_taken_off:
            sums = tuple(map(neg, sums))
        if started_at < self._numbered_until:
            of_number, whose = _number_sums(sums), (self._feed_id, direction, number_e164 or number)
            self._numbers[MONTH, self._spans.month(day), *whose].append(of_number)
            self._numbers[YEAR, self._spans.year(day), *whose].append(of_number)
        if started_at < self._since:
            return
        self._hours[WHOLE, step, "", direction, "", 0, ""].append(sums)
        self._hours[DEPARTMENT, step, "", direction, "", department, ""].append(sums)
        rest = direction, outcome, 0, currency
        self._calls[DEPARTMENT, day, "", direction, outcome, department, currency].append(sums)
        self._calls[TRUNK, day, trunk, *rest].append(sums)
        self._calls[DID, day, did, *rest].append(sums)
        self._calls[ACCOUNT, day, account, *rest].append(sums)
        name = "" if destination is None else str(destination)
        self._calls[DESTINATION, day, name, *rest].append(sums)
        rest = direction, outcome, department, currency
        parts = list(map(self._leg_facts, legs))
        for position, device, answered_at, leg_outcome, ring, talk, hold in parts:
            sums = (
                1, int(position == 0), int(answered_at is not None), int(leg_outcome == MISSED),
                ring, talk, hold, 0,
            )  # fmt: skip
            self._legs[day, device, *rest].append(tuple(map(neg, sums)) if is_taken_off else sums)
        if cost:
            talks = [Part(part[1], part[5]) for part in sorted(parts)] if rules.chargeback == Chargeback.TALK else []
            for device, amount in allocated(cost, shares(rules.chargeback, extension, last_extension, talks)).items():
                charged = (0, 0, 0, 0, 0, 0, 0, -amount if is_taken_off else amount)
                self._legs[day, device, *rest].append(charged)

    def write(self) -> None:
        """Add what was counted to the stored rows."""
        feed, month, year = self._feed_id, self._spans.month, self._spans.year
        days, months = _summed(self._calls), Counted(list)
        for (facet, day, *rest), sums in days.items():
            months[facet, month(day), *rest].append(sums)
        groups = ((Grain.HOUR, _summed(self._hours)), (Grain.DAY, days), (Grain.MONTH, _summed(months)))
        rows = [
            (grain, facet, start, feed, *rest, *sums)
            for grain, group in groups
            for (facet, start, *rest), sums in group.items()
            if any(sums)
        ]
        days, months, years = _summed(self._legs), Counted(list), Counted(list)
        for (day, *rest), sums in days.items():
            months[month(day), *rest].append(sums)
            years[year(day), *rest].append(sums)
        legs = [
            (grain, start, feed, *rest, *sums)
            for grain, group in ((Grain.DAY, days), (Grain.MONTH, _summed(months)), (Grain.YEAR, _summed(years)))
            for (start, *rest), sums in group.items()
            if any(sums)
        ]
        numbers = [(*key, *sums) for key, sums in _summed(self._numbers).items() if any(sums)]
        self._clear()
        add_rows(self._using, rows, legs, numbers)


def add_rows(using: str, calls: Iterable[Row], legs: Iterable[Row], numbers: Iterable[Row] = ()) -> None:
    """Add rows of CALL_, LEG_ and NUMBER_COLUMNS to those stored under the same keys, in the order of the keys."""
    columns(using, CallRollup, CALL_COLUMNS).upsert(sorted(calls), CallRollup.KEY, adds=True)
    columns(using, LegRollup, LEG_COLUMNS).upsert(sorted(legs), LegRollup.KEY, adds=True)
    columns(using, NumberRollup, NUMBER_COLUMNS).upsert(sorted(numbers), NumberRollup.KEY, adds=True)


def _summed(group: Counted) -> dict[Row, Sums]:
    """Added up at the end: at each call it takes twice as long."""
    return {
        key: parts[0] if len(parts) == 1 else tuple(map(sum, zip(*parts, strict=True))) for key, parts in group.items()
    }


def call_sums(facts: Row, rules: Rules) -> Sums:
    """One ended call's CALL_SUMS, as calls/counting.py counts. `facts` are its FACTS, instants in epoch seconds."""
    (
        _, started_at, direction, outcome, _, _, _, _, _, _, handled_at, answered_at, to_answer, partial, duration,
        talk, ring, queue, hold, lost_in_transfer, lost_on_hold, cost, recharge, cost_status, *_,
    ) = facts  # fmt: skip
    is_unknown = outcome == UNKNOWN
    is_handled = handled_at is not None or (partial and outcome == ANSWERED)
    is_short = in_time = handled = after_s = person_s = 0
    if direction == IN and not is_unknown:
        if not is_handled:
            is_short = duration is not None and duration <= rules.short_seconds
        elif handled_at is not None and answered_at is not None:
            if handled_at == answered_at:
                handled, after_s = 1, to_answer or 0
                in_time = to_answer is not None and to_answer <= rules.target_seconds
            elif handled_at > answered_at:
                handled, person_s = 1, handled_at - started_at
                in_time = person_s <= rules.target_seconds
    return (
        1, int(is_unknown), int(is_handled and not is_unknown), int(lost_in_transfer or lost_on_hold), talk, ring,
        queue, hold, int(in_time), int(is_short), handled, after_s, person_s, cost or 0, recharge or 0,
        int(cost_status == UNRATED),
    )  # fmt: skip
