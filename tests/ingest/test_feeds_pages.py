"""The pages of feeds: set up with clear refusals, seen as they are, and what could not be read shown inert."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from calls.directory.models import Feed, FeedState, WorkerStatus
from ingest.models import QuarantinedLine
from ingest.push import PushListener

pytestmark = pytest.mark.django_db

FORM: dict[str, Any] = {
    "name": "Head office", "active": "on", "push_enabled": "on", "push_host": "127.0.0.1", "push_port": "2008",
    "allow_list": "10.1.2.3, 10.2.0.0/16", "local_host": "", "local_port": "2007", "time_zone": "Europe/Berlin",
    "region": "DE", "padding": " ", "clock": "12", "stale_after_hours": "12", "short_call_seconds": "5",
    "answer_target_seconds": "20", "silent_after_minutes": "30",
}  # fmt: skip


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_a_feed_is_made_and_edited(root: Client) -> None:
    root.post("/feeds/add/", FORM)
    feed = Feed.objects.get()
    assert (feed.push_port, feed.time_zone, feed.region, feed.padding, feed.clock) == (
        2008, "Europe/Berlin", "DE", " ", "12",
    )  # fmt: skip
    assert FeedState.objects.filter(feed=feed).exists()
    answer = root.post(f"/feeds/{feed.pk}/edit/", FORM | {"local_enabled": "on", "local_host": "pbx.example"})
    assert answer["Location"] == f"/feeds/{feed.pk}/"
    feed.refresh_from_db()
    assert (feed.local_enabled, feed.local_host) == (True, "pbx.example")
    assert "pbx.example:2007" in root.get("/feeds/").content.decode()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"push_port": ""}, "Push needs a port"),
        ({"push_port": "70000"}, "less than or equal to 65535"),
        ({"push_host": "pbx"}, "is not an IP address to listen on"),
        ({"allow_list": "10.1.2.300"}, "does not appear to be an IPv4 or IPv6"),
        ({"local_enabled": "on"}, "Local needs the address"),
        ({"local_host": "a b"}, "neither an IP address nor a host name"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"region": "de"}, "is not a region"),
        ({"padding": ""}, "This field is required"),
        ({"padding": "é"}, "exactly one printable ASCII"),
        ({"clock": "13"}, "Select a valid choice"),
        ({"stale_after_hours": "0"}, "greater than or equal to 1"),
        ({"name": "OTHER"}, "There is a feed named “OTHER” already."),
        ({"push_port": "2010"}, "Other listens on 127.0.0.1:2010 already."),
        ({"push_port": "2010", "push_host": "0.0.0.0"}, "Other listens on 127.0.0.1:2010 already."),
    ],
)
def test_what_cannot_work_is_said_and_not_kept(root: Client, bad: dict[str, str], said: str) -> None:
    Feed.objects.create(name="Other", push_enabled=True, push_port=2010)
    answer = root.post("/feeds/add/", FORM | bad)
    assert answer.status_code == 200
    errors = " ".join(text for texts in answer.context["form"].errors.values() for text in texts)
    assert said in errors
    assert Feed.objects.count() == 1


def test_two_feeds_may_have_one_port_where_they_never_listen_both(root: Client) -> None:
    Feed.objects.create(name="Other", push_enabled=True, push_port=2008, active=False)
    Feed.objects.create(name="Next", push_enabled=True, push_port=2008, push_host="127.0.0.2")
    assert root.post("/feeds/add/", FORM).status_code == 302


def test_health_counters_and_quarantine_are_shown_inert(root: Client) -> None:
    feed = Feed.objects.create(name="Head office", push_enabled=True, push_port=2008)
    now = datetime.now(UTC)
    FeedState.objects.filter(feed=feed).update(accepted=4_321, events=4_000, duplicates=300, quarantined=21)
    WorkerStatus.objects.create(
        feed=feed, worker="host:1", heartbeat_at=now, started_at=now, connections=1, last_line_at=now,
        connected_since=now, journal=9, accepted=7, error="Cannot listen on <b>",
    )  # fmt: skip
    QuarantinedLine.objects.create(
        feed=feed, received_at=now, journal=1, sequence=1, connection=1, n=1, origin=0, fault=1,
        line=b"<script>\x00\x1b[2J\x85\xe9" + b"x" * 600, reason="overlong",
    )  # fmt: skip
    answer = root.get(f"/feeds/{feed.pk}/")
    page = answer.content.decode()
    for shown in (
        "4,328",
        "4,000",
        "300",
        "21",
        "Live",
        "Too long",
        "615",
        "&lt;script&gt;<i>␀␛</i>[2J<i>‹85›‹E9›</i>",
    ):
        assert shown in page
    for unsafe in ("<script>\0", "<b>", "\0", "\x1b"):
        assert unsafe not in page


def test_permissions(root: Client) -> None:
    feed = Feed.objects.create(name="Head office", push_enabled=True, push_port=2008)
    user = User.objects.create_user("tom")
    client = Client()
    client.force_login(user)
    assert client.get("/feeds/").status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_feed", "change_feed"]))
    assert client.get(f"/feeds/{feed.pk}/edit/").status_code == 200
    assert client.post("/feeds/add/", FORM).status_code == 403
    assert "/feeds/add/" not in client.get("/feeds/").content.decode()
    user.user_permissions.set(Permission.objects.filter(codename="view_feed"))
    assert client.post(f"/feeds/{feed.pk}/edit/", FORM).status_code == 403


@pytest.mark.parametrize(
    ("allow_list", "peer", "allowed"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "::ffff:127.0.0.1", True),
        ("", "192.0.2.7", False),
        ("", "::ffff:192.0.2.7", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "127.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
    ],
)
def test_who_may_connect(allow_list: str, peer: str, allowed: bool) -> None:
    from calls.directory.fields import networks

    listener = PushListener("127.0.0.1", 0, tuple(networks(allow_list)), sink=None)  # type: ignore[arg-type]
    assert listener.is_allowed(peer) is allowed
