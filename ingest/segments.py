"""A journal's files: the form of a record, and reading records back.

A record is: magic, length, CRC-32, then moment of receipt, feed, connection, sequence, n, origin, fault and the
line's bytes. A segment is a file of records, named by its first sequence and the attempt at writing it.
"""

import logging
import re
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, Self

logger = logging.getLogger(__name__)

MAGIC = b"TBj1"
HEAD = struct.Struct("<4sII")  # magic, length of what follows, its CRC-32
BODY = struct.Struct("<qqqqIBB")  # received_us, feed, connection, sequence, n, origin, fault; then the line
LONGEST_RECORD_BYTES = 1 << 20
READ_BYTES = 4 << 20


class Origin(IntEnum):
    """Where a line came from, and for a file how its clock is to be read. Never renumber."""

    SOCKET = 0
    FILE_AUTO = 1
    FILE_12 = 2
    FILE_24 = 3


class Received(NamedTuple):
    """A line as received, its end taken off. `n` is its nth occurrence within its connection."""

    received_us: int
    feed: int
    connection: int
    sequence: int
    n: int
    origin: int
    fault: int
    line: bytes


class Damaged(NamedTuple):
    """A record that was accepted, for sound ones follow it, and can no longer be read; `line` is what is left of it."""

    sequence: int
    line: bytes
    reason: str


class Segment(NamedTuple):
    first: int
    attempt: int
    path: Path

    @classmethod
    def of(cls, path: Path) -> Self:
        first, _, attempt = path.stem.partition("-")
        return cls(int(first), int(attempt or 0), path)


def encode(record: Received) -> bytes:
    body = BODY.pack(*record[:-1]) + record.line
    return HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


def scan(data: bytes) -> Iterator[tuple[Received | bytes, int]]:
    """The records in `data`, and where each ends. A stretch that is none is given as it is, if a record follows it."""
    offset, length, head = 0, len(data), HEAD.size
    unpack_head, unpack_body, body_size = HEAD.unpack_from, BODY.unpack_from, BODY.size
    crc32 = zlib.crc32
    while offset + head <= length:
        magic, size, crc = unpack_head(data, offset)
        start = offset + head
        end = start + size
        if magic == MAGIC and end <= length and size >= body_size and crc32(data[start:end]) == crc:
            yield Received._make((*unpack_body(data, start), data[start + body_size : end])), end
            offset = end
            continue
        sound = _next_sound(data, offset + 1)
        if sound is None:
            return
        yield data[offset:sound], sound
        offset = sound


def _next_sound(data: bytes, offset: int) -> int | None:
    while (offset := data.find(MAGIC, offset)) >= 0:
        if offset + HEAD.size > len(data):
            return None
        _, size, crc = HEAD.unpack_from(data, offset)
        start = offset + HEAD.size
        fits = BODY.size <= size <= LONGEST_RECORD_BYTES and start + size <= len(data)
        if fits and zlib.crc32(data[start : start + size]) == crc:
            return offset
        offset += 1
    return None


def sound_bytes(data: bytes) -> int:
    """Up to where a segment's bytes hold records; what follows was torn off while it was written."""
    return max((end for _, end in scan(data)), default=0)


def lost_records(first: int, until: int, remains: bytes) -> list[Damaged]:
    """The records from `first` up to, not including, `until`, of which `remains` is left: one Damaged for each.

    Where a whole file is gone there are no bytes to tell them apart by, and one stands for all of them.
    """
    count = until - first
    starts = [found.start() for found in re.finditer(re.escape(MAGIC), remains)] if count > 1 else []
    if 0 < count == len(starts):
        starts[0] = 0
        ends = [*starts[1:], len(remains)]
        parts = [remains[start:end] for start, end in zip(starts, ends, strict=True)]
    elif count > 1 and len(remains) < count * BODY.size:
        reason = f"{count} records of the journal are gone."
        return [Damaged(first, remains, reason)]
    else:
        parts = [remains] + [b""] * (count - 1)
    return [Damaged(first + place, part, "A record in the journal was damaged.") for place, part in enumerate(parts)]


class Segments:
    """A journal's directory, for reading. Reading is safe while another process writes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal_id = int(directory.name, 16)
        self._segment: Segment | None = None
        self._offset = 0
        self._next = 0  # the sequence expected at the offset

    def segments(self) -> list[Segment]:
        """In order; of several attempts at one sequence only the last counts."""
        latest = {}
        for segment in sorted(Segment.of(path) for path in self.directory.glob("*.seg")):
            latest[segment.first] = segment
        return list(latest.values())

    def read(self, from_sequence: int, limit: int, until: int | None = None) -> list[Received | Damaged]:
        """Some `limit` records from a sequence on, up to and including `until`; gaps are closed by Damaged."""
        if self._segment is None or from_sequence < self._next:
            self._seek(from_sequence)
        records: list[Received | Damaged] = []
        while self._segment is not None and len(records) < limit:
            following = self._following()
            bound = following.first - 1 if following else until
            if until is not None and (bound is None or bound > until):
                bound = until
            found, is_at_end = self._read_some(from_sequence, limit - len(records), bound)
            records += found
            if is_at_end and following is not None and (until is None or following.first <= until):
                records += self._lost_before(following, from_sequence)
                self._segment, self._offset, self._next = following, 0, following.first
            elif is_at_end or not found:
                break
        return records

    def last_sequence(self) -> int:
        """Of the last sound record; 0 in an empty journal."""
        for segment in reversed(self.segments()):
            last = 0
            for record, _ in scan(segment.path.read_bytes()):
                if isinstance(record, Received):
                    last = record.sequence
            if last or segment.first > 1:
                return last or segment.first - 1
        return 0

    def _seek(self, sequence: int) -> None:
        segments = self.segments()
        holding = [segment for segment in segments if segment.first <= sequence]
        self._segment = holding[-1] if holding else segments[0] if segments else None
        self._offset = 0
        self._next = self._segment.first if self._segment else 0
        if self._segment is not None and not holding:
            logger.error(
                "records of the journal were deleted before they were loaded",
                extra={"journal": self.directory.name, "first": sequence, "last": self._next - 1},
            )

    def _following(self) -> Segment | None:
        current = self._segment
        return next((segment for segment in self.segments() if current and segment.first > current.first), None)

    def _lost_before(self, following: Segment, from_sequence: int) -> list[Damaged]:
        """The accepted records at the end of the present segment that are no more: the next one begins after them."""
        assert self._segment is not None
        first = max(self._next, from_sequence)
        if first >= following.first:
            return []
        with self._segment.path.open("rb") as file:
            file.seek(self._offset)
            return list(lost_records(first, following.first, file.read()))

    def _read_some(self, from_sequence: int, limit: int, bound: int | None) -> tuple[list[Received | Damaged], bool]:
        """Records of the present segment, from the offset on; and whether no more of them are to be had there."""
        assert self._segment is not None
        records: list[Received | Damaged] = []
        size = READ_BYTES
        while True:
            with self._segment.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(size)
            is_at_end = len(data) < size
            used = 0
            remains = b""
            for record, end in scan(data):
                if isinstance(record, bytes):
                    remains = record
                    continue
                if bound is not None and record.sequence > bound:
                    is_at_end = True
                    break
                if remains and record.sequence > self._next:
                    lost = lost_records(self._next, record.sequence, remains)
                    records += [record for record in lost if record.sequence >= from_sequence]
                remains = b""
                used = end
                self._next = record.sequence + 1
                if record.sequence >= from_sequence:
                    records.append(record)
                    if len(records) >= limit:
                        is_at_end = False
                        break
            self._offset += used
            if records or is_at_end:
                return records, is_at_end
            if not used:
                size *= 2
