"""What pages and reports say of outages."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from calls.directory.models import Feed, Outage, WorkerStatus
from calls.outage_notes import OutageNote, length, outages_between, warnings
from tests.calls.factories import NINE, make_call, make_feed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_seven_past_two() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def feed() -> Feed:
    return make_feed()


def outage(feed: Feed, kind: str, began: datetime, minutes: float | None) -> Outage:
    ended = None if minutes is None else began + timedelta(minutes=minutes)
    return Outage.objects.create(feed=feed, kind=kind, began_at=began, ended_at=ended)


def test_a_period_is_touched_or_not(feed: Feed) -> None:
    touching = outage(feed, "silent", NINE, 13)
    outage(feed, "silent", NINE + timedelta(hours=3), 5)
    outage(make_feed("Branch"), "silent", NINE, 13)
    found = outages_between(NINE + timedelta(minutes=12), NINE + timedelta(hours=3), NOW, feed.pk)
    assert [note.pk for note in found] == [touching.pk]
    assert outages_between(NINE + timedelta(minutes=13), NINE + timedelta(hours=3), NOW, feed.pk) == []


def test_a_backlog_that_is_over_made_nothing_incomplete(feed: Feed) -> None:
    outage(feed, "backlog", NINE, 13)
    assert outages_between(NINE, NOW, NOW) == []


def test_a_dead_worker_that_nobody_has_written_is_told(feed: Feed) -> None:
    Feed.objects.filter(pk=feed.pk).update(push_enabled=True, push_port=2008)
    WorkerStatus.objects.create(
        feed=feed, worker="a:1:0", endpoints=1, heartbeat_at=NINE, started_at=NINE, connected_since=NINE
    )
    (note,) = outages_between(NINE, NINE + timedelta(hours=1), NOW)
    assert (note.kind, note.began_at, note.pk) == ("worker_down", NINE, None)
    assert outages_between(NINE - timedelta(hours=2), NINE, NOW) == []
    (notice,) = warnings([note], NOW)
    assert str(notice) == "Feed “Head office” has had no worker since 09:00. Calls since then may be missing."
    assert notice.url == f"/feeds/{feed.pk}/#outages"


def test_the_list_the_call_and_the_report_say_so_with_a_link(admin_client: Client, feed: Feed) -> None:
    call = make_call(feed=feed)
    row = outage(feed, "silent", NINE + timedelta(seconds=30), 13)
    said = "Feed “Head office” was silent on Tue 24 Nov, 09:00 to 09:13."
    for address in ("/calls/?period=today", f"/calls/{call.pk}/", "/reports/by-extension/?period=today"):
        page = admin_client.get(address).content.decode()
        assert said in page, address
        assert f'href="/feeds/{feed.pk}/?outage={row.pk}#outage-{row.pk}"' in page, address
    for address in ("/calls/?period=yesterday", "/reports/by-extension/?period=yesterday"):
        assert "was silent" not in admin_client.get(address).content.decode(), address
    later = make_call(feed=feed, started_at=NINE + timedelta(hours=2))
    assert "was silent" not in admin_client.get(f"/calls/{later.pk}/").content.decode()
    page = admin_client.get(f"/feeds/{feed.pk}/?outage={row.pk}").content.decode()
    assert f'id="outage-{row.pk}" class="tb-chosen"' in page


def test_the_report_command_and_json_say_so(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    make_call(feed=feed)
    outage(feed, "disconnected", NINE, 13)
    out, err = io.StringIO(), io.StringIO()
    call_command("report", "by-extension", "--since", "2026-11-24", "--format", "csv", stdout=out, stderr=err)
    assert "was not connected on Tue 24 Nov, 09:00 to 09:13" in err.getvalue()
    assert "not connected" not in out.getvalue()
    out = io.StringIO()
    call_command("report", "by-extension", "--since", "2026-11-24", "--format", "json", stdout=out)
    assert json.loads(out.getvalue())["outages"] == [
        {
            "feed": "Head office",
            "kind": "disconnected",
            "began_at": "2026-11-24T09:00:00Z",
            "ended_at": "2026-11-24T09:13:00Z",
        }
    ]


def test_many_are_one_sentence_in_which_time_counts_once(feed: Feed) -> None:
    notes = [
        OutageNote(
            n, feed.pk, feed.name, "silent", NINE + timedelta(minutes=10 * n), NINE + timedelta(minutes=10 * n + 15)
        )
        for n in range(4)
    ]
    (notice,) = warnings(notes, NOW)
    assert notice.what == "4 outages of feed “Head office” touch this period, 45 min in all."
    (clipped,) = warnings(notes, NOW, NINE + timedelta(minutes=5), NINE + timedelta(minutes=20))
    assert "15 min in all" in clipped.what


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99, "99 s"), (100, "1 min"), (5_999, "99 min"), (6_000, "1 h 40 min"), (7_200, "2 h"),
     (187_200, "2 d 4 h"), (172_800, "2 d")],
)  # fmt: skip
def test_lengths(seconds: int, text: str) -> None:
    assert length(timedelta(seconds=seconds)) == text
