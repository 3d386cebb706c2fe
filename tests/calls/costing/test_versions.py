"""The life of a tariff: made, copied, dated, published, superseded, retired; and what is refused, with which words."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError

from calls.costing.catalogue import load_price_book, mark_used
from calls.costing.document import parse
from calls.costing.edits import change_band
from calls.costing.models import Holiday, HolidayCalendar, Prefix, Tariff, TariffVersion
from calls.costing.stored import document_of
from calls.costing.values import DocumentError
from calls.costing.versions import (
    Head,
    RefusedError,
    copy,
    copy_to_tariff,
    date_version,
    delete_draft,
    editing,
    install_example,
    make,
    publish,
    replace_document,
    retire,
    state_of,
)
from calls.directory.models import Carrier, DirectoryRevision
from calls.models import Call
from tests.calls.factories import make_call

pytestmark = pytest.mark.django_db

JUNE, JULY, AUGUST = date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)
FLAT = parse({"rate": "0.05", "prefixes": [{"prefix": "44", "name": "UK", "class": "national"}]})


def made(name: str = "Standard", valid_from: date = JUNE, **head: object) -> TariffVersion:
    return make(Head(name, **head), FLAT, valid_from)  # type: ignore[arg-type]


def used(version: TariffVersion) -> TariffVersion:
    assert mark_used([load_price_book().by_id[version.pk]])
    version.refresh_from_db()
    return version


def test_a_tariffs_life() -> None:
    first = made()
    assert load_price_book().by_id == {}
    before = DirectoryRevision.current()
    publish(first.pk)
    assert DirectoryRevision.current() > before
    second = copy(used(first), JULY)
    assert (second.number, second.supersedes_id, state_of(second, JUNE)) == (2, first.pk, "draft")
    assert document_of(second).prefixes == FLAT.prefixes
    replace_document(second.pk, parse({"rate": "0.04"}), "1 price")
    publish(second.pk)
    book = load_price_book()
    held = [book.choose(None, "out", "", datetime(2026, *day, 12, tzinfo=UTC)) for day in ((6, 30), (7, 1))]
    assert [version and version.number for version in held] == [1, 2]
    retire(second.pk, AUGUST)
    late = load_price_book().choose(None, "out", "", datetime(2026, 8, 1, 12, tzinfo=UTC))
    assert late is not None
    assert late.number == 1  # the one it superseded goes on
    assert state_of(TariffVersion.objects.get(number=2), AUGUST) == "ended"
    assert state_of(TariffVersion.objects.get(number=1), AUGUST) == "used"
    assert LogEntry.objects.get_for_object(second).filter(changes__has_key="prices").count() == 1


def test_what_has_priced_a_call_is_edited_no_more() -> None:
    version = used(publish(made().pk))
    words = "Standard v1 has priced calls since .*, so its prices stay. Copy it into a new version that supersedes it."
    with pytest.raises(RefusedError, match=words):
        replace_document(version.pk, FLAT, "")
    with pytest.raises(RefusedError, match=words):
        date_version(version.pk, JULY, None)
    with pytest.raises(RefusedError, match=r"is published: calls may have been priced with it. Retire it instead"):
        delete_draft(version.pk)


def test_an_edit_is_checked_whole_and_sends_a_worker_back_to_read_again() -> None:
    version = publish(made().pk)
    book = load_price_book()
    with (
        pytest.raises(DocumentError, match=r"prefix 44.rate: “1,20” is not a rate; write 1.20"),
        editing(version.pk) as locked,
    ):
        Prefix.objects.filter(version=locked).update(fields={"rate": "1,20"})
    assert Prefix.objects.get().fields == {}
    with editing(version.pk) as locked:
        Prefix.objects.filter(version=locked).update(fields={"rate": "1.20"})
    assert not mark_used([book.by_id[version.pk]])
    assert mark_used([load_price_book().by_id[version.pk]])


@pytest.mark.both_databases
def test_all_prefixes_follow_a_band_and_the_one_that_cannot_stops_it(django_assert_max_num_queries: Any) -> None:
    bands = [{"name": "day", "from": "08:00", "to": "18:00", "rate": "0.05"},
             {"name": "night", "from": "18:00", "to": "08:00", "rate": "0.01"}]  # fmt: skip
    own = [
        {"prefix": str(1_000 + n), "bands": [{**band, "rate": f"0.{n + 1:04}"} for band in bands]} for n in range(600)
    ]
    covered = {"prefix": "9", "rate": None}
    version = make(Head("Wide"), parse({"rate": "0.02", "bands": bands, "prefixes": [*own, covered]}), JULY)
    with django_assert_max_num_queries(30):
        change_band(version.pk, 0, {"name": "peak", "rate": "0.07"})
    said = document_of(TariffVersion.objects.get(pk=version.pk))
    assert said.part.bands
    assert said.part.bands[0].name == "peak"
    for prefix, before in zip(said.prefixes[:-1], own, strict=True):
        assert prefix.part.bands
        assert [(band.name, str(band.terms.rate)) for band in prefix.part.bands] == [
            ("peak", before["bands"][0]["rate"]), ("night", before["bands"][1]["rate"])
        ]  # fmt: skip
    with pytest.raises(DocumentError, match="no band covers"):
        change_band(version.pk, 0, {"to": "17:00"})
    assert document_of(TariffVersion.objects.get(pk=version.pk)) == said


def test_versions_overlap_only_where_one_supersedes_the_other() -> None:
    first = publish(made().pk)
    third = copy(copy(first, JULY), AUGUST)  # of a draft, so it supersedes nothing
    second = TariffVersion.objects.get(number=2)
    with pytest.raises(
        RefusedError, match=r"Standard v1 holds from 1 Jun 2026 on. Say that Standard v3 supersedes it, or date the two"
    ):
        publish(third.pk)
    second = publish(second.pk)
    date_version(third.pk, AUGUST, None, second)  # and through it the first
    publish(third.pk)
    with pytest.raises(RefusedError, match="Standard v2 holds"):
        date_version(third.pk, AUGUST, None, first)
    with pytest.raises(RefusedError, match="A version supersedes an earlier, published one of its own tariff"):
        date_version(second.pk, JULY, None, third)


def test_tariffs_of_the_same_calls_never_overlap() -> None:
    first = publish(made().pk)
    other = made("Other", JULY)
    with pytest.raises(RefusedError, match=r"Standard v1 prices the same calls from 1 Jun 2026 on. Retire it, or date"):
        publish(other.pk)
    publish(made("Ours", JULY, carrier_id=Carrier.objects.create(name="Ours").pk).pk)
    publish(made("Incoming", JULY, direction="in").pk)
    publish(made("Freephone", JULY, direction="in", did="08001234567").pk)
    with pytest.raises(RefusedError, match="Freephone v1 prices the same calls"):
        publish(made("Without its zero", JULY, direction="in", did="8001234567").pk)
    retire(first.pk, JULY)
    publish(other.pk)
    with pytest.raises(RefusedError, match="Other v1 prices the same calls"):
        retire(first.pk, None)
    assert TariffVersion.objects.get(pk=first.pk).valid_to == JULY


def test_it_never_ends_before_the_last_call_it_priced() -> None:
    version = used(publish(made().pk))
    call = make_call()
    Call.objects.filter(pk=call.pk).update(
        tariff_version=version, answered_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    )  # 1 July in London
    with pytest.raises(RefusedError, match="has priced a call of 1 Jul 2026; the earliest end is 2 Jul 2026"):
        retire(version.pk, JULY)
    assert retire(version.pk, date(2026, 7, 2)).valid_to == date(2026, 7, 2)
    with pytest.raises(RefusedError, match="begins on 1 Jun 2026, so it ends later"):
        retire(version.pk, JUNE)


def test_publishing_writes_the_calendars_days() -> None:
    calendar = HolidayCalendar.objects.create(name="England")
    Holiday.objects.create(calendar=calendar, day=date(2026, 12, 25))
    version = made()
    version.calendar = calendar
    version.save()
    publish(version.pk)
    Holiday.objects.create(calendar=calendar, day=date(2026, 12, 28))
    assert document_of(TariffVersion.objects.get()).part.bank_holidays == (date(2026, 12, 25),)
    assert document_of(copy(TariffVersion.objects.get(), JULY)).part.bank_holidays == (
        date(2026, 12, 25), date(2026, 12, 28),
    )  # fmt: skip


def test_a_draft_goes_and_takes_an_empty_tariff_along() -> None:
    other = copy_to_tariff(publish(made().pk), Head("Copy"), JULY)
    delete_draft(other.pk)
    assert [tariff.name for tariff in Tariff.objects.all()] == ["Standard"]
    with pytest.raises(RefusedError, match="is a draft: date it, or delete it"):
        retire(copy(TariffVersion.objects.get(), JULY).pk, AUGUST)


def test_bad_heads_are_refused_with_the_reason() -> None:
    made()
    with pytest.raises(ValidationError, match="There is a tariff named “standard” already"):
        made("standard")
    with pytest.raises(ValidationError, match="A DID is for a tariff of incoming calls"):
        made("Other", did="08001234567")
    with pytest.raises(ValidationError, match="Years 1980 to 2200 are known"):
        made("Other", date(2, 1, 1))
    assert Tariff.objects.count() == 1


@time_machine.travel(datetime(2026, 11, 24, tzinfo=UTC), tick=False)
def test_the_example_is_installed_once() -> None:
    version = install_example(date(2026, 11, 24))
    assert install_example(date(2026, 11, 24)) == version
    assert version.tariff.is_example
    chosen = load_price_book().choose(7, "out", "", datetime(2026, 11, 24, tzinfo=UTC))
    assert chosen is not None
    assert chosen.version_id == version.pk


def test_another_document_takes_a_version_off_its_calendar_only_where_it_has_other_days() -> None:
    calendar = HolidayCalendar.objects.create(name="England")
    Holiday.objects.create(calendar=calendar, day=date(2026, 12, 25))
    version = made()
    version.calendar = calendar
    version.save()
    replace_document(version.pk, parse({"rate": "0.04", "bank_holidays": ["2026-12-25"]}), "")
    assert TariffVersion.objects.get().calendar == calendar
    replace_document(version.pk, parse({"rate": "0.04", "bank_holidays": ["2026-12-26"]}), "")
    assert TariffVersion.objects.get().calendar is None
    assert document_of(TariffVersion.objects.get()).part.bank_holidays == (date(2026, 12, 26),)
