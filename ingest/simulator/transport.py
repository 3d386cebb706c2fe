"""The simulated PBX's two ways out: Push connects and sends, Local listens and sends to every client.

As with the real thing nothing is acknowledged, and what is sent while nobody is connected is gone.
"""

import asyncio
import contextlib
import errno
import random
import socket
from collections import deque
from collections.abc import Callable
from typing import Protocol

FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 10.0
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""A peer that reads so slowly that this much waits for it is cut off."""

FAREWELL_S = 30.0
"""How long a peer may take to read the rest when the simulator ends."""

Tell = Callable[[str], None]


class Outlet(Protocol):
    """Where lines go."""

    async def open(self) -> None: ...

    async def someone_listens(self) -> None:
        """Waits until a peer has connected."""

    def send(self, lines: bytes) -> None: ...

    async def close(self) -> None:
        """Sends what waits, and lets go."""


class Peer:
    """One connected receiver. Whatever it says is read and thrown away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, lines: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(lines)
        if self._writer.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            self._writer.transport.abort()

    async def gone(self) -> None:
        """Returns when the peer has closed or the connection is lost."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


class Push:
    """Connects to a receiver, and again whenever it is lost; then sends the last `resend` lines once more."""

    def __init__(self, host: str, port: int, *, tell: Tell, resend: int = 0) -> None:
        self._address = (host, port)
        self._tell = tell
        self._sent: deque[bytes] = deque(maxlen=resend)
        self._peer: Peer | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._stay_connected())

    async def someone_listens(self) -> None:
        await self._connected.wait()

    def send(self, lines: bytes) -> None:
        if self._sent.maxlen:
            self._sent.extend(lines.splitlines(keepends=True)[-self._sent.maxlen :])
        if self._peer is not None:
            self._peer.send(lines)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._peer is not None:
            await self._peer.close()

    async def _stay_connected(self) -> None:
        backoff = FIRST_BACKOFF_S
        host, port = self._address
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, port)
            except OSError as error:
                if backoff == FIRST_BACKOFF_S:
                    self._tell(f"Nobody at {host}:{port} yet ({reason(error)}); trying again")
                await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - jitter
                backoff = min(LONGEST_BACKOFF_S, backoff * 2)
                continue
            self._tell(f"Connected to {host}:{port}")
            self._peer = peer = Peer(reader, writer)
            if self._sent:
                peer.send(b"".join(self._sent))
            self._connected.set()
            backoff = FIRST_BACKOFF_S
            await peer.gone()
            self._peer = None
            await peer.close()
            self._tell(f"Lost {host}:{port}; connecting again")
            await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - jitter


class Local:
    """Listens, and sends every line to every client that is connected at the time."""

    def __init__(self, host: str, port: int, *, tell: Tell) -> None:
        self._address = (host, port)
        self._tell = tell
        self._peers: set[Peer] = set()
        self._connected = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        host, port = self._address
        try:
            self._server = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            raise OSError(f"Cannot listen on {host}:{port}: {reason(error)}") from error
        self._tell(f"Listening on {host}:{self.port}")

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        port = self._server.sockets[0].getsockname()[1] if self._server else self._address[1]
        return int(port)

    async def someone_listens(self) -> None:
        await self._connected.wait()

    def send(self, lines: bytes) -> None:
        for peer in self._peers:
            peer.send(lines)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(peer.close() for peer in tuple(self._peers)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._peers.add(peer)
        self._connected.set()
        try:
            await peer.gone()
        finally:
            self._peers.discard(peer)
            await peer.close()


def reason(error: OSError) -> str:
    known = {errno.EADDRINUSE: "the port is in use", errno.ECONNREFUSED: "connection refused"}
    return known.get(error.errno or 0) or error.strerror or str(error)
