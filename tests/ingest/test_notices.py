"""When to tell of an outage, on a clock that the tests turn."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.notices import News, Told, Trouble, What, news

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AFTER, EVERY = timedelta(minutes=2), timedelta(minutes=60)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def told_at(minutes: float, troubles: list[Trouble], told: list[Told]) -> list[What]:
    return [item.what for item in news(troubles, told, at(minutes), AFTER, EVERY)]


LOST = Trouble(1, "disconnected", NOON)


def test_it_is_told_once_it_has_lasted() -> None:
    assert told_at(1, [LOST], []) == []
    assert told_at(2, [LOST], []) == [What.BEGAN]


def test_it_is_told_again_and_then_that_it_is_over() -> None:
    told = [Told(1, "disconnected", NOON, at(2))]
    assert told_at(61, [LOST], told) == []
    assert told_at(62, [LOST], told) == [What.GOES_ON]
    over = Trouble(1, "disconnected", NOON, at(70))
    assert news([over], told, at(71), AFTER, EVERY) == [News(What.OVER, over)]


def test_one_that_comes_and_goes_is_told_once_in_its_time() -> None:
    told = [Told(1, "disconnected", NOON, at(10), at(10))]
    again = Trouble(1, "disconnected", at(12))
    assert told_at(20, [again], told) == []
    assert told_at(70, [again], told) == [What.BEGAN]
    assert told_at(20, [Trouble(2, "disconnected", at(12))], told) == [What.BEGAN]
    assert told_at(20, [Trouble(1, "silent", at(12))], told) == [What.BEGAN]


def test_what_began_and_ended_while_nobody_looked_is_told_afterwards() -> None:
    past = Trouble(1, "worker_down", NOON, at(30))
    assert told_at(31, [past], []) == [What.WAS]
    assert told_at(31, [Trouble(1, "worker_down", NOON, at(1))], []) == []
    assert told_at(31, [past], [Told(1, "worker_down", NOON, at(31), at(31))]) == []
    assert told_at(60 * 25, [past], []) == []


@given(st.lists(st.tuples(st.integers(1, 90), st.booleans()), max_size=40))
def test_messages_of_one_outage_are_never_more_than_two_in_its_time_and_every_one_is_cleared(
    story: list[tuple[int, bool]],
) -> None:
    minute, began, told, sent = 0, None, [], []
    for minutes, is_on in [*story, (1, False)]:
        minute += minutes
        began = (began if began is not None else minute) if is_on else None
        troubles = [] if began is None else [Trouble(1, "silent", at(began))]
        for item in news(troubles, told, at(minute), AFTER, EVERY):
            sent.append((minute, item.what))
            if item.what == What.OVER:
                told = [*told[:-1], Told(1, "silent", told[-1].began_at, at(minute), at(minute))]
            elif item.what == What.GOES_ON:
                told = [*told[:-1], Told(1, "silent", told[-1].began_at, at(minute))]
            else:
                told.append(Told(1, "silent", item.trouble.began_at, at(minute)))
    alarms = [minute for minute, what in sent if what != What.OVER]
    assert all(later - earlier >= 60 for earlier, later in pairwise(alarms))
    assert [what for _, what in sent].count(What.BEGAN) == [what for _, what in sent].count(What.OVER)


def test_while_no_worker_runs_nothing_else_is_said_to_be_over() -> None:
    told = [Told(1, "disconnected", NOON, at(2))]
    down = Trouble(1, "worker_down", at(10))
    ended = Trouble(1, "disconnected", NOON, at(10))  # as the ledger has it: from then on nobody knew
    assert told_at(11, [down, ended], told) == []
    assert told_at(12, [down, ended], told) == [What.BEGAN]
    assert told_at(20, [ended], [*told, Told(1, "worker_down", at(10), at(12), at(15))]) == [What.OVER]
