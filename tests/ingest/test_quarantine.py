import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from calls.directory.models import Feed, FeedState
from ingest.files import FileLoad
from ingest.models import QuarantinedLine, QuarantinedPack
from ingest.quarantine import keep
from tests.ingest.lines import smdr_line

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def feed(settings):
    settings.QUARANTINE_LINES_PER_FEED = 100
    return Feed.objects.create(name="Office", time_zone="Europe/London")


def load(feed: Feed, lines: list[bytes]) -> None:
    FileLoad(feed).run(io.BytesIO(b"\r\n".join([*lines, b""])))


def dumped() -> list[dict]:
    out = io.StringIO()
    call_command("quarantine", "dump", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_beyond_the_limit_the_oldest_are_packed_and_none_is_lost(feed):
    said = [b"garbage \xff %d" % number for number in range(250)] + [
        b"GET /%d HTTP/1.1" % number for number in range(30)
    ]
    for start in range(0, len(said), 70):
        load(feed, said[start : start + 70])
    assert QuarantinedLine.objects.count() <= 100
    assert bytes(QuarantinedLine.objects.order_by("pk").last().line) == said[-1]
    records = dumped()
    assert [record["line"].encode("latin-1") for record in records] == said
    assert {record["reason"] for record in records} == {"wrong_length", "looks_like_http"}
    state = FeedState.objects.get(pk=feed.pk)
    assert (state.accepted, state.quarantined, state.events) == (280, 280, 0)


def test_a_batch_larger_than_the_limit(feed):
    said = [b"flood %d" % number for number in range(6_000)]
    load(feed, [*said, smdr_line(stamp="2026-11-24 09:00:00", call_id="2026112409000000000001")])
    assert QuarantinedLine.objects.count() <= 100
    assert len(dumped()) == 6_000
    pack = QuarantinedPack.objects.order_by("pk").first()
    assert pack.reasons == {"wrong_length": pack.lines}
    assert len(pack.packed) < pack.lines * 60  # 30 times smaller than what it holds


def test_a_trickle_makes_few_packs(feed):
    for number in range(130):
        load(feed, [b"odd %d" % number])
    assert QuarantinedPack.objects.count() == 3
    assert len(dumped()) == 130


def test_feeds_are_apart_and_what_is_under_the_limit_is_not_packed(feed):
    other = Feed.objects.create(name="Depot", time_zone="Europe/London")
    load(other, [b"x"] * 100)
    load(feed, [b"y"] * 101)
    assert QuarantinedLine.objects.filter(feed=other).count() == 100
    assert QuarantinedPack.objects.get().feed == feed


def test_the_page_tells_what_is_packed(feed, client):
    client.force_login(User.objects.create_superuser("admin"))
    load(feed, [b"z%d" % number for number in range(150)])
    page = client.get(f"/feeds/{feed.pk}/").content.decode()
    packed = 150 - QuarantinedLine.objects.count()
    assert f"And {packed} older lines, packed" in page
    assert f"wrong_length {packed}." in page


def test_a_dump_of_the_quarantine_can_be_loaded(feed):
    load(feed, [b"y%d" % number for number in range(120)])
    dump = "\n".join(map(json.dumps, dumped())).encode()
    other = Feed.objects.create(name="Depot", time_zone="Europe/London")
    loaded = FileLoad(other).run(io.BytesIO(dump))
    assert (loaded.lines, loaded.quarantined) == (120, 120)


def test_packed_lines_that_can_be_read_after_an_update_become_events(feed, client):
    good = [smdr_line(call_id=f"20261124090000{number:08}") for number in range(20)]
    said = [*good, *(b"garbage %d" % number for number in range(300))]
    with transaction.atomic():
        keep(
            feed.pk,
            [
                QuarantinedLine(
                    feed=feed, received_at=timezone.now(), journal=7, sequence=sequence, connection=9, n=1, origin=0,
                    fault=0, line=line, reason="wrong_length",
                )
                for sequence, line in enumerate(said, 1)
            ],
        )  # fmt: skip
    FeedState.objects.filter(feed=feed).update(accepted=320, quarantined=320)
    assert QuarantinedPack.objects.get().lines > 200
    client.force_login(User.objects.create_superuser("admin"))
    page = client.post(f"/feeds/{feed.pk}/again/", {"packed": "1"}, follow=True).content.decode()
    assert "20 lines read and stored" in page
    state = FeedState.objects.get(pk=feed.pk)
    assert (state.accepted, state.quarantined, state.events) == (320, 300, 20)
    assert [record["line"].encode("latin-1") for record in dumped()] == said[20:]
