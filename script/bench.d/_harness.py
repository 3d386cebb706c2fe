"""What the benchmarks share: migrated databases that are fresh for each run, and processes whose cost is measured."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.services import running_postgres, site_environment  # noqa: E402 - the checkout is no package

FEED = "Bench"
RSS_EVERY_SECONDS = 0.2


@dataclass
class Cost:
    """What a process took. Resident memory in MiB, sampled over its life."""

    output: str
    seconds: float
    cpu_seconds: float
    resident: list[float] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.output.strip().splitlines()[-1]))


def measure(command: Sequence[str | Path], environment: dict[str, str]) -> Cost:
    """Run a command to its end; its standard output is kept. Raises CalledProcessError if it fails."""
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    resident = []
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=output)
        while process.poll() is None:
            resident.append(resident_mib(process.pid))
            time.sleep(RSS_EVERY_SECONDS)
        seconds = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, command)), text)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(text, seconds, cpu, [mib for mib in resident if mib])


def resident_mib(pid: int) -> float:
    """0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


def manage(environment: dict[str, str], *arguments: str | Path) -> Cost:
    return measure([sys.executable, "manage.py", *arguments], environment)


@dataclass
class Place:
    """A database with the product's tables and the feed `Bench`, empty, and a data directory."""

    url: str
    directory: Path

    def environment(self) -> dict[str, str]:
        return site_environment(self.directory, DATABASE_URL=self.url, TIME_ZONE="Europe/London")


class SQLite:
    name = "SQLite"

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._numbers = count(1)
        self._template = scratch / "template.sqlite3"
        _prepare(Place(f"sqlite:///{self._template}", scratch / "template"))

    @contextmanager
    def fresh(self) -> Iterator[Place]:
        directory = self._scratch / f"sqlite-{next(self._numbers)}"
        directory.mkdir()
        file = directory / "tollbook.sqlite3"
        shutil.copy(self._template, file)
        try:
            yield Place(f"sqlite:///{file}", directory)
        finally:
            shutil.rmtree(directory)


class Postgres:
    name = "Postgres"

    def __init__(self, scratch: Path, server: str) -> None:
        self._scratch = scratch
        self._server = server
        self._numbers = count(1)
        _prepare(Place(server, scratch / "template-postgres"))

    @contextmanager
    def fresh(self) -> Iterator[Place]:
        name = f"bench_{next(self._numbers)}"
        directory = self._scratch / name
        directory.mkdir()
        admin = f"{self._server.rpartition('/')[0]}/postgres"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE tollbook")
        try:
            yield Place(f"{self._server.rpartition('/')[0]}/{name}", directory)
        finally:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(directory)


def _prepare(place: Place) -> None:
    place.directory.mkdir()
    nothing = place.directory / "nothing.smdr"
    nothing.touch()
    manage(place.environment(), "migrate", "--verbosity", "0")
    manage(place.environment(), "ingest", "--file", nothing, "--feed", FEED)


@contextmanager
def databases(names: Sequence[str], scratch: Path) -> Iterator[list[SQLite | Postgres]]:
    """Real ones: SQLite on the disk of `scratch`, Postgres with every fsync."""
    with ExitStack() as stack:
        made: list[SQLite | Postgres] = []
        if "sqlite" in names:
            made.append(SQLite(scratch))
        if "postgres" in names:
            made.append(Postgres(scratch, stack.enter_context(running_postgres(durable=True))))
        yield made


@contextmanager
def scratch_directory(parent: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tollbook-bench-", dir=parent) as name:
        yield Path(name)


def make_lines(scratch: Path, lines: int, *, seed: int = 1, start: str = "2026-01-12T08:30") -> Path:
    """A file of exactly so many lines of the simulated PBX."""
    path = scratch / f"lines-{seed}-{lines}.smdr"
    place = Place(f"sqlite:///{scratch / 'none.sqlite3'}", scratch)
    manage(
        place.environment(), "simulate", "--file", path, "--calls", str(lines // 5 + 100), "--seed", str(seed),
        "--start", start,
    )  # fmt: skip
    with path.open("r+b") as file:
        for _ in range(lines):
            if not file.readline():
                raise RuntimeError(f"the simulator made fewer than {lines} lines")
        file.truncate(file.tell())
    return path


def say(text: str) -> None:
    print(text, flush=True)


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


__all__ = [
    "FEED", "Cost", "Place", "Postgres", "SQLite", "databases", "make_lines", "manage", "measure", "median",
    "percentile", "resident_mib", "say", "scratch_directory",
]  # fmt: skip
