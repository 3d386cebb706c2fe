import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.framing import Fault, LineFramer
from tests.examples import examples

LIMIT = 20


def frames_of(segments: list[bytes], limit: int = LIMIT) -> tuple[list[tuple[bytes, int]], int]:
    framer = LineFramer(limit)
    frames = [frame for segment in segments for frame in framer.feed(segment)]
    return frames + framer.close(), framer.discarded_bytes


def frames_by_definition(data: bytes, limit: int) -> tuple[list[tuple[bytes, int]], int]:
    """The rules, applied to all the bytes at once."""
    *ended, tail = data.split(b"\n")
    frames, discarded = [], 0
    for raw in [*ended, tail]:
        line = raw.removesuffix(b"\r")
        if len(line) > limit:
            frames.append((raw[:limit], Fault.OVERLONG))
            discarded += len(raw) - limit
        elif line:
            frames.append((line, Fault.NONE))
    last = tail.removesuffix(b"\r")
    if last and len(last) <= limit:
        frames[-1] = (last, Fault.UNTERMINATED)
    return frames, discarded


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (b"one\r\ntwo\r\n", [(b"one", 0), (b"two", 0)]),
        (b"one\ntwo\n", [(b"one", 0), (b"two", 0)]),
        (b"\r\n\n\r\none\n\n", [(b"one", 0)]),
        (b"one\r\r\n", [(b"one\r", 0)]),
        (b"o\rne\r\n", [(b"o\rne", 0)]),
        (b"\r\r\n", [(b"\r", 0)]),
        (b"one\r\ntw", [(b"one", 0), (b"tw", Fault.UNTERMINATED)]),
        (b"one\r", [(b"one", Fault.UNTERMINATED)]),
        (b"\r", []),
        (b"", []),
        ("a\u2028b\x85c\x0bd\x0c\r\n".encode("utf-8"), [("a\u2028b\x85c\x0bd\x0c".encode("utf-8"), 0)]),
        (b"x" * LIMIT + b"\r\n", [(b"x" * LIMIT, 0)]),
        (b"x" * (LIMIT + 1) + b"\nnext\n", [(b"x" * LIMIT, Fault.OVERLONG), (b"next", 0)]),
        (b"x" * (LIMIT + 9) + b"\r\nnext\n", [(b"x" * LIMIT, Fault.OVERLONG), (b"next", 0)]),
        (b"x" * (LIMIT + 1), [(b"x" * LIMIT, Fault.OVERLONG)]),
        (b"x" * (LIMIT + 9), [(b"x" * LIMIT, Fault.OVERLONG)]),
        (b"x" * LIMIT + b"\r", [(b"x" * LIMIT, Fault.UNTERMINATED)]),
    ],
)
def test_lines_end_at_lf_and_faults_are_told(data, frames):
    assert frames_of([data])[0] == frames
    assert frames_of([data[i : i + 1] for i in range(len(data))])[0] == frames


pieces = st.lists(
    st.one_of(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"x" * (LIMIT - 1), b"y" * LIMIT, b"z" * (3 * LIMIT)]),
        st.binary(max_size=2 * LIMIT),
    ),
    max_size=12,
).map(b"".join)


@examples(400)
@given(pieces, st.lists(st.integers(0, 400), max_size=10))
def test_any_split_into_segments_gives_the_same_frames(data, cuts):
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    segments = [data[start:end] for start, end in itertools.pairwise(places)]

    assert frames_of(segments) == frames_by_definition(data, LIMIT)


def test_a_line_before_or_after_an_overlong_one_is_unharmed():
    frames, discarded = frames_of([b"before\r\n" + b"x" * 50, b"x" * 50, b"x\r\naf", b"ter\r\n"])

    assert frames == [(b"before", 0), (b"x" * LIMIT, Fault.OVERLONG), (b"after", 0)]
    assert discarded == 101 + 1 - LIMIT


@pytest.mark.parametrize("segment_bytes", [1, 1460, 1 << 20])
def test_ten_megabytes_without_a_line_end_are_one_frame_in_bounded_memory(segment_bytes):
    total = 10_000_000 if segment_bytes > 1 else 300_000
    segment = b"x" * segment_bytes
    framer, frames, fed, held = LineFramer(), [], 0, 0
    tracemalloc.start()
    while fed < total:
        frames += framer.feed(segment)
        fed += segment_bytes
        held = max(held, framer.pending_bytes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert frames == [(b"x" * 4096, Fault.OVERLONG)]
    assert framer.discarded_bytes == fed - 4096
    assert held <= 4097
    assert peak < 3 * segment_bytes + 100_000
    assert framer.feed(b"\r\nnext\r\n") == [(b"next", 0)]
    assert framer.close() == []


def test_what_is_held_of_an_unended_line_is_told():
    framer = LineFramer()
    framer.feed(b"one\r\ntwo")

    assert framer.pending_bytes == 3


def test_every_fault_has_a_sentence():
    assert all(fault.sentence.endswith(".") for fault in Fault)
