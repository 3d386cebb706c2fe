"""Which abandoned calls wait to be called back: Call.unreturned_number, kept in the transaction that changes a call.

counting.unreturned_as_of says what it means. It hangs on other calls, even of other feeds: one that is answered takes
all calls of its number off that had ended before. To ask that of each abandoned call of a year takes seconds; to keep
it takes a statement or two a batch (docs/decisions/0016-unreturned-calls-are-kept.md).
"""

from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from django.db import connections
from django.db.models import Case, F, Q, Value, When

from calls.counting import CALL_COUNTS, LONGEST_WAIT, NUMBER, unreturned_as_of
from calls.models import Call
from calls.querysets import CallQuerySet
from calls.records import CallState, Direction, Outcome
from calls.rows import Row, run_given

FACTS = (
    "state", "direction", "outcome", "partial", "started_at", "handled_at", "answered_at", "ended_at", "number_e164",
    "number",
)  # fmt: skip
LONGEST_WAIT_SECONDS = int(LONGEST_WAIT.total_seconds())
LOCKS, LOCK_CLASS = 256, 7_716

# Not empty is said in the words of the indexes: SQLite takes those of them whose condition stands in the statement.
LOCK = f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, given.number) FROM given"  # noqa: S608
SPOKEN = """
UPDATE calls_call SET unreturned_number = '' FROM given
WHERE unreturned_number = given.number AND NOT (unreturned_number = '') AND ended_at <= given.until
    AND (number_e164 <> '') = given.is_e164
"""
_SPOKEN_SINCE = (
    "EXISTS (SELECT 1 FROM calls_call s WHERE NOT (s.{number} = '') AND s.{number} = calls_call.{number} AND {spoken})"
)
_HANDLED = "s.started_at >= judged.since AND s.handled_at >= judged.ended_at"  # all of it in the index of numbers
# Few calls are such, and have indexes of their own. With a plain `started_at` SQLite takes those or the index of
# numbers, whichever was made last.
_PARTIAL = (
    "s.partial AND s.outcome = 'answered' AND s.answered_at >= judged.ended_at"
    " AND coalesce(s.started_at, s.started_at) >= judged.since"
)
_BY_E164, _BY_NUMBER = (
    " OR ".join(_SPOKEN_SINCE.format(number=number, spoken=spoken) for spoken in (_HANDLED, _PARTIAL))
    for number in ("number_e164", "number")
)
# First what is due, then who differs: with both in one condition Postgres reads all calls to find the few.
JUDGED = f"""
, due AS {{materialized}} (
    SELECT judged.pk AS pk, CASE
        WHEN judged.number = '' THEN ''
        WHEN CASE WHEN calls_call.number_e164 <> '' THEN {_BY_E164} ELSE {_BY_NUMBER} END THEN ''
        ELSE judged.number END AS number
    FROM {{source}} AS judged JOIN calls_call ON calls_call.id = judged.pk
)
UPDATE calls_call SET unreturned_number = due.number FROM due
WHERE calls_call.id = due.pk AND calls_call.unreturned_number <> due.number
"""  # noqa: S608
_OF_NUMBER = (
    "SELECT c.id AS pk, given.number AS number, c.ended_at AS ended_at, {since} AS since FROM given JOIN calls_call c"
    " ON {joined} WHERE c.direction = 'in' AND c.state = 'ended' AND c.handled_at IS NULL"
    " AND NOT (c.partial AND c.outcome = 'answered') AND c.outcome <> 'unknown'"
)
MATERIALIZED = {"postgresql": "MATERIALIZED", "sqlite": ""}  # which SQLite knows since 3.35
SINCE = {
    "postgresql": "c.ended_at - interval '7 days'",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', c.ended_at, '-7 days')",
}


class Abandoned(NamedTuple):
    """An abandoned call that showed a number, by which it is called back."""

    number: str
    ended_at: int  # epoch seconds


class Spoken(NamedTuple):
    """With whom a call spoke: of its numbers what ended no later than `until` needs no call back."""

    until: int  # epoch seconds
    e164: str
    number: str


class Returns:
    """What a transaction of the store changes. Asks nothing of the database, and needs no answer from it."""

    def __init__(self, using: str, state: tuple[str, ...]) -> None:
        """`state` names the columns of the rows of a call that it is told."""
        self._using = using
        self._facts = itemgetter(*map(state.index, FACTS))
        self._judged: dict[int, Abandoned | None] = {}
        self._spoken: dict[tuple[str, bool], int] = {}  # until when, by number and whether it is of E.164
        self._doubted: set[str] = set()
        self._locked: set[str] = set()

    def begin(self) -> None:
        self._judged, self._spoken, self._doubted, self._locked = {}, {}, set(), set()

    def replace(self, pk: int, state: Row, new_state: Row) -> None:
        """A call was this, if anything, and is that."""
        new_facts, facts = self._facts(new_state), self._facts(state) if state else None
        was, now = abandoned(facts) if facts else None, abandoned(new_facts)
        self._locked.update(one.number for one in (was, now) if one)
        if facts == new_facts:
            return
        if was != now:
            self._judged[pk] = now
        before, after = spoken(facts) if facts else None, spoken(new_facts)
        if before == after:
            return
        if after:
            for key in ((after.e164, True), (after.number, False)):
                if key[0]:
                    self._spoken[key] = max(after.until, self._spoken.get(key, after.until))
        if before and (after is None or after.until < before.until or after[1:] != before[1:]):
            self._doubted.update(filter(None, before[1:]))

    def number_of(self, pk: int) -> str:
        """What a call is inserted with: nobody has called back as it ends, but `write` looks whether somebody has."""
        judged = self._judged.get(pk)
        return judged.number if judged else ""

    def lock(self) -> None:
        """Before any call is written: who holds a call's row must not wait for whoever waits for that row."""
        lock(self._using, self._locked | self._doubted | {number for number, _ in self._spoken})

    def write(self) -> None:
        """When all calls of the transaction are written."""
        if not (self._judged or self._spoken or self._doubted):
            return
        connection = connections[self._using]
        materialized = MATERIALIZED[connection.vendor]
        types = {"number": "text", "is_e164": "bool", "until": "instant"}
        run_given(connection, SPOKEN, types, [(*key, until) for key, until in sorted(self._spoken.items())])
        judged = sorted((pk, *one) if one else (pk, "", 0) for pk, one in self._judged.items())
        run_given(
            connection,
            JUDGED.format(source="given", materialized=materialized),
            {"pk": "int8", "number": "text", "ended_at": "instant", "since": "instant"},
            [(*row, row[2] - LONGEST_WAIT_SECONDS) for row in judged],
        )
        since = SINCE[connection.vendor]
        for joined in ("NOT (c.number_e164 = '') AND c.number_e164 = given.number",
                       "c.number_e164 = '' AND NOT (c.number = '') AND c.number = given.number"):  # fmt: skip
            source = f"({_OF_NUMBER.format(since=since, joined=joined)})"
            doubted = [(number,) for number in sorted(self._doubted)]
            statement = JUDGED.format(source=source, materialized=materialized)
            run_given(connection, statement, {"number": "text"}, doubted)
        self.begin()


def abandoned(facts: Row) -> Abandoned | None:
    """As CALL_COUNTS says it, of a call's FACTS with instants in epoch seconds; None also where no number was shown."""
    state, direction, outcome, partial, _, handled_at, _, ended_at, e164, number = facts
    if direction != Direction.IN or state != CallState.ENDED or handled_at is not None or outcome == Outcome.UNKNOWN:
        return None
    if (partial and outcome == Outcome.ANSWERED) or not (e164 or number):
        return None
    return Abandoned(e164 or number, ended_at)


def spoken(facts: Row) -> Spoken | None:
    _, _, outcome, partial, started_at, handled_at, answered_at, _, e164, number = facts
    at = max(handled_at or 0, (answered_at or 0) if partial and outcome == Outcome.ANSWERED else 0)
    return Spoken(min(at, started_at + LONGEST_WAIT_SECONDS), e164, number) if at and (e164 or number) else None


def lock(using: str, numbers: set[str] | None = None) -> None:
    """Keep other transactions from judging calls of these numbers, or of all, until this one ends.

    Of two feeds at the same time, one's call that ends abandoned and the other's that is answered are not seen by each
    other. On SQLite there is one transaction at a time.
    """
    connection = connections[using]
    if connection.vendor == "postgresql" and (numbers is None or numbers):
        chosen = range(LOCKS) if numbers is None else sorted({crc32(number.encode()) % LOCKS for number in numbers})
        run_given(connection, LOCK, {"number": "int4"}, [(place,) for place in chosen])


def wrong(calls: CallQuerySet) -> CallQuerySet:
    """Those of these calls whose `unreturned_number` is not as a second reckoning has it."""
    due = Case(When(unreturned_as_of(None), then=NUMBER), default=Value(""))
    concerned = calls.filter(CALL_COUNTS["abandoned"] | ~Q(unreturned_number=""))
    found: CallQuerySet = concerned.annotate(due_number=due).exclude(unreturned_number=F("due_number"))
    return found


def set_right(calls: CallQuerySet) -> int:
    """Correct those that are wrong, in a transaction; how many were."""
    lock("default")
    found = dict(wrong(calls).values_list("pk", "due_number"))
    for pk, number in found.items():
        Call.objects.filter(pk=pk).update(unreturned_number=number)
    return len(found)
