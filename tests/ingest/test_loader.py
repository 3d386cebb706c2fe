"""The loader when the database fails: a passing failure moves nothing, a lasting one sets its line apart, alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.backends.utils import CursorWrapper

from calls.directory.models import Feed, FeedState
from calls.models import Call, CallEvent
from calls.rows import precise_instant
from ingest.again import parse_again, triable
from ingest.batch import MOST_OCCURRENCES
from ingest.loader import Loader
from ingest.models import JournalPosition, QuarantinedLine
from ingest.segments import Damaged, Received
from ingest.smdr import parse
from tests.ingest.lines import smdr_line

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

COUNT = 40


class Records:
    """A journal of given records."""

    journal_id = 7

    def __init__(self, records: Sequence[Received | Damaged]) -> None:
        self.records = list(records)

    def read(self, from_sequence: int, limit: int) -> Sequence[Received | Damaged]:
        return [record for record in self.records if record.sequence >= from_sequence][:limit]


def received(sequence: int, line: bytes) -> Received:
    return Received(1_331_299_240_000_000 + sequence, 1, 5, sequence, 1, 0, 0, line)


def ringing(number: int) -> bytes:
    return smdr_line(call_id=f"20120309132040{number:08}")


@pytest.fixture
def feed() -> Feed:
    return Feed.objects.create(name="Head office")


@pytest.fixture
def loader(feed: Feed) -> Loader:
    return Loader(feed.pk, Records([received(number, ringing(number)) for number in range(1, COUNT + 1)]))


def execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return int(row[0]) if row and str(row[0]).isdigit() else 0


@contextmanager
def full() -> Iterator[None]:
    """SQLite may not grow by a page. Postgres has no such setting: writing a call never ends there, and is cut off."""
    if connection.vendor == "sqlite":
        execute("VACUUM")  # what other tests deleted has left room
        pages = execute("PRAGMA page_count")
        execute(f"PRAGMA max_page_count = {pages}")
        yield
        execute("PRAGMA max_page_count = 1000000000")
    else:
        execute("ALTER TABLE calls_call ADD CONSTRAINT no_room CHECK (pg_sleep(9) IS NULL) NOT VALID")
        execute("SET statement_timeout = 100")
        yield
        execute("SET statement_timeout = 0")
        execute("ALTER TABLE calls_call DROP CONSTRAINT no_room")


@contextmanager
def read_only() -> Iterator[None]:
    """As a standby is, to which a service has failed over too early."""
    on, off = {
        "sqlite": ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
    }[connection.vendor]
    execute(on)
    yield
    execute(off)


@pytest.mark.parametrize("trouble", [full, read_only])
def test_a_database_that_takes_nothing_moves_nothing_and_quarantines_nothing(
    feed: Feed, loader: Loader, trouble: Callable[[], "contextmanager[None]"]
) -> None:
    with trouble():  # type: ignore[attr-defined]
        for _ in range(2):
            with pytest.raises(DatabaseError):
                loader.load_batch()
    assert Call.objects.count() == CallEvent.objects.count() == QuarantinedLine.objects.count() == 0
    assert not JournalPosition.objects.exists()
    loaded = loader.load_batch()
    assert loaded is not None
    assert (loaded.events, loaded.calls, loaded.quarantined) == (COUNT, COUNT, 0)
    assert JournalPosition.objects.get().sequence == COUNT + 1


def test_a_lock_that_somebody_else_holds_is_waited_for_in_vain_and_then_had(feed: Feed, loader: Loader) -> None:
    """On SQLite another writer; on Postgres a deadlock, of which this side is the victim."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                if other.vendor == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                    held.set()
                    done.wait(30)
                    cursor.execute("ROLLBACK")
                else:
                    cursor.execute("BEGIN")
                    cursor.execute("LOCK TABLE calls_call IN EXCLUSIVE MODE")
                    held.set()
                    wait_for_the_loaders_lock(cursor)
                    cursor.execute("ROLLBACK")
        finally:
            other.close()

    def wait_for_the_loaders_lock(cursor: CursorWrapper) -> None:
        """The loader has the feed's lock and waits for the table: asking for the feed's closes the circle."""
        cursor.execute("SET LOCAL deadlock_timeout = '60s'")
        waits = False
        while not waits and not done.wait(0.01):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'calls_call'::regclass")
            waits = bool(cursor.fetchone()[0])  # type: ignore[index]
        cursor.execute("SELECT 1 FROM directory_feedstate FOR UPDATE")

    if connection.vendor == "sqlite":
        execute("PRAGMA busy_timeout = 50")
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with pytest.raises(OperationalError, match=r"locked|deadlock"):
        loader.load_batch()
    done.set()
    holder.join(30)
    assert not holder.is_alive()
    assert QuarantinedLine.objects.count() == 0
    loaded = loader.load_batch()
    assert loaded is not None
    assert (loaded.events, loaded.quarantined) == (COUNT, 0)


def test_a_line_that_fails_every_time_is_alone_in_quarantine(
    feed: Feed, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_parse(line: bytes, padding: str) -> object:
        if line == ringing(17):
            raise RuntimeError("nobody thought of this")
        return parse(line, padding)

    monkeypatch.setattr("ingest.batch.parse", failing_parse)
    loaded = loader.load_batch()
    assert loaded is not None
    assert (loaded.events, loaded.quarantined, loaded.lines) == (COUNT - 1, 1, COUNT)
    kept = QuarantinedLine.objects.get()
    assert (bytes(kept.line), kept.reason, kept.detail) == (
        ringing(17), "not_stored", "RuntimeError: nobody thought of this",
    )  # fmt: skip
    state = FeedState.objects.get(feed=feed)
    assert (state.accepted, state.events, state.quarantined) == (COUNT, COUNT - 1, 1)


def test_a_damaged_record_is_quarantined_between_sound_ones(feed: Feed) -> None:
    records = [received(1, ringing(1)), Damaged(2, b"TBj1 half", "A record was damaged."), received(3, ringing(3))]
    loaded = Loader(feed.pk, Records(records)).load_batch()
    assert loaded is not None
    assert (loaded.events, loaded.quarantined) == (2, 1)
    assert QuarantinedLine.objects.get().reason == "damaged_record"


def test_a_database_whose_last_commits_are_gone_gets_them_again_while_the_loader_runs(feed: Feed) -> None:
    """A service fails over to a standby that had not yet heard of them; or a backup is restored beside a worker."""
    journal = Records([received(number, ringing(number)) for number in range(1, 11)])
    loader = Loader(feed.pk, journal)
    loader.load_batch()
    Call.objects.all().delete()
    JournalPosition.objects.update(sequence=1)
    FeedState.objects.update(revision=0, accepted=0, events=0)
    journal.records.append(received(11, ringing(4)[:-13] + b"ANSWERED    |"))
    while loader.load_batch():
        pass
    state = FeedState.objects.get(feed=feed)
    assert (state.accepted, state.events, CallEvent.objects.count()) == (11, 11, 11)
    assert Call.objects.get(call_id=f"20120309132040{4:08}").answered_at is not None
    assert JournalPosition.objects.get().sequence == 12


@pytest.mark.parametrize(
    ("record", "reason"),
    [({"fault": 9}, "not_stored"), ({"origin": 7}, "not_stored"), ({"received_us": 10**18}, "damaged_record")],
)
def test_a_record_that_not_even_quarantine_takes_as_it_is_holds_up_nobody(
    feed: Feed, record: dict[str, int], reason: str
) -> None:
    odd = received(2, ringing(2))._replace(**record)
    loader = Loader(feed.pk, Records([received(1, ringing(1)), odd, received(3, ringing(3))]))
    loaded = loader.load_batch()
    assert loaded is not None
    assert (loaded.events, loaded.quarantined, loaded.lines) == (2, 1, 3)
    kept = QuarantinedLine.objects.get()
    assert (bytes(kept.line), kept.reason) == (ringing(2), reason)


def test_of_many_lines_that_are_written_beside_the_fold_one_that_cannot_be_is_found(feed: Feed) -> None:
    """SQLite's writer is another thread then: what it raises is this transaction's, and nothing of it is stored."""
    records = [received(number, ringing(number)) for number in range(1, 1_501)]
    records[700] = records[700]._replace(connection=2**63)
    loaded = Loader(feed.pk, Records(records)).load_batch()
    assert loaded is not None
    assert (loaded.lines, loaded.events, loaded.quarantined) == (1_500, 1_499, 1)
    assert CallEvent.objects.count() == 1_499
    assert bytes(QuarantinedLine.objects.get().line) == ringing(701)


def test_a_line_received_by_a_clock_that_was_ahead_is_not_the_last_one_for_ever(feed: Feed) -> None:
    FeedState.objects.filter(feed=feed).update(last_line_at="2199-01-01T00:00:00Z")
    Loader(feed.pk, Records([received(1, ringing(1))])).load_batch()
    assert FeedState.objects.get(feed=feed).last_line_at == precise_instant(1_331_299_240_000_001)
    Loader(feed.pk, Records([received(2, ringing(2))._replace(received_us=1)])).load_batch()
    assert FeedState.objects.get(feed=feed).last_line_at == precise_instant(1_331_299_240_000_001)


def test_of_a_line_without_end_the_first_ten_thousand_are_events(feed: Feed) -> None:
    """A stuck peer: a call is folded from all its events each time, so that a million would take ever longer."""
    places = (1, MOST_OCCURRENCES, MOST_OCCURRENCES + 1, 1_000_000)
    records = [received(sequence, ringing(1))._replace(n=n) for sequence, n in enumerate(places, 1)]
    loaded = Loader(feed.pk, Records(records)).load_batch()
    assert loaded is not None
    assert (loaded.lines, loaded.events, loaded.quarantined) == (4, 2, 2)
    assert set(CallEvent.objects.values_list("n", flat=True)) == {1, MOST_OCCURRENCES}
    assert set(QuarantinedLine.objects.values_list("reason", "n")) == {
        ("repeated", MOST_OCCURRENCES + 1), ("repeated", 1_000_000),
    }  # fmt: skip
    assert parse_again(feed, triable(feed)).events == 0
    assert QuarantinedLine.objects.count() == 2
