from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.assembly import fold
from calls.journey import TRACK_WIDTHS, Axis, Stretch, clock, trace
from tests.calls.factories import ABANDONED, JOURNEY, NINE, TALKING, make_events

BEGAN = int(NINE.timestamp())
KINDS = {"1890": "group", "1900": "voicemail"}
SECONDS = {"queued": "queue_seconds", "ringing": "ring_seconds", "talking": "talk_seconds", "held": "hold_seconds"}


def events_of(*steps):
    return make_events(steps, NINE, "2026112409000000000001")


def drawn(*steps, until=None):
    """Each leg's device with its stretches as (state, from, to), in seconds of the call."""
    traced = trace(events_of(*steps), KINDS, None if until is None else BEGAN + until)
    return [
        (
            part.leg.extension,
            [(stretch.state, stretch.began - BEGAN, stretch.ended - BEGAN) for stretch in part.stretches],
        )
        for part in traced
    ]


def test_a_call_through_a_queue_a_hold_and_a_transfer():
    assert drawn(*JOURNEY) == [
        ("1890", [("queued", 0, 34)]),
        ("1840", [("ringing", 34, 41), ("talking", 41, 96), ("held", 96, 132)]),
        ("1848", [("ringing", 34, 41)]),
        ("1843", [("ringing", 132, 139), ("talking", 139, 252), ("held", 252, 268), ("talking", 268, 312)]),
    ]


def test_a_recall_is_ringing_at_the_holder():
    steps = (
        *TALKING,
        (30, "HOLD", "1843"),
        (50, "RINGING", "1843"),
        (55, "CONNECTED", "1843"),
        (60, "DISCONNECTED", "1843"),
    )
    assert drawn(*steps) == [
        ("1843", [("ringing", 0, 9), ("talking", 9, 30), ("held", 30, 50), ("ringing", 50, 55), ("talking", 55, 60)])
    ]


def test_changed_details_do_not_cut_a_stretch():
    steps = (*TALKING, (20, "CALLMODIFIED", "1843"), (40, "DISCONNECTED", "1843"))
    assert drawn(*steps) == [("1843", [("ringing", 0, 9), ("talking", 9, 40)])]


def test_what_lasts_runs_on_to_now_and_is_marked():
    assert drawn(*TALKING, until=100) == [("1843", [("ringing", 0, 9), ("talking", 9, 100)])]
    part = trace(events_of(*TALKING), KINDS, BEGAN + 100)[0]
    assert [stretch.is_open for stretch in part.stretches] == [False, True]


def test_a_stale_call_ends_at_its_last_event():
    steps = (*TALKING, (20, "HOLD", "1843"), (40, "CALLMODIFIED", "1843"))
    assert drawn(*steps) == [("1843", [("ringing", 0, 9), ("talking", 9, 20), ("held", 20, 40)])]


def test_nothing_is_drawn_after_the_end():
    assert drawn(*ABANDONED, (60, "RINGING", "1844")) == [("1843", [("ringing", 0, 25)])]


names = ["QUEUED", "RINGING", "DIVERTED", "ANSWERED", "HOLD", "CONNECTED", "TRANSFERRED", "CALLMODIFIED", "STRANGE"]
devices = st.sampled_from(["1890", "1840", "1843", "1900"])
steps = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([*names, "DISCONNECTED"]), devices, devices | st.just("")),
    min_size=1,
    max_size=14,
)


@given(steps, st.booleans())
def test_the_stretches_of_a_leg_are_its_seconds(steps, in_order):
    events = events_of(*(sorted(steps, key=lambda step: step[0]) if in_order else steps))
    call = fold(events, KINDS, as_of_us=max(event.received_us for event in events))
    traced = trace(events, KINDS)
    assert [part.leg for part in traced] == call.legs
    for part in traced:
        sums = dict.fromkeys(SECONDS.values(), 0)
        for stretch in part.stretches:
            sums[SECONDS[stretch.state]] += stretch.seconds
        assert sums == {name: getattr(part.leg, name) for name in sums}


@given(steps, st.integers(0, 1000))
def test_the_stretches_of_a_leg_never_overlap_its_own_ringing_apart(steps, until):
    for part in trace(events_of(*steps), KINDS, BEGAN + until):
        by_state = [stretch for stretch in part.stretches if stretch.state != "ringing"]
        assert all(left.ended <= right.began for left, right in pairwise(by_state))


def test_bars_lie_in_per_cent_of_the_axis():
    axis = Axis(BEGAN, BEGAN + 200)
    ring, talk = axis.bars([Stretch("ringing", BEGAN, BEGAN + 9), Stretch("talking", BEGAN + 9, BEGAN + 200)])
    assert (ring.x, ring.width, talk.x, talk.width) == ("0%", "4.5%", "4.5%", "95.5%")
    assert (talk.label, talk.short) == ("Talking 3:11", "3:11")
    assert talk.label_from == TRACK_WIDTHS[0]
    assert ring.label_from == 0
    assert Stretch("held", 0, 5, is_open=True).seconds == 5


def test_an_open_bar_says_so():
    (bar,) = Axis(0, 10).bars([Stretch("talking", 0, 10, is_open=True)])
    assert bar.title == "Talking 0:10 so far"


@given(st.integers(0, 10**7))
def test_ticks_are_few_and_round_and_inside(seconds):
    ticks = Axis(0, seconds).ticks()
    assert 1 <= len(ticks) <= 8
    assert ticks[0].label == "0:00"
    assert all(0 <= float(tick.x.removesuffix("%")) <= 100 for tick in ticks)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bar_never_leaves_the_picture(span, began, lasts):
    (bar,) = Axis(0, span).bars([Stretch("held", began, began + lasts)])
    left, width = float(bar.x.removesuffix("%")), float(bar.width.removesuffix("%"))
    assert 0 <= left <= 100
    assert 0 <= width <= 100
    assert left + width <= 100.01


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59, "0:59"), (247, "4:07"), (3753, "1:02:33"), (90000, "25:00:00")]
)
def test_lengths_of_time_read_as_people_write_them(seconds, text):
    assert clock(seconds) == text
