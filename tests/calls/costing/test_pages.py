"""The tariff pages: made, imported, edited, tried, compared, by those who may; and how many queries they take."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from calls.access import EVERYTHING
from calls.comparing import compared
from calls.costing.document import export, parse
from calls.costing.example import example
from calls.costing.models import CostingChoice, HolidayCalendar, Prefix, Tariff, TariffVersion
from calls.costing.rating import Rater
from calls.costing.stored import document_of, write_document
from calls.costing.versions import Head, install_example, make, publish
from calls.directory.models import Access, Carrier, Trunk
from calls.models import Call
from calls.periods import of_days
from tests.calls.factories import make_call, make_feed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)
BANDED = parse(
    {
        "rate": "0.02",
        "bands": [
            {"name": "peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "0.06"},
            {"name": "weekend", "weekdays": [6, 7], "from": "00:00", "to": "24:00", "rate": "0.01"},
        ],
        "prefixes": [
            {"prefix": "44", "name": "UK", "class": "national"},
            {"prefix": "447", "name": "Mobile", "class": "mobile", "rate": "0.10", "bands": []},
        ],
    }
)


@pytest.fixture(autouse=True)
def in_the_afternoon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def signed_in(*actions: str) -> Client:
    user = User.objects.create_user(f"clerk{User.objects.count()}")
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=[f"{action}_tariff" for action in (actions or ("view", "add", "change"))]
        )
    )
    Access.objects.create(user=user, all_departments=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def clerk() -> Client:
    return signed_in()


@pytest.fixture
def draft() -> TariffVersion:
    version = make(Head("Standard"), BANDED, date(2026, 6, 1))
    write_document(version, BANDED)
    return version


def page(client: Client, name: str, /, *args: Any, **data: Any) -> str:
    response = client.get(reverse(f"tariffs:{name}", args=args), data)
    assert response.status_code == 200
    return str(response.content.decode())


def send(client: Client, name: str, /, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"tariffs:{name}", args=args), data, follow=True)


def test_a_tariff_is_made_edited_published_copied_and_retired(clerk: Client) -> None:
    made = send(clerk, "add", name="Acme", direction="out", currency="GBP", vat="ex", time_zone="Europe/London",
                valid_from="2026-12-01", rate="1,20")  # fmt: skip
    assert "“1,20” is not a rate; write 1.20" in made.content.decode()
    made = send(clerk, "add", name="Acme", direction="out", currency="GBP", vat="ex", time_zone="Europe/London",
                valid_from="2026-12-01", rate="1.20")  # fmt: skip
    version = TariffVersion.objects.get()
    assert made.redirect_chain[-1][0] == reverse("tariffs:version", args=[version.pk])
    send(clerk, "add-prefix", version.pk, prefix="447", destination="Mobile", **{"class": "mobile"}, rate="0.10")
    send(clerk, "publish", version.pk)
    version.refresh_from_db()
    assert version.published_at == NOW
    assert "published, unused" in page(clerk, "version", version.pk)
    send(clerk, "copy", version.pk, valid_from="2027-01-01")
    second = TariffVersion.objects.get(number=2)
    assert second.supersedes == version
    assert [prefix.prefix for prefix in document_of(second).prefixes] == ["447"]
    send(clerk, "dates", second.pk, valid_from="2027-02-01", valid_to="2027-01-01")
    second.refresh_from_db()
    assert second.valid_from == date(2027, 1, 1)
    shown = send(clerk, "dates", second.pk, valid_from="2027-02-01", valid_to="2027-03-01", supersedes=version.pk)
    assert "from 1 Feb 2027 until 1 Mar 2027" in shown.content.decode()
    send(clerk, "retire", version.pk, valid_to="2027-06-01")
    assert TariffVersion.objects.get(number=1).valid_to == date(2027, 6, 1)
    assert "from 1 Feb 2027 until 1 Mar 2027" in page(clerk, "tariff", version.tariff_id)
    send(clerk, "delete", second.pk)
    assert TariffVersion.objects.count() == 1
    refused = send(clerk, "delete", version.pk)
    assert "Acme v1 is published: calls may have been priced with it. Retire it instead." in refused.content.decode()
    send(clerk, "copy", version.pk, valid_from="2027-01-01", name="Other", carrier=Carrier.objects.create(name="C").pk)
    assert Tariff.objects.get(name="Other").carrier_id is not None


def test_rates_and_bands_are_edited_in_the_table(clerk: Client, draft: TariffVersion) -> None:
    mobile = Prefix.objects.get(digits="447")

    def cell(name: str, row: int, **sent: str) -> Any:
        response = send(clerk, name, draft.pk, row, **sent)
        return response.status_code, response.json()

    assert cell("prefix", mobile.pk, rate="0.12") == (200, {"saved": {"rate": "0.12"}})
    assert cell("prefix", mobile.pk, rate="£1") == (422, {"errors": {"rate": ["“£1” is not a rate; write 1"]}})
    assert cell("prefix", mobile.pk, prefix="44") == (422, {"errors": {"prefix": ["44 is there already"]}})
    assert cell("prefix", mobile.pk, **{"rate:peak": "0.30"}) == (200, {"saved": {"rate:peak": "0.30"}})
    assert cell("prefix", mobile.pk, destination="Mobiles") == (200, {"saved": {"destination": "Mobiles"}})
    assert cell("band", 0, to="18:30") == (200, {"saved": {"to": "18:30"}})
    assert cell("band", 0, days="8") == (
        422,
        {"errors": {"days": ["“8” is not a weekday; write 1 (Monday) to 7 (Sunday)"]}},
    )
    said = export(document_of(TariffVersion.objects.get()))
    assert said["prefixes"][1] == {
        "prefix": "447", "name": "Mobiles", "class": "mobile", "rate": "0.12",
        "bands": [{**said["bands"][0], "rate": "0.30"}, {**said["bands"][1], "rate": "0.12"}],
    }  # fmt: skip
    assert said["bands"][0]["to"] == "18:30"
    assert TariffVersion.objects.get().edition == 4
    answer = send(clerk, "add-band", draft.pk, name="night", **{"from": "22:00"}, to="22:00")
    assert "Nothing was changed" in answer.content.decode()
    assert "for the whole day write 00:00 to 24:00" in answer.content.decode()
    send(clerk, "add-band", draft.pk, name="night", **{"from": "22:00"}, to="06:00", rate="0.01")
    send(clerk, "remove-band", draft.pk, 1)
    said = export(document_of(TariffVersion.objects.get()))
    assert [band["name"] for band in said["prefixes"][1]["bands"]] == ["peak", "night"]
    assert [band["rate"] for band in said["prefixes"][1]["bands"]] == ["0.30", "0.12"]
    send(clerk, "remove-prefix", draft.pk, mobile.pk)
    assert not Prefix.objects.filter(digits="447").exists()


def test_terms_are_edited_and_refused_at_their_field(clerk: Client, draft: TariffVersion) -> None:
    calendar = HolidayCalendar.objects.create(name="England")
    send(clerk, "calendar", calendar.pk, name="England", days="2026-12-25 Christmas Day\n2026-12-28\n")
    assert page(clerk, "terms", draft.pk).count("England") == 1
    sent = {"rate": "0.02", "method": "up", "dp": "2", "band_policy": "split", "calendar": calendar.pk}
    refused = send(clerk, "terms", draft.pk, **sent, bank_holiday_as="weekeend").content.decode()
    assert "no band is named “weekeend”; did you mean “weekend”?" in refused
    assert "no JSON" in send(clerk, "terms", draft.pk, **sent, more="{free}").content.decode()
    send(clerk, "terms", draft.pk, **sent, bank_holiday_as="weekend", more='{"cap": {"amount": "5"}}')
    said = export(document_of(TariffVersion.objects.get()))
    assert said["rounding"] == {"method": "up", "dp": 2}
    assert said["cap"]["amount"] == "5"
    assert said["bank_holidays"] == ["2026-12-25", "2026-12-28"]
    assert said["bands"] == export(BANDED)["bands"]
    bad = send(clerk, "calendar", calendar.pk, name="England", days="2026-12-25 x\n25 Dec\n2026-12-25").content.decode()
    assert "Line 2: “25” is not a date such as 2026-12-25" in bad


def upload(name: str, text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def test_an_import_is_tried_first_and_all_or_nothing(clerk: Client, draft: TariffVersion) -> None:
    rows = "prefix,destination,rate\n" + "".join(f"{44 + index},Place,0.01\n" for index in range(12))
    bad = send(
        clerk, "import-version", draft.pk, file=upload("rates.csv", f'{rows}99,Elsewhere,"1,20"\n')
    ).content.decode()
    assert "Line 14, rate: “1,20” is not a rate; write 1.20." in bad
    assert "Nothing was changed" in bad
    checked = send(clerk, "import-version", draft.pk, file=upload("rates.csv", rows)).content.decode()
    assert "12 prefixes in GBP, bands peak, weekend" in checked
    assert document_of(TariffVersion.objects.get()) == document_of(draft)
    send(clerk, "import-version", draft.pk, text=rows, apply="1")
    assert Prefix.objects.count() == 12
    text = json.dumps(export(BANDED))
    send(clerk, "import-version", draft.pk, text=text, apply="1")
    assert json.loads(page(clerk, "json", draft.pk)) == {"name": "Standard", **export(BANDED)}
    csv = page(clerk, "csv", draft.pk)
    send(clerk, "import-version", draft.pk, text=csv, apply="1")
    assert page(clerk, "csv", draft.pk) == csv
    other = send(clerk, "import-version", draft.pk, file=upload("x.json", json.dumps({"rate": "1", "currency": "EUR"})))
    assert other.status_code == 200


def test_a_whole_tariff_comes_from_a_file(clerk: Client) -> None:
    head = {"direction": "out", "valid_from": "2026-12-01"}
    text = json.dumps(export(example()))
    checked = send(clerk, "import", file=upload("example.json", text), **head).content.decode()
    assert f"{len(example().prefixes)} prefixes in GBP" in checked
    assert not Tariff.objects.exists()
    send(clerk, "import", text=text, apply="1", name="Ours", **head)
    assert document_of(TariffVersion.objects.get()).prefixes == example().prefixes
    again = send(clerk, "import", text=text, apply="1", name="Ours", **head).content.decode()
    assert "There is a tariff named “Ours” already." in again
    assert TariffVersion.objects.count() == 1


def test_try_it_shows_cost_and_trace_beside_another(clerk: Client, draft: TariffVersion) -> None:
    version = install_example(NOW.date())
    text = page(
        clerk, "try", number="07911 123456", answered_at="2026-11-24T17:59", seconds="61", version=version.pk,
        beside=draft.pk,
    )  # fmt: skip
    assert "Priced as 447911123456." in text
    assert "matched 447 Mobile" in text
    assert "GBP 0.1017" in text  # Standard: mobile 0.10 a minute at all times, 61 s: 0.10166…, half up
    assert text.count("rounded") == 2
    assert "EXAMPLE" in text
    assert "Unrated" in page(
        clerk, "try", number="+999", answered_at="2026-11-24T17:59", seconds="61", version=draft.pk
    )  # fmt: skip
    assert 'value="61"' in page(clerk, "try")


def outgoing(started_at: datetime, e164: str, **priced: Any) -> Call:
    steps = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"), (69, "DISCONNECTED", "1843"))
    call = make_call(*steps, started_at=started_at, e164=e164, number=e164[1:], direction="out")
    Call.objects.filter(pk=call.pk).update(**priced)
    return call


def test_last_months_calls_are_priced_on_another_version(clerk: Client, draft: TariffVersion) -> None:
    october = datetime(2026, 10, 14, 9, tzinfo=UTC)  # a Wednesday; 60 s each
    for minute, (e164, recharge) in enumerate(
        [("+447700900123", 80_000), ("+442079460000", 50_000), ("+33123456789", 1)]
    ):
        outgoing(october + timedelta(minutes=minute), e164, recharge=recharge, currency="GBP")
    outgoing(october, "+442079460001")
    outgoing(october + timedelta(days=30), "+442079460002", recharge=1, currency="GBP")
    result = compared(
        Rater(BANDED), draft.tariff, EVERYTHING, of_days(date(2026, 10, 1), date(2026, 10, 31), Rater(BANDED).zone)
    )
    assert [(line.name, line.calls, str(line.was), str(line.would_be), line.unrated) for line in result.lines] == [
        ("mobile", 1, "0.080000", "0.100000", 0),
        ("national", 1, "0.050000", "0.060000", 0),
        ("other", 1, "0", "0", 1),
    ]
    assert (result.not_priced, result.total.calls, result.upto) == (1, 3, None)
    short = compared(Rater(BANDED), draft.tariff, EVERYTHING, result.period, calls=2)
    assert short.upto is not None
    assert short.total.calls + short.not_priced == 2
    text = clerk.get(reverse("tariffs-compare", args=[draft.pk])).content.decode()
    assert "+0.02" in text
    assert "Last month: 1 to 31 Oct 2026" in text


def test_last_months_incoming_calls_are_compared_by_a_freephone_tariff(clerk: Client) -> None:
    october = datetime(2026, 10, 14, 9, tzinfo=UTC)
    for minute, (did, fields) in enumerate(
        [
            ("08001234567", {"cost_status": "not_charged", "recharge": 0}),
            ("8001234567", {"recharge": 10_000, "currency": "GBP"}),  # as a PBX that pads with zeros sends it
            ("18001234567", {"recharge": 0}),
            ("2079460000", {"recharge": 0}),
        ]
    ):
        call = make_call(started_at=october + timedelta(minutes=minute), did=did)
        Call.objects.filter(pk=call.pk).update(**fields)
    freephone = make(Head("Freephone", direction="in", did="08001234567"), parse({"rate": "0.03"}), date(2026, 6, 1))
    text = clerk.get(reverse("tariffs-compare", args=[freephone.pk])).content.decode()
    assert "Incoming calls to 08001234567" in text
    assert "+0.05" in text  # twice 0.03, of which 0.01 was charged
    every = make(Head("In", direction="in"), parse({"rate": "0.03"}), date(2026, 6, 1)).tariff
    month = of_days(date(2026, 10, 1), date(2026, 10, 31), Rater(BANDED).zone)
    total = compared(Rater(parse({"rate": "0.03"})), every, EVERYTHING, month).total
    assert (total.calls, str(total.was), str(total.would_be)) == (4, "0.010000", "0.120000")


def test_costing_is_switched_and_the_example_installed(clerk: Client) -> None:
    send(clerk, "choose", example="1")
    assert CostingChoice.objects.get().is_on
    text = page(clerk, "index")
    assert "EXAMPLE" in text
    assert "calls are priced as they end" in text
    send(clerk, "choose", **{"costing-chargeback": "talk"})
    choice = CostingChoice.objects.get()
    assert (choice.is_on, choice.chargeback) == (False, "talk")


@pytest.mark.parametrize("actions", [(), ("view",)])
def test_nobody_changes_what_is_not_theirs_to_change(actions: tuple[str, ...], draft: TariffVersion) -> None:
    client = signed_in(*actions) if actions else signed_in("nothing")
    version = publish(draft.pk)
    prefix = Prefix.objects.get(digits="447")
    for name, args in (
        ("publish", [version.pk]), ("retire", [version.pk]), ("delete", [version.pk]), ("copy", [version.pk]),
        ("dates", [version.pk]), ("terms", [version.pk]), ("import-version", [version.pk]), ("import", []), ("add", []),
        ("choose", []), ("prefix", [version.pk, prefix.pk]), ("add-prefix", [version.pk]), ("band", [version.pk, 0]),
        ("remove-prefix", [version.pk, prefix.pk]), ("add-band", [version.pk]), ("remove-band", [version.pk, 0]),
        ("edit", [version.tariff_id]), ("add-calendar", []),
    ):  # fmt: skip
        assert send(client, name, *args, rate="9").status_code == 403, name
    for name, args in (("index", []), ("tariff", [version.tariff_id]), ("version", [version.pk]), ("try", [])):
        assert client.get(reverse(f"tariffs:{name}", args=args)).status_code == (200 if actions else 403)
    assert "Add prefix" not in (page(client, "version", version.pk) if actions else "")


@pytest.mark.usefixtures("fresh_sidebar")
def test_pages_take_so_many_queries(clerk: Client, draft: TariffVersion, django_assert_num_queries: Any) -> None:
    feed, carrier = make_feed(), Carrier.objects.create(name="Acme")
    for number in range(12):
        Trunk.objects.create(feed=feed, number=str(number), carrier=carrier)
        make(Head(f"Tariff {number}", carrier.pk, "in", str(number)), BANDED, date(2026, 6, 1))
    version = install_example(NOW.date())
    for name, args, queries in (
        ("index", [], 13), ("tariff", [version.tariff_id], 6), ("version", [version.pk], 10), ("try", [], 8)
    ):  # fmt: skip
        page(clerk, name, *args)
        with django_assert_num_queries(queries):
            page(clerk, name, *args)


def test_the_administration_shows_tariffs_and_changes_none(draft: TariffVersion) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    for address in (f"tariffversion/{draft.pk}", f"tariff/{draft.tariff_id}"):
        assert "Standard" in client.get(f"/admin/costing/{address}/change/").content.decode()
        assert client.post(f"/admin/costing/{address}/change/", {"name": "Else"}).status_code == 403
        assert client.post(f"/admin/costing/{address}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/costing/holidaycalendar/add/").status_code == 200
