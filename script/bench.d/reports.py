"""Reports over a year of calls, on both databases, beside the same questions to DuckDB on the same rows.

    script/bench reports [--calls N] [--database sqlite postgres] [--parts questions ingest]

Times are medians, in milliseconds: of the database alone (a report's statements, read to the end), of DuckDB, of the
whole page as Django answers it, and of that beyond all the statements of the page. docs/performance.md says how to
read it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

YEAR, MONTH = "since=2025-01-01&until=2025-12-31", "since=2025-11-01&until=2025-11-30"
WITHIN = {
    YEAR: "started_at >= '2025-01-01' AND started_at < '2026-01-01'",
    MONTH: "started_at >= '2025-11-01' AND started_at < '2025-12-01'",
}
MOST_STREAMED = 200_000
RAW = "number=0207%20000&longer=60&weekday=2"
IS_RAW = "starts_with(number, '0207000') AND duration_seconds >= 60 AND isodow(started_at) = 2"
OVERVIEW = """
WITH chosen AS (SELECT * FROM calls WHERE {where}), spoken AS (
    SELECT number_e164, max(handled_at) AS spoken_at FROM calls WHERE handled_at IS NOT NULL GROUP BY 1)
SELECT count(*), count(*) FILTER (direction = 'in'), count(handled_at) FILTER (direction = 'in'),
    count(*) FILTER (direction = 'in' AND handled_at IS NULL), count(*) FILTER (direction = 'in' AND
        time_to_answer_seconds <= 20), sum(time_to_answer_seconds) FILTER (direction = 'in'),
    count(*) FILTER (direction = 'in' AND handled_at IS NULL AND duration_seconds <= 5),
    count(*) FILTER (direction = 'out'), sum(talk_seconds), count(*) FILTER (direction = 'in' AND handled_at IS NULL
        AND NOT coalesce(spoken_at >= ended_at, false))
FROM chosen LEFT JOIN spoken USING (number_e164)
"""
EXTENSION = """
SELECT extension, count(*) FILTER (direction = 'in'), count(answered_at) FILTER (direction = 'in'),
    count(*) FILTER (direction = 'in' AND outcome = 'missed'), count(*) FILTER (direction = 'out' AND position = 0),
    sum(ring_seconds), sum(talk_seconds), sum(hold_seconds) FROM legs WHERE {where} GROUP BY 1;
SELECT extension, sum(cost) FROM calls WHERE {calls} GROUP BY 1;
SELECT count(DISTINCT call_id) FROM legs WHERE {where}
"""
HEAT = """
SELECT date_trunc('hour', started_at), count(*), count(handled_at) FROM calls
WHERE direction = 'in' AND {where} GROUP BY 1
"""
NUMBERS = """
SELECT number_e164, count(*), count(*) FILTER (handled_at IS NULL), sum(talk_seconds), count(handled_at),
    max(started_at), count(*) OVER () FROM calls WHERE direction = 'out' AND {where} GROUP BY 1
ORDER BY 2 DESC, 1 LIMIT 100
"""


def questions() -> list[tuple[str, str, str, str, float]]:
    """Name, report (or "course"), address, DuckDB's statements, and the most times DuckDB's time."""
    found = []
    for words, period in (("month", MONTH), ("year", YEAR)):
        within = WITHIN[period]
        legs = within.replace("started_at", "call_started_at")
        found += [
            (f"by extension, {words}", "by-extension", period, EXTENSION.format(where=legs, calls=within), 1),
            (f"heat map, {words}", "course", period, HEAT.format(where=within), 1),
            (f"overview, {words}", "overview", period, OVERVIEW.format(where=within), 1),
        ]
    chosen = f"{WITHIN[YEAR]} AND {IS_RAW}"
    of_legs = EXTENSION.format(where=f"call_id IN (SELECT id FROM calls WHERE {chosen})", calls=chosen)
    found += [
        ("overview, year, raw", "overview", f"{YEAR}&{RAW}", OVERVIEW.format(where=chosen), 15),
        ("by extension, year, raw", "by-extension", f"{YEAR}&{RAW}", of_legs, 15),
        ("top numbers, year", "most-dialled", YEAR, NUMBERS.format(where=WITHIN[YEAR]), 3),
    ]  # fmt: skip
    return found


def timed(work: Callable[[], Any], runs: int) -> float:
    """The median of so many runs, in milliseconds, after one to warm up."""
    from statistics import median

    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def statements_of(work: Callable[[], Any]) -> list[tuple[str, Any]]:
    from django.db import connection

    seen: list[tuple[str, Any]] = []

    def note(run: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        seen.append((sql, parameters))
        return run(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        work()
    return [(sql, parameters) for sql, parameters in seen if sql.lstrip().upper().startswith(("SELECT", "WITH"))]


def replay(statements: list[tuple[str, Any]]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:  # what a report sets holds for its own statements
        for sql, parameters in statements:
            cursor.execute(sql, parameters)
            cursor.fetchall()


def inside(options: argparse.Namespace) -> None:
    """In a process whose environment names the database."""
    sys.path.append(str(HERE))
    import _year

    sys.path.remove(str(HERE))
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.http import QueryDict
    from django.test import Client
    from django.test.utils import setup_test_environment

    from calls.access import EVERYTHING
    from reports.catalogue import REPORTS
    from reports.course import course
    from reports.engine import Question
    from reports.limits import TooLongError
    from reports.tables import MOST_ROWS

    setup_test_environment()
    began = time.monotonic()
    duck = _year.make(options.duckdb, options.calls, options.extensions)
    made = time.monotonic()
    _year.roll_up(duck)
    say = lambda text: print(text, flush=True)  # noqa: E731
    say(
        f"{connection.vendor}: {options.calls:,} calls written in {made - began:.0f} s, roll-ups in "
        f"{time.monotonic() - made:.0f} s"
    )
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    say(f"{'':28}{'database':>10}{'DuckDB':>10}{'times':>8}{'page':>10}{'beyond':>10}  (ms)")
    for name, slug, address, reference, most in questions():
        if options.only and not any(word in name for word in options.only):
            continue

        def ask(slug: str = slug, address: str = address) -> Any:
            question = Question(QueryDict(address), EVERYTHING, _year.NOW)
            return course(question) if slug == "course" else REPORTS[slug].shown(question, "", MOST_ROWS)

        try:
            statements = statements_of(ask)
        except TooLongError:
            say(f"{name:28} stopped after REPORT_SECONDS")
            continue
        ours = timed(lambda statements=statements: replay(statements), options.runs)
        theirs = timed(
            lambda reference=reference: [
                duck.execute(part).fetchall() for part in reference.split(";") if part.strip()
            ],
            options.runs,
        )
        path = f"/reports/{'by-weekday' if slug == 'course' else slug}/?{address}"
        page = timed(lambda path=path: client.get(path), options.runs)
        asked = statements_of(lambda path=path: client.get(path))
        beyond = page - timed(lambda asked=asked: replay(asked), options.runs)
        verdict = "" if ours <= most * theirs else f"  more than {most:g} times"
        say(f"{name:28}{ours:10.1f}{theirs:10.1f}{ours / theirs:8.2f}{page:10.1f}{beyond:10.1f}{verdict}")
    for path in (
        "/calls/?period=any&older={}",
        "/calls/?period=any&extension=10700&older={}",
        "/calls/?period=any&trunk=92107&older={}",
        "/calls/?period=any&number=0207%20000&older={}",
    ):
        deep = path.format(f"{1_741_000_000_000_000}-{options.calls}")
        statements = statements_of(lambda deep=deep: client.get(deep))
        ours = timed(lambda statements=statements: replay(statements), options.runs)
        page = timed(lambda deep=deep: client.get(deep), max(options.runs // 2, 1))
        say(f"{path[14:48]:36}{ours:10.1f} ms of the database (target 20), page {page:.1f} ms")
    began = time.perf_counter()
    rows, resident = streamed_rows(client.get("/calls/?period=any&format=csv"))
    rate = rows / (time.perf_counter() - began)
    memory = f"{min(resident):.0f} to {max(resident):.0f} MiB resident after its first part"
    say(f"CSV: {rate:,.0f} rows a second (target 50,000), of {rows:,}; {memory}")


def streamed_rows(response: Any) -> tuple[int, list[float]]:
    """So many rows of a streamed file, or all of them, as they come; and MiB resident with each part."""
    from asgiref.sync import async_to_sync

    def mib() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    async def read() -> tuple[int, list[float]]:
        rows, resident = 0, []
        async for part in response:
            rows += part.count(b"\n")
            if rows > 1:
                resident.append(mib())
            if rows >= MOST_STREAMED:
                break
        return rows, resident

    return async_to_sync(read)()


def load_inside(options: argparse.Namespace) -> None:
    """One load of a file, in a fresh database, with roll-ups or without; prints its seconds."""
    import django

    django.setup()
    from calls.directory.models import Feed
    from calls.rollups import Rollups
    from ingest.files import FileLoad

    if options.inside == "without":
        Rollups.replace = lambda *_: None  # type: ignore[method-assign]
    feed = Feed.objects.get()
    with open(options.lines_file, "rb") as stream:
        began, cpu = time.monotonic(), time.process_time()
        FileLoad(feed, "24").run(stream)
        print(time.monotonic() - began, time.process_time() - cpu)


def ingest(database: Any, options: argparse.Namespace, scratch: Path) -> None:
    """Rates of the same load with roll-ups and without, in turns."""
    from _harness import make_lines, median, say

    lines = make_lines(scratch, options.lines)
    ratios, cpu = [], []
    for run in range(options.runs):
        found = {}
        for how in ("with", "without") if run % 2 else ("without", "with"):
            with database.fresh() as place:
                command = [sys.executable, __file__, "--inside", how, "--lines-file", str(lines)]
                output = subprocess.run(
                    command, env=place.environment(), check=True, capture_output=True, text=True
                ).stdout
                found[how] = tuple(map(float, output.split()[-2:]))
        ratios.append(found["without"][0] / found["with"][0])
        cpu.append(found["without"][1] / found["with"][1])
        rate = options.lines / found["with"][0]
        say(f"  run {run + 1}: {rate:,.0f} lines/s: {ratios[-1]:.3f} of the rate without, of CPU {cpu[-1]:.3f}")
    say(
        f"{database.name}: with roll-ups {median(ratios):.3f} of the rate without (target 0.80), of CPU "
        f"{median(cpu):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser("script/bench reports", description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--extensions", type=int, default=2_000)
    parser.add_argument("--database", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--parts", nargs="+", choices=["questions", "ingest"], default=["questions", "ingest"])
    parser.add_argument("--only", nargs="+", help="questions whose name has one of these words")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=100_000, help="of each load of the part ingest (100,000)")
    parser.add_argument("--directory", help="on the disk to be measured (default: the system's temporary one)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--duckdb", help=argparse.SUPPRESS)
    parser.add_argument("--lines-file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.path.remove(str(HERE))  # its files are named like the product's packages
        sys.path.insert(0, str(HERE.parents[1]))
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smdr_site.settings")
        (inside if options.inside == "questions" else load_inside)(options)
        return
    from _harness import databases, scratch_directory

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that its servers end with it

    with scratch_directory(options.directory) as scratch, databases(options.database, scratch) as chosen:
        for database in chosen:
            if "questions" in options.parts:
                with database.fresh() as place:
                    command = [
                        sys.executable, __file__, "--inside", "questions", "--duckdb", place.directory / "year.duckdb",
                        *("--calls", options.calls, "--extensions", options.extensions, "--runs", options.runs),
                        *(["--only", *options.only] if options.only else []),
                    ]  # fmt: skip
                    subprocess.run(list(map(str, command)), env=place.environment(), check=True)
            if "ingest" in options.parts:
                ingest(database, options, scratch)


if __name__ == "__main__":
    main()
