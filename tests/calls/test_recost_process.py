"""A recost's own process, killed half-way and started again while lines arrive; nothing of it is simulated."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from calls.costing.document import parse
from calls.costing.versions import copy, publish, replace_document
from calls.models import Call, CallCost, Recost, RecostChange
from calls.recosting import apply, begin
from calls.store import CallStore
from tests.calls.factories import make_events, make_feed
from tests.calls.priced import MINUTE, NINE, UK, published, store_call, turn_on
from tests.services import ROOT, site_environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

OLD_CALLS, BATCH = 1_500, 500
OLD_PRICE, NEW_PRICE = 120_000, 170_000
PATIENCE_SECONDS, POLL_SECONDS = 60, 0.02


def database_url() -> str:
    said: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{said['NAME']}"
    return f"postgres://{said['USER']}@{said['HOST']}:{said['PORT']}/{said['NAME']}"


@pytest.fixture
def processes(tmp_path: Any) -> Iterator[Any]:
    """Starts the process that a page starts."""
    started: list[subprocess.Popen[bytes]] = []
    environment = site_environment(tmp_path, DATABASE_URL=database_url())

    def start(recost: Recost) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "recost", "--go-on", str(recost.pk)]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def store_many(store: CallStore, count: int) -> None:
    for first in range(0, count, BATCH):
        with store.transaction() as work:
            for number in range(first, min(first + BATCH, count)):
                started_at = NINE + timedelta(seconds=number)
                call_id = f"{started_at:%Y%m%d%H%M%S}{number:08}"
                work.open({call_id})
                for event in make_events(MINUTE, started_at, call_id, direction="out", number="07911123456"):
                    work.add(event)


def test_killed_while_lines_arrive_it_prices_every_call_once(processes: Any) -> None:
    turn_on()
    first = published(UK)
    store = CallStore(make_feed().pk)
    store_many(store, OLD_CALLS)
    old = list(Call.objects.order_by("pk"))
    second = copy(first, date(2026, 1, 1))
    replace_document(second.pk, parse({"timezone": "Europe/London", **UK, "connection_charge": "0.05"}), "dearer")
    publish(second.pk)
    recost = begin(NINE, NINE + timedelta(days=1))
    assert processes(recost).wait(PATIENCE_SECONDS) == 0
    recost.refresh_from_db()
    assert (recost.state, recost.would_change) == (Recost.State.READY, OLD_CALLS)

    apply(recost)
    process, kills, seen, live = processes(recost), 0, -1, []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (ended := process.poll()) is None:
        assert time.monotonic() < deadline
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
        for _ in range(5 if recost.looked_at > seen else 0):
            live.append(store_call(store, started_at=NINE + timedelta(hours=2, seconds=len(live))))
            late = old[37 * len(live) % OLD_CALLS]
            store_call(store, ((50, "HOLD", "1843"),), started_at=late.started_at, call_id=late.call_id)
        seen = recost.looked_at
        recost.refresh_from_db()
        if not kills and recost.changed:
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            recost.refresh_from_db()
            kills, unfinished = 1, recost.changed
            process = processes(recost)
    assert (ended, kills) == (0, 1)
    assert 0 < unfinished < OLD_CALLS

    recost.refresh_from_db()
    assert (recost.state, recost.changed, recost.differ) == (Recost.State.DONE, OLD_CALLS, {"GBP": OLD_CALLS * 50_000})
    assert Call.objects.count() == OLD_CALLS + len(live)
    costs = {(call.cost, call.tariff_version_id) for call in Call.objects.all()}
    assert costs == {(NEW_PRICE, second.pk)}
    assert CallCost.objects.filter(trace__contains="connection").count() == OLD_CALLS + len(live)
    kept = RecostChange.objects.values_list("call", "old_cost", "new_cost", "old_version", "new_version")
    assert sorted(kept) == [(call.pk, OLD_PRICE, NEW_PRICE, first.pk, second.pk) for call in old]
    said = io.StringIO()
    call_command("rebuild", stdout=said)
    assert "Nothing changed" in said.getvalue()
