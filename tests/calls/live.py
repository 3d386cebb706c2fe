"""Calls that happen while a test looks on: written by the real store, seen through the real ASGI application."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from calls.directory.models import Access, Department, Feed
from calls.models import Call
from calls.store import CallStore
from smdr_site.asgi import application
from tests.calls.factories import make_events, serials

PATIENCE_SECONDS = 15


class Office:
    """One feed's calls, as a worker stores them."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.store = CallStore(feed.pk)

    def call(self, **elements: str) -> "OneCall":
        started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)
        return OneCall(self, started_at, f"{started_at:%Y%m%d%H%M%S}{next(serials):08}", elements)


class OneCall:
    def __init__(self, office: Office, started_at: datetime, call_id: str, elements: dict[str, str]) -> None:
        self.office, self.started_at, self.call_id, self.elements = office, started_at, call_id, elements

    def happen(self, *steps: Any) -> Call:
        """Store these (seconds from the start, event, extension[, source]) in one transaction."""
        events = make_events(steps, self.started_at, self.call_id, **self.elements)
        with self.office.store.transaction() as work:
            work.open({self.call_id})
            for event in events:
                work.add(event)
        return Call.objects.get(feed=self.office.feed, call_id=self.call_id)


def make_user(*departments: Department, access: bool = True, **fields: Any) -> User:
    """Who sees some departments; every call if none is named; nothing without `access`."""
    masked_digits = fields.pop("masked_digits", 0)
    user = User.objects.create_user(f"user{next(serials)}", **fields)
    if access:
        row = Access.objects.create(user=user, all_departments=not departments, masked_digits=masked_digits)
        row.departments.set(departments)
    return user


def signed_in(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


class Board:
    """A browser's board: its socket and what it has been told."""

    def __init__(self, client: Client, origin: str | None = "http://localhost") -> None:
        cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
        headers = [(b"host", b"localhost")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if cookie is not None:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode()))
        self.socket = WebsocketCommunicator(application, "/ws/board/", headers=headers)
        self.told: list[dict[str, Any]] = []

    async def open(self) -> dict[str, Any]:
        """Connect; the snapshot."""
        connected, _ = await self.socket.connect(PATIENCE_SECONDS)
        assert connected
        return await self.next()

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.receive_from(PATIENCE_SECONDS))
        self.told.append(message)
        return message

    async def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The first message from now on that `condition` is true of."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self.next()
                if condition(message):
                    return message

    async def delta_of(self, call: Call) -> dict[str, Any]:
        """The next word about a call."""
        message = await self.until(lambda told: any(one["id"] == call.pk for one in told.get("changed", ())))
        found: dict[str, Any] = next(one for one in message["changed"] if one["id"] == call.pk)
        return found

    async def closed(self) -> int:
        """Wait until the server closes the socket; its code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                output = await self.socket.receive_output(PATIENCE_SECONDS)
                if output["type"] == "websocket.close":
                    return int(output["code"])

    async def close(self) -> None:
        with suppress(asyncio.CancelledError):
            await self.socket.disconnect()


in_database = sync_to_async
