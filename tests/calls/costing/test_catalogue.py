"""Versions as rows and back, and the price book: which version holds for a call, and that used ones stay."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from calls.costing.catalogue import PriceBook, load_price_book, mark_used
from calls.costing.document import export, parse
from calls.costing.example import example
from calls.costing.models import (
    CostingChoice,
    Destination,
    Holiday,
    HolidayCalendar,
    Tariff,
    TariffVersion,
)
from calls.costing.stored import document_of, write_document
from calls.costing.values import DocumentError
from calls.directory.models import Carrier, DirectoryRevision
from tests.calls.costing.strategies import Json, tariffs

JUNE = date(2026, 6, 1)
A_DAY = timedelta(days=1)


def published(
    name: str = "Standard", rate: str = "1", valid_from: date = JUNE, valid_to: date | None = None, *, number: int = 1,
    **tariff_fields: Any,
) -> TariffVersion:  # fmt: skip
    tariff, _ = Tariff.objects.get_or_create(name=name, defaults=tariff_fields)
    version = TariffVersion.objects.create(
        tariff=tariff, number=number, valid_from=valid_from, valid_to=valid_to, published_at=timezone.now()
    )
    write_document(version, parse({"rate": rate, "timezone": tariff.time_zone}))
    return version


def chosen(book: PriceBook, *call: Any) -> int | None:
    version = book.choose(*call)
    return version and version.version_id


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(tariffs())
def test_rows_give_back_the_document(said: Json) -> None:
    document = parse({**said, "name": "A tariff"})
    with transaction.atomic():
        tariff = Tariff.objects.create(name="A tariff", time_zone=document.timezone)
        version = TariffVersion.objects.create(tariff=tariff, number=1, valid_from=JUNE)
        write_document(version, document)
        assert export(document_of(TariffVersion.objects.get())) == export(document)
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_example_comes_back_and_shares_its_destinations_with_a_copy() -> None:
    tariff = Tariff.objects.create(name=example().name)
    for number in (1, 2):
        version = TariffVersion.objects.create(tariff=tariff, number=number, valid_from=JUNE)
        write_document(version, example())
        assert export(document_of(TariffVersion.objects.get(number=number))) == export(example())
    named = {(prefix.name, prefix.destination_class) for prefix in example().prefixes}
    assert set(Destination.objects.values_list("name", "charge_class")) == named
    write_document(version, parse({"rate": "1", "bands": []}))
    assert export(document_of(version))["bands"] == []
    assert not version.prefixes.exists()


@pytest.mark.django_db
def test_a_document_of_another_currency_or_with_endless_names_is_refused() -> None:
    version = published()
    with pytest.raises(
        DocumentError, match="currency: the tariff “Standard” has GBP, and a version of it can't have EUR"
    ):
        write_document(version, parse({"rate": "1", "currency": "EUR"}))
    with pytest.raises(DocumentError, match=r"prefixes\[0\].name: it is longer than 80 characters"):
        write_document(version, parse({"rate": "1", "prefixes": [{"prefix": "4", "name": "x" * 81}]}))


@pytest.mark.django_db
def test_a_draft_has_its_calendars_days() -> None:
    calendar = HolidayCalendar.objects.create(name="England")
    Holiday.objects.create(calendar=calendar, day=date(2026, 12, 25))
    version = published()
    version.calendar = calendar
    version.save()
    assert document_of(version).part.bank_holidays is None  # published: its own, written when it was published
    version.published_at = None
    assert document_of(version).part.bank_holidays == (date(2026, 12, 25),)


@pytest.mark.django_db
def test_the_most_specific_tariff_that_holds_on_the_day_prices_a_call() -> None:
    ours, other = Carrier.objects.create(name="Ours"), Carrier.objects.create(name="Other")
    at = datetime(2026, 6, 15, 12, tzinfo=UTC)
    anyones = published("Anyone's").pk
    carriers = published("Ours", carrier=ours, valid_to=date(2026, 7, 1)).pk
    incoming = published("In", direction="in", carrier=ours).pk
    freephone = published("Freephone", direction="in", did="08001234567").pk
    ours_freephone = published("Our freephone", direction="in", did="08001234567", carrier=ours).pk
    book = load_price_book()
    assert chosen(book, ours.pk, "out", "", at) == carriers
    assert chosen(book, ours.pk, "out", "08001234567", at) == carriers
    assert chosen(book, ours.pk, "out", "", at + timedelta(days=30)) == anyones
    assert chosen(book, other.pk, "out", "", at) == chosen(book, None, "out", "", at) == anyones
    assert chosen(book, ours.pk, "in", "08001234567", at) == ours_freephone
    assert chosen(book, other.pk, "in", "08001234567", at) == freephone
    assert chosen(book, ours.pk, "in", "", at) == chosen(book, ours.pk, "in", "08009999999", at) == incoming
    assert chosen(book, other.pk, "in", "", at) is None
    assert chosen(book, None, "out", "", at - timedelta(days=60)) is None


@pytest.mark.django_db
def test_a_version_holds_for_its_local_days_and_the_highest_number_wins() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    published(valid_to=date(2026, 9, 1), time_zone=zone.key)
    published("Standard", "2", date(2026, 7, 1), date(2026, 8, 1), number=2)
    book = load_price_book()
    numbers = {
        moment: (version := book.choose(None, "out", "", datetime.fromisoformat(moment).replace(tzinfo=zone)))
        and version.number
        for moment in (
            "2026-05-31 23:59:59", "2026-06-01 00:00:00", "2026-06-30 23:59:59", "2026-07-01 00:00:00",
            "2026-07-31 23:59:59", "2026-08-01 00:00:00", "2026-08-31 23:59:59", "2026-09-01 00:00:00",
        )
    }  # fmt: skip
    assert list(numbers.values()) == [None, 1, 1, 2, 2, 1, 1, None]


@pytest.mark.django_db
def test_a_book_prices_without_a_query_a_call(django_assert_num_queries: Any) -> None:
    tariff = Tariff.objects.create(name=example().name)
    version = TariffVersion.objects.create(tariff=tariff, number=1, valid_from=JUNE, published_at=timezone.now())
    write_document(version, example())
    CostingChoice.objects.create(is_on=True)
    at = datetime(2026, 6, 15, 12, tzinfo=UTC)
    with django_assert_num_queries(2):
        book = load_price_book()
    assert book.is_on
    found = book.choose(None, "out", "", at)
    assert found is not None
    with django_assert_num_queries(4):
        rater = found.rater
    assert rater is not None
    with django_assert_num_queries(0):
        rating = found.rater.rate(at, 61, "447700900123")
        destination = found.destinations[rating.prefix]
    assert rating.cost is not None and rating.cost > 0  # noqa: PT018
    assert Destination.objects.get(pk=destination).charge_class == "mobile"


@pytest.mark.django_db
@pytest.mark.both_databases
def test_use_is_marked_once_and_refused_of_another_edition() -> None:
    version = published()
    book, again = load_price_book(), load_price_book()
    assert mark_used([book.by_id[version.pk]])
    first = TariffVersion.objects.get().used_since
    assert first is not None
    assert mark_used([again.by_id[version.pk]])  # another worker was first
    assert TariffVersion.objects.get().used_since == first
    TariffVersion.objects.update(edition=1, used_since=None)
    assert not mark_used([again.by_id[version.pk]])
    assert TariffVersion.objects.get().used_since is None


@pytest.mark.django_db
def test_rows_that_are_no_longer_sound_price_nothing() -> None:
    version = published()
    TariffVersion.objects.update(terms={"rate": "1,20"})
    assert load_price_book().by_id[version.pk].rater is None


@pytest.mark.django_db
def test_switching_costing_on_is_noticed() -> None:
    before = DirectoryRevision.current()
    CostingChoice.objects.create(is_on=True)
    assert DirectoryRevision.current() > before
    assert load_price_book().is_on
