"""Costs on the list of calls and on a call's page."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from calls.access import EVERYTHING
from calls.costing.models import TariffVersion
from calls.filters import Selection
from calls.models import Call
from calls.recosting import begin, words, work
from calls.store import CallStore
from tests.calls.factories import make_feed
from tests.calls.live import make_user, signed_in
from tests.calls.priced import MINUTE, NINE, UK, published, store_call, turn_on
from tests.calls.test_calls_pages import body, rows

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NINE.replace(hour=12), tick=False):
        yield


@pytest.fixture
def calls() -> dict[str, Call]:
    turn_on()
    published({**UK, "markup_pct": "10"})
    store = CallStore(make_feed().pk)
    return {
        "mobile": store_call(store),
        "america": store_call(store, number="0012125550123"),
        "france": store_call(store, number="0033199000012"),
        "hidden": store_call(store, number="07911XXXXXX"),
        "incoming": store_call(store, direction="in"),
        "talking": store_call(store, MINUTE[:2]),
    }


@pytest.fixture
def viewer() -> Client:
    return signed_in(make_user())


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("cost=unrated", {"france", "hidden"}),
        ("cost=unrated&reason=no+prefix", {"france"}),
        ("cost=rated", {"mobile", "america"}),
        ("cost=not_charged", {"incoming"}),
        ("costs=0.12", {"mobile", "america"}),
        ("costs=.120001", {"america"}),
        ("to=international", {"america"}),
        ("to=null", {"france", "hidden", "incoming", "talking"}),
        ("destination=Mobile", {"mobile"}),
    ],
)
def test_calls_are_found_by_cost(address: str, names: set[str], calls: dict[str, Call]) -> None:
    selection = Selection(QueryDict(address), EVERYTHING)
    assert selection.errors == []
    assert set(selection.calls) == {calls[name] for name in names}


@pytest.mark.parametrize("typed", ["1,20", "£1", "-1", ".", "1.2345678", "١"])
def test_what_is_no_amount_selects_nothing_and_says_so(typed: str, calls: dict[str, Call]) -> None:
    asked = QueryDict(mutable=True)
    asked["costs"] = typed
    selection = Selection(asked, EVERYTHING)
    assert selection.errors == [f"Costs at least: “{typed}” is not an amount. Write 1.20 or 0.005."]
    assert not selection.calls


def test_the_list_shows_what_calls_cost(viewer: Client, calls: dict[str, Call]) -> None:
    table = viewer.get("/calls/").context["table"]
    shown = {row.record.pk: row.record.cost.text for row in table.rows}
    assert shown == {
        calls["mobile"].pk: "£0.12",
        calls["america"].pk: "£0.90",
        calls["france"].pk: "unrated",
        calls["hidden"].pk: "unrated",
        calls["incoming"].pk: "0.00",
        calls["talking"].pk: "",
    }


def test_without_prices_there_is_no_column_of_them(viewer: Client) -> None:
    store_call(CallStore(make_feed().pk))
    assert "cost" not in viewer.get("/calls/").context["table"].columns.names()


def test_a_calls_page_shows_its_cost_and_the_working(viewer: Client, calls: dict[str, Call]) -> None:
    page = viewer.get(calls["mobile"].get_absolute_url()).content.decode()
    assert "<dt>Cost</dt><dd>£0.12</dd>" in page
    assert "£0.132" in page
    assert "<li>matched 447 Mobile</li>" in page
    assert "The tariff has no price for its number." in viewer.get(calls["france"].get_absolute_url()).content.decode()
    assert "Its number was not sent in full" in viewer.get(calls["hidden"].get_absolute_url()).content.decode()
    assert 'id="cost"' not in viewer.get(calls["talking"].get_absolute_url()).content.decode()


def test_a_prefix_as_long_as_the_number_shows_no_hidden_digit() -> None:
    turn_on()
    published({"prefixes": [{"prefix": "447911123456", "name": "Partner", "rate": "1"}]})
    call = store_call(CallStore(make_feed().pk))
    viewer = signed_in(make_user(masked_digits=4))
    page = viewer.get(call.get_absolute_url()).content.decode()
    assert "matched 44791112•••• Partner" in page
    for text in (page, body(viewer.get("/calls/")), body(viewer.get("/calls/?format=json"))):
        assert "123456" not in text.replace(call.call_id, "")


def test_the_csv_has_costs(viewer: Client, calls: dict[str, Call]) -> None:
    exported = rows(viewer.get("/calls/?format=csv&cost=rated"))
    assert [(row["cost"], row["currency"], row["destination"]) for row in exported] == [
        ("0.90", "GBP", "North America"),
        ("0.12", "GBP", "Mobile"),
    ]


def test_a_missing_rate_is_started_from_its_call_and_the_calls_get_it(calls: dict[str, Call]) -> None:
    user = make_user()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="costing"))
    clerk, call = signed_in(user), calls["france"]
    address = f"{reverse('missing-rate')}?call={call.pk}"
    assert f'href="{address}"' in clerk.get(call.get_absolute_url()).content.decode()
    report = clerk.get("/reports/unrated/?period=today").content.decode()
    assert f'href="{reverse("missing-rate")}?number_is=%2B33199000012"' in report
    form = clerk.get(f"{reverse('missing-rate')}?number_is=%2B33199000012").content.decode()
    assert 'name="digits" value="33"' in form
    assert "Standard v1 has priced calls, so its prices stay" in form
    asked = {"digits": "33", "destination": "France", "charge_class": "international", "rate": "0,3"}
    assert "“0,3” is not a rate; write 0.3" in clerk.post(address, asked).content.decode()
    assert TariffVersion.objects.count() == 1
    followed = clerk.post(address, {**asked, "rate": "0.3"}, follow=True)
    second = TariffVersion.objects.get(number=2)
    assert (second.supersedes, second.published_at is None) == (TariffVersion.objects.get(number=1), False)
    assert followed.redirect_chain[-1][0] == (
        f"{reverse('recosts')}?tariff={second.tariff_id}&first=2026-11-24&last=2026-11-24"
    )
    assert "1 unrated call begins with it" in followed.content.decode()
    recost = begin(NINE, NINE + timedelta(hours=1))
    work(recost)
    assert words(recost.would_change, recost.would_differ) == "1 call: £0.30 more"
    assert clerk.get(f"{reverse('missing-rate')}?call={calls['mobile'].pk}").status_code == 404
    assert "could not be read" in clerk.get(f"{reverse('missing-rate')}?call={calls['hidden'].pk}").content.decode()


def test_a_missing_rate_is_for_those_who_may_and_tells_no_hidden_digit(calls: dict[str, Call]) -> None:
    address = f"{reverse('missing-rate')}?call={calls['france'].pk}"
    viewer = signed_in(make_user())
    assert viewer.get(address).status_code == 403
    assert "Start its rate" not in viewer.get(calls["france"].get_absolute_url()).content.decode()
    masked = make_user(masked_digits=10)
    masked.user_permissions.set(Permission.objects.filter(content_type__app_label="costing"))
    assert 'name="digits" value="3"' in signed_in(masked).get(address).content.decode()
    assert signed_in(masked).get(f"{reverse('missing-rate')}?number_is=%2B33199000012").status_code == 404


def test_the_list_can_be_ordered_by_cost(
    calls: dict[str, Call], viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'href="?sort=-cost"' in viewer.get("/calls/").content.decode()
    monkeypatch.setattr("calls.views.PAGE_SIZE", 1)
    found, address = [], "?sort=-cost"
    for _ in range(2):
        response = viewer.get(f"/calls/{address}")
        found += [row.pk for row in response.context["table"].data]
        assert 'aria-sort="descending"' in response.content.decode()
        assert response.context["count"] == "2 calls with a cost, dearest first"
        address = response.context["older"]
    assert found == [calls["america"].pk, calls["mobile"].pk]
    assert address == ""
    newer = viewer.get(f"/calls/{response.context['newer']}")
    assert [row.pk for row in newer.context["table"].data] == [calls["america"].pk]
    for bad in ("older=x", "older=99999999999999999999-1", "newer=-1"):
        assert viewer.get(f"/calls/?sort=-cost&{bad}").status_code == 200


def test_the_order_by_cost_has_an_index() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # a small table is read whole
            cursor.execute("SET LOCAL enable_sort = off")
    plan = Call.objects.filter(cost__gt=0).order_by("-cost", "-pk")[:51].explain()
    assert "call_cost" in plan
    assert "TEMP B-TREE" not in plan
