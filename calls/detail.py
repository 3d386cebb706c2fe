"""What the page of one call shows: figures, journey, events in words and as received, details."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from calls.access import Scope
from calls.assembly import in_fold_order
from calls.cost_panel import CostPanel
from calls.directory.models import Extension
from calls.filters import ANY_TIME
from calls.journey import WORDS, Axis, Bar, Tick, clock, trace
from calls.keyset import EPOCH, MICROSECOND
from calls.models import Call, CallEvent
from calls.records import CallState, Direction, Event, Flag, Outcome
from calls.sentences import leg_phrases, tell
from calls.showing import Party, Showing, duration_seconds, hold_seconds, talk_seconds
from calls.words import (
    CLOCK_WORDS,
    FLAG_WORDS,
    LOST_IN_TRANSFER,
    LOST_ON_HOLD,
    OUTCOME_WORDS,
    PARTIAL,
    STALE,
    STATE_WORDS,
)

EVENT_DIFFERS = frozenset({"call_id", "line", "received_us", "at", "id_started_at"})


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One leg: its device, its bars, and how it came out."""

    device: Party
    bars: list[Bar]
    phrase: str

    @property
    def summary(self) -> str:
        """For those who hear the picture."""
        return f"{self.device.name}: {', '.join(bar.title for bar in self.bars) or 'no time'}; {self.phrase}"


@dataclass(frozen=True, slots=True)
class EventLine:
    at: datetime
    sentence: str
    name: str
    after_end: bool
    received_at: datetime
    connection: str
    clock_words: str
    line: str
    flags: list[str]

    @property
    def received_time(self) -> str:
        """To the millisecond."""
        return self.received_at.isoformat(timespec="milliseconds")[11:23]


@dataclass(frozen=True, slots=True)
class Detail:
    label: str
    value: str
    more: str = ""
    url: str = ""


class CallPage:
    def __init__(self, call: Call, scope: Scope, now: datetime) -> None:
        self.call = call
        self.now = now
        self.is_live = call.state != CallState.ENDED
        stored = {event_of(row, call.call_id): row for row in CallEvent.objects.filter(call=call)}
        ordered, _ = in_fold_order(stored)
        self.lines = [stored[event] for _, event in ordered]
        kinds = dict(Extension.objects.filter(feed=call.feed_id).values_list("number", "kind"))
        self.parts = trace(stored, kinds, _epoch(now) if self.is_live else None)
        named = {event.extension for event in self.lines} | {event.source_extension for event in self.lines}
        self.showing = Showing([call], scope, named)
        self.cost = CostPanel(call, scope)
        self.outside = self.showing.outside(call)
        self.inside = self.showing.inside(call)

    @property
    def title(self) -> str:
        ends = (self.outside.name, self.inside.name)
        return " to ".join(ends if self.call.direction == Direction.IN else reversed(ends))

    @property
    def started_at(self) -> datetime:
        return self.showing.local(self.call.started_at)

    @property
    def glyph(self) -> str:
        return self.call.state if self.is_live else self.call.outcome

    @property
    def word(self) -> str:
        return STATE_WORDS[CallState(self.call.state)] if self.is_live else OUTCOME_WORDS[Outcome(self.call.outcome)]

    @property
    def states(self) -> list[str]:
        """Those drawn, for the legend."""
        drawn = {bar.state for track in self.tracks for bar in track.bars}
        return [state for state in WORDS if state in drawn]

    @property
    def figures(self) -> list[Figure]:
        call, so_far = self.call, "so far" if self.is_live else ""
        answered = call.time_to_answer_seconds
        figures = [
            Figure("Duration", clock(duration_seconds(call, self.now)), so_far),
            Figure("Time to answer", "none" if answered is None else clock(answered)),
            Figure("Talk", clock(talk_seconds(call, self.now)), so_far),
            Figure("Held", clock(hold_seconds(call, self.now)), so_far if call.holds else ""),
        ]
        return [*figures, Figure("Cost", self.cost.cost)] if self.cost.is_shown else figures

    @cached_property
    def axis(self) -> Axis:
        ended = self.now if self.call.ended_at is None else self.call.ended_at
        return Axis(_epoch(self.call.started_at), _epoch(ended))

    @property
    def ticks(self) -> list[Tick]:
        return self.axis.ticks()

    @cached_property
    def tracks(self) -> list[Track]:
        phrases = leg_phrases([part.leg for part in self.parts], self._device_name)
        return [
            Track(self.showing.device(self.call, part.leg.extension), self.axis.bars(part.stretches), phrase)
            for part, phrase in zip(self.parts, phrases, strict=True)
        ]

    @cached_property
    def events(self) -> list[EventLine]:
        sentences = tell(self.lines, self._device_name, self.showing.scope.mask, self.showing.scope.mask_name)
        return [
            EventLine(
                at=self.showing.local(event.at),
                sentence=sentence.text,
                name=event.name,
                after_end=sentence.after_end,
                received_at=self.showing.local(event.received_at),
                connection=f"{event.connection:016x}"[-6:],
                clock_words=CLOCK_WORDS.get(event.clock_rule, "unknown rule"),
                line=self.showing.line(event),
                flags=[FLAG_WORDS[name][0] for name in Flag(event.flags).names() if name in FLAG_WORDS],
            )
            for event, sentence in zip(self.lines, sentences, strict=True)
        ]

    @property
    def details(self) -> list[Detail]:
        call, showing = self.call, self.showing
        did, trunk, account = (showing.did(call), showing.trunk(call), showing.account(call))
        number = showing.number(call)
        from_label = "From" if call.direction == Direction.IN else "To"
        return [
            Detail(from_label, self.outside.name),
            Detail(
                "Number",
                number or "withheld",
                "",
                _calls(number=number) if number and not showing.scope.masked_digits else "",
            ),
            Detail("DID", did.name or "none", did.number, _calls(did=call.did) if call.did else ""),
            Detail("Trunk", trunk.name or "none", trunk.number, _calls(trunk=call.trunk) if call.trunk else ""),
            Detail(
                "Account code",
                account.name or "none",
                account.number,
                _calls(account_code=call.account_code) if call.account_code else "",
            ),
            Detail("Department", call.department.name if call.department else "none"),
            Detail("Call ID", call.call_id),
            Detail("Feed", call.feed.name),
        ]

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """Flags in words, each with its meaning."""
        call = self.call
        told = [
            words
            for is_so, words in (
                (call.partial, PARTIAL),
                (call.stale, STALE),
                (call.lost_in_transfer, LOST_IN_TRANSFER),
                (call.lost_on_hold, LOST_ON_HOLD),
            )
            if is_so
        ]
        return told + [FLAG_WORDS[name] for name in call.flag_names if name in FLAG_WORDS]

    def _device_name(self, number: str) -> str:
        return self.showing.device(self.call, number).name


def event_of(row: CallEvent, call_id: str) -> Event:
    """A stored event as the fold takes it."""
    values = {name: getattr(row, name) for name in Event._fields if name not in EVENT_DIFFERS}
    return Event(
        **values,
        call_id=call_id,
        line=bytes(row.line),
        received_us=(row.received_at - EPOCH) // MICROSECOND,
        at=_epoch(row.at),
        id_started_at=None if row.id_started_at is None else _epoch(row.id_started_at),
    )


def _calls(**asked: str) -> str:
    return f"{reverse('calls:list')}?{urlencode({'period': ANY_TIME, **asked})}"


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())
