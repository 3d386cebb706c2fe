"""A call on one axis of time: what each device did when, and where that lies on a picture.

Pure Python, no Django. Times are whole epoch seconds. A picture drawn in per cent of its width needs no script, no
style attribute and no view box, so its text never stretches.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from calls.assembly import HELD, QUEUED, RINGING, TALKING, _Assembly, in_fold_order
from calls.records import Event, FoldedLeg

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
MOST_TICKS = 6
TICK_AT_END = 93  # per cent: from here a label is set flush with the right end, so that it stays in the picture
WORDS = {QUEUED: "Queued", RINGING: "Ringing", TALKING: "Talking", HELD: "Held"}
# The narrowest widths of a track, in px, for which static/css/calls.css can be asked to show a label.
TRACK_WIDTHS = (280, 420, 560, 720, 880, 1100)
LABEL_PADDING, CHARACTER = 14, 6.8


class Stretch(NamedTuple):
    """One state at one device; `ended` is the present instant where it still lasts."""

    state: str  # queued, ringing, talking, held
    began: int
    ended: int
    is_open: bool = False

    @property
    def seconds(self) -> int:
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class TracedLeg:
    """A leg with its stretches in order of time; of a closed call they add up to the leg's seconds."""

    leg: FoldedLeg
    stretches: list[Stretch]


def trace(events: Iterable[Event], kinds: Mapping[str, str], until: int | None = None) -> list[TracedLeg]:
    """The legs of one call's events and what happened at each; in an open call the present state lasts to `until`.

    Without `until` a call that has no end is closed at its last event, as a stale one is. It is the fold itself,
    watched between its events, so that the picture cannot disagree with the figures.
    """
    ordered, _ = in_fold_order(events)
    began = ordered[0][0]
    assembly = _Assembly(ordered[0][1], kinds)
    found: dict[int, list[Stretch]] = {}
    for at, event in ordered:
        _note(found, assembly, began, at)
        assembly.take(at, event)
        began = max(began, at)
    if assembly.ended_at is None:
        if until is None:
            assembly.result(stale=True)
        else:
            _note(found, assembly, began, max(until, began), is_open=True)
    return [TracedLeg(leg, _joined(found.get(leg.position, []))) for leg in assembly.legs]


def _note(
    found: dict[int, list[Stretch]], assembly: _Assembly, began: int, ended: int, *, is_open: bool = False
) -> None:
    """Whose time passes between two events: the state's owner's and, of ringing, each ringing device's."""
    if assembly.ended_at is not None:
        return
    if assembly.owner is not None and assembly.state != RINGING:
        found.setdefault(assembly.owner.position, []).append(Stretch(assembly.state, began, ended, is_open))
    for position in assembly.ringing:
        found.setdefault(position, []).append(Stretch(RINGING, began, ended, is_open))


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Without empty ones, and with those of one state that touch as one."""
    joined: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda stretch: stretch.began):
        if not stretch.seconds and not stretch.is_open:
            continue
        last = joined[-1] if joined else None
        if last is not None and last.state == stretch.state and last.ended == stretch.began:
            joined[-1] = last._replace(ended=stretch.ended, is_open=stretch.is_open)
        else:
            joined.append(stretch)
    return joined


@dataclass(frozen=True, slots=True)
class Bar:
    """A drawn stretch. `label_from` and `short_from` are the track widths from which a text fits; 0: on none."""

    state: str
    seconds: int
    is_open: bool
    x: str
    width: str
    label: str
    label_from: int
    short: str
    short_from: int

    @property
    def title(self) -> str:
        return f"{self.label} so far" if self.is_open else self.label


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    label: str
    at_end: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """The span from a call's first second to its last (or to now)."""

    began: int
    ended: int

    @property
    def seconds(self) -> int:
        return max(self.ended - self.began, 1)

    def place(self, at: int) -> float:
        """Per cent of the axis from its left end."""
        return 100 * min(max(at - self.began, 0), self.seconds) / self.seconds

    def ticks(self) -> list[Tick]:
        """Round times from the start."""
        step = next((step for step in STEPS if self.seconds / step <= MOST_TICKS), STEPS[-1])
        while self.seconds / step > MOST_TICKS:
            step *= 2
        places = [(at, self.place(self.began + at)) for at in range(0, self.seconds + 1, step)]
        return [
            Tick("100%" if place > TICK_AT_END else per_cent(place), clock(at), place > TICK_AT_END)
            for at, place in places
        ]

    def bars(self, stretches: Sequence[Stretch]) -> list[Bar]:
        return [self._bar(stretch) for stretch in stretches]

    def _bar(self, stretch: Stretch) -> Bar:
        left, right = self.place(stretch.began), self.place(stretch.ended)
        short = clock(stretch.seconds)
        label = f"{WORDS[stretch.state]} {short}"
        share = (right - left) / 100
        return Bar(
            state=stretch.state,
            seconds=stretch.seconds,
            is_open=stretch.is_open,
            x=per_cent(left),
            width=per_cent(right - left),
            label=label,
            label_from=_fits_from(label, share),
            short=short,
            short_from=_fits_from(short, share),
        )


def _fits_from(text: str, share: float) -> int:
    """The narrowest of TRACK_WIDTHS on which `text` fits into that share of the track; 0 where it fits into none."""
    needed = LABEL_PADDING + CHARACTER * len(text)
    return next((width for width in TRACK_WIDTHS if width * share >= needed), 0)


def per_cent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def clock(seconds: int) -> str:
    """4:07, 1:02:33."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
