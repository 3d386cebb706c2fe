"""What every test may use: a data directory of its own, real servers, a browser."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
import redis
from pytest_django import DjangoDbBlocker, Settings

from tests.services import (
    ROOT,
    Chromium,
    Site,
    find_chromium,
    new_database,
    running_postgres,
    running_site,
    running_valkey,
    site_environment,
)

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile(
    "deep", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "5000"))
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

END_TO_END = Path(__file__).parent / "e2e"
BROWSER_TESTS = Path(__file__).parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("browser")
    items.sort(key=lambda item: END_TO_END not in item.path.parents)  # the longest first, so that none is left alone


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite's test database is a file, as in production, and this run's own. Postgres has a database a worker."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tables are made from models in a second; what only migrations do to them is done here."""
    from django.apps import apps
    from django.db import connection

    by_key = import_module("calls.migrations.0012_rollups_by_key")
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        by_key.stand_by_key(apps, editor)


@pytest.fixture(autouse=True)
def data_directory(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SMDR_DATA_DIR, this test's own."""
    directory = tmp_path_factory.mktemp("var")
    settings.SMDR_DATA_DIR = directory
    return directory


@pytest.fixture
def fresh_sidebar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sidebar's health of feeds is read once in this test, so that a page's queries can be counted."""
    monkeypatch.setattr("calls.directory.health.WORST_STATE_KEPT_SECONDS", 1e9)
    monkeypatch.setattr("calls.directory.health._worst", (float("-inf"), "none"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty Postgres database, this test's own."""
    with new_database(postgres_server, f"test_{uuid4().hex}") as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The address of an empty Valkey."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose database has its tables and nothing else: to be copied."""
    directory = tmp_path_factory.mktemp("migrated")
    migrate(directory)
    return directory


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of such a database on the Postgres server."""
    name = f"migrated_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    migrate(tmp_path_factory.mktemp("migrated"), DATABASE_URL=f"{postgres_server.rpartition('/')[0]}/{name}")
    return name


@pytest.fixture
def migrated_postgres_url(postgres_server: str, migrated_postgres: str) -> Iterator[str]:
    """The address of a Postgres database of this test's own that has its tables."""
    with new_database(postgres_server, f"test_{uuid4().hex}", migrated_postgres) as url:
        yield url


def migrate(directory: Path, **variables: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=site_environment(directory, **variables),
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts `manage.py serve` in its own process: start_site("--demo", DATABASE_URL=..., REDIS_URL=...).

    Each has a data directory of its own unless `data_directory` names one; each must end well at the test's end.
    """
    with ExitStack() as running:

        def start(*arguments: str, data_directory: Path | None = None, **variables: str) -> Site:
            directory = data_directory or tmp_path / f"site-{uuid4().hex[:8]}"
            return running.enter_context(running_site(directory, *arguments, **variables))

        yield start


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    return find_chromium()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium: Chromium) -> dict[str, Any]:
    """Playwright drives the system's Chromium, not one of its own."""
    return {**browser_type_launch_args, "executable_path": chromium.path, "args": list(chromium.arguments)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "timezone_id": "Europe/London"}
