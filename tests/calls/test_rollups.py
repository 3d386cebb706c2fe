"""Roll-ups are the sums of the stored calls, whatever happened to those: by a second reckoning in the database."""

import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from calls import number_rollups
from calls.costing.models import Chargeback, CostingChoice
from calls.directory.models import Department, Extension, Feed, FeedState
from calls.models import Call, CallRollup, Grain, LegRollup, NumberRollup
from calls.rollup_building import build_some, prove
from calls.rollups import CALL_SUMS, LEG_SUMS, NUMBER_SUMS, Rules, step_of
from calls.rows import EPOCH
from calls.store import CallStore
from ingest.files import FileLoad
from ingest.simulator import Office
from tests.calls.factories import make_feed
from tests.calls.priced import UK, published, store_call, trunk, turn_on
from tests.calls.strategies import event_soups

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NIGHT = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)  # half an hour before a year ends


def rows() -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Every row that is not of noughts, by its key."""
    found: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for model, sums in ((CallRollup, CALL_SUMS), (LegRollup, LEG_SUMS), (NumberRollup, NUMBER_SUMS)):
        for row in model._default_manager.values_list(*model.KEY, *sums):
            if any(row[len(model.KEY) :]):
                found[model, *row[: len(model.KEY)]] = row[len(model.KEY) :]
    return found


@pytest.fixture
def office() -> CallStore:
    feed = make_feed(padding="*")
    turn_on(chargeback=Chargeback.TALK)
    published({**UK, "connection_charge": "0.0000007"})
    trunk(feed)
    for place, number in enumerate(("1840", "1843", "1848")):
        department = Department.objects.create(name=f"Department {place}")
        Extension.objects.create(feed=feed, number=number, department=department)
    Extension.objects.create(feed=feed, number="1900", kind="voicemail")
    return CallStore(feed.pk)


@settings(max_examples=6, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_they_are_the_sums_of_the_calls_after_any_events_in_any_batches(
    office: CallStore, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late lines, calls that go on after their end, swept and reopened ones, other kinds of devices, new prices.

    They are summed by number before them, between them, or last, and few at a time.
    """
    monkeypatch.setattr(number_rollups, "AT_ONCE", data.draw(st.integers(1, 9)))
    began = int(NIGHT.timestamp())
    soups = data.draw(st.lists(event_soups(most=8), min_size=1, max_size=4))
    serial = Call.objects.count()
    batches: list[list[Any]] = [[], [], []]
    for place, soup in enumerate(soups):
        call_id, begins = f"{serial:010}{place:012}", began + data.draw(st.integers(0, 7200))
        for one in soup:
            moved = one._replace(
                call_id=call_id, at=begins + one.at, id_started_at=begins, line=f"{one.sequence} {one}".encode(),
                received_us=(begins + one.at) * 1_000_000 + one.received_us,
            )  # fmt: skip
            batches[data.draw(st.integers(0, 2))].append(moved)
    FeedState.objects.update(numbered_until=None)
    NumberRollup.objects.all().delete()
    summed_before = data.draw(st.integers(0, 3))
    for place, batch in enumerate(batches):
        while place == summed_before and build_some(office):
            pass
        with office.transaction() as work:
            work.open({one.call_id for one in batch})
            for one in batch:
                work.add(one)
        if place == 0 and data.draw(st.booleans()):
            office.close_stale(NIGHT + timedelta(days=9), list(Call.objects.values_list("pk", flat=True)))
        if place == 1 and data.draw(st.booleans()):
            Extension.objects.filter(number="1848").update(kind=data.draw(st.sampled_from(["group", "person"])))
            office.refold(list(Call.objects.values_list("pk", flat=True)))
    assert prove(office, None, None)[1] == 0


@pytest.fixture
def month() -> Feed:
    """Two days of an office on the turn of a month, priced."""
    feed = make_feed(padding="*")
    turn_on()
    published(UK)
    office = Office(seed=5, extensions=12, trunks=8, clock=24, padding="*")
    for number, name, kind, _department in office.directory():
        Extension.objects.create(feed=feed, number=number, name=name, kind=kind)
    lines = b"".join(line for _, line in office.play(start=datetime(2026, 3, 31, 23, 50), calls=120))
    FileLoad(feed, "24").run(io.BytesIO(lines))
    return feed


def test_a_day_and_a_month_are_the_sums_of_their_hours_and_days(month: Feed) -> None:
    starts = set(CallRollup.objects.filter(grain=Grain.MONTH).values_list("start", flat=True))
    assert starts == {datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC)}
    for facet in range(1, 6):
        whole = [
            CallRollup.objects.filter(grain=grain, facet=facet).aggregate(calls=Sum("calls"), talk=Sum("talk"))
            for grain in (Grain.DAY, Grain.MONTH)
        ]
        ended = Call.objects.filter(state="ended").aggregate(calls=Sum(F("version") * 0 + 1), talk=Sum("talk_seconds"))
        assert whole == [ended, ended]
    for grain in (Grain.MONTH, Grain.YEAR):
        charged = LegRollup.objects.filter(grain=grain).aggregate(all=Sum("charged"))["all"]
        assert charged == Call.objects.aggregate(all=Sum("cost"))["all"] > 0


def test_the_migration_sums_up_the_years_there_are(month: Feed) -> None:
    """Of a worker that came too early there may be some already, of a few calls."""
    sound = rows()
    LegRollup.objects.filter(grain=Grain.YEAR, extension__lt="2005").delete()
    LegRollup.objects.filter(grain=Grain.YEAR).update(legs=1)
    migration = import_module("calls.migrations.0011_years_of_legs")
    migration.sum_up_years(apps, connection.schema_editor())
    assert rows() == sound
    migration.forget_years(apps, connection.schema_editor())
    assert {key[1] for key in sound.keys() - rows().keys()} == {Grain.YEAR}


def test_a_sparse_feed_is_summed_by_number_in_pieces_no_greater_than_a_dense_one(
    month: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To find its calls, those of others that began between them are gone through."""
    sparse = CallStore(make_feed("Sparse").pk)
    for at in (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, 9, tzinfo=UTC)):
        store_call(sparse, started_at=at)
    monkeypatch.setattr(number_rollups, "AT_ONCE", 10)
    ends = [EPOCH]
    while build_some(sparse):
        if until := FeedState.objects.get(feed=sparse.feed_id).numbered_until:
            ends.append(until)
    pieces = [Call.objects.filter(started_at__gte=since, started_at__lt=until) for since, until in pairwise(ends)]
    assert max(calls.count() for calls in pieces) <= 10
    assert sum(calls.count() for calls in pieces) == Call.objects.count() > 100
    found = NumberRollup.objects.filter(feed=sparse.feed_id).values_list("grain").annotate(all=Sum("calls"))
    assert set(found) == {(Grain.MONTH, 2), (Grain.YEAR, 2)}


def test_on_sqlite_those_of_legs_and_numbers_stand_by_their_key(month: Feed, migrated_sqlite: Path) -> None:
    """What is migrated does, and loses nothing when it is made so."""
    by_key = import_module("calls.migrations.0012_rollups_by_key")
    with closing(sqlite3.connect(migrated_sqlite / "tollbook.sqlite3")) as migrated:
        tables = migrated.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%) WITHOUT ROWID'")
        assert sorted(name for (name,) in tables) == sorted(by_key.TABLES)
    sound = rows()
    for step in (by_key.stand_as_written, by_key.stand_by_key):
        step(apps, connection.schema_editor())
        assert rows() == sound
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA integrity_check")
                assert cursor.fetchall() == [("ok",)]
    assert prove(CallStore(month.pk), None, None)[1] == 0


def test_rebuild_repairs_exactly_what_was_damaged_by_hand(month: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rebuild")
    assert "Nothing changed." in capsys.readouterr().out
    sound = rows()
    number, other = NumberRollup.objects.filter(grain=Grain.MONTH).order_by("-calls", "number")[:2]
    of_year = NumberRollup.objects.filter(grain=Grain.YEAR).first()
    assert of_year
    day = CallRollup.objects.filter(grain=Grain.DAY, calls__gt=1).order_by("start", "facet", "name").first()
    gone = LegRollup.objects.filter(grain=Grain.MONTH).order_by("extension").last()
    leg_of_year = LegRollup.objects.filter(grain=Grain.YEAR).first()
    hour = CallRollup.objects.filter(grain=Grain.HOUR).order_by("start").first()
    assert day
    assert gone
    assert leg_of_year
    assert hour
    CallRollup.objects.filter(pk=day.pk).update(talk=F("talk") + 5)
    CallRollup.objects.filter(pk=hour.pk).update(calls=0)
    LegRollup.objects.filter(pk=gone.pk).delete()
    LegRollup.objects.filter(pk=leg_of_year.pk).update(ring=F("ring") + 1)
    NumberRollup.objects.filter(pk=number.pk).update(answered=F("answered") + 1)
    NumberRollup.objects.filter(pk=other.pk).delete()
    NumberRollup.objects.filter(pk=of_year.pk).update(talk=F("talk") - 1)
    CallRollup.objects.create(**{name: getattr(day, name) for name in (*CallRollup.KEY, *CALL_SUMS)} | {"name": "none"})
    assert rows() != sound
    call_command("rebuild")
    assert "Roll-ups" not in capsys.readouterr().err
    assert rows() == sound
    call_command("rebuild", since=datetime(2026, 3, 1, tzinfo=UTC))
    assert "Nothing changed." in capsys.readouterr().out


def test_those_of_calls_from_before_are_made_a_day_at_a_time_and_by_number_a_few_calls(
    month: Feed, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = rows()
    CallRollup.objects.all().delete()
    LegRollup.objects.all().delete()
    FeedState.objects.update(rolled_by="", rolled_since=None)
    store = CallStore(month.pk)
    seen, summed = [], []
    monkeypatch.setattr(number_rollups, "AT_ONCE", 10)
    while build_some(store):
        state = FeedState.objects.get()
        (summed if state.rolled_since == EPOCH else seen).append(state.numbered_until or state.rolled_since)
    assert len(seen) == 3
    assert seen == sorted(seen, reverse=True)
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    april, may = (datetime(2026, month, day, 23, tzinfo=UTC) for month, day in ((3, 31), (4, 30)))
    assert (summed[0], summed[-2], summed[-1]) == (EPOCH, may, today)
    assert april in summed
    pieces = [
        Call.objects.filter(started_at__gte=since, started_at__lt=until).count() for since, until in pairwise(summed)
    ]
    assert max(pieces) <= 10
    assert sum(pieces) == Call.objects.count() > 10 * len(pieces) / 2
    made = rows()
    assert {key: row for key, row in made.items() if key[0] is not NumberRollup} == sound
    ended = Call.objects.filter(state="ended").count()
    for grain in (Grain.MONTH, Grain.YEAR):
        assert NumberRollup.objects.filter(grain=grain).aggregate(all=Sum("calls"))["all"] == ended
    sound = made
    settings.TIME_ZONE = "Asia/Kathmandu"
    month.answer_target_seconds = 3
    month.save()
    assert prove(store, None, None)[1] == 0
    assert FeedState.objects.get().rolled_by.startswith("Asia/Kathmandu|900|3|")
    starts = CallRollup.objects.filter(grain=Grain.MONTH, calls__gt=0).values_list("start", flat=True).distinct()
    assert list(starts) == [datetime(2026, 3, 31, 18, 15, tzinfo=UTC)]
    settings.TIME_ZONE = "Europe/London"
    month.answer_target_seconds = 20
    month.save()
    assert prove(store, None, None)[1] == 0
    assert rows() == sound


def test_calls_that_come_while_they_are_made_again_are_counted_once(office: CallStore) -> None:
    store_call(office, started_at=NIGHT)
    store_call(office, started_at=NIGHT + timedelta(days=2))
    CostingChoice.objects.update(chargeback=Chargeback.LAST)
    assert build_some(office)
    assert build_some(office)
    store_call(office, started_at=NIGHT)
    store_call(office, started_at=NIGHT + timedelta(days=2, minutes=1))
    while build_some(office):
        pass
    assert prove(office, None, None)[1] == 0
    day = CallRollup.objects.filter(grain=Grain.DAY, facet=1).aggregate(all=Sum("calls"))
    assert day["all"] == 4


def test_a_day_is_as_long_as_the_clock_makes_it(office: CallStore) -> None:
    """25 October 2026 has 25 hours, 29 March 23; both are whole hours, and a month is its days."""
    spring = ("2026-03-28T23:59", "2026-03-29T00:30", "2026-03-29T22:59", "2026-03-29T23:00")
    autumn = ("2026-10-24T22:59", "2026-10-24T23:00", "2026-10-25T00:30", "2026-10-25T23:59", "2026-10-26T00:00")
    for at in spring + autumn:
        store_call(office, started_at=datetime.fromisoformat(f"{at}+00:00"))
    days = CallRollup.objects.filter(grain=Grain.DAY, facet=1).order_by("start").values_list("start", "calls")
    assert [(f"{start:%m-%d %H}", calls) for start, calls in days] == [
        ("03-28 00", 1), ("03-29 00", 2), ("03-29 23", 1), ("10-23 23", 1), ("10-24 23", 3), ("10-26 00", 1),
    ]  # fmt: skip
    months = CallRollup.objects.filter(grain=Grain.MONTH, facet=1).order_by("start").values_list("start", "calls")
    assert [(f"{start:%m-%d %H}", calls) for start, calls in months] == [("03-01 00", 4), ("09-30 23", 5)]
    assert prove(office, None, None)[1] == 0


@pytest.mark.parametrize(
    ("zone", "seconds"), [("Europe/London", 3600), ("Asia/Kolkata", 900), ("Australia/Lord_Howe", 900), ("UTC", 3600)]
)
def test_a_step_fits_the_clock_of_the_site(zone: str, seconds: int) -> None:
    assert step_of(zone) == seconds
    rules = Rules(zone, seconds, 20, 5, "first")
    assert Rules.read(str(rules)) == rules
