"""Accepted records as lines of JSON, out and in. Pure."""

import json

from ingest.segments import Origin, Received

Entry = tuple[int, int, int, int, int, bytes]  # received_us, connection, n, origin, fault, line


class NotADumpError(ValueError):
    """A line of a dump that cannot be read; the message says which and why."""


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
            int(record["received_us"]),
            int(record["connection"]),
            int(record["n"]),
            Origin[record["origin"].upper()],
            int(record["fault"]),
            record["line"].encode("latin-1"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotADumpError(f"Line {number} is no record of a journal dump: {error!r}") from None
