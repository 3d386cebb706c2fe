"""The ledger as workers write it: rows of what they say of themselves in, rows of outages out, on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from calls.directory.health import health_of_feeds
from calls.directory.models import Feed, FeedHour, FeedState, Outage, WorkerStatus
from calls.directory.outages import Graces, Turn, WorkerFacts
from calls.directory.silence import HOURS_OF_WEEK
from calls.rows import ask, epoch_microseconds
from ingest.hours import HourCount
from ingest.outages import (
    Dark,
    Past,
    close_all,
    close_those_of_feeds_switched_off,
    learn_what_is_usual,
    look,
    write_past,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GRACES = Graces(timedelta(seconds=10), timedelta(seconds=5), timedelta(seconds=60))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def feed() -> Feed:
    return Feed.objects.create(name="Head office", push_enabled=True, push_port=2008)


def says(feed: Feed, at: float, worker: str = "host-a:1:00", **fields: Any) -> None:
    defaults = {"heartbeat_at": after(at), "started_at": NOON, "endpoints": 1, "connected_since": None, **fields}
    WorkerStatus.objects.update_or_create(feed=feed, worker=worker, defaults=defaults)


def ledger(feed: Feed) -> list[tuple[str, datetime, datetime | None]]:
    return list(feed.outages.order_by("began_at", "pk").values_list("kind", "began_at", "ended_at"))


def state(feed: Feed, at: float) -> str:
    return dict(health_of_feeds(after(at)))[feed].state


def test_a_lost_connection_is_one_row_whoever_looks(feed: Feed) -> None:
    says(feed, 100, lost_at=after(90))
    look([feed.pk], after(100))
    look([feed.pk], after(100))
    says(feed, 101, worker="host-b:1:00")
    look([feed.pk], after(101))
    assert ledger(feed) == [("disconnected", after(90), None)]
    assert state(feed, 101) == "lost"
    says(feed, 130, connected_since=after(129), lost_at=None, last_line_at=after(129))
    look([feed.pk], after(130))
    assert ledger(feed) == [("disconnected", after(90), after(129))]
    assert state(feed, 130) == "live"


def test_a_dead_worker_is_seen_at_once_and_written_by_the_next(feed: Feed) -> None:
    says(feed, 100, connected_since=after(1), last_line_at=after(99))
    (_, health), *_ = health_of_feeds(after(200))
    assert (health.state, health.outages) == ("lost", {"worker_down": after(100)})
    assert ledger(feed) == []
    look([feed.pk], after(3600))  # as a worker does before its first heartbeat
    says(feed, 3600, worker="host-a:2:00", started_at=after(3600))
    look([feed.pk], after(3600))
    assert ledger(feed) == [("worker_down", after(100), after(3600))]


def test_a_feed_of_the_command_line_was_without_its_killed_worker() -> None:
    feed = Feed.objects.create(name="For this run")
    says(feed, 100, connected_since=after(1), last_line_at=after(99), signed_off=True)  # found dead at the start
    look([feed.pk], after(3600), is_expected=True)
    assert ledger(feed) == [("worker_down", after(100), None)]


def test_silence_and_the_pill_agree(feed: Feed) -> None:
    quiet = {"connected_since": NOON, "last_line_at": after(100)}
    says(feed, 1900, **quiet)
    look([feed.pk], after(1900))
    assert (ledger(feed), state(feed, 1900)) == ([], "live")
    says(feed, 1901, **quiet)
    look([feed.pk], after(1901))
    assert (ledger(feed), state(feed, 1901)) == ([("silent", after(100), None)], "silent")
    says(feed, 2000, connected_since=NOON, last_line_at=after(1999))
    look([feed.pk], after(2000))
    assert (ledger(feed), state(feed, 2000)) == ([("silent", after(100), after(1999))], "live")


def test_a_backlog(feed: Feed) -> None:
    says(feed, 100, connected_since=NOON, last_line_at=after(99), waiting_since=after(20))
    look([feed.pk], after(100))
    assert ledger(feed) == [("backlog", after(20), None)]
    look([feed.pk], after(500))  # the worker died: nobody can tell
    assert ("backlog", after(20), None) in ledger(feed)
    says(feed, 501, connected_since=NOON, last_line_at=after(501), waiting_since=None)
    look([feed.pk], after(501))
    assert ("backlog", after(20), after(501)) in ledger(feed)


def test_a_feed_that_is_switched_off_has_no_outage(feed: Feed) -> None:
    says(feed, 100, lost_at=after(90))
    look([feed.pk], after(100))
    Feed.objects.filter(pk=feed.pk).update(active=False)
    says(feed, 101, signed_off=True)
    close_all(feed.pk, after(101))
    assert ledger(feed) == [("disconnected", after(90), after(101))]


def test_a_restart_of_the_worker_does_not_end_what_was_on(feed: Feed) -> None:
    says(feed, 100, lost_at=after(90))
    look([feed.pk], after(100))
    says(feed, 101, lost_at=after(90), signed_off=True)
    (_, health), *_ = health_of_feeds(after(105))
    assert health.outages == {"disconnected": after(90)}


@pytest.mark.parametrize("while_a_worker_ran", [True, False])
def test_a_feed_that_was_switched_off_was_not_without_a_worker(feed: Feed, *, while_a_worker_ran: bool) -> None:
    says(feed, 100, signed_off=while_a_worker_ran)
    Feed.objects.filter(pk=feed.pk).update(active=False)
    if while_a_worker_ran:
        close_all(feed.pk, after(100))
    else:
        close_those_of_feeds_switched_off(after(5000))
    Feed.objects.filter(pk=feed.pk).update(active=True)
    (_, health), *_ = health_of_feeds(after(9000))
    assert health.outages == {}
    look([feed.pk], after(9000), is_expected=True)
    assert ledger(feed) == []


def test_a_feed_of_files_expects_nothing() -> None:
    feed = Feed.objects.create(name="Archive")
    look([feed.pk], NOON)
    assert (ledger(feed), state(feed, 0)) == ([], "none")


def test_looking_costs_few_queries(feed: Feed, django_assert_num_queries: Any) -> None:
    feeds = [feed, *(Feed.objects.create(name=f"Branch {n}", push_enabled=True, push_port=3000 + n) for n in range(5))]
    for each in feeds:
        says(each, 100, connected_since=NOON, last_line_at=after(99))
    with django_assert_num_queries(3):
        look([each.pk for each in feeds], after(100))


class TestDark:
    """While the database is away."""

    def facts(self, at: float, **fields: Any) -> WorkerFacts:
        return WorkerFacts(heartbeat_at=after(at), started_at=NOON, **fields)

    def test_what_began_and_ended_meanwhile_is_written_when_it_is_back(self, feed: Feed) -> None:
        dark = Dark(GRACES)
        dark.follow({feed.pk: lambda since: since + timedelta(minutes=10)})
        dark.note({feed.pk: self.facts(0, connected_since=NOON)}, NOON)
        dark.forget(dark.over(), NOON)
        dark.note({feed.pk: self.facts(110, lost_at=after(100))}, after(110))
        dark.note({feed.pk: self.facts(130, connected_since=after(125))}, after(130))
        over = dark.over()
        assert over == [Past(feed.pk, Turn("disconnected", after(100), after(125)), unwritten=True)]
        write_past(over, "host-a:1:00", after(140))
        write_past(over, "host-a:1:00", after(141))
        assert ledger(feed) == [("disconnected", after(100), after(125))]
        dark.forget(over, after(140))
        assert dark.over() == []

    def test_what_was_written_before_gets_its_end(self, feed: Feed) -> None:
        Outage.objects.create(feed=feed, kind="disconnected", began_at=after(100))
        write_past([Past(feed.pk, Turn("disconnected", after(100), after(125)), unwritten=False)], "me", after(200))
        assert ledger(feed) == [("disconnected", after(100), after(125))]

    def test_another_worker_had_a_connection(self, feed: Feed) -> None:
        says(feed, 140, worker="host-b:1:00", connected_since=after(10))
        write_past([Past(feed.pk, Turn("disconnected", after(100), after(125)), unwritten=True)], "me", after(140))
        assert ledger(feed) == []


def count_lines(feed: Feed, moments: list[datetime]) -> None:
    hours = HourCount(feed.pk, map(epoch_microseconds, moments))
    hours.add(*ask(connection, [hours.question()]))
    hours.write()


def test_lines_are_counted_by_hour(feed: Feed) -> None:
    moments = [after(0), after(30), after(200), after(3599), after(3600)]
    count_lines(feed, moments[:2])
    count_lines(feed, moments[2:])
    assert list(FeedHour.objects.order_by("hour").values_list("hour", "lines", "longest_gap_seconds")) == [
        (NOON, 4, 3399.0),
        (after(3600), 1, 0.0),
    ]


def test_what_is_usual_is_learned_once_an_hour(feed: Feed) -> None:
    for day in range(28):
        start = NOON - timedelta(days=29 - day)
        FeedHour.objects.create(
            feed=feed, hour=start, lines=60, first_at=start, last_at=start + timedelta(minutes=59),
            longest_gap_seconds=120,
        )  # fmt: skip
    learn_what_is_usual([feed.pk], NOON)
    known = FeedState.objects.get(feed=feed)
    assert len(known.usual_silence) == HOURS_OF_WEEK
    assert known.usual_learned_at == NOON
    FeedHour.objects.all().delete()
    learn_what_is_usual([feed.pk], after(3599))
    assert FeedState.objects.get(feed=feed).usual_silence == known.usual_silence
    learn_what_is_usual([feed.pk], after(3601))
    assert FeedState.objects.get(feed=feed).usual_silence == []


def test_the_database_holds_one_open_outage_of_a_kind(feed: Feed) -> None:
    from django.db import IntegrityError, transaction

    Outage.objects.create(feed=feed, kind="silent", began_at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Outage.objects.create(feed=feed, kind="silent", began_at=NOON)
    assert connection.vendor in {"sqlite", "postgresql"}
