"""A PBX that sends given lines at a steady rate by Push, Local or both, and remembers when it sent what to whom."""

import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

AT_ONCE = float("inf")
TICK_SECONDS = 0.01
MOST_LINES_AT_ONCE = 2_000
CONNECT_EVERY_SECONDS = 0.02
SEND_SECONDS = 5.0


class Pbx:
    """A line is sent at its time to whoever is connected then, and never again: without a connection it is gone.

    After each loss of a connection the last `resend` lines are sent again on the next, as some peers do.
    """

    def __init__(
        self, lines: Sequence[bytes], rate: float, *, push_port: int = 0, local: bool = False, resend: int = 0
    ) -> None:
        self.lines = lines
        self.rate = rate
        self.resend = resend
        self.sent_at: list[float | None] = []  # None: nobody was connected
        self.connected_at: list[float] = []
        self._push_port = push_port
        self._push: socket.socket | None = None
        self._next_try = 0.0
        self._peers: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.local_port = 0
        if local:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self._listener.setblocking(False)
            self.local_port = int(self._listener.getsockname()[1])
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for peer in [*self._peers, self._push, self._listener]:
            if peer is not None:
                peer.close()

    @property
    def is_connected(self) -> bool:
        return self._push is not None or bool(self._peers)

    @property
    def has_sent_all(self) -> bool:
        return len(self.sent_at) == len(self.lines)

    def stop(self) -> None:
        """Send no more; connections stay until the end."""
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._enough.is_set() and len(self.sent_at) < len(self.lines):
            self._connect()
            due = self._due(time.monotonic() - began)
            group = self.lines[len(self.sent_at) : due]
            if group:
                data = b"".join(line + b"\r\n" for line in group)
                now = time.time()
                reached = [self._send(peer, data) for peer in list(self._peers)]
                if self._push is not None:
                    reached.append(self._send(self._push, data))
                self.sent_at += [now if any(reached) else None] * len(group)
            self._enough.wait(TICK_SECONDS)

    def _due(self, seconds: float) -> int:
        """How many lines are to be sent by now; at once means as soon as somebody listens."""
        if self.rate == AT_ONCE:
            return min(len(self.sent_at) + MOST_LINES_AT_ONCE * self.is_connected, len(self.lines))
        return min(int(seconds * self.rate), len(self.lines))

    def _connect(self) -> None:
        if self._listener is not None:
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                pass
            else:
                self._welcome(peer)
                self._peers.append(peer)
        now = time.monotonic()
        if self._push_port and self._push is None and now >= self._next_try:
            self._next_try = now + CONNECT_EVERY_SECONDS
            try:
                self._push = socket.create_connection(("127.0.0.1", self._push_port), timeout=SEND_SECONDS)
            except OSError:
                return
            self._welcome(self._push)

    def _welcome(self, peer: socket.socket) -> None:
        peer.settimeout(SEND_SECONDS)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent has left, and is not kept back
        self.connected_at.append(time.time())
        again = self.lines[max(len(self.sent_at) - self.resend, 0) : len(self.sent_at)] if self.resend else []
        if again:
            self._send(peer, b"".join(line + b"\r\n" for line in again))

    def _send(self, peer: socket.socket, data: bytes) -> bool:
        try:
            peer.sendall(data)
        except OSError:
            peer.close()
            if peer is self._push:
                self._push = None
            else:
                self._peers.remove(peer)
            return False
        return True
