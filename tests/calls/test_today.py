from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from calls.access import EVERYTHING, Scope
from calls.directory.models import Carrier, Department, Extension, Trunk
from calls.panels import Kept, count
from calls.today import base_of, figures, people, quarters, totals
from calls.today import by_quarter as counted_by_quarter
from calls.trunk_use import TrunkUse
from tests.calls.factories import ABANDONED, ANSWERED, TALKING, make_call, make_feed

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 10, 27, 14, 7, tzinfo=UTC)  # two days after the clocks went back
SAME_TIME_A_WEEK_AGO = datetime(2026, 10, 20, 13, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 10, 27, tzinfo=UTC)


@pytest.mark.both_databases
@pytest.mark.django_db
def test_today_beside_the_same_weekday_up_to_the_same_time_of_day():
    make_call(*ANSWERED, started_at=NOW - timedelta(minutes=5))
    make_call(*ABANDONED, started_at=NOW - timedelta(minutes=4))
    make_call(*ANSWERED, started_at=NOW - timedelta(days=1))
    for minutes in (-5, -1):
        make_call(*ANSWERED, started_at=SAME_TIME_A_WEEK_AGO + timedelta(minutes=minutes))
    make_call(*ANSWERED, started_at=SAME_TIME_A_WEEK_AGO + timedelta(minutes=1))

    base, before = base_of(EVERYTHING, NOW, LONDON)
    strip = figures(totals(EVERYTHING, NOW, LONDON), base, "in 20 s")

    assert before.astimezone(UTC) == SAME_TIME_A_WEEK_AGO
    assert [(cell.label, cell.value, cell.share, cell.change) for cell in strip] == [
        ("Offered", "2", "", {"by": "same", "base": "as 2", "tone": "plain"}),
        ("Answered", "1", "50%", {"by": "▼ 50 pt", "base": "from 100%", "tone": "worse"}),
        ("Abandoned", "1", "50%", {"by": "▲ 50 pt", "base": "from 0%", "tone": "worse"}),
        ("Unreturned", "1", "", {"by": "▲ 1", "base": "from 0", "tone": "worse"}),
        ("Time to answer", "0:09", "avg", {"by": "same", "base": "as 0:09", "tone": "plain"}),
        ("Service level", "50%", "in 20 s", {"by": "▼ 50 pt", "base": "from 100%", "tone": "worse"}),
    ]
    assert people(EVERYTHING, NOW, LONDON) == {
        "Head office\n1843": ["1843 · 1 answered", "1843, today: 1 answered, 1 missed, 1:00 talk"]
    }
    assert counted_by_quarter(EVERYTHING, MIDNIGHT, LONDON, "offered") == {56: 2}


@pytest.mark.django_db
def test_without_calls_a_week_ago_there_is_nothing_to_compare_with():
    make_call(*ANSWERED, started_at=NOW - timedelta(minutes=5))

    base, _ = base_of(EVERYTHING, NOW, LONDON)

    assert base is None
    assert {cell.change for cell in figures(totals(EVERYTHING, NOW, LONDON), base, "")} == {None}


@pytest.mark.django_db
def test_the_picture_holds_office_hours_and_every_call():
    make_call(*ANSWERED, started_at=MIDNIGHT + timedelta(hours=6, minutes=50))
    make_call(*ABANDONED, started_at=NOW - timedelta(minutes=1))

    drawn = quarters(EVERYTHING, NOW, LONDON, counted_by_quarter(EVERYTHING, MIDNIGHT, LONDON, "made"))

    assert drawn.width == 4 * (18 - 6)
    assert drawn.answered.startswith("M3.15 100h.7V2h-.7z")  # the fourth quarter from six, up to the top
    assert (drawn.running, drawn.before) == ("", "")
    assert drawn.abandoned.startswith("M32.15 100")
    assert drawn.summary.endswith("most 1 at 06:45")


@pytest.mark.both_databases
@pytest.mark.django_db
def test_trunks_by_carrier_and_the_peak_of_the_day():
    feed = make_feed()
    carrier = Carrier.objects.create(name="Northern")
    for number, owner in (("92101", carrier), ("92102", carrier), ("92103", None)):
        Trunk.objects.create(feed=feed, number=number, carrier=owner)
    for number, hours in (("92101", 3), ("92102", 3), ("92103", 3), ("92101", 0)):
        steps = ANSWERED if hours else TALKING
        make_call(*steps, feed=feed, trunk=number, started_at=NOW - timedelta(hours=hours, minutes=1))
    use = TrunkUse()

    first = use.of(EVERYTHING, NOW, MIDNIGHT)
    again = use.of(EVERYTHING, NOW, MIDNIGHT)  # from the last hour only

    assert [(one.name, one.trunks, one.peak) for one in first] == [
        ("All trunks", 3, 3), ("Northern", 2, 2), ("No carrier", 1, 1),
    ]  # fmt: skip
    assert again == first
    assert first[1].last_hour == [0] * 58 + [1, 1]


@pytest.mark.both_databases
@pytest.mark.django_db
def test_the_last_hour_moves_on_and_takes_in_what_comes_late():
    feed = make_feed()
    for number in ("92101", "92102"):
        Trunk.objects.create(feed=feed, number=number)
    make_call(*ABANDONED, feed=feed, trunk="92101", started_at=NOW - timedelta(minutes=2))
    use = TrunkUse()

    def strip(seconds: int) -> list[int]:
        (one,) = use.of(EVERYTHING, NOW + timedelta(seconds=seconds), MIDNIGHT)
        return one.last_hour

    assert strip(0) == [0] * 57 + [1, 0, 0]
    make_call(*ABANDONED, feed=feed, trunk="92102", started_at=NOW - timedelta(minutes=2))  # told of two minutes later
    make_call(*ABANDONED, feed=feed, trunk="92102", started_at=NOW + timedelta(seconds=5))
    assert strip(30) == [0] * 57 + [1, 0, 1]
    assert strip(90) == [0] * 56 + [2, 0, 1, 0]
    assert strip(200) == [0] * 54 + [2, 0, 1, 0, 0, 0]


@pytest.mark.django_db
def test_a_department_counts_and_shows_only_its_own():
    feed, sales = make_feed(), Department.objects.create(name="Sales")
    Extension.objects.create(feed=feed, number="1890", name="<script>", kind="group", department=sales)
    Extension.objects.create(feed=feed, number="1891", name="Others", kind="group")
    make_call(*ANSWERED, feed=feed, started_at=NOW - timedelta(minutes=5))

    counted = count(Scope(frozenset({sales.pk})), NOW, Kept())

    assert (counted.totals["offered"], counted.people) == (0, {})
    assert "Others" not in counted.html["queues"]
    assert "&lt;script&gt;" in counted.html["queues"]
    assert "<script>" not in "".join(counted.html.values())


@pytest.mark.django_db
def test_a_view_is_kept_by_name_with_what_a_board_is_made_of(client):
    client.force_login(User.objects.create_superuser("priya"))
    kept = {"name": "Sales now", "query": "?group=trunk&state=&next=//evil.example&q=020", "shared": "on"}

    assert client.post(reverse("board-save"), kept)["Location"] == "/?group=trunk&q=020"
    client.post(reverse("board-save"), kept | {"query": "?group=did"})  # the same name again
    client.force_login(User.objects.create_user("other"))
    page = client.get("/?group=did").content.decode()

    assert page.count("Sales now</a>") == 1
    assert 'href="/?group=did"' in page
    assert '<option value="did" selected>' in page
    assert client.post(reverse("board-forget", args=[1])).status_code == 404
