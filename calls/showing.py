"""Calls as pages show them: names from the directory, numbers as people write them, hidden digits hidden."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from calls import money
from calls.access import Scope
from calls.directory.models import AccountCode, Contact, Did, Extension, Trunk
from calls.journey import clock
from calls.models import Call, CallEvent, CostStatus
from calls.numbers import display, read_did
from calls.records import CallState, Direction, Outcome
from calls.words import OUTCOME_WORDS, STATE_WORDS

NUMBER_PLACE = slice(73, 88)  # of a line: the outside number
CONTACT_PLACE = slice(90, 104)  # of a line: the contact name


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in a call: a name, a number, or both; `name` falls back on words where neither is known."""

    name: str
    number: str = ""

    def __str__(self) -> str:
        return self.name


class Showing:
    """Names for a page of calls, read in one query a kind, and what a viewer's scope lets be seen of numbers."""

    def __init__(self, calls: Iterable[Call], scope: Scope, devices: Iterable[str] = ()) -> None:
        calls = list(calls)
        self.scope = scope
        self.zone = ZoneInfo(settings.TIME_ZONE)
        feeds = {call.feed_id for call in calls}
        numbers = {device for call in calls for device in _devices(call)} | set(devices)
        self.devices = _names(Extension.objects.filter(feed__in=feeds, number__in=numbers))
        self.trunks = _names(Trunk.objects.filter(feed__in=feeds, number__in={call.trunk for call in calls}))
        self.dids = _names(Did.objects.filter(feed__in=feeds, number__in={call.did for call in calls}))
        self.contacts = dict(
            Contact.objects.filter(number_e164__in={call.number_e164 for call in calls} - {""}).values_list(
                "number_e164", "name"
            )
        )
        self.accounts = dict(
            AccountCode.objects.filter(code__in={call.account_code for call in calls} - {""}).values_list(
                "code", "name"
            )
        )

    def device(self, call: Call, number: str) -> Party:
        name = self.devices.get((call.feed_id, number), "")
        return Party(name, number) if name else Party(number or "Nobody")

    def outside(self, call: Call) -> Party:
        """The other end of the line."""
        number = self.number(call)
        name = self.contact(call) or self.scope.mask_name(call.contact_name)
        if name and name != number:
            return Party(name, number)
        return Party(number or ("Number withheld" if call.direction == Direction.IN else "No number"))

    def contact(self, call: Call) -> str:
        """What the directory calls the outside number; empty if nothing."""
        return self.scope.mask_name(self.contacts.get(call.number_e164, ""))

    def inside(self, call: Call) -> Party:
        """Our end: of an IN call the device it is at, or was at last; of an OUT call its maker."""
        if call.direction == Direction.OUT:
            return self.device(call, call.extension)
        return self.device(call, call.last_extension or call.extension)

    def trunk(self, call: Call) -> Party:
        return _party(self.trunks.get((call.feed_id, call.trunk), ""), call.trunk)

    def did(self, call: Call) -> Party:
        region = call.feed.region_code
        number = display(call.did, read_did(call.did, region), region)
        return _party(self.dids.get((call.feed_id, call.did), "") or call.did_name, number)

    def account(self, call: Call) -> Party:
        return _party(self.accounts.get(call.account_code, ""), call.account_code)

    def number(self, call: Call) -> str:
        """As people write it in the feed's region. The call's feed should have been selected with it."""
        return self.scope.mask(display(call.number, call.number_e164, call.feed.region_code))

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def line(self, event: CallEvent) -> str:
        """The line as received, one character for each byte; the outside number's hidden digits hidden."""
        text = bytes(event.line).decode("latin-1")
        for place, shown in ((NUMBER_PLACE, self.scope.mask), (CONTACT_PLACE, self.scope.mask_name)):
            text = text[: place.start] + shown(text[place]) + text[place.stop :]
        return text


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of the list of calls."""

    pk: int
    url: str
    started_at: datetime  # in the site's time zone
    direction: str
    who: Party
    whom: Party
    glyph: str  # a state, or how an ended call came out
    word: str
    answer: str
    talk: str
    cost: "CostCell"
    is_live: bool


def call_row(call: Call, showing: Showing, now: datetime) -> CallRow:
    is_live = call.state != CallState.ENDED
    return CallRow(
        pk=call.pk,
        url=call.get_absolute_url(),
        started_at=showing.local(call.started_at),
        direction=call.direction,
        who=showing.outside(call),
        whom=showing.inside(call),
        glyph=call.state if is_live else call.outcome,
        word=STATE_WORDS[CallState(call.state)] if is_live else OUTCOME_WORDS[Outcome(call.outcome)],
        answer="" if call.time_to_answer_seconds is None else clock(call.time_to_answer_seconds),
        talk=clock(talk_seconds(call, now)) if call.answered_at else "",
        cost=cost_cell(call),
        is_live=is_live,
    )


@dataclass(frozen=True, slots=True)
class CostCell:
    """A call's cost as a figure, or the word for why it has none; empty while it is not priced."""

    text: str
    note: str = ""
    is_missing: bool = False


def cost_cell(call: Call) -> CostCell:
    if call.cost is not None:
        is_partial = call.cost_status == CostStatus.RATED and call.cost_reason
        note = f"{call.cost_reason.capitalize()}: its beginning was not seen" if is_partial else call.cost_reason
        return CostCell(money.of_a_call(call.cost, call.currency), note)
    if call.cost_status == CostStatus.UNRATED:
        return CostCell("unrated", call.cost_reason, is_missing=True)
    return CostCell("")


def talk_seconds(call: Call, now: datetime) -> int:
    """Talk so far: that of a live call runs on from its last event."""
    return call.talk_seconds + (_since(call.last_event_at, now) if call.state == CallState.TALKING else 0)


def hold_seconds(call: Call, now: datetime) -> int:
    return call.hold_seconds + (_since(call.last_event_at, now) if call.state == CallState.HELD else 0)


def duration_seconds(call: Call, now: datetime) -> int:
    return _since(call.started_at, now) if call.duration_seconds is None else call.duration_seconds


def _since(instant: datetime, now: datetime) -> int:
    return max(int((now - instant).total_seconds()), 0)


def _devices(call: Call) -> set[str]:
    return {call.extension, call.device, call.last_extension, call.answered_by, call.handled_by} - {""}


def _party(name: str, number: str) -> Party:
    return Party(name, number) if name else Party(number)


def _names(entries: QuerySet[Any]) -> dict[tuple[int, str], str]:
    return {(feed, number): name for feed, number, name in entries.values_list("feed_id", "number", "name") if name}
