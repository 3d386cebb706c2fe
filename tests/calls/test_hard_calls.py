import pytest

from calls.assembly import fold
from tests.calls.hard_calls import HARD, Hard
from tests.calls.strategies import KINDS, events_of

NEVER_LATER = 10**9


@pytest.mark.parametrize("hard", HARD, ids=lambda hard: hard.name)
def test_a_hard_call_is_what_was_worked_out_by_hand(hard: Hard) -> None:
    events = events_of(*hard.steps, id_started_at=-hard.id_seconds_before, **hard.elements)
    assert fold(events, KINDS, NEVER_LATER if hard.is_stale else None) == hard.answer


def test_the_names_are_different() -> None:
    assert len({hard.name for hard in HARD}) == len(HARD)
