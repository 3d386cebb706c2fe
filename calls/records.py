"""What passes between the rooms: one event of a call, and what a fold of its events yields.

Pure Python, no Django. Instants are UTC: whole epoch seconds (``at``, ``*_at``) or, for the
moment of receipt, epoch microseconds (``received_us``). Durations are whole seconds.
"""

from dataclasses import dataclass
from enum import IntFlag, StrEnum, auto
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

new_tuple = tuple.__new__
"""A NamedTuple of its class and values, unchecked: by a call of the class it takes three times as long."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class EventName(StrEnum):
    """The event types of an SMDR line. Any other name is stored and changes no state."""

    QUEUED = "QUEUED"
    RINGING = "RINGING"
    DIVERTED = "DIVERTED"
    ANSWERED = "ANSWERED"
    HOLD = "HOLD"
    CONNECTED = "CONNECTED"  # also sent as CALLCONNECTED, or cut to CALLCONNECTE
    TRANSFERRED = "TRANSFERRED"
    CALLMODIFIED = "CALLMODIFIED"
    DISCONNECTED = "DISCONNECTED"


class DeviceKind(StrEnum):
    PERSON = "person"
    GROUP = "group"
    ATTENDANT = "attendant"
    VOICEMAIL = "voicemail"
    ANNOUNCEMENT = "announcement"
    TRUNK = "trunk"


class CallState(StrEnum):
    QUEUED = "queued"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


class Outcome(StrEnum):
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    NO_ANSWER = "no_answer"
    UNKNOWN = "unknown"


class BeganBy(StrEnum):
    INITIAL = "initial"
    DIVERTED = "diverted"
    TRANSFERRED = "transferred"
    ALERTED = "alerted"
    PICKED_UP = "picked_up"


class LegOutcome(StrEnum):
    ANSWERED = "answered"
    MISSED = "missed"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    DIVERTED = "diverted"
    TRANSFERRED = "transferred"
    NO_ANSWER = "no_answer"
    IN_PROGRESS = "in_progress"


class Flag(IntFlag):
    """Anomalies, stored as one bit mask and shown by name (lower case). Never renumber."""

    # of an event's clock (ingest.clock)
    CLOCK_LATER_CANDIDATE = auto()  # no candidate fitted: the later one was taken
    CLOCK_NO_ID_TIME = auto()  # the call id holds no valid time
    CLOCK_ID_DISAGREES = auto()  # receipt and call id point to different half-days
    CLOCK_MISSING_HOUR = auto()  # a local time that spring skipped, shifted forward
    CLOCK_REPEATED_HOUR = auto()  # a local time that autumn repeats
    # of a line's elements (ingest.smdr)
    UNKNOWN_EVENT = auto()
    NUMBER_FULL_WIDTH = auto()  # fills all 15 places: it may be cut
    NUMBER_AMBIGUOUS = auto()  # national and international readings are both valid
    # of a call (calls.assembly)
    TRUNK_CHANGED = auto()
    SECOND_ANSWER = auto()
    EVENT_AFTER_END = auto()
    EVENT_WHILE_TALKING = auto()  # RINGING, QUEUED or DIVERTED while talking
    OUT_OF_ORDER = auto()  # an event was received later than one with a later time
    DIRECTION_CHANGED = auto()
    COUNT_LIMITED = auto()  # a count or duration outgrew its column and was capped
    ANSWER_UNSEEN = auto()  # no ANSWERED: the first CONNECTED, or an incoming call's HOLD, was taken for it

    def names(self) -> list[str]:
        return [flag.name.lower() for flag in self if flag.name]


class Event(NamedTuple):
    """One stored SMDR line, resolved in time. Text elements have their padding stripped.

    A NamedTuple, not a frozen dataclass: half a million a file are made, and it costs a third.
    """

    # identity within the feed: (call_id, line, n)
    call_id: str
    line: bytes  # as received, without the line end
    n: int  # nth occurrence of the line within its connection, from 1
    # arrival of the first copy
    received_us: int
    journal: int
    sequence: int
    connection: int
    # the resolved clock
    at: int
    clock_rule: int  # ingest.clock.ClockRule
    id_started_at: int | None  # start in the call id, read nearest to `at`; None: not to be judged
    # elements
    name: str  # an EventName's value, or an unknown name as received
    direction: str  # a Direction's value
    trunk: str
    extension: str
    source_extension: str
    number_raw: str  # the 15 characters as received
    number: str
    contact_name: str
    did: str
    did_name: str
    account_code: str
    flags: int  # Flag bits of this event's clock and elements


def line_hash(line: bytes) -> int:
    """64 bits that stand for the line within its call, as a signed integer."""
    return int.from_bytes(blake2b(line, digest_size=8).digest(), "big", signed=True)


_received = Event._fields.index("received_us")
arrival = itemgetter(slice(_received, _received + 3))  # receipt, journal, sequence
"""The order in which events came in."""


@dataclass(slots=True)
class FoldedLeg:
    """One device's part of a call (docs/call-model.md, Leg)."""

    extension: str
    position: int  # from 0, in order of beginning
    began_by: str
    from_extension: str
    started_at: int
    answered_at: int | None
    ended_at: int | None  # null while in progress
    ring_seconds: int
    queue_seconds: int
    talk_seconds: int
    hold_seconds: int
    outcome: str


@dataclass(slots=True)
class FoldedCall:
    """What the events of one call say, whatever their order of arrival (docs/call-model.md, Call)."""

    call_id: str
    direction: str
    state: str
    state_since: int
    outcome: str
    started_at: int
    answered_at: int | None
    answered_by: str
    handled_at: int | None
    handled_by: str
    ended_at: int | None
    last_event_at: int  # of the last event up to the end that counts
    duration_seconds: int | None
    time_to_answer_seconds: int | None
    ring_seconds: int
    queue_seconds: int
    talk_seconds: int
    hold_seconds: int
    billable_seconds: int
    trunk: str
    extension: str
    device: str
    last_extension: str
    from_extension: str  # where the present leg came from, if it was diverted or transferred
    number_raw: str
    number: str
    contact_name: str
    did: str
    did_name: str
    account_code: str
    transfers: int
    diversions: int
    holds: int
    lost_in_transfer: bool
    lost_on_hold: bool
    partial: bool
    stale: bool
    flags: int
    legs: list[FoldedLeg]
