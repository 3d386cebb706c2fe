"""A clerk's way through the tariffs: set-up, a file with a mistake and without, a rate mended, a call tried."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_first_light import errors as errors  # noqa: PLC0414 - a fixture
from tests.browser.test_first_light import sign_up
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
    ):
        page.goto(f"{site.url}/tariffs/{path}")
        assert not page.evaluate(WIDER_THAN_THE_SCREEN), path
