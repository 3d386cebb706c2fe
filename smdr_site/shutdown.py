"""What begins and ends with the server. Daphne has no lifespan events; its reactor has shutdown triggers."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from calls.hub import close_hub
from smdr_site.settling import settle

Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


class EndsWithTheServer:
    """Under Daphne, ends what its connections have running before the event loop stops.

    Daphne cancels them and does not wait; coroutines still suspended when the interpreter ends have crashed it.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._running: set[asyncio.Task[Any]] = set()
        if "twisted.internet.reactor" in sys.modules:
            from twisted.internet import defer, reactor  # noqa: PLC0415 - importing it installs a reactor

            def end() -> "defer.Deferred[None]":
                return defer.Deferred.fromFuture(asyncio.ensure_future(self.end()))

            reactor.addSystemEventTrigger("before", "shutdown", end)
            reactor.callWhenRunning(settle)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await self.application(scope, receive, send)
        finally:
            self._running.discard(task)

    async def end(self) -> None:
        await close_hub()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
