"""A call's events for tests, built by hand or drawn by hypothesis, and what a fold of them should give. No Django.

Times are seconds; hand-built calls begin at 0 unless a step says otherwise. Events arrive in the order in which they
are written.
"""

from typing import Any

from hypothesis import strategies as st

from calls.records import Event, FoldedCall, FoldedLeg

CALL_ID = "2026112409000000000001"
KINDS = {"1890": "group", "1891": "group", "1900": "voicemail", "1901": "attendant"}
NAMES = [
    "QUEUED",
    "RINGING",
    "DIVERTED",
    "ANSWERED",
    "HOLD",
    "CONNECTED",
    "TRANSFERRED",
    "CALLMODIFIED",
    "DISCONNECTED",
]
UNKNOWN_NAMES = ["PARKED", ""]
DEVICES = ["1840", "1843", "1848", "1890", "1900"]

PLAIN: dict[str, Any] = {
    "call_id": CALL_ID,
    "line": b"",
    "n": 1,
    "journal": 1,
    "connection": 1,
    "clock_rule": 1,
    "id_started_at": 0,
    "direction": "in",
    "trunk": "92108",
    "source_extension": "",
    "number_raw": "000002079460712",
    "number": "2079460712",
    "contact_name": "",
    "did": "",
    "did_name": "",
    "account_code": "",
    "flags": 0,
}

Step = tuple[Any, ...]
"""(at, name, extension), then the source extension if there is one, then other elements of Event as a dict if any."""


def event(arrival: int, at: int, name: str, extension: str = "", *more: Any, **elements: Any) -> Event:
    """One event that arrived as number `arrival`, at that microsecond."""
    changes = dict(elements)
    for item in more:
        changes |= item if isinstance(item, dict) else {"source_extension": item}
    told = {"received_us": arrival, "sequence": arrival, "at": at, "name": name, "extension": extension}
    return Event(**(PLAIN | told | changes))


def events_of(*steps: Step, **elements: Any) -> list[Event]:
    """The events of these steps; `elements` are every event's, unless a step says otherwise."""
    return [event(arrival, *step[:3], elements, *step[3:]) for arrival, step in enumerate(steps, 1)]


def leg(extension: str, span: tuple[int, int | None], outcome: str, **fields: Any) -> dict[str, Any]:
    """A leg from `span[0]` to `span[1]` seconds; times and texts not told are nought."""
    plain = {
        "began_by": "initial",
        "from_extension": "",
        "answered_at": None,
        "ring_seconds": 0,
        "queue_seconds": 0,
        "talk_seconds": 0,
        "hold_seconds": 0,
    }
    told = {"extension": extension, "started_at": span[0], "ended_at": span[1], "outcome": outcome}
    return plain | told | {LEG_WORDS.get(name, name): value for name, value in fields.items()}


LEG_WORDS = {
    "by": "began_by",
    "source": "from_extension",
    "answered": "answered_at",
    "ring": "ring_seconds",
    "queue": "queue_seconds",
    "talk": "talk_seconds",
    "hold": "hold_seconds",
}


def ended_call(ended_at: int, outcome: str, *legs: dict[str, Any], **fields: Any) -> FoldedCall:
    """A folded call that began at 0 and ended, to be compared as a whole; what is not told is nought."""
    return _folded(
        legs,
        state="ended",
        state_since=ended_at,
        outcome=outcome,
        ended_at=ended_at,
        last_event_at=ended_at,
        duration_seconds=ended_at,
        **fields,
    )


def open_call(state: str, state_since: int, last_event_at: int, *legs: dict[str, Any], **fields: Any) -> FoldedCall:
    """A folded call that began at 0 and is in progress."""
    return _folded(
        legs,
        state=state,
        state_since=state_since,
        outcome="in_progress",
        ended_at=None,
        last_event_at=last_event_at,
        duration_seconds=None,
        **fields,
    )


def _folded(legs: tuple[dict[str, Any], ...], **fields: Any) -> FoldedCall:
    """`device` is where the last leg is, unless told; `answered=(at, device)` is handled too, unless told."""
    answered = fields.pop("answered", (None, ""))
    handled = fields.pop("handled", answered)
    device = fields.pop("device", legs[-1]["extension"])
    plain = {
        "call_id": CALL_ID,
        "direction": "in",
        "started_at": 0,
        "answered_at": answered[0],
        "answered_by": answered[1],
        "handled_at": handled[0],
        "handled_by": handled[1],
        "time_to_answer_seconds": answered[0],
        "ring_seconds": 0,
        "queue_seconds": 0,
        "talk_seconds": 0,
        "hold_seconds": 0,
        "billable_seconds": 0,
        "trunk": "92108",
        "extension": legs[0]["extension"],
        "device": device,
        "last_extension": device,
        "from_extension": "",
        "number_raw": "000002079460712",
        "number": "2079460712",
        "contact_name": "",
        "did": "",
        "did_name": "",
        "account_code": "",
        "transfers": 0,
        "diversions": 0,
        "holds": 0,
        "lost_in_transfer": False,
        "lost_on_hold": False,
        "partial": False,
        "stale": False,
        "flags": 0,
    }
    told = {CALL_WORDS.get(name, name): value for name, value in fields.items()}
    return FoldedCall(
        **(plain | told), legs=[FoldedLeg(position=position, **part) for position, part in enumerate(legs)]
    )


CALL_WORDS = {
    "ring": "ring_seconds",
    "queue": "queue_seconds",
    "talk": "talk_seconds",
    "hold": "hold_seconds",
    "billable": "billable_seconds",
    "source": "from_extension",
}


# Drawn by hypothesis

devices = st.sampled_from([*DEVICES, ""])
kinds = st.dictionaries(
    st.sampled_from(DEVICES), st.sampled_from(["person", "group", "attendant", "voicemail", "announcement", "trunk"])
)
times = st.integers(0, 30) | st.integers(0, 4000) | st.just(5)


@st.composite
def event_soups(draw: st.DrawFn, *, most: int = 14, names: list[str] | None = None) -> list[Event]:
    """Any events of one call, in any order, as they might come over two connections. No two arrive as one."""
    name = st.sampled_from(names or [*NAMES, *NAMES, *UNKNOWN_NAMES])
    direction = draw(st.sampled_from(["in", "out"]))
    shapes = draw(
        st.lists(
            st.tuples(
                times,
                name,
                devices,
                devices,
                st.integers(1, 2),  # connection
                st.integers(0, 3),  # microsecond of receipt: often the same
                st.sampled_from(["", "", "2079460712", "1632960111"]),
                st.sampled_from(["92108", "92108", "92109", ""]),
            ),
            min_size=1,
            max_size=most,
        )
    )
    id_started_at = draw(st.none() | st.integers(0, 20))
    soup = [
        event(
            arrival,
            at,
            said,
            extension,
            source if said in {"DIVERTED", "TRANSFERRED"} else "",
            received_us=1_000_000 + arrival // 3 * 4 + microsecond,
            journal=connection,
            connection=connection,
            direction=direction,
            number=number,
            number_raw=f"{number:0>15}",
            trunk=trunk,
            id_started_at=id_started_at,
        )
        for arrival, (at, said, extension, source, connection, microsecond, number, trunk) in enumerate(shapes)
    ]
    return draw(st.permutations(soup))


@st.composite
def ordered_soups(draw: st.DrawFn, *, most: int = 14) -> list[Event]:
    """A soup whose events arrive in the order of their times, on one connection, and end at most once, at the end."""
    soup = draw(event_soups(most=most, names=[name for name in NAMES if name != "DISCONNECTED"]))
    at = sorted(one.at for one in soup)
    events = [
        one._replace(at=when, received_us=place, sequence=place, journal=1, connection=1)
        for place, (one, when) in enumerate(zip(soup, at, strict=True))
    ]
    if draw(st.booleans()):
        last = events[-1]
        after = draw(st.integers(0, 100))
        events.append(event(len(events), last.at + after, "DISCONNECTED", direction=last.direction, trunk=""))
    return events
