"""The doorbell: tells web processes that there may be something new. It carries no data and may be missed."""

import asyncio
import contextlib
import logging

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

GROUP = "board"
MESSAGE = {"type": "board.rung"}
RING_SECONDS = 2.0
QUIET_SECONDS = 30.0


class Doorbell:
    """Rings from a task of its own, with a time-out: a dead Redis delays and fails nothing.

    `ring` may be called from any thread; rings that come while one is under way become one.
    """

    def __init__(self) -> None:
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="doorbell")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def ring(self, feed: int, revision: int) -> None:
        """Something of `feed` changed, up to `revision`."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wanted.set)

    async def _run(self) -> None:
        layer = get_channel_layer()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                async with asyncio.timeout(RING_SECONDS):
                    await layer.group_send(GROUP, MESSAGE)
            except Exception as error:
                # whatever the layer raises: boards also look by themselves
                now = asyncio.get_running_loop().time()
                if now >= self._quiet_until:
                    self._quiet_until = now + QUIET_SECONDS
                    logger.warning("the doorbell cannot ring", extra={"error": f"{type(error).__name__}: {error}"})
                await asyncio.sleep(1)
