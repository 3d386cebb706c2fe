"""What every browser test may rely on."""

import pytest
from playwright.sync_api import expect

PATIENCE_MS = 30_000


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """A machine may be busy: what is waited for comes, or the test fails late."""
    expect.set_options(timeout=PATIENCE_MS)
