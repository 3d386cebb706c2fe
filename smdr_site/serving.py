"""Daphne with the ingest worker on its event loop: one process for a small site."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from daphne.server import Server
from twisted.internet import defer, reactor


class SiteServer(Server):
    """Runs `beside` on the reactor's loop from the start, and lets it finish before the process ends.

    `beside` is given an event that is set when the server is to stop. `on_listening` is told the address.
    """

    def __init__(
        self,
        application: object,
        host: str,
        port: int,
        beside: Callable[[asyncio.Event], Awaitable[None]],
        on_listening: Callable[[str, int], None],
    ) -> None:
        interface = host.replace(":", r"\:")
        super().__init__(
            application,
            endpoints=[f"tcp:port={port}:interface={interface}"],
            ready_callable=self._ready,
            application_close_timeout=5,
            server_name="tollbook",
            verbosity=0,
        )
        self.failure = ""
        self._beside = beside
        self._on_listening = on_listening
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def _ready(self) -> None:
        loop = asyncio.get_event_loop()

        async def beside() -> None:
            await self._beside(self._stopping)

        self._task = loop.create_task(beside())
        self._task.add_done_callback(self._beside_ended)
        reactor.addSystemEventTrigger("before", "shutdown", self._finish)

    def _beside_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._stopping.is_set():
            self.failure = str(error)
            self.stop()

    def _finish(self) -> defer.Deferred[None]:
        self._stopping.set()

        async def wait() -> None:
            if self._task is not None:
                with contextlib.suppress(Exception):
                    await self._task

        return defer.Deferred.fromFuture(asyncio.ensure_future(wait()))

    def listen_success(self, port: object) -> None:
        super().listen_success(port)
        if self.listening_addresses:
            self._on_listening(*self.listening_addresses[-1])

    def listen_error(self, failure: object) -> None:
        message = getattr(failure, "getErrorMessage", lambda: str(failure))()
        self.failure = f"Cannot listen: {message}"
        super().listen_error(failure)
