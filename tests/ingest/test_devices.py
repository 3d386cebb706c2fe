"""What kind a device is found to be: a group's own first event is QUEUED (docs/call-model.md, Devices)."""

import io

import pytest

from calls.directory.models import Extension, Feed
from calls.models import Leg
from calls.store import CallStore
from ingest.files import FileLoad
from tests.ingest.lines import smdr_line

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

OVERFLOW = [("DIVERTED", "1900", "1890"), ("ANSWERED", "1900", ""), ("DISCONNECTED", "1900", "")]
QUEUE = [("QUEUED", "1890", ""), ("RINGING", "1840", ""), ("DISCONNECTED", "1840", "")]
CAMP_ON = [("RINGING", "1843", ""), ("QUEUED", "1843", ""), ("DISCONNECTED", "1843", "")]


def call_lines(minute: int, steps: list[tuple[str, str, str]]) -> bytes:
    return b"".join(
        smdr_line(
            stamp=f"2026-11-24 09:{minute:02}:{second:02}", call_id=f"202611240900{minute:02}{minute:08}",
            extension=extension, source_extension=source, event=event,
        ) + b"\r\n"
        for second, (event, extension, source) in enumerate(steps)
    )  # fmt: skip


@pytest.fixture
def feed():
    return Feed.objects.create(name="Office", time_zone="Europe/London")


def kind(number: str) -> str:
    return Extension.objects.get(number=number).kind


@pytest.mark.parametrize("in_one_load", [True, False])
def test_a_group_first_named_as_a_source_is_a_group_all_the_same(feed, in_one_load):
    overflow, queue = call_lines(0, OVERFLOW), call_lines(1, QUEUE)
    for data in [overflow + queue] if in_one_load else [overflow, queue]:
        FileLoad(feed).run(io.BytesIO(data))
    assert kind("1890") == "group"
    assert kind("1900") == "person"
    store = CallStore(feed.pk)
    while store.refold_changed_devices():
        pass
    assert not Extension.objects.filter(refold_wanted=True).exists()
    assert list(Leg.objects.filter(extension="1890").order_by("pk").values_list("outcome", flat=True)) == [
        "diverted",
        "missed",
    ]


def test_a_person_at_whom_somebody_camps_on_stays_a_person(feed):
    for minute in range(3):
        FileLoad(feed).run(io.BytesIO(call_lines(minute, CAMP_ON)))
    assert kind("1843") == "person"


def test_a_kind_that_a_person_set_stays(feed):
    FileLoad(feed).run(io.BytesIO(call_lines(0, OVERFLOW)))
    Extension.objects.filter(number="1890").update(kind_is_set=True)
    FileLoad(feed).run(io.BytesIO(call_lines(1, QUEUE)))
    assert kind("1890") == "person"


def test_a_number_of_another_feed_says_nothing_of_this_ones(feed):
    FileLoad(Feed.objects.create(name="Branch", time_zone="Europe/London")).run(io.BytesIO(call_lines(0, CAMP_ON)))
    overflow = [("DIVERTED", "1900", "1843"), ("DISCONNECTED", "1900", "")]
    FileLoad(feed).run(io.BytesIO(call_lines(1, overflow)))
    FileLoad(feed).run(io.BytesIO(call_lines(2, [("QUEUED", "1843", ""), ("DISCONNECTED", "1843", "")])))
    assert dict(Extension.objects.filter(number="1843").values_list("feed__name", "kind")) == {
        "Branch": "person",
        "Office": "group",
    }


def test_a_device_that_was_removed_and_added_again_is_still_known_to_be_a_person(feed):
    FileLoad(feed).run(io.BytesIO(call_lines(0, CAMP_ON)))
    Extension.objects.get(number="1843").delete()
    Extension(feed=feed, number="1843", name="Ann").save()
    FileLoad(feed).run(io.BytesIO(call_lines(1, [("QUEUED", "1843", ""), ("DISCONNECTED", "1843", "")])))
    assert kind("1843") == "person"
