"""What has to fit, and to work without a mouse, on one site with one answered call of today."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_first_light import sign_up
from tests.ingest.lines import smdr_line
from tests.services import Site, running_site

PHONE, DESK = {"width": 360, "height": 780}, {"width": 1440, "height": 900}
PAGES = (
    "/",
    "/calls/?direction=in",
    "/calls/1/",
    "/reports/",
    "/reports/by-extension/",
    "/directory/extensions/",
    "/directory/extensions/import/",
    "/feeds/",
    "/accounts/password/",
)
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("look"), "--push", "127.0.0.1:0") as site:
        now = datetime.now(ZoneInfo("Europe/London"))
        call = {"stamp": f"{now:%Y-%m-%d %H:%M:%S}", "call_id": f"{now:%Y%m%d%H%M%S}52070264"}
        with socket.create_connection(("127.0.0.1", site.push_port())) as pbx:
            for event in ("RINGING", "ANSWERED", "DISCONNECTED"):
                pbx.sendall(smdr_line(event=event, **call) + b"\r\n")
        yield site


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Site) -> Any:
    with browser.new_context() as context:
        page = context.new_page()
        sign_up(page, site)
        page.goto(site.url)
        expect(page.locator("#today a[href*='direction=in&counted=answered']").first).to_have_text("1")
        return context.storage_state()


@pytest.fixture
def open_page(browser: Browser, signed_in: Any) -> Iterator[Callable[..., Page]]:
    """A page of the given size, for somebody signed in; the test ends well only if the browser had no complaint."""
    complaints: list[str] = []
    with ExitStack() as contexts:

        def start(viewport: dict[str, int]) -> Page:
            context = contexts.enter_context(browser.new_context(viewport=viewport, storage_state=signed_in))  # type: ignore[arg-type]
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield start
    assert complaints == []


def test_no_page_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(PHONE)
    for path in PAGES:
        page.goto(site.url + path)
        assert not page.evaluate(WIDER_THAN_THE_SCREEN), path


@pytest.mark.parametrize("path", ["/calls/", "/reports/by-extension/"])
def test_what_a_chip_opens_is_all_on_the_screen_of_a_phone(
    path: str, open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(PHONE)
    page.goto(site.url + path)
    for chip in page.locator(".tb-chips summary").all():
        chip.click()
        box = page.locator(".tb-chips [open] .tb-menu-panel").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
        page.keyboard.press("Escape")


def test_the_keys_lead_from_the_board_into_a_call(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(DESK)
    page.goto(site.url)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/calls/")  # loaded: a heading can be seen before the script that hears keys has run
    expect(page.get_by_role("heading", name="Calls", exact=True)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Journey")).to_be_visible()


def test_a_person_without_a_call_shows_the_day_so_far(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(DESK)
    page.goto(site.url)
    tile = page.locator(".tb-tile")
    expect(tile).to_contain_text("1843 · 1 answered")
    expect(tile.locator("[title*='0 missed']")).to_be_visible()


def test_a_bar_of_a_report_opens_its_calls(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(DESK)
    page.goto(f"{site.url}/reports/by-extension/")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.get_by_role("link", name="1 offered, 1 answered, 0 abandoned").click()
    expect(page).to_have_url(re.compile("counted=offered"))
    expect(page.locator(".tb-calls tbody tr")).to_have_count(1)


def test_a_call_over_its_threshold_is_told_though_nobody_looks(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(DESK)
    page.add_init_script(
        "globalThis.Notification = class { static permission = 'granted'; static requestPermission() {}"
        " constructor(title, { body }) { document.body.dataset.told = `${title}: ${body}`; } };"
    )
    page.goto(site.url)
    page.get_by_label("More").first.click()
    page.get_by_role("button", name="Thresholds and alerts").click()
    settings = page.get_by_role("dialog", name="Thresholds and alerts")
    settings.get_by_label("Ringing over, seconds").fill("1")
    settings.get_by_label("Notice of the browser").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Save this view")).to_be_hidden()
    expect(page.locator("[data-empty]")).to_contain_text("No calls right now")
    clock = page.locator("[data-board-clock]")
    expect(clock).not_to_have_text(clock.inner_text())  # each second the board looks at what there is
    page.evaluate("globalThis.requestAnimationFrame = () => 0")  # as in a tab that is not in sight: nothing is drawn
    now = datetime.now(ZoneInfo("Europe/London"))
    ringing = {"stamp": f"{now:%Y-%m-%d %H:%M:%S}", "call_id": f"{now:%Y%m%d%H%M%S}52070265"}
    with socket.create_connection(("127.0.0.1", site.push_port())) as pbx:
        pbx.sendall(smdr_line(event="RINGING", contact_name="Harbour Dental", **ringing) + b"\r\n")
        told = "Ringing over 1 s: Harbour Dental, 1843"
        expect(page.locator("body")).to_have_attribute("data-told", told)
        pbx.sendall(smdr_line(event="DISCONNECTED", contact_name="Harbour Dental", **ringing) + b"\r\n")
