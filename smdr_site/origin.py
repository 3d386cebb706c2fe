"""WebSockets from our own pages only."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[Any]]


class SameOriginOnly:
    """Refuses a WebSocket whose Origin is absent or names another host or port than it was opened on.

    A browser always sends Origin, and a cookie would otherwise ride along from any site.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> Any:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if not host or _host_of(origin) != host.lower():
            await send({"type": "websocket.close", "code": 4403})
            return None
        return await self.application(scope, receive, send)


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # such as http://[
        return ""
