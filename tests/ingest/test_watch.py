from datetime import UTC, datetime, timedelta

from ingest.watch import FeedWatch

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def look(
    watch: FeedWatch, at: float, peer: float | None = None, *, sent: bool = False, accepted: int = 0, loaded: int = 0
) -> None:
    since = None if peer is None else after(peer).timestamp()
    watch.look(after(at), oldest_peer=since, has_sent=sent, accepted=accepted, loaded=loaded)


def test_a_connection_is_lost_when_it_was_last_seen_and_a_short_break_is_none() -> None:
    watch = FeedWatch(timedelta(seconds=5))
    look(watch, 0)
    assert (watch.connected_since, watch.lost_at) == (None, None)
    look(watch, 10, peer=9)
    assert watch.connected_since is None
    look(watch, 11, peer=9)
    look(watch, 12)
    assert (watch.connected_since, watch.lost_at) == (None, after(11))
    look(watch, 15, peer=14)
    look(watch, 16, peer=14)
    assert (watch.connected_since, watch.lost_at) == (after(9), None)
    look(watch, 17)
    look(watch, 40, peer=39, sent=True)
    assert watch.connected_since == after(39)


def test_a_peer_that_closes_at_once_again_and_again_is_no_connection() -> None:
    watch = FeedWatch()
    for second in range(0, 300, 30):
        look(watch, second, peer=second - 0.1)
        look(watch, second + 1)
    assert (watch.connected_since, watch.lost_at) == (None, None)


def test_the_oldest_waiting_line() -> None:
    watch = FeedWatch()
    look(watch, 0, accepted=10, loaded=10)
    assert watch.waiting_since is None
    look(watch, 1, accepted=12, loaded=10)
    look(watch, 2, accepted=20, loaded=10)
    look(watch, 3, accepted=20, loaded=11)
    assert watch.waiting_since == after(1)
    look(watch, 4, accepted=20, loaded=12)
    assert watch.waiting_since == after(2)
    look(watch, 5, accepted=20, loaded=20)
    assert watch.waiting_since is None


def test_it_remembers_the_oldest_through_days_without_a_database() -> None:
    watch = FeedWatch()
    for second in range(1, 5_000):
        look(watch, second, accepted=second)
    assert watch.waiting_since == after(1)
    assert len(watch._waiting) <= 1_024


def test_the_rate_is_counted_in_tens_of_seconds() -> None:
    watch = FeedWatch()
    for second in range(35):
        look(watch, second, accepted=second * 3)
    assert watch.recent_lines == [27, 30, 30, 15]
    look(watch, 1_000_000, accepted=102)
    assert watch.recent_lines == [0] * 30
