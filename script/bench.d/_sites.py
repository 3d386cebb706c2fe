"""A running Tollbook to be measured: in one process, or in four."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _harness import FEED, ROOT, Place, manage

from tests.services import free_port, running_site, running_valkey, site_environment

PATIENCE_SECONDS = 120.0


@dataclass
class Running:
    """A Tollbook with one feed, reached at `address`, that listens on `push`; `web` serves its pages."""

    address: str
    push: int
    web: int
    cookie: str
    directory: Path


@contextmanager
def serve(place: Place) -> Iterator[Running]:
    """`manage.py serve`: one process."""
    cookie, push = _sign_in(place), free_port()
    with running_site(place.directory, "--push", f"127.0.0.1:{push}", DATABASE_URL=place.url) as site:
        yield Running(site.url.removeprefix("http://"), push, site.process.pid, cookie, place.directory)


@contextmanager
def four_processes(place: Place) -> Iterator[Running]:
    """The database's server and Valkey, `manage.py ingest` and daphne."""
    cookie, push, port = _sign_in(place), free_port(), free_port()
    with ExitStack() as stack:
        valkey = stack.enter_context(running_valkey())
        environment = site_environment(
            place.directory, DATABASE_URL=place.url, TIME_ZONE="Europe/London", REDIS_URL=valkey
        )
        worker = [sys.executable, "manage.py", "ingest", "--feed", FEED, "--push", f"127.0.0.1:{push}"]
        web = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
        log = stack.enter_context((place.directory / "processes.log").open("wb"))
        commands = (worker, [*web, "smdr_site.asgi:application"])
        pids = [stack.enter_context(_process(command, environment, log)) for command in commands]
        for listening in (push, port):
            _wait_for(listening, log.name)
        yield Running(f"127.0.0.1:{port}", push, pids[1], cookie, place.directory)


SIGN_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.create_superuser("bench"), "django.contrib.auth.backends.ModelBackend")
print(client.session.session_key)
"""


def _sign_in(place: Place) -> str:
    return manage(place.environment(), "shell", "--verbosity", "0", "-c", SIGN_IN).output.split()[-1]


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Any) -> Iterator[int]:
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process.pid
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, log: str) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(Path(log).read_text()[-4_000:])
