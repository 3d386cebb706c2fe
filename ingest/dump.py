"""Accepted records as lines of JSON, out and in. Pure."""

import json

from ingest.framing import Fault
from ingest.segments import Origin, Received

Entry = tuple[int, int, int, int, int, bytes]  # received_us, connection, n, origin, fault, line


class NotADumpError(ValueError):
    """A line of a dump that cannot be read; the message says which and why."""


LATEST_RECEIPT_US = 253_370_764_800_000_000  # the year 9999
MOST_OCCURRENCES = 2**31 - 1
HIGHEST_ID = 2**63 - 1


def dumped(record: Received, journal: int) -> str:
    """A journal's record as one line of JSON; `line` is its bytes as latin-1 text."""
    return json.dumps(
        {
            "received_us": record.received_us,
            "feed": record.feed,
            "journal": f"{journal:016x}",
            "sequence": record.sequence,
            "connection": record.connection,
            "n": record.n,
            "origin": Origin(record.origin).name.lower(),
            "fault": record.fault,
            "line": record.line.decode("latin-1"),
        }
    )


def read_dumped(line: bytes, number: int) -> Entry:
    """What `dumped` wrote. Raises NotADumpError."""
    try:
        record = json.loads(line)
        return (
            _within(record["received_us"], 0, LATEST_RECEIPT_US),
            _within(record["connection"], 0, HIGHEST_ID),
            _within(record["n"], 1, MOST_OCCURRENCES),
            Origin[record["origin"].upper()],
            int(Fault(record["fault"])),
            record["line"].encode("latin-1"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NotADumpError(f"Line {number} is no record of a journal dump: {error!r}") from None


def _within(value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value} is not from {least} to {most}")
    return value
