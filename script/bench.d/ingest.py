"""Ingest beside the frozen reference loop: rate and memory of a load, latency, a burst, and the cost at size.

docs/performance.md says how to read it. The whole takes hours on two cores; to make it smaller:

    script/bench ingest --parts load --database sqlite --lines 100000 --runs 3
"""

import argparse
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from _harness import (
    FEED,
    ROOT,
    Cost,
    Place,
    Postgres,
    SQLite,
    databases,
    make_lines,
    manage,
    measure,
    median,
    percentile,
    say,
    scratch_directory,
)
from _sites import PATIENCE_SECONDS, four_processes, serve

HERE = Path(__file__).parent
REFERENCE = HERE / "reference" / "_reference_loop.py"
LIVE_START = "2026-11-02T08:30"
PARTS = ("load", "costing", "latency", "burst", "flat")
POLL_SECONDS = 0.002


def load(database: SQLite | Postgres, options: argparse.Namespace, scratch: Path) -> None:
    """Rates of `ingest --file`, journaled, and of the reference, one after the other in each run."""
    lines = make_lines(scratch, options.lines)
    references, products, ratios, peaks, growths, cpu_ratios = [], [], [], [], [], []
    nothing = make_lines(scratch, 0)
    idle_cpu = {work.__name__: work(database, nothing).cpu_seconds for work in (_reference, _product)}
    for run in range(options.runs):
        order = [_reference, _product] if run % 2 == 0 else [_product, _reference]
        found = {work.__name__: work(database, lines) for work in order}
        reference, product = found["_reference"], found["_product"]
        cpu = {name: (cost.cpu_seconds - idle_cpu[name]) / options.lines * 1e6 for name, cost in found.items()}
        references.append(options.lines / reference.json()["seconds"])
        products.append(options.lines / product.json()["seconds"])
        ratios.append(products[-1] / references[-1])
        cpu_ratios.append(cpu["_reference"] / cpu["_product"])
        settled = product.resident[len(product.resident) // 3 :]
        quarter = max(len(settled) // 4, 1)
        peaks.append(max(product.resident))
        growths.append(median(settled[-quarter:]) - median(settled[:quarter]))
        say(
            f"  run {run + 1}: reference {references[-1]:,.0f} lines/s, product {products[-1]:,.0f}: "
            f"ratio {ratios[-1]:.2f}; CPU a line {cpu['_reference']:.0f} and {cpu['_product']:.0f} µs: "
            f"ratio {cpu_ratios[-1]:.2f}"
        )
    say(
        f"{database.name}: load of {options.lines:,} lines: product {median(products):,.0f} lines/s, reference "
        f"{median(references):,.0f} lines/s, ratio {median(ratios):.2f} (target 0.60), of CPU {median(cpu_ratios):.2f}"
        f"; peak RSS {max(peaks):.0f} MiB (target 200), growth over the last two thirds {median(growths):+.1f} MiB"
    )


def _reference(database: SQLite | Postgres, lines: Path) -> Cost:
    with database.fresh() as place, socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_once, args=(listener, lines), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        return measure([sys.executable, REFERENCE, place.url, address, "1"], place.environment())


def _serve_once(listener: socket.socket, path: Path) -> None:
    peer, _ = listener.accept()
    with peer, path.open("rb") as file:
        peer.sendfile(file)


def costing(database: SQLite | Postgres, options: argparse.Namespace, scratch: Path) -> None:
    """Rates of the same load with every call priced by the example tariff, and with none, one after the other."""
    lines = make_lines(scratch, options.lines)
    ratios, cpu_ratios, rates = [], [], []
    for run in range(options.runs):
        order = [False, True] if run % 2 == 0 else [True, False]
        found = {is_on: _product(database, lines, is_on) for is_on in order}
        off, on = found[False], found[True]
        rates.append(options.lines / on.json()["seconds"])
        ratios.append(off.json()["seconds"] / on.json()["seconds"])
        cpu_ratios.append(off.cpu_seconds / on.cpu_seconds)
        say(f"  run {run + 1}: {rates[-1]:,.0f} lines/s: ratio {ratios[-1]:.3f}, of CPU {cpu_ratios[-1]:.3f}")
    say(
        f"{database.name}: load of {options.lines:,} lines, every call priced: {median(rates):,.0f} lines/s, "
        f"{median(ratios):.3f} of the rate without prices (target 0.90), of CPU {median(cpu_ratios):.3f}"
    )


TURN_ON = """
from django.utils import timezone
from calls.costing.models import CostingChoice
from calls.costing.versions import install_example
version = install_example(timezone.localdate())
CostingChoice.objects.update_or_create(pk=1, defaults={"is_on": True})
print(version.pk)
"""
COUNT_RATED = """
from calls.models import Call
print(Call.objects.filter(cost_status="rated").count())
"""


def _product(database: SQLite | Postgres, lines: Path, is_priced: bool = False) -> Cost:
    with database.fresh() as place:
        if is_priced:
            manage(place.environment(), "shell", "--verbosity", "0", "-c", TURN_ON)
        cost = manage(place.environment(), "ingest", "--file", lines, "--feed", FEED, "--json")
        summary = cost.json()
        if summary["events"] != summary["lines"] or summary["quarantined"]:
            raise RuntimeError(f"not every line became an event: {summary}")
        if is_priced and not int(
            manage(place.environment(), "shell", "--verbosity", "0", "-c", COUNT_RATED).output.split()[-1]
        ):
            raise RuntimeError("no call was priced")
        return cost


def latency(database: SQLite | Postgres, options: argparse.Namespace, scratch: Path) -> None:
    """From the moment a line was due at the sender to the moment another connection sees it committed."""
    with _live_site(database, options, scratch) as (place, port, messages):
        lines = make_lines(scratch, options.samples, seed=2, start=LIVE_START)
        delays, sent = _timed(place, port, lines, options.rate)
        say(
            f"{database.name}: latency of {len(delays):,} lines at {options.rate:,.0f} lines/s beside "
            f"{options.stored_calls:,} calls and an open board ({messages():,} messages): p50 "
            f"{percentile(delays, 0.5) * 1e3:.1f} ms, p99 {percentile(delays, 0.99) * 1e3:.1f} ms (target 60), "
            f"longest {max(delays) * 1e3:.0f} ms; the sender was late by {sent['late_ms']:.0f} ms at worst"
        )


def burst(database: SQLite | Postgres, options: argparse.Namespace, scratch: Path) -> None:
    """As many lines as the socket takes: how long the peer is ever stopped, and when all is stored."""
    with _live_site(database, options, scratch) as (place, port, _):
        lines = make_lines(scratch, options.burst, seed=3, start=LIVE_START)
        delays, sent = _timed(place, port, lines, 0)
        say(
            f"{database.name}: burst of {options.burst:,} lines: taken in {sent['seconds']:.1f} s, the longest blocked "
            f"send {sent['blocked_ms']:.0f} ms (target 100), the last line stored {delays[-1]:.1f} s after it was sent"
        )


def flat(database: SQLite | Postgres, options: argparse.Namespace, scratch: Path) -> None:
    """Files of equal length into one database that grows; the reference beside each, in a database that is empty."""
    length = options.flat_step
    steps = max(options.flat_events // length, 2)
    whole = make_lines(scratch, length * steps)
    costs: list[float] = []
    with database.fresh() as place, whole.open("rb") as file:
        for step in range(steps):
            part = scratch / "part.smdr"
            part.write_bytes(b"".join(file.readline() for _ in range(length)))
            product = float(
                manage(place.environment(), "ingest", "--file", part, "--feed", FEED, "--json").json()["seconds"]
            )
            costs.append(product / float(_reference(database, part).json()["seconds"]))
            say(f"  {step * length:,} stored: {product / length * 1e6:.0f} µs a line, {costs[-1]:.2f} of the reference")
    edge = max(len(costs) // 5, 1)
    first, last = median(costs[:edge]), median(costs[-edge:])
    say(
        f"{database.name}: cost a line at {length * steps:,} stored events is {last / first * 100 - 100:+.0f} % "
        f"against the beginning, each beside the reference on an empty database (target within 15 %)"
    )


@contextmanager
def _live_site(
    database: SQLite | Postgres, options: argparse.Namespace, scratch: Path
) -> Iterator[tuple[Place, int, Callable[[], int]]]:
    """Tollbook on a database that holds calls, as it runs on such a one (docs/operations.md), with a listener and a
    board; how many messages that got."""
    with database.fresh() as place:
        if options.stored_calls:
            stored = make_lines(scratch, options.stored_calls * 5)
            manage(place.environment(), "ingest", "--file", stored, "--feed", FEED)
            _settle(place)
        start = serve if place.url.startswith("sqlite") else four_processes
        with start(place) as site, _board(f"http://{site.address}", site.cookie) as messages:
            yield place, site.push, messages


def _settle(place: Place) -> None:
    """What a server has long done with calls that came over months; at once after a load it would do it meanwhile."""
    if not place.url.startswith("sqlite"):
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


@contextmanager
def _board(url: str, cookie: str) -> Iterator[Callable[[], int]]:
    from websockets.sync.client import connect

    received: list[int] = []
    address = f"{url.replace('http:', 'ws:')}/ws/board/"
    headers = {"Cookie": f"sessionid={cookie}"}
    with connect(address, origin=url, additional_headers=headers, max_size=None) as board:  # type: ignore[arg-type]
        received.append(len(board.recv(timeout=PATIENCE_SECONDS)))

        def listen() -> None:
            received.extend(map(len, board))

        threading.Thread(target=listen, daemon=True).start()
        yield lambda: len(received)


def _timed(place: Place, port: int, lines: Path, rate: float) -> tuple[list[float], dict[str, Any]]:
    """Send a file; seconds from each line's being due to its being seen in the database, and what the sender says.

    The lines are alone on their connection and in their worker's journal, so the nth has the journal's sequence n;
    and the position that is committed with them says how far they are stored.
    """
    look = _position(place)
    before = look()
    stamps_file = place.directory / "sent"
    arguments = [sys.executable, HERE / "_sender.py", lines, f"127.0.0.1:{port}", str(rate), stamps_file]
    sender = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    seen: list[tuple[float, int]] = []
    count = sum(1 for _ in lines.open("rb"))
    patience = time.monotonic() + PATIENCE_SECONDS + (count / rate if rate else 0)
    while not seen or seen[-1][1] < count:
        stored = look() - before
        if not seen or stored > seen[-1][1]:
            seen.append((time.monotonic(), stored))
        if time.monotonic() > patience:
            sender.kill()
            raise RuntimeError(f"only {stored} of {count} lines were stored")
        time.sleep(POLL_SECONDS)
    output, _ = sender.communicate(timeout=PATIENCE_SECONDS)
    stamps = array("d")
    stamps.frombytes(stamps_file.read_bytes())
    delays = []
    stored = 0
    for at, until in seen:
        delays += [at - stamps[k] for k in range(stored, until)]
        stored = until
    return delays, dict(json.loads(output))


def _position(place: Place) -> Callable[[], int]:
    """A look at how many records the worker's journals have stored, through a connection of its own."""
    statement = "SELECT coalesce(sum(sequence - 1), 0) FROM ingest_journalposition"
    if place.url.startswith("sqlite"):
        file = sqlite3.connect(place.url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
        return lambda: int(file.execute(statement).fetchone()[0])
    connection = psycopg.connect(place.url, autocommit=True)
    return lambda: int(connection.execute(statement, prepare=True).fetchone()[0])  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser("script/bench ingest", description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--database", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--runs", type=int, default=5, help="of load (default 5)")
    parser.add_argument("--lines", type=int, default=500_000, help="of load (default 500,000)")
    parser.add_argument("--stored-calls", type=int, default=1_000_000, help="before latency and burst (1,000,000)")
    parser.add_argument("--rate", type=float, default=2_000, help="lines a second, of latency (2,000)")
    parser.add_argument("--samples", type=int, default=200_000, help="lines of latency (200,000)")
    parser.add_argument("--burst", type=int, default=100_000, help="lines of burst (100,000)")
    parser.add_argument("--flat-events", type=int, default=1_000_000, help="stored by flat in the end (1,000,000)")
    parser.add_argument("--flat-step", type=int, default=50_000, help="lines of each file of flat (50,000)")
    parser.add_argument("--directory", help="on the disk to be measured (default: the system's temporary one)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that its servers end with it
    parts = {"load": load, "costing": costing, "latency": latency, "burst": burst, "flat": flat}
    with scratch_directory(options.directory) as scratch, databases(options.database, scratch) as chosen:
        for part in options.parts:
            for database in chosen:
                parts[part](database, options, scratch)


if __name__ == "__main__":
    main()
