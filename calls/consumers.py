"""The board's WebSocket, `/ws/board/`: for signed-in users, from our own pages."""

import asyncio
import json
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from calls.access import Scope, scope_of
from calls.hub import hub

NOT_SIGNED_IN = 4401
LONGEST_MESSAGE = 1_000
RESYNC_EVERY_SECONDS = 0.5


class BoardConsumer(AsyncWebsocketConsumer):
    """Sends a snapshot, then deltas; the one thing it is told is `{"type": "resync"}`."""

    last_resync = float("-inf")

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        seen = await sync_to_async(scope_of)(user)
        await self.accept()
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
        await self.close(NOT_SIGNED_IN)

    def present_access(self) -> Scope | None:
        """As the next request would be answered: a session that ended, expired or lost its password is nobody's."""
        request = HttpRequest()
        request.session = SessionStore(getattr(self.scope.get("session"), "session_key", None))
        user = get_user(request)
        return scope_of(user) if user.pk == self.scope["user"].pk else None
