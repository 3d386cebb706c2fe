"""The journal: a line is accepted when it is in here and fsynced, whatever the database does.

One directory for each feed and writer, ``<data>/journal/<feed>/<journal id>/``, held by a lock; in it segments named
by their first sequence. A record is: magic, length, CRC-32, then moment of receipt, feed, connection, sequence, n,
origin, fault and the line's bytes. Appending never waits for the disk: a thread writes and fsyncs what has
gathered, at once when it is idle. Reading goes up to what is fsynced.
"""

import fcntl
import logging
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

logger = logging.getLogger(__name__)

MAGIC = b"TBj1"
HEAD = struct.Struct("<4sII")  # magic, length of what follows, its CRC-32
BODY = struct.Struct("<qqqqIBB")  # received_us, feed, connection, sequence, n, origin, fault; then the line
LONGEST_RECORD_BYTES = 1 << 20
SEGMENT_BYTES = 64 << 20
PENDING_LIMIT_BYTES = 16 << 20
READ_BYTES = 4 << 20
RETRY_SECONDS = 1.0


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
    """A stretch of a segment that is no record, with sound ones after it: it was accepted once."""

    sequence: int
    line: bytes
    reason: str


class JournalLockedError(RuntimeError):
    """Another process writes this journal."""


class Disk:
    """The calls by which a journal writes; tests give one that fails."""

    def write(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)


class Segment(NamedTuple):
    first: int
    attempt: int
    path: Path

    @classmethod
    def of(cls, path: Path) -> Self:
        first, _, attempt = path.stem.partition("-")
        return cls(int(first), int(attempt or 0), path)


def journals(data_directory: Path, feed: int) -> list[Path]:
    """The directories of a feed's journals, oldest first."""
    root = data_directory / "journal" / str(feed)
    return sorted((path for path in root.glob("*") if path.is_dir()), key=lambda path: path.stat().st_ctime_ns)


def new_id() -> int:
    """A random positive 63-bit number, for a journal or a connection."""
    return secrets.randbits(62) + 1


def encode(record: Received) -> bytes:
    body = BODY.pack(*record[:-1]) + record.line
    return HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


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
        """At most `limit` records from a sequence on, up to and including `until`; gaps are closed by Damaged."""
        if self._segment is None or from_sequence < self._next:
            self._seek(from_sequence)
        records: list[Received | Damaged] = []
        while self._segment is not None and len(records) < limit:
            following = self._following()
            bound = following.first - 1 if following else until
            if until is not None and (bound is None or bound > until):
                bound = until
            found = self._read_some(from_sequence, limit - len(records), bound, is_last=following is None)
            records += found
            if not found and following is not None:
                self._segment, self._offset, self._next = following, 0, following.first
            elif not found:
                break
        return records

    def last_sequence(self) -> int:
        """Of the last sound record; 0 in an empty journal."""
        last = 0
        for segment in reversed(self.segments()):
            for record, _ in scan(segment.path.read_bytes(), 0):
                if isinstance(record, Received):
                    last = record.sequence
            if last:
                return last
            last = segment.first - 1
        return last

    def _seek(self, sequence: int) -> None:
        segments = self.segments()
        holding = [segment for segment in segments if segment.first <= sequence]
        self._segment = holding[-1] if holding else segments[0] if segments else None
        self._offset = 0
        self._next = self._segment.first if self._segment else 0

    def _following(self) -> Segment | None:
        current = self._segment
        return next((segment for segment in self.segments() if current and segment.first > current.first), None)

    def _read_some(
        self, from_sequence: int, limit: int, bound: int | None, *, is_last: bool
    ) -> list[Received | Damaged]:
        """Records of the present segment, from the offset on."""
        assert self._segment is not None
        records: list[Received | Damaged] = []
        size = READ_BYTES
        while True:
            with self._segment.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(size)
            whole = len(data) < size
            used = 0
            for record, end in scan(data, self._next):
                if isinstance(record, Damaged):
                    if not is_last or record.line:
                        records.append(record)
                    used = end
                    continue
                if bound is not None and record.sequence > bound:
                    whole = True
                    break
                used = end
                self._next = record.sequence + 1
                if record.sequence >= from_sequence:
                    records.append(record)
                    if len(records) >= limit:
                        break
            self._offset += used
            if records or whole:
                return records
            if not used:
                size *= 2


def scan(data: bytes, expected: int) -> Iterator[tuple[Received | Damaged, int]]:
    """The records in `data`, and where each ends. A stretch that is none is Damaged if a record follows."""
    offset, length, head = 0, len(data), HEAD.size
    unpack_head, unpack_body, body_size = HEAD.unpack_from, BODY.unpack_from, BODY.size
    crc32 = zlib.crc32
    while offset + head <= length:
        magic, size, crc = unpack_head(data, offset)
        start = offset + head
        end = start + size
        if magic == MAGIC and end <= length and size >= body_size and crc32(data[start:end]) == crc:
            record = Received._make((*unpack_body(data, start), data[start + body_size : end]))
            yield record, end
            offset = end
            expected = record.sequence + 1
            continue
        sound = _next_sound(data, offset + 1)
        if sound is None:
            return
        yield Damaged(expected, data[offset:sound], "A record in the journal was damaged."), sound
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


class Journal:
    """A journal open for writing, and for reading what it has accepted. Thread-safe.

    Create it with `create` or `adopt`. `start` runs the thread that makes appended records durable; without it
    `append_now` does so in the caller's thread.
    """

    def __init__(self, directory: Path, *, disk: Disk | None = None, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.feed = int(directory.parent.name)
        self.journal_id = int(directory.name, 16)
        self.error = ""
        self._disk = disk or Disk()
        self._segment_bytes = segment_bytes
        self._lock = threading.Condition()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[], None]] = []
        self._lock_descriptor = _locked(directory)
        self._reader = Segments(directory)
        self._sequence = self._mend_tail()
        self.durable_sequence = self._sequence
        self._descriptor = -1
        self._written = 0

    @classmethod
    def create(cls, data_directory: Path, feed: int, **options: object) -> Self:
        directory = data_directory / "journal" / str(feed) / f"{new_id():016x}"
        directory.mkdir(parents=True)
        for parent in (directory.parent, directory.parent.parent, data_directory):
            _sync_directory(parent)
        return cls(directory, **options)  # type: ignore[arg-type]

    @classmethod
    def adopt(cls, directory: Path, **options: object) -> Self:
        """Take over a journal whose writer is gone. Raises JournalLockedError if it is not."""
        return cls(directory, **options)  # type: ignore[arg-type]

    # Writing

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"journal-{self.feed}", daemon=True)
        self._thread.start()

    def append(self, frames: Iterable[tuple[int, int, int, int, int, bytes]]) -> int:
        """Queue ``(received_us, connection, n, origin, fault, line)`` of lines; returns the last one's sequence.

        They are accepted when `durable_sequence` has reached it.
        """
        with self._lock:
            data = self._encode(frames)
            if data:
                self._pending.append(data)
                self._pending_bytes += len(data)
                self._lock.notify_all()
            return self._sequence

    def append_now(self, frames: Iterable[tuple[int, int, int, int, int, bytes]]) -> int:
        """Write and fsync in this thread. Raises OSError; what was not accepted is then not in the journal."""
        with self._lock:
            before = self._sequence
            data = self._encode(frames)
            try:
                self._write(data, before + 1)
            except OSError:
                self._sequence = before
                self._drop_segment()
                raise
            self.durable_sequence = self._sequence
            return self._sequence

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that receivers are to stop reading."""
        return self._pending_bytes >= PENDING_LIMIT_BYTES

    @property
    def pending_bytes(self) -> int:
        return self._pending_bytes

    def on_durable(self, listener: Callable[[], None]) -> None:
        """`listener` is called, in the writing thread, whenever more has become durable or writing has failed."""
        self._listeners.append(listener)

    def wait_durable(self, sequence: int, timeout_seconds: float) -> bool:
        """Wait until records from `sequence` on can be read; False when the time is over or the journal closes."""
        with self._lock:
            return self._lock.wait_for(
                lambda: self.durable_sequence >= sequence or self._stopping, timeout_seconds
            ) and (self.durable_sequence >= sequence)

    def close(self) -> None:
        """Make all that was appended durable if the disk lets us, and let the journal go."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._drop_segment()
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    def remove(self) -> None:
        """Close the journal and delete it: all of it must have been stored."""
        directory = self.directory
        for segment in directory.glob("*.seg"):
            segment.unlink()
        (directory / "lock").unlink(missing_ok=True)
        self.close()
        directory.rmdir()
        _sync_directory(directory.parent)

    def delete_segments_before(self, sequence: int, older_than: float = float("inf")) -> int:
        """Delete segments whose records are all below `sequence`, last written before `older_than` (epoch seconds)."""
        segments = self._reader.segments()
        deleted = 0
        for segment, following in pairwise(segments):
            if following.first <= sequence and segment.path.stat().st_mtime < older_than:
                segment.path.unlink()
                deleted += 1
        if deleted:
            _sync_directory(self.directory)
        return deleted

    def _encode(self, frames: Iterable[tuple[int, int, int, int, int, bytes]]) -> bytes:
        sequence, feed = self._sequence, self.feed
        pack_body, pack_head, crc32 = BODY.pack, HEAD.pack, zlib.crc32
        parts = []
        for received_us, connection, n, origin, fault, line in frames:
            sequence += 1
            body = pack_body(received_us, feed, connection, sequence, n, origin, fault) + line
            parts.append(pack_head(MAGIC, len(body), crc32(body)))
            parts.append(body)
        self._sequence = sequence
        return b"".join(parts)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._pending or self._stopping)
                if not self._pending:
                    return
                group, last = list(self._pending), self._sequence
                first = self.durable_sequence + 1
            data = b"".join(group)
            try:
                self._write(data, first)
            except OSError as error:
                self._fail(error)
                if self._stopping:
                    return
                continue
            with self._lock:
                del self._pending[: len(group)]
                self._pending_bytes -= len(data)
                self.durable_sequence = last
                if self.error:
                    logger.warning("the journal accepts lines again")
                self.error = ""
                self._lock.notify_all()
            self._tell()

    def _fail(self, error: OSError) -> None:
        """The descriptor is not to be trusted after a failure: the bytes go into a new segment, later."""
        self._drop_segment()
        if not self.error:
            logger.error("the journal cannot be written", extra={"error": str(error)})
        self.error = f"The journal cannot be written: {error.strerror or error}. Lines are not read until it can."
        self._tell()
        with self._lock:
            self._lock.wait_for(lambda: self._stopping, RETRY_SECONDS)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _write(self, data: bytes, first: int) -> None:
        if self._descriptor < 0 or self._written >= self._segment_bytes:
            self._drop_segment()
            self._descriptor = self._new_segment(first)
            self._written = 0
        self._disk.write(self._descriptor, data)
        self._disk.sync(self._descriptor)
        self._written += len(data)

    def _new_segment(self, first: int) -> int:
        for attempt in range(1_000_000):
            path = self.directory / f"{first:020}-{attempt}.seg"
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            _sync_directory(self.directory)
            return descriptor
        raise OSError("no free name for a segment")

    def _drop_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _mend_tail(self) -> int:
        """Cut a torn tail off the last segment: it was never accepted. Returns the last sound sequence."""
        last = self._reader.last_sequence()
        segments = self._reader.segments()
        if segments:
            path = segments[-1].path
            data = path.read_bytes()
            sound = 0
            for _, end in scan(data, 0):
                sound = end
            if sound < len(data):
                logger.warning(
                    "a torn tail of the journal, never accepted, was cut off", extra={"bytes": len(data) - sound}
                )
                with path.open("r+b") as file:
                    file.truncate(sound)
                    os.fsync(file.fileno())
        return last

    # Reading

    def read(self, from_sequence: int, limit: int) -> Sequence[Received | Damaged]:
        if from_sequence > self.durable_sequence:
            return []
        return self._reader.read(from_sequence, limit, self.durable_sequence)


def _locked(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalLockedError(f"{directory} is in use by another process") from None
    return descriptor


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
