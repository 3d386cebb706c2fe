"""Who else may be talking, told by the bytes of a line that is no event: what it probably is, and what to do. Pure."""

import re
from typing import NamedTuple


class Stranger(NamedTuple):
    """`reason` is a short name, `detail` what it looks like and what to do, for people."""

    reason: str
    detail: str


PORT = "Is it the right port?"
OWN_SMDR = Stranger(
    "looks_like_pbx_smdr",
    "This looks like the PBX's own SMDR port, not the Communication Service. Point the feed at the Communication "
    "Service's IP SMDR (port 2007 unless changed).",
)
TLS = Stranger("looks_like_tls", f"This looks like the beginning of a TLS connection; IP SMDR is not encrypted. {PORT}")
HTTP = Stranger("looks_like_http", f"This looks like HTTP: a browser, a proxy or a health check. {PORT}")
SSH = Stranger("looks_like_ssh", f"This looks like SSH. {PORT}")
TELNET = Stranger("looks_like_telnet", f"These look like telnet's own commands. {PORT}")
BANNER = Stranger("looks_like_banner", f"This looks like another service's greeting (mail or FTP). {PORT}")
PROMPT = Stranger(
    "looks_like_prompt", f"This looks like a prompt for a name or password; IP SMDR asks for none. {PORT}"
)
SYSLOG = Stranger("looks_like_syslog", f"This looks like syslog. {PORT}")
UTF_16 = Stranger("looks_like_utf_16", "This looks like UTF-16 text. Save the file as it came, or as UTF-8 or Latin-1.")

STARTS = (
    ((b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"PRI * HTTP", b"HTTP/"), HTTP),
    ((b"\x16\x03", b"\x15\x03"), TLS),
    ((b"SSH-",), SSH),
    ((b"\xff\xfa", b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xfe"), TELNET),
    ((b"220 ", b"220-", b"+OK", b"* OK"), BANNER),
)
PROMPTS = re.compile(
    rb"\W*(?:\S+ ){0,4}(?:log ?in|user ?name|user|password|pass ?word|passcode)( for \S+)? ?[:>]\s*$", re.IGNORECASE
)
SYSLOG_PRIORITY = re.compile(rb"<\d{1,3}>")
LENGTH_WIDTHS = (4, 2)
LONGEST_OWN_RECORD = 1_000
FEWEST_OWN_CHARACTERS = 6


def recognise(line: bytes) -> Stranger | None:
    """What this line, which is no event, looks like; None if it looks like nothing that is known."""
    if is_utf_16(line):
        return UTF_16
    for starts, stranger in STARTS:
        if line.startswith(starts):
            return stranger
    if is_own_smdr(line):
        return OWN_SMDR
    if len(line) <= 80 and PROMPTS.match(line):
        return PROMPT
    if SYSLOG_PRIORITY.match(line):
        return SYSLOG
    return None


def is_own_smdr(line: bytes) -> bool:
    """Whether the line begins with records as the PBX's own port writes them.

    A record there is its length as a binary number, four bytes with the least first, then that many printable
    characters, CR LF among them. Two bytes, and the most significant first, are taken too. The last record may be
    cut, as framing takes line ends off and a connection may end anywhere; an empty record is a login's answer.
    """
    return any(_is_chain(line, width, order) for width in LENGTH_WIDTHS for order in ("little", "big"))


def _is_chain(line: bytes, width: int, order: str) -> bool:
    place = characters = 0
    while place + width <= len(line):
        length = int.from_bytes(line[place : place + width], "little" if order == "little" else "big")
        record = line[place + width : place + width + length]
        if length > LONGEST_OWN_RECORD or not _is_printable(record):
            return False
        if width == 2 and length < FEWEST_OWN_CHARACTERS:
            return False
        characters += len(record)
        place += width + length
    return characters >= FEWEST_OWN_CHARACTERS


def _is_printable(record: bytes) -> bool:
    """Text of any encoding of one byte, which a NUL may end."""
    return all(
        (character >= 0x20 and character != 0x7F) or character in b"\r\n\t" for character in record.rstrip(b"\0")
    )


def is_utf_16(line: bytes) -> bool:
    """Whether every other byte at the beginning is NUL and the others are not."""
    text = line[2:] if line[:2] in {b"\xff\xfe", b"\xfe\xff"} else line
    even, odd = text[0:20:2], text[1:20:2]
    return len(text) >= 20 and ((not odd.strip(b"\0") and 0 not in even) or (not even.strip(b"\0") and 0 not in odd))
