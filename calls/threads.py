"""A thread that keeps its connection to the database: to open one costs more than most looks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


class DatabaseThread:
    """Does one thing after the other. It starts with the first, and again after `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Whatever fails may have been the connection: the next look opens another."""

        def run() -> Any:
            try:
                return work(*arguments)
            except Exception:
                connections.close_all()
                raise

        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.submit(connections.close_all)
            self._pool.shutdown(wait=False)
            self._pool = None
