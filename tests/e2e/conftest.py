import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.installation import Installation


@pytest.fixture(params=["sqlite", "postgres"])
def database_variables(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of each database in turn."""
    return {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("migrated_postgres_url")}


@pytest.fixture
def install(tmp_path: Path, migrated_sqlite: Path) -> Callable[..., Installation]:
    """Makes an installation: install(DATABASE_URL=...) of a database that has its tables, install() on SQLite."""

    def make(**variables: str) -> Installation:
        directory = tmp_path / uuid4().hex[:8]
        if variables.get("DATABASE_URL"):
            directory.mkdir()
        else:
            shutil.copytree(migrated_sqlite, directory)
        return Installation(directory, variables)

    return make


@pytest.fixture
def installation(install: Callable[..., Installation], database_variables: dict[str, str]) -> Installation:
    """An installation on each database."""
    return install(**database_variables)
