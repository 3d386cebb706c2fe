"""The live board: from a line to the socket, hundreds of sockets, a thousand calls in Chromium, first paint, memory.

docs/performance.md says how to read it.

    script/bench live --parts latency --where serve --rates 200 --seconds 20
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import mode
from typing import Any

from _harness import ROOT, databases, median, percentile, resident_mib, say, scratch_directory
from _office import THRONG, lines_at_rate, throng
from _sites import PATIENCE_SECONDS, Running, four_processes, serve

HERE = Path(__file__).parent
WARM_SECONDS = 3.0  # in which devices are new and caches empty
SETTLE_SECONDS = 2.0
PARTS = ("latency", "sockets", "throng", "paint", "memory")
LONG_MS = 50
TARGET_MS = {200: 100, 2_000: 150}


@contextmanager
def served(scratch: Path) -> Iterator[Running]:
    with databases(["sqlite"], scratch) as (database,), database.fresh() as place, serve(place) as running:
        yield running


@contextmanager
def apart(scratch: Path) -> Iterator[Running]:
    with databases(["postgres"], scratch) as (database,), database.fresh() as place, four_processes(place) as running:
        yield running


WHERE = {"serve": ("one process on SQLite", served), "apart": ("Postgres, Valkey, worker and daphne", apart)}


def latency(options: argparse.Namespace, scratch: Path) -> None:
    """From the moment a line was due at the sender to the message that tells of it, at one open board.

    What is sent in the first seconds does not count. Told apart can be the first line of a call (its first message)
    and the last (the message in which it has ended).
    """
    for where in options.where:
        name, start = WHERE[where]
        for rate in options.rates:
            with scratch_directory(str(scratch)) as own, start(own) as running:
                lines, first, last = lines_at_rate(scratch, rate, options.seconds)
                with _boards(running, 1) as heard:
                    sent, due = _send(running, lines, rate)
                messages = heard()
                delays = _delays(messages, first, last, due)
                looks = _since_look([one for one in messages if one["first"] > due[0] + WARM_SECONDS], "first")
            say(
                f"{name}: receipt to socket of {len(delays):,} lines at {rate:,} lines/s: p50 "
                f"{percentile(delays, 0.5) * 1e3:.0f} ms, p99 {percentile(delays, 0.99) * 1e3:.0f} ms (target "
                f"{TARGET_MS.get(rate, '-')}), longest {max(delays) * 1e3:.0f} ms; of that from the "
                f"board's look to the socket p99 {percentile(looks, 0.99) * 1e3:.0f} ms; "
                f"the sender was late by {sent['late_ms']:.0f} ms at worst"
            )


def _delays(heard: list[dict[str, Any]], first: dict[str, int], last: dict[str, int], due: Any) -> list[float]:
    begun, ended = dict(first), dict(last)
    delays = []
    for message in heard:
        told = json.loads(message["text"])
        for call in told.get("changed", told.get("calls")):
            for lines in (begun, ended) if call["state"] == "ended" else (begun,):
                line = lines.pop(call["call_id"], None)
                if line is not None and due[line] >= due[0] + WARM_SECONDS:
                    delays.append(message["first"] - due[line])
    return delays


def _since_look(messages: list[dict[str, Any]], receipt: str) -> list[float]:
    """Seconds from the board's look at the database, which each message tells, to its first or last receipt."""
    offset = time.time() - time.monotonic()
    times = [datetime.fromisoformat(json.loads(one["text"])["server_time"]).timestamp() for one in messages]
    return [one[receipt] + offset - looked for one, looked in zip(messages, times, strict=True)]


def sockets(options: argparse.Namespace, scratch: Path) -> None:
    """What the web process takes while each of many sockets is told 20 times a second, and how long a message takes."""
    with apart(scratch) as running:
        lines, *_ = lines_at_rate(scratch, 60, options.seconds)
        with _boards(running, options.sockets) as heard:
            time.sleep(SETTLE_SECONDS)
            before, began = _processor_seconds(running.web), time.monotonic()
            _send(running, lines, 60)
            share = (_processor_seconds(running.web) - before) / (time.monotonic() - began)
        messages = [one for one in heard() if one["sockets"] == options.sockets and one["first"] > began]
        spans = _since_look(messages, "last")
        spreads = [one["last"] - one["first"] for one in messages]
        rate = len(messages) / options.seconds
        say(
            f"{options.sockets} sockets, {rate:.1f} messages/s: web process {share:.2f} of a core (target 0.5, at 20/s "
            f"{20 * share / rate:.2f}); from its look at the database to the last receipt p50 "
            f"{percentile(spans, 0.5) * 1e3:.0f} ms, p99 {percentile(spans, 0.99) * 1e3:.0f} ms (target 50); from the "
            f"first receipt to the last p99 {percentile(spreads, 0.99) * 1e3:.0f} ms"
        )


WATCH = """
const look = () => {
    const shown = document.querySelectorAll("[data-rows] [role=row]").length;
    if (shown >= 20) globalThis.rowsAt ??= performance.now();
    if (!globalThis.rowsAt) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def throng_in_browser(options: argparse.Namespace, scratch: Path) -> None:
    """Long tasks of a board with a thousand calls in progress: as it opens, while they change, and as it is used.

    By the clock, as a user has them; and by the processor, which other work on the machine does not lengthen.
    """
    with served(scratch) as running:
        before, flow = throng(scratch, options.calls, options.seconds)
        _send(running, before, 1_000)
        time.sleep(SETTLE_SECONDS)
        with _page(running) as page:

            def opening() -> None:
                page.reload()
                page.wait_for_timeout(3_000)

            def using() -> None:
                page.mouse.wheel(0, 4_000)
                page.locator("[data-view] [name=group]").select_option("trunk")
                page.locator("[data-view] [name=q]").fill("20")
                page.wait_for_timeout(500)

            _long_tasks(page, f"{options.calls:,} calls, opening", opening)
            _long_tasks(page, f"{options.calls:,} calls, {THRONG} lines/s", lambda: _send(running, flow, THRONG))
            _long_tasks(page, f"{options.calls:,} calls, scrolling, grouping, filtering", using)


def _long_tasks(page: Any, what: str, happening: Callable[[], Any]) -> None:
    browser = page.context.browser
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    happening()
    events = [event for event in json.loads(browser.stop_tracing())["traceEvents"] if event.get("dur")]
    thread = mode((event["pid"], event["tid"]) for event in events if event["name"] == "UpdateLayoutTree")
    tasks = [one for one in events if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) == thread]
    by_clock, by_processor = ([task.get(length, 0) / 1e3 for task in tasks] for length in ("dur", "tdur"))
    say(
        f"{what}: tasks over 50 ms by the clock {sum(one > LONG_MS for one in by_clock)} (target 0), longest "
        f"{max(by_clock):.0f} ms; by the processor {sum(one > LONG_MS for one in by_processor)}, longest "
        f"{max(by_processor):.0f} ms"
    )


def paint(options: argparse.Namespace, scratch: Path) -> None:
    """A browser that has never been here opens a board of 200 calls."""
    with served(scratch) as running:
        before, _ = throng(scratch, 200, 1)
        _send(running, before, 400)
        time.sleep(SETTLE_SECONDS)
        painted, rows = [], []
        for _ in range(options.runs):
            with _page(running) as page:
                while not page.evaluate("globalThis.rowsAt"):
                    page.wait_for_timeout(20)
                painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
                rows.append(page.evaluate("rowsAt"))
    say(
        f"first paint of 200 calls in a cold browser, {options.runs} runs: {median(painted):.0f} ms "
        f"(longest {max(painted):.0f}); calls on the page after {median(rows):.0f} ms (longest {max(rows):.0f}, "
        "target 1000)"
    )


def memory(options: argparse.Namespace, scratch: Path) -> None:
    """Resident memory of `serve` and the heap of a page, while 50 calls a second come and go."""
    with served(scratch) as running, _page(running) as page:
        lines, *_ = lines_at_rate(scratch, 250, options.minutes * 60)
        sender = _sender(running, lines, 250)
        server, heap = [], []
        while sender.poll() is None:
            page.wait_for_timeout(5_000)
            server.append(resident_mib(running.web))
            page.request_gc()
            heap.append(page.evaluate("performance.memory.usedJSHeapSize") / 2**20)
        sender.wait()
    for what, sizes in (("serve", server), ("page", heap)):
        part = max(len(sizes) // 5, 1)
        fifths = ", ".join(f"{median(sizes[k * part : (k + 1) * part]):.0f}" for k in range(5))
        say(
            f"memory at 50 calls/s for {options.minutes} min, {what}: {fifths} MiB in the fifths of it, "
            f"at most {max(sizes):.0f}"
        )


@contextmanager
def _page(running: Running) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.services import find_chromium

    chromium = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.path, args=[*chromium.arguments, "--enable-precise-memory-info"]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        host, _, _ = running.address.rpartition(":")
        context.add_cookies([{"name": "sessionid", "value": running.cookie, "domain": host, "path": "/"}])
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"http://{running.address}/")
        yield page
        browser.close()


@contextmanager
def _boards(running: Running, count: int) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Open sockets; afterwards, what they heard."""
    file = running.directory / "heard"
    command = [sys.executable, HERE / "_boards.py", running.address, running.cookie, str(count), file]
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdin
    assert process.stdout
    try:
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the boards did not open")
        yield lambda: [json.loads(line) for line in file.open()]
        time.sleep(SETTLE_SECONDS)
        process.stdin.close()
        if process.wait(PATIENCE_SECONDS):
            logs = (file.read_text(errors="replace")[-2_000:] for file in running.directory.glob("*.log"))
            raise RuntimeError("\n".join(["a board was closed", *logs]))
    finally:
        process.kill()
        process.wait()


def _send(running: Running, lines: Path, rate: float) -> tuple[dict[str, Any], Any]:
    """What the sender says, and when each line was due."""
    output, _ = _sender(running, lines, rate).communicate()
    due = array("d")
    due.frombytes((running.directory / "sent").read_bytes())
    return json.loads(output), due


def _sender(running: Running, lines: Path, rate: float) -> "subprocess.Popen[str]":
    arguments = [HERE / "_sender.py", lines, f"127.0.0.1:{running.push}", rate, running.directory / "sent"]
    return subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--where", nargs="+", choices=tuple(WHERE), default=tuple(WHERE), help="of latency")
    parser.add_argument("--rates", nargs="+", type=int, default=[200, 2_000], help="lines a second, of latency")
    parser.add_argument("--seconds", type=int, default=20, help="of latency, sockets and throng (20)")
    parser.add_argument("--sockets", type=int, default=500, help="(500)")
    parser.add_argument("--calls", type=int, default=1_000, help="of throng (1,000)")
    parser.add_argument("--runs", type=int, default=5, help="of paint (5)")
    parser.add_argument("--minutes", type=float, default=30, help="of memory (30)")
    parser.add_argument("--directory", help="on the disk to be measured (default: the system's temporary one)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that its servers end with it
    parts = {"latency": latency, "sockets": sockets, "throng": throng_in_browser, "paint": paint, "memory": memory}
    with scratch_directory(options.directory) as scratch:
        for part in options.parts:
            with scratch_directory(str(scratch)) as own:
                parts[part](options, own)


if __name__ == "__main__":
    main()
