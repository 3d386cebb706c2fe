"""The rules of outages on a clock that the tests turn."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from calls.directory.outages import Graces, Seen, Turn, WorkerFacts, outages_on, seen, turns

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GRACES = Graces(timedelta(seconds=10), timedelta(seconds=5), timedelta(seconds=60))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def silent_after_ten_minutes(quiet_since: datetime) -> datetime:
    return quiet_since + timedelta(minutes=10)


def on_at(at: float, *workers: WorkerFacts, open_kinds: tuple[str, ...] = ()) -> dict[str, datetime] | None:
    return outages_on(seen(workers, None, after(at), GRACES), GRACES, silent_after_ten_minutes, open_kinds)


def test_a_connection_lost_for_longer_than_its_grace() -> None:
    worker = WorkerFacts(heartbeat_at=after(103), started_at=NOON, lost_at=after(98))
    assert on_at(103, worker) == {}
    assert on_at(104, worker) == {"disconnected": after(98)}


def test_a_worker_that_waits_for_its_first_connection() -> None:
    worker = WorkerFacts(heartbeat_at=after(6), started_at=NOON)
    assert on_at(6, worker) == {"disconnected": NOON}


def test_one_worker_with_a_connection_is_enough() -> None:
    without = WorkerFacts(heartbeat_at=after(100), started_at=NOON, lost_at=after(20))
    with_one = WorkerFacts(heartbeat_at=after(100), started_at=NOON, connected_since=after(20), last_line_at=after(99))
    assert on_at(100, without, with_one) == {}


def test_the_feed_is_without_a_connection_from_when_the_last_one_went() -> None:
    first = WorkerFacts(heartbeat_at=after(100), started_at=NOON, lost_at=after(20))
    killed = WorkerFacts(heartbeat_at=after(50), started_at=NOON, connected_since=after(1))
    assert on_at(100, first, killed) == {"disconnected": after(50)}


def test_no_worker() -> None:
    gone = WorkerFacts(heartbeat_at=after(50), started_at=NOON, connected_since=after(1))
    assert on_at(60, gone) == {}
    assert on_at(61, gone) == {"worker_down": after(50)}
    stopped = WorkerFacts(heartbeat_at=after(50), started_at=NOON, signed_off=True)
    assert on_at(55, stopped) is None  # it may be restarting: nothing can be told
    assert on_at(61, stopped) == {"worker_down": after(50)}


def test_silence_begins_at_the_last_line() -> None:
    worker = WorkerFacts(heartbeat_at=after(701), started_at=NOON, connected_since=NOON, last_line_at=after(100))
    assert on_at(700, worker) == {}
    assert on_at(701, worker) == {"silent": after(100)}


def test_a_backlog_stays_one_until_it_is_half_as_old() -> None:
    worker = WorkerFacts(
        heartbeat_at=after(115), started_at=NOON, connected_since=NOON, last_line_at=after(99), waiting_since=after(60)
    )
    assert on_at(100, worker) == {}
    assert on_at(100, worker, open_kinds=("backlog",)) == {"backlog": after(60)}
    assert on_at(121, worker) == {"backlog": after(60)}


def test_a_line_between_two_silences_makes_two_of_them() -> None:
    feed = Seen(at=after(2000), working_since=NOON, connected_since=NOON, last_line_at=after(900))
    assert turns({"silent": after(10)}, {"silent": after(900)}, feed) == [
        Turn("silent", after(10), after(900)),
        Turn("silent", after(900)),
    ]


def test_a_worker_that_starts_closes_the_time_without_one_at_its_start() -> None:
    started = Seen(at=after(500), last_heartbeat_at=after(500), working_since=after(499))
    assert turns({"worker_down": after(50)}, {}, started) == [Turn("worker_down", after(50), after(499))]


Step = tuple[int, str, bool, int | None]
steps = st.lists(
    st.tuples(
        st.integers(1, 400),  # seconds to the next look
        st.sampled_from(["up", "up", "lost", "down", "restarting"]),
        st.booleans(),  # a line came just before
        st.one_of(st.none(), st.integers(0, 200)),  # for how long the oldest line waits
    ),
    max_size=40,
)


@given(steps)
def test_outages_of_a_kind_never_overlap_and_end_after_they_begin(
    story: list[tuple[int, str, bool, int | None]],
) -> None:
    at, state, since, line, heartbeat = 0.0, "up", 0.0, 0.0, 0.0
    is_open: dict[str, datetime] = {}
    ledger: list[Turn] = []
    for seconds, new_state, has_line, waits in story:
        at += seconds
        if new_state != state:
            state, since = new_state, at - min(seconds, 1) / 2
        if state in {"up", "lost"}:
            heartbeat = at
        if has_line and state == "up":
            line = max(at - 0.25, since)
        worker = WorkerFacts(
            heartbeat_at=after(heartbeat),
            started_at=NOON,
            connected_since=after(since) if state == "up" else None,
            lost_at=after(since) if state == "lost" else None,
            last_line_at=after(line),
            waiting_since=None if waits is None else after(at - waits),
            signed_off=state == "restarting",
        )
        known = seen([worker], None, after(at), GRACES)
        on = outages_on(known, GRACES, silent_after_ten_minutes, is_open)
        ends = {turn.kind: turn.ended_at for turn in ledger if turn.ended_at}
        for turn in turns(is_open, on, known, ends):
            if turn.ended_at is None:
                assert turn.kind not in is_open
                is_open[turn.kind] = turn.began_at
            else:
                assert is_open.pop(turn.kind) == turn.began_at
                ledger.append(turn)
        if on is not None:
            assert is_open.keys() == on.keys()
    for kind in ("disconnected", "silent", "worker_down", "backlog"):
        rows = [turn for turn in ledger if turn.kind == kind]
        assert all(row.ended_at is not None and row.began_at <= row.ended_at for row in rows)
        closed = [*rows, *([Turn(kind, is_open[kind])] if kind in is_open else [])]
        assert all(one.ended_at <= two.began_at for one, two in pairwise(closed))
