"""One IP SMDR line into its elements (docs/feed.md): 162 characters, twelve elements, taken by position.

Characters are bytes, or UTF-8: whichever gives the line its length. Each element that is not ASCII is decoded by
itself, as UTF-8, else cp1252, else latin-1, so that no name ever costs its line.
"""

from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from calls.records import EventName, Flag, new_tuple
from ingest.strangers import recognise

LINE_LENGTH = 162
SHORT_LENGTH = 149  # direction OUT, the DID name and a space left out
SPACES: tuple[int, ...] = (19, 25, 48, 56, 64, 72, 88, 105, 121, 134, 147)
SHORT_SPACES = SPACES[:-1]
DIRECTIONS = {"|IN |": "in", "|OUT|": "out"}
EVENTS = {f"|{name:<12}|": str(name) for name in EventName} | {"|CALLCONNECTE|": "CONNECTED"}
separators, short_separators = itemgetter(*SPACES), itemgetter(*SHORT_SPACES)
ALL_SPACES, ALL_SHORT_SPACES = (" ",) * len(SPACES), (" ",) * len(SHORT_SPACES)
FIRST_YEAR, LAST_YEAR = 1970, 2099
MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DIGITS = frozenset("0123456789")
SIXTY = frozenset(f"{number:02}" for number in range(60))
UNKNOWN_EVENT = int(Flag.UNKNOWN_EVENT)
NUL_BYTE = "The line has a NUL byte, which no event has: it is binary data, or was damaged on its way."


class MalformedLine(ValueError):  # noqa: N818 - it says what the line is
    """A line that is no SMDR event: `reason` is a short name, `detail` one sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ParsedLine(NamedTuple):
    """The elements of a line, padding stripped; `stamp` is ``YYYY-MM-DD hh:mm:ss`` as received, and a valid time."""

    stamp: str
    call_id: str
    name: str
    direction: str
    trunk: str
    extension: str
    source_extension: str
    number_raw: str
    number: str
    contact_name: str
    did: str
    did_name: str
    account_code: str
    flags: int


def parse(line: bytes, padding: str = "0") -> ParsedLine:
    """The elements of `line`, its end taken off. Raises MalformedLine, and nothing else, for whatever is none."""
    try:
        parsed = _elements(line.decode("latin-1"), padding)
    except MalformedLine as refused:
        if b"\0" in line:
            raise _stranger(line) or MalformedLine("nul_byte", NUL_BYTE) from None
        wide = None if line.isascii() else _utf_8(line)
        if wide is None:
            raise _stranger(line) or refused from None
        try:
            return _elements(wide, padding)
        except MalformedLine as refused_again:
            raise _stranger(line) or refused_again from None
    return parsed if line.isascii() else _decoded(parsed, padding)


def _elements(text: str, padding: str) -> ParsedLine:
    if len(text) == LINE_LENGTH and separators(text) == ALL_SPACES:
        did_name, account, event = _did_name(text[122:134]), text[135:147], text[148:]
    elif len(text) == SHORT_LENGTH and text[20:25] == "|OUT|" and short_separators(text) == ALL_SHORT_SPACES:
        did_name, account, event = "", text[122:134], text[135:]
    else:
        raise _misfit(text)
    if "\0" in text:
        raise MalformedLine("nul_byte", NUL_BYTE)
    direction = DIRECTIONS.get(text[20:25])
    if direction is None:
        raise MalformedLine("bad_direction", "The direction is neither |IN | nor |OUT|: no IP SMDR, or a damaged line.")
    stamp = text[:19]
    if not (_is_minute(stamp[:16]) and stamp[16] == ":" and stamp[17:] in SIXTY):
        raise MalformedLine(
            "bad_timestamp",
            "The timestamp is no date and time: look at the clock of the Communication Service's server.",
        )
    call_id = text[26:48]
    if not call_id.strip():
        raise MalformedLine("empty_call_id", "The call id is blank.")
    if text[89] != "|" or text[104] != "|":
        raise MalformedLine("bad_layout", "The contact name does not stand between two bars.")
    name = EVENTS.get(event)
    flags = 0
    if name is None:
        name, flags = _other_event(event)
    number_raw = text[73:88]
    elements = (
        stamp,
        call_id,
        name,
        direction,
        text[49:56].lstrip(padding).strip(),
        text[57:64].lstrip(padding).strip(),
        text[65:72].lstrip(padding).strip(),
        number_raw,
        number_raw.lstrip(padding).strip(),
        text[90:104].strip(),
        text[106:121].lstrip(padding).strip(),
        did_name,
        account.lstrip(padding).strip(),
        flags,
    )
    return new_tuple(ParsedLine, elements)


def _misfit(text: str) -> MalformedLine:
    length = len(text)
    is_short = length == SHORT_LENGTH and text[20:25] == "|OUT|"
    if length != LINE_LENGTH and not is_short:
        return MalformedLine(
            "wrong_length",
            f"The line has {length} characters; an SMDR line has {LINE_LENGTH}. It was cut or run together.",
        )
    place = next(place for place in (SHORT_SPACES if is_short else SPACES) if text[place] != " ")
    return MalformedLine("bad_layout", f"There is no space at character {place + 1}.")


def _did_name(element: str) -> str:
    if not element.strip():
        return ""
    if element[0] != "|" or element[11] != "|":
        raise MalformedLine("bad_layout", "The DID name does not stand between two bars.")
    return element[1:11].strip()


def _other_event(element: str) -> tuple[str, int]:
    """Name and flags of an event element that is not written like one of the known."""
    if element[0] != "|" or element[13] != "|":
        raise MalformedLine("bad_layout", "The event does not stand between two bars.")
    said = element[1:13].strip()
    if not said:
        raise MalformedLine("empty_event", "The event is blank.")
    known = EVENTS.get(f"|{said:<12}|")
    return (known, 0) if known else (said, UNKNOWN_EVENT)


@lru_cache(maxsize=1_024)
def _is_day(text: str) -> bool:
    """Whether these 11 characters are ``YYYY-MM-DD`` and a space, of a day that exists, in ASCII digits."""
    if text[4] != "-" or text[7] != "-" or text[10] != " ":
        return False
    if not DIGITS.issuperset(text[:4] + text[5:7] + text[8:10]):
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= MONTH_DAYS[month - 1]):
        return False
    return not (month == 2 and day == 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


@lru_cache(maxsize=4_096)
def _is_minute(text: str) -> bool:
    """Whether these 16 characters are ``YYYY-MM-DD hh:mm``, a minute that exists, in ASCII digits."""
    return _is_day(text[:11]) and text[11:13] in SIXTY and text[11:13] < "24" and text[13] == ":" and text[14:] in SIXTY


def _utf_8(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decoded(parsed: ParsedLine, padding: str) -> ParsedLine:
    """A line that was read a character a byte, each of its elements in the encoding it fits; the raw number as read.

    A padding that is not ASCII has become itself only now.
    """

    def number_like(element: str) -> str:
        return _text(element).lstrip(padding).strip()

    return parsed._replace(
        name=_text(parsed.name),
        trunk=number_like(parsed.trunk),
        extension=number_like(parsed.extension),
        source_extension=number_like(parsed.source_extension),
        number=number_like(parsed.number),
        contact_name=_text(parsed.contact_name),
        did=number_like(parsed.did),
        did_name=_text(parsed.did_name),
        account_code=number_like(parsed.account_code),
    )


def _text(latin_1: str) -> str:
    if latin_1.isascii():
        return latin_1
    element = latin_1.encode("latin-1")
    for encoding in ("utf-8", "cp1252"):
        try:
            return element.decode(encoding)
        except UnicodeDecodeError:
            continue
    return latin_1


def _stranger(line: bytes) -> MalformedLine | None:
    """Who else may be talking on this connection."""
    stranger = recognise(line)
    return MalformedLine(stranger.reason, stranger.detail) if stranger else None
