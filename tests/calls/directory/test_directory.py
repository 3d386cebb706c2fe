"""The directory: edited in place, out and in as CSV, followed by the calls, and written into the audit log."""

import json
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from calls.directory import spreadsheet
from calls.directory.models import (
    AccountCode,
    Carrier,
    Contact,
    Department,
    Did,
    DirectoryRevision,
    Extension,
    Feed,
    Trunk,
)
from calls.directory.spreadsheet import SHEETS
from calls.models import Call
from calls.store import CallStore
from tests.calls.factories import make_feed
from tests.calls.live import Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def feed() -> Feed:
    return make_feed()


def client_with(*permissions: str) -> Client:
    user = User.objects.create_user(f"user{User.objects.count()}")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor() -> Client:
    user = User.objects.create_user("editor")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="directory"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def filled(feed: Feed) -> dict[str, Any]:
    """One row in every section."""
    sales, carrier = Department.objects.create(name="Sales"), Carrier.objects.create(name="Telco")
    return {
        "extensions": Extension.objects.create(feed=feed, number="1843", name="Chris Reid", department=sales),
        "trunks": Trunk.objects.create(feed=feed, number="92108", name="Line 1", carrier=carrier, outside_prefix="9"),
        "dids": Did.objects.create(feed=feed, number="441614960018", name="=1+1", department=sales),
        "account-codes": AccountCode.objects.create(code="77", name="Ümlaut, “quoted”"),
        "contacts": Contact.objects.create(number_e164="+442079460712", name="'=old"),
        "departments": sales,
        "carriers": carrier,
    }


@pytest.mark.parametrize("section", SHEETS)
def test_a_name_is_edited_in_place_by_whom_may_and_logged(section: str, filled: Any, editor: Client) -> None:
    row = filled[section]
    address = f"/directory/{section}/{row.pk}/"
    viewer = client_with(f"view_{row._meta.model_name}")
    assert viewer.get(f"/directory/{section}/").status_code == 200
    for forbidden in (address, f"{address}delete/", f"/directory/{section}/add/", f"/directory/{section}/import/"):
        assert viewer.post(forbidden, {"name": "x"}).status_code == 403
    assert client_with().get(f"/directory/{section}/").status_code == 403
    assert editor.get(address).status_code == 405
    before = DirectoryRevision.current()
    answer = editor.post(address, {"name": "Another name"})
    assert answer.json() == {"saved": {"name": "Another name"}}
    row.refresh_from_db()
    assert row.name == "Another name"
    assert DirectoryRevision.current() > before
    entry = LogEntry.objects.get_for_object(row).latest("pk")
    assert (entry.actor and entry.actor.username, entry.changes_dict.keys()) == ("editor", {"name"})


def test_kind_and_department_are_edited_and_errors_said(filled: Any, editor: Client) -> None:
    row = filled["extensions"]
    support = Department.objects.create(name="Support")
    address = f"/directory/extensions/{row.pk}/"
    assert editor.post(address, {"kind": "voicemail"}).json() == {"saved": {"kind": "Voicemail"}}
    assert editor.post(address, {"department": support.pk}).json() == {"saved": {"department": "Support"}}
    assert editor.post(address, {"department": ""}).json() == {"saved": {"department": ""}}
    for bad in ({"kind": "robot"}, {"department": 99}, {"name": "x" * 81}, {"name": "a\0b"}):
        answer = editor.post(address, bad)
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == list(bad)
    row.refresh_from_db()
    assert (row.name, row.kind, row.kind_is_set, row.department) == ("Chris Reid", "voicemail", True, None)
    answer = editor.post(f"/directory/departments/{support.pk}/", {"name": "sALES"})
    assert answer.json() == {"errors": {"name": ["There is a department named “sALES” already."]}}


def test_a_kind_that_a_person_gave_a_new_row_stays(feed: Feed, editor: Client) -> None:
    form = {"feed": feed.pk, "number": "1990", "name": "", "kind": "attendant", "department": ""}
    assert editor.post("/directory/extensions/add/", form).status_code == 302
    assert Extension.objects.get().kind_is_set
    Office(feed).call(trunk="1990").happen((0, "RINGING", "1843"))
    assert Extension.objects.get(number="1990").kind == "attendant"


def test_an_edited_kind_folds_the_devices_calls_again(feed: Feed, editor: Client) -> None:
    office = Office(feed)
    mailbox = office.call().happen((0, "RINGING", "1843"), (5, "ANSWERED", "1843"), (9, "DISCONNECTED", "1843"))
    other = office.call().happen((0, "RINGING", "1844"), (5, "ANSWERED", "1844"), (9, "DISCONNECTED", "1844"))
    assert mailbox.handled_by == "1843"
    assert not LogEntry.objects.filter(content_type__model__in=["extension", "trunk"]).exists()
    row = Extension.objects.get(number="1843")
    assert (row.kind_is_set, row.refold_wanted) == (False, False)
    editor.post(f"/directory/extensions/{row.pk}/", {"kind": "voicemail"})
    row.refresh_from_db()
    assert row.refold_wanted
    assert office.store.refold_changed_devices() == 1
    assert office.store.refold_changed_devices() == 0
    again = Call.objects.get(pk=mailbox.pk)
    assert (again.handled_by, again.answered_by, again.version) == ("", "1843", 2)
    assert Call.objects.get(pk=other.pk).version == 1


def test_a_removed_devices_calls_are_folded_as_a_persons(feed: Feed, editor: Client) -> None:
    office = Office(feed)
    Extension.objects.create(feed=feed, number="1843", name="Mailbox", kind="voicemail")
    call = office.call().happen((0, "RINGING", "1843"), (5, "ANSWERED", "1843"), (9, "DISCONNECTED", "1843"))
    assert call.handled_by == ""
    row = Extension.objects.get(number="1843")
    assert (
        "Mailbox 1843 removed" in editor.post(f"/directory/extensions/{row.pk}/delete/", follow=True).content.decode()
    )
    while office.store.refold_changed_devices():
        pass
    assert not Extension.objects.filter(number="1843").exists()
    call.refresh_from_db()
    assert call.handled_by == "1843"
    assert office.store.refold([call.pk]) == {}


def test_devices_appear_by_themselves_and_can_be_asked_for_unnamed(feed: Feed, editor: Client) -> None:
    Extension.objects.create(feed=feed, number="1800", name="Reception")
    Office(feed).call().happen((0, "QUEUED", "1890"), (3, "RINGING", "1843"))
    assert dict(Extension.objects.exclude(name="Reception").values_list("number", "kind")) == {
        "1890": "group", "1843": "person",
    }  # fmt: skip
    rows = editor.get("/directory/extensions/?unnamed=1").context["rows"]
    assert [row["label"] for row in rows] == ["1843", "1890"]
    assert len(editor.get("/directory/extensions/").context["rows"]) == 3
    assert [row["label"] for row in editor.get("/directory/extensions/?q=recep").context["rows"]] == ["Reception 1800"]


@pytest.mark.parametrize("section", SHEETS)
def test_csv_goes_out_and_comes_in_unchanged(section: str, filled: Any, editor: Client) -> None:
    text = editor.get(f"/directory/{section}/export.csv").content
    for line in text.decode().splitlines():
        for cell in line.split(","):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    plan = spreadsheet.load(section, text, dry_run=False)
    assert (plan.errors, plan.added, plan.changed, plan.unchanged) == ([], [], [], 1)


def upload(client: Client, text: str, section: str = "extensions") -> Any:
    return client.post(f"/directory/{section}/import/", {"file": SimpleUploadedFile("rows.csv", text.encode())})


def test_an_import_is_seen_first_then_done_as_one_entry_of_the_log(filled: Any, editor: Client) -> None:
    text = "feed,number,name,kind,department\nhead office,1843,Chris R,person,New team\nHead office,1900,Maya,group,\n"
    shown = upload(editor, text).context["plan"]
    assert (shown.errors, shown.added, shown.changed) == ([], ["Maya 1900"], ["Chris R 1843"])
    assert not Extension.objects.filter(number="1900").exists()
    assert not Department.objects.filter(name="New team").exists()
    before = LogEntry.objects.count()
    editor.post("/directory/extensions/import/", {"text": text, "apply": "1"})
    assert dict(Extension.objects.values_list("number", "department__name")) == {"1843": "New team", "1900": None}
    assert Extension.objects.get(number="1900").kind_is_set
    (entry,) = LogEntry.objects.order_by("-pk")[: LogEntry.objects.count() - before]
    assert entry.actor
    assert entry.actor.username == "editor"
    assert "1 added, 1 changed" in json.dumps(entry.changes_dict)


@pytest.mark.parametrize(
    ("section", "text", "said"),
    [
        ("extensions", "feed,number,name\n", "lacks the column kind, department"),
        ("extensions", "feed,number,name,kind,department,name\n", "names a column twice"),
        ("extensions", "{h}\nNowhere,1,,person,\n", "Line 2: feed: there is no feed named “Nowhere”."),
        ("extensions", "{h}\n,1,,person,\n", "Line 2: feed: is missing."),
        ("extensions", "{h}\nHead office,12345678,,person,\n", "Line 2: number: Ensure this value has at most 7"),
        ("extensions", "{h}\nHead office,1,,robot,\n", "Line 2: kind: Value 'robot' is not a valid choice."),
        ("extensions", "{h}\nHead office,1,x,person,\nHead office,1,y,person,\n", "Line 3: the same entry as line 2."),
        ("extensions", "{h}\nHead office,1,x\n", "Line 2: fewer columns"),
        ("extensions", "{h}\nHead office,1,x,person,,,\n", "Line 2: more columns"),
        ("extensions", '{h}\nHead office,1,"x,person,\n', "Line 3: unexpected end of data."),
        ("extensions", "{h}\nHead office,1,a\0b,person,\n", "Line 2: a NUL character"),
        ("extensions", f"{{h}}\nHead office,1,x,person,{'d' * 81}\n", "Line 2: department: Ensure this value"),
        (
            "trunks",
            "feed,number,name,carrier,outside_prefix,area_code\nHead office,1,,,nine,\n",
            "Line 2: outside_prefix: Digits only.",
        ),
        ("contacts", "number_e164,name\nnobody,x\n", "Line 2: number_e164: “nobody” is not a number"),
        ("contacts", "number_e164,name\n020 7946 0799,a\n+44 20 7946 0799,b\n", "Line 3: the same entry as line 2."),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_kept(section: str, text: str, said: str, feed: Feed) -> None:
    good = "Head office,9999,Good,person,\n" if section == "extensions" and text.count("{h}") else ""
    plan = spreadsheet.load(
        section, text.replace("{h}", "feed,number,name,kind,department").encode() + good.encode(), dry_run=False
    )
    assert any(said in error for error in plan.errors), plan.errors
    assert not SHEETS[section].model._default_manager.exists()


def test_what_is_no_text_or_too_large_is_said(feed: Feed) -> None:
    assert "not UTF-8" in spreadsheet.load("extensions", b"\xff\xfe", dry_run=True).errors[0]
    assert "larger than 2 MB" in spreadsheet.load("extensions", b"x" * 2_000_001, dry_run=True).errors[0]


def test_rows_are_found_as_people_write_their_keys(filled: Any) -> None:
    plan = spreadsheet.load("contacts", b"number_e164,name\n020 7946 0712,New name\n", dry_run=False)
    assert (plan.errors, plan.changed) == ([], ["New name +442079460712"])
    plan = spreadsheet.load("departments", b"name\nsales\n", dry_run=False)
    assert (plan.errors, plan.added, plan.unchanged) == ([], [], 1)


def test_the_administrations_edits_are_followed_too(feed: Feed) -> None:
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    row = Extension.objects.create(feed=feed, number="1843")
    before = DirectoryRevision.current()
    form = {"feed": feed.pk, "number": "1843", "name": "Chris", "kind": "announcement", "department": ""}
    assert client.post(f"/admin/directory/extension/{row.pk}/change/", form).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.kind, row.refold_wanted) == ("Chris", "announcement", True)
    after = DirectoryRevision.current()
    assert after > before
    form = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post("/admin/directory/extension/", form)
    assert Extension.objects.get().name == ""
    CallStore(feed.pk).refold_changed_devices()
    assert not Extension.objects.exists()
    assert DirectoryRevision.current() > after


def test_a_change_of_access_is_in_the_log() -> None:
    from calls.directory.models import Access

    access = Access.objects.create(user=User.objects.create_user("tom"))
    access.departments.add(Department.objects.create(name="Sales"))
    assert "departments" in LogEntry.objects.get_for_object(access).latest("pk").changes_dict


def test_its_queries_do_not_grow_with_its_rows(
    feed: Feed, editor: Client, fresh_sidebar: None, django_assert_num_queries: Any
) -> None:
    for number in range(1_000, 1_030):
        Extension.objects.create(feed=feed, number=str(number))
    editor.get("/directory/extensions/")
    with django_assert_num_queries(9):
        editor.get("/directory/extensions/")
