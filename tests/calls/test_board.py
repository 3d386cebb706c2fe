"""The board over real Daphne, and a viewer that takes nothing in."""

import asyncio
import json
import socket
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
import websockets

from calls import admission
from calls import hub as hub_module
from calls.access import EVERYTHING, Scope
from calls.admission import Ticket
from calls.hub import BoardHub
from tests.calls.factories import make_feed
from tests.calls.live import Office, in_database
from tests.ingest.lines import smdr_line
from tests.services import Site

PASSWORD = "a long pass phrase 42"
PATIENCE_SECONDS = 30


def signed_up(site: Site) -> str:
    """The cookie of the first administrator, made through the first-run link."""
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    assert site.first_run_url
    browser.open(site.first_run_url)
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"csrfmiddlewaretoken": token, "username": "priya", "password1": PASSWORD, "password2": PASSWORD}
    browser.open(site.first_run_url, urlencode(form).encode())
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)


async def test_lines_reach_a_browser_through_daphne(start_site: Callable[..., Site]) -> None:
    site = await asyncio.to_thread(start_site, "--push", "127.0.0.1:0")
    port = await asyncio.to_thread(site.push_port)
    cookie = await asyncio.to_thread(signed_up, site)
    address = site.url.replace("http:", "ws:") + "/ws/board/"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(address, origin=websockets.Origin(site.url))
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(
            address, origin=websockets.Origin("http://evil.example"), additional_headers={"Cookie": cookie}
        )
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        websockets.connect(
            address, origin=websockets.Origin(site.url), additional_headers={"Cookie": cookie}
        ) as browser,
    ):
        snapshot = json.loads(await browser.recv())
        assert (snapshot["type"], snapshot["calls"]) == ("snapshot", [])
        states = []
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            for event, second in (("RINGING", 40), ("ANSWERED", 43), ("DISCONNECTED", 50)):
                pbx.sendall(smdr_line(stamp=f"2012-03-09 13:20:{second}", event=event) + b"\r\n")
                while True:
                    delta = json.loads(await browser.recv())
                    assert delta["type"] == "delta"
                    if delta["changed"]:
                        break
                states += [call["state"] for call in delta["changed"]]
        assert states == ["ringing", "talking", "ended"]


class Person:
    """A viewer without a socket."""

    wire = None

    def __init__(self) -> None:
        self.ticket = Ticket(session=f"of {id(self)}")
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.left = asyncio.Event()

    async def tell(self, message: str) -> None:
        self.told.put_nowait(json.loads(message))

    async def dismiss(self) -> None:
        self.left.set()


class Asleep(Person):
    """Takes the snapshot in, and then nothing any more."""

    async def tell(self, message: str) -> None:
        if not self.told.empty():
            await asyncio.Event().wait()
        await super().tell(message)


class Gone(Person):
    async def tell(self, message: str) -> None:
        if not self.told.empty():
            raise ConnectionResetError
        await super().tell(message)

    async def dismiss(self) -> None:
        raise ConnectionResetError


@pytest.mark.django_db(transaction=True)
async def test_a_viewer_that_sleeps_or_is_gone_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "TELL_SECONDS", 0.2)
    office = Office(await in_database(make_feed)())
    hub = BoardHub()
    asleep, gone, awake = Asleep(), Gone(), Person()
    for viewer in (asleep, gone, awake):
        await hub.join(viewer, EVERYTHING)
    try:
        for _ in range(2):
            call = await in_database(office.call().happen)((0, "RINGING", "1843"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while all(one["id"] != call.pk for one in (await awake.told.get()).get("changed", ())):
                    pass
        assert asleep.left.is_set()
        assert not awake.left.is_set()
    finally:
        await hub.close()


class Narrow(Person):
    """Has a wire, which is clogged for as long as it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.is_clogged = False

    @property
    def wire(self) -> "Narrow":  # type: ignore[override]
        return self

    def framed(self, text: str) -> bytes:
        return text.encode()

    def write(self, frame: bytes) -> None:
        assert not self.is_clogged
        self.told.put_nowait(json.loads(frame))


@pytest.mark.django_db(transaction=True)
async def test_a_clogged_socket_gets_a_fresh_snapshot_and_no_backlog() -> None:
    office = Office(await in_database(make_feed)())
    hub = BoardHub()
    narrow, wide = Narrow(), Narrow()
    for viewer in (narrow, wide):
        await hub.join(viewer, EVERYTHING)
        viewer.told.get_nowait()
    try:
        narrow.is_clogged = True
        calls = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(2):
                calls.append(await in_database(office.call().happen)((0, "RINGING", "1843")))
                while all(one["id"] != calls[-1].pk for one in (await wide.told.get())["changed"]):
                    pass
            narrow.is_clogged = False
            snapshot = await narrow.told.get()
        assert snapshot["type"] == "snapshot"
        assert {one["id"] for one in snapshot["calls"]} == {call.pk for call in calls}
    finally:
        await hub.close()


@pytest.mark.django_db(transaction=True)
async def test_access_goes_on_being_checked_after_a_viewer_that_could_not_be_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "ACCESS_EVERY_SECONDS", 0.05)
    hub = BoardHub()
    gone, signed_out = Gone(), Person()
    await hub.join(gone, EVERYTHING)
    await hub.join(signed_out, EVERYTHING)
    masked = Scope(departments=None, masked_digits=4)
    monkeypatch.setattr(admission, "scopes_now", lambda tickets: {gone.ticket: masked, signed_out.ticket: None})
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await signed_out.left.wait()
    finally:
        await hub.close()
