"""What a call's events say: the fold of events into one call and its legs (docs/call-model.md).

Pure: the result depends on the events with their resolved times and order of arrival, on the devices' kinds and on
the instant of a stale sweep, and on nothing else.

At every moment the call is in one state. The time of `talking`, `held` and `queued` belongs to one leg, so that the
sums over the legs are the call's; only ringing may go on at several devices at once.
"""

from collections.abc import Iterable, Mapping

from calls.event_order import in_fold_order
from calls.legs import DIVERTED as LEG_DIVERTED
from calls.legs import GROUP, Legs
from calls.legs import TRANSFERRED as LEG_TRANSFERRED
from calls.records import (
    BeganBy,
    CallState,
    DeviceKind,
    Direction,
    Event,
    EventName,
    Flag,
    FoldedCall,
    Outcome,
)

__all__ = ["fold", "in_fold_order"]

LATE_START_SECONDS = 5

# Plain strings and ints: an enum member costs a look-up and a slower comparison at every event.
QUEUED, RINGING, TALKING, HELD, ENDED = (
    CallState.QUEUED.value,
    CallState.RINGING.value,
    CallState.TALKING.value,
    CallState.HELD.value,
    CallState.ENDED.value,
)
IN, OUT = Direction.IN.value, Direction.OUT.value
PERSON = DeviceKind.PERSON.value
INITIAL, DIVERTED_TO, TRANSFERRED_TO, ALERTED, PICKED_UP = (
    BeganBy.INITIAL.value,
    BeganBy.DIVERTED.value,
    BeganBy.TRANSFERRED.value,
    BeganBy.ALERTED.value,
    BeganBy.PICKED_UP.value,
)
CALLMODIFIED = EventName.CALLMODIFIED.value
TRANSFERRED = EventName.TRANSFERRED.value
STARTS = frozenset({"QUEUED", "RINGING", "DIVERTED", "ANSWERED"})
PROOFS = frozenset({"HOLD", "CONNECTED", "TRANSFERRED"})
MOVES = frozenset({"DIVERTED", "TRANSFERRED"})

TRUNK_CHANGED = int(Flag.TRUNK_CHANGED)
SECOND_ANSWER = int(Flag.SECOND_ANSWER)
EVENT_AFTER_END = int(Flag.EVENT_AFTER_END)
EVENT_WHILE_TALKING = int(Flag.EVENT_WHILE_TALKING)
DIRECTION_CHANGED = int(Flag.DIRECTION_CHANGED)
ANSWER_UNSEEN = int(Flag.ANSWER_UNSEEN)


def fold(events: Iterable[Event], kinds: Mapping[str, str], as_of_us: int | None = None) -> FoldedCall:
    """The call that these events make, in whatever order they are given; at least one event, all of one call.

    `kinds` maps devices to DeviceKind values, persons may be left out. `as_of_us` (epoch microseconds) is the instant
    of the sweep that found the call stale; it holds only if nothing was received later. No events: ValueError.
    """
    ordered, flags = in_fold_order(events)
    assembly = _Assembly(ordered[0][1], kinds)
    assembly.flags = flags
    for at, event in ordered:
        assembly.take(at, event)
    stale = (
        as_of_us is not None
        and assembly.ended_at is None
        and all(event.received_us <= as_of_us for _, event in ordered)
    )
    return assembly.result(stale)


class _Assembly(Legs):
    """The state of one call while its events are taken in order of time."""

    __slots__ = (
        "account_code", "answer_unseen", "answered_at", "answered_by", "contact_name", "device", "did", "did_name",
        "direction", "diversions", "ended_at", "first", "flags", "handled_at", "handled_by", "has_state", "holds",
        "in_transit", "last_at", "last_device", "lost_in_transfer", "lost_on_hold", "number", "number_raw", "on_hold",
        "partial", "seconds", "seen_waiting", "state", "state_since", "transfers", "trunk",
    )  # fmt: skip

    def __init__(self, first: Event, kinds: Mapping[str, str]) -> None:
        Legs.__init__(self, kinds)
        self.first = first
        self.direction = first.direction
        self.state = RINGING
        self.has_state = False
        self.state_since = self.last_at = first.at
        self.seconds = {QUEUED: 0, RINGING: 0, TALKING: 0, HELD: 0}
        self.answered_at: int | None = None
        self.answered_by = ""
        self.answer_unseen = False
        self.handled_at: int | None = None
        self.handled_by = ""
        self.ended_at: int | None = None
        self.device = ""  # where the call is: what an event is about that names no device
        self.last_device = ""  # what the last event named
        self.trunk = ""
        self.number_raw, self.number = first.number_raw, ""
        self.contact_name = self.did = self.did_name = self.account_code = ""
        self.transfers = self.diversions = self.holds = 0
        self.on_hold = False  # held, and since then not connected and not transferred
        self.in_transit = False  # transferred, and since then not connected
        self.lost_in_transfer = self.lost_on_hold = False
        self.seen_waiting = False
        self.flags = 0
        late = first.id_started_at is not None and first.at - first.id_started_at > LATE_START_SECONDS
        self.partial = first.name not in STARTS or late

    def take(self, at: int, event: Event) -> None:
        """The next event, at the time it counts at.

        Every line's elements are read, but only a known event moves the call: an unknown one, and one without an
        extension, leave it at its device. DIVERTED and TRANSFERRED without an extension move it to a leg that gets its
        name from the next event.
        """
        name = event.name
        self.flags |= event.flags
        if self.ended_at is not None:
            self.flags |= EVENT_AFTER_END
            if name == CALLMODIFIED:
                self._note_changeable(event)
            return
        self._pass_time(at)
        self._note_elements(event)
        extension = event.extension
        if extension:
            self.last_device = extension
        step = STEPS.get(name)
        if step is None:
            self._stay(at, name, extension)
            return
        if extension or (event.source_extension and name in MOVES):
            self.device = extension
        if not self.has_state:
            self.has_state = True
            if name in PROOFS:
                self._prove_answer(at, event)
        step(self, at, self.device, event)

    def result(self, stale: bool) -> FoldedCall:
        """The call as it is after the last event taken; to be asked for once. A stale call ends at that event."""
        first, legs = self.first, self.legs
        ended_at, answered_at = self.ended_at, self.answered_at
        started_at = first.at
        if stale:
            self._clear(self.last_at, first_was_no_answer=self.direction == OUT and answered_at is None)
            ended_at = self.last_at
        elif ended_at is None:
            for position in list(self.ringing):
                self._stop_ringing(legs[position], self.last_at)
        if self.answer_unseen:
            self.flags |= ANSWER_UNSEEN
        seconds = self.seconds
        from_extension = ""
        for leg in legs:
            if leg.extension == self.last_device:
                from_extension = leg.from_extension
        return FoldedCall(
            first.call_id,
            self.direction,
            self.state if ended_at is None else ENDED,
            self.state_since if ended_at is None else ended_at,
            self._outcome(ended_at, stale),
            started_at,
            answered_at,
            self.answered_by,
            self.handled_at,
            self.handled_by,
            ended_at,
            self.last_at,
            None if ended_at is None else ended_at - started_at,
            None if answered_at is None else answered_at - started_at,
            seconds[RINGING],
            seconds[QUEUED],
            seconds[TALKING],
            seconds[HELD],
            0 if ended_at is None or answered_at is None else ended_at - answered_at,
            self.trunk,
            legs[0].extension,
            self.last_device,
            self.last_device,
            from_extension,
            self.number_raw,
            self.number,
            self.contact_name,
            self.did,
            self.did_name,
            self.account_code,
            self.transfers,
            self.diversions,
            self.holds,
            self.lost_in_transfer,
            self.lost_on_hold,
            self.partial,
            stale,
            self.flags,
            legs,
        )

    def _outcome(self, ended_at: int | None, stale: bool) -> str:
        if ended_at is None:
            return Outcome.IN_PROGRESS.value
        if self.answered_at is not None:
            return Outcome.ANSWERED.value
        if stale or (self.partial and not self.seen_waiting):
            return Outcome.UNKNOWN.value
        return Outcome.ABANDONED.value if self.direction == IN else Outcome.NO_ANSWER.value

    # What every event does

    def _pass_time(self, at: int) -> None:
        passed = at - self.last_at
        if passed:
            state, owner = self.state, self.owner
            self.seconds[state] += passed
            if owner is not None:
                if state == TALKING:
                    owner.talk_seconds += passed
                elif state == HELD:
                    owner.hold_seconds += passed
                elif state == QUEUED:
                    owner.queue_seconds += passed
            self.last_at = at

    def _note_elements(self, event: Event) -> None:
        self._note_changeable(event)
        if not self.did:
            self.did = event.did
        if not self.did_name:
            self.did_name = event.did_name
        if event.trunk != self.trunk and event.trunk:
            if self.trunk:
                self.flags |= TRUNK_CHANGED
            else:
                self.trunk = event.trunk
        if event.direction != self.direction:
            self.flags |= DIRECTION_CHANGED

    def _note_changeable(self, event: Event) -> None:
        """What CALLMODIFIED may change. An OUT call's number is the latest up to the answer: that was dialled."""
        if event.contact_name:
            self.contact_name = event.contact_name
        if event.account_code:
            self.account_code = event.account_code
        if event.number and (self.answered_at is None or self.direction == IN):
            self.number, self.number_raw = event.number, event.number_raw

    def _stay(self, at: int, name: str, extension: str) -> None:
        """CALLMODIFIED says where the call is; what an unknown event says of that holds until a known one speaks."""
        if name == CALLMODIFIED and extension:
            self.device = extension
            self._open_leg(extension)
        if not self.legs:
            leg = self._begin(at, self.device, INITIAL)
            leg.extension = extension
            self._ring(leg, at)

    def _prove_answer(self, at: int, event: Event) -> None:
        """HOLD, CONNECTED or TRANSFERRED before anything else was seen: the call was answered before, there.

        A transferred call was answered by its source: that device had it.
        """
        source = event.source_extension
        self.answered_at = at
        self.answered_by = self.device
        if event.name == TRANSFERRED and source:
            self.answered_by = source
            leg = self._open_leg(source) or self._begin(at, source, INITIAL)
            leg.answered_at = at

    def _presume_answer(self, at: int, device: str) -> None:
        """The line ANSWERED is missing between others: the call counts as answered here unless it comes after all.

        The vendor's page calls ANSWERED the first CONNECTED; a talk that counted as abandoned would be neither billed
        nor believed.
        """
        if self.answered_at is None:
            self.answered_at, self.answered_by = at, device
            self.answer_unseen = True

    def _enter(self, at: int, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_since = at

    # The events

    def _on_queued(self, at: int, device: str, event: Event) -> None:
        """At a group the caller waits for a member; at any other device the caller camps on, and it is the same leg."""
        self.seen_waiting = True
        leg = self._open_leg(device)
        if self.state == TALKING:
            self.flags |= EVENT_WHILE_TALKING
            if leg is None:
                self._begin(at, device, ALERTED)
            return
        self._end_ringing(at, spare=leg)
        if leg is None:
            leg = self._begin(at, device, ALERTED if self.legs else INITIAL)
        self._stop_ringing(leg, at)
        self._enter(at, QUEUED)
        self.owner = leg

    def _on_ringing(self, at: int, device: str, event: Event) -> None:
        self.seen_waiting = True
        leg = self._open_leg(device)
        if self.state == TALKING:
            self.flags |= EVENT_WHILE_TALKING
            if leg is not None and leg is self.owner:
                return
        else:
            self._enter(at, RINGING)
        if leg is None:
            leg = self._begin(at, device, ALERTED if self.legs else INITIAL)
        self._alert(at, leg)

    def _on_diverted(self, at: int, device: str, event: Event) -> None:
        """A group's diversion takes the call from its members too; who else rings is told by the next RINGING."""
        self.seen_waiting = True
        self.diversions += 1
        source = event.source_extension
        left = self._open_leg(source) if source else self.owner
        if source and not self.legs:
            left = self._begin(at, source, INITIAL)
        moves = left is not None and left.extension != device
        if self.state == TALKING:
            self.flags |= EVENT_WHILE_TALKING
            if left is not None and moves and left is not self.owner:
                self._close(left, at, LEG_DIVERTED)
            if self._open_leg(device) is None:
                self._ring(self._begin(at, device, DIVERTED_TO, source), at)
            return
        if left is not None and moves:
            self._close(left, at, LEG_DIVERTED)
        leg = self._open_leg(device)
        if self.kinds.get(source) == GROUP:
            self._end_ringing(at, spare=leg)
        if leg is None:
            leg = self._begin(at, device, DIVERTED_TO, source)
        if self.state == QUEUED:
            self.owner = leg
        else:
            self._enter(at, RINGING)
            self._ring(leg, at)
            self.unalerted = leg

    def _on_answered(self, at: int, device: str, event: Event) -> None:
        if self.answered_at is None or self.answer_unseen:
            self.answered_at, self.answered_by = at, device
            self.answer_unseen = False
        else:
            self.flags |= SECOND_ANSWER
        self._on_connected(at, device, event)

    def _on_connected(self, at: int, device: str, event: Event) -> None:
        self._presume_answer(at, device)
        self.on_hold = self.in_transit = False
        if self.handled_at is None and self.kinds.get(device, PERSON) == PERSON:
            self.handled_at, self.handled_by = at, device
        leg = self._open_leg(device) or self._begin(at, device, PICKED_UP if self.legs else INITIAL)
        self._enter(at, TALKING)
        self._take(at, leg)

    def _on_hold(self, at: int, device: str, event: Event) -> None:
        """Only a call that was answered can be held, but for an outgoing one, which may be held while it rings."""
        owner = self.owner
        if self.state == HELD and owner is not None and owner.extension == device:
            return
        self.holds += 1
        self.on_hold = True
        if self.direction == IN:
            self._presume_answer(at, device)
        leg = self._open_leg(device) or self._begin(at, device, PICKED_UP if self.legs else INITIAL)
        self._enter(at, HELD)
        if self.answered_at is not None and leg is not owner:
            self._take(at, leg)
        else:
            self._stop_ringing(leg, at)
            self.owner = leg

    def _on_transferred(self, at: int, device: str, event: Event) -> None:
        self.transfers += 1
        self.in_transit = True
        self.on_hold = False
        source = event.source_extension
        giver = (self._open_leg(source) if source else None) or self.owner
        if giver is not None and giver.extension != device:
            passed_on = giver.answered_at is None and self.kinds.get(giver.extension) == GROUP
            self._close(giver, at, LEG_DIVERTED if passed_on else LEG_TRANSFERRED)
        target = self._open_leg(device)
        self._withdraw(at, spare=target)
        self._enter(at, RINGING)
        if target is None:
            target = self._begin(at, device, TRANSFERRED_TO, source)
        self._ring(target, at)
        self.unalerted = target

    def _on_disconnected(self, at: int, device: str, event: Event) -> None:
        """Lost in transfer and lost on hold are two questions: a call can be both, if a hold is all that followed."""
        if self._open_leg(device) is None and not self.legs:
            self._begin(at, device, INITIAL)
        self.lost_in_transfer = self.in_transit and self.answered_at is not None
        self.lost_on_hold = self.on_hold
        self.ended_at = at
        self._clear(at, first_was_no_answer=self.direction == OUT and self.answered_at is None)


STEPS = {
    "QUEUED": _Assembly._on_queued,
    "RINGING": _Assembly._on_ringing,
    "DIVERTED": _Assembly._on_diverted,
    "ANSWERED": _Assembly._on_answered,
    "CONNECTED": _Assembly._on_connected,
    "HOLD": _Assembly._on_hold,
    "TRANSFERRED": _Assembly._on_transferred,
    "DISCONNECTED": _Assembly._on_disconnected,
}
