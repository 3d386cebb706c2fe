"""Ringing, queues and diversions, each worked by hand and compared as a whole. Times are seconds from the start."""

from calls.assembly import fold
from tests.calls.strategies import KINDS, ended_call, events_of, leg, open_call


def fold_of(*steps, **elements):
    return fold(events_of(*steps, **elements), KINDS)


# Several devices ring


def test_ring_all_with_a_pickup_by_one_that_did_not_ring():
    assert fold_of(
        (0, "RINGING", "1840"),
        (1, "RINGING", "1843"),
        (2, "RINGING", "1848"),  # 2 s after the first ring: together
        (9, "ANSWERED", "1850"),
        (29, "DISCONNECTED", "1850"),
    ) == ended_call(
        29,
        "answered",
        leg("1840", (0, 9), "answered_elsewhere", ring=9),
        leg("1843", (1, 9), "answered_elsewhere", by="alerted", ring=8),
        leg("1848", (2, 9), "answered_elsewhere", by="alerted", ring=7),
        leg("1850", (9, 29), "answered", by="picked_up", answered=9, talk=20),
        answered=(9, "1850"),
        ring=9,
        talk=20,
        billable=20,
    )


def test_ring_all_that_nobody_answers():
    assert fold_of(
        (0, "RINGING", "1840"), (0, "RINGING", "1843"), (20, "DISCONNECTED", "1843")
    ) == ended_call(
        20,
        "abandoned",
        leg("1840", (0, 20), "missed", ring=20),
        leg("1843", (0, 20), "missed", by="alerted", ring=20),
        ring=20,
    )  # fmt: skip


def test_a_later_ringing_elsewhere_ends_the_earlier_as_missed():
    assert fold_of(
        (0, "RINGING", "1840"),
        (3, "RINGING", "1843"),  # 3 s after the first ring: instead of it
        (5, "RINGING", "1848"),  # 2 s after the first of these: together
        (10, "ANSWERED", "1843"),
        (15, "DISCONNECTED", "1843"),
    ) == ended_call(
        15,
        "answered",
        leg("1840", (0, 3), "missed", ring=3),
        leg("1843", (3, 15), "answered", by="alerted", answered=10, ring=7, talk=5),
        leg("1848", (5, 10), "answered_elsewhere", by="alerted", ring=5),
        answered=(10, "1843"),
        device="1843",
        ring=10,
        talk=5,
        billable=5,
    )


def test_ringing_in_turn_comes_round_to_a_new_leg():
    assert fold_of(
        (0, "RINGING", "1840"), (10, "RINGING", "1843"), (20, "RINGING", "1840"), (24, "DISCONNECTED", "")
    ) == ended_call(
        24,
        "abandoned",
        leg("1840", (0, 10), "missed", ring=10),
        leg("1843", (10, 20), "missed", by="alerted", ring=10),
        leg("1840", (20, 24), "missed", by="alerted", ring=4),
        ring=24,
    )  # fmt: skip


def test_ringing_said_again_at_a_device_that_rings_changes_nothing():
    assert fold_of(
        (0, "RINGING", "1840"),
        (1, "RINGING", "1843"),
        (6, "RINGING", "1840"),
        (9, "DISCONNECTED", ""),
    ) == ended_call(
        9,
        "abandoned",
        leg("1840", (0, 9), "missed", ring=9),
        leg("1843", (1, 9), "missed", by="alerted", ring=8),
        device="1840",
        ring=9,
    )


# Queues


def test_a_group_queue_whose_member_answers():
    assert fold_of(
        (0, "QUEUED", "1890"),
        (34, "RINGING", "1840"),
        (34, "RINGING", "1848"),
        (41, "ANSWERED", "1840"),
        (96, "DISCONNECTED", "1840"),
    ) == ended_call(
        96,
        "answered",
        leg("1890", (0, 41), "answered_elsewhere", queue=34),
        leg("1840", (34, 96), "answered", by="alerted", answered=41, ring=7, talk=55),
        leg("1848", (34, 41), "answered_elsewhere", by="alerted", ring=7),
        answered=(41, "1840"),
        device="1840",
        queue=34,
        ring=7,
        talk=55,
        billable=55,
    )


def test_a_member_that_does_not_answer_gives_the_call_back_to_the_queue():
    assert fold_of(
        (0, "QUEUED", "1890"),
        (5, "RINGING", "1840"),
        (20, "QUEUED", "1890"),
        (30, "RINGING", "1843"),
        (40, "DISCONNECTED", "1843"),
    ) == ended_call(
        40,
        "abandoned",
        leg("1890", (0, 40), "missed", queue=15),  # 5 − 0, 30 − 20
        leg("1840", (5, 20), "missed", by="alerted", ring=15),
        leg("1843", (30, 40), "missed", by="alerted", ring=10),
        queue=15,
        ring=25,
    )


def test_a_queue_diverted_to_voicemail_is_queued_until_that_rings():
    assert fold_of(
        (0, "QUEUED", "1890"),
        (60, "DIVERTED", "1900", "1890"),
        (62, "RINGING", "1900"),
        (65, "ANSWERED", "1900"),
        (85, "DISCONNECTED", "1900"),
    ) == ended_call(
        85,
        "answered",
        leg("1890", (0, 60), "diverted", queue=60),
        leg("1900", (60, 85), "answered", by="diverted", source="1890", answered=65, queue=2, ring=3, talk=20),
        answered=(65, "1900"),
        handled=(None, ""),  # a machine's answer is not a person's
        source="1890",
        queue=62,
        ring=3,
        talk=20,
        billable=20,
        diversions=1,
    )


def test_a_queue_diverted_while_its_members_ring_takes_the_call_from_them():
    assert fold_of(
        (0, "QUEUED", "1890"),
        (4, "RINGING", "1840"),
        (5, "RINGING", "1843"),
        (24, "DIVERTED", "1900", "1890"),
        (26, "RINGING", "1900"),
        (27, "DISCONNECTED", "1900"),
    ) == ended_call(
        27,
        "abandoned",
        leg("1890", (0, 24), "diverted", queue=4),
        leg("1840", (4, 24), "missed", by="alerted", ring=20),
        leg("1843", (5, 24), "missed", by="alerted", ring=19),
        leg("1900", (24, 27), "missed", by="diverted", source="1890", ring=3),
        source="1890",
        queue=4,
        ring=23,
        diversions=1,
    )


def test_camp_on_at_a_busy_person_is_one_leg():
    assert fold_of(
        (0, "RINGING", "1843"),
        (2, "QUEUED", "1843"),
        (20, "RINGING", "1843"),
        (23, "ANSWERED", "1843"),
        (33, "DISCONNECTED", "1843"),
    ) == ended_call(
        33,
        "answered",
        leg("1843", (0, 33), "answered", answered=23, ring=5, queue=18, talk=10),  # ring 2 − 0, 23 − 20
        answered=(23, "1843"),
        ring=5,
        queue=18,
        talk=10,
        billable=10,
    )


# Diversions


def test_first_event_diverted_gives_the_source_a_leg_of_no_time():
    assert fold_of(
        (0, "DIVERTED", "1848", "1843"),
        (1, "RINGING", "1848"),
        (6, "ANSWERED", "1848"),
        (16, "DISCONNECTED", "1848"),
    ) == ended_call(
        16,
        "answered",
        leg("1843", (0, 0), "diverted"),
        leg("1848", (0, 16), "answered", by="diverted", source="1843", answered=6, ring=6, talk=10),
        answered=(6, "1848"),
        source="1843",
        ring=6,
        talk=10,
        billable=10,
        diversions=1,
    )


def test_a_no_answer_diversion_begins_the_new_leg_at_once():
    assert fold_of(
        (0, "RINGING", "1843"),
        (15, "DIVERTED", "1900", "1843"),
        (17, "RINGING", "1900"),
        (18, "ANSWERED", "1900"),
        (30, "DISCONNECTED", ""),
    ) == ended_call(
        30,
        "answered",
        leg("1843", (0, 15), "diverted", ring=15),
        leg("1900", (15, 30), "answered", by="diverted", source="1843", answered=18, ring=3, talk=12),
        answered=(18, "1900"),
        handled=(None, ""),
        source="1843",
        ring=18,
        talk=12,
        billable=12,
        diversions=1,
    )


def test_one_of_two_that_ring_diverts_and_the_other_misses_when_the_new_device_rings():
    assert fold_of(
        (0, "RINGING", "1840"),
        (0, "RINGING", "1843"),
        (10, "DIVERTED", "1848", "1840"),
        (12, "RINGING", "1848"),
        (15, "DISCONNECTED", "1848"),
    ) == ended_call(
        15,
        "abandoned",
        leg("1840", (0, 10), "diverted", ring=10),
        leg("1843", (0, 12), "missed", by="alerted", ring=12),
        leg("1848", (10, 15), "missed", by="diverted", source="1840", ring=5),
        source="1840",
        ring=15,
        diversions=1,
    )


# In progress, and outgoing


def test_the_parts_of_a_call_in_progress_run_to_its_last_event():
    assert fold_of(
        (0, "QUEUED", "1890"), (30, "RINGING", "1840"), (31, "RINGING", "1843"), (40, "CALLMODIFIED", "1890")
    ) == open_call(
        "ringing",
        30,
        40,
        leg("1890", (0, None), "in_progress", queue=30),
        leg("1840", (30, None), "in_progress", by="alerted", ring=10),
        leg("1843", (31, None), "in_progress", by="alerted", ring=9),
        device="1890",
        queue=30,
        ring=10,
    )  # fmt: skip


def test_an_outgoing_call_nobody_answers():
    assert fold_of((0, "RINGING", "1843"), (25, "DISCONNECTED", "1843"), direction="out") == ended_call(
        25, "no_answer", leg("1843", (0, 25), "no_answer", ring=25), direction="out", ring=25
    )
