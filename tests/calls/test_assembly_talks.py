"""Transfers, holds and alerts during a talk, each worked by hand and compared as a whole. Times from the start."""

from calls.assembly import fold
from calls.records import Flag
from tests.calls.strategies import KINDS, ended_call, events_of, leg, open_call

ANSWERED = ((0, "RINGING", "1843"), (4, "ANSWERED", "1843"))


def fold_of(*steps, **elements):
    return fold(events_of(*steps, **elements), KINDS)


# Transfers


def test_a_blind_transfer():
    assert fold_of(
        *ANSWERED,
        (14, "TRANSFERRED", "1848", "1843"),
        (15, "RINGING", "1848"),
        (20, "CONNECTED", "1848"),
        (50, "DISCONNECTED", "1848"),
    ) == ended_call(
        50,
        "answered",
        leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
        leg("1848", (14, 50), "answered", by="transferred", source="1843", answered=20, ring=6, talk=30),
        answered=(4, "1843"),
        source="1843",
        ring=10,  # 4 − 0, 20 − 14
        talk=40,
        billable=46,
        transfers=1,
    )


def test_an_announced_transfer():
    assert fold_of(
        *ANSWERED,
        (10, "HOLD", "1843"),
        (25, "TRANSFERRED", "1848", "1843"),
        (25, "CONNECTED", "1848"),
        (35, "DISCONNECTED", "1848"),
    ) == ended_call(
        35,
        "answered",
        leg("1843", (0, 25), "transferred", answered=4, ring=4, talk=6, hold=15),
        leg("1848", (25, 35), "answered", by="transferred", source="1843", answered=25, talk=10),
        answered=(4, "1843"),
        source="1843",
        ring=4,
        talk=16,  # 10 − 4, 35 − 25
        hold=15,
        billable=31,
        transfers=1,
        holds=1,
    )


def test_a_transfer_to_a_queue():
    assert fold_of(
        *ANSWERED,
        (14, "TRANSFERRED", "1890", "1843"),
        (15, "QUEUED", "1890"),
        (40, "RINGING", "1848"),
        (45, "CONNECTED", "1848"),
        (50, "DISCONNECTED", "1848"),
    ) == ended_call(
        50,
        "answered",
        leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
        leg("1890", (14, 45), "answered_elsewhere", by="transferred", source="1843", ring=1, queue=25),
        leg("1848", (40, 50), "answered", by="alerted", answered=45, ring=5, talk=5),
        answered=(4, "1843"),
        ring=10,  # 4 − 0, 15 − 14, 45 − 40
        queue=25,
        talk=15,
        billable=46,
        transfers=1,
    )


def test_lost_in_transfer():
    assert fold_of(
        *ANSWERED,
        (14, "TRANSFERRED", "1848", "1843"),
        (14, "RINGING", "1848"),
        (30, "DISCONNECTED", "1848"),
    ) == ended_call(
        30,
        "answered",
        leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
        leg("1848", (14, 30), "missed", by="transferred", source="1843", ring=16),
        answered=(4, "1843"),
        source="1843",
        ring=20,
        talk=10,
        billable=26,
        transfers=1,
        lost_in_transfer=True,
    )


def test_a_transfer_nobody_takes_comes_back_as_a_new_leg():
    assert fold_of(
        *ANSWERED,
        (14, "TRANSFERRED", "1848", "1843"),
        (14, "RINGING", "1848"),
        (34, "RINGING", "1843"),
        (36, "CONNECTED", "1843"),
        (40, "DISCONNECTED", "1843"),
    ) == ended_call(
        40,
        "answered",
        leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
        leg("1848", (14, 34), "missed", by="transferred", source="1843", ring=20),
        leg("1843", (34, 40), "answered", by="alerted", answered=36, ring=2, talk=4),
        answered=(4, "1843"),
        ring=26,  # 4 − 0, 34 − 14, 36 − 34
        talk=14,
        billable=36,
        transfers=1,
    )


def test_a_transfer_there_and_back_gives_the_first_device_a_second_leg():
    assert fold_of(
        *ANSWERED,
        (14, "TRANSFERRED", "1848", "1843"),
        (14, "CONNECTED", "1848"),
        (24, "TRANSFERRED", "1843", "1848"),
        (24, "CONNECTED", "1843"),
        (30, "DISCONNECTED", "1843"),
    ) == ended_call(
        30,
        "answered",
        leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
        leg("1848", (14, 24), "transferred", by="transferred", source="1843", answered=14, talk=10),
        leg("1843", (24, 30), "answered", by="transferred", source="1848", answered=24, talk=6),
        answered=(4, "1843"),
        source="1848",
        ring=4,
        talk=26,
        billable=26,
        transfers=2,
    )


def test_a_queued_call_transferred_from_a_ringing_member_leaves_the_whole_group():
    assert fold_of(
        (0, "QUEUED", "1890"),
        (5, "RINGING", "1840"),
        (5, "RINGING", "1843"),
        (9, "TRANSFERRED", "1848", "1840"),
        (12, "ANSWERED", "1848"),
        (20, "DISCONNECTED", "1848"),
    ) == ended_call(
        20,
        "answered",
        leg("1890", (0, 9), "diverted", queue=5),
        leg("1840", (5, 9), "transferred", by="alerted", ring=4),
        leg("1843", (5, 9), "missed", by="alerted", ring=4),
        leg("1848", (9, 20), "answered", by="transferred", source="1840", answered=12, ring=3, talk=8),
        answered=(12, "1848"),
        source="1840",
        queue=5,
        ring=7,
        talk=8,
        billable=8,
        transfers=1,
    )


def test_an_attendant_answers_and_a_person_handles():
    assert fold_of(
        (0, "RINGING", "1901"),
        (1, "ANSWERED", "1901"),
        (9, "TRANSFERRED", "1843", "1901"),
        (9, "RINGING", "1843"),
        (12, "CONNECTED", "1843"),
        (20, "DISCONNECTED", "1843"),
    ) == ended_call(
        20,
        "answered",
        leg("1901", (0, 9), "transferred", answered=1, ring=1, talk=8),
        leg("1843", (9, 20), "answered", by="transferred", source="1901", answered=12, ring=3, talk=8),
        answered=(1, "1901"),
        handled=(12, "1843"),
        source="1901",
        ring=4,
        talk=16,
        billable=19,
        transfers=1,
    )


# Holds


def test_lost_on_hold():
    assert fold_of(*ANSWERED, (10, "HOLD", "1843"), (40, "DISCONNECTED", "1843")) == ended_call(
        40,
        "answered",
        leg("1843", (0, 40), "answered", answered=4, ring=4, talk=6, hold=30),
        answered=(4, "1843"),
        ring=4,
        talk=6,
        hold=30,
        billable=36,
        holds=1,
        lost_on_hold=True,
    )


def test_a_recall_at_the_holder_is_the_same_leg():
    assert fold_of(
        *ANSWERED,
        (10, "HOLD", "1843"),
        (55, "RINGING", "1843"),
        (60, "CONNECTED", "1843"),
        (70, "DISCONNECTED", "1843"),
    ) == ended_call(
        70,
        "answered",
        leg("1843", (0, 70), "answered", answered=4, ring=9, talk=16, hold=45),
        answered=(4, "1843"),
        ring=9,  # 4 − 0, 60 − 55
        talk=16,  # 10 − 4, 70 − 60
        hold=45,
        billable=66,
        holds=1,
    )


def test_lost_in_the_recall_of_a_hold_and_that_recall_diverted():
    assert fold_of(
        *ANSWERED,
        (10, "HOLD", "1843"),
        (55, "RINGING", "1843"),
        (65, "DIVERTED", "1848", "1843"),
        (70, "DISCONNECTED", "1848"),
    ) == ended_call(
        70,
        "answered",
        leg("1843", (0, 65), "answered", answered=4, ring=14, talk=6, hold=45),  # ring 4 − 0, 65 − 55
        leg("1848", (65, 70), "missed", by="diverted", source="1843", ring=5),
        answered=(4, "1843"),
        source="1843",
        ring=19,
        talk=6,
        hold=45,
        billable=66,
        diversions=1,
        holds=1,
        lost_on_hold=True,
    )


def test_a_hold_said_again_adds_none_and_one_at_another_device_does():
    assert fold_of(
        *ANSWERED,
        (10, "HOLD", "1843"),
        (12, "HOLD", "1843"),
        (20, "HOLD", "1848"),
        (26, "CONNECTED", "1848"),
        (30, "DISCONNECTED", "1848"),
    ) == ended_call(
        30,
        "answered",
        leg("1843", (0, 20), "answered", answered=4, ring=4, talk=6, hold=10),
        leg("1848", (20, 30), "answered", by="picked_up", answered=20, hold=6, talk=4),
        answered=(4, "1843"),
        ring=4,
        talk=10,
        hold=16,
        billable=26,
        holds=2,
    )


def test_a_held_call_picked_up_elsewhere_and_taken_back():
    assert fold_of(
        *ANSWERED,
        (10, "HOLD", "1843"),
        (15, "CONNECTED", "1848"),
        (25, "CONNECTED", "1843"),
        (30, "DISCONNECTED", "1843"),
    ) == ended_call(
        30,
        "answered",
        leg("1843", (0, 15), "answered", answered=4, ring=4, talk=6, hold=5),
        leg("1848", (15, 25), "answered", by="picked_up", answered=15, talk=10),
        leg("1843", (25, 30), "answered", by="picked_up", answered=25, talk=5),
        answered=(4, "1843"),
        ring=4,
        talk=21,
        hold=5,
        billable=26,
        holds=1,
    )


# While talking


def test_ringing_queued_and_diverted_while_talking_touch_legs_only():
    assert fold_of(
        *ANSWERED,
        (10, "RINGING", "1843"),  # the talker's own: nothing
        (10, "RINGING", "1848"),
        (12, "QUEUED", "1890"),
        (14, "DIVERTED", "1900", "1848"),
        (24, "DISCONNECTED", "1843"),
    ) == ended_call(
        24,
        "answered",
        leg("1843", (0, 24), "answered", answered=4, ring=4, talk=20),
        leg("1848", (10, 14), "diverted", by="alerted", ring=4),
        leg("1890", (12, 24), "missed", by="alerted"),
        leg("1900", (14, 24), "missed", by="diverted", source="1848", ring=10),
        answered=(4, "1843"),
        device="1843",
        ring=4,
        talk=20,
        billable=20,
        diversions=1,
        flags=Flag.EVENT_WHILE_TALKING,
    )


def test_a_talk_in_progress_is_answered_and_not_yet_billable():
    assert fold_of(*ANSWERED, (10, "CALLMODIFIED", "1843")) == open_call(
        "talking",
        4,
        10,
        leg("1843", (0, None), "in_progress", answered=4, ring=4, talk=6),
        answered=(4, "1843"),
        ring=4,
        talk=6,
    )
