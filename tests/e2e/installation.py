"""One Tollbook on a database of its own, driven through its commands as an operator would."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.services import ROOT, site_environment

PATIENCE_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05
T = TypeVar("T")


def until(condition: Callable[[], T], running: "Running | None" = None) -> T:
    """What `condition` gives as soon as it is true; fails when patience is over or `running` has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        if running is not None and running.process.poll() is not None and not (result := condition()):
            raise AssertionError(f"ended with {running.process.returncode}:\n{running.written()}")
        time.sleep(LOOK_EVERY_SECONDS)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s:\n{running.written() if running else ''}")


class Running:
    """A command in its own process; what it prints goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def written(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_words(self, pattern: str) -> "re.Match[str]":
        found = until(lambda: re.search(pattern, self.written()), self)
        assert found
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)


@dataclass
class Installation:
    directory: Path
    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        return site_environment(self.directory, **self.variables)

    def manage(self, *arguments: str, expect: int = 0) -> str:
        """Run a command to its end; its standard output, or with another exit code its standard error."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if expect == 0 else done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        log = self.directory / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE_SECONDS)

    def load(self, path: Path, feed: str = "Office", *more: str) -> dict[str, Any]:
        printed = self.manage("ingest", "--file", str(path), "--feed", feed, "--json", *more)
        summary: dict[str, Any] = json.loads(printed)
        return summary

    def calls(self) -> list[dict[str, Any]]:
        """Every call by call id, without what depends on batching."""
        records = [json.loads(line) for line in self.manage("export_calls").splitlines()]
        for record in records:
            del record["version"]
        return records

    def status(self, feed: str = "Office") -> dict[str, Any]:
        feeds: list[dict[str, Any]] = json.loads(self.manage("ingest_status", "--json"))["feeds"]
        return next(status for status in feeds if status["name"] == feed)

    def dump(self) -> Path:
        path = self.directory / "dump.jsonl"
        path.write_text(self.manage("journal", "dump"))
        return path


def add_feed(installation: Installation, settings: str) -> None:
    """Make the feed Office with these fields, as `a='b', c=1`."""
    code = f"from calls.directory.models import Feed; Feed.objects.create(name='Office', {settings})"
    installation.manage("shell", "-v0", "-c", code)


def account(path: Path) -> dict[str, dict[str, Any]]:
    """The simulated PBX's own account: call id → its record."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return {record["call_id"]: record for record in records}


def differences(calls: list[dict[str, Any]], accounted: dict[str, dict[str, Any]]) -> list[str]:
    """Where the exported calls say something else than the PBX's account, one line each."""
    found = {call["call_id"]: call for call in calls}
    lines = [f"{call_id}: only on one side" for call_id in found.keys() ^ accounted.keys()]
    for call_id in found.keys() & accounted.keys():
        ours, theirs = found[call_id], accounted[call_id]
        for name, value in theirs.items():
            mine = ours[name]
            if name == "legs":
                mine = [{key: leg[key] for key in value[0]} for leg in mine]
            if mine != value:
                lines.append(f"{call_id}: {name} is {mine!r}, the PBX says {value!r}")
    return lines
