"""A manager's way: filter a report, open a figure, take files of both, and have a long one made."""

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from ingest.simulator import Office
from tests.browser.test_first_light import errors as errors  # noqa: PLC0414 - a fixture
from tests.browser.test_first_light import sign_up
from tests.services import ROOT, Site, site_environment

PERIOD = "since=2026-01-12&until=2026-01-13"


def test_a_figure_opens_its_calls_and_every_file_has_as_many(
    page: Page, errors: list[str], start_site: Callable[..., Site], migrated_sqlite: Path, tmp_path: Path
) -> None:
    directory, lines = tmp_path / "site", tmp_path / "day.smdr"
    shutil.copytree(migrated_sqlite, directory)
    office = Office(seed=5, extensions=12, trunks=8, clock=24, padding="*")
    lines.write_bytes(b"".join(line for _, line in office.play(start=datetime(2026, 1, 12, 8, 30), calls=160)))
    subprocess.run(
        [sys.executable, "manage.py", "ingest", "--file", lines, "--feed", "Head office", "--clock", "24"],
        cwd=ROOT, env=site_environment(directory), check=True, capture_output=True,
    )  # fmt: skip
    site = start_site(data_directory=directory)
    sign_up(page, site)
    page.goto(f"{site.url}/reports/by-trunk/?{PERIOD}")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Direction").select_option(label="In")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_label("Remove Direction In")).to_be_visible()
    figure = page.locator("tbody td.tb-num a").first
    counted = int(figure.inner_text())
    assert int(next(csv.DictReader(io.StringIO(taken(page, "CSV"))))["calls"]) == counted
    figure.click()
    expect(page.get_by_text(f"{counted} calls", exact=True)).to_be_visible()
    assert len(page.locator("tbody tr").all()) == min(counted, 50)
    assert len(list(csv.DictReader(io.StringIO(taken(page, "CSV"))))) == counted

    page.goto(f"{site.url}/reports/longest-calls/?{PERIOD}")
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("link", name="PDF").click()
    page.get_by_role("button", name="Make the file").click()
    ready = page.get_by_role("link", name="Longest calls, ")
    expect(ready).to_be_visible(timeout=60_000)
    with page.expect_download() as waited:
        ready.click()
    assert waited.value.path().read_bytes().startswith(b"%PDF-")


def taken(page: Page, form: str) -> str:
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as waited:
        page.get_by_role("link", name=form, exact=True).click()
    return waited.value.path().read_text()
