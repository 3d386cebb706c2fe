"""`manage.py simulate` as people and scripts run it."""

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ingest.management.commands.simulate import Command
from ingest.simulator import Office

PATIENCE_S = 20


def simulate(*arguments: str) -> int:
    """Its exit status, run in this process."""
    try:
        Command().run_from_argv(["manage.py", "simulate", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "simulate", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def accounts(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_and_its_account(tmp_path: Path) -> None:
    day, book = tmp_path / "day.smdr", tmp_path / "day.jsonl"
    arguments = ("--seed", "7", "--extensions", "12", "--trunks", "6", "--clock", "24", "--zone", "Europe/Berlin")
    assert simulate("--file", str(day), "--calls", "120", "--account", str(book), *arguments) == 0
    office = Office(seed=7, extensions=12, trunks=6, clock=24, zone="Europe/Berlin")
    expected: list[dict[str, Any]] = []
    lines = [line for _, line in office.play(start=datetime(2026, 1, 12, 8, 30), calls=120, account=expected.append)]
    assert day.read_bytes() == b"".join(lines)
    assert accounts(book) == expected
    assert len(expected) == 120


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--to, --listen or --file"),
        (("--file", "day.smdr"), "--calls N"),
        (("--file", "-", "--calls", "3", "--resend", "4"), "--resend is for --to"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(*arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "argument",
    [
        "--to=nowhere", "--to=127.0.0.1:70000", "--calls=0", "--rate=-1", "--rate=nan", "--extensions=4", "--trunks=x",
        "--clock=13", "--padding=A", "--padding=##", "--zone=Mars/Base", "--start=noon",
    ],
)  # fmt: skip
def test_wrong_values(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(argument) == 2
    assert argument.split("=", maxsplit=1)[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert simulate("--listen", address) == 1
    assert capsys.readouterr().err == f"Error: Cannot listen on {address}: the port is in use\n"


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate("--file", str(tmp_path / "none" / "day.smdr"), "--calls", "1") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_live_until_sigterm(tmp_path: Path) -> None:
    book = tmp_path / "account.jsonl"
    process = start("--listen", "127.0.0.1:0", "--account", str(book), "--clock", "24", "--zone", "UTC")
    assert process.stderr
    port = int(process.stderr.readline().decode().rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client, client.makefile("rb") as stream:
        lines = [stream.readline() for _ in range(3)]
        heard_at = datetime.now(UTC)
        process.send_signal(signal.SIGTERM)
        lines += stream.readlines()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    stamped = datetime.fromisoformat(lines[2][:19].decode()).replace(tzinfo=UTC)
    assert abs(heard_at - stamped) < timedelta(seconds=60)
    assert {line[26:48].decode() for line in lines} == {account["call_id"] for account in accounts(book)}


def test_endless_to_standard_output_until_sigint() -> None:
    process = start("--file", "-", "--forever")
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, b"")
    assert len(first) == 164
    assert rest.endswith(b"|\r\n")


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    process = start("--file", "-", "--forever")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_S) == 1
    assert process.stderr.read() == b""
    process.stderr.close()
