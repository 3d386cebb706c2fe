"""A feed is a row: what people change there, the running worker does, and a peer that goes away is found again."""

import contextlib
import socket
from collections.abc import Callable

from tests.e2e.installation import Installation, add_feed, until
from tests.ingest.lines import smdr_line
from tests.services import free_port


def edit(installation: Installation, change: str) -> None:
    code = f"from calls.directory.models import Feed; feed = Feed.objects.get(); {change}; feed.save()"
    installation.manage("shell", "-v0", "-c", code)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_an_edit_takes_effect_without_a_restart(install: Callable[..., Installation]) -> None:
    office = install()
    first, second = free_port(), free_port()
    add_feed(office, f"push_enabled=True, push_port={first}")
    with office.running("ingest") as worker:
        until(lambda: listens(first), worker)
        edit(office, f"feed.push_port = {second}")
        until(lambda: listens(second), worker)
        assert not listens(first)
        with socket.create_connection(("127.0.0.1", second)) as pbx:
            pbx.sendall(smdr_line() + b"\r\n")
            until(lambda: office.status()["events"] == 1, worker)
            edit(office, "feed.active = False")
            until(lambda: pbx.recv(1) == b"", worker)  # closed, and nothing was ever sent
        until(lambda: not listens(second), worker)
        assert worker.terminate() == 0


def test_local_connects_again_when_the_peer_is_back(install: Callable[..., Installation]) -> None:
    office = install()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.settimeout(60)
        add_feed(office, f"local_enabled=True, local_host='127.0.0.1', local_port={port}")
        with office.running("ingest") as worker:
            for number in range(3):
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(smdr_line(call_id=f"20120309004659{number:08}") + b"\r\n")
                    until(lambda number=number: office.status()["events"] == number + 1, worker)
            assert worker.terminate() == 0
    assert len(office.calls()) == 3
