"""What a new user does first, in a real browser, against the real server with its simulated PBX."""

import re
import socket
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.ingest.lines import smdr_line
from tests.services import Site

PASSWORD = "a long pass phrase 42"


@pytest.fixture
def errors(page: Page) -> Iterator[list[str]]:
    """What the browser complained of; a test ends well only without."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


def sign_up(page: Page, site: Site) -> None:
    assert site.first_run_url
    page.goto(site.first_run_url)
    page.get_by_label("Username").fill("priya")
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    page.locator("form button[type=submit]").click()
    expect(page).not_to_have_url(re.compile("first-run"))


def test_from_the_first_link_to_a_moving_board(page: Page, errors: list[str], start_site: Callable[..., Site]) -> None:
    site = start_site("--demo")
    sign_up(page, site)
    expect(page).to_have_url(f"{site.url}/")
    expect(page.locator("[data-pill]")).to_contain_text("Live")
    rows = page.locator("[data-rows] [role=row]")
    expect(rows.first).to_be_visible()
    expect(page.locator("[data-rows]")).to_contain_text("Ringing")
    expect(page.locator("[data-rows]")).to_contain_text("Talking")
    ended = page.locator("[data-rows] .tb-ended")
    expect(ended.first).to_be_visible(timeout=60_000)

    page.locator("[data-rows] [role=row]:not(.tb-ended) a").first.click()
    expect(page.get_by_role("heading", name="Journey")).to_be_visible()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()

    page.goto(f"{site.url}/reports/by-extension/?period=today")
    figure = page.locator("table tbody td a").first
    counted = figure.inner_text()
    figure.click()
    expect(page.get_by_role("heading", name="Calls", exact=True)).to_be_visible()
    assert counted.replace(",", "").isdigit()

    page.goto(site.url + "/accounts/login/")  # signed in already: the board
    expect(page).to_have_url(f"{site.url}/")


def test_a_name_given_in_the_directory_shows_on_the_board_at_once(
    page: Page, errors: list[str], start_site: Callable[..., Site]
) -> None:
    site = start_site("--push", "127.0.0.1:0")
    sign_up(page, site)
    with socket.create_connection(("127.0.0.1", site.push_port())) as pbx:
        pbx.sendall(smdr_line(contact_name="<script>1</scr", extension="2001", event="RINGING") + b"\r\n")
        page.goto(site.url)
        row = page.locator("[data-rows] [role=row]").first
        expect(row).to_contain_text("<script>1</scr")
        expect(row).to_contain_text("2001")

        directory = page.context.new_page()
        directory.goto(f"{site.url}/directory/extensions/")
        directory.get_by_role("button", name=re.compile("name of 2001")).click()
        directory.keyboard.type("Grace Lin")
        directory.keyboard.press("Enter")
        expect(directory.get_by_role("button", name=re.compile("Grace Lin"))).to_be_visible()
        expect(row).to_contain_text("Grace Lin")
