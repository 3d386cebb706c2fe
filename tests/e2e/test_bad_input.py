"""What is no line is kept with its reason, its neighbours are unharmed; wrong usage gets one clear line."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.installation import Installation, until

EXAMPLES = (Path(__file__).parent.parent / "data" / "examples.smdr").read_bytes().splitlines()


@pytest.fixture
def office(install: Callable[..., Installation]) -> Installation:
    return install()


def test_strange_bytes_on_a_socket(install: Callable[..., Installation]) -> None:
    office = install(INGEST_ODD_LINES_PER_SECOND="1000000")  # else the ten million bytes take two minutes
    good = EXAMPLES[:4]
    strange = [
        (good[0][:-1] + b"\r\n", "wrong_length"),
        (good[0][:30] + b"\0" + good[0][31:] + b"\r\n", "nul_byte"),
        (b"\xff\xfd\x01\xff\xfd\x03\r\n", "looks_like_telnet"),
        (b"GET / HTTP/1.1\r\n", "looks_like_http"),
        (b"x" * 10_000_000 + b"\r\n", "overlong"),
    ]
    with office.running("ingest", "--push", "127.0.0.1:0", "--feed", "Office") as worker:
        port = int(worker.wait_for_words(r"Listening on 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port)) as peer:
            for line, (bad, _) in zip(good, strange, strict=False):
                peer.sendall(line + b"\r\n" + bad)
            peer.sendall(strange[4][0])
            peer.sendall(good[3][:80])  # half a line at the end of the connection
        until(lambda: office.status()["quarantined"] == 6, worker)
        assert worker.terminate() == 0
    status = office.status()
    assert (status["accepted"], status["events"], status["quarantined"]) == (10, 4, 6)
    reasons = office.manage(
        "shell", "-v0", "-c",
        "from ingest.models import QuarantinedLine as Q; print(*Q.objects.values_list('reason', flat=True))",
    ).split()  # fmt: skip
    assert sorted(reasons) == sorted([reason for _, reason in strange] + ["unterminated"])


def is_closed(peer: socket.socket) -> bool:
    """Whether the other side ends the connection, within a minute; it never says anything."""
    peer.settimeout(60)
    try:
        return peer.recv(1) == b""
    except ConnectionError:
        return True


def test_limits_of_peers_come_from_the_environment(install: Callable[..., Installation]) -> None:
    """Over a real worker: one connection a peer, a short line, and an unended line that is soon let go."""
    office = install(
        INGEST_CONNECTIONS_PER_PEER="1", INGEST_LINE_BYTES="300", INGEST_UNENDED_LINE_SECONDS="1"
    )  # fmt: skip
    own_record = b"TLC 11202 94003 961-9000   08:36 00:00:03 $00.00\r\n"
    said = [
        (b"x" * 301 + b"\r\n", "overlong"),
        (len(own_record).to_bytes(4, "little") + own_record, "looks_like_pbx_smdr"),
        (b"\x1b[2J\xe2\x80\xae forged\r\n", "wrong_length"),
        (b"login: ", "looks_like_prompt"),  # never ended: the worker closes the connection
    ]
    with office.running("ingest", "--push", "127.0.0.1:0", "--feed", "Office") as worker:
        port = int(worker.wait_for_words(r"Listening on 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"".join(line for line, _ in said))
            with socket.create_connection(("127.0.0.1", port)) as second:
                assert is_closed(second)
            assert is_closed(peer)
        until(lambda: office.status()["quarantined"] == 4, worker)
        assert worker.terminate() == 0
        assert "it has 1 connections" in worker.written()
        assert "no line end for 1 s" in worker.written()
        assert not set(worker.written()) & {"\x1b", "\u202e"}
    reasons = office.manage(
        "shell", "-v0", "-c",
        "from ingest.models import QuarantinedLine as Q; print(*Q.objects.values_list('reason', flat=True))",
    ).split()  # fmt: skip
    assert sorted(reasons) == sorted(reason for _, reason in said)


@pytest.mark.parametrize("value", ["none", "0", "-3", "99999999999999999999", "1.5", "٣"])
def test_a_limit_that_is_no_number_ends_the_start_with_one_line(tmp_path: Path, value: str) -> None:
    office = Installation(tmp_path, {"INGEST_CONNECTIONS_PER_FEED": value})
    said = office.manage("ingest_status", expect=1)
    assert said.strip() == f"INGEST_CONNECTIONS_PER_FEED is {value!r}; it must be a whole number from 1 to 10000."


def test_an_unknown_event_is_stored_and_changes_nothing(office: Installation, tmp_path: Path) -> None:
    lines = EXAMPLES[1:5]
    file = tmp_path / "lines.smdr"
    file.write_bytes(b"\r\n".join(lines) + b"\r\n")
    office.load(file)
    before = office.calls()[0]
    odd = lines[2].replace(b"CALLMODIFIED", b"CAMPED ON   ")
    file.write_bytes(odd.replace(b"01:20:43", b"01:20:44") + b"\r\n")
    assert office.load(file)["events"] == 1
    after = office.calls()[0]
    assert "unknown_event" in after["flags"]
    assert {**after, "flags": []} == {**before, "flags": []}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ingest", "--push", "nonsense"], 2, "is not an address"),
        (["ingest", "--file", "absent.smdr", "--feed", "Office"], 1, "There is no file absent.smdr."),
        (["ingest", "--file", "absent.smdr"], 2, "--file needs --feed"),
        (["ingest", "--clock", "13"], 2, "invalid choice"),
        (["export_calls", "--since", "yesterday"], 2, "is not a date"),
        (["export_calls", "--feed", "Nobody"], 1, "There is no feed named"),
        (["report", "nonsense"], 2, "invalid choice"),
        (["rebuild", "--feed", "Nobody"], 1, "There is no feed named"),
        (["serve", "--port", "70000"], 2, "is not a port"),
    ],
)
def test_wrong_usage_is_one_clear_line(office: Installation, arguments: list[str], code: int, words: str) -> None:
    said = office.manage(*arguments, expect=code)
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_a_port_in_use(office: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments in (["ingest", "--push", f"127.0.0.1:{port}"], ["serve", "--port", str(port)]):
            said = office.manage(*arguments, expect=1)
            assert f"{port}" in said.splitlines()[-1]
            assert "in use" in said.splitlines()[-1]


def test_an_unreachable_database(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path, {"DATABASE_URL": "postgres://tollbook@127.0.0.1:1/none"})
    for arguments in (["ingest_status"], ["export_calls"], ["ingest", "--file", __file__, "--feed", "Office"]):
        said = nowhere.manage(*arguments, expect=1)
        assert said.startswith("Error: The database does not answer")
        assert len(said.strip().splitlines()) == 1
