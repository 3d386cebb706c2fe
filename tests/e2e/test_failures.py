"""The database gone, the journal's disk full, a worker frozen: nothing that was accepted is lost or stored twice."""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import migrate
from tests.e2e.installation import Installation, add_feed, until
from tests.e2e.pbx import Pbx
from tests.e2e.test_kills import accepted
from tests.ingest.lines import smdr_line
from tests.services import PostgresServer, free_port, postgres_server

FROZEN_SECONDS = 60 if os.environ.get("KILL_ROUNDS") else 12
RATE = 500


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    with postgres_server(durable=True) as running:
        migrate(tmp_path / "migrating", DATABASE_URL=running.url)
        yield running


@pytest.fixture(scope="session")
def lines() -> list[bytes]:
    """A ring and an end for each of many calls, each line once."""
    found = []
    for number in range(20_000):
        call_id = f"20120309004659{number:08}"
        found.append(smdr_line(call_id=call_id, event="RINGING"))
        found.append(smdr_line(call_id=call_id, event="DISCONNECTED"))
    return found


def check_all_sent_is_stored_once(installation: Installation, offline: Installation, pbx: Pbx) -> None:
    status = installation.status()
    sent = {line for line, at in zip(pbx.lines, pbx.sent_at, strict=False) if at is not None}
    assert accepted(installation) == sent
    assert (status["quarantined"], status["backlog"]) == (0, 0)
    assert status["events"] == len(sent)
    assert status["accepted"] == status["events"] + status["duplicates"]
    offline.load(installation.dump())
    assert installation.calls() == offline.calls()


def journal_bytes(installation: Installation) -> int:
    return sum(path.stat().st_size for path in (installation.directory / "journal").rglob("*.seg"))


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop])
def test_receiving_goes_on_while_the_database_is_gone(
    server: PostgresServer,
    install: Callable[..., Installation],
    lines: list[bytes],
    end: Callable[[PostgresServer], None],
) -> None:
    installation, port = install(DATABASE_URL=server.url), free_port()
    with (
        Pbx(lines, RATE, push_port=port) as pbx,
        installation.running("ingest", "--push", f"127.0.0.1:{port}", "--feed", "Office") as worker,
    ):
        until(lambda: pbx.is_connected and journal_bytes(installation) > 20_000, worker)
        end(server)
        before = journal_bytes(installation)
        until(lambda: journal_bytes(installation) > before + 200_000, worker)
        assert len(pbx.connected_at) == 1
        worker.wait_for_words("loading waits for the database")
        server.start()
        worker.wait_for_words("loading goes on")
        pbx.stop()
        assert worker.terminate() == 0, worker.written()
    check_all_sent_is_stored_once(installation, install(), pbx)


def test_a_worker_that_starts_without_its_database_waits_for_it(
    server: PostgresServer, install: Callable[..., Installation], lines: list[bytes]
) -> None:
    installation, port = install(DATABASE_URL=server.url), free_port()
    add_feed(installation, f"push_enabled=True, push_port={port}")
    server.kill()
    with Pbx(lines, RATE, push_port=port) as pbx, installation.running("ingest") as worker:
        worker.wait_for_words("the database does not answer")
        server.start()
        until(lambda: pbx.is_connected, worker)
        enough = len(pbx.sent_at) + RATE
        until(lambda: len(pbx.sent_at) > enough, worker)
        pbx.stop()
        assert worker.terminate() == 0, worker.written()
    check_all_sent_is_stored_once(installation, install(), pbx)


def test_a_full_journal_disk_stops_reading_and_says_so(
    server: PostgresServer, install: Callable[..., Installation], lines: list[bytes]
) -> None:
    installation, port = install(DATABASE_URL=server.url), free_port()
    with (
        Pbx(lines, RATE, push_port=port) as pbx,
        installation.running("ingest", "--push", f"127.0.0.1:{port}", "--feed", "Office") as worker,
    ):
        worker.wait_for_words("Working on")
        until(lambda: journal_bytes(installation) > 20_000, worker)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
        until(lambda: "journal cannot be written" in str(installation.status()["error"]), worker)
        # nothing is accepted, and so nothing is stored, while the disk refuses
        first = installation.status()
        until(lambda: len(pbx.sent_at) > first["accepted"] + RATE, worker)
        assert installation.status()["accepted"] == first["accepted"]
        assert "File too large" in installation.manage("ingest_status")
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, unlimited)
        worker.wait_for_words("the journal accepts lines again")
        pbx.stop()
        assert worker.terminate() == 0, worker.written()
    assert len(pbx.connected_at) == 1
    check_all_sent_is_stored_once(installation, install(), pbx)


def test_a_frozen_worker_stores_nothing_twice(
    server: PostgresServer, install: Callable[..., Installation], lines: list[bytes]
) -> None:
    first, second = install(DATABASE_URL=server.url), install(DATABASE_URL=server.url)
    with Pbx(lines, RATE, local=True) as pbx:
        arguments = ("ingest", "--feed", "Office")
        add_feed(first, f"local_enabled=True, local_host='127.0.0.1', local_port={pbx.local_port}")
        with first.running(*arguments) as one, second.running(*arguments) as other:
            until(lambda: pbx.is_connected, one)
            holder = until(lambda: holding(first, second))
            frozen, awake = (one, other) if holder is first else (other, one)
            frozen.process.send_signal(signal.SIGSTOP)
            thaw_at = time.monotonic() + FROZEN_SECONDS
            until(lambda: len(pbx.connected_at) > 1, awake)
            until(lambda: time.monotonic() >= thaw_at, awake)
            frozen.process.send_signal(signal.SIGCONT)
            enough = len(pbx.sent_at) + RATE
            until(lambda: len(pbx.sent_at) > enough, awake)
            pbx.stop()
            assert frozen.terminate() == 0, frozen.written()
            assert awake.terminate() == 0, awake.written()
    status = first.status()
    kept = accepted(first) | accepted(second)
    assert (status["quarantined"], status["backlog"]) == (0, 0)
    assert status["events"] == len(kept) > 2 * RATE
    assert status["accepted"] == status["events"] + status["duplicates"]
    assert len(first.calls()) == len({line[26:48] for line in kept})
    assert "Nothing changed." in first.manage("rebuild")


def holding(*installations: Installation) -> Installation | None:
    """The one that has received something."""
    return next((each for each in installations if journal_bytes(each)), None)
