"""Calls by extension, against a reckoning in plain Python over the exported calls of a simulated office."""

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from calls.directory.models import Access, Department
from tests.calls.factories import make_call, make_feed

pytestmark = pytest.mark.django_db
PERIOD = "since=2026-01-12&until=2026-01-13"
FIGURES = ("offered", "answered", "missed", "made")


def reckoned(calls: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*FIGURES, "ring", "talk", "hold"), 0))
    for call in calls:
        for leg in call["legs"]:
            row = rows[leg["extension"]]
            incoming = call["direction"] == "in"
            row["offered"] += incoming
            row["answered"] += incoming and leg["answered_at"] is not None
            row["missed"] += incoming and leg["outcome"] == "missed"
            row["made"] += not incoming and leg["position"] == 0
            for name in ("ring", "talk", "hold"):
                row[name] += leg[f"{name}_seconds"]
    return dict(rows)


def test_every_figure_is_right_and_opens_the_calls_it_counts(loaded: list[dict[str, Any]], viewer: Client) -> None:
    answer = viewer.get(f"/reports/by-extension/?{PERIOD}&format=json").json()
    expected = reckoned(loaded)
    assert {
        row["extension"]: {name: row[name] for name in expected[row["extension"]]} for row in answer["rows"]
    } == expected
    total = answer["total"]
    assert {name: total[name] for name in FIGURES} == {
        name: sum(row[name] for row in expected.values()) for name in FIGURES
    }
    assert total["talk"] == sum(call["talk_seconds"] for call in loaded)
    assert total["hold"] == sum(call["hold_seconds"] for call in loaded)
    assert answer["calls"] == 300

    by_id = {call["call_id"]: call for call in loaded}
    page = viewer.get(f"/reports/by-extension/?{PERIOD}")
    followed = 0
    for row in page.context["table"].rows:
        values = row.record
        for figure in FIGURES:
            if not values[figure]:
                continue
            html = str(row.get_cell(figure))
            href = html[html.index('href="') + 6 :].split('"', maxsplit=1)[0].replace("&amp;", "&")
            opened = json.loads(b"".join(_read(viewer.get(f"{href}&format=json"))))
            legs = [
                leg
                for call in opened
                for leg in by_id[call["call_id"]]["legs"]
                if leg["extension"] == values["extension"] and _counts(by_id[call["call_id"]], leg, figure)
            ]
            assert len(legs) == values[figure], href
            assert all(
                any(leg["extension"] == values["extension"] for leg in by_id[call["call_id"]]["legs"])
                for call in opened
            )
            followed += 1
    assert followed > 30


def _counts(call: dict[str, Any], leg: dict[str, Any], figure: str) -> bool:
    if figure == "made":
        return call["direction"] == "out" and leg["position"] == 0
    return call["direction"] == "in" and (
        figure == "offered" or (leg["answered_at"] is not None if figure == "answered" else leg["outcome"] == "missed")
    )


def _read(response: Any) -> list[bytes]:
    from asgiref.sync import async_to_sync

    async def collect() -> list[bytes]:
        return [part async for part in response.streaming_content]

    return async_to_sync(collect)()


def test_page_csv_json_and_command_say_the_same(
    loaded: list[dict[str, Any]], viewer: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"/reports/by-extension/?{PERIOD}&sort=extension"
    answer = viewer.get(f"{address}&format=json").json()
    rows = list(csv.DictReader(io.StringIO(viewer.get(f"{address}&format=csv").content.decode())))
    plain = [{name: "" if value is None else str(value) for name, value in row.items()} for row in answer["rows"]]
    assert rows[:-1] == plain
    assert rows[-1]["offered"] == str(answer["total"]["offered"])
    page = viewer.get(address)
    assert [row.record["extension"] for row in page.context["table"].rows] == [row["extension"] for row in plain]
    for form in ("json", "csv"):
        call_command("report", "by-extension", since="2026-01-12", until="2026-01-13", sort="extension", format=form)
        printed = capsys.readouterr().out
        said = viewer.get(f"{address}&format={form}").content.decode()
        assert printed.replace("\r\n", "\n").strip() == said.replace("\r\n", "\n").strip()


def test_department_feed_and_scope_narrow_it(loaded: list[dict[str, Any]], viewer: Client) -> None:
    sales = Department.objects.get(name="Sales")
    ours = reckoned([call for call in loaded if call["department"] == "Sales"])

    def asked(client: Client, more: str) -> dict[str, int]:
        rows = client.get(f"/reports/by-extension/?{PERIOD}&format=json{more}").json()["rows"]
        return {row["extension"]: row["talk"] for row in rows}

    expected = {number: row["talk"] for number, row in ours.items()}
    assert asked(viewer, f"&department={sales.pk}") == expected
    user = User.objects.create_user("limited")
    Access.objects.create(user=user).departments.add(sales)
    limited = Client()
    limited.force_login(user)
    assert asked(limited, "") == expected
    make_feed("Elsewhere")
    elsewhere = make_feed("Elsewhere").pk
    assert asked(viewer, f"&feed={elsewhere}") == {}


def test_days_are_as_long_as_the_clocks_make_them(viewer: Client) -> None:
    for hour, minute in ((22, 59), (23, 0), (23, 59)):  # 25 October is 25 hours long: 24th 23:00 UTC to 25th 24:00 UTC
        make_call(started_at=datetime(2026, 10, 24, hour, minute, tzinfo=UTC))
    make_call(started_at=datetime(2026, 10, 25, 23, 59, tzinfo=UTC))
    make_call(started_at=datetime(2026, 10, 26, 0, 0, tzinfo=UTC))
    answer = viewer.get("/reports/by-extension/?since=2026-10-25&until=2026-10-25&format=json").json()
    assert answer["calls"] == 3
    assert (answer["since"], answer["until"]) == ("2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z")


def test_a_leg_without_a_device_opens_its_own_calls_only(viewer: Client) -> None:
    make_call((0, "RINGING", ""), (9, "DISCONNECTED", ""), started_at=datetime(2026, 1, 12, 9, tzinfo=UTC))
    make_call(started_at=datetime(2026, 1, 12, 10, tzinfo=UTC))
    page = viewer.get(f"/reports/by-extension/?{PERIOD}")
    row = next(row for row in page.context["table"].rows if row.record["extension"] == "")
    html = str(row.get_cell("offered"))
    href = html[html.index('href="') + 6 :].split('"', maxsplit=1)[0].replace("&amp;", "&")
    assert parse_qs(urlsplit(href).query)["leg"] == ["offered"]
    assert len(viewer.get(href).context["table"].rows) == row.record["offered"] == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [("format=docx", 400), ("format=csv&since=soon", 400), ("feed=99", 200), ("feed=99&format=csv", 400),
     ("department=x", 200), ("feed=" + "9" * 5_000, 200), ("sort=nonsense", 200), ("since=soon", 200),
     ("since=2026-01-02&until=2026-01-01", 200), ("since=0001-01-01&until=9999-12-31", 200),
     ("hours=9-9", 200), ("number=%27%29--", 200)],
)  # fmt: skip
def test_what_cannot_be_read_is_said(viewer: Client, asked: str, code: int) -> None:
    answer = viewer.get(f"/reports/by-extension/?{asked}")
    assert answer.status_code == code
    if code == 200 and "sort" not in asked:
        assert (answer.context["answer"].rows, len(answer.context["question"].errors)) == ([], 1)
    if "soon" in asked:
        assert "“soon” is not a date" in answer.content.decode()
    assert viewer.get("/reports/nonsense/").status_code == 404


def test_its_queries_do_not_grow_with_its_rows(
    loaded: list[dict[str, Any]], viewer: Client, fresh_sidebar: None, django_assert_max_num_queries: Any
) -> None:
    viewer.get("/reports/")
    with django_assert_max_num_queries(20):
        viewer.get(f"/reports/by-extension/?{PERIOD}")
