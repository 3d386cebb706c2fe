from calendar import monthrange
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calls.records import EventName, Flag
from ingest.smdr import MalformedLine, ParsedLine, parse
from tests.examples import examples
from tests.ingest.lines import DOCUMENT_EXAMPLE, smdr_line

ID = "2012030913204052070264"


def replaced(line: bytes, place: int, put: bytes) -> bytes:
    return line[:place] + put + line[place + len(put) :]


def reason_for(line: bytes, padding: str = "0") -> str:
    with pytest.raises(MalformedLine) as refused:
        parse(line, padding)
    assert refused.value.detail.endswith((".", "?"))
    return refused.value.reason


def test_the_documents_outgoing_call():
    assert parse(DOCUMENT_EXAMPLE) == ParsedLine(
        stamp="2012-03-09 12:46:59",
        call_id="2012030900465982190047",
        name="RINGING",
        direction="out",
        trunk="92808",
        extension="1843",
        source_extension="",
        number_raw="0000079XXXXXXXX",
        number="79XXXXXXXX",
        contact_name="",
        did="",
        did_name="",
        account_code="",
        flags=0,
    )


def test_every_element_of_an_incoming_call():
    line = smdr_line(
        stamp="2012-03-09 01:31:27", direction="IN", call_id=ID, trunk="92108", extension="2560",
        source_extension="1843", number="447700900123", contact_name="CHRIS R MOBILE", did="441614960001",
        did_name="CHRIS DID", account_code="4711", event="TRANSFERRED",
    )  # fmt: skip

    assert parse(line) == ParsedLine(
        stamp="2012-03-09 01:31:27",
        call_id=ID,
        name="TRANSFERRED",
        direction="in",
        trunk="92108",
        extension="2560",
        source_extension="1843",
        number_raw="000447700900123",
        number="447700900123",
        contact_name="CHRIS R MOBILE",
        did="441614960001",
        did_name="CHRIS DID",
        account_code="4711",
        flags=0,
    )


def test_an_outgoing_line_may_leave_the_did_name_out():
    with_blanks = smdr_line(direction="OUT", did="", account_code="4711", event="HOLD")
    left_out = smdr_line(direction="OUT", did="", did_name=None, account_code="4711", event="HOLD")

    assert (len(with_blanks), len(left_out)) == (162, 149)
    assert parse(left_out) == parse(with_blanks)
    assert parse(left_out).account_code == "4711"


@pytest.mark.parametrize("place", [19, 25, 48, 56, 64, 72, 88, 105, 121, 134])
def test_the_shorter_line_has_its_spaces_too(place):
    assert reason_for(replaced(smdr_line(direction="OUT", did_name=None), place, b"x")) == "bad_layout"


def test_an_incoming_line_may_not():
    assert reason_for(smdr_line(direction="IN", did_name=None)) == "wrong_length"


def test_an_outgoing_line_may_carry_a_did_name():
    assert parse(smdr_line(direction="OUT", did_name="SALES")).did_name == "SALES"


def test_a_name_with_a_bar_in_it_is_taken_by_position():
    line = smdr_line(contact_name="Pike|Rowe | LL", did_name="a | b")

    assert (parse(line).contact_name, parse(line).did_name) == ("Pike|Rowe | LL", "a | b")


@pytest.mark.parametrize(
    ("padding", "number", "raw", "read"),
    [
        ("0", "", "000000000000000", ""),
        ("0", "07700900123", "000007700900123", "7700900123"),
        ("0", "00", "000000000000000", ""),
        ("0", "112125550123000", "112125550123000", "112125550123000"),
        ("0", "10", "000000000000010", "10"),
        (" ", "", " " * 15, ""),
        (" ", "07700900123", "    07700900123", "07700900123"),
        (" ", "0", "              0", "0"),
        ("*", "0077", "***********0077", "0077"),
        ("X", "XXXX", "X" * 15, ""),
        ("0", "anonymous", "000000anonymous", "anonymous"),
    ],
)
def test_padding_is_stripped_from_the_left_and_nothing_but_padding_is_none(padding, number, raw, read):
    parsed = parse(smdr_line(number=number, extension="", did="", account_code="", padding=padding), padding)

    assert (parsed.number_raw, parsed.number) == (raw, read)
    assert (parsed.extension, parsed.did, parsed.account_code, parsed.source_extension) == ("", "", "", "")


def test_a_padding_beyond_ascii_is_stripped_too():
    assert parse(smdr_line(number="0079", padding="·"), "·").number == "0079"
    assert parse(smdr_line(number="0079", padding="•"), "•").number == "0079"
    assert parse(smdr_line(number="0079", padding="•", encoding="utf-8"), "•").number == "0079"


@pytest.mark.parametrize("name", list(EventName))
def test_every_event_by_name(name):
    parsed = parse(smdr_line(event=name))

    assert (parsed.name, parsed.flags) == (name, 0)


def test_callconnected_is_connected_as_far_as_its_element_holds_it():
    assert parse(smdr_line(event="CALLCONNECTE")).name == "CONNECTED"


@pytest.mark.parametrize("name", ["PARKED", "ringing", "RINGING2", "R|NG", "DISCONNECTE", "é"])
def test_an_unknown_event_is_kept_and_flagged(name):
    parsed = parse(smdr_line(event=name))

    assert (parsed.name, parsed.flags) == (name, Flag.UNKNOWN_EVENT)


def test_a_known_event_that_is_not_set_to_the_left_is_still_known():
    assert parse(smdr_line(event="   HOLD")).name == "HOLD"


@pytest.mark.parametrize(
    ("written", "encoding", "read"),
    [
        ("Chloë Côté", "cp1252", "Chloë Côté"),
        ("€ “Café” – 1", "cp1252", "€ “Café” – 1"),
        ("Zoë", "utf-8", "Zoë"),
        ("Юлия", "utf-8", "Юлия"),
        ("日本語の会社の名前です一二三", "utf-8", "日本語の会社の名前です一二三"),
        ("\x81\x8dé", "latin-1", "\x81\x8dé"),
    ],
)
def test_names_in_the_encoding_they_fit(written, encoding, read):
    parsed = parse(smdr_line(contact_name=written, did_name="Büro", account_code="7", encoding=encoding))

    assert (parsed.contact_name, parsed.did_name, parsed.account_code) == (read, "Büro", "7")


def test_utf_8_in_fourteen_bytes_or_in_fourteen_characters():
    ascii_line = smdr_line(contact_name="-" * 14)
    fourteen_bytes = replaced(ascii_line, 90, "Zoë Côté & Fil".encode()[:14])
    fourteen_characters = smdr_line(contact_name="Zoë Côté & Fil", encoding="utf-8")

    assert (len(fourteen_bytes), len(fourteen_characters)) == (162, 165)
    assert parse(fourteen_bytes).contact_name == "Zoë Côté &"
    assert parse(fourteen_characters).contact_name == "Zoë Côté & Fil"


def test_a_short_line_that_is_as_long_as_a_whole_one_in_bytes():
    line = smdr_line(direction="OUT", did_name=None, contact_name="ЮлияМихайловна"[:13], encoding="utf-8")

    assert len(line) == 162
    assert parse(line).contact_name == "ЮлияМихайловн"


def test_two_names_may_differ_in_encoding():
    line = replaced(smdr_line(contact_name="x", did_name="x"), 90, "Zoë ".encode())
    line = replaced(line, 123, "Büro".encode("cp1252"))

    assert (parse(line).contact_name, parse(line).did_name) == ("Zoë", "Büro")


GOOD = smdr_line()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "wrong_length"),
        (GOOD[:-1], "wrong_length"),
        (GOOD + b" ", "wrong_length"),
        (b" ".join(DOCUMENT_EXAMPLE.split()), "wrong_length"),
        (b" " * 162, "bad_direction"),
        (b"x" * 162, "bad_layout"),
        *((replaced(GOOD, place, b"x"), "bad_layout") for place in (19, 25, 48, 56, 64, 72, 88, 105, 121, 134, 147)),
        *((replaced(GOOD, place, b"x"), "bad_layout") for place in (89, 104, 122, 133, 148, 161)),
        (replaced(GOOD, 20, b"|UP |"), "bad_direction"),
        (replaced(GOOD, 20, b"|in |"), "bad_direction"),
        (replaced(GOOD, 20, b" IN  "), "bad_direction"),
        (replaced(GOOD, 26, b" " * 22), "empty_call_id"),
        (replaced(GOOD, 149, b" " * 12), "empty_event"),
        (replaced(GOOD, 95, b"\0"), "nul_byte"),
        (replaced(GOOD, 20, b"\0\0"), "nul_byte"),
        (b"\0" * 162, "nul_byte"),
        (b"2\0000\0001\0", "nul_byte"),
        (b"GET / HTTP/1.1", "looks_like_http"),
        (b"POST /smdr HTTP/1.1".ljust(162), "looks_like_http"),
        (b"\x16\x03\x01\x02", "looks_like_tls"),
        (b"SSH-2.0-OpenSSH_9.2", "looks_like_ssh"),
        (b"\xff\xfb\x01\xff\xfb\x03", "looks_like_telnet"),
        (b"\xff\xfd\x18" + GOOD, "looks_like_telnet"),
    ],
)  # fmt: skip
def test_a_malformed_line_says_why(line, reason):
    assert reason_for(line) == reason


@pytest.mark.parametrize(
    "stamp",
    [
        "2012-13-09 01:20:40", "2012-00-09 01:20:40", "2012-03-00 01:20:40", "2012-03-32 01:20:40",
        "2012-04-31 01:20:40", "2011-02-29 01:20:40", "2100-02-28 01:20:40", "1969-12-31 01:20:40",
        "0000-00-00 00:00:00", "2012-03-09 24:00:00", "2012-03-09 01:60:40", "2012-03-09 01:20:60",
        "2012/03/09 01:20:40", "2012-03-09 01.20.40", "2012-03-09T01:20:40", "2012-03-09  1:20:40",
        "2012-03-09 01:20:4 ", "+012-03-09 01:20:40", "2012-03-09 -1:20:40", "2012-03-09 0_:20:40", "-" * 19,
    ],
)  # fmt: skip
def test_a_stamp_that_is_no_time_is_refused(stamp):
    assert reason_for(smdr_line(stamp=stamp)) == "bad_timestamp"


@pytest.mark.parametrize("digit", "٣３²")
def test_only_ascii_digits_make_a_stamp(digit):
    assert reason_for(smdr_line(stamp=f"201{digit}-03-09 01:20:40", encoding="utf-8")) == "bad_timestamp"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31, 23, 59, 59)))
def test_every_time_of_the_years_in_use_is_taken(moment):
    stamp = f"{moment:%Y-%m-%d %H:%M:%S}"

    assert parse(smdr_line(stamp=stamp)).stamp == stamp


@pytest.mark.parametrize("year", [1970, 2000, 2012, 2013, 2096, 2099])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_has_its_days_and_no_more(year, month):
    last = monthrange(year, month)[1]

    assert parse(smdr_line(stamp=f"{year}-{month:02}-{last:02} 01:20:40"))
    assert reason_for(smdr_line(stamp=f"{year}-{month:02}-{last + 1:02} 01:20:40")) == "bad_timestamp"


def test_a_call_id_is_opaque():
    assert parse(smdr_line(call_id=" A-17/b 9 é".ljust(22))).call_id[:8] == " A-17/b "


def edited(line: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    for place, put in edits:
        line = line[:place] + put + line[place + len(put) :]
    return line


damaged = st.builds(
    edited,
    st.sampled_from([GOOD, DOCUMENT_EXAMPLE, smdr_line(direction="OUT", did_name=None)]),
    st.lists(st.tuples(st.integers(0, 170), st.binary(max_size=3)), max_size=4),
)


@examples(600)
@given(
    st.one_of(st.binary(max_size=300), st.binary(min_size=162, max_size=162), damaged),
    st.one_of(st.sampled_from(["0", " ", "", "é", "•"]), st.characters(exclude_categories=["Cs"])),
)
@example(GOOD, "|")
def test_any_bytes_are_an_event_or_malformed(line, padding):
    try:
        parsed = parse(line, padding)
    except MalformedLine:
        return
    assert "\0" not in "".join(str(element) for element in parsed)
    assert len(parsed.call_id) == 22
    assert len(parsed.number_raw) == 15
    assert parsed.name
    assert parsed.direction in {"in", "out"}
    limits = {"trunk": 7, "extension": 7, "source_extension": 7, "number": 15, "contact_name": 14, "did": 15,
              "did_name": 10, "account_code": 12, "name": 12}  # fmt: skip
    assert all(len(getattr(parsed, element)) <= limit for element, limit in limits.items())
