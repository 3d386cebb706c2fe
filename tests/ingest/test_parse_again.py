"""Quarantined lines tried again, on both databases."""

from datetime import UTC, datetime
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from calls.directory.models import Feed, FeedState
from calls.models import Call, CallEvent
from calls.records import Event
from calls.store import CallStore
from ingest.again import parse_again, triable
from ingest.models import QuarantinedLine
from tests.ingest.lines import smdr_line

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

RECEIVED = datetime(2012, 3, 9, 13, 20, 40, 123456, tzinfo=UTC)
STARRED = smdr_line(padding="*")  # not readable while the feed's padding is 0


@pytest.fixture
def feed() -> Feed:
    feed = Feed.objects.create(name="Head office")
    FeedState.objects.filter(feed=feed).update(accepted=3, quarantined=3)
    for sequence, (line, reason) in enumerate(
        [(STARRED, "bad_number"), (b"nonsense", "wrong_length"), (b"x" * 4096, "overlong")], 1
    ):
        QuarantinedLine.objects.create(
            feed=feed, received_at=RECEIVED, journal=0xABC, sequence=sequence, connection=0xDEF, n=1, origin=0,
            fault=int(reason == "overlong"), line=line, reason=reason, detail="as it was",
        )  # fmt: skip
    return feed


def counters(feed: Feed) -> tuple[int, int, int, int]:
    state = FeedState.objects.get(feed=feed)
    assert state.accepted == state.events + state.duplicates + state.quarantined
    assert state.quarantined == QuarantinedLine.objects.filter(feed=feed).count()
    return state.accepted, state.events, state.duplicates, state.quarantined


def test_a_line_that_can_be_read_now_becomes_an_event_with_its_own_receipt(feed: Feed) -> None:
    Feed.objects.filter(pk=feed.pk).update(padding="*")
    tried = parse_again(feed, triable(feed))
    assert (tried.events, tried.duplicates, tried.still, tried.left) == (1, 0, 1, 0)
    event = CallEvent.objects.get()
    assert (event.received_at, event.journal, event.sequence, event.connection, event.n) == (
        RECEIVED, 0xABC, 1, 0xDEF, 1,
    )  # fmt: skip
    assert bytes(event.line) == STARRED
    assert event.at == RECEIVED.replace(microsecond=0)
    assert counters(feed) == (3, 1, 0, 2)
    assert Call.objects.get().revision == FeedState.objects.get(feed=feed).revision == 1


def test_what_still_fails_says_why_now(feed: Feed) -> None:
    QuarantinedLine.objects.filter(reason="wrong_length").update(reason="old_reason")
    tried = parse_again(feed, triable(feed).filter(reason="old_reason"))
    assert (tried.events, tried.still) == (0, 1)
    line = QuarantinedLine.objects.get(sequence=2)
    assert line.reason == "wrong_length"
    assert "as it was" not in line.detail
    assert counters(feed) == (3, 0, 0, 3)


def test_a_line_that_is_known_already_counts_as_a_duplicate(feed: Feed) -> None:
    Feed.objects.filter(pk=feed.pk).update(padding="*")
    parse_again(feed, triable(feed).filter(sequence=1))
    QuarantinedLine.objects.create(
        feed=feed, received_at=RECEIVED, journal=0xBBB, sequence=9, connection=0xEEE, n=1, origin=0, fault=0,
        line=STARRED, reason="bad_number",
    )  # fmt: skip
    FeedState.objects.filter(feed=feed).update(accepted=4, quarantined=3)
    tried = parse_again(feed, triable(feed).filter(sequence=9))
    assert (tried.events, tried.duplicates) == (0, 1)
    assert counters(feed) == (4, 1, 1, 2)


def test_a_loader_that_has_the_call_in_its_cache_goes_on_from_what_was_added(feed: Feed) -> None:
    """As a worker and the web process do it: two stores of one feed, turn by turn."""
    Feed.objects.filter(pk=feed.pk).update(padding="*")
    loader = CallStore(feed.pk)

    def load(name: str, second: int) -> None:
        at = int(RECEIVED.timestamp()) + second
        with loader.transaction() as work:
            work.open({"2012030913204052070264"})
            work.add(stored_event(name, second, at))
            work.tally.accepted = 1

    load("ANSWERED", 9)
    parse_again(feed, triable(feed))
    load("DISCONNECTED", 69)
    call = Call.objects.get()
    assert (call.event_count, call.started_at, call.ring_seconds, call.talk_seconds, call.partial) == (
        3, RECEIVED.replace(microsecond=0), 9, 60, False,
    )  # fmt: skip
    assert counters(feed) == (5, 3, 0, 2)


def stored_event(name: str, second: int, at: int) -> Event:
    return Event(
        call_id="2012030913204052070264", line=b"%d" % second, n=1, received_us=at * 1_000_000, journal=1,
        sequence=second, connection=1, at=at, clock_rule=1, id_started_at=None, name=name, direction="in",
        trunk="92108", extension="1843", source_extension="", number_raw="", number="", contact_name="", did="",
        did_name="", account_code="", flags=0,
    )  # fmt: skip


class TestPage:
    @pytest.fixture
    def operator(self, client: Client) -> Client:
        user = User.objects.create_user("operator")
        names = ["view_feed", "change_quarantinedline"]
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(user)
        return client

    def test_one_line(self, operator: Client, feed: Feed) -> None:
        Feed.objects.filter(pk=feed.pk).update(padding="*")
        line = QuarantinedLine.objects.get(sequence=1)
        response = operator.post(f"/feeds/{feed.pk}/again/", {"line": line.pk}, follow=True)
        assert "1 line read and stored." in response.content.decode()
        assert counters(feed) == (3, 1, 0, 2)
        entry = LogEntry.objects.get_for_object(feed).latest("timestamp")
        assert entry.actor is not None
        assert entry.actor.get_username() == "operator"
        assert "quarantined lines parsed again" in entry.changes_dict

    def test_all_of_a_reason(self, operator: Client, feed: Feed) -> None:
        page = operator.get(f"/feeds/{feed.pk}/?reason=wrong_length").content.decode()
        assert "Parse all 1 again" in page
        response = operator.post(f"/feeds/{feed.pk}/again/", {"reason": "wrong_length"}, follow=True)
        assert "1 line still cannot be read and stays in quarantine." in response.content.decode()

    def test_what_is_not_whole_is_never_tried(self, operator: Client, feed: Feed) -> None:
        response = operator.post(f"/feeds/{feed.pk}/again/", {"reason": "overlong"}, follow=True)
        assert "Nothing to parse again" in response.content.decode()
        assert QuarantinedLine.objects.filter(reason="overlong").exists()

    @pytest.mark.parametrize(("data", "code"), [({}, 400), ({"line": "1" * 30}, 400), ({"line": "-1"}, 400)])
    def test_nonsense(self, operator: Client, feed: Feed, data: dict[str, str], code: int) -> None:
        assert operator.post(f"/feeds/{feed.pk}/again/", data).status_code == code

    def test_who_may_only_look_may_not(self, client: Client, feed: Feed) -> None:
        user = User.objects.create_user("reader")
        user.user_permissions.set(Permission.objects.filter(codename="view_feed"))
        client.force_login(user)
        assert client.post(f"/feeds/{feed.pk}/again/", {"reason": "wrong_length"}).status_code == 403
        assert "Parse" not in client.get(f"/feeds/{feed.pk}/?reason=wrong_length").content.decode()

    def test_a_get_changes_nothing(self, operator: Client, feed: Feed) -> None:
        assert operator.get(f"/feeds/{feed.pk}/again/?reason=wrong_length").status_code == 405


def test_bytes_are_shown_and_inert(admin_client: Client, feed: Feed) -> None:
    QuarantinedLine.objects.filter(sequence=2).update(line=b"<script>\0\x1b[31m\xff")
    page = admin_client.get(f"/feeds/{feed.pk}/").content.decode()
    assert "&lt;script&gt;" in page
    assert "<i>␀␛</i>[31m<i>‹FF›</i>" in page
    assert "\0" not in page


def test_its_queries_are_few(
    admin_client: Client, feed: Feed, fresh_sidebar: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(18):
        admin_client.get(f"/feeds/{feed.pk}/")


def test_the_pages_queries_do_not_grow_with_the_feeds(
    admin_client: Client, feed: Feed, fresh_sidebar: None, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        Feed.objects.create(name=f"Branch {number}", push_enabled=True, push_port=3000 + number)
    with django_assert_num_queries(11):
        admin_client.get("/feeds/")
