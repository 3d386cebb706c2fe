"""The demonstration: a feed of a simulated office, everyone named, and the simulator in a child process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.db import transaction

from calls.costing.models import CostingChoice
from calls.costing.versions import use_example
from calls.directory.models import Carrier, Department, Extension, Feed, Trunk
from ingest.simulator import Office
from ingest.supervisor import Endpoint

FEED_NAME = "Demo office"
SEED = 7
EXTENSIONS = 20
TRUNKS = 30
PADDING = "*"  # as the guide recommends: leading zeros then stay


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare() -> Feed:
    """The demo's feed, with everyone in the office named, its calls priced on the example tariff."""
    with transaction.atomic():
        if not CostingChoice.objects.exists():
            use_example()
        feed, made = Feed.objects.get_or_create(name=FEED_NAME, defaults={"active": False, "padding": PADDING})
        if made:
            name_everyone(feed)
    return feed


def name_everyone(feed: Feed) -> None:
    office = Office(seed=SEED, extensions=EXTENSIONS, trunks=TRUNKS)
    for number, name, kind, department_name in office.directory():
        department = Department.objects.get_or_create(name=department_name)[0] if department_name else None
        Extension.objects.create(
            feed=feed, number=number, name=name, kind=kind, kind_is_set=True, department=department
        )
    carrier = Carrier.objects.get_or_create(name="Demo carrier")[0]
    for number, name in office.trunk_directory():
        Trunk.objects.create(feed=feed, number=number, name=name, carrier=carrier)


def endpoint(port: int) -> Endpoint:
    return Endpoint("push", "127.0.0.1", port)


async def run_simulator(port: int, stopping: asyncio.Event) -> None:
    """Run the simulated PBX against our listener until the server stops."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(settings.BASE_DIR) / "manage.py"),
        "simulate",
        "--to",
        f"127.0.0.1:{port}",
        "--seed",
        str(SEED),
        "--extensions",
        str(EXTENSIONS),
        "--trunks",
        str(TRUNKS),
        "--clock",
        "12",
        "--padding",
        PADDING,
        "--zone",
        settings.TIME_ZONE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    gone = asyncio.create_task(process.wait())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
