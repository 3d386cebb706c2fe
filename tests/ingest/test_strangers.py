import ssl
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.framing import LineFramer
from ingest.smdr import MalformedLine, parse
from ingest.strangers import HTTP, OWN_SMDR, STARTS, recognise
from tests.ingest.lines import smdr_line

# A record of the PBX's own port, as its programming guide prints it: 80 columns and CR LF, before them 82 as four bytes
OWN_RECORD = (
    b"TLC 11202 94003 961-9000" + b" " * 25 + b"08:36 00:00:03 $00.00" + b" " * 10 + b"\r\n"
)  # fmt: skip


TLS_CLIENT = ssl.create_default_context()


def tls_hello() -> bytes:
    """What a real TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = TLS_CLIENT.wrap_bio(incoming, outgoing, server_hostname="smdr.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def own_port(*records: bytes, width: int = 4, order: str = "little") -> bytes:
    return b"".join(len(record).to_bytes(width, order) + record for record in records)


def reasons(stream: bytes) -> list[str]:
    """Of each line of a connection's bytes, as the loader would have it."""
    framer = LineFramer()
    found = []
    for line, fault in framer.feed(stream) + framer.close():
        stranger = recognise(line)
        if fault:
            found.append(stranger.reason if stranger else "")
            continue
        try:
            parse(line)
            found.append("event")
        except MalformedLine as error:
            found.append(error.reason)
    return found


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("order", ["little", "big"])
def test_the_pbxs_own_port_is_recognised(width, order):
    record = own_port(OWN_RECORD, width=width, order=order)
    assert reasons(record * 3) == ["looks_like_pbx_smdr"] * 3
    assert reasons(record[:-2]) == ["looks_like_pbx_smdr"]  # cut by the end of the connection
    assert reasons(record[:40]) == ["looks_like_pbx_smdr"]
    without_ends = own_port(OWN_RECORD[:-2], OWN_RECORD[:-2], width=width, order=order)
    assert reasons(without_ends) == ["looks_like_pbx_smdr"]
    assert OWN_SMDR.detail.startswith(
        "This looks like the PBX's own SMDR port, not the Communication Service."
    )  # fmt: skip


def test_a_login_answer_before_the_records_of_the_pbxs_own_port():
    assert reasons(own_port(b"\0\0") + own_port(OWN_RECORD)) == ["looks_like_pbx_smdr"]
    assert reasons(b"\0\0\0\0" + own_port(OWN_RECORD)) == ["looks_like_pbx_smdr"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "looks_like_http"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "looks_like_ssh"),
        (b"220 mail.example ESMTP\r\n", "looks_like_banner"),
        (b"* OK IMAP4rev1 ready\r\n", "looks_like_banner"),
        (b"login: ", "looks_like_prompt"),
        (b"Password:", "looks_like_prompt"),
        (b"\xff\xfb\x01\xff\xfb\x03Username: ", "looks_like_telnet"),
        (b"Mitel 5000 login: ", "looks_like_prompt"),
        (b"<134>Nov 25 10:00:00 router link up\r\n", "looks_like_syslog"),
        ("2012-03-09 12:46:59 |OUT| 20120309".encode("utf-16"), "looks_like_utf_16"),
        ("2012-03-09 12:46:59 |OUT| 20120309".encode("utf-16-be"), "looks_like_utf_16"),
    ],
)
def test_who_else_may_be_talking(said, reason):
    assert reasons(said) == [reason]


def test_a_tls_clients_hello_is_recognised_whatever_line_ends_it_holds():
    for _ in range(20):
        hello = tls_hello()
        first = hello.split(b"\n")[0]
        assert reasons(first + b"\n")[0] == "looks_like_tls"
        assert reasons(hello)[0] == "looks_like_tls"
        assert "event" not in reasons(hello)


def test_an_event_is_no_stranger():
    assert recognise(smdr_line()) is None
    assert recognise(smdr_line(contact_name="Password:")) is None
    assert recognise(smdr_line(padding=" ")) is None


def test_every_detail_fits_its_column_and_says_what_to_do():
    strangers = {stranger for _, stranger in STARTS} | {OWN_SMDR, HTTP}
    assert all(len(stranger.detail) <= 200 and len(stranger.reason) <= 40 for stranger in strangers)
    assert all(stranger.detail.endswith((".", "?")) for stranger in strangers)


@given(st.binary(max_size=400))
def test_any_bytes_are_looked_at_without_harm(line):
    stranger = recognise(line)
    assert stranger is None or stranger.reason.startswith("looks_")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)), st.text("ABCdef ghi|0123:<>", max_size=14))
def test_no_sound_line_looks_like_a_stranger(moment, name):
    assert recognise(smdr_line(stamp=f"{moment:%Y-%m-%d %H:%M:%S}", contact_name=name)) is None
