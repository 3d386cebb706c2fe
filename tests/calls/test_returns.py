"""Call.unreturned_number is as a look at all calls has it (counting.unreturned_as_of), whatever happened to those."""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Q
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from calls.counting import unreturned_as_of
from calls.directory.models import Extension
from calls.models import Call
from calls.returns import set_right, wrong
from calls.store import CallStore
from tests.calls.factories import ABANDONED, ANSWERED, NINE, Step, make_feed
from tests.calls.priced import store_call
from tests.calls.strategies import event_soups

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
CALLER, OTHER, INSIDE, MASKED, NONE, PLUS = "02079460712", "02079460713", "4711", "020794607XX", "", "+442079460712"


def minutes(after: float) -> datetime:
    return NINE + timedelta(minutes=after)


def waiting() -> list[str]:
    """The numbers to be called back, the first that was abandoned first; no call is judged wrong."""
    assert not wrong(Call.objects.all())
    return list(
        Call.objects.exclude(unreturned_number="").order_by("ended_at").values_list("unreturned_number", flat=True)
    )


@pytest.fixture
def stores() -> tuple[CallStore, CallStore]:
    feeds = make_feed(padding="*"), make_feed("Branch", padding="*", local_host="branch.example")
    for feed in feeds:
        Extension.objects.create(feed=feed, number="1900", kind="voicemail")
    return CallStore(feeds[0].pk), CallStore(feeds[1].pk)


@pytest.fixture
def store(stores: tuple[CallStore, CallStore]) -> CallStore:
    return stores[0]


def came(store: CallStore, steps: tuple[Step, ...], number: str, after: float = 0, **more: Any) -> Call:
    return store_call(store, steps, started_at=minutes(after), number=number, **{"direction": "in", **more})


@settings(max_examples=25, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_it_is_as_the_calls_have_it_after_any_events_in_any_batches(
    stores: tuple[CallStore, CallStore], data: st.DataObject
) -> None:
    """Two feeds, few numbers, late lines, changed numbers, swept and reopened calls, other kinds of devices."""
    began, serial = int(NINE.timestamp()), Call.objects.count()
    numbers = st.sampled_from([CALLER, CALLER, OTHER, INSIDE, MASKED, NONE, PLUS])
    names = ["RINGING", "RINGING", "ANSWERED", "DISCONNECTED", "DISCONNECTED", "TRANSFERRED", "CALLMODIFIED"]
    batches: list[list[Any]] = [[], [], []]
    for place, soup in enumerate(data.draw(st.lists(event_soups(most=5, names=names), min_size=2, max_size=7))):
        call_id, begins = f"{serial:010}{place:012}", began + data.draw(st.integers(0, 7200))
        number = data.draw(numbers)
        for one in soup:
            moved = one._replace(
                call_id=call_id, at=begins + one.at, id_started_at=begins, line=f"{one.sequence} {one}".encode(),
                received_us=(begins + one.at) * 1_000_000 + one.received_us, number_raw=number,
                number=data.draw(numbers) if one.name == "CALLMODIFIED" else number,
            )  # fmt: skip
            batches[data.draw(st.integers(0, 2))].append(moved)
    for place, batch in enumerate(batches):
        for parity, store in enumerate(stores):
            with store.transaction() as work:
                mine = [one for one in batch if int(one.call_id) % 2 == parity]
                work.open({one.call_id for one in mine})
                for one in mine:
                    work.add(one)
            assert not wrong(Call.objects.all())
        if place == 0 and data.draw(st.booleans()):
            for store in stores:
                mine = list(Call.objects.filter(feed=store.feed_id).values_list("pk", flat=True))
                store.close_stale(NINE + timedelta(days=9), mine)
        if place == 1 and data.draw(st.booleans()):
            store = stores[0]
            kind = data.draw(st.sampled_from(["group", "person", "voicemail"]))
            Extension.objects.update_or_create(feed_id=store.feed_id, number="1843", defaults={"kind": kind})
            store.refold(list(Call.objects.filter(feed=store.feed_id).values_list("pk", flat=True)))
        assert not wrong(Call.objects.all())


def test_a_call_back_takes_off_what_had_ended_before_it(stores: tuple[CallStore, CallStore]) -> None:
    head, branch = stores
    came(head, ABANDONED, CALLER)
    came(head, ABANDONED, OTHER, 1)
    came(branch, ABANDONED, CALLER, 2)
    came(head, ABANDONED, NONE, 3)
    assert waiting() == ["+442079460712", "+442079460713", "+442079460712"]
    came(branch, ABANDONED, CALLER, 4, direction="out")  # nobody answered
    assert len(waiting()) == 3
    came(branch, ANSWERED, CALLER, 5, direction="out")
    assert waiting() == ["+442079460713"]
    came(head, ABANDONED, CALLER, 6)
    assert waiting() == ["+442079460713", "+442079460712"]


def test_a_line_that_comes_late_is_not_too_late(store: CallStore) -> None:
    came(store, ANSWERED, CALLER, 5)
    came(store, ABANDONED, CALLER)  # ended before, and is told of only now
    assert waiting() == []
    came(store, ABANDONED, INSIDE, 7)
    assert waiting() == [INSIDE]
    came(store, ANSWERED, INSIDE, 6)
    assert waiting() == [INSIDE]


def test_who_spoke_with_a_machine_after_all_waits_again(store: CallStore) -> None:
    came(store, ABANDONED, CALLER)
    came(store, ABANDONED, INSIDE)
    came(store, ANSWERED, CALLER, 5)
    came(store, ANSWERED, INSIDE, 5)
    assert waiting() == []
    Extension.objects.update_or_create(feed_id=store.feed_id, number="1843", defaults={"kind": "voicemail"})
    store.refold(list(Call.objects.values_list("pk", flat=True)))
    assert sorted(waiting()) == sorted(["+442079460712", INSIDE] * 2)


def test_as_it_was_then_is_seen_in_the_calls(store: CallStore) -> None:
    came(store, ABANDONED, CALLER)
    came(store, ANSWERED, CALLER, 60)
    assert Call.objects.filter(unreturned_as_of(minutes(30))).count() == 1
    assert Call.objects.filter(unreturned_as_of(minutes(90))).count() == 0


def test_rebuild_corrects_what_was_damaged_by_hand(store: CallStore, capsys: pytest.CaptureFixture[str]) -> None:
    came(store, ABANDONED, CALLER)
    came(store, ANSWERED, CALLER, 5)
    came(store, ABANDONED, OTHER)
    sound = set(Call.objects.values_list("pk", "unreturned_number"))
    Call.objects.filter(Q(direction="in"), ended_at__lt=minutes(3)).update(unreturned_number="wrong")
    call_command("rebuild")
    assert "2 calls' being returned or not corrected." in capsys.readouterr().out
    assert set(Call.objects.values_list("pk", "unreturned_number")) == sound
    call_command("rebuild")
    assert "Nothing changed." in capsys.readouterr().out


def test_the_migration_says_it_of_the_calls_there_are(store: CallStore) -> None:
    for place, (steps, number) in enumerate(
        [(ABANDONED, CALLER), (ANSWERED, CALLER), (ABANDONED, CALLER), (ABANDONED, INSIDE), (ABANDONED, MASKED),
         (ANSWERED, MASKED), (ABANDONED, NONE)]
    ):  # fmt: skip
        came(store, steps, number, 2 * place)
    sound = set(Call.objects.values_list("pk", "unreturned_number"))
    Call.objects.update(unreturned_number="")
    migration = import_module("calls.migrations.0008_unreturned_number")
    migration.note_who_is_unreturned(None, connection.schema_editor())
    assert set(Call.objects.values_list("pk", "unreturned_number")) == sound
    assert waiting() == ["+442079460712", INSIDE]


@pytest.mark.django_db(transaction=True)
def test_feeds_that_write_at_the_same_time_see_each_other(stores: tuple[CallStore, CallStore]) -> None:
    """One's call ends abandoned and the other's is answered: the second to judge waits for the first to commit."""
    head, branch = stores
    for store in stores:  # so that their devices are known: new ones are waited for, too
        came(store, ABANDONED, OTHER)
    done: list[Call] = []

    def in_another_thread(work: Callable[[], Call]) -> Thread:
        def run() -> None:
            done.append(work())
            connection.close()

        thread = Thread(target=run)
        thread.start()
        return thread

    with transaction.atomic():
        came(head, ABANDONED, CALLER)
        thread = in_another_thread(lambda: came(branch, ANSWERED, CALLER, 5))
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                give_up = monotonic() + 20
                while thread.is_alive() and monotonic() < give_up:
                    cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                    if cursor.fetchone():
                        break
            assert not done
    thread.join(30)
    assert len(done) == 1
    assert waiting() == ["+442079460713"] * 2


def test_what_is_set_right_is_counted(store: CallStore) -> None:
    came(store, ABANDONED, CALLER)
    assert set_right(Call.objects.all()) == 0
    Call.objects.update(unreturned_number="")
    assert set_right(Call.objects.all()) == 1
    assert waiting() == ["+442079460712"]
