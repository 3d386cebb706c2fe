"""Files: of calls, by processes of their own, for their maker only; what a person keeps of reports."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from calls import download, plain_rows
from calls.access import EVERYTHING, Scope, scope_of
from calls.call_sheet import COLUMNS
from calls.directory.models import Access, Contact, Department
from calls.export import call_record, in_call_id_order
from calls.models import Call
from reports import exporting, paper
from reports.catalogue import REPORTS
from reports.engine import Question
from reports.export import PARTS, answered
from reports.models import DEAD_AFTER, KEPT, Export, FollowUp, SavedReport
from tests.calls.factories import ABANDONED, make_call
from tests.reports.workbooks import Workbook

pytestmark = pytest.mark.django_db
PERIOD = "since=2026-01-12&until=2026-01-13"
FORMULA = "=1+cmd|A"


def taken(response: Any) -> bytes:
    async def collect() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    return async_to_sync(collect)()


@pytest.mark.both_databases
def test_files_of_calls_say_what_the_export_of_calls_says(loaded: list[dict[str, Any]], viewer: Client) -> None:
    one = Call.objects.exclude(number_e164="").order_by("pk")[0]
    Call.objects.filter(pk=one.pk).update(account_code=FORMULA, cost=1_234_500, currency="GBP", flags=3)
    Contact.objects.create(number_e164=one.number_e164, name=FORMULA)
    records = {call["call_id"]: call for call in map(call_record, in_call_id_order(Call.objects.all()))}
    address = f"/calls/?{PERIOD}"
    found = b"".join(part.encode() for part in download.json_parts(Call.objects.all(), EVERYTHING)).decode()
    assert len(found.splitlines()) == len(records) + 2
    for record in json.loads(found):
        known = records[record["call_id"]]
        assert {name: record[name] for name in known} == known
    Call.objects.filter(pk=one.pk + 1).update(did_name='a,"b', contact_name="tab\tthere", stale=True, cost=-5_120_000)
    records = {call["call_id"]: call for call in map(call_record, in_call_id_order(Call.objects.all()))}
    lines = list(csv.DictReader(io.StringIO(taken(viewer.get(f"{address}&format=csv")).decode())))
    assert [line["call_id"] for line in lines] == [record["call_id"] for record in json.loads(found)]
    for line in lines:
        for name, value in records[line["call_id"]].items():
            if name != "legs":
                assert line[name].removeprefix("'") == download.cell(value).removeprefix("'"), name
    assert {line["contact"] for line in lines if line["account_code"] == f"'{FORMULA}"} == {f"'{FORMULA}"}
    book = Workbook(viewer.get(f"{address}&format=xlsx").content)
    assert not book.formulas
    assert [row["Call id"] for row in book.records] == [line["call_id"] for line in lines]
    for row, line in zip(book.records, lines, strict=True):
        for name, head in COLUMNS.items():
            if head.kind == "text":
                assert (row[head.label] or "") == line[name].removeprefix("'"), name
            elif head.kind == "seconds":
                assert round((row[head.label] or 0) * 86_400) == int(line[name] or 0), name
    assert {row["Cost"] for row in book.records} - {None} >= {1.2345}
    assert "[h]:mm:ss" in book.formats.values()


@pytest.mark.both_databases
def test_csv_that_the_database_joins_is_what_python_writes(
    loaded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Call.objects.exclude(number_e164="").order_by("pk")[0]
    Contact.objects.create(number_e164=one.number_e164, name=FORMULA)
    for place, odd in enumerate(
        (
            {"account_code": FORMULA, "cost": 1_234_500, "currency": "GBP", "flags": 3},
            {"did_name": 'a,"b', "contact_name": "tab\tthere", "stale": True, "cost": -5_120_000},
            {"did_name": "\u00a0x", "contact_name": "\u3000=1", "number": "\u00e9tage 12345"},
        )
    ):
        Call.objects.filter(pk=one.pk + place).update(**odd)
    hiding = Scope(departments=None, masked_digits=4)
    for most in (plain_rows.MOST_REMEMBERED, 0):
        monkeypatch.setattr(plain_rows, "MOST_REMEMBERED", most)
        assert_written_alike(EVERYTHING, hiding)
    Call.objects.filter(pk=one.pk + 3).update(did_name="a\x1fb")
    assert_written_alike(EVERYTHING, hiding)


def assert_written_alike(*scopes: Scope) -> None:
    for scope in scopes:
        _head, *quick = download.csv_parts(Call.objects.all(), scope)
        assert "".join(quick) == "".join(download.careful_csv_parts(Call.objects.all(), scope))


def test_long_files_stream_every_row(loaded: list[dict[str, Any]], viewer: Client, monkeypatch: Any) -> None:
    whole = answered(REPORTS["abandoned"], Question(QueryDict(PERIOD), EVERYTHING, timezone.now()), "", "")
    monkeypatch.setattr("reports.catalogue.calls.MOST_LISTED", 5)
    monkeypatch.setattr("reports.catalogue.calls.PART", 7)
    assert len(whole.answer.rows) > 14
    for form in ("csv", "json"):
        response = viewer.get(f"/reports/abandoned/?{PERIOD}&format={form}")
        assert response.streaming
        assert taken(response).decode() == "".join(PARTS[form](whole))
    assert viewer.get(f"/reports/abandoned/?{PERIOD}&format=xlsx")["Location"].startswith("/reports/exports/new/?")


@pytest.fixture
def maker() -> User:
    user = User.objects.create_user("maker")
    Access.objects.create(user=user, masked_digits=4).departments.add(Department.objects.get_or_create(name="Sales")[0])
    return user


def begun(maker: User, monkeypatch: pytest.MonkeyPatch, scope: Scope, of: str, form: str = "xlsx") -> Export:
    """As asked for, but for the process: tests/browser has that."""
    monkeypatch.setattr(exporting.subprocess, "Popen", lambda *_args, **_options: type("P", (), {"poll": bool})())
    return exporting.start(maker, scope, of, form, QueryDict(PERIOD))


@pytest.mark.both_databases
def test_a_file_is_its_makers_only_with_the_scope_of_its_making(
    loaded: list[dict[str, Any]], viewer: Client, maker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = begun(maker, monkeypatch, scope_of(maker), "calls")
    Access.objects.filter(user=maker).update(masked_digits=0, all_departments=True)
    exporting.make(export)
    export.refresh_from_db()
    own = [call for call in loaded if call["department"] == "Sales"]
    assert (export.state, export.done, export.error) == ("done", len(own), "")
    client = Client()
    client.force_login(maker)
    text = Workbook(taken(client.get(export.get_absolute_url()))).text.replace(" ", "")
    assert not [call for call in loaded if len(call["number_e164"]) > 8 and call["number_e164"][-10:] in text]
    assert "••••" in text
    assert export.get_absolute_url() in client.get("/reports/exports/").content.decode()
    for address in (export.get_absolute_url(), f"/reports/exports/{export.pk}/drop/"):
        assert viewer.post(address).status_code in {404, 405}
        assert viewer.get(address).status_code in {404, 405}
    assert export.title not in viewer.get("/reports/exports/").content.decode()
    Export.objects.update(created_at=timezone.now() - KEPT)
    assert client.get(export.get_absolute_url()).status_code == 404
    call_command("make_export")
    assert not Export.objects.exists()
    assert not export.path.exists()


def test_a_file_can_be_cancelled_fail_and_die(
    loaded: list[dict[str, Any]], maker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(maker)
    first = begun(maker, monkeypatch, EVERYTHING, "abandoned")
    client.post(f"/reports/exports/{first.pk}/drop/")
    exporting.make(first)
    first.refresh_from_db()
    assert (first.state, first.path.exists()) == ("cancelled", False)
    second = begun(maker, monkeypatch, EVERYTHING, "volume")
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "workbook", lambda *_args: 1 / 0)
        exporting.make(second)
    assert "Failed: division by zero" in client.get("/reports/exports/").content.decode()
    third = begun(maker, monkeypatch, EVERYTHING, "volume")
    assert client.get("/reports/exports/")["Refresh"] == "2"
    Export.objects.filter(pk=third.pk).update(state="running", total=4, done=3)
    assert "75% done" in client.get("/reports/exports/").content.decode()
    Export.objects.filter(pk=third.pk).update(done=4)
    assert "All rows written, being packed" in client.get("/reports/exports/").content.decode()
    Export.objects.filter(pk=third.pk).update(form="pdf", done=0)
    assert "Being laid out" in client.get("/reports/exports/").content.decode()
    Export.objects.filter(pk=third.pk).update(worked_at=timezone.now() - 2 * DEAD_AFTER)
    page = client.get("/reports/exports/")
    assert "Its process ended early" in page.content.decode()
    assert not page.has_header("Refresh")
    for _ in range(exporting.MOST_UNFINISHED):
        begun(maker, monkeypatch, EVERYTHING, "volume")
    with pytest.raises(exporting.NotMadeError, match="Wait for one"):
        begun(maker, monkeypatch, EVERYTHING, "volume")
    for of, form in (("nonsense", "xlsx"), ("calls", "pdf"), ("volume", "exe")):
        with pytest.raises(exporting.NotMadeError, match="no such file"):
            begun(maker, monkeypatch, EVERYTHING, of, form)


def test_without_weasyprint_a_pdf_says_what_to_install(
    loaded: list[dict[str, Any]], viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "find_spec", lambda _name: None)
    answer = viewer.get(f"/reports/volume/?{PERIOD}&format=pdf")
    assert (answer.status_code, "apt install libpango" in answer.content.decode()) == (503, True)


def test_a_report_is_saved_shared_renamed_and_deleted(viewer: Client, maker: User) -> None:
    asked = {"name": "Mine", "slug": "volume", "query": "period=last-week&format=csv&direction=in", "shared": "on"}
    saved = viewer.post("/reports/saved/", asked)
    assert saved["Location"] == "/reports/volume/?period=last-week&direction=in"
    viewer.post("/reports/saved/", {**asked, "name": "Private", "shared": ""})
    other = Client()
    other.force_login(maker)
    page = other.get("/reports/").content.decode()
    assert ("Mine" in page, "Private" in page, "From root" in page) == (True, False, True)
    mine, private = SavedReport.objects.order_by("name")
    assert other.post(f"/reports/saved/{mine.pk}/", {"name": "Taken"}).status_code == 404
    viewer.post(f"/reports/saved/{mine.pk}/", {"name": "Private"})
    viewer.post(f"/reports/saved/{mine.pk}/", {"name": "Theirs"})
    viewer.post(f"/reports/saved/{private.pk}/", {"delete": ""})
    assert list(SavedReport.objects.values_list("name", "shared")) == [("Theirs", False)]
    assert 'title="Theirs"' in viewer.get("/calls/").content.decode()
    for wrong in ({"slug": "nonsense"}, {"name": "x" * 61}, {"name": ""}):
        viewer.post("/reports/saved/", {**asked, **wrong})
    assert SavedReport.objects.count() == 1


def test_a_number_is_taken_on_noted_and_found_again(viewer: Client, maker: User) -> None:
    at = timezone.now() - timedelta(hours=3)
    sales = Department.objects.get(name="Sales")
    call = make_call(*ABANDONED, started_at=at, e164="+442079460712", call_fields={"department": sales})
    other = Client()
    other.force_login(maker)
    address, asked = f"/reports/unreturned/{call.pk}/", {"assignee": maker.pk, "note": "ring after +442079460712"}
    assert other.post(address, asked).status_code == 403
    viewer.post(address, asked)
    (kept,) = FollowUp.objects.all()
    assert (kept.number, kept.assignee, kept.changed_by and kept.changed_by.username) == (
        "+442079460712", maker, "root",
    )  # fmt: skip
    assert LogEntry.objects.get_for_object(kept).count() == 1
    report = f"/reports/unreturned/?since={at:%Y-%m-%d}"
    make_call(*ABANDONED, started_at=at + timedelta(hours=1), e164="+442079460712", call_fields={"department": sales})
    (row,) = other.get(f"{report}&format=json").json()["rows"]
    assert (row["unreturned"], row["assigned"], row["noted_by"]) == (2, "maker", "root")
    assert "0712" not in str(row)
    assert len(other.get(f"{report}&format=json&mine=1").json()["rows"]) == 1
    assert viewer.get(f"{report}&format=json&mine=1").json()["rows"] == []
    maker.user_permissions.add(Permission.objects.get(codename="change_followup"))
    stranger = User.objects.create_user("stranger")
    Access.objects.create(user=stranger).departments.add(Department.objects.create(name="Support"))
    client = Client()
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    viewer.post(address, {"assignee": stranger.pk, "note": ""})
    kept.refresh_from_db()
    assert kept.assignee == maker
    make_call(
        (0, "RINGING", "1844"), (5, "ANSWERED", "1844"), (60, "DISCONNECTED", "1844"),
        started_at=at + timedelta(hours=2), e164="+442079460712", direction="out",
    )  # fmt: skip
    assert viewer.get(f"{report}&format=json").json()["rows"] == []
