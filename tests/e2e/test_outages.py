"""Outages as real workers write them: a lost connection, silence, kill -9, a database that is away."""

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg

from tests.e2e.installation import Installation, Running, until
from tests.ingest.lines import smdr_line
from tests.services import free_port

SHORT = {"WORKER_DOWN_AFTER_SECONDS": "6", "DISCONNECTED_AFTER_SECONDS": "1", "BACKLOG_AFTER_SECONDS": "2"}
Row = tuple[str, datetime, datetime | None]


def ask(office: Installation, question: str) -> list[tuple[Any, ...]]:
    """Rows straight from the database: a command takes a second to start."""
    if url := office.variables.get("DATABASE_URL"):
        with psycopg.connect(url) as connection:
            return connection.execute(question).fetchall()
    with closing(sqlite3.connect(office.directory / "tollbook.sqlite3", timeout=20)) as connection:
        return connection.execute(question).fetchall()


def ledger(office: Installation) -> list[Row]:
    rows = ask(office, "SELECT kind, began_at, ended_at FROM directory_outage ORDER BY began_at, id")
    return [(kind, instant(began), instant(ended) if ended else None) for kind, began, ended in rows]


def instant(value: Any) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def kinds(office: Installation) -> list[tuple[str, bool]]:
    """Each outage, and whether it is over."""
    return [(kind, ended is not None) for kind, _, ended in ledger(office)]


def events(office: Installation) -> int:
    ((count,),) = ask(office, "SELECT sum(events) FROM directory_feedstate")
    return int(count)


def is_connected(office: Installation) -> bool:
    return bool(ask(office, "SELECT 1 FROM directory_workerstatus WHERE connected_since IS NOT NULL"))


@contextmanager
def working(office: Installation, port: int) -> Iterator[Running]:
    with office.running("ingest", "--push", f"127.0.0.1:{port}", "--feed", "Office") as worker:
        worker.wait_for_words(r"Listening on")
        yield worker


def line(second: int) -> bytes:
    return smdr_line(stamp=f"2012-03-09 13:20:{second:02}") + b"\r\n"


def test_lost_connection_then_kill_9_then_a_new_worker(installation: Installation) -> None:
    office, port = installation, free_port()
    office.variables.update(SHORT)
    with working(office, port) as worker:
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(40))
            until(lambda: is_connected(office) and events(office) == 1, worker)
        until(lambda: kinds(office)[-1:] == [("disconnected", False)], worker)
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(41))
            until(lambda: kinds(office)[-1:] == [("disconnected", True)] and events(office) == 2, worker)
            worker.kill()
    before = ledger(office)
    status = until(lambda: (found := office.status())["outage"] and found)
    assert status["state"] == "lost"
    assert [outage["kind"] for outage in status["outages"]] == ["worker_down"]
    assert ledger(office) == before  # looking writes nothing
    with working(office, port) as worker:
        until(lambda: ("worker_down", True) in kinds(office), worker)
        assert worker.terminate() == 0
    ((_, began, ended),) = [row for row in ledger(office) if row[0] == "worker_down"]
    assert ended is not None
    assert ended - began > timedelta(seconds=6)
    status = office.status()
    assert (status["accepted"], status["events"]) == (2, 2)


def test_silence(install: Callable[..., Installation]) -> None:
    office, port = install(**SHORT), free_port()
    office.manage(
        "shell", "-v0", "-c",
        "from django.utils import timezone; from calls.directory.models import Feed, FeedState; "
        "Feed.objects.create(name='Office'); "
        "FeedState.objects.update(usual_silence=[2] * 168, usual_learned_at=timezone.now())",
    )  # fmt: skip
    with working(office, port) as worker, socket.create_connection(("127.0.0.1", port)) as pbx:
        pbx.sendall(line(40))
        until(lambda: kinds(office)[-1:] == [("silent", False)], worker)
        pbx.sendall(line(41))
        until(lambda: ("silent", True) in kinds(office), worker)
        assert worker.terminate() == 0
    rows = [(began, ended) for kind, began, ended in ledger(office) if kind == "silent"]
    assert rows[0][1] is not None
    assert rows[0][1] - rows[0][0] > timedelta(seconds=2)
    assert all(earlier[1] is not None and earlier[1] <= later[0] for earlier, later in pairwise(rows))


def test_what_happens_while_the_database_is_away_is_written_when_it_is_back(
    install: Callable[..., Installation], migrated_postgres_url: str
) -> None:
    """The database throws everybody out and lets nobody in, for a while."""
    server, _, name = migrated_postgres_url.rpartition("/")
    office, port = install(DATABASE_URL=migrated_postgres_url, **SHORT), free_port()
    unanswered = "the database does not answer"

    def looks_without_a_database(count: int, worker: Running) -> None:
        so_far = worker.written().count(unanswered)
        until(lambda: worker.written().count(unanswered) >= so_far + count, worker)

    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin, working(office, port) as worker:
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(40))
            until(lambda: is_connected(office) and events(office) == 1, worker)
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            looks_without_a_database(1, worker)
            pbx.sendall(line(41))
        looks_without_a_database(5, worker)  # longer than the graces of a connection and of a backlog
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            pbx.sendall(line(42))
            looks_without_a_database(2, worker)
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
            until(lambda: events(office) == 3, worker)
            until(lambda: {("disconnected", True), ("backlog", True)} <= set(kinds(office)), worker)
            assert worker.terminate() == 0
    rows = ledger(office)
    assert [row for row in rows if row[0] == "worker_down"] == []
    assert all(ended is None or ended >= began for _, began, ended in rows)
