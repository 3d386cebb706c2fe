"""The board over real Daphne, and a viewer that takes nothing in."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
import redis.asyncio
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
BROWSERS, TOGETHER = 250, 25


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


async def heard_until(browser: websockets.ClientConnection, state: str) -> list[dict[str, Any]]:
    """What it is told of calls from now on, up to the first that is in this state; no message is missing."""
    changed: list[dict[str, Any]] = []
    seq = None
    while not changed or changed[-1]["state"] != state:
        message = json.loads(await browser.recv())
        assert seq in (None, message["seq"] - 1)
        seq = message["seq"]
        changed += message.get("changed", message.get("calls"))
    return changed


async def test_lines_reach_hundreds_of_browsers_through_daphne_and_valkey(
    start_site: Callable[..., Site], valkey_url: str
) -> None:
    site = await asyncio.to_thread(start_site, "--push", "127.0.0.1:0", REDIS_URL=valkey_url)
    port = await asyncio.to_thread(site.push_port)
    cookie = await asyncio.to_thread(signed_up, site)
    address = site.url.replace("http:", "ws:") + "/ws/board/"

    def opening(origin: str = site.url, **headers: str) -> websockets.connect:
        return websockets.connect(address, origin=websockets.Origin(origin), additional_headers=headers)

    with pytest.raises(websockets.InvalidStatus):
        await opening()
    with pytest.raises(websockets.InvalidStatus):
        await opening("http://evil.example", Cookie=cookie)
    async with asyncio.timeout(PATIENCE_SECONDS), AsyncExitStack() as stack:
        browsers = []
        for _ in range(BROWSERS // TOGETHER):
            connecting = [stack.enter_async_context(opening(Cookie=cookie)) for _ in range(TOGETHER)]
            browsers += await asyncio.gather(*connecting)
        with socket.create_connection(("127.0.0.1", port)) as pbx:
            for event, second, state in (
                ("RINGING", 40, "ringing"),
                ("ANSWERED", 43, "talking"),
                ("DISCONNECTED", 50, "ended"),
            ):
                pbx.sendall(smdr_line(stamp=f"2012-03-09 13:20:{second}", event=event) + b"\r\n")
                heard = await asyncio.gather(*(heard_until(browser, state) for browser in browsers))
                assert [[call["state"] for call in changed] for changed in heard] == [[state]] * BROWSERS
        async with redis.asyncio.Redis.from_url(valkey_url) as client:
            assert 1 <= len(await client.pubsub_channels()) <= 2  # the hub's and its group's, for however many sockets


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
