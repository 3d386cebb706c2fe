"""The servers that other tests stand on."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from tests import services
from tests.services import Chromium, ServiceError, Site


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def test_postgres_is_real_and_each_test_has_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as database:
        assert "PostgreSQL" in str(database.execute("SELECT version()").fetchone())
        assert database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        assert database.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_a_dropped_database_takes_its_open_connections_with_it(postgres_server: str) -> None:
    with services.new_database(postgres_server, "left_open") as url:
        left_open = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()


def test_postgres_is_durable_when_asked_and_gone_at_the_end_even_of_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), services.running_postgres(durable=True) as url:  # noqa: PT012
        with psycopg.connect(url) as database:
            assert database.execute("SHOW fsync").fetchone() == ("on",)
        raise ZeroDivisionError
    assert not listens(url)


def test_valkey_is_real_and_empty(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
        assert client.info("server")["server_name"] == "valkey"


def test_valkey_is_gone_at_the_end() -> None:
    with services.running_valkey() as url:
        assert listens(url)
    assert not listens(url)


def test_a_server_that_ends_at_once_is_reported_with_what_it_wrote(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo no such luck; exit 1"]
    with (
        pytest.raises(ServiceError, match="no such luck"),
        services._on_a_free_port(
            lambda port: command,
            lambda port: False,
            tmp_path / "log",
            stop_with=signal.SIGTERM,
            cwd=Path("/"),
        ),
    ):
        pytest.fail("it started")


def test_a_command_runs_beside_a_postgres_and_its_exit_code_comes_back() -> None:
    program = "import os, psycopg, sys; psycopg.connect(os.environ['DATABASE_URL']).close(); sys.exit(7)"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.services", sys.executable, "-c", program], cwd=services.ROOT, check=False
    )
    assert ran.returncode == 7


@pytest.mark.both_databases
@pytest.mark.django_db
def test_the_test_database_is_the_one_asked_for() -> None:
    User.objects.create(username="someone")
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        assert connection.vendor == "postgresql"
    else:
        assert connection.vendor == "sqlite"
        assert Path(connection.settings_dict["NAME"]).is_file()
        assert connection.cursor().execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_each_test_has_a_data_directory_of_its_own(data_directory: Path) -> None:
    assert data_directory == settings.SMDR_DATA_DIR
    assert not any(data_directory.iterdir())


def test_tollbook_serves_and_ends_well_when_asked(start_site: Callable[..., Site]) -> None:
    site = start_site()
    with urlopen(f"{site.url}/healthz") as response:
        assert json.load(response)["status"] == "ok"
    assert site.first_run_url
    with urlopen(site.first_run_url) as response:
        assert response.status == 200
    site.stop()
    assert site.process.returncode == 0


def test_tollbook_serves_from_postgres_and_valkey(
    start_site: Callable[..., Site], postgres_url: str, valkey_url: str
) -> None:
    site = start_site(DATABASE_URL=postgres_url, REDIS_URL=valkey_url)
    with psycopg.connect(postgres_url) as database:
        assert database.execute("SELECT count(*) FROM auth_user").fetchone() == (0,)
    assert not (site.data_directory / "tollbook.sqlite3").exists()


def test_chromium_renders_a_page(chromium: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<title>Tollbook</title><script>document.write('<p>' + 6 * 7)</script>")
    command = [chromium.path, *chromium.arguments, "--headless", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    shown = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, check=True).stdout
    assert "<p>42</p>" in shown
