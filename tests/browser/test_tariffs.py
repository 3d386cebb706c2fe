"""A clerk's way through the tariffs: set-up, a file with a mistake and without, a rate mended, a call tried."""

import json
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.test_first_light import errors as errors  # noqa: PLC0414 - a fixture
from tests.browser.test_first_light import sign_up
from tests.ingest.lines import smdr_line
from tests.services import Site

WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
TARIFF = {
    "name": "Acme 2026",
    "rate": "0.02",
    "bands": [{"name": "peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "0.06"}],
    "prefixes": [
        {"prefix": "44", "name": "UK", "class": "national"},
        {"prefix": "447", "name": "Mobile", "class": "mobile", "rate": "0,10", "bands": []},
    ],
}


def test_a_tariff_is_imported_edited_and_tried(
    page: Page, errors: list[str], start_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = start_site("--push", "127.0.0.1:0")
    sign_up(page, site)
    page.get_by_text("Example tariff").click()
    page.get_by_role("button", name="Go on").click()
    page.goto(f"{site.url}/tariffs/")
    expect(page.get_by_text("EXAMPLE", exact=True)).to_be_visible()

    page.get_by_role("link", name="Import").click()
    file = tmp_path / "acme.json"
    file.write_text(json.dumps(TARIFF))
    page.get_by_label("JSON or CSV file").set_input_files(file)
    page.get_by_label("Valid from").fill("2027-01-01")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("prefixes[1].rate: “0,10” is not a rate; write 0.10.")
    file.write_text(json.dumps(TARIFF).replace("0,10", "0.10"))
    page.get_by_label("JSON or CSV file").set_input_files(file)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="What the file says")).to_be_visible()
    page.get_by_role("button", name="Make the tariff").click()

    page.get_by_role("button", name="rate of 447: 0.10").click()
    page.keyboard.type("0.30")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="rate of 447: 0.30")).to_be_visible()
    page.get_by_role("button", name="to of band 1: 18:00").click()
    page.keyboard.type("19:00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="to of band 1: 19:00")).to_be_visible()

    page.get_by_label("Number").fill("07911 123456")
    page.get_by_label("Seconds").fill("61")
    page.get_by_role("button", name="Price it").click()
    expect(page.get_by_text("GBP 0.3050")).to_be_visible()  # 61 × 0.30 / 60
    expect(page.get_by_text("matched 447 Mobile")).to_be_visible()
    page.get_by_label("Beside it").select_option(label="EXAMPLE: invented prices, for trying things out v1")
    page.get_by_role("button", name="Price it").click()
    expect(page.get_by_text("matched 4479 UK mobile")).to_be_visible()

    # The same price on a real call, as the PBX sends it. The tariff is dated back, and the example retired before it.
    now = datetime.now(ZoneInfo("Europe/London")) - timedelta(minutes=2)
    version = f"{site.url}/tariffs/versions/2/"
    page.goto(f"{site.url}/tariffs/versions/1/retire/")
    page.get_by_label("Ends before").fill("2025-06-01")
    page.get_by_role("button", name="Set the end").click()
    page.goto(f"{version}dates/")
    page.get_by_label("Valid from").fill("2025-06-01")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status")).to_contain_text("is published; it prices calls from 1 Jun 2025 on")
    call = {"call_id": f"{now:%Y%m%d%H%M%S}52070264", "direction": "OUT", "number": "07911123456"}
    with socket.create_connection(("127.0.0.1", site.push_port())) as pbx:
        page.goto(site.url)
        expect(page.locator("[data-pill]")).not_to_contain_text("Connecting")  # what ended before it isn't shown
        for after, event in ((0, "RINGING"), (5, "ANSWERED"), (66, "DISCONNECTED")):
            stamp = f"{now + timedelta(seconds=after):%Y-%m-%d %H:%M:%S}"
            pbx.sendall(smdr_line(stamp=stamp, event=event, **call) + b"\r\n")
        expect(page.locator("[data-rows] .tb-ended")).to_be_visible()
    page.goto(f"{site.url}/calls/1/")
    expect(page.get_by_text("rounded half up to 4 digits: 0.3050 GBP, ex VAT")).to_be_visible()
    expect(page.get_by_text("matched 447 Mobile")).to_be_visible()
    page.goto(version)
    expect(page.get_by_text("It has priced calls, so its prices stay as they are.")).to_be_visible()
    expect(page.get_by_role("button", name="Add prefix")).to_have_count(0)

    # Its price is doubled by a version that supersedes it, and the call gets the new one by a process of its own.
    page.goto(f"{version}copy/")
    page.get_by_label("Valid from").fill("2025-06-01")
    page.locator("main").get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="rate of 447: 0.30").click()
    page.keyboard.type("0.60")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="rate of 447: 0.60")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    page.goto(f"{site.url}/tariffs/")
    page.get_by_role("link", name="New prices for past calls").click()
    page.get_by_label("First day").fill(f"{now - timedelta(days=1):%Y-%m-%d}")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_role("button", name="Apply new prices to 1 call: £0.31 more").click(timeout=60_000)
    expect(page.get_by_role("heading", name="Old figures, kept")).to_be_visible(timeout=60_000)
    expect(page.locator("main tbody")).to_contain_text("£0.305£0.61+£0.305")
    page.locator("main tbody a").click()
    expect(page.get_by_text("rounded half up to 4 digits: 0.6100 GBP, ex VAT")).to_be_visible()

    page.set_viewport_size({"width": 360, "height": 780})
    for path in (
        "",
        "1/",
        "2/",
        "versions/1/",
        "versions/2/",
        "versions/2/terms/",
        "versions/2/import/",
        "try/",
        "add/",
        "recost/",
        "recost/1/",
    ):
        page.goto(f"{site.url}/tariffs/{path}")
        assert not page.evaluate(WIDER_THAN_THE_SCREEN), path
