"""What ingest runs for each batch, and what must be found at once, finds its rows by an index.

On SQLite: Postgres reads a small table whole.
"""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from calls.access import EVERYTHING
from calls.directory.models import Extension
from calls.filters import Selection
from calls.keyset import Keyset, NearKeyset
from calls.models import Call
from calls.rollup_building import build_some, prove
from calls.store import CallStore
from reports.catalogue import REPORTS
from reports.engine import Question
from reports.numbered import LAST
from tests.calls.factories import ABANDONED, ANSWERED, make_feed
from tests.calls.priced import store_call

pytestmark = pytest.mark.django_db


def test_no_statement_reads_the_whole_table() -> None:
    store = CallStore(make_feed(padding="*").pk)
    seen: list[str] = []
    connection.connection.set_trace_callback(seen.append)
    store_call(store, ABANDONED, number="02079460712", direction="in")
    store_call(store, ANSWERED, number="4711", direction="in")
    Extension.objects.update_or_create(feed_id=store.feed_id, number="1843", defaults={"kind": "voicemail"})
    store.refold(list(Call.objects.values_list("pk", flat=True)))
    connection.connection.set_trace_callback(None)
    ours = {statement for statement in seen if "given" in statement}
    assert len(ours) >= 4
    judged = 0
    with connection.cursor() as cursor:
        for statement in ours:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            steps = [step for *_, step in cursor.fetchall()]
            assert not [step for step in steps if "SCAN calls_call" in step or "call_started" in step], statement
            others = [step for step in steps if step.startswith("SEARCH s ")]  # whether a number was spoken with since
            assert all("COVERING" in step or "call_partial" in step for step in others), (others, statement)
            judged += bool(others)
    assert judged


def test_the_last_calls_of_numbers_are_a_step_in_their_index() -> None:
    when = "direction = 'in' AND started_at >= '2026-01-01' AND started_at < '2027-01-01'"
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + LAST.format(given="('+442079460712'), ('4711')", when=when))
        steps = [step for *_, step in cursor.fetchall()]
    assert [step for step in steps if "calls_call" in step] == [
        "SEARCH calls_call USING INDEX call_e164 (number_e164=? AND started_at>? AND started_at<?)",
        "SEARCH calls_call USING INDEX call_number (number=? AND started_at>? AND started_at<?)",
    ]


def test_days_are_summed_without_a_look_at_all_calls_of_the_feed() -> None:
    store = CallStore(make_feed(padding="*").pk)
    store_call(store, ANSWERED, direction="in")
    seen: list[str] = []
    connection.connection.set_trace_callback(seen.append)
    while build_some(store):
        pass
    prove(store, None, None)
    connection.connection.set_trace_callback(None)
    ours = {one for one in seen if '"calls_call"' in one and "started_at" in one}
    assert len(ours) >= 6
    with connection.cursor() as cursor:
        for statement in ours:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            for step in (step for *_, step in cursor.fetchall() if "calls_call " in step):
                assert "call_started" in step or "rowid=?" in step, (step, statement)


def test_the_most_frequent_numbers_are_read_in_the_order_of_their_key() -> None:
    """A year's sums by its begin, feed and direction; and of calls those in progress, however many there are."""
    store = CallStore(make_feed(padding="*").pk)
    store_call(store, ANSWERED, started_at=datetime(2025, 5, 6, 9, tzinfo=UTC), direction="out")
    while build_some(store):
        pass
    seen: list[str] = []
    connection.connection.set_trace_callback(seen.append)
    question = Question(QueryDict("since=2025-01-01&until=2025-12-31"), EVERYTHING, datetime(2026, 1, 9, tzinfo=UTC))
    assert REPORTS["most-dialled"].shown(question, "", 100).rows
    connection.connection.set_trace_callback(None)
    (ours,) = [one for one in seen if "united" in one]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {ours}")
        steps = [step for *_, step in cursor.fetchall() if "calls_" in step]
    rows = "SEARCH calls_numberrollup USING PRIMARY KEY (grain=? AND start=? AND feed_id=? AND direction=?"
    assert sorted(steps) == [
        "SEARCH calls_call USING INDEX call_open (feed_id=? AND started_at>? AND started_at<?)",
        f"{rows} AND number=?)",
        f"{rows} AND number=?) LEFT-JOIN",
        f"{rows})",
        f"{rows})",
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("feed={feed}", ["SCAN calls_call USING INDEX call_started"]),
        ("feed={feed}&number=0207", ["SEARCH calls_call USING INTEGER PRIMARY KEY (rowid=?)"]),
        ("number=0207", ["SEARCH calls_call USING INTEGER PRIMARY KEY (rowid=?)"]),
    ],
)
def test_a_list_is_read_in_its_order_or_from_the_nearest_calls(asked: str, expected: list[str]) -> None:
    feed = make_feed(padding="*")
    store_call(CallStore(feed.pk), ANSWERED, number="02079460712", direction="in")
    selection = Selection(QueryDict(f"period=any&{asked.format(feed=feed.pk)}"), EVERYTHING)
    keyset = NearKeyset(selection.calls, selection.of_period) if selection.is_by_digits else Keyset(selection.calls)
    with CaptureQueriesContext(connection) as queries:
        assert len(keyset.newest().rows) == 1
    seen = [query["sql"] for query in queries if "contact_name" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {seen[0]}")
        assert [step for *_, step in cursor.fetchall() if "calls_call" in step] == expected
