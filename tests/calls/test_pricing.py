"""What the store makes of a call's cost: by which tariff, for which number, when again; and nothing stops a line."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls.costing.document import parse
from calls.costing.models import CostingChoice, Destination, TariffVersion
from calls.costing.rating import Rater
from calls.costing.versions import copy, date_version, publish, replace_document
from calls.directory.models import Carrier, Extension, Feed, Trunk
from calls.export import call_record
from calls.models import Call, CallCost
from calls.store import CallStore
from tests.calls.costing.strategies import Json, tariffs
from tests.calls.factories import make_events, make_feed
from tests.calls.priced import MINUTE, NINE, UK, published, store_call, trunk, turn_on

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

UNANSWERED = ((0, "RINGING", "1843"), (25, "DISCONNECTED", "1843"))
NO_SECONDS = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"), (9, "DISCONNECTED", "1843"))
BEGINNING_LOST = ((9, "HOLD", "1843"), (69, "DISCONNECTED", "1843"))
LONDON = "02079460712"
FREEPHONE = "8081570123"


@pytest.fixture
def feed() -> Feed:
    feed = make_feed()
    turn_on()
    return feed


@pytest.fixture
def store(feed: Feed) -> CallStore:
    return CallStore(feed.pk)


def result(call: Call) -> tuple[str, str, int | None]:
    return call.cost_status, call.cost_reason, call.cost


RATED = "rated"
ROUTES: list[tuple[str, dict[str, Any], tuple[str, str, int | None]]] = [
    # a minute each; trunk 92108 has a carrier with the tariff UK, 9 for a line and London's area code
    ("a mobile", {}, (RATED, "", 120_000)),
    ("a mobile, with the outside-line prefix", {"number": "907911123456"}, (RATED, "", 120_000)),
    ("London", {"number": LONDON}, (RATED, "", 20_000)),
    ("local digits, made whole by the trunk's area code", {"number": "79460712"}, (RATED, "", 20_000)),
    ("local digits on a trunk that names no area", {"number": "79460712", "trunk": "3"},
     ("unrated", "number not recognised", None)),
    ("a number that no plan knows, whole", {"number": "97700900123"}, (RATED, "", 120_000)),
    ("New York", {"number": "0012125550123"}, (RATED, "", 900_000)),
    ("a country without a price", {"number": "0033199000012"}, ("unrated", "no prefix", None)),
    ("emergency", {"number": "999"}, (RATED, "", 0)),
    ("emergency, with the outside-line prefix", {"number": "9112"}, (RATED, "", 0)),
    ("a short code", {"number": "118500"}, (RATED, "", 1_500_000)),
    ("a short code without a price is no call to America", {"number": "123"}, ("unrated", "no prefix", None)),
    ("hidden digits", {"number": "07911XXXXXX"}, ("unrated", "masked", None)),
    ("no number", {"number": ""}, ("unrated", "masked", None)),
    ("a tie line, which has no carrier", {"number": "2040", "trunk": "7"}, ("unrated", "no tariff", None)),
    ("no trunk", {"trunk": ""}, ("unrated", "no tariff", None)),
    ("not answered", {"steps": UNANSWERED}, ("not_charged", "not answered", 0)),
    ("hung up as it was answered", {"steps": NO_SECONDS}, ("not_charged", "zero seconds", 0)),
    ("its beginning was not seen", {"steps": BEGINNING_LOST}, (RATED, "partial", 120_000)),
    ("incoming", {"direction": "in"}, ("not_charged", "not charged", 0)),
    ("incoming to the freephone number", {"direction": "in", "did": FREEPHONE}, (RATED, "", 50_000)),
    ("the same, withheld", {"direction": "in", "did": FREEPHONE, "number": ""}, (RATED, "", 50_000)),
]  # fmt: skip


def test_every_kind_of_call_has_its_defined_result(feed: Feed, store: CallStore) -> None:
    carrier = Carrier.objects.create(name="Example Telecom")
    trunk(feed, carrier=carrier, outside_prefix="9", area_code="020")
    trunk(feed, "3", carrier)
    trunk(feed, "7")
    published(UK, carrier_id=carrier.pk)
    # as people write it; the PBX's padding has taken its zero
    published({"rate": "0.05"}, "Freephone", carrier_id=carrier.pk, direction="in", did="0" + FREEPHONE)
    assert {name: result(store_call(store, **call)) for name, call, _ in ROUTES} == {
        name: expected for name, _, expected in ROUTES
    }


def test_what_is_kept_of_a_rated_call(feed: Feed, store: CallStore) -> None:
    version = published({**UK, "markup_pct": "10", "increment_s": 7})
    call = store_call(store)
    assert (call.cost, call.recharge, call.currency) == (128_000, 140_800, "GBP")  # 1 s, and 59 s in steps of 7 s
    assert (call.billed_seconds, call.tariff_version) == (64, version)
    assert call.destination == Destination.objects.get(name="Mobile", charge_class="mobile")
    assert call.pricing.prefix == "447"
    assert call.pricing.trace.splitlines()[1] == "matched 447 Mobile"
    version.refresh_from_db()
    assert version.used_since is not None


def test_a_call_has_a_cost_when_it_ends_and_one_whose_end_is_not_seen_has_none(store: CallStore) -> None:
    published(UK)
    call = store_call(store, MINUTE[:2])
    assert result(call) == ("", "", None)
    store.close_stale(datetime.now(UTC), [call.pk])
    call.refresh_from_db()
    assert result(call) == ("stale", "stale", None)
    call = store_call(store, MINUTE, call_id=call.call_id)
    assert result(call) == ("rated", "", 120_000)


def test_trunk_to_trunk_is_two_calls_each_with_its_cost(store: CallStore) -> None:
    published(UK)
    published({"rate": "0.05"}, "Inbound", direction="in")
    inbound = store_call(store, direction="in", number=LONDON)
    assert (inbound.cost, store_call(store).cost) == (50_000, 120_000)


def test_costing_switched_off_leaves_calls_alone_and_on_prices_those_that_end_after(store: CallStore) -> None:
    published(UK)
    CostingChoice.objects.get().delete()
    off = store_call(store)
    assert result(off) == ("off", "", None)
    turn_on()
    priced = store_call(store)
    assert (result(priced), store.refold([off.pk])) == (("rated", "", 120_000), {})
    turn_on(is_on=False)
    late = ((0, "RINGING", "1843"), (79, "DISCONNECTED", "1843"))
    assert store.refold([priced.pk]) == {}
    assert store_call(store, late, call_id=priced.call_id).cost_status == "rated"  # it has a tariff


def test_late_lines_rate_a_call_again_and_keep_its_version(store: CallStore) -> None:
    first = published(UK)
    call = store_call(store, ((0, "RINGING", "1843"), (69, "DISCONNECTED", "1843")))
    assert result(call) == ("not_charged", "not answered", 0)
    call = store_call(store, ((39, "ANSWERED", "1843"),), call_id=call.call_id)
    assert (call.cost, call.billed_seconds) == (60_000, 30)
    second = publish(copy(first, date(2026, 1, 1)).pk)
    replace_document(second.pk, parse({**UK, "connection_charge": "5"}), "dearer")
    call = store_call(store, ((9, "ANSWERED", "1843"),), call_id=call.call_id)
    assert (call.cost, call.billed_seconds, call.tariff_version) == (120_000, 60, first)
    assert "60 s → 60 s" in call.pricing.trace
    assert store_call(store).tariff_version == second
    call = store_call(store, MINUTE[2:], call_id=call.call_id, trunk="9")  # of no consequence: the first trunk stays
    assert (call.tariff_version, call.trunk) == (first, "92108")


def test_a_late_answer_on_another_day_takes_the_version_of_that_day(store: CallStore) -> None:
    first = published(UK)
    date_version(first.pk, date(2026, 1, 1), date(2026, 11, 24))
    second = copy(first, date(2026, 11, 24))
    replace_document(second.pk, parse({**UK, "connection_charge": "5"}), "dearer")
    publish(second.pk)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    ringing, answered = (0, "RINGING", "1843"), (20, "ANSWERED", "1843")
    call = store_call(store, (ringing, answered, (50, "DISCONNECTED", "1843")), started_at=midnight - timedelta(0, 15))
    assert (call.cost, call.tariff_version) == (5_060_000, second)
    call = store_call(store, ((10, "ANSWERED", "1843"),), started_at=midnight - timedelta(0, 15), call_id=call.call_id)
    assert (call.cost, call.tariff_version) == (80_000, first)


def test_rebuild_reprices_nothing_whatever_became_of_tariffs(feed: Feed, store: CallStore) -> None:
    version = published(UK)
    call = store_call(store)
    unpriced = store_call(store, number="0033199000012")
    replacement = publish(copy(version, date(2026, 1, 1)).pk)
    replace_document(replacement.pk, parse({"rate": "7"}), "dearer")
    Carrier.objects.create(name="Another")
    assert CallStore(feed.pk).refold([call.pk, unpriced.pk]) == {}
    Call.objects.filter(pk=call.pk).update(billable_seconds=1, cost=5)
    assert CallStore(feed.pk).refold([call.pk]) == {call.call_id: ["billable_seconds", "cost"]}
    call.refresh_from_db()
    assert (call.cost, call.tariff_version) == (120_000, version)


def test_what_stops_being_rated_loses_its_trace(feed: Feed, store: CallStore) -> None:
    published({"prefixes": UK["prefixes"]})
    call = store_call(store, number="0033199000012")
    Trunk.objects.filter(feed=feed).update(outside_prefix="0033")
    Extension.objects.create(feed=feed, number="1900")  # the directory's revision grows
    store.refold([call.pk])
    call.refresh_from_db()
    priced = store_call(store)
    assert CallCost.objects.filter(call=priced).exists()
    Trunk.objects.filter(feed=feed).update(outside_prefix="07911")
    Extension.objects.create(feed=feed, number="1901")
    assert "cost_status" in store.refold([priced.pk])[priced.call_id]
    assert not CallCost.objects.exists()


def test_a_defect_of_a_tariff_leaves_the_call_unrated_and_the_line_stored(store: CallStore) -> None:
    version = published({"rate": "1"})
    TariffVersion.objects.filter(pk=version.pk).update(terms={"rate": "much"})
    assert result(store_call(store)) == ("unrated", "tariff can't be used", None)
    TariffVersion.objects.filter(pk=version.pk).update(terms={"rate": "999999999999", "rate_unit_s": 1})
    Carrier.objects.create(name="Another")
    too_large = CallStore(store.feed_id)
    assert result(store_call(too_large)) == ("unrated", "cost too large", None)
    TariffVersion.objects.filter(pk=version.pk).update(terms={"rate": "0", "increment_s": 10**9, "initial_s": 10**9})
    long_billed = store_call(CallStore(store.feed_id))
    assert (long_billed.cost, long_billed.billed_seconds) == (0, 10**9)


def test_a_version_edited_since_it_was_read_prices_by_what_it_says_now(store: CallStore) -> None:
    version = published(UK)
    call_id = "2026112409000099999999"
    with store.transaction() as work:
        assert store.pricing.book.by_id[version.pk].edition == version.edition
        replace_document(version.pk, parse({"rate": "2"}), "dearer")
        work.open({call_id})
        for event in make_events(MINUTE, NINE, call_id, direction="out", number="07911123456"):
            work.add(event)
    assert Call.objects.get(call_id=call_id).cost == 2_000_000


def test_pricing_costs_no_query_a_call(feed: Feed, store: CallStore) -> None:
    published(UK)
    for _ in range(2):  # the first discovers its devices, and the second then reads the directory again
        store_call(store)

    def queries(calls: int, started_at: datetime) -> int:
        with (
            CaptureQueriesContext(connection) as captured,
            store.transaction() as work,
        ):
            ids = [f"{started_at:%Y%m%d%H%M%S}9{n:07}" for n in range(calls)]
            work.open(ids)
            for n, call_id in enumerate(ids):
                for event in make_events(MINUTE, started_at, call_id, direction="out", number=f"0791112{n:04}"):
                    work.add(event)
        return len(captured)

    few, many = queries(2, NINE), queries(30, NINE + timedelta(hours=1))
    assert few == many
    assert Call.objects.filter(cost=120_000).count() == 34


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tariffs(), st.lists(st.tuples(st.sampled_from([LONDON, "07911123456", "0012125550123", "0033199000012", ""]),
       st.integers(0, 5_000), st.integers(0, 10**6)), min_size=1, max_size=4))  # fmt: skip
def test_the_stored_cost_is_what_the_rater_says(feed: Feed, said: Json, calls: list[tuple[str, int, int]]) -> None:
    rater = Rater(parse(said))
    with transaction.atomic():
        published({**said, "name": "A tariff"})
        store = CallStore(feed.pk)
        for number, seconds, offset in calls:
            started_at = NINE + timedelta(seconds=offset)
            steps = ((0, "RINGING", "1843"), (9, "ANSWERED", "1843"), (9 + seconds, "DISCONNECTED", "1843"))
            call = store_call(store, steps, started_at=started_at, number=number)
            rating = rater.rate(started_at + timedelta(seconds=9), seconds, call.number_e164[1:])
            if rating.cost is None:
                assert (call.cost_status, call.cost, call.recharge) == ("unrated", None, None)
                continue
            assert call.billed_seconds == rating.billed_s
            assert abs(Decimal(call.recharge or 0) / 10**6 - rating.cost) <= Decimal("0.0000005")
            if rating.cost == round_to_millionths(rating.cost):
                assert Decimal(call.recharge or 0) / 10**6 == rating.cost
            if rating.status == "rated":
                assert call.pricing.trace == "\n".join(rating.trace)
        transaction.set_rollback(True)


def round_to_millionths(cost: Decimal) -> Decimal:
    return cost.quantize(Decimal("0.000001"))


def test_exports_have_the_cost_as_text_and_none_for_a_call_in_progress(store: CallStore) -> None:
    published({**UK, "markup_pct": "10"})
    record = call_record(store_call(store))
    assert {name: record[name] for name in ("cost", "recharge", "currency", "cost_status", "billed_seconds")} == {
        "cost": "0.12", "recharge": "0.132", "currency": "GBP", "cost_status": "rated", "billed_seconds": 60,
    }  # fmt: skip
    assert (record["destination"], record["destination_class"]) == ("Mobile", "mobile")
    assert record["tariff_version"] == "Standard v1"
    assert call_record(store_call(store, MINUTE[:2]))["cost"] is None
    printed = io.StringIO()
    call_command("export_calls", "--format", "csv", stdout=printed)
    assert [(row["cost"], row["recharge"]) for row in csv.DictReader(io.StringIO(printed.getvalue()))] == [
        ("0.12", "0.132"),
        ("", ""),
    ]
