"""One task for each active connection of a feed, kept as the feed's row says: an edit needs no restart."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.local import Backoff, LocalClient, waits
from ingest.push import Network, PushListener
from ingest.receiver import FeedSink, Limits

logger = logging.getLogger(__name__)


class Endpoint(NamedTuple):
    """One way lines come in: `push` listens on the address, `local` connects to it."""

    mode: str
    host: str
    port: int
    allowed: tuple[Network, ...] = ()


@dataclass(slots=True)
class _Running:
    task: asyncio.Task[None]
    transport: PushListener | LocalClient
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # a listener listens, or has failed once
    error: str = ""


@dataclass(slots=True)
class FeedConnections:
    """The connections of one feed. `apply` starts and stops just what changed."""

    sink: FeedSink
    limits: Limits = field(default_factory=Limits)
    _running: dict[Endpoint, _Running] = field(default_factory=dict)

    async def apply(self, wanted: set[Endpoint]) -> None:
        await asyncio.gather(*(self._stop(endpoint) for endpoint in self._running.keys() - wanted))
        for endpoint in wanted - self._running.keys():
            self._start(endpoint)

    async def stop(self) -> None:
        await self.apply(set())

    async def settled(self) -> None:
        """Wait until every listener listens or says why it cannot."""
        for running in list(self._running.values()):
            await running.settled.wait()

    @property
    def error(self) -> str:
        """What keeps a connection from working, in one line; empty if nothing does."""
        errors = [self.sink.journal.error]
        for running in self._running.values():
            transport = running.transport
            errors.append(running.error or (transport.error if isinstance(transport, LocalClient) else ""))
        return " ".join(error for error in errors if error)

    @property
    def listening(self) -> list[tuple[str, int]]:
        """The addresses on which it listens, with the ports it was given."""
        return [
            (running.transport.host, running.transport.port)
            for running in self._running.values()
            if isinstance(running.transport, PushListener) and not running.error and running.transport.port
        ]

    def _start(self, endpoint: Endpoint) -> None:
        transport: PushListener | LocalClient
        if endpoint.mode == "push":
            transport = PushListener(endpoint.host, endpoint.port, endpoint.allowed, self.sink, self.limits)
        else:
            transport = LocalClient(endpoint.host, endpoint.port, self.sink, self.limits)
        running = _Running(asyncio.create_task(asyncio.sleep(0)), transport)
        running.task = asyncio.create_task(self._keep(running), name=f"{endpoint.mode} {endpoint.host}:{endpoint.port}")
        self._running[endpoint] = running

    async def _stop(self, endpoint: Endpoint) -> None:
        running = self._running.pop(endpoint)
        await running.transport.stop()
        running.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running.task

    async def _keep(self, running: _Running) -> None:
        """Run a transport until cancelled; a listener whose address cannot be had is tried again."""
        transport = running.transport
        if isinstance(transport, LocalClient):
            running.settled.set()
            await transport.run()
            return
        backoff: Backoff = waits()
        try:
            while True:
                try:
                    await transport.start()
                except OSError as error:
                    running.error = error.strerror or str(error)
                    running.settled.set()
                    logger.error("a listener could not start", extra={"error": running.error})
                    await asyncio.sleep(backoff.next_seconds())
                    continue
                running.error = ""
                running.settled.set()
                logger.info("listening", extra={"host": transport.host, "port": transport.port})
                await asyncio.Event().wait()
        finally:
            await transport.stop()
