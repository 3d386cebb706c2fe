"""A month of an office with queues, transfers, machines that answer and an outage: reports say what the PBX says.

The simulated PBX writes down what really happened; nothing of that is shared with what makes calls of its lines.
"""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from calls.directory.models import Department, Extension, Outage
from ingest.files import FileLoad
from ingest.simulator import Office
from tests.calls.factories import make_feed
from tests.reports.papers import text_of
from tests.reports.workbooks import Workbook

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
DAYS = [date(2026, 3, day) for day in (2, 6, 11, 20, 28, 29, 30)]  # on the 29th clocks go forward
MONTH = "since=2026-03-01&until=2026-03-31"
Account = dict[str, Any]


@pytest.fixture
def month() -> list[Account]:
    """The PBX's own account of 210 calls; they are stored as its lines say."""
    feed = make_feed(padding="*")
    departments = [Department.objects.create(name=name) for name in ("Sales", "Support")]
    accounts: list[Account] = []
    lines = b""
    for day in DAYS:
        office = Office(seed=day.day, extensions=12, trunks=8, clock=24, padding="*", kinds=True)
        start = datetime(day.year, day.month, day.day, 8, 30)
        lines += b"".join(line for _, line in office.play(start=start, calls=30, account=accounts.append))
    for place, (number, name, kind, _) in enumerate(office.directory()):
        Extension.objects.create(feed=feed, number=number, name=name, kind=kind, department=departments[place % 2])
    FileLoad(feed, "24").run(io.BytesIO(lines))
    began = datetime(2026, 3, 11, 8, 40, tzinfo=UTC)
    Outage.objects.create(feed=feed, kind=Outage.Kind.DISCONNECTED, began_at=began, ended_at=began.replace(minute=53))
    for name in ("transfers", "queue_seconds", "holds"):
        assert sum(account[name] for account in accounts) > 20, name
    assert sum(account["answered_at"] is not None and account["handled_at"] is None for account in accounts) > 5
    return accounts


def counted(accounts: list[Account]) -> dict[str, int]:
    incoming = [account for account in accounts if account["direction"] == "in" and account["outcome"] != "unknown"]
    answered = sum(account["handled_at"] is not None for account in incoming)
    return {
        "offered": len(incoming),
        "answered": answered,
        "abandoned": len(incoming) - answered,
        "made": sum(account["direction"] == "out" for account in accounts),
        "talk": sum(account["talk_seconds"] for account in accounts),
    }


def test_every_format_says_what_the_pbx_says(month: list[Account], viewer: Client) -> None:
    expected = counted(month)
    assert expected["abandoned"] > 10
    address = f"/reports/overview/?{MONTH}"
    page = viewer.get(address)
    asked = viewer.get(f"{address}&format=json").json()
    assert (page.context["answer"].calls, asked["calls"]) == (len(month), len(month))
    line = next(csv.DictReader(io.StringIO(viewer.get(f"{address}&format=csv").content.decode())))
    book = Workbook(viewer.get(f"{address}&format=xlsx").content)
    stats = {stat.label: stat.value for stat in page.context["stats"]}
    for name, value in expected.items():
        assert page.context["answer"].rows[0][name] == asked["rows"][0][name] == int(line[name]) == value, name
        label = name.title()
        in_book = book.records[0][label]
        assert (round(in_book * 86_400) if name == "talk" else in_book) == value
        if name != "talk":
            assert stats[label] == f"{value:,}"
    notice = "was not connected on Wed 11 Mar, 08:40 to 08:53"
    assert [outage["began_at"] for outage in asked["outages"]] == ["2026-03-11T08:40:00Z"]
    assert any(notice in line for line in book.above)
    assert notice in page.content.decode()
    text = text_of(viewer.get(f"{address}&format=pdf").content)
    row = "".join(f"{expected[name]:,}" for name in ("offered", "answered", "abandoned"))
    assert "".join(f"This period{page.context['period'].dates}{row}".split()) in text
    assert "".join(notice.split()) in text


def test_days_devices_and_queues_say_what_the_pbx_says(month: list[Account], viewer: Client) -> None:
    def rows(slug: str) -> list[dict[str, Any]]:
        return list(viewer.get(f"/reports/{slug}/?{MONTH}&format=json").json()["rows"])

    days: dict[date, list[Account]] = {day: [] for day in DAYS}
    for account in month:
        began = datetime.fromisoformat(account["started_at"]).astimezone(LONDON)
        days[began.date()].append(account)
    volume = [row for row in rows("volume") if row["offered"] or row["made"]]
    assert [{name: row[name] for name in counted([])} for row in volume] == [counted(day) for day in days.values()]
    weekdays = Counter(day.weekday() for day, accounts in days.items() for _ in range(counted(accounts)["offered"]))
    assert [row["offered"] for row in rows("by-weekday")] == [weekdays[day] for day in range(7) if day in weekdays]

    legs = [(account["direction"], leg) for account in month for leg in account["legs"]]
    devices = {row["extension"]: row for row in rows("by-extension")}
    assert devices.keys() == {leg["extension"] for _, leg in legs}
    for number, row in devices.items():
        own = [(direction, leg) for direction, leg in legs if leg["extension"] == number]
        expected = {
            "offered": sum(direction == "in" for direction, _ in own),
            "answered": sum(direction == "in" and leg["answered_at"] is not None for direction, leg in own),
            "made": sum(direction == "out" and leg["position"] == 0 for direction, leg in own),
            **{name: sum(leg[f"{name}_seconds"] for _, leg in own) for name in ("ring", "talk", "hold")},
        }
        assert {name: row[name] for name in expected} == expected, number

    groups = set(Extension.objects.filter(kind=Extension.Kind.GROUP).values_list("number", flat=True))
    queues = {row["extension"]: row["offered"] for row in rows("queues")}
    assert len(queues) > 1
    assert queues == Counter(
        leg["extension"] for direction, leg in legs if direction == "in" and leg["extension"] in groups
    )
