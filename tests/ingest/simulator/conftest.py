"""One played day that the tests of the simulator look at from several sides."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.simulator import Office

START = datetime(2026, 3, 28, 21, 0, tzinfo=UTC)
CALLS = 5000


@dataclass(frozen=True)
class PlayedDay:
    office: Office
    lines: list[tuple[int, bytes]]
    accounts: list[dict[str, Any]]


@pytest.fixture(scope="session")
def day() -> PlayedDay:
    """5,000 calls from a Saturday evening, across the night in March when the clocks change."""
    office = Office(seed=11)
    accounts: list[dict[str, Any]] = []
    lines = list(office.play(start=START, calls=CALLS, account=accounts.append))
    return PlayedDay(office, lines, accounts)
