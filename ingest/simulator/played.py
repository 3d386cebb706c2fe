"""One call as the simulated PBX plays it: every verb sends a line and writes down what really happened.

The account is the PBX's own knowledge of who rang, waited, talked and held, and when. Nothing here reads the
lines back, and nothing is shared with the product's assembly of calls: the two check each other.
"""

from typing import TYPE_CHECKING, Any

from ingest.simulator.lines import CONTACT_WIDTH, DID_NAME_WIDTH, NO_DID_NAME, did_name_element, event_element, utc_text

if TYPE_CHECKING:
    from ingest.simulator.office import Office
    from ingest.simulator.outside import Party

QUEUED = event_element("QUEUED")
RINGING = event_element("RINGING")
DIVERTED = event_element("DIVERTED")
ANSWERED = event_element("ANSWERED")
HOLD = event_element("HOLD")
CONNECTED = event_element("CONNECTED")
CONNECTED_OF_OLD = event_element("CALLCONNECTED")
TRANSFERRED = event_element("TRANSFERRED")
CALLMODIFIED = event_element("CALLMODIFIED")
DISCONNECTED = event_element("DISCONNECTED")

STATE_OF_DOING = {"queue": "queued", "ring": "ringing", "talk": "talking", "hold": "held"}


class Spent:
    """Whole seconds spent on each of queue, ring, talk and hold. `idle` counts for nothing."""

    __slots__ = ("doing", "hold", "idle", "queue", "ring", "since", "talk")

    def __init__(self, doing: str, at: int) -> None:
        self.queue = self.ring = self.talk = self.hold = self.idle = 0
        self.doing = doing
        self.since = at

    def turn_to(self, doing: str, at: int) -> None:
        setattr(self, self.doing, getattr(self, self.doing) + at - self.since)
        self.doing = doing
        self.since = at

    def seconds(self) -> dict[str, int]:
        return {
            "ring_seconds": self.ring,
            "queue_seconds": self.queue,
            "talk_seconds": self.talk,
            "hold_seconds": self.hold,
        }


class PlayedLeg:
    """One device's part of a played call."""

    __slots__ = ("answered_at", "began_by", "ended_at", "extension", "from_extension", "outcome", "spent", "started_at")

    def __init__(self, extension: str, began_by: str, from_extension: str, doing: str, at: int) -> None:
        self.extension = extension
        self.began_by = began_by
        self.from_extension = from_extension
        self.started_at = at
        self.answered_at: int | None = None
        self.ended_at: int | None = None
        self.outcome = "in_progress"
        self.spent = Spent(doing, at)

    def leave(self, outcome: str, at: int) -> None:
        self.spent.turn_to("idle", at)
        self.ended_at = at
        self.outcome = outcome


class PlayedCall:
    """A trunk call. Its verbs happen at the office's present second."""

    __slots__ = (
        "_did_name_element", "_head", "_tail", "account_code", "answered_at", "answered_by", "call_id",
        "contact_name", "device", "did", "did_name", "direction", "diversions", "ended_at", "handled_at",
        "handled_by", "holds", "in_transit", "last_event_at", "legs", "number", "office", "on_hold", "spent",
        "started_at", "transfers", "trunk",
    )  # fmt: skip

    def __init__(
        self, office: "Office", direction: str, trunk: str, party: "Party", did: str = "", did_name: str = ""
    ) -> None:
        self.office = office
        self.direction = direction
        self.trunk = trunk
        self.number = party.number
        self.contact_name = party.name
        self.did = did
        self.did_name = did_name
        self.account_code = ""
        if direction == "in":
            self._did_name_element = did_name_element(did_name)
        else:
            self._did_name_element = b"" if office.chance(0.4) else NO_DID_NAME
        self.call_id = office.new_call_id()
        self.started_at = self.last_event_at = office.now
        self.answered_at: int | None = None
        self.answered_by = ""
        self.handled_at: int | None = None
        self.handled_by = ""
        self.ended_at: int | None = None
        self.device = ""
        self.legs: list[PlayedLeg] = []
        self.spent: Spent | None = None
        self.transfers = self.diversions = self.holds = 0
        self.on_hold = self.in_transit = False
        self._head = office.elements.head(direction, self.call_id, trunk)
        self._tail = b""
        self._write_tail()
        office.call_began(self)

    # What a PBX does with a call

    def queue(self, device: str) -> None:
        """The caller waits at a hunt group, or camped on at a busy extension."""
        self._send(QUEUED, device)
        self._at(device).spent.turn_to("queue", self.office.now)
        self._become("queue")

    def ring(self, device: str) -> None:
        """The device alerts: at first, for a group, after a transfer, or as a recall to the one who held."""
        self._send(RINGING, device)
        now = self.office.now
        ringing = self._at(device)
        for leg in self.legs:
            if leg.ended_at is None and leg.spent.doing == "queue":
                leg.spent.turn_to("idle", now)
        ringing.spent.turn_to("ring", now)
        self._become("ring")

    def stop_ringing(self, device: str) -> None:
        """The PBX gives up on a device, to ring another at this same second. Sends nothing by itself."""
        self._at(device).leave("missed", self.office.now)

    def connect(self, device: str) -> None:
        """The device takes the call: the first time it is ANSWERED, then CONNECTED."""
        now = self.office.now
        if self.answered_at is None:
            self._send(ANSWERED, device)
            self.answered_at, self.answered_by = now, device
        else:
            self._send(CONNECTED_OF_OLD if self.office.chance(0.15) else CONNECTED, device)
        if self.handled_at is None and self.office.is_person(device):
            self.handled_at, self.handled_by = now, device
        taker = self._at(device, began_by="picked_up")
        for leg in self.legs:
            if leg.ended_at is None and leg is not taker:
                leg.leave("answered_elsewhere", now)
        if taker.answered_at is None:
            taker.answered_at = now
        taker.spent.turn_to("talk", now)
        self._become("talk")
        self.on_hold = self.in_transit = False

    def hold(self, device: str) -> None:
        self._send(HOLD, device)
        self.holds += 1
        self._at(device).spent.turn_to("hold", self.office.now)
        self._become("hold")
        self.on_hold = True

    def divert(self, source: str, device: str) -> None:
        """A forwarding path takes the call from `source`; whoever else rang for it stops ringing."""
        self._send(DIVERTED, device, source)
        self.diversions += 1
        now = self.office.now
        waiting = self.spent is not None and self.spent.doing == "queue"
        self._at(source).leave("diverted", now)
        for leg in self.legs:
            if leg.ended_at is None:
                leg.leave("missed", now)
        self._arrive(device, "diverted", source, "queue" if waiting else "ring")

    def transfer(self, source: str, device: str) -> None:
        """A user passes the call on."""
        self._send(TRANSFERRED, device, source)
        self.transfers += 1
        self._at(source).leave("transferred", self.office.now)
        self._arrive(device, "transferred", source, "ring")
        self.on_hold = False
        self.in_transit = True

    def modify(self, party: "Party | None" = None, account_code: str | None = None) -> None:
        """The caller's number or name, or the account code, changes (or is only said again)."""
        if party is not None:
            self.number, self.contact_name = party.number, party.name
        if account_code is not None:
            self.account_code = account_code
        self._write_tail()
        self._send(CALLMODIFIED, self.device)

    def hang_up(self, *, names_device: bool = True) -> None:
        """The call clears down, whoever did it."""
        now = self.office.now
        self._send(DISCONNECTED, self.device if names_device else "")
        for position, leg in enumerate(self.legs):
            if leg.ended_at is None:
                leg.leave(self._outcome_when_cleared(position, leg), now)
        self._become("idle")
        self.ended_at = now
        self.office.call_ended(self)

    # What the PBX writes down

    def account(self) -> dict[str, Any]:
        """The call by the field names of docs/call-model.md. While in progress its parts run to the last event."""
        bare = self.office.elements.bare
        until = self.last_event_at
        if self.ended_at is None:
            for spent in [self.spent, *(leg.spent for leg in self.legs if leg.ended_at is None)]:
                if spent is not None:
                    spent.turn_to(spent.doing, until)
        answered = self.answered_at is not None
        ended = self.ended_at is not None
        spent = self.spent or Spent("idle", until)
        return {
            "call_id": self.call_id,
            "direction": self.direction,
            "started_at": utc_text(self.started_at),
            "answered_at": utc_text(self.answered_at),
            "answered_by": bare(self.answered_by),
            "handled_at": utc_text(self.handled_at),
            "handled_by": bare(self.handled_by),
            "ended_at": utc_text(self.ended_at),
            "duration_seconds": until - self.started_at if ended else None,
            "state": "ended" if ended else STATE_OF_DOING[spent.doing],
            "outcome": self._outcome(),
            "time_to_answer_seconds": None if self.answered_at is None else self.answered_at - self.started_at,
            **spent.seconds(),
            "billable_seconds": 0 if self.answered_at is None or not ended else until - self.answered_at,
            "trunk": bare(self.trunk),
            "extension": bare(self.legs[0].extension),
            "device": bare(self.device),
            "last_extension": bare(self.device),
            "number": bare(self.number),
            "contact_name": self.contact_name[:CONTACT_WIDTH].rstrip(),
            "account_code": bare(self.account_code),
            "did": bare(self.did),
            "did_name": self.did_name[:DID_NAME_WIDTH].rstrip(),
            "transfers": self.transfers,
            "diversions": self.diversions,
            "holds": self.holds,
            "lost_in_transfer": ended and answered and self.in_transit,
            "lost_on_hold": ended and self.on_hold,
            "partial": False,
            "stale": False,
            "legs": [
                {
                    "extension": bare(leg.extension),
                    "position": position,
                    "began_by": leg.began_by,
                    "from_extension": bare(leg.from_extension),
                    "started_at": utc_text(leg.started_at),
                    "answered_at": utc_text(leg.answered_at),
                    "ended_at": utc_text(leg.ended_at),
                    **leg.spent.seconds(),
                    "outcome": leg.outcome,
                }
                for position, leg in enumerate(self.legs)
            ],
        }

    def _outcome(self) -> str:
        if self.ended_at is None:
            return "in_progress"
        if self.answered_at is not None:
            return "answered"
        return "abandoned" if self.direction == "in" else "no_answer"

    def _outcome_when_cleared(self, position: int, leg: PlayedLeg) -> str:
        if leg.answered_at is not None:
            return "answered"
        unanswered_caller = self.direction == "out" and self.answered_at is None and position == 0
        return "no_answer" if unanswered_caller else "missed"

    def _at(self, device: str, began_by: str = "alerted") -> PlayedLeg:
        """The device's part that is going on, or a new one."""
        for leg in self.legs:
            if leg.ended_at is None and leg.extension == device:
                return leg
        leg = PlayedLeg(device, began_by if self.legs else "initial", "", "idle", self.office.now)
        self.legs.append(leg)
        return leg

    def _arrive(self, device: str, began_by: str, source: str, doing: str) -> None:
        self.legs.append(PlayedLeg(device, began_by, source, doing, self.office.now))
        self._become(doing)

    def _become(self, doing: str) -> None:
        if self.spent is None:
            self.spent = Spent(doing, self.started_at)
        self.spent.turn_to(doing, self.office.now)

    def _write_tail(self) -> None:
        self._tail = self.office.elements.tail(
            self.number, self.contact_name, self.did, self._did_name_element, self.account_code
        )

    def _send(self, event: bytes, device: str, source: str = "") -> None:
        office = self.office
        elements = office.elements
        office.send(
            office.stamp()
            + self._head
            + elements.device(device)
            + b" "
            + (elements.device(source) if source else elements.no_device)
            + self._tail
            + event
        )
        self.last_event_at = office.now
        if device:
            self.device = device
            office.named.add(device)
