"""Calls with events missing, late, doubled or strange, each worked by hand. Times are seconds from the first event."""

import pytest

from calls.assembly import fold
from calls.event_order import LONGEST_CALL_SECONDS, in_fold_order
from calls.records import Flag
from tests.calls.strategies import KINDS, ended_call, event, events_of, leg, open_call

NEVER_LATER = 10**9  # an instant after every receipt here
ANSWERED = ((0, "RINGING", "1843"), (4, "ANSWERED", "1843"))


def fold_of(*steps, as_of_us=None, **elements):
    return fold(events_of(*steps, **elements), KINDS, as_of_us)


# The beginning is missing


def test_hold_first_proves_an_earlier_answer():
    assert fold_of((0, "HOLD", "1843"), (6, "CONNECTED", "1843"), (9, "DISCONNECTED", "1843")) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=0, hold=6, talk=3),
        answered=(0, "1843"),
        handled=(6, "1843"),  # the first ANSWERED or CONNECTED seen
        hold=6,
        talk=3,
        billable=9,
        holds=1,
        partial=True,
    )


def test_connected_first_proves_an_earlier_answer():
    assert fold_of((0, "CONNECTED", "1843"), (9, "DISCONNECTED", "1843")) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=0, talk=9),
        answered=(0, "1843"),
        talk=9,
        billable=9,
        partial=True,
    )


def test_transferred_first_proves_an_answer_at_its_source():
    assert fold_of(
        (0, "TRANSFERRED", "1848", "1843"), (5, "CONNECTED", "1848"), (9, "DISCONNECTED", "1848")
    ) == ended_call(
        9,
        "answered",
        leg("1843", (0, 0), "transferred", answered=0),
        leg("1848", (0, 9), "answered", by="transferred", source="1843", answered=5, ring=5, talk=4),
        answered=(0, "1843"),
        handled=(5, "1848"),
        source="1843",
        ring=5,
        talk=4,
        billable=9,
        transfers=1,
        partial=True,
    )


def test_callmodified_first_proves_nothing():
    assert fold_of((0, "CALLMODIFIED", "1843"), (9, "DISCONNECTED", "1843")) == ended_call(
        9, "unknown", leg("1843", (0, 9), "missed", ring=9), ring=9, partial=True
    )


def test_what_follows_callmodified_may_prove_an_answer():
    assert fold_of(
        (0, "CALLMODIFIED", "1843"), (3, "HOLD", "1843"), (9, "DISCONNECTED", "1843")
    ) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=3, ring=3, hold=6),
        answered=(3, "1843"),
        handled=(None, ""),
        ring=3,  # ringing until the first event that sets a state
        hold=6,
        billable=6,
        holds=1,
        lost_on_hold=True,
        partial=True,
    )  # fmt: skip


def test_disconnected_alone():
    assert fold_of((0, "DISCONNECTED", "1843")) == ended_call(0, "unknown", leg("1843", (0, 0), "missed"), partial=True)


def test_ringing_seen_after_a_missing_beginning_is_enough_to_call_it_abandoned():
    call = fold_of((0, "CALLMODIFIED", "1843"), (1, "RINGING", "1843"), (9, "DISCONNECTED", "1843"))
    assert (call.outcome, call.partial) == ("abandoned", True)


@pytest.mark.parametrize(("id_started_at", "partial"), [(-5, False), (-6, True), (20, False), (None, False)], ids=str)
def test_a_first_event_more_than_5_s_after_the_ids_start_is_not_the_first(id_started_at, partial):
    call = fold_of((0, "RINGING", "1843"), (9, "DISCONNECTED", "1843"), id_started_at=id_started_at)
    assert call == ended_call(9, "abandoned", leg("1843", (0, 9), "missed", ring=9), ring=9, partial=partial)


def test_an_answer_missing_between_others_is_presumed_where_the_talk_is_seen():
    assert fold_of(
        (0, "RINGING", "1843"), (4, "CONNECTED", "1843"), (9, "DISCONNECTED", "1843")
    ) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=4, ring=4, talk=5),
        answered=(4, "1843"),
        ring=4,
        talk=5,
        billable=5,
        flags=Flag.ANSWER_UNSEEN,
    )  # fmt: skip


def test_an_answer_that_comes_after_all_is_the_answer():
    call = fold_of((0, "RINGING", "1843"), (4, "CONNECTED", "1843"), (6, "ANSWERED", "1843"))
    assert (call.answered_at, call.handled_at, call.talk_seconds, call.flags) == (6, 4, 2, 0)


def test_an_incoming_call_is_not_held_before_it_is_answered():
    call = fold_of((0, "RINGING", "1843"), (0, "RINGING", "1848"), (4, "HOLD", "1843"), (9, "DISCONNECTED", "1843"))
    assert (call.outcome, call.answered_at, call.handled_at, call.flags) == ("answered", 4, None, Flag.ANSWER_UNSEEN)
    assert [(part.outcome, part.hold_seconds) for part in call.legs] == [("answered", 5), ("answered_elsewhere", 0)]


def test_an_outgoing_call_held_before_the_answer_is_answered_when_it_is():
    assert fold_of(
        (0, "RINGING", "1843"),
        (2, "HOLD", "1843"),
        (6, "ANSWERED", "1843"),
        (9, "DISCONNECTED", "1843"),
        direction="out",
    ) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=6, ring=2, hold=4, talk=3),
        direction="out",
        answered=(6, "1843"),
        ring=2,
        hold=4,
        talk=3,
        billable=3,
        holds=1,
    )


# The end is missing


def test_a_stale_call_that_was_answered_ends_at_its_last_event():
    assert fold_of(*ANSWERED, (10, "HOLD", "1843"), as_of_us=NEVER_LATER) == ended_call(
        10,
        "answered",
        leg("1843", (0, 10), "answered", answered=4, ring=4, talk=6),
        answered=(4, "1843"),
        ring=4,
        talk=6,
        billable=6,
        holds=1,
        stale=True,  # nobody saw it cleared from hold
    )


def test_a_stale_call_that_was_not_answered_is_unknown():
    assert fold_of((0, "RINGING", "1843"), (7, "CALLMODIFIED", "1843"), as_of_us=NEVER_LATER) == ended_call(
        7, "unknown", leg("1843", (0, 7), "missed", ring=7), ring=7, stale=True
    )


def test_an_event_received_after_the_sweep_reopens_a_stale_call():
    as_of_us = 2  # the two events before were received at 1 and 2
    assert fold_of(*ANSWERED, (5, "CALLMODIFIED", "1843"), as_of_us=as_of_us) == open_call(
        "talking",
        4,
        5,
        leg("1843", (0, None), "in_progress", answered=4, ring=4, talk=1),
        answered=(4, "1843"),
        ring=4,
        talk=1,
    )


def test_an_end_received_after_the_sweep_completes_a_stale_call():
    events = events_of(*ANSWERED, (60, "DISCONNECTED", "1843"))
    assert fold(events, KINDS, as_of_us=2) == fold(events, KINDS) == ended_call(
        60,
        "answered",
        leg("1843", (0, 60), "answered", answered=4, ring=4, talk=56),
        answered=(4, "1843"),
        ring=4,
        talk=56,
        billable=56,
    )  # fmt: skip


# After the end


def test_events_after_the_end_change_nothing_and_are_flagged():
    ended = (*ANSWERED, (10, "DISCONNECTED", "1843"))
    late = ((10, "RINGING", "1848"), (12, "TRANSFERRED", "1848", "1843"), (15, "DISCONNECTED", "1848"))
    call = fold_of(*ended)
    call.flags = int(Flag.EVENT_AFTER_END)
    assert fold_of(*ended, *late) == call
    assert (call.ended_at, call.last_extension, call.transfers) == (10, "1843", 0)


def test_callmodified_after_the_end_still_gives_account_contact_and_number():
    changes = {
        "account_code": "4711",
        "contact_name": "ACME",
        "number": "1632960111",
        "number_raw": "000001632960111",
        "did": "44161",
    }
    call = fold_of(*ANSWERED, (10, "DISCONNECTED", "1843"), (12, "CALLMODIFIED", "1843", changes))
    assert call == ended_call(
        10,
        "answered",
        leg("1843", (0, 10), "answered", answered=4, ring=4, talk=6),
        answered=(4, "1843"),
        ring=4,
        talk=6,
        billable=6,
        account_code="4711",
        contact_name="ACME",
        number="1632960111",
        number_raw="000001632960111",
        flags=Flag.EVENT_AFTER_END,
    )


def changed_to(number):
    return {"number": number, "number_raw": f"{number:0>15}"}


@pytest.mark.parametrize(("direction", "number"), [("in", "33"), ("out", "22")])
def test_a_changed_number_is_the_latest_of_an_incoming_call_and_of_an_outgoing_one_up_to_the_answer(direction, number):
    call = fold_of(
        (0, "RINGING", "1843", changed_to("11")),
        (4, "ANSWERED", "1843", changed_to("22")),
        (6, "CALLMODIFIED", "1843", changed_to("33")),
        (9, "DISCONNECTED", "1843", {"number": "", "number_raw": "0" * 15}),
        direction=direction,
    )
    assert (call.number, call.number_raw) == (number, f"{number:0>15}")


def test_a_withheld_number_keeps_its_element_as_received():
    call = fold_of(*ANSWERED, number="", number_raw="0" * 15)
    assert (call.number, call.number_raw) == ("", "0" * 15)


def test_contact_and_account_are_the_latest_that_are_not_empty():
    call = fold_of(
        (0, "RINGING", "1843", {"contact_name": "ACME"}),
        (1, "CALLMODIFIED", "1843", {"contact_name": "ACME LTD", "account_code": "17"}),
        (2, "CALLMODIFIED", "1843", {"account_code": "18"}),
        (3, "DISCONNECTED", "1843"),
    )
    assert (call.contact_name, call.account_code) == ("ACME LTD", "18")


# Doubled and strange


def test_a_second_answer_is_flagged_and_the_first_time_stands():
    assert fold_of(*ANSWERED, (10, "ANSWERED", "1848"), (15, "DISCONNECTED", "1848")) == ended_call(
        15,
        "answered",
        leg("1843", (0, 10), "answered", answered=4, ring=4, talk=6),
        leg("1848", (10, 15), "answered", by="picked_up", answered=10, talk=5),
        answered=(4, "1843"),
        ring=4,
        talk=11,
        billable=11,
        flags=Flag.SECOND_ANSWER,
    )


def test_a_second_answer_of_a_held_call_makes_it_talk():
    call = fold_of(*ANSWERED, (10, "HOLD", "1843"), (15, "ANSWERED", "1843"))
    assert (call.state, call.answered_at, call.flags) == ("talking", 4, Flag.SECOND_ANSWER)


def test_an_unknown_event_is_read_and_moves_nothing():
    assert fold_of(
        *ANSWERED,
        (6, "PARKED", "1848", {"account_code": "4711", "flags": int(Flag.UNKNOWN_EVENT)}),
        (8, "HOLD", ""),  # where the call is: still at 1843
        (9, "DISCONNECTED", "1843"),
    ) == ended_call(
        9,
        "answered",
        leg("1843", (0, 9), "answered", answered=4, ring=4, talk=4, hold=1),
        answered=(4, "1843"),
        ring=4,
        talk=4,
        hold=1,
        billable=5,
        holds=1,
        lost_on_hold=True,
        account_code="4711",
        flags=Flag.UNKNOWN_EVENT,
    )


def test_an_unknown_event_first_leaves_the_first_device_to_the_next():
    assert fold_of((0, "PARKED", "1848"), (3, "RINGING", "1843"), (9, "DISCONNECTED", "1843")) == ended_call(
        9, "abandoned", leg("1843", (0, 9), "missed", ring=9), ring=9, partial=True
    )


def test_an_unknown_event_alone_is_a_call_at_its_device():
    assert fold_of((0, "PARKED", "1848"), (9, "DISCONNECTED", "")) == ended_call(
        9, "unknown", leg("1848", (0, 9), "missed", ring=9), ring=9, partial=True
    )


def test_another_trunk_and_another_direction_are_flagged():
    call = fold_of(
        (0, "RINGING", "1843", {"trunk": ""}),
        (4, "ANSWERED", "1843"),
        (6, "CALLMODIFIED", "1843", {"trunk": "92109", "direction": "out"}),
        (9, "DISCONNECTED", "1843"),
    )
    assert (call.trunk, call.direction) == ("92108", "in")
    assert call.flags == Flag.TRUNK_CHANGED | Flag.DIRECTION_CHANGED


def test_a_time_too_far_off_to_be_stored_is_capped():
    call = fold_of(*ANSWERED, (10 * LONGEST_CALL_SECONDS, "DISCONNECTED", "1843"))
    assert (call.duration_seconds, call.talk_seconds) == (LONGEST_CALL_SECONDS, LONGEST_CALL_SECONDS - 4)
    assert call.flags == Flag.COUNT_LIMITED


# Devices without a name


def test_a_queue_without_a_name_takes_that_of_the_next_device():
    assert fold_of(
        (0, "QUEUED", ""), (30, "RINGING", "1843"), (34, "ANSWERED", ""), (40, "DISCONNECTED", "")
    ) == ended_call(
        40,
        "answered",
        leg("1843", (0, 40), "answered", answered=34, queue=30, ring=4, talk=6),
        answered=(34, "1843"),
        queue=30,
        ring=4,
        talk=6,
        billable=6,
    )


def test_a_call_that_names_no_device_has_a_leg_all_the_same():
    assert fold_of((0, "QUEUED", ""), (30, "RINGING", ""), (40, "DISCONNECTED", "")) == ended_call(
        40, "abandoned", leg("", (0, 40), "missed", queue=30, ring=10), queue=30, ring=10
    )


def test_a_transfer_to_nobody_named_leaves_the_source():
    assert fold_of(
        *ANSWERED, (10, "TRANSFERRED", "", "1843"), (12, "RINGING", "1848"), (15, "DISCONNECTED", "1848")
    ) == ended_call(
        15,
        "answered",
        leg("1843", (0, 10), "transferred", answered=4, ring=4, talk=6),
        leg("1848", (10, 15), "missed", by="transferred", source="1843", ring=5),
        answered=(4, "1843"),
        source="1843",
        ring=9,
        talk=6,
        billable=11,
        transfers=1,
        lost_in_transfer=True,
    )


def test_a_transfer_without_a_source_is_the_talkers():
    call = fold_of(*ANSWERED, (10, "TRANSFERRED", "1848"))
    assert [(part.extension, part.outcome, part.began_by) for part in call.legs] == [
        ("1843", "transferred", "initial"),
        ("1848", "in_progress", "transferred"),
    ]


# Order


def test_events_that_arrive_out_of_order_take_their_place():
    in_order = (*ANSWERED, (10, "HOLD", "1843"), (20, "DISCONNECTED", "1843"))
    call = fold_of(*in_order)
    call.flags = int(Flag.OUT_OF_ORDER)
    # on another connection, so that the end received first is no end of theirs
    end, *others = in_order[3], in_order[1], in_order[0], in_order[2]
    assert fold_of((*end, {"connection": 2}), *others) == call


def test_events_of_one_second_count_in_order_of_arrival():
    held = fold_of(*ANSWERED, (9, "CONNECTED", "1843"), (9, "HOLD", "1843"))
    talking = fold_of(*ANSWERED, (9, "HOLD", "1843"), (9, "CONNECTED", "1843"))
    assert (held.state, talking.state) == ("held", "talking")


def test_arrival_is_receipt_then_journal_then_sequence():
    steps = [("QUEUED", 2, 1, 1), ("HOLD", 1, 2, 1), ("RINGING", 1, 1, 2), ("ANSWERED", 1, 1, 1)]
    events = [
        event(0, 0, name, "1843", received_us=received_us, journal=journal, sequence=sequence)
        for name, received_us, journal, sequence in steps
    ]
    ordered, flags = in_fold_order(events)
    assert [one.name for _, one in ordered] == ["ANSWERED", "RINGING", "HOLD", "QUEUED"]
    assert flags == 0


def test_an_end_is_no_earlier_than_what_came_before_it_on_its_connection():
    assert fold_of(*ANSWERED, (30, "CALLMODIFIED", "1843"), (2, "DISCONNECTED", "1843")) == ended_call(
        30,  # not 2
        "answered",
        leg("1843", (0, 30), "answered", answered=4, ring=4, talk=26),
        answered=(4, "1843"),
        ring=4,
        talk=26,
        billable=26,
        flags=Flag.OUT_OF_ORDER,
    )


def test_an_end_on_another_connection_stands_where_its_time_puts_it():
    call = fold_of(*ANSWERED, (30, "CALLMODIFIED", "1843"), (20, "DISCONNECTED", "1843", {"connection": 2}))
    assert (call.ended_at, call.talk_seconds) == (20, 16)
    assert call.flags == Flag.OUT_OF_ORDER | Flag.EVENT_AFTER_END


def test_an_event_received_after_the_end_with_an_earlier_time_is_before_it():
    call = fold_of((0, "RINGING", "1843"), (20, "DISCONNECTED", "1843"), (4, "ANSWERED", "1843"))
    assert (call.outcome, call.talk_seconds, call.flags) == ("answered", 16, Flag.OUT_OF_ORDER)
