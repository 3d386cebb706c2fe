"""Outages as real workers write them: a lost connection, silence, kill -9, a database that is away."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psycopg

from tests.e2e.installation import Installation, Running, until
from tests.ingest.lines import smdr_line
from tests.services import free_port

SHORT = {"WORKER_DOWN_AFTER_SECONDS": "4", "DISCONNECTED_AFTER_SECONDS": "1", "BACKLOG_AFTER_SECONDS": "2"}
LEDGER = """
import json
from calls.directory.models import Outage
rows = Outage.objects.order_by("began_at", "pk").values_list("kind", "began_at", "ended_at")
print(json.dumps([(kind, began.timestamp(), ended and ended.timestamp()) for kind, began, ended in rows]))
"""


def ledger(office: Installation) -> list[tuple[str, float, float | None]]:
    return [tuple(row) for row in json.loads(office.manage("shell", "-v0", "-c", LEDGER))]  # type: ignore[misc]


def kinds(office: Installation) -> list[tuple[str, bool]]:
    return [(kind, ended is not None) for kind, _, ended in ledger(office)]


@contextmanager
def working(office: Installation, port: int) -> Iterator[Running]:
    with office.running("ingest", "--push", f"127.0.0.1:{port}", "--feed", "Office") as worker:
        worker.wait_for_words("Working on")
        yield worker


def line(second: int) -> bytes:
    return smdr_line(stamp=f"2012-03-09 13:20:{second:02}") + b"\r\n"


def test_lost_connection_then_kill_9_then_a_new_worker(installation: Installation) -> None:
    office, port = installation, free_port()
    office.variables.update(SHORT)

    def status() -> dict[str, Any]:
        return office.status()

    with working(office, port) as worker:
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(40))
            until(lambda: status()["state"] == "live" and status()["events"] == 1, worker)
        until(lambda: kinds(office)[-1:] == [("disconnected", False)], worker)
        assert status()["state"] == "lost"
        assert status()["outage"]["kind"] == "disconnected"
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(41))
            until(lambda: kinds(office)[-1:] == [("disconnected", True)], worker)
            assert status()["state"] == "live"
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
    before = ledger(office)
    found = until(lambda: status()["outage"])
    assert found["kind"] == "worker_down"
    assert status()["state"] == "lost"
    assert ledger(office) == before  # looking writes nothing
    with working(office, port) as worker:
        until(lambda: ("worker_down", True) in kinds(office), worker)
        assert worker.terminate() == 0
    rows = ledger(office)
    (down,) = [row for row in rows if row[0] == "worker_down"]
    assert down[2] is not None
    assert down[2] - down[1] > 4
    status_after = status()
    assert status_after["accepted"] == status_after["events"] == 2


def test_silence(install: Callable[..., Installation]) -> None:
    office, port = install(**SHORT), free_port()
    office.manage(
        "shell", "-v0", "-c",
        "from calls.directory.models import Feed; f = Feed.objects.create(name='Office'); "
        "from calls.directory.models import FeedState; from django.utils import timezone; "
        "FeedState.objects.filter(feed=f).update(usual_silence=[2] * 168, usual_learned_at=timezone.now())",
    )  # fmt: skip
    with working(office, port) as worker, socket.create_connection(("127.0.0.1", port)) as pbx:
        pbx.sendall(line(40))
        until(lambda: kinds(office)[-1:] == [("silent", False)], worker)
        assert office.status()["state"] == "silent"
        pbx.sendall(line(41))
        until(lambda: kinds(office)[-1:][0][1] or len(kinds(office)) > 1, worker)
        assert worker.terminate() == 0
    rows = [row for row in ledger(office) if row[0] == "silent"]
    assert rows[0][2] is not None
    assert rows[0][2] - rows[0][1] > 2
    assert all(later[1] >= earlier[2] for earlier, later in pairwise(rows))


def test_what_happens_while_the_database_is_away_is_written_when_it_is_back(
    install: Callable[..., Installation], postgres_url: str
) -> None:
    """The database is away by being renamed: whoever is connected is thrown out, and nobody gets in."""
    server, _, name = postgres_url.rpartition("/")
    office, port = install(DATABASE_URL=postgres_url, **SHORT), free_port()
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin, working(office, port) as worker:
        pbx = socket.create_connection(("127.0.0.1", port))
        pbx.sendall(line(40))
        until(lambda: office.status()["events"] == 1 and office.status()["state"] == "live", worker)
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        worker.wait_for_words("the database does not answer")
        pbx.sendall(line(41))
        pbx.close()
        watch = worker.log.stat().st_size
        # five more looks without a database: longer than the graces of a connection and of a backlog
        until(lambda: worker.log.read_text()[watch:].count("the database does not answer") >= 5, worker)
        pbx = socket.create_connection(("127.0.0.1", port))
        pbx.sendall(line(42))
        watch = worker.log.stat().st_size
        until(lambda: worker.log.read_text()[watch:].count("the database does not answer") >= 2, worker)
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        until(lambda: office.status()["events"] == 3, worker)
        until(lambda: {("disconnected", True), ("backlog", True)} <= set(kinds(office)), worker)
        assert office.status()["state"] == "live"
        assert worker.terminate() == 0
        pbx.close()
    assert all(ended is None or ended >= began for _, began, ended in ledger(office))
