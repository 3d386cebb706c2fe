"""Giving past calls new prices: what would change, what did, what is kept of it, and what a kill in between leaves."""

import io
from datetime import date, timedelta

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command
from django.core.management.base import CommandError

from calls import recosting
from calls.costing.document import parse
from calls.costing.models import CostingChoice, TariffVersion
from calls.costing.versions import copy, publish, replace_document
from calls.models import Call, CallCost, Recost, RecostChange
from calls.recosting import PricesChangedError, apply, begin, words, work
from calls.store import CallStore
from tests.calls.factories import make_feed
from tests.calls.priced import MINUTE, NINE, UK, published, store_call, turn_on

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SINCE, UNTIL = NINE - timedelta(hours=1), NINE + timedelta(hours=1)


class Prices:
    """A tariff whose first version priced some calls, and what comes after it."""

    def __init__(self) -> None:
        turn_on()
        self.first = published(UK)
        self.stores = [CallStore(make_feed(name).pk) for name in ("Head office", "Branch")]
        self.calls = [store_call(store) for store in self.stores for _ in range(3)]
        self.outside = store_call(self.stores[0], started_at=UNTIL)
        self.talking = store_call(self.stores[0], MINUTE[:2])

    def supersede(self, **said: object) -> TariffVersion:
        version = copy(self.first, date(2026, 1, 1))
        replace_document(version.pk, parse({"timezone": "Europe/London", **UK, **said}), "other prices")
        return publish(version.pk)


@pytest.fixture
def prices() -> Prices:
    return Prices()


def run(*arguments: str) -> str:
    printed = io.StringIO()
    call_command("recost", "--since", SINCE.isoformat(), "--until", UNTIL.isoformat(), *arguments, stdout=printed)
    return printed.getvalue()


def costs() -> list[int | None]:
    return list(Call.objects.order_by("pk").values_list("cost", flat=True))


def test_a_dry_run_says_what_would_change_and_changes_nothing(prices: Prices) -> None:
    second = prices.supersede(connection_charge="0.05")
    before = list(Call.objects.order_by("pk").values())
    said = run("--dry-run")
    assert "New prices for 6 calls: £0.30 more." in said
    assert said.count("£0.12 → £0.17") == 6
    assert list(Call.objects.order_by("pk").values()) == before
    second.refresh_from_db()
    assert second.used_since is None
    assert not Recost.objects.exists()


def test_it_moves_calls_to_the_new_version_and_keeps_the_old_figures(prices: Prices) -> None:
    second = prices.supersede(connection_charge="0.05")
    assert "Applied new prices to 6 calls: £0.30 more." in run()
    assert costs() == [170_000] * 6 + [120_000, None]
    assert {call.pricing.trace.count("connection") for call in Call.objects.filter(tariff_version=second)} == {1}
    kept = RecostChange.objects.values_list("old_cost", "new_cost", "old_version", "new_version").distinct()
    assert list(kept) == [(120_000, 170_000, prices.first.pk, second.pk)]
    assert RecostChange.objects.count() == 6
    entry = LogEntry.objects.get_for_objects(Recost.objects.all()).get(changes__prices__isnull=False)
    assert entry.changes == {"prices": ["", "6 calls: £0.30 more"]}
    assert "Nothing changes." in run()
    assert Recost.objects.count() == 1


def test_a_worker_that_has_the_calls_in_mind_sees_the_new_price(prices: Prices) -> None:
    second = prices.supersede(connection_charge="0.05")
    run()
    call = prices.calls[0]
    late = store_call(prices.stores[0], ((39, "HOLD", "1843"),), call_id=call.call_id)
    assert (late.cost, late.tariff_version, late.version) == (170_000, second, call.version + 2)


def test_calls_from_before_prices_and_unrated_ones_get_theirs(prices: Prices) -> None:
    Call.objects.filter(pk=prices.calls[0].pk).update(cost=None, cost_status="", tariff_version=None)
    unrated = store_call(prices.stores[1], number="0033199000012")
    prices.supersede(prefixes=[*UK["prefixes"], {"prefix": "33", "name": "France", "rate": "0.3"}])
    assert "2 calls: £0.42 more" in run()
    unrated.refresh_from_db()
    assert (unrated.cost, unrated.cost_reason, unrated.pricing.prefix) == (300_000, "", "33")


def test_a_call_that_loses_its_price_loses_its_trace(prices: Prices) -> None:
    prices.supersede(prefixes=UK["prefixes"][:1])
    assert "6 calls: £0.72 less" in run()
    assert [call.cost_status for call in Call.objects.filter(pk__in=[call.pk for call in prices.calls])] == [
        "unrated"
    ] * 6
    assert CallCost.objects.count() == 1  # of the call outside the range


def test_one_killed_between_chunks_goes_on_where_it_stood(prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    prices.supersede(connection_charge="0.05")
    monkeypatch.setattr(recosting, "FIRST_CHUNK", 2)
    monkeypatch.setattr(recosting, "SMALLEST_CHUNK", 2)
    monkeypatch.setattr(recosting, "LARGEST_CHUNK", 2)

    class KilledError(Exception):
        pass

    def die(job: Recost) -> None:
        if job.state == Recost.State.APPLYING and job.changed == 3:
            raise KilledError

    recost = begin(SINCE, UNTIL)
    work(recost)
    apply(recost)
    with pytest.raises(KilledError):
        work(recost, die)
    assert sorted(cost or 0 for cost in costs()) == [0, *[120_000] * 4, *[170_000] * 3]
    said = run()
    assert "Going on with job" in said
    assert "Applied new prices to 6 calls: £0.30 more." in said
    assert RecostChange.objects.count() == 6


def test_two_at_one_job_do_it_once(prices: Prices) -> None:
    prices.supersede(connection_charge="0.05")
    recost = begin(SINCE, UNTIL)
    work(recost)
    apply(recost)
    other = Recost.objects.get()
    work(recost)
    work(other)
    assert (other.changed, other.state) == (6, Recost.State.DONE)
    assert RecostChange.objects.count() == 6


def test_prices_edited_after_the_look_are_not_applied_unseen(prices: Prices) -> None:
    second = prices.supersede(connection_charge="0.05")
    recost = begin(SINCE, UNTIL)
    work(recost)
    replace_document(second.pk, parse({"timezone": "Europe/London", **UK, "connection_charge": "9"}), "a slip")
    with pytest.raises(PricesChangedError):
        apply(recost)
    work(recost)
    assert (recost.state, words(recost.would_change, recost.would_differ)) == ("ready", "6 calls: £54.00 more")
    assert set(costs()) == {120_000, None}


def test_prices_edited_while_they_are_applied_stop_it(prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    second = prices.supersede(connection_charge="0.05")
    for name in ("FIRST_CHUNK", "SMALLEST_CHUNK", "LARGEST_CHUNK"):
        monkeypatch.setattr(recosting, name, 2)
    recost = begin(SINCE, UNTIL)
    work(recost)
    apply(recost)

    def supersede_it(job: Recost) -> None:
        if job.state == Recost.State.APPLYING and job.changed == 2:
            third = copy(second, date(2026, 1, 1))
            replace_document(third.pk, parse({"timezone": "Europe/London", **UK, "connection_charge": "9"}), "a slip")
            publish(third.pk)

    work(recost, supersede_it)
    assert (recost.state, recost.changed) == (Recost.State.STOPPED, 2)
    assert sorted(cost or 0 for cost in costs()) == [0, *[120_000] * 5, *[170_000] * 2]
    entry = LogEntry.objects.get_for_object(recost).get(changes__prices__isnull=False)
    assert entry.changes == {"prices": ["", "2 calls: £0.10 more"]}


def test_it_refuses_to_take_every_cost_away(prices: Prices) -> None:
    CostingChoice.objects.update(is_on=False)
    with pytest.raises(CommandError, match="switch prices on first"):
        run()
    assert set(costs()) == {120_000, None}
