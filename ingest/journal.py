"""The journal: a line is accepted when it is in here and fsynced, whatever the database does.

One directory for each feed and writer, ``<data>/journal/<feed>/<journal id>/``, held by a lock; in it segments, see
ingest/segments.py. Appending never waits for the disk: a thread writes and fsyncs what has gathered, at once when it
is idle, else every 5 ms: each group has its price in processor time, however few lines are in it. Reading goes up to
what is fsynced.
"""

import contextlib
import fcntl
import logging
import os
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from ingest.disk import Disk, Space, allocate, sync_directory
from ingest.segments import BODY, HEAD, MAGIC, Damaged, Received, Segments, sound_bytes

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 16 << 20
PENDING_LIMIT_BYTES = 16 << 20
GATHER_SECONDS = 0.005  # from one group to the next; the first after a pause is not kept waiting
RETRY_SECONDS = 1.0
SPARE = "spare"
LOCK = "lock"
IS_ID = re.compile("[0-9a-f]{16}")  # whatever else lies beside journals, such as a copy of one, is none
END = "end"  # the last sequence of a journal that was closed, so that nobody has to read it to know

Frame = tuple[int, int, int, int, int, bytes]  # received_us, connection, n, origin, fault, line


class JournalLockedError(RuntimeError):
    """Another process writes this journal."""


def journals(data_directory: Path, feed: int) -> list[Path]:
    """The directories of a feed's journals, oldest first."""
    root = data_directory / "journal" / str(feed)
    return sorted((path for path in root.glob("*") if IS_ID.fullmatch(path.name)), key=_begun_at)


def _begun_at(directory: Path) -> int:
    """When a journal was made, in nanoseconds: its directory changes with each segment, and its lock never does."""
    try:
        return (directory / LOCK).stat().st_mtime_ns
    except FileNotFoundError:
        return directory.stat().st_mtime_ns


def closed_at(directory: Path) -> int | None:
    """The last sequence of a journal that was closed; None of one that is written, or whose writer was killed."""
    try:
        return int((directory / END).read_text())
    except (FileNotFoundError, ValueError):
        return None


def new_id() -> int:
    """A random positive 63-bit number, for a journal or a connection."""
    return secrets.randbits(62) + 1


class Journal:
    """A journal open for writing, and for reading what it has accepted. Thread-safe.

    Create it with `create` or `adopt`. `start` runs the thread that makes appended records durable, and sets the next
    segment's space aside on the disk, so that nothing else that grows can take it; without it `append_now` writes in
    the caller's thread. `space` bounds what all journals take together.
    """

    def __init__(
        self,
        directory: Path,
        *,
        disk: Disk | None = None,
        space: Space | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.directory = directory
        self.feed = int(directory.parent.name)
        self.journal_id = int(directory.name, 16)
        self.error = ""
        self._disk = disk or Disk()
        self._space = space
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._appended = threading.Condition(self._lock)
        self._accepted = threading.Condition(self._lock)
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[], None]] = []
        self._lock_descriptor = _locked(directory)
        (directory / END).unlink(missing_ok=True)
        self._reader = Segments(directory)
        self._sequence = self._mend_tail()
        self.durable_sequence = self._sequence
        self._descriptor = -1
        self._written = 0

    @classmethod
    def create(
        cls,
        data_directory: Path,
        feed: int,
        *,
        disk: Disk | None = None,
        space: Space | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Self:
        directory = data_directory / "journal" / str(feed) / f"{new_id():016x}"
        directory.mkdir(parents=True)
        for parent in (directory.parent, directory.parent.parent, data_directory):
            sync_directory(parent)
        try:
            return cls(directory, disk=disk, space=space, segment_bytes=segment_bytes)
        except OSError:
            with contextlib.suppress(OSError):  # who tries again every second must not leave a directory each time
                (directory / LOCK).unlink(missing_ok=True)
                directory.rmdir()
            raise

    @classmethod
    def adopt(cls, directory: Path) -> Self:
        """Take over a journal whose writer is gone. Raises JournalLockedError if it is not."""
        return cls(directory)

    # Writing

    def start(self) -> None:
        self._set_space_aside()
        self._thread = threading.Thread(target=self._run, name=f"journal-{self.feed}", daemon=True)
        self._thread.start()

    def append(self, frames: Iterable[Frame]) -> int:
        """Queue ``(received_us, connection, n, origin, fault, line)`` of lines; returns the last one's sequence.

        They are accepted when `durable_sequence` has reached it.
        """
        with self._lock:
            data = self._encode(frames)
            if data:
                self._pending.append(data)
                self._pending_bytes += len(data)
                self._appended.notify()
            return self._sequence

    def append_now(self, frames: Iterable[Frame]) -> int:
        """Write and fsync in this thread. Raises OSError; what was not accepted is then not in the journal."""
        with self._lock:
            before = self._sequence
            data = self._encode(frames)
            try:
                self._write(data, before + 1)
            except BaseException:  # a Ctrl-C, too
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
            return self._accepted.wait_for(
                lambda: self.durable_sequence >= sequence or self._stopping, timeout_seconds
            ) and (self.durable_sequence >= sequence)

    def close(self) -> None:
        """Make all that was appended durable if the disk lets us, and let the journal go."""
        with self._lock:
            self._stopping = True
            self._appended.notify_all()
            self._accepted.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._drop_segment()
        (self.directory / SPARE).unlink(missing_ok=True)
        if self._lock_descriptor >= 0:
            with contextlib.suppress(OSError):  # only spares a later reading
                (self.directory / END).write_text(str(self.durable_sequence))
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    def remove(self) -> None:
        """Close the journal and delete it: all of it must have been stored."""
        directory = self.directory
        for segment in directory.glob("*.seg"):
            segment.unlink()
        (directory / SPARE).unlink(missing_ok=True)
        self.close()
        for name in (END, LOCK):
            (directory / name).unlink(missing_ok=True)
        directory.rmdir()
        sync_directory(directory.parent)

    def _encode(self, frames: Iterable[Frame]) -> bytes:
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
        next_at = 0.0
        while True:
            with self._lock:
                self._appended.wait_for(lambda: self._pending or self._stopping)
                if not self._pending:
                    return
            if (pause := next_at - time.monotonic()) > 0:
                time.sleep(pause)
            next_at = time.monotonic() + GATHER_SECONDS
            with self._lock:
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
                self._accepted.notify_all()
            self._tell()
            self._set_space_aside()

    def _fail(self, error: OSError) -> None:
        """The descriptor is not to be trusted after a failure: the bytes go into a new segment, later."""
        self._drop_segment()
        if not self.error:
            logger.error("the journal cannot be written", extra={"error": str(error)})
        self.error = f"The journal cannot be written: {error.strerror or error}. Lines are not read until it can."
        self._tell()
        with self._lock:
            self._appended.wait_for(lambda: self._stopping, RETRY_SECONDS)

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
        if self._space is not None:
            self._space.make_room(self._segment_bytes)
        spare = self.directory / SPARE
        if not spare.exists():
            allocate(spare, 0)
        for attempt in range(1_000_000):
            path = self.directory / f"{first:020}-{attempt}.seg"
            try:
                path.hardlink_to(spare)
            except FileExistsError:
                continue
            spare.unlink()
            sync_directory(self.directory)
            return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        raise OSError("no free name for a segment")

    def _set_space_aside(self) -> None:
        """Keep the next segment's space allocated; a disk without it is told when the segment is needed."""
        spare = self.directory / SPARE
        if not spare.exists():
            try:
                allocate(spare, self._segment_bytes)
            except OSError as error:
                spare.unlink(missing_ok=True)
                logger.warning("no space could be set aside for the journal", extra={"error": str(error)})

    def _drop_segment(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                # takes away what was never accepted, and gives back what was set aside beyond the end
                os.ftruncate(descriptor, self._written)
            except OSError as error:
                logger.warning("a segment of the journal could not be trimmed", extra={"error": str(error)})
            os.close(descriptor)

    def _mend_tail(self) -> int:
        """Cut a torn tail off the last segment: it was never accepted. Returns the last sound sequence."""
        last = self._reader.last_sequence()
        segments = self._reader.segments()
        if segments:
            path = segments[-1].path
            data = path.read_bytes()
            sound = sound_bytes(data)
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
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalLockedError(f"{directory} is in use by another process") from None
    return descriptor
