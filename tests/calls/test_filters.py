from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from django.http import QueryDict

from calls.access import EVERYTHING, Scope
from calls.counting import CALL_COUNTS, LEG_COUNTS, has_leg
from calls.directory.models import Department
from calls.filters import Selection
from calls.models import Call, Leg
from tests.calls.factories import ABANDONED, JOURNEY, NINE, TALKING, make_call, make_feed, name_devices

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)


def selected(address: str, scope: Scope = EVERYTHING) -> Selection:
    return Selection(QueryDict(address), scope, NOW)


@pytest.fixture
def office():
    sales = Department.objects.create(name="Sales")
    return {
        "answered": make_call(account_code="4411", did="441614960018"),
        "abandoned": make_call(*ABANDONED, started_at=NINE + timedelta(minutes=1), trunk="92109"),
        "journey": make_call(
            *JOURNEY, started_at=NINE + timedelta(minutes=2), kinds={"1890": "group"}, call_fields={"department": sales}
        ),
        "talking": make_call(*TALKING, started_at=NINE + timedelta(minutes=3)),
        "out": make_call(started_at=NINE + timedelta(minutes=4), direction="out"),
        "yesterday": make_call(started_at=NINE - timedelta(days=1)),
        "elsewhere": make_call(started_at=NINE + timedelta(minutes=5), feed=make_feed("Branch")),
    }


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("direction=out", {"out"}),
        ("outcome=abandoned", {"abandoned"}),
        ("outcome=in_progress", {"talking"}),
        ("trunk=92109", {"abandoned"}),
        ("account_code=4411", {"answered"}),
        ("did=441614960018", {"answered"}),
        ("extension=1840", {"journey"}),
        ("extension=1843&leg=missed", {"abandoned"}),
        ("extension=1843&leg=made", {"out"}),
        ("leg=missed", {"abandoned"}),
        ("longer=5:00", {"journey"}),
        ("shorter=25&direction=in", {"abandoned"}),
        ("counted=abandoned", {"abandoned"}),
        ("period=yesterday", {"yesterday"}),
        ("since=2026-11-23&until=2026-11-23", {"yesterday"}),
        ("since=2026-11-24T09:02:00&until=2026-11-24T09:04:00", {"journey", "talking"}),
    ],
)
def test_a_filter_selects(address, names, office):
    selection = selected(address)
    assert selection.errors == []
    assert set(selection.calls) == {office[name] for name in names}


def test_nothing_asked_is_today(office):
    assert office["yesterday"] not in selected("").calls
    assert selected("").calls.count() == len(office) - 1
    assert selected("period=any").calls.count() == len(office)


def test_a_department_or_none(office):
    department = office["journey"].department
    assert set(selected(f"department={department.pk}").calls) == {office["journey"]}
    assert office["journey"] not in selected("department=null").calls


def test_a_feeds_extension_is_not_another_feeds(office):
    feed = office["elsewhere"].feed
    assert set(selected(f"extension=1843&feed={feed.pk}").calls) == {office["elsewhere"]}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("direction=up", "Direction: "),
        ("period=fortnight", "is not a period"),
        ("since=2026-11-24&until=2026-11-23", "End is before start"),
        ("number=%25", "is not a number"),
        ("longer=soon", "is not a length of time"),
        ("department=99999999999999999999", "Department: "),
        ("extension=%00", "Extension: "),
        ("leg=dreamt", "Counted there as: "),
    ],
)
def test_an_address_that_cannot_be_read_selects_nothing_and_says_why(address, said, office):
    selection = selected(address)
    assert not selection.calls.exists()
    assert any(said in error for error in selection.errors), selection.errors


def test_a_chip_takes_its_own_filter_off_and_leaves_the_rest(office):
    selection = selected("period=this-week&direction=in&number=020+7946&older=1-1")
    chips = {chip.name: chip for chip in selection.chips()}
    assert (chips["direction"].label, chips["direction"].value) == ("Direction", "In")
    assert parse_qs(chips["direction"].remove[1:]) == {"period": ["this-week"], "number": ["020 7946"]}


def test_a_chip_names_what_the_directory_names(office):
    name_devices(office["journey"].feed, x1840="Reception")
    (chip,) = selected("extension=1840").chips()
    assert chip.value == "Reception 1840"
    name_devices(office["elsewhere"].feed, x1840="Front desk")
    (chip,) = selected("extension=1840").chips()
    assert chip.value == "1840"


def test_only_a_viewers_departments_are_offered_and_searched(office):
    sales, support = (office["journey"].department, Department.objects.create(name="Support"))
    scope = Scope(departments=frozenset({sales.pk}))
    selection = selected("", scope)
    assert set(selection.calls) == {office["journey"]}
    assert [str(label) for _, label in selection.filter.form.fields["department"].choices] == ["Any", "Sales"]
    assert selected(f"department={support.pk}", scope).errors


def test_a_number_is_read_in_the_region_of_any_feed(office):
    make_feed("New York", region="US")
    there = make_call(started_at=NINE, feed=make_feed("New York"), number="2125550123", e164="+12125550123")
    assert set(selected("number=(212)+555-0123").calls) == {there}


@pytest.mark.parametrize("counted_as", LEG_COUNTS)
def test_a_leg_figure_opens_the_calls_that_it_counts(counted_as, office):
    counted = set(Leg.objects.filter(LEG_COUNTS[counted_as], extension="1843").values_list("call", flat=True))
    assert set(Call.objects.filter(has_leg(counted_as, "1843")).values_list("pk", flat=True)) == counted
    assert counted


def test_calls_are_counted_as_the_call_model_says(office):
    counts = {name: Call.objects.filter(condition).count() for name, condition in CALL_COUNTS.items()}
    assert counts["offered"] == 6
    assert counts["abandoned"] == 1
    assert counts["made"] == 1
    incoming = Call.objects.filter(direction="in")
    answered = incoming.filter(CALL_COUNTS["answered"]).count()
    assert counts["offered"] == answered + counts["abandoned"] + counts["waiting"]


def test_a_machines_answer_hides_no_abandoned_call():
    call = make_call(kinds={"1843": "voicemail"})
    assert call.outcome == "answered"
    assert set(Call.objects.filter(CALL_COUNTS["abandoned"])) == {call}


@pytest.mark.parametrize("address", ["extension=1843", "extension=1843&leg=answered", "extension=1843&period=any"])
def test_a_devices_legs_count_its_calls(address, office):
    selection = selected(address)
    assert selection.legs_alone.count() == selection.calls.count() > 1
    assert selected(f"{address}&direction=in").legs_alone is None
    assert selected(address, Scope(frozenset({office["journey"].department_id}), 0)).legs_alone is None
