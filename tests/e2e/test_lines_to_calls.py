"""Lines to calls through the real commands, on both databases, against accounts made without the product's assembly."""

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.e2e.installation import Installation, account, add_feed, differences, until
from tests.e2e.pbx import AT_ONCE, Pbx
from tests.services import free_port

EXAMPLES = Path(__file__).parent.parent / "data" / "examples.smdr"
CALLS = int(os.environ.get("SIMULATED_CALLS", "1500"))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file of so many calls and the PBX's account of them."""
    directory = tmp_path_factory.mktemp("simulated")
    lines, accounted = directory / "lines.smdr", directory / "account.jsonl"
    Installation(directory, {}).manage(
        "simulate", "--file", str(lines), "--calls", str(CALLS), "--seed", "11", "--account", str(accounted)
    )
    return lines, accounted


def test_the_documents_examples(installation: Installation) -> None:
    first = installation.load(EXAMPLES)
    assert {name: first[name] for name in ("lines", "events", "duplicates", "quarantined", "calls")} == {
        "lines": 21, "events": 21, "duplicates": 0, "quarantined": 0, "calls": 4,
    }  # fmt: skip
    calls = installation.calls()
    # by hand: ring, talk, hold; the sums are the stamps' differences
    assert [
        (call["direction"], call["ring_seconds"], call["talk_seconds"], call["hold_seconds"], call["duration_seconds"])
        for call in calls
    ] == [
        ("out", 7, 4, 0, 11),  # 46:59 rings, 47:06 answered, 47:10 over
        ("in", 3, 3, 0, 6),  # 20:40, 20:43, 20:46
        ("in", 1, 3, 3, 7),  # 20:53, 20:54, held 20:55 to 20:58, 21:00
        ("in", 3, 4, 7, 14),  # 31:15, 31:18, held 31:20 to 31:27, then at 2560 until 31:29
    ]
    assert calls[0]["started_at"] == "2012-03-09T00:46:59Z"  # stamped 12:46:59, the call id says 00:46:59
    assert [(leg["extension"], leg["outcome"]) for leg in calls[3]["legs"]] == [
        ("1843", "transferred"),
        ("2560", "answered"),
    ]
    again = installation.load(EXAMPLES)
    assert (again["events"], again["duplicates"], again["calls"]) == (0, 21, 0)
    assert installation.calls() == calls


def test_calls_from_a_file_are_what_the_pbx_says(installation: Installation, simulated: tuple[Path, Path]) -> None:
    lines, accounted = simulated
    loaded = installation.load(lines)
    assert loaded["quarantined"] == 0
    assert loaded["calls"] == CALLS
    calls = installation.calls()
    assert differences(calls, account(accounted)) == []
    assert "Nothing changed." in installation.manage("rebuild")
    assert installation.calls() == calls


def test_calls_are_the_same_through_push_local_and_file(
    install: Callable[..., Installation], migrated_postgres_url: str, tmp_path: Path
) -> None:
    """Push into Postgres; Local and the file into SQLite."""
    through_push, through_local, through_file = install(DATABASE_URL=migrated_postgres_url), install(), install()
    lines, accounted = tmp_path / "lines.smdr", tmp_path / "account.jsonl"
    through_file.manage(
        "simulate", "--file", str(lines), "--calls", str(CALLS), "--seed", "17", "--clock", "24",
        "--account", str(accounted),
    )  # fmt: skip
    sent = lines.read_bytes().split(b"\r\n")[:-1]
    port = free_port()
    with Pbx(sent, AT_ONCE, push_port=port), Pbx(sent, AT_ONCE, local=True) as local:
        add_feed(through_push, f"clock='24', push_enabled=True, push_port={port}")
        address = f"local_host='127.0.0.1', local_port={local.local_port}"
        add_feed(through_local, f"clock='24', local_enabled=True, {address}")
        with through_push.running("ingest") as one, through_local.running("ingest") as other:
            # What is still on its way when a worker is told to stop was never accepted, and is not sent again.
            until(lambda: through_push.status()["accepted"] == len(sent), one)
            until(lambda: through_local.status()["accepted"] == len(sent), other)
            assert one.terminate() == other.terminate() == 0
    loaded = through_file.load(lines, "Office", "--clock", "24")
    assert loaded["lines"] == len(sent)
    calls = through_file.calls()
    assert differences(calls, account(accounted)) == []
    assert through_push.calls() == calls
    assert through_local.calls() == calls


def test_calls_through_push_and_local_at_once(installation: Installation) -> None:
    accounted = installation.directory / "account.jsonl"
    arguments = ["--calls", str(CALLS), "--rate", "3000", "--seed", "12", "--account", str(accounted)]
    push_port = free_port()
    outlets = ["--to", f"127.0.0.1:{push_port}", "--listen", "127.0.0.1:0"]
    with installation.running("simulate", *outlets, *arguments) as pbx:
        local_port = pbx.wait_for_words(r"Listening on 127\.0\.0\.1:(\d+)")[1]
        with installation.running(
            "ingest", "--push", f"127.0.0.1:{push_port}", "--local", f"127.0.0.1:{local_port}", "--feed", "Office"
        ) as worker:
            until(lambda: pbx.process.poll() is not None)
            assert pbx.process.returncode == 0, pbx.written()
            assert worker.terminate() == 0
    calls = installation.calls()
    assert differences(calls, account(accounted)) == []
    status = installation.status()
    assert status["quarantined"] == 0
    assert status["accepted"] == status["events"] + status["duplicates"] == 2 * status["events"]
    assert "Nothing changed." in installation.manage("rebuild")


def test_rebuild_repairs_exactly_what_was_damaged(installation: Installation, simulated: tuple[Path, Path]) -> None:
    installation.load(simulated[0])
    sound = installation.calls()
    damaged = [sound[10]["call_id"], sound[20]["call_id"]]
    statements = [
        ("UPDATE calls_call SET trunk = 'WRONG' WHERE call_id = {}", damaged[0]),
        ("DELETE FROM calls_leg WHERE call_id = (SELECT id FROM calls_call WHERE call_id = {})", damaged[1]),
    ]
    url = installation.variables.get("DATABASE_URL")
    if url:
        with psycopg.connect(url) as connection:
            for statement, call_id in statements:
                connection.execute(statement.format("%s"), [call_id])
    else:
        with sqlite3.connect(installation.directory / "tollbook.sqlite3") as connection:
            for statement, call_id in statements:
                connection.execute(statement.format("?"), [call_id])
    assert installation.calls() != sound
    said = installation.manage("rebuild")
    assert sorted(re.findall(r"^(\d{22}): (.+) corrected$", said, re.MULTILINE)) == sorted(
        [(damaged[0], "trunk"), (damaged[1], "legs")]
    )
    assert " 2 calls and " in said
    assert installation.calls() == sound
