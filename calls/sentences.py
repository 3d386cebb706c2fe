"""What each event of a call says in plain words. Pure: devices are named by the function passed in."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from calls.journey import clock
from calls.records import BeganBy, Direction, EventName, LegOutcome

Shown = Callable[[str], str]


class Told(Protocol):
    """The part of a stored event that a sentence needs."""

    name: str
    direction: str
    at: datetime
    extension: str
    source_extension: str
    number: str
    contact_name: str
    account_code: str


class Sentence(NamedTuple):
    text: str
    after_end: bool


class _Teller:
    """Follows a call's events in their order; remembers what the next sentence depends on."""

    def __init__(self, device: Shown, number: Shown, contact: Shown) -> None:
        self.device = device
        self.number = number
        self.contact = contact
        self.began_at: datetime | None = None
        self.answered = False
        self.held_by = ""
        self.ended = False
        self.details: dict[str, str] = {}

    def tell(self, event: Told) -> Sentence:
        if self.began_at is None:
            self.began_at = event.at
        after_end = self.ended
        text = self._text(event)
        self.details = {field: getattr(event, field) for field in ("number", "contact_name", "account_code")}
        return Sentence(text, after_end)

    def _text(self, event: Told) -> str:
        here = self.device(event.extension) if event.extension else "no device"
        source = self.device(event.source_extension) if event.source_extension else ""
        match event.name:
            case EventName.QUEUED:
                text = f"Waiting at {here}"
            case EventName.RINGING:
                text = self._rang(event, here)
            case EventName.DIVERTED:
                text = f"Diverted from {source} to {here}" if source else f"Diverted to {here}"
            case EventName.ANSWERED:
                text = self._answered(event, here)
            case EventName.HOLD:
                self.held_by, text = event.extension, f"Held by {here}"
            case EventName.CONNECTED:
                text = self._connected(event, here)
            case EventName.TRANSFERRED:
                self.held_by = ""
                text = f"Transferred by {source} to {here}" if source else f"Transferred to {here}"
            case EventName.CALLMODIFIED:
                text = self._modified(event)
            case EventName.DISCONNECTED:
                text = self._ended(event)
            case _:
                text = f"Unknown event “{event.name}”, kept as it came"
        return text

    def _rang(self, event: Told, here: str) -> str:
        if self.held_by and self.held_by == event.extension:
            return f"Rang back at {here}, which held it"
        if event.direction == Direction.OUT and not self.answered:
            return f"{here} called; ringing outside"
        return f"Rang {here}"

    def _connected(self, event: Told, here: str) -> str:
        is_retrieved = bool(self.held_by) and self.held_by == event.extension
        self.held_by, self.answered = "", True
        return f"Taken off hold by {here}" if is_retrieved else f"Connected to {here}"

    def _ended(self, event: Told) -> str:
        if self.ended:
            return "Ended again"
        self.ended = True
        return f"Ended after {self._elapsed(event)}" + ("" if self.answered else ", not answered")

    def _answered(self, event: Told, here: str) -> str:
        again, self.answered = self.answered, True
        if again:
            return f"Answered again at {here}; the first answer stands"
        if event.direction == Direction.OUT:
            return f"Answered outside after {self._elapsed(event)}"
        return f"Answered by {here} after {self._elapsed(event)}"

    def _modified(self, event: Told) -> str:
        changes = []
        if event.account_code != self.details.get("account_code", ""):
            changes.append(
                f"account code set to {event.account_code}" if event.account_code else "account code cleared"
            )
        if event.number != self.details.get("number", event.number):
            changes.append(f"number now {self.number(event.number)}" if event.number else "number cleared")
        if event.contact_name != self.details.get("contact_name", event.contact_name):
            changes.append(f"name now {self.contact(event.contact_name)}" if event.contact_name else "name cleared")
        if not changes:
            return "Details sent again, unchanged"
        text = ", ".join(changes)
        return text[0].upper() + text[1:]

    def _elapsed(self, event: Told) -> str:
        began = self.began_at or event.at
        return clock(max(int((event.at - began).total_seconds()), 0))


def tell(events: Iterable[Told], device: Shown, number: Shown, contact: Shown) -> list[Sentence]:
    """A sentence for each event, in the given order; a Shown turns what a line holds into what may be shown of it."""
    teller = _Teller(device, number, contact)
    return [teller.tell(event) for event in events]


class Part(Protocol):
    """The part of a leg that its outcome phrase needs."""

    extension: str
    began_by: str
    from_extension: str
    outcome: str


def leg_phrases(legs: Sequence[Part], device: Shown) -> list[str]:
    """How each leg came out: “transferred to Chris Reid”, “answered elsewhere”."""
    phrases = []
    for place, leg in enumerate(legs):
        took_over = {LegOutcome.TRANSFERRED: BeganBy.TRANSFERRED, LegOutcome.DIVERTED: BeganBy.DIVERTED}.get(
            LegOutcome(leg.outcome)
        )
        target = next(
            (
                later.extension
                for later in legs[place + 1 :]
                if later.began_by == took_over and later.from_extension == leg.extension
            ),
            "",
        )
        if took_over and target:
            phrases.append(f"{leg.outcome} to {device(target)}")
        elif leg.outcome == LegOutcome.DIVERTED:
            phrases.append("passed on")
        else:
            phrases.append(leg.outcome.replace("_", " "))
    return phrases
