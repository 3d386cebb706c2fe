"""What holds for any events at all, sensible or not."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calls.assembly import fold, in_fold_order
from calls.records import BeganBy, CallState, FoldedCall, LegOutcome, Outcome
from tests.calls.strategies import event, event_soups, events_of, kinds, ordered_soups

FOREVER = 2**62
PARTS = ("ring_seconds", "queue_seconds", "talk_seconds", "hold_seconds")
as_of = st.sampled_from([None, FOREVER, 0])


def parts(of: object) -> list[int]:
    return [getattr(of, name) for name in PARTS]


def is_over(call: FoldedCall) -> bool:
    return call.state == "ended"


@given(event_soups(), kinds, as_of)
def test_the_parts_of_a_call_add_up_to_its_duration(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    if is_over(call):
        assert sum(parts(call)) == call.duration_seconds == call.ended_at - call.started_at
    else:
        assert sum(parts(call)) == call.last_event_at - call.started_at
        assert (call.duration_seconds, call.ended_at, call.billable_seconds) == (None, None, 0)


@given(event_soups(), kinds, as_of)
def test_talk_hold_and_queue_of_a_call_are_the_sums_of_its_legs(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    assert call.talk_seconds == sum(leg.talk_seconds for leg in call.legs)
    assert call.hold_seconds == sum(leg.hold_seconds for leg in call.legs)
    assert call.queue_seconds == sum(leg.queue_seconds for leg in call.legs)


@given(event_soups(), kinds, as_of)
def test_no_time_is_negative_and_none_lies_outside_its_call(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    assert all(seconds >= 0 for seconds in [*parts(call), call.billable_seconds, call.time_to_answer_seconds or 0])
    end = call.last_event_at
    assert call.started_at <= end <= max(one.at for one in soup)
    for at in (call.answered_at, call.handled_at, call.ended_at, call.state_since):
        assert at is None or call.started_at <= at <= end
    for leg in call.legs:
        assert all(seconds >= 0 for seconds in parts(leg))
        assert call.started_at <= leg.started_at <= (leg.answered_at or leg.started_at) <= (leg.ended_at or end) <= end
        assert sum(parts(leg)) <= (end if leg.ended_at is None else leg.ended_at) - leg.started_at


@given(event_soups(), kinds, as_of)
def test_at_every_moment_some_device_has_the_call(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    covered = call.started_at
    for leg in call.legs:
        assert leg.started_at <= covered
        covered = max(covered, call.last_event_at if leg.ended_at is None else leg.ended_at)
    assert covered == call.last_event_at


@given(event_soups(), kinds, as_of)
@example(
    events_of(
        (0, "QUEUED", "1840"), (6, "RINGING", "1848"), (6, "DIVERTED", "", "1840"), (7, "QUEUED"), (8, "QUEUED", "1848")
    ),
    {},
    None,
)  # the leg without a name began while 1848 rang: it is not 1848's
def test_legs_are_in_order_and_a_device_is_in_a_call_once_at_a_time(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    assert [leg.position for leg in call.legs] == list(range(len(call.legs)))
    assert all(one.started_at <= other.started_at for one, other in pairwise(call.legs))
    assert call.extension == call.legs[0].extension
    for leg in call.legs:
        others = [other for other in call.legs[leg.position + 1 :] if other.extension == leg.extension]
        assert all(leg.ended_at is not None and leg.ended_at <= other.started_at for other in others)
    if not any(one.extension or one.source_extension for one in soup):
        assert [leg.extension for leg in call.legs] == [""]


@given(event_soups(), kinds, as_of)
def test_every_word_is_of_the_model_and_the_words_agree(soup, kinds, as_of):
    call = fold(soup, kinds, as_of)
    assert call.state in set(CallState)
    assert call.outcome in set(Outcome)
    assert is_over(call) == (call.ended_at is not None) == (call.outcome != "in_progress")
    assert (call.answered_at is not None) == (call.outcome == "answered") or not is_over(call)
    assert call.talk_seconds == 0 or call.answered_at is not None
    if call.state == "talking":
        assert call.answered_at is not None
    assert not (call.lost_in_transfer or call.lost_on_hold) or is_over(call)
    assert not call.stale or not any(one.name == "DISCONNECTED" for one in soup)
    for leg in call.legs:
        assert leg.began_by in set(BeganBy)
        assert leg.outcome in set(LegOutcome)
        assert (leg.outcome == "in_progress") == (leg.ended_at is None)
        assert not is_over(call) or leg.ended_at is not None
        assert leg.outcome != "answered" or leg.answered_at is not None
        assert leg.answered_at is None or call.answered_at is not None


@given(event_soups(), kinds, as_of, st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_given_does_not_matter(soup, kinds, as_of, random):
    other = soup[:]
    random.shuffle(other)
    assert fold(iter(other), kinds, as_of) == fold(soup, kinds, as_of)


@given(event_soups())
def test_an_end_counts_after_all_that_came_before_it_on_its_connection(soup):
    ordered, _ = in_fold_order(soup)
    assert [at for at, _ in ordered] == sorted(at for at, _ in ordered)
    assert sorted(one for _, one in ordered) == sorted(soup)
    place = {one: at for at, one in enumerate(one for _, one in ordered)}
    for end in (one for one in soup if one.name == "DISCONNECTED"):
        for one in soup:
            if one.connection == end.connection and one[3:6] < end[3:6]:
                assert place[one] < place[end]


@given(event_soups(), kinds, st.integers(0, 4000))
def test_an_unknown_event_moves_nothing(soup, kinds, at):
    call = fold(soup, kinds, FOREVER)
    at = min(max(at, call.started_at), call.last_event_at)
    unknown = event(10**6, at, "PARKED", received_us=10**9, trunk="", number="", direction=call.direction, connection=3)
    other = fold([*soup, unknown], kinds, FOREVER)
    assert (other.legs, parts(other), other.outcome) == (call.legs, parts(call), call.outcome)


@given(ordered_soups(), kinds)
def test_what_has_happened_stays_as_a_call_goes_on(events, kinds):
    """Legs that have ended do not change any more, and no part of the time shrinks."""
    calls = [fold(events[:count], kinds) for count in range(1, len(events) + 1)]
    for before, after in pairwise(calls):
        assert all(one <= other for one, other in zip(parts(before), parts(after), strict=True))
        assert before.transfers + before.diversions + before.holds <= after.transfers + after.diversions + after.holds
        for leg in before.legs:
            if leg.ended_at is not None:
                assert after.legs[leg.position] == leg


@given(ordered_soups(), kinds)
def test_a_stale_call_ends_at_its_last_event_until_one_comes_late(events, kinds):
    call = fold(events, kinds, FOREVER)
    if events[-1].name == "DISCONNECTED":
        assert not call.stale
        assert call == fold(events, kinds)
        return
    assert (call.stale, call.state, call.ended_at) == (True, "ended", events[-1].at)
    assert call.outcome in {"answered", "unknown"}
    last_received_us = events[-1].received_us
    assert fold(events, kinds, last_received_us) == call
    assert fold(events, kinds, last_received_us - 1) == fold(events, kinds)


def test_a_call_has_at_least_one_event():
    with pytest.raises(ValueError, match="at least one event"):
        fold([], {})
