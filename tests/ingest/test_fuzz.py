"""Bytes that resemble a feed, through framing, parser, clock and fold. `script/fuzz` draws many more of them."""

import re
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from calls.assembly import fold
from calls.records import Event, EventName
from ingest.clock import Resolver
from ingest.framing import Fault, LineFramer
from ingest.smdr import MalformedLine, ParsedLine, parse
from ingest.strangers import recognise
from tests.examples import examples
from tests.ingest.lines import DOCUMENT_EXAMPLE, smdr_line

LONDON = ZoneInfo("Europe/London")
LIMIT = 4_096
WIDTHS = (19, 5, 22, 7, 7, 7, 15, 16, 15, 12, 12, 14)  # docs/feed.md, in order
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
NUMBER_LIKE = (3, 4, 5, 6, 8, 10)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=14)
calls = st.sampled_from(["2026032900595000000001", "2026102501500000000002", "A-17".ljust(22)])
events = st.sampled_from([*(name.value for name in EventName), "CALLCONNECTE", "PARKED", ""])
stamps = st.sampled_from(
    ["2026-03-29 12:59:50", "2026-03-29 01:30:00", "2026-10-25 01:50:00", "2026-10-25 01:05:00", "2026-11-20 12:00:05",
     "2026-11-20 11:59:50", "2026-13-01 00:00:00", "1970-01-01 00:00:00", "2099-12-31 11:59:59"]
)  # fmt: skip
devices = st.sampled_from(["1840", "1843", "1890", ""])


@st.composite
def likely_lines(draw: st.DrawFn) -> bytes:
    """A line as a PBX might write it, with names of any text in one of several encodings, and then perhaps damaged."""
    name = draw(texts)
    encoding = draw(st.sampled_from(["utf-8", "cp1252", "latin-1", "utf-16"]))
    line = smdr_line(
        stamp=draw(stamps),
        direction=draw(st.sampled_from(["IN", "OUT"])),
        call_id=draw(calls),
        extension=draw(devices),
        source_extension=draw(devices),
        contact_name=name.encode(encoding, "replace").decode("latin-1")[:14],
        did_name=draw(st.sampled_from(["", "Büro", "a | b", None])),
        event=draw(events),
        padding=draw(st.sampled_from("0 *-")),
        encoding="latin-1",
    )
    if draw(st.booleans()):
        place, cut = draw(st.integers(0, len(line))), draw(st.integers(0, 3))
        line = line[:place] + draw(st.binary(max_size=4)) + line[place + cut :]
    return line


streams = st.lists(
    st.one_of(
        likely_lines(),
        st.sampled_from(
            [DOCUMENT_EXAMPLE, b"GET / HTTP/1.1", b"\x16\x03\x01\x02\n\x01", b"R\0\0\0TLC 11202 94003", b"x" * 5_000]
        ),
        st.binary(max_size=200),
    ),
    max_size=12,
).flatmap(lambda lines: st.sampled_from([b"\r\n", b"\n", b""]).map(lambda end: b"".join(line + end for line in lines)))
cuts = st.lists(st.integers(0, 6_000), max_size=20)


def framed(data: bytes, places: list[int]) -> list[tuple[bytes, int]]:
    framer, frames = LineFramer(LIMIT), []
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    for start, end in pairwise(edges):
        frames += framer.feed(data[start:end])
        assert framer.pending_bytes <= LIMIT + 1
        assert framer.is_mid_line or not framer.pending_bytes
    return frames + framer.close()


@examples(150)
@given(streams, cuts)
def test_frames_do_not_depend_on_segments_and_lose_no_byte(data, places):
    frames = framed(data, places)
    assert frames == framed(data, [])
    assert all(line and b"\n" not in line and len(line) <= LIMIT for line, _ in frames)
    lines = [raw for raw in data.split(b"\n") if raw.removesuffix(b"\r")]
    assert [line for line, fault in frames if fault != Fault.OVERLONG] == [
        raw.removesuffix(b"\r") for raw in lines if len(raw.removesuffix(b"\r")) <= LIMIT
    ]


def by_definition(text: str, padding: str) -> tuple[str, ...] | None:
    """The elements of a line of 162 ASCII characters by the table of docs/feed.md; None if it is no event."""
    elements, place = [], 0
    for number, width in enumerate(WIDTHS):
        elements.append(text[place : place + width])
        place += width
        if number < len(WIDTHS) - 1:
            if text[place : place + 1] != " ":
                return None
            place += 1
    if place != len(text) or elements[1] not in {"|IN |", "|OUT|"} or not STAMP.fullmatch(elements[0]):
        return None
    framed_in_bars = [elements[7], elements[11]] + ([elements[9]] if elements[9].strip() else [])
    if any(element[0] != "|" or element[-1] != "|" for element in framed_in_bars):
        return None
    if not elements[2].strip() or not elements[11][1:-1].strip():
        return None
    for number in NUMBER_LIKE:
        elements[number] = elements[number].lstrip(padding).strip()
    return tuple(elements)


def told(parsed: ParsedLine) -> tuple[str, ...]:
    return (parsed.trunk, parsed.extension, parsed.source_extension, parsed.number, parsed.did, parsed.account_code)


def read(line: bytes, padding: str) -> tuple[ParsedLine | None, MalformedLine | None]:
    try:
        return parse(line, padding), None
    except MalformedLine as refused:
        return None, refused


@examples(300)
@given(likely_lines(), st.sampled_from("0 *-"))
def test_what_the_parser_reads_is_what_the_table_says(line, padding):
    parsed, refused = read(line, padding)
    if refused:
        assert refused.reason
        assert refused.detail.endswith((".", "?"))
        assert len(refused.detail) <= 200
        if line.isascii() and b"\0" not in line and not recognise(line):
            defined = by_definition(line.decode("ascii"), padding)
            assert defined is None or refused.reason == "bad_timestamp"  # a day that no calendar has
        return
    assert parsed
    assert parsed.stamp == line[:19].decode("ascii")
    if line.isascii() and len(line) == 162:
        defined = by_definition(line.decode("ascii"), padding)
        assert defined is not None
        assert told(parsed) == tuple(defined[number] for number in NUMBER_LIKE)
        assert parsed.call_id == defined[2]
        assert parsed.contact_name == defined[7][1:-1].strip()
        assert parsed.number_raw == line[73:88].decode("ascii")


@examples(150)
@given(
    st.lists(likely_lines(), min_size=1, max_size=14), st.sampled_from([0, 1]), st.sampled_from(["auto", "12", "24"])
)
def test_whatever_the_lines_say_their_calls_add_up(lines, origin, mode):
    resolver = Resolver(LONDON, mode)
    by_call: dict[str, list[Event]] = {}
    received_us = 1_793_000_000_000_000
    for sequence, line in enumerate(lines, 1):
        try:
            said = parse(line)
        except MalformedLine:
            continue
        found = by_call.setdefault(said.call_id, [])
        previous = found[-1].at if found else None
        resolved = resolver.resolve(said.stamp, said.call_id, origin, received_us + sequence, previous)
        found.append(
            Event(
                said.call_id, line, 1, received_us + sequence, 1, sequence, 1, resolved.at, resolved.rule,
                resolved.id_started_at, said.name, said.direction, said.trunk, said.extension, said.source_extension,
                said.number_raw, said.number, said.contact_name, said.did, said.did_name, said.account_code,
                said.flags | resolved.flags,
            )
        )  # fmt: skip
    for found in by_call.values():
        call = fold(found, {"1890": "group"})
        parts = call.ring_seconds + call.queue_seconds + call.talk_seconds + call.hold_seconds
        assert parts == (call.ended_at or call.last_event_at) - call.started_at
        assert min(call.ring_seconds, call.queue_seconds, call.talk_seconds, call.hold_seconds) >= 0
        assert call.legs
        assert fold(list(reversed(found)), {"1890": "group"}) == call
