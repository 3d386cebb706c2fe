"""The ingest worker, or the load of one file."""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from calls.directory.models import Feed
from calls.doorbell import Doorbell
from ingest.dump import NotADumpError
from ingest.files import FileLoad
from ingest.running import add_endpoint_arguments, plan_of
from ingest.worker import Worker
from smdr_site.commands import ArgumentParser, Error, progress
from smdr_site.commands import Command as TollbookCommand
from smdr_site.settling import TURN_SECONDS, settle

YOUNG_OBJECTS = 1_000_000  # more than a batch and all that is kept between batches


@contextmanager
def at_full_rate() -> Iterator[None]:
    """Make Python load by the million.

    Rows make no cycles: looking for them as often as Python does costs a tenth of a load. And between two statements
    of SQLite the thread that writes waits for its turn, while another reads the next lines.
    """
    thresholds, turn = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Command(TollbookCommand):
    help = "Receive and store the lines of every active feed, or load a file of lines."
    example = "manage.py ingest\n  manage.py ingest --file smdr.log --feed 'Head office' --clock auto"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_endpoint_arguments(parser)
        parser.add_argument("--feed", help="work on this feed only; made if it does not exist")
        parser.add_argument("--file", help="load a file of lines, or of `journal dump`; - is standard input")
        parser.add_argument("--clock", choices=["auto", "12", "24"], default="auto", help="how the file's stamps read")
        parser.add_argument("--json", action="store_true", help="print the file's summary as one JSON object")

    def run(self, **options: Any) -> None:
        if options["file"]:
            if not options["feed"]:
                raise Error("--file needs --feed NAME, the feed that the lines belong to.", returncode=2)
            if options["push"] or options["local"]:
                raise Error("--file loads a file and ends; it does not go with --push or --local.", returncode=2)
            self.load_file(options)
        else:
            self.work(options)

    def load_file(self, options: dict[str, Any]) -> None:
        name = options["file"]
        stream: BinaryIO
        size = None
        if name == "-":
            stream = sys.stdin.buffer
        else:
            path = Path(name)
            if not path.is_file():
                raise Error(f"There is no file {name}.")
            stream, size = path.open("rb"), os.path.getsize(path)
        feed, _ = Feed.objects.get_or_create(name=options["feed"])
        began = time.monotonic()
        with progress() as bar, stream, at_full_rate():
            task = bar.add_task(f"Loading {name}", total=size)
            load = FileLoad(feed, options["clock"], lambda count: bar.advance(task, count))
            try:
                loaded = load.run(stream)
            except NotADumpError as error:
                raise Error(str(error)) from error
        seconds = time.monotonic() - began
        summary = {
            "lines": loaded.lines,
            "events": loaded.events,
            "duplicates": loaded.duplicates,
            "quarantined": loaded.quarantined,
            "calls": loaded.calls,
            "seconds": round(seconds, 3),
        }
        if options["json"]:
            self.stdout.write(json.dumps(summary))
        else:
            self.stdout.write(
                f"{loaded.lines:,} lines: {loaded.events:,} events of {loaded.calls:,} new calls, "
                f"{loaded.duplicates:,} duplicates, {loaded.quarantined:,} quarantined, in {seconds:.1f} s."
            )

    def work(self, options: dict[str, Any]) -> None:
        plan = plan_of(options)
        settle()
        asyncio.run(self.run_worker(plan))

    async def run_worker(self, plan: Any) -> None:
        loop = asyncio.get_running_loop()
        doorbell = Doorbell()
        await doorbell.start()
        worker = Worker(plan, doorbell.ring)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        work = asyncio.create_task(worker.run())
        first = asyncio.create_task(worker.ready.wait())
        await asyncio.wait({work, first}, return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        for at_work in list(worker.feeds.values()):
            await at_work.connections.settled()
            failure = at_work.connections.error
            if failure and plan.extra:
                worker.stop()
                await work
                raise Error(failure)
            for host, port in at_work.connections.listening:
                self.stdout.write(f"Listening on {host}:{port}")
        self.stdout.write(f"Working on {len(worker.feeds)} feed(s). Ctrl-C stops.")
        self.stdout.flush()
        await work
        await doorbell.stop()
