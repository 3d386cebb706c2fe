import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from calls.directory.models import Access, Contact, Department
from calls.models import CallEvent
from calls.records import Flag
from calls.views import PAGE_SIZE
from calls.words import CLOCK_WORDS, FLAG_WORDS
from ingest.clock import ClockRule
from tests.calls.factories import ABANDONED, JOURNEY, NINE, TALKING, make_call, make_feed, name_devices

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_seven_past_two():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def sales():
    return Department.objects.create(name="Sales")


def sign_in(client, *departments, masked_digits=0):
    """A viewer of some departments; of all calls if none is named."""
    user = User.objects.create_user(f"viewer{User.objects.count()}")
    access = Access.objects.create(user=user, all_departments=not departments, masked_digits=masked_digits)
    access.departments.set(departments)
    client.force_login(user)
    return client


@pytest.fixture
def viewer(client):
    return sign_in(client)


@pytest.fixture
def journey():
    feed = make_feed()
    name_devices(feed, x1890="Support queue", x1840="Reception", x1843="Chris Reid", x1848="Maya Singh")
    feed.extensions.filter(number="1890").update(kind="group")
    return make_call(
        *JOURNEY,
        feed=feed,
        kinds={"1890": "group"},
        contact_name="Harbour Dental",
        did="441614960018",
        did_name="Main line",
    )


def body(response):
    async def collect():
        return b"".join([part async for part in response.streaming_content])

    return (async_to_sync(collect)() if response.streaming else response.content).decode()


def rows(response):
    return list(csv.DictReader(io.StringIO(body(response))))


class TestList:
    def test_it_shows_todays_calls_newest_first(self, viewer, journey):
        abandoned = make_call(*ABANDONED, started_at=NINE + timedelta(hours=1))
        make_call(started_at=NINE - timedelta(days=1))
        response = viewer.get("/calls/")
        assert [row.record.pk for row in response.context["table"].rows] == [abandoned.pk, journey.pk]
        page = body(response)
        assert "2 calls" in page
        assert "Harbour Dental" in page
        assert "Chris Reid" in page
        assert "020 7946 0712" in page
        assert f'href="/calls/{journey.pk}/"' in page

    def test_a_live_call_shows_its_state_and_its_talk_so_far(self, viewer):
        make_call(*TALKING, started_at=NOW - timedelta(seconds=69))
        (row,) = viewer.get("/calls/").context["table"].rows
        assert (row.record.word, row.record.talk, row.record.is_live) == ("Talking", "1:00", True)

    def test_a_page_leads_to_the_older_one_and_back(self, viewer):
        for after in range(PAGE_SIZE + 1):
            make_call(*ABANDONED, started_at=NINE + timedelta(seconds=after))
        first = viewer.get("/calls/?direction=in")
        assert not first.context["newer"]
        older = viewer.get(f"/calls/{first.context['older']}")
        assert len(older.context["table"].rows) == 1
        assert "direction=in" in older.context["newer"]
        back = viewer.get(f"/calls/{older.context['newer']}")
        assert len(back.context["table"].rows) == PAGE_SIZE

    def test_a_cursor_that_is_none_shows_the_newest(self, viewer, journey):
        assert len(viewer.get("/calls/?older=nonsense").context["table"].rows) == 1

    def test_no_call_matches_and_the_page_says_what_to_remove(self, viewer, journey):
        page = body(viewer.get("/calls/?direction=out"))
        assert "No calls match" in page
        assert "Remove “Out”" in page

    def test_what_cannot_be_read_is_said(self, viewer, journey):
        response = viewer.get("/calls/?since=soon")
        assert "“soon” is not a date" in body(response)
        assert not response.context["table"].rows

    def test_its_queries_do_not_grow_with_its_rows(self, viewer, journey, fresh_sidebar, django_assert_num_queries):
        for after in range(20):
            make_call(started_at=NINE + timedelta(minutes=after))
        viewer.get("/calls/?extension=1843")  # a process's first page also asks for what is kept from then on
        with django_assert_num_queries(19):
            viewer.get("/calls/?extension=1843")

    def test_markup_in_a_name_is_text(self, viewer):
        make_call(contact_name="<b>x</b>")
        assert "&lt;b&gt;x&lt;/b&gt;" in body(viewer.get("/calls/"))


class TestScope:
    def test_only_the_viewers_departments_are_listed_exported_and_opened(self, client, sales):
        support = Department.objects.create(name="Support")
        ours = make_call(call_fields={"department": sales})
        others = [make_call(call_fields={"department": support}), make_call()]
        sign_in(client, sales)
        assert [row.record.pk for row in client.get("/calls/").context["table"].rows] == [ours.pk]
        assert [row["call_id"] for row in rows(client.get("/calls/?format=csv"))] == [ours.call_id]
        assert client.get(f"/calls/{ours.pk}/").status_code == 200
        assert [client.get(f"/calls/{other.pk}/").status_code for other in others] == [404, 404]

    def test_a_user_without_access_sees_nothing(self, client):
        call = make_call()
        client.force_login(User.objects.create_user("nobody"))
        assert not client.get("/calls/").context["table"].rows
        assert client.get(f"/calls/{call.pk}/").status_code == 404

    @pytest.mark.parametrize("address", ["/calls/", "/calls/?format=csv", "/calls/1/"])
    def test_strangers_are_sent_to_sign_in(self, client, address):
        assert client.get(address).status_code == 302

    def test_hidden_digits_are_nowhere(self, client):
        call = make_call(
            (0, "RINGING", "1843"), (5, "CALLMODIFIED", "1843"), (9, "DISCONNECTED", "1843"), contact_name="02079460712"
        )
        sign_in(client, masked_digits=4)
        for address in ("/calls/", "/calls/?format=csv", "/calls/?format=json", f"/calls/{call.pk}/"):
            page = body(client.get(address))
            assert "0712" not in page, address
            assert "••••" in page, address

    def test_a_search_tells_no_hidden_digit(self, client):
        make_call()
        sign_in(client, masked_digits=4)
        assert client.get("/calls/?number=020+7946").context["table"].rows
        for guess in ("020+7946+0", "%2B4420794607"):
            assert not client.get(f"/calls/?number={guess}").context["table"].rows


class TestExport:
    def test_csv_holds_every_call_of_the_selection_and_not_only_a_page(self, viewer):
        for after in range(PAGE_SIZE + 5):
            make_call(*ABANDONED, started_at=NINE + timedelta(seconds=after))
        make_call(direction="out")
        response = viewer.get("/calls/?direction=in&format=csv")
        assert response["Content-Disposition"] == 'attachment; filename="calls 2026-11-24.csv"'
        assert len(rows(response)) == PAGE_SIZE + 5

    def test_a_row_has_the_fields_of_the_call_model_and_names(self, viewer, journey):
        (row,) = rows(viewer.get("/calls/?format=csv"))
        assert (row["call_id"], row["duration_seconds"], row["handled_by_name"]) == (
            journey.call_id,
            "312",
            "Reception",
        )
        assert row["started_at"] == "2026-11-24T09:00:00Z"
        assert row["number_e164"] == "'+442079460712"

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_cell_is_a_formula(self, viewer, start):
        make_call(call_fields={"contact_name": f"{start}1+1"})
        (row,) = rows(viewer.get("/calls/?format=csv"))
        assert row["contact_name"] == f"'{start}1+1"

    def test_json_has_the_legs(self, viewer, journey):
        (call,) = json.loads(body(viewer.get("/calls/?format=json")))
        assert [leg["extension"] for leg in call["legs"]] == ["1890", "1840", "1848", "1843"]

    def test_an_empty_selection_is_an_empty_file(self, viewer):
        assert json.loads(body(viewer.get("/calls/?format=json"))) == []
        assert rows(viewer.get("/calls/?format=csv")) == []

    @pytest.mark.parametrize("address", ["format=xls", "format=csv&since=soon", "format=json&direction=up"])
    def test_what_cannot_be_read_is_refused(self, viewer, address):
        assert viewer.get(f"/calls/?{address}").status_code == 400


class TestOneCall:
    def test_its_figures_journey_and_events(self, viewer, journey):
        response = viewer.get(f"/calls/{journey.pk}/")
        page = response.context["page"]
        assert page.title == "Harbour Dental to Chris Reid"
        assert [(figure.label, figure.value) for figure in page.figures] == [
            ("Duration", "5:12"), ("Time to answer", "0:41"), ("Talk", "3:32"), ("Held", "0:52"),
        ]  # fmt: skip
        assert [(track.device.name, track.phrase) for track in page.tracks] == [
            ("Support queue", "answered elsewhere"),
            ("Reception", "transferred to Chris Reid"),
            ("Maya Singh", "answered elsewhere"),
            ("Chris Reid", "answered"),
        ]
        assert [event.sentence for event in page.events] == [
            "Waiting at Support queue",
            "Rang Reception",
            "Rang Maya Singh",
            "Answered by Reception after 0:41",
            "Held by Reception",
            "Transferred by Reception to Chris Reid",
            "Rang Chris Reid",
            "Connected to Chris Reid",
            "Held by Chris Reid",
            "Taken off hold by Chris Reid",
            "Ended after 5:12",
        ]
        assert "|QUEUED      |" in body(response)

    def test_an_outgoing_call_reads_from_its_maker(self, viewer):
        feed = make_feed()
        name_devices(feed, x1843="Chris Reid")
        Contact.objects.create(number_e164="+442079460712", name="Northgate Motors")
        call = make_call(feed=feed, direction="out")
        page = viewer.get(f"/calls/{call.pk}/").context["page"]
        assert page.title == "Chris Reid to Northgate Motors"
        assert [event.sentence for event in page.events] == [
            "Chris Reid called; ringing outside",
            "Answered outside after 0:09",
            "Ended after 1:09",
        ]

    def test_a_live_call_grows_to_now(self, viewer):
        call = make_call(*TALKING, started_at=NOW - timedelta(seconds=69))
        page = viewer.get(f"/calls/{call.pk}/").context["page"]
        assert page.is_live
        assert (page.word, page.figures[0].value, page.figures[0].note) == ("Talking", "1:09", "so far")
        assert [(bar.title, bar.is_open) for bar in page.tracks[0].bars] == [
            ("Ringing 0:09", False),
            ("Talking 1:00 so far", True),
        ]

    def test_flags_are_told_in_words(self, viewer):
        call = make_call((0, "CONNECTED", "1843"), (9, "DISCONNECTED", "1843"), (12, "STRANGE", "1843"))
        page = viewer.get(f"/calls/{call.pk}/").context["page"]
        assert [word for word, _ in page.remarks] == ["Beginning not seen", "Events after its end"]
        assert page.events[-1].sentence == "Unknown event “STRANGE”, kept as it came"
        assert page.events[-1].after_end

    def test_lines_are_shown_as_text_whatever_they_hold(self, viewer):
        call = make_call()
        CallEvent.objects.filter(call=call).update(line=b"<script>\xff\xe9" + b"x" * 154)
        assert "&lt;script&gt;\xff\xe9" in body(viewer.get(f"/calls/{call.pk}/"))

    @pytest.mark.parametrize("pk", [0, 10**30])
    def test_there_is_no_such_call(self, viewer, pk):
        assert viewer.get(f"/calls/{pk}/").status_code == 404

    def test_its_queries_are_few(self, viewer, journey, fresh_sidebar, django_assert_num_queries):
        with django_assert_num_queries(19):
            viewer.get(f"/calls/{journey.pk}/")


def test_every_flag_has_its_words():
    assert set(FLAG_WORDS) == set(Flag(sum(Flag)).names())
    assert set(CLOCK_WORDS) == set(ClockRule)
