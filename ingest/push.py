"""Push mode: the Communication Service connects to us, and only allowed peers may."""

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from operator import itemgetter

from ingest.peer_log import PeerLog
from ingest.receiver import BUFFER_BYTES, FINISH_SECONDS, FeedSink, Limits, Peer, finish, peer_of, receive

logger = logging.getLogger(__name__)

BACKLOG = 512  # connections that may wait to be taken or refused: a flood of them must not delay the good one

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class PushListener:
    """Listens on one address for one feed. `allowed` empty means this machine only."""

    def __init__(
        self, host: str, port: int, allowed: tuple[Network, ...], sink: FeedSink, limits: Limits | None = None
    ) -> None:
        self.host, self.port = host, port
        self.limits = limits or Limits()
        self._allowed = allowed or LOOPBACK
        self._sink = sink
        self._server: asyncio.Server | None = None
        self._is_stopping = False
        self._open: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, str, Peer]] = {}  # with the address
        self._of_peer: Counter[str] = Counter()
        self._log = PeerLog(logger, self.limits.log_lines_per_minute)

    async def start(self) -> None:
        """Bind and accept. Raises OSError with a clear message if the address cannot be had."""
        try:
            self._server = await asyncio.start_server(
                self._accept, self.host, self.port, limit=BUFFER_BYTES, backlog=BACKLOG
            )
        except OSError as error:
            reason = "the port is in use" if error.errno == 98 else (error.strerror or str(error))
            raise OSError(error.errno, f"Cannot listen on {self.host}:{self.port}: {reason}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop accepting, and take in what has arrived on open connections."""
        self._is_stopping = True
        if self._server is not None:
            self._server.close()
        for writer, _, peer in self._open.values():
            finish(writer, peer)
        if self._open:
            await asyncio.wait(list(self._open), timeout=FINISH_SECONDS)
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(list(self._open))

    def is_allowed(self, address: str) -> bool:
        peer = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        return any(peer.version == network.version and peer in network for network in self._allowed)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")
        address = name[0] if name else ""
        if self._is_stopping:  # taken by the system, and not yet by us: its journal may be closed by now
            writer.transport.abort()
            return
        refusal = self._refusal(address)
        if refusal:
            self._sink.refused += 1
            self._log.tell(
                logging.WARNING, "a peer was refused", peer=address, why=refusal, refused_so_far=self._sink.refused
            )
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        peer = peer_of(writer, "push")
        self._open[task] = (writer, address, peer)
        self._of_peer[address] += 1
        try:
            why = await receive(reader, writer, self._sink, peer, self.limits)
            self._log.tell(logging.INFO, "a peer's connection ended", peer=address, why=why)
        except asyncio.CancelledError:
            pass
        finally:
            del self._open[task]
            self._of_peer[address] -= 1
            if not self._of_peer[address]:
                del self._of_peer[address]

    def _refusal(self, address: str) -> str:
        if not address or not self.is_allowed(address):
            return "not among the allowed peers"
        if len(self._open) >= self.limits.max_connections:
            return f"{self.limits.max_connections} connections are open"
        if self._of_peer[address] >= self.limits.max_connections_per_peer and not self._makes_way(address):
            return f"it has {self.limits.max_connections_per_peer} connections"
        return ""

    def _makes_way(self, address: str) -> bool:
        """End the connection of `address` that has been silent longest: a network that failed leaves some half open."""
        known = [(peer.heard_at, writer, peer) for writer, of, peer in self._open.values() if of == address]
        heard_at, writer, peer = min(known, key=itemgetter(0))
        if time.monotonic() - heard_at < self.limits.silent_gives_way_seconds:
            return False
        finish(writer, peer)
        self._log.tell(logging.WARNING, "a silent connection gave way to a new one", peer=address)
        return True
