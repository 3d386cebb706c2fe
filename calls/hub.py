"""One process's board sockets: what changed is asked of the database once for each scope, and sent to all its sockets.

The doorbell says when to look; the hub also looks by itself, so that a lost ring costs a second and no more.
"""

import asyncio
import contextlib
import logging
from functools import partial
from typing import Protocol

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.utils import timezone

from calls import panels
from calls.access import Scope
from calls.admission import Door, Ticket
from calls.board import Board, Room
from calls.doorbell import GROUP
from calls.threads import DatabaseThread

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.05
LOOK_SECONDS = 1.0
LOOK_SECONDS_WITHOUT_LAYER = 0.25
FEEDS_EVERY_SECONDS = 1.0
BEAT_SECONDS = 5.0  # in which there is a message though nothing happened: a page takes 8 s of silence for a lost line
ACCESS_EVERY_SECONDS = 5.0
RETRY_SECONDS = 1.0
TELL_SECONDS = 2.0  # so long a viewer may keep the others waiting, once
COUNT_EVERY_SECONDS = 1.0
COUNT_IN_QUIET_SECONDS = 10.0  # figures move with the clock too
COUNT_PART = 4  # of the time: what counting takes, it then rests so many times as long


class Wire(Protocol):
    """The short way to a socket (smdr_site/wire.py)."""

    is_clogged: bool

    def framed(self, text: str) -> bytes: ...

    def write(self, frame: bytes) -> None: ...


class Viewer(Protocol):
    """A socket. Without a wire it is told through the server's own queue."""

    ticket: Ticket
    wire: Wire | None

    async def tell(self, message: str) -> None: ...

    async def dismiss(self) -> None: ...


class BoardHub:
    """Call `join` and `leave` on one event loop. It works only while there are viewers.

    What changed is asked in one thread, what is counted (Today, Queues, Trunks) in another, and who may see what in a
    third: neither waits for the others.
    """

    def __init__(self) -> None:
        self._board = Board()
        self._rooms: dict[Scope, Room] = {}
        self._viewers: dict[Viewer, Room] = {}
        self._behind: set[Viewer] = set()
        self._lock = asyncio.Lock()
        self._rung = asyncio.Event()
        self._looking = DatabaseThread("board")
        self._counting = DatabaseThread("board-count")
        self._door = Door()
        self._tasks: list[asyncio.Task[None]] = []

    async def scope_of(self, ticket: Ticket) -> Scope | None:
        """What its holder may see now; None: nothing, not even an empty board."""
        return await self._door.scope_of(ticket)

    async def join(self, viewer: Viewer, scope: Scope) -> None:
        """Send a snapshot, and from then on every change."""
        async with self._lock:
            self._start()
            try:
                await self._seat(viewer, scope)
            except BaseException:
                self._forget(viewer)
                if not self._viewers:
                    await self._stop()
                raise

    async def leave(self, viewer: Viewer) -> None:
        """The last one out stops the hub: under the lock, or somebody who just joins would sit in the dark."""
        self._forget(viewer)
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
            room = self._viewers.get(viewer)
            if room is not None:
                await self._send(viewer, self._board.snapshot(room))

    async def _seat(self, viewer: Viewer, scope: Scope) -> None:
        room = self._rooms.get(scope)
        if room is None:
            room = self._rooms[scope] = await self._looking.run(self._board.open_room, scope)
            room.panels = room.panels_told = await self._counting.run(self._count_room, room)
        self._viewers[viewer] = room
        await self._send(viewer, self._board.snapshot(room))

    def _forget(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        self._behind.discard(viewer)

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen(), name="board-doorbell"),
                asyncio.create_task(self._look(), name="board-look"),
                asyncio.create_task(self._count(), name="board-count"),
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
        self._behind.clear()
        for thread in (self._looking, self._counting, self._door):
            thread.close()

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
        next_feeds, next_beat = 0.0, loop.time() + BEAT_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._rung.wait()
            self._rung.clear()
            began = loop.time()
            look_at_feeds = began >= next_feeds
            if look_at_feeds:
                next_feeds = began + FEEDS_EVERY_SECONDS
            if began >= next_beat:
                next_beat = began + BEAT_SECONDS
                for room in self._rooms.values():
                    room.owes_message = True
            try:
                await self._tick(look_at_feeds)
            except Exception as error:
                logger.warning("the board cannot be read", extra={"error": f"{type(error).__name__}: {error}"})
                self._rooms_unsure()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(max(TICK_SECONDS - (loop.time() - began), 0))

    async def _tick(self, look_at_feeds: bool) -> None:
        async with self._lock:
            present = {room.scope for room in self._viewers.values()}
            for scope in self._rooms.keys() - present:
                del self._rooms[scope]
            seats: dict[Room, list[Viewer]] = {room: [] for room in self._rooms.values()}
            for viewer, room in self._viewers.items():
                seats[room].append(viewer)
            messages = await self._looking.run(partial(self._board.tick, list(seats), at_feeds=look_at_feeds))
            for room, message in messages.items():
                await self._tell_all(seats[room], message)
            await self._catch_up()

    async def _tell_all(self, viewers: list[Viewer], message: str) -> None:
        """Framed once for all that have a wire. One that is clogged gets a fresh snapshot later, not a backlog."""
        frame = None
        for viewer in viewers:
            wire = viewer.wire
            if wire is None:
                await self._send(viewer, message)
            elif wire.is_clogged or viewer in self._behind:
                self._behind.add(viewer)
            else:
                frame = frame or wire.framed(message)
                wire.write(frame)

    async def _catch_up(self) -> None:
        for viewer in [viewer for viewer in self._behind if viewer.wire and not viewer.wire.is_clogged]:
            self._behind.discard(viewer)
            if viewer in self._viewers:
                await self._send(viewer, self._board.snapshot(self._viewers[viewer]))

    async def _send(self, viewer: Viewer, message: str) -> None:
        """A viewer that is gone, or takes nothing in, is let go: it may come back by itself."""
        if viewer.wire is not None:
            viewer.wire.write(viewer.wire.framed(message))
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await viewer.tell(message)
        except Exception:
            self._forget(viewer)
            await self._dismiss(viewer)

    async def _count(self) -> None:
        """Count each room's figures again: at most once a second, and then only where something may have moved."""
        loop = asyncio.get_running_loop()
        counted: dict[Room, tuple[dict[int, int], int, float]] = {}
        while True:
            began = loop.time()
            for room in list(self._rooms.values()):
                vector, directory, at = counted.get(room, ({}, -1, -COUNT_IN_QUIET_SECONDS))
                if (room.seen, room.directory) == (vector, directory) and began - at < COUNT_IN_QUIET_SECONDS:
                    continue
                now = (room.seen, room.directory, began)
                try:
                    room.panels = await self._counting.run(self._count_room, room)
                except Exception as error:
                    logger.warning("figures cannot be counted", extra={"error": f"{type(error).__name__}: {error}"})
                else:
                    counted[room] = now
                    self._rung.set()
            for room in counted.keys() - set(self._rooms.values()):
                del counted[room]
            await asyncio.sleep(max(COUNT_EVERY_SECONDS, COUNT_PART * (loop.time() - began)))

    @staticmethod
    def _count_room(room: Room) -> panels.Panels:
        return panels.count(room.scope, timezone.now(), room.kept)

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
        """Follow edits of what viewers may see, sign-outs, and revoked links."""
        while True:
            await asyncio.sleep(ACCESS_EVERY_SECONDS)
            seats = {viewer: room.scope for viewer, room in self._viewers.items()}
            try:
                scopes = await self._door.look({viewer.ticket for viewer in seats})
            except Exception as error:
                logger.warning("access cannot be read", extra={"error": f"{type(error).__name__}: {error}"})
                continue
            for viewer, seat in seats.items():
                scope = scopes[viewer.ticket]
                if scope is None:
                    self._forget(viewer)
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
                self._forget(viewer)
                await self._dismiss(viewer)


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
