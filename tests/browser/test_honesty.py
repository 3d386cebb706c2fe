"""The board says how fresh it is, whatever breaks, and heals by itself: web and worker apart, and no layer between."""

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.browser.cable import cable_to
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_first_light import sign_up
from tests.e2e.installation import Installation, until
from tests.ingest.lines import smdr_line
from tests.services import ROOT, Site, free_port

NOTICED_WITHIN_MS = 15_000
SET_UP = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from calls.directory.models import Access, Department, Extension, Feed, FeedHour, WallLink
feed = Feed.objects.create(name="Office", push_enabled=True, push_host="127.0.0.1", push_port={port})
sales, support = (Department.objects.create(name=name) for name in ("Sales", "Support"))
Extension.objects.create(feed=feed, number="1843", name="Grace Lin", department=sales)
Extension.objects.create(feed=feed, number="1850", name="Maya Singh", department=support)
hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(weeks=1)
for one in (hour, hour + timedelta(hours=1)):
    FeedHour.objects.create(feed=feed, hour=one, lines=180, first_at=one, last_at=one)
sam = User.objects.create_user("sam")
Access.objects.create(user=sam).departments.add(sales)
link = WallLink(name="By the door", masked_digits=0)
token = WallLink.new_token(link)
link.save()
link.departments.add(sales)
client = Client()
client.force_login(sam, "django.contrib.auth.backends.ModelBackend")
print(client.session.session_key, token)
"""


class Between:
    """Stands between a page and its socket: keeps what was told, and loses deltas when it is told to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.lost = 0
        self.losing = False

    def __call__(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            assert isinstance(message, str)
            self.told.append(message)
            if self.losing and '"changed":[{' in message:
                self.lost += 1
            else:
                page.send(message)

        server.on_message(pass_on)


@contextmanager
def web(installation: Installation, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "daphne", "-v0", "-p", str(port), "smdr_site.asgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, env=installation.environment())

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(is_up)
        yield process
    finally:
        process.kill()
        process.wait()


def line(serial: int, extension: str, event: str = "RINGING", **elements: str) -> bytes:
    stamp = f"{datetime.now(ZoneInfo('Europe/London')):%Y-%m-%d %H:%M:%S}"
    call = f"{stamp[:10].replace('-', '')}0000000000{serial:04}"
    return smdr_line(stamp=stamp, call_id=call, extension=extension, event=event, **elements) + b"\r\n"


@pytest.fixture
def edit(tmp_path: Path) -> Callable[[str], None]:
    """Change a row as somebody else would."""

    def execute(statement: str) -> None:
        with sqlite3.connect(tmp_path / "site" / "tollbook.sqlite3", timeout=20) as database:
            database.execute(statement)
        database.close()

    return execute


def test_every_break_is_said_and_healed(
    context: BrowserContext, tmp_path: Path, migrated_sqlite: Path, edit: Callable[[str], None]
) -> None:
    shutil.copytree(migrated_sqlite, tmp_path / "site")
    quick = {"WORKER_DOWN_AFTER_SECONDS": "2", "DISCONNECTED_AFTER_SECONDS": "2"}
    installation = Installation(tmp_path / "site", quick)
    port, push = free_port(), free_port()
    session, token = installation.manage("shell", "-v0", "-c", SET_UP.format(port=push)).split()[-2:]
    context.add_cookies([{"name": "sessionid", "value": session, "domain": "127.0.0.1", "path": "/"}])
    context.set_default_timeout(PATIENCE_MS)
    page, wall, between = context.new_page(), context.new_page(), Between()
    page.route_web_socket(re.compile("/ws/board/"), between)
    pill, rows, banner = page.locator("[data-pill]"), page.locator("[data-rows]"), page.locator("[data-banner]")

    with installation.running("ingest") as worker:
        worker.wait_for_words("Working on 1")
        with web(installation, port), socket.create_connection(("127.0.0.1", push)) as pbx:
            pbx.sendall(line(1, "1843", contact_name="<script>1</scr") + line(2, "1850", number="01614960018"))
            page.goto(f"http://127.0.0.1:{port}/")
            expect(rows).to_contain_text("<script>1</scr")
            expect(pill).to_contain_text("Live")
            wall.goto(f"http://127.0.0.1:{port}/wall/#{token}")
            expect(wall.locator("[data-rows]")).to_contain_text("<script>1</scr")
            edit("UPDATE directory_walllink SET revoked_at = made_at")

            between.losing = True
            pbx.sendall(line(3, "1843", contact_name="Lost"))
            while not between.lost:
                page.wait_for_timeout(20)
            between.losing = False
            pbx.sendall(line(4, "1843", contact_name="After the gap"))
            expect(rows).to_contain_text("After the gap")
            expect(rows).to_contain_text("Lost")

            edit("UPDATE directory_feed SET silent_after_minutes = 0")
            expect(pill).to_have_text(re.compile(r"Silent for \d+ s; usually every 20 s"))
            expect(pill).to_have_class(re.compile("tb-pill-silent"))
            edit("UPDATE directory_feed SET silent_after_minutes = 30")
            worker.kill()
            expect(pill).to_have_class(re.compile("tb-pill-lost"))
            expect(banner).to_have_text(
                re.compile(r"No feed from Office since \d\d:\d\d\. Calls shown may have ended\.")
            )
            page.evaluate("globalThis.neverReloaded = true")
        expect(pill).to_have_text(re.compile(r"Reconnecting last update \d\d:\d\d:\d\d"))
        expect(page.locator("[data-offline]")).to_be_attached()

    with (
        installation.running("ingest") as worker,
        web(installation, port),
    ):
        worker.wait_for_words("Working on 1")
        with socket.create_connection(("127.0.0.1", push)) as pbx:
            pbx.sendall(line(1, "1843", "DISCONNECTED") + line(5, "1843", contact_name="Back"))
            expect(rows).to_contain_text("Back")
            expect(pill).to_contain_text("Live")
            expect(page.locator("[data-offline]")).not_to_be_attached()
            assert page.evaluate("neverReloaded")
            expect(wall.get_by_role("heading", name="no longer valid")).to_be_visible()

    assert all("1850" not in told and "4960018" not in told and "Maya" not in told for told in between.told)
    messages: list[dict[str, Any]] = [json.loads(told) for told in between.told]
    assert sum(message["type"] == "snapshot" for message in messages) >= 3  # at first, after the gap, after the restart


def test_a_dead_line_that_nobody_closed_is_noticed_and_heals(
    page: Page, tmp_path: Path, migrated_sqlite: Path, start_site: Callable[..., Site]
) -> None:
    shutil.copytree(migrated_sqlite, tmp_path / "site")
    site = start_site("--push", "127.0.0.1:0", data_directory=tmp_path / "site")
    sign_up(page, site)
    pill, rows = page.locator("[data-pill]"), page.locator("[data-rows]")
    port = int(site.url.rpartition(":")[2])
    with cable_to(port) as cable, socket.create_connection(("127.0.0.1", site.push_port())) as pbx:
        pbx.sendall(line(1, "1843", contact_name="Before") + line(2, "1850", contact_name="Throughout"))
        page.clock.install()
        page.goto(site.url.replace(str(port), str(cable.port)))
        expect(rows).to_contain_text("Before")
        expect(pill).to_contain_text("Live")
        page.evaluate("globalThis.neverReloaded = true")

        cable.cut()
        pbx.sendall(line(1, "1843", "DISCONNECTED") + line(3, "1843", contact_name="During"))
        page.clock.run_for(NOTICED_WITHIN_MS)
        expect(pill).to_have_text(re.compile(r"Reconnecting last update \d\d:\d\d:\d\d"))
        expect(page.locator("[data-offline]")).to_be_attached()
        expect(rows).to_contain_text("Before")

        cable.mend()
        expect(rows).to_contain_text("During")
        expect(rows).to_contain_text("Throughout")
        expect(rows).not_to_contain_text("Before")
        expect(pill).to_contain_text("Live")
        expect(page.locator("[data-offline]")).not_to_be_attached()
        pbx.sendall(line(4, "1850", contact_name="Afterwards"))
        expect(rows).to_contain_text("Afterwards")
        assert page.evaluate("neverReloaded")
