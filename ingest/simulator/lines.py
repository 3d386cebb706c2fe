"""How a simulated call looks on the wire: stamps, padded elements, and whole lines with their line end.

Layout: the vendor's IP SMDR page, twelve fixed-length elements, 162 characters (149 for an outgoing call
whose DID name is left out) and CR LF.
"""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

ENCODING = "cp1252"
DEVICE_WIDTH = 7
NUMBER_WIDTH = 15
CONTACT_WIDTH = 14
DID_NAME_WIDTH = 10
ACCOUNT_CODE_WIDTH = 12
EVENT_WIDTH = 12

QUARTER_HOUR = 900
"""Seconds within which no time zone changes its offset."""

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

DIRECTION_ELEMENTS = {"in": b"|IN |", "out": b"|OUT|"}
TWO_DIGITS = tuple(b"%02d" % n for n in range(60))


def event_element(name: str) -> bytes:
    return b"|%-12s|\r\n" % name.encode()[:EVENT_WIDTH]


class LocalClock:
    """Epoch seconds as the PBX's local time. `hours` is 12 (without AM and PM) or 24."""

    def __init__(self, zone: ZoneInfo, hours: int) -> None:
        self.zone = zone
        self.hours = hours
        self._quarter = -1
        self._offset = 0
        self._minute = -1
        self._to_minute = b""

    def stamp(self, at: int) -> bytes:
        minute, second = divmod(at, 60)
        if minute != self._minute:
            self._minute = minute
            hour = "%H" if self.hours == 24 else "%I"
            self._to_minute = datetime.fromtimestamp(at, self.zone).strftime(f"%Y-%m-%d {hour}:%M:").encode()
        return self._to_minute + TWO_DIGITS[second]

    def id_start(self, at: int) -> str:
        """The 24-hour local time that a call id begins with."""
        quarter = at // QUARTER_HOUR
        if quarter != self._quarter:
            self._quarter = quarter
            offset = datetime.fromtimestamp(at, self.zone).utcoffset()
            self._offset = int(offset.total_seconds()) if offset else 0
        days, seconds = divmod(at + self._offset, 86_400)
        hour, seconds = divmod(seconds, 3600)
        return f"{_day(days).replace('-', '')}{hour:02}{seconds // 60:02}{seconds % 60:02}"


def utc_text(at: int | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    if at is None:
        return None
    days, seconds = divmod(at, 86_400)
    hour, seconds = divmod(seconds, 3600)
    return f"{_day(days)}T{hour:02}:{seconds // 60:02}:{seconds % 60:02}Z"


@lru_cache(maxsize=64)
def _day(days: int) -> str:
    return date.fromordinal(days + EPOCH_ORDINAL).isoformat()


class Elements:
    """The fixed-length elements of one feed, with its padding character."""

    def __init__(self, padding: str) -> None:
        self.padding = padding
        self.no_device = self.padded("", DEVICE_WIDTH)
        self._devices: dict[str, bytes] = {}

    def padded(self, text: str, width: int) -> bytes:
        return text.rjust(width, self.padding)[-width:].encode(ENCODING)

    def bare(self, text: str) -> str:
        """What a reader gets back: padding cannot be told from a number's own leading padding characters."""
        return text.lstrip(self.padding)

    def device(self, number: str) -> bytes:
        element = self._devices.get(number)
        if element is None:
            element = self._devices[number] = self.padded(number, DEVICE_WIDTH)
        return element

    def head(self, direction: str, call_id: str, trunk: str) -> bytes:
        """From the stamp's end to the extension."""
        return b" %s %s %s " % (DIRECTION_ELEMENTS[direction], call_id.encode(), self.device(trunk))

    def tail(self, number: str, contact_name: str, did: str, did_name: bytes, account_code: str) -> bytes:
        """From the source extension's end to the event; `did_name` is an element as `did_name_element` gives it."""
        return b" %s %s %s %s%s " % (
            self.padded(number, NUMBER_WIDTH),
            _quoted(contact_name, CONTACT_WIDTH),
            self.padded(did, NUMBER_WIDTH),
            did_name,
            self.padded(account_code, ACCOUNT_CODE_WIDTH),
        )


NO_DID_NAME = b" " * (DID_NAME_WIDTH + 3)
"""On an outgoing call the element is blank, or left out with one space (149 characters in all)."""


def did_name_element(name: str) -> bytes:
    return _quoted(name, DID_NAME_WIDTH) + b" "


def _quoted(text: str, width: int) -> bytes:
    return b"|%s|" % text.encode(ENCODING)[:width].ljust(width)
