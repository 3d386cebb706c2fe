"""Every report of the catalogue: its figures open the calls they count, its formats agree, its sums are the whole's."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from calls.access import EVERYTHING, Scope
from calls.directory.models import Access, Department
from calls.filters import Selection
from calls.models import Call
from calls.records import Flag
from reports.catalogue import REPORTS
from reports.engine import Kind, Question, calls_address, ordered
from reports.export import plain
from reports.tables import MOST_ROWS
from tests.calls.factories import make_call
from tests.reports.workbooks import Workbook, of_cell

pytestmark = pytest.mark.django_db
PERIOD = "since=2026-01-12&until=2026-01-13"
BY_CALLS = ("by-department", "by-trunk", "by-did", "by-account-code", "volume", "by-hour", "by-weekday")
LEGS = {"by-extension", "queues"}
OPEN_PAGES = {"abandoned", "longest-waiting", "longest-calls", "unusual", "trunk-traffic", "unused", "unreturned"}
OPEN_PAGES |= {"most-expensive", "unrated"}  # nothing is priced here: test_costs.py


def question(asked: str = PERIOD, scope: Scope = EVERYTHING) -> Question:
    return Question(QueryDict(asked), scope, timezone.now())


def opened(address: str) -> int:
    """How many calls the list at an address holds."""
    selection = Selection(QueryDict(urlsplit(address).query), EVERYTHING)
    assert selection.errors == [], address
    return selection.calls.count()


@pytest.mark.both_databases
def test_every_figure_of_every_report_opens_the_calls_it_counts(loaded: list[dict[str, Any]]) -> None:
    followed = dict.fromkeys(REPORTS, 0)
    odd = Call.objects.order_by("pk")[:3]
    Call.objects.filter(pk__in=[call.pk for call in odd]).update(
        partial=True, flags=Flag.OUT_OF_ORDER | Flag.SECOND_ANSWER
    )
    for asked in (PERIOD, f"{PERIOD}&direction=in&longer=20&hours=9-12"):
        for slug, report in REPORTS.items():
            ours = question(asked)
            answer = report.run(ours)
            total = [(answer.total, {})] if answer.total and slug not in LEGS else []
            for row, key in [*zip(answer.rows, answer.keys, strict=True), *total]:
                for column in report.columns:
                    address = calls_address(ours, column, key)
                    value = row.get(column.name)
                    if column.kind != Kind.COUNT or not address or not value:
                        continue
                    if slug in LEGS:
                        assert 0 < opened(address) <= value, (slug, address)  # a device reached twice in a call
                    else:
                        assert opened(address) == value, (slug, address)
                    followed[slug] += 1
    assert {slug for slug, count in followed.items() if not count} <= OPEN_PAGES
    assert sum(followed.values()) > 300


@pytest.mark.both_databases
def test_the_sums_of_any_grouping_are_those_of_the_overview(loaded: list[dict[str, Any]]) -> None:
    whole = REPORTS["overview"].run(question()).rows[0]
    assert whole["offered"] == sum(call["direction"] == "in" and call["outcome"] != "unknown" for call in loaded)
    assert whole["talk"] == sum(call["talk_seconds"] for call in loaded)
    waiting = Call.objects.filter(direction="in").exclude(state="ended").count()
    assert whole["offered"] == whole["answered"] + whole["abandoned"] + waiting
    for slug in BY_CALLS:
        report, answer = REPORTS[slug], REPORTS[slug].run(question())
        assert answer.calls == (whole["offered"] if slug == "by-did" else 300)
        for name in ("offered", "answered", "abandoned", "made", "talk"):
            if report.column(name) is None or (slug == "by-did" and name == "talk"):
                continue
            parts = sum(row[name] for row in answer.rows)
            assert (parts, answer.total[name]) == (whole[name], whole[name]), (slug, name)
        if report.column("service_level"):
            assert answer.total["service_level"] == whole["service_level"]
    for slug, name in (("frequent-callers", "offered"), ("most-dialled", "made")):
        assert sum(row[name] for row in REPORTS[slug].run(question()).rows) == whole[name]
    bands = REPORTS["answer-performance"].run(question())
    timed = Call.objects.filter(direction="in", handled_at__isnull=False).exclude(outcome="unknown").count()
    assert sum(row["answered"] for row in bands.rows) == timed
    abandoned = REPORTS["abandoned"].run(question())
    assert len(abandoned.rows) == abandoned.calls == whole["abandoned"]


def test_page_csv_and_json_say_the_same(loaded: list[dict[str, Any]], viewer: Client) -> None:
    for slug, report in REPORTS.items():
        address = f"/reports/{slug}/?{PERIOD}"
        page = viewer.get(address)
        assert page.status_code == 200, slug
        found = viewer.get(f"{address}&format=json").json()
        read = list(csv.DictReader(io.StringIO(viewer.get(f"{address}&format=csv").content.decode())))
        has_total = report.has_total and bool(page.context["answer"].total)
        written = [{name: "" if value is None else str(value) for name, value in row.items()} for row in found["rows"]]
        assert len(read) == len(written) + has_total
        for line, row in zip(read, written, strict=False):
            assert {name: value.lstrip("'") for name, value in line.items()} == row, slug
        shown = [
            {column.name: plain(row.record[column.name]) for column in report.columns}
            for row in page.context["table"].rows
        ]
        assert shown == found["rows"][:MOST_ROWS], slug
        book = Workbook(viewer.get(f"{address}&format=xlsx").content)
        answer = page.context["answer"]
        total = [answer.total] if has_total else []
        rows = ordered(report, report.run(page.context["question"]), "").rows if answer.left_out else answer.rows
        expected = [
            {column.label: of_cell(column, row.get(column.name)) for column in report.columns}
            for row in [*rows, *total]
        ]
        assert book.records == expected, slug
        assert not book.formulas


def test_one_department_sees_its_own_and_masked_digits_stay_hidden(loaded: list[dict[str, Any]]) -> None:
    user = User.objects.create_user("limited")
    Access.objects.create(user=user, masked_digits=4).departments.add(Department.objects.get(name="Sales"))
    client = Client()
    client.force_login(user)
    own = [call for call in loaded if call["department"] == "Sales"]
    hidden = {call["number_e164"].lstrip("+") for call in loaded if len(call["number_e164"]) > 8}
    assert hidden
    for slug in REPORTS:
        for form in ("", "&format=csv", "&format=json", "&format=xlsx"):
            content = client.get(f"/reports/{slug}/?{PERIOD}{form}").content
            body = (Workbook(content).text if "xlsx" in form else content.decode()).replace(" ", "")
            assert not [number for number in hidden if number in body], (slug, form)
    calls = {
        slug: client.get(f"/reports/{slug}/?{PERIOD}&format=json").json()["calls"] for slug in ("overview", *BY_CALLS)
    }
    incoming = sum(call["direction"] == "in" for call in own)
    assert calls == {slug: incoming if slug == "by-did" else len(own) for slug in calls}


def test_an_unreturned_call_leaves_the_list_when_somebody_speaks_with_its_number() -> None:
    at = timezone.now() - timedelta(hours=2)
    number = "+442079460712"
    make_call((0, "RINGING", "1843"), (9, "DISCONNECTED", "1843"), started_at=at, e164=number)
    report, today = REPORTS["unreturned"], f"since={at - timedelta(days=1):%Y-%m-%d}"
    answer = report.run(question(today))
    assert [row["unreturned"] for row in answer.rows] == [1]
    column = report.column("unreturned")
    assert column
    address = calls_address(question(today), column, answer.keys[0])
    assert address
    assert dict(parse_qsl(urlsplit(address).query))["number_is"] == number
    make_call(
        (0, "RINGING", "1844"), (5, "ANSWERED", "1844"), (60, "DISCONNECTED", "1844"),
        started_at=at + timedelta(hours=1), e164=number, direction="out",
    )  # fmt: skip
    assert report.run(question(today)).rows == []


def test_the_catalogue_is_searched_by_words(viewer: Client) -> None:
    page = viewer.get("/reports/?q=trunk busy")
    assert [report.slug for group in page.context["groups"].values() for report in group] == ["trunk-traffic"]
    assert "No report is about" in viewer.get("/reports/?q=submarines").content.decode()


def test_a_comparison_says_by_how_much_and_whether_that_is_better(loaded: list[dict[str, Any]], viewer: Client) -> None:
    for call in Call.objects.all()[:40]:
        make_call(feed=call.feed, started_at=call.started_at - timedelta(days=2))
    stats = {stat.label: stat for stat in viewer.get(f"/reports/overview/?{PERIOD}").context["stats"]}
    now, before = viewer.get(f"/reports/overview/?{PERIOD}&format=json").json()["rows"]
    assert before["offered"] == 40
    by = round(100 * (now["offered"] - 40) / 40)
    assert (stats["Offered"].change, stats["Offered"].base, stats["Offered"].tone) == (f"▲ {by:,}%", "40", "")
    points = round(100 * before["service_level"]) - round(100 * now["service_level"])
    assert (stats["Service level"].change, stats["Service level"].tone) == (f"▼ {points} pt", "worse")
    assert not any(stat.change for stat in viewer.get(f"/reports/overview/?{PERIOD}&compare=no").context["stats"])
