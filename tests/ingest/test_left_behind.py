"""Journals that nobody writes any more, beside things that are none of them."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from calls.directory.models import Feed, FeedState, WorkerStatus
from calls.store import CallStore
from ingest.journal import LOCK, Journal
from ingest.left_behind import LeftBehind, journal_space
from ingest.segments import Origin
from ingest.status import feed_statuses
from tests.ingest.lines import smdr_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def feed(tmp_path: Path, settings: Settings) -> Feed:
    settings.SMDR_DATA_DIR = tmp_path
    return Feed.objects.create(name="Head office")


def left_behind(feed: Feed, tmp_path: Path) -> Path:
    journal = Journal.create(tmp_path, feed.pk)
    journal.append_now([(1_331_299_240_000_000, 5, 1, Origin.SOCKET, 0, smdr_line())])
    journal.close()
    return journal.directory


def test_one_that_cannot_be_read_holds_up_no_other(
    feed: Feed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unreadable = left_behind(feed, tmp_path)
    (unreadable / LOCK).unlink()
    (unreadable / LOCK).mkdir()  # as another user's file is to everybody but root
    os.utime(unreadable / LOCK, (0, 0))  # so that it comes first
    left_behind(feed, tmp_path)
    LeftBehind(CallStore(feed.pk), journal_space()).load()
    assert FeedState.objects.get(feed=feed).events == 1
    assert [getattr(record, "journal", "") for record in caplog.records][:1] == [str(unreadable)]


def test_one_that_is_just_being_made_is_left_alone(feed: Feed, tmp_path: Path) -> None:
    directory = tmp_path / "journal" / str(feed.pk) / f"{7:016x}"
    directory.mkdir(parents=True)
    LeftBehind(CallStore(feed.pk), journal_space()).load()
    assert directory.is_dir()
    assert not (directory / LOCK).exists()


@pytest.mark.parametrize("signed_off", [True, False])
def test_what_a_dead_worker_accepted_is_in_the_backlog_until_it_is_stored(
    feed: Feed, tmp_path: Path, settings: Settings, *, signed_off: bool
) -> None:
    """Its host is down, or it had no time to load: the lines are accepted all the same, and wait."""
    journal = int(left_behind(feed, tmp_path).name, 16)
    long_ago = timezone.now() - timedelta(hours=1)
    WorkerStatus.objects.create(
        feed=feed, worker="host:1:00", heartbeat_at=long_ago, started_at=long_ago, journal=journal, accepted=1,
        signed_off=signed_off,
    )  # fmt: skip
    (status,) = feed_statuses()
    assert (status.accepted, status.backlog, status.events) == (1, 1, 0)
    LeftBehind(CallStore(feed.pk), journal_space()).load()
    (status,) = feed_statuses()
    assert (status.accepted, status.backlog, status.events) == (1, 0, 1)
    settings.JOURNAL_KEEP_DAYS = 0
    LeftBehind(CallStore(feed.pk), journal_space()).load()
    (status,) = feed_statuses()
    assert (status.accepted, status.backlog, status.events) == (1, 0, 1)
    assert not list((tmp_path / "journal" / str(feed.pk)).iterdir())
