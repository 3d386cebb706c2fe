"""What reports say of costs: by any grouping, and to whomever a call is charged, the parts add up to the whole."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db.models import Sum
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from calls import money
from calls.access import EVERYTHING
from calls.costing.models import Chargeback, CostingChoice
from calls.models import Call
from calls.rollup_building import prove
from calls.store import CallStore
from reports.catalogue import REPORTS
from reports.engine import Kind, Question

pytestmark = pytest.mark.django_db
PERIOD = "since=2026-01-12&until=2026-01-13"


def question(asked: str = PERIOD) -> Question:
    return Question(QueryDict(asked), EVERYTHING, timezone.now())


@pytest.mark.both_databases
def test_costs_add_up_to_the_whole_by_any_grouping(priced: int) -> None:
    for slug in ("by-destination", "cost-by-department"):
        answer = REPORTS[slug].run(question())
        assert len(answer.rows) > 1
        assert sum(row["cost"].millionths for row in answer.rows) == answer.total["cost"].millionths == priced
        assert sum(row["unrated"] for row in answer.rows) == Call.objects.filter(cost_status="unrated").count()
    unrated = REPORTS["unrated"].run(question())
    assert unrated.total["unrated"] == Call.objects.filter(cost_status="unrated").count()
    dearest = REPORTS["most-expensive"].run(question())
    assert [row["cost"].millionths for row in dearest.rows] == list(
        Call.objects.filter(cost__gt=0).order_by("-cost").values_list("cost", flat=True)[:100]
    )


@pytest.mark.both_databases
@pytest.mark.parametrize("rule", Chargeback.values)
def test_what_devices_are_charged_adds_up_to_the_whole(priced: int, rule: str) -> None:
    CostingChoice.objects.update(chargeback=rule)
    answer = REPORTS["by-extension"].run(question())
    assert sum(row["cost"].millionths for row in answer.rows) == answer.total["cost"].millionths == priced
    one = Call.objects.filter(cost__gt=0).exclude(number_e164="").first()
    assert one
    alone = REPORTS["by-extension"].run(question(f"{PERIOD}&{urlencode({'number_is': one.number_e164})}"))
    calls = Call.objects.filter(number_e164=one.number_e164)
    assert alone.total["cost"].millionths == calls.aggregate(all=Sum("cost"))["all"]


def test_currencies_are_never_added(priced: int) -> None:
    call = Call.objects.filter(cost__gt=0).exclude(department=None).first()
    assert call
    Call.objects.filter(pk=call.pk).update(currency="EUR")
    assert prove(CallStore(call.feed_id), None, None)[1] > 0
    answer = REPORTS["cost-by-department"].run(question())
    row = next(row for row in answer.rows if call.department and row["department"] == call.department.name)
    assert (row["cost"], row["currency"], answer.total["cost"]) == (None, "several", None)
    answer = REPORTS["by-extension"].run(question())
    assert {(row["cost"], row["currency"]) for row in (*answer.rows, answer.total)} == {(None, "several")}


def test_the_page_shows_the_currency_and_files_have_exact_amounts(priced: int, viewer: Client) -> None:
    address = f"/reports/by-destination/?{PERIOD}"
    total: dict[str, Any] = viewer.get(f"{address}&format=json").json()["total"]
    assert (total["cost"], total["currency"]) == (money.exact(priced), "GBP")
    assert money.shown(priced, "GBP") in viewer.get(address).content.decode()
    *_, last = csv.DictReader(io.StringIO(viewer.get(f"{address}&format=csv").content.decode()))
    assert last["cost"] == money.exact(priced)
    for slug, report in REPORTS.items():
        if any(column.kind == Kind.MONEY for column in report.columns):
            rows = viewer.get(f"/reports/{slug}/?{PERIOD}&format=json").json()["rows"]
            assert {row["currency"] for row in rows if row["cost"] not in {None, "0.00"}} == {"GBP"}, slug
