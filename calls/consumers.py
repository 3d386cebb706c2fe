"""The board's WebSocket, `/ws/board/`: for signed-in users, from our own pages."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from calls.admission import Ticket
from calls.directory.models import WallLink
from calls.hub import hub

WALL_COOKIE = "tollbook_wall"
NOT_LET_IN = 4401
LONGEST_MESSAGE = 1_000
RESYNC_EVERY_SECONDS = 0.5


class SeatedConsumer(AsyncWebsocketConsumer):
    """Sends a snapshot, then deltas; the one thing it is told is `{"type": "resync"}`."""

    channel_layer_alias = "none"  # the hub alone listens: a socket needs no subscription, and opens without Redis too
    last_resync = float("-inf")
    ticket = Ticket()

    async def admit(self) -> Ticket | None:
        """By what this connection is let in; None if by nothing."""
        raise NotImplementedError

    async def connect(self) -> None:
        ticket = await self.admit()
        seen = await hub().scope_of(ticket) if ticket else None
        if ticket is None or seen is None:
            await self.close(NOT_LET_IN)
            return
        self.ticket = ticket
        await self.accept()
        self.wire = self.scope.get("wire")
        if self.wire is not None:
            self.wire.open()
        await hub().join(self, seen)

    async def disconnect(self, code: int) -> None:
        await hub().leave(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not text_data or len(text_data) > LONGEST_MESSAGE:
            return
        try:
            message: Any = json.loads(text_data)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and message.get("type") == "resync":
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(max(self.last_resync + RESYNC_EVERY_SECONDS - now, 0))
            self.last_resync = asyncio.get_running_loop().time()
            await hub().resync(self)

    # For the hub

    async def tell(self, message: str) -> None:
        await self.send(text_data=message)

    async def dismiss(self) -> None:
        await self.close(NOT_LET_IN)


class BoardConsumer(SeatedConsumer):
    """Of a signed-in user; `?department=3` narrows it to one of the departments that the user sees."""

    async def admit(self) -> Ticket | None:
        session = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        return Ticket(session, department=department_asked(self.scope["query_string"].decode("latin-1")))


class WallConsumer(SeatedConsumer):
    """Of a screen on which nobody signs in: it has a wall link's token in its cookie, never in an address."""

    async def admit(self) -> Ticket | None:
        link = await sync_to_async(WallLink.objects.of_token)(self.scope["cookies"].get(WALL_COOKIE, ""))
        if link is None:
            return None
        await sync_to_async(link.note_use)()
        return Ticket(link=link.pk)


def department_asked(query: str) -> int | None:
    """The key in `?department=`; 0, which is no department, where that is no number."""
    asked = parse_qs(query).get("department", [""])[0]
    if not asked:
        return None
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
