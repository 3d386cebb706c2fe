"""The short way from a message to many sockets under Daphne: framed once, the same bytes written to each socket.

Through Channels and Daphne's own reply a send costs several times as much; through Twisted's buffer and a turn of its
loop still three times. And Daphne buffers for a slow client without a bound: here a transport says when it holds more
than it should, and whoever writes leaves it be until it has drained.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


class Wire:
    """One socket's transport. Twisted calls the last three; it does so from 64 KiB on that wait to be sent."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._is_plain = False
        self.is_clogged = False

    def open(self) -> None:
        """From the handshake on: learn of the buffer, in place of the HTTP channel that had the transport before."""
        from twisted.internet.interfaces import IPushProducer  # noqa: PLC0415 - only there under Daphne
        from twisted.internet.tcp import Server  # noqa: PLC0415
        from zope.interface import directlyProvides  # noqa: PLC0415

        directlyProvides(self, IPushProducer)
        self._protocol.transport.unregisterProducer()
        self._protocol.transport.registerProducer(self, True)

        self._is_plain = type(self._protocol.transport) is Server  # under TLS there is more to do than to write

    def framed(self, text: str) -> bytes:
        """A message that may be written to any wire."""
        return bytes(self._protocol.factory.prepareMessage(text.encode()).payloadHybi)

    def write(self, frame: bytes) -> None:
        """Nothing, if the socket is closing."""
        protocol, transport = self._protocol, self._protocol.transport
        if protocol.state != protocol.STATE_OPEN or not transport.connected or transport.disconnecting:
            return
        if self._is_plain and not (transport._tempDataLen or transport.dataBuffer or protocol.send_queue):
            with contextlib.suppress(OSError):  # full, or gone: the transport finds out which
                frame = frame[transport.socket.send(frame) :]
        if frame:
            protocol.sendData(frame)

    def pauseProducing(self) -> None:  # noqa: N802
        self.is_clogged = True

    def resumeProducing(self) -> None:  # noqa: N802
        self.is_clogged = False

    def stopProducing(self) -> None:  # noqa: N802
        self.is_clogged = True


class Flow:
    """The transport of one answer over HTTP: whoever streams a long one waits for room, so nothing heaps up."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._room: asyncio.Event | None = None

    async def room(self) -> None:
        if self._room is None:
            self._open()
        assert self._room is not None
        await self._room.wait()

    def close(self) -> None:
        """Before the answer ends: Twisted takes no end while it is told of the buffer."""
        if self._room is not None and self._request.producer is self and self._request.channel is not None:
            self._request.unregisterProducer()

    def _open(self) -> None:
        from twisted.internet.interfaces import IPushProducer  # noqa: PLC0415 - only there under Daphne
        from zope.interface import directlyProvides  # noqa: PLC0415

        self._room = asyncio.Event()
        self._room.set()
        if self._request.channel is not None and not self._request.producer:
            directlyProvides(self, IPushProducer)
            self._request.registerProducer(self, True)

    def pauseProducing(self) -> None:  # noqa: N802
        assert self._room is not None
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        assert self._room is not None
        self._room.set()

    stopProducing = resumeProducing  # noqa: N815 - the connection is gone, which the answer's task is told otherwise


class GivesFlow:
    """Puts an HTTP answer's Flow into `scope["flow"]`, where the server is Daphne."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if isinstance(send, partial) and "daphne.http_protocol" in sys.modules:
            scope = {**scope, "flow": Flow(send.args[0])}
        return await self.application(scope, receive, send)


class GivesWire:
    """Puts the connection's Wire into `scope["wire"]`, where the server is Daphne."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if isinstance(send, partial) and "daphne.ws_protocol" in sys.modules:
            scope = {**scope, "wire": Wire(send.args[0])}
        return await self.application(scope, receive, send)
