"""One process's board sockets: what changed is asked of the database once for each scope, and sent to all its sockets.

The doorbell says when to look; the hub also looks by itself, so that a lost ring costs a second and no more.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import close_old_connections, connections

from calls.access import Scope
from calls.board import Board, Room
from calls.doorbell import GROUP

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.05
LOOK_SECONDS = 1.0
LOOK_SECONDS_WITHOUT_LAYER = 0.25
FEEDS_EVERY_SECONDS = 1.0
ACCESS_EVERY_SECONDS = 5.0
RETRY_SECONDS = 1.0
TELL_SECONDS = 2.0  # so long a viewer may keep the others waiting, once


class Viewer(Protocol):
    """A socket."""

    async def tell(self, message: str) -> None: ...

    def present_access(self) -> Scope | None:
        """What the viewer may see now, read in the database's thread; None when signed out."""
        ...

    async def dismiss(self) -> None: ...


class BoardHub:
    """Call `join` and `leave` on one event loop. It works only while there are viewers."""

    def __init__(self) -> None:
        self._board = Board()
        self._rooms: dict[Scope, Room] = {}
        self._viewers: dict[Viewer, Scope] = {}
        self._lock = asyncio.Lock()
        self._rung = asyncio.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, viewer: Viewer, scope: Scope) -> None:
        """Send a snapshot, and from then on every change."""
        async with self._lock:
            self._start()
            try:
                await self._seat(viewer, scope)
            except BaseException:
                self._viewers.pop(viewer, None)
                if not self._viewers:
                    await self._stop()
                raise

    async def leave(self, viewer: Viewer) -> None:
        """The last one out stops the hub: under the lock, or somebody who just joins would sit in the dark."""
        self._viewers.pop(viewer, None)
        if not self._viewers:
            async with self._lock:
                if not self._viewers:
                    await self._stop()

    async def close(self) -> None:
        """Stop for good, before the event loop does: what is left waiting on it then can crash the interpreter."""
        self._viewers.clear()
        async with self._lock:
            await self._stop()

    async def resync(self, viewer: Viewer) -> None:
        async with self._lock:
            scope = self._viewers.get(viewer)
            if scope is not None:
                await viewer.tell(await self._in_thread(self._board.snapshot, self._rooms[scope]))

    async def _seat(self, viewer: Viewer, scope: Scope) -> None:
        room = self._rooms.get(scope)
        if room is None:
            room = self._rooms[scope] = await self._in_thread(self._board.open_room, scope)
        self._viewers[viewer] = scope
        await viewer.tell(await self._in_thread(self._board.snapshot, room))

    def _start(self) -> None:
        if not self._tasks:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="board")
            self._tasks = [
                asyncio.create_task(self._listen(), name="board-doorbell"),
                asyncio.create_task(self._look(), name="board-look"),
                asyncio.create_task(self._check_access(), name="board-access"),
            ]

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._rooms.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)

    async def _listen(self) -> None:
        """Hear the doorbell, for as long as there is a layer that carries it."""
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                try:
                    while True:
                        await layer.receive(channel)
                        self._rung.set()
                finally:
                    await layer.group_discard(GROUP, channel)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                logger.warning("the doorbell cannot be heard", extra={"error": f"{type(error).__name__}: {error}"})
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        alone = isinstance(get_channel_layer(), InMemoryChannelLayer)
        pause = LOOK_SECONDS_WITHOUT_LAYER if alone else LOOK_SECONDS
        next_feeds = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._rung.wait()
            self._rung.clear()
            began = loop.time()
            look_at_feeds = began >= next_feeds
            if look_at_feeds:
                next_feeds = began + FEEDS_EVERY_SECONDS
            try:
                await self._tick(look_at_feeds)
            except Exception as error:
                logger.warning("the board cannot be read", extra={"error": f"{type(error).__name__}: {error}"})
                self._rooms_unsure()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(max(TICK_SECONDS - (loop.time() - began), 0))

    async def _tick(self, look_at_feeds: bool) -> None:
        async with self._lock:
            present = set(self._viewers.values())
            for scope in self._rooms.keys() - present:
                del self._rooms[scope]
            for scope, room in self._rooms.items():
                message = await self._in_thread(partial(self._board.advance, room, look_at_feeds=look_at_feeds))
                if message is not None:
                    for viewer in [viewer for viewer, seat in self._viewers.items() if seat == scope]:
                        await self._tell(viewer, message)

    async def _tell(self, viewer: Viewer, message: str) -> None:
        """A viewer that is gone, or takes nothing in, is let go: it may come back by itself."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await viewer.tell(message)
        except Exception:
            self._viewers.pop(viewer, None)
            await self._dismiss(viewer)

    async def _dismiss(self, viewer: Viewer) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(TELL_SECONDS):
                await viewer.dismiss()

    def _rooms_unsure(self) -> None:
        """After a failed look a room may have been half told: its next number is skipped, so that viewers resync."""
        for room in self._rooms.values():
            room.seq += 1
            room.owes_message = True

    async def _check_access(self) -> None:
        """Follow edits of what viewers may see, and sign-outs."""
        while True:
            await asyncio.sleep(ACCESS_EVERY_SECONDS)
            for viewer, seat in list(self._viewers.items()):
                try:
                    scope = await self._in_thread(viewer.present_access)
                except Exception as error:
                    logger.warning("access cannot be read", extra={"error": f"{type(error).__name__}: {error}"})
                    break
                if scope is None:
                    self._viewers.pop(viewer, None)
                    await self._dismiss(viewer)
                elif scope != seat:
                    await self._move(viewer, scope)

    async def _move(self, viewer: Viewer, scope: Scope) -> None:
        """Into the room of another scope. What cannot be moved is let go, for its old room is no longer its own."""
        async with self._lock:
            if viewer not in self._viewers:
                return
            try:
                await self._seat(viewer, scope)
            except Exception as error:
                logger.warning("a viewer could not be moved", extra={"error": f"{type(error).__name__}: {error}"})
                self._viewers.pop(viewer, None)
                await self._dismiss(viewer)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        def run() -> Any:
            close_old_connections()
            return work(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


_hubs: dict[asyncio.AbstractEventLoop, BoardHub] = {}


async def close_hub() -> None:
    """Stop this event loop's hub, if it has one."""
    known = _hubs.pop(asyncio.get_running_loop(), None)
    if known is not None:
        await known.close()


def hub() -> BoardHub:
    """This event loop's hub."""
    loop = asyncio.get_running_loop()
    for other in [known for known in _hubs if known.is_closed()]:
        del _hubs[other]
    if loop not in _hubs:
        _hubs[loop] = BoardHub()
    return _hubs[loop]
