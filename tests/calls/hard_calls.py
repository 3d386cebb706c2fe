"""Calls that are easy to get wrong, each with the answer worked out by hand from docs/call-model.md.

The same examples are folded by themselves (tests/calls/test_hard_calls.py) and loaded as lines through the real
commands (tests/e2e/test_hard_calls.py). Times are seconds from the first event unless a comment says otherwise.
"""

from dataclasses import dataclass, field
from typing import Any

from calls.records import Flag, FoldedCall
from tests.calls.strategies import Step, ended_call, leg, open_call

LATE = {"connection": 2}  # in another connection or file, received after the first one's events
ANSWERED: tuple[Step, ...] = ((0, "RINGING", "1843"), (4, "ANSWERED", "1843"))


@dataclass(frozen=True)
class Hard:
    """`steps` in order of arrival; `id_seconds_before` is how long before the first event the call id begins."""

    name: str
    steps: tuple[Step, ...]
    answer: FoldedCall
    elements: dict[str, Any] = field(default_factory=dict)
    id_seconds_before: int = 0

    @property
    def is_stale(self) -> bool:
        return self.answer.stale


HARD = [
    # Late and out of order
    Hard(
        "late_answer_takes_its_place",
        (
            (0, "RINGING", "1843"),
            (10, "HOLD", "1843"),
            (4, "ANSWERED", "1843"),
            (25, "CONNECTED", "1843"),
            (40, "DISCONNECTED", "1843"),
        ),
        ended_call(
            40,
            "answered",
            leg("1843", (0, 40), "answered", answered=4, ring=4, talk=21, hold=15),
            answered=(4, "1843"),
            ring=4,
            talk=21,  # 10 − 4, 40 − 25
            hold=15,  # 25 − 10
            billable=36,  # 40 − 4
            holds=1,
            flags=Flag.OUT_OF_ORDER,
        ),
    ),
    Hard(
        "end_received_before_the_rest",
        ((30, "DISCONNECTED", "1843"), (0, "RINGING", "1843", LATE), (5, "ANSWERED", "1843", LATE)),
        ended_call(
            30,
            "answered",
            leg("1843", (0, 30), "answered", answered=5, ring=5, talk=25),
            answered=(5, "1843"),
            ring=5,
            talk=25,
            billable=25,
            flags=Flag.OUT_OF_ORDER,
        ),
    ),
    Hard(
        "end_stamped_before_what_came_before_it",  # the clock was set back by a minute during the call
        (*ANSWERED, (60, "HOLD", "1843"), (20, "DISCONNECTED", "1843")),
        ended_call(
            60,  # at no earlier time than the HOLD's
            "answered",
            leg("1843", (0, 60), "answered", answered=4, ring=4, talk=56),
            answered=(4, "1843"),
            ring=4,
            talk=56,
            billable=56,
            holds=1,
            lost_on_hold=True,
            flags=Flag.OUT_OF_ORDER,
        ),
    ),
    Hard(
        "beginning_comes_late",  # at first partial; with the RINGING and ANSWERED it is whole
        (
            (20, "HOLD", "1843"),
            (50, "DISCONNECTED", "1843"),
            (0, "RINGING", "1843", LATE),
            (4, "ANSWERED", "1843", LATE),
        ),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 50), "answered", answered=4, ring=4, talk=16, hold=30),
            answered=(4, "1843"),
            ring=4,
            talk=16,
            hold=30,
            billable=46,
            holds=1,
            lost_on_hold=True,
            flags=Flag.OUT_OF_ORDER,
        ),
    ),
    # The beginning is missing
    Hard(
        "connected_first_proves_an_answer",
        ((0, "CONNECTED", "1843"), (10, "HOLD", "1843"), (30, "CONNECTED", "1843"), (50, "DISCONNECTED", "1843")),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 50), "answered", answered=0, talk=30, hold=20),
            answered=(0, "1843"),
            talk=30,  # 10 − 0, 50 − 30
            hold=20,
            billable=50,
            holds=1,
            partial=True,
        ),
        id_seconds_before=70,
    ),
    Hard(
        "transferred_first_proves_an_answer_at_its_source",
        ((0, "TRANSFERRED", "1848", "1843"), (3, "RINGING", "1848"), (8, "DISCONNECTED", "1848")),
        ended_call(
            8,
            "answered",
            leg("1843", (0, 0), "transferred", answered=0),
            leg("1848", (0, 8), "missed", by="transferred", source="1843", ring=8),
            answered=(0, "1843"),
            handled=(None, ""),  # no ANSWERED or CONNECTED was seen
            source="1843",
            ring=8,
            billable=8,
            transfers=1,
            lost_in_transfer=True,
            partial=True,
        ),
    ),
    Hard(
        "ringing_six_seconds_after_the_ids_start",
        ((0, "RINGING", "1843"), (9, "DISCONNECTED", "1843")),
        ended_call(9, "abandoned", leg("1843", (0, 9), "missed", ring=9), ring=9, partial=True),
        id_seconds_before=6,
    ),
    Hard(
        "ringing_five_seconds_after_the_ids_start",
        ((0, "RINGING", "1843"), (9, "DISCONNECTED", "1843")),
        ended_call(9, "abandoned", leg("1843", (0, 9), "missed", ring=9), ring=9),
        id_seconds_before=5,
    ),
    Hard(
        "only_the_end_was_seen",
        ((0, "DISCONNECTED", "1843"),),
        ended_call(0, "unknown", leg("1843", (0, 0), "missed"), partial=True),
    ),
    # The end is missing
    Hard(
        "no_end_of_an_answered_call",
        (*ANSWERED, (30, "HOLD", "1843")),
        ended_call(
            30,  # its last event
            "answered",
            leg("1843", (0, 30), "answered", answered=4, ring=4, talk=26),
            answered=(4, "1843"),
            ring=4,
            talk=26,
            billable=26,
            holds=1,
            stale=True,  # not lost on hold: nobody saw it cleared
        ),
    ),
    Hard(
        "no_end_of_a_call_nobody_answered",
        ((0, "QUEUED", "1890"), (20, "RINGING", "1840"), (32, "CALLMODIFIED", "1840")),
        ended_call(
            32,
            "unknown",
            leg("1890", (0, 32), "missed", queue=20),
            leg("1840", (20, 32), "missed", by="alerted", ring=12),
            queue=20,
            ring=12,
            stale=True,
        ),
    ),
    Hard(
        "still_in_progress",
        ((0, "QUEUED", "1890"), (10, "RINGING", "1840"), (15, "CALLMODIFIED", "1840")),
        open_call(
            "ringing",
            10,
            15,
            leg("1890", (0, None), "in_progress", queue=10),
            leg("1840", (10, None), "in_progress", by="alerted", ring=5),
            queue=10,
            ring=5,
        ),
    ),
    # Doubled, after the end, while talking
    Hard(
        "second_answer_elsewhere",
        (*ANSWERED, (20, "ANSWERED", "1848"), (50, "DISCONNECTED", "1848")),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 20), "answered", answered=4, ring=4, talk=16),
            leg("1848", (20, 50), "answered", by="picked_up", answered=20, talk=30),
            answered=(4, "1843"),
            ring=4,
            talk=46,
            billable=46,
            flags=Flag.SECOND_ANSWER,
        ),
    ),
    Hard(
        "events_after_the_end",
        (
            *ANSWERED,
            (30, "DISCONNECTED", "1843"),
            (40, "CALLMODIFIED", "1843", {"account_code": "4711"}),
            (45, "CONNECTED", "1848"),
            (50, "DISCONNECTED", "1848"),
        ),
        ended_call(
            30,
            "answered",
            leg("1843", (0, 30), "answered", answered=4, ring=4, talk=26),
            answered=(4, "1843"),
            ring=4,
            talk=26,
            billable=26,
            account_code="4711",
            flags=Flag.EVENT_AFTER_END,
        ),
    ),
    Hard(
        "ringing_elsewhere_while_talking",
        (*ANSWERED, (10, "RINGING", "1848"), (30, "DISCONNECTED", "1843")),
        ended_call(
            30,
            "answered",
            leg("1843", (0, 30), "answered", answered=4, ring=4, talk=26),
            leg("1848", (10, 30), "missed", by="alerted", ring=20),  # legs only: the call's ring time is 4
            answered=(4, "1843"),
            device="1843",
            ring=4,
            talk=26,
            billable=26,
            flags=Flag.EVENT_WHILE_TALKING,
        ),
    ),
    # Several devices
    Hard(
        "ring_all",
        (
            (0, "RINGING", "1840"),
            (2, "RINGING", "1843"),
            (2, "RINGING", "1848"),
            (8, "ANSWERED", "1848"),
            (20, "DISCONNECTED", "1848"),
        ),
        ended_call(
            20,
            "answered",
            leg("1840", (0, 8), "answered_elsewhere", ring=8),
            leg("1843", (2, 8), "answered_elsewhere", by="alerted", ring=6),
            leg("1848", (2, 20), "answered", by="alerted", answered=8, ring=6, talk=12),
            answered=(8, "1848"),
            ring=8,
            talk=12,
            billable=12,
        ),
    ),
    Hard(
        "ringing_elsewhere_three_seconds_later",
        ((0, "RINGING", "1840"), (3, "RINGING", "1843"), (9, "ANSWERED", "1843"), (19, "DISCONNECTED", "1843")),
        ended_call(
            19,
            "answered",
            leg("1840", (0, 3), "missed", ring=3),
            leg("1843", (3, 19), "answered", by="alerted", answered=9, ring=6, talk=10),
            answered=(9, "1843"),
            ring=9,
            talk=10,
            billable=10,
        ),
    ),
    Hard(
        "group_whose_second_member_answers",
        (
            (0, "QUEUED", "1890"),
            (10, "RINGING", "1840"),
            (25, "RINGING", "1843"),
            (31, "ANSWERED", "1843"),
            (61, "DISCONNECTED", "1843"),
        ),
        ended_call(
            61,
            "answered",
            leg("1890", (0, 31), "answered_elsewhere", queue=10),  # open while members ring
            leg("1840", (10, 25), "missed", by="alerted", ring=15),
            leg("1843", (25, 61), "answered", by="alerted", answered=31, ring=6, talk=30),
            answered=(31, "1843"),
            queue=10,
            ring=21,
            talk=30,
            billable=30,
        ),
    ),
    Hard(
        "group_cleared_while_its_members_ring",
        ((0, "QUEUED", "1890"), (5, "RINGING", "1840"), (6, "RINGING", "1848"), (26, "DISCONNECTED", "1848")),
        ended_call(
            26,
            "abandoned",
            leg("1890", (0, 26), "missed", queue=5),
            leg("1840", (5, 26), "missed", by="alerted", ring=21),
            leg("1848", (6, 26), "missed", by="alerted", ring=20),
            queue=5,
            ring=21,
        ),
    ),
    Hard(
        "camp_on_is_one_leg",
        ((0, "QUEUED", "1843"), (30, "RINGING", "1843"), (33, "ANSWERED", "1843"), (53, "DISCONNECTED", "1843")),
        ended_call(
            53,
            "answered",
            leg("1843", (0, 53), "answered", answered=33, queue=30, ring=3, talk=20),
            answered=(33, "1843"),
            queue=30,
            ring=3,
            talk=20,
            billable=20,
        ),
    ),
    # Diverted and picked up
    Hard(
        "first_event_diverted_to_voicemail",
        (
            (0, "DIVERTED", "1900", "1843"),
            (0, "RINGING", "1900"),
            (2, "ANSWERED", "1900"),
            (12, "DISCONNECTED", "1900"),
        ),
        ended_call(
            12,
            "answered",
            leg("1843", (0, 0), "diverted"),
            leg("1900", (0, 12), "answered", by="diverted", source="1843", answered=2, ring=2, talk=10),
            answered=(2, "1900"),
            handled=(None, ""),  # by a machine
            source="1843",
            ring=2,
            talk=10,
            billable=10,
            diversions=1,
        ),
    ),
    Hard(
        "diverted_while_queued",
        (
            (0, "QUEUED", "1890"),
            (20, "DIVERTED", "1848", "1890"),
            (23, "RINGING", "1848"),
            (27, "ANSWERED", "1848"),
            (37, "DISCONNECTED", "1848"),
        ),
        ended_call(
            37,
            "answered",
            leg("1890", (0, 20), "diverted", queue=20),
            leg("1848", (20, 37), "answered", by="diverted", source="1890", answered=27, queue=3, ring=4, talk=10),
            answered=(27, "1848"),
            source="1890",
            queue=23,  # queued until RINGING
            ring=4,
            talk=10,
            billable=10,
            diversions=1,
        ),
    ),
    Hard(
        "picked_up_where_it_did_not_ring",
        ((0, "RINGING", "1843"), (6, "ANSWERED", "1850"), (26, "DISCONNECTED", "1850")),
        ended_call(
            26,
            "answered",
            leg("1843", (0, 6), "answered_elsewhere", ring=6),
            leg("1850", (6, 26), "answered", by="picked_up", answered=6, talk=20),
            answered=(6, "1850"),
            ring=6,
            talk=20,
            billable=20,
        ),
    ),
    Hard(
        "picked_up_from_hold_elsewhere",
        (*ANSWERED, (10, "HOLD", "1843"), (22, "CONNECTED", "1850"), (32, "DISCONNECTED", "1850")),
        ended_call(
            32,
            "answered",
            leg("1843", (0, 22), "answered", answered=4, ring=4, talk=6, hold=12),
            leg("1850", (22, 32), "answered", by="picked_up", answered=22, talk=10),
            answered=(4, "1843"),
            ring=4,
            talk=16,
            hold=12,
            billable=28,
            holds=1,
        ),
    ),
    # Recalls, transfers, losses
    Hard(
        "recall_answered_by_its_holder",
        (
            *ANSWERED,
            (14, "HOLD", "1843"),
            (44, "RINGING", "1843"),
            (49, "CONNECTED", "1843"),
            (59, "DISCONNECTED", "1843"),
        ),
        ended_call(
            59,
            "answered",
            leg("1843", (0, 59), "answered", answered=4, ring=9, talk=20, hold=30),
            answered=(4, "1843"),
            ring=9,  # 4 − 0, 49 − 44
            talk=20,  # 14 − 4, 59 − 49
            hold=30,
            billable=55,
            holds=1,
        ),
    ),
    Hard(
        "recall_of_a_transfer_is_a_new_leg",
        (
            *ANSWERED,
            (14, "TRANSFERRED", "1848", "1843"),
            (14, "RINGING", "1848"),
            (34, "RINGING", "1843"),
            (40, "CONNECTED", "1843"),
            (50, "DISCONNECTED", "1843"),
        ),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
            leg("1848", (14, 34), "missed", by="transferred", source="1843", ring=20),
            leg("1843", (34, 50), "answered", by="alerted", answered=40, ring=6, talk=10),
            answered=(4, "1843"),
            ring=30,
            talk=20,
            billable=46,
            transfers=1,
        ),
    ),
    Hard(
        "lost_in_the_recall_of_a_hold",
        (*ANSWERED, (10, "HOLD", "1843"), (40, "RINGING", "1843"), (50, "DISCONNECTED", "1843")),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 50), "answered", answered=4, ring=14, talk=6, hold=30),
            answered=(4, "1843"),
            ring=14,
            talk=6,
            hold=30,
            billable=46,
            holds=1,
            lost_on_hold=True,
        ),
    ),
    Hard(
        "lost_on_hold",
        (*ANSWERED, (10, "HOLD", "1843"), (50, "DISCONNECTED", "1843")),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 50), "answered", answered=4, ring=4, talk=6, hold=40),
            answered=(4, "1843"),
            ring=4,
            talk=6,
            hold=40,
            billable=46,
            holds=1,
            lost_on_hold=True,
        ),
    ),
    Hard(
        "lost_in_the_queue_it_was_transferred_to",
        (*ANSWERED, (20, "TRANSFERRED", "1890", "1843"), (20, "QUEUED", "1890"), (50, "DISCONNECTED", "1890")),
        ended_call(
            50,
            "answered",
            leg("1843", (0, 20), "transferred", answered=4, ring=4, talk=16),
            leg("1890", (20, 50), "missed", by="transferred", source="1843", queue=30),
            answered=(4, "1843"),
            source="1843",
            ring=4,
            talk=16,
            queue=30,
            billable=46,
            transfers=1,
            lost_in_transfer=True,
        ),
    ),
    Hard(
        "held_transferred_and_lost_while_ringing",
        (
            *ANSWERED,
            (10, "HOLD", "1843"),
            (18, "TRANSFERRED", "1848", "1843"),
            (19, "RINGING", "1848"),
            (30, "DISCONNECTED", "1848"),
        ),
        ended_call(
            30,
            "answered",
            leg("1843", (0, 18), "transferred", answered=4, ring=4, talk=6, hold=8),
            leg("1848", (18, 30), "missed", by="transferred", source="1843", ring=12),
            answered=(4, "1843"),
            source="1843",
            ring=16,
            talk=6,
            hold=8,
            billable=26,
            transfers=1,
            holds=1,
            lost_in_transfer=True,  # and not on hold: the transfer ended that
        ),
    ),
    Hard(
        "transferred_out_of_a_group_by_the_group",
        (
            (0, "QUEUED", "1890"),
            (15, "TRANSFERRED", "1848", "1890"),
            (15, "RINGING", "1848"),
            (19, "ANSWERED", "1848"),
            (29, "DISCONNECTED", "1848"),
        ),
        ended_call(
            29,
            "answered",
            leg("1890", (0, 15), "diverted", queue=15),  # a group's leg is `diverted` when passed on: it never had it
            leg("1848", (15, 29), "answered", by="transferred", source="1890", answered=19, ring=4, talk=10),
            answered=(19, "1848"),
            source="1890",
            queue=15,
            ring=4,
            talk=10,
            billable=10,
            transfers=1,
        ),
    ),
    Hard(
        "transfer_to_a_queue_whose_member_answers",
        (
            *ANSWERED,
            (14, "TRANSFERRED", "1890", "1843"),
            (16, "QUEUED", "1890"),
            (40, "RINGING", "1848"),
            (45, "CONNECTED", "1848"),
            (55, "DISCONNECTED", "1848"),
        ),
        ended_call(
            55,
            "answered",
            leg("1843", (0, 14), "transferred", answered=4, ring=4, talk=10),
            leg("1890", (14, 45), "answered_elsewhere", by="transferred", source="1843", ring=2, queue=24),
            leg("1848", (40, 55), "answered", by="alerted", answered=45, ring=5, talk=10),
            answered=(4, "1843"),
            ring=11,  # 4 − 0, 16 − 14, 45 − 40
            queue=24,
            talk=20,
            billable=51,
            transfers=1,
        ),
    ),
    Hard(
        "attendant_answers_and_a_person_handles",
        (
            (0, "RINGING", "1901"),
            (1, "ANSWERED", "1901"),
            (11, "TRANSFERRED", "1843", "1901"),
            (11, "RINGING", "1843"),
            (21, "DISCONNECTED", "1843"),
        ),
        ended_call(
            21,
            "answered",
            leg("1901", (0, 11), "transferred", answered=1, ring=1, talk=10),
            leg("1843", (11, 21), "missed", by="transferred", source="1901", ring=10),
            answered=(1, "1901"),
            handled=(None, ""),
            source="1901",
            ring=11,
            talk=10,
            billable=20,
            transfers=1,
            lost_in_transfer=True,
        ),
    ),
    # Elements
    Hard(
        "trunk_changes",
        (*ANSWERED, (6, "CALLMODIFIED", "1843", {"trunk": "92109"}), (10, "DISCONNECTED", "1843")),
        ended_call(
            10,
            "answered",
            leg("1843", (0, 10), "answered", answered=4, ring=4, talk=6),
            answered=(4, "1843"),
            ring=4,
            talk=6,
            billable=6,
            trunk="92108",
            flags=Flag.TRUNK_CHANGED,
        ),
    ),
    Hard(
        "outgoing_call_nobody_answers",
        ((0, "RINGING", "1843"), (25, "DISCONNECTED", "1843")),
        ended_call(25, "no_answer", leg("1843", (0, 25), "no_answer", ring=25), direction="out", ring=25),
        elements={"direction": "out"},
    ),
]


@dataclass(frozen=True)
class Clocked:
    """A call as a PBX with a 12-hour clock writes it into a file, and what its times are in UTC."""

    name: str
    id_start: str  # the first 14 characters of the call id
    lines: tuple[tuple[str, str], ...]  # stamp, event; all at 1843
    started_at: str
    answered_at: str
    ended_at: str
    ring: int
    talk: int
    flags: tuple[str, ...] = ()


CLOCKED = [  # in order of time, as in a file; London
    Clocked(
        "spring_night",
        "20260329005950",
        (
            ("2026-03-29 12:59:50", "RINGING"),  # ten seconds before clocks go from 01:00 to 02:00
            ("2026-03-29 02:00:05", "ANSWERED"),  # 02:00:05 BST
            ("2026-03-29 02:10:05", "DISCONNECTED"),
        ),
        "2026-03-29T00:59:50Z",
        "2026-03-29T01:00:05Z",
        "2026-03-29T01:10:05Z",
        ring=15,
        talk=600,
    ),
    Clocked(
        "spring_night_on_a_clock_not_yet_changed",
        "20260329005955",
        (
            ("2026-03-29 12:59:55", "RINGING"),
            ("2026-03-29 01:00:10", "ANSWERED"),  # does not exist: forward to 02:00:10 BST
            ("2026-03-29 02:01:10", "DISCONNECTED"),
        ),
        "2026-03-29T00:59:55Z",
        "2026-03-29T01:00:10Z",
        "2026-03-29T01:01:10Z",
        ring=15,
        talk=60,
        flags=("clock_missing_hour",),
    ),
    Clocked(
        "autumn_night",
        "20261025015000",
        (
            ("2026-10-25 01:50:00", "RINGING"),  # BST
            ("2026-10-25 01:58:00", "ANSWERED"),  # BST
            ("2026-10-25 01:05:00", "DISCONNECTED"),  # 53 minutes back: GMT
        ),
        "2026-10-25T00:50:00Z",
        "2026-10-25T00:58:00Z",
        "2026-10-25T01:05:00Z",
        ring=480,
        talk=420,
        flags=("clock_repeated_hour",),
    ),
    Clocked(
        "over_noon",
        "20261120115950",
        (
            ("2026-11-20 11:59:50", "RINGING"),
            ("2026-11-20 12:00:05", "ANSWERED"),
            ("2026-11-20 01:00:05", "DISCONNECTED"),
        ),
        "2026-11-20T11:59:50Z",
        "2026-11-20T12:00:05Z",
        "2026-11-20T13:00:05Z",
        ring=15,
        talk=3600,
    ),
    Clocked(
        "over_midnight",
        "20261120235950",
        (
            ("2026-11-20 11:59:50", "RINGING"),
            ("2026-11-21 12:00:05", "ANSWERED"),
            ("2026-11-21 12:30:05", "DISCONNECTED"),
        ),
        "2026-11-20T23:59:50Z",
        "2026-11-21T00:00:05Z",
        "2026-11-21T00:30:05Z",
        ring=15,
        talk=1800,
    ),
    Clocked(
        "clock_set_back_during_the_talk",
        "20261121143000",
        (
            ("2026-11-21 02:30:00", "RINGING"),
            ("2026-11-21 02:30:05", "ANSWERED"),
            ("2026-11-21 02:12:00", "DISCONNECTED"),  # 18 minutes back: ends no earlier than what came before
        ),
        "2026-11-21T14:30:00Z",
        "2026-11-21T14:30:05Z",
        "2026-11-21T14:30:05Z",
        ring=5,
        talk=0,
        flags=("out_of_order",),
    ),
]
