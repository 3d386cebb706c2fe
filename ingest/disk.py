"""What the journal asks of the disk: writing, fsync, space set aside, and a bound on what journals take together."""

import ctypes
import errno
import logging
import os
import threading
from itertools import pairwise
from pathlib import Path

from ingest.segments import Segment

logger = logging.getLogger(__name__)

KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of fallocate(2)
EVERYTHING = float("inf")


class Disk:
    """The calls by which a journal writes; tests give one that fails."""

    def write(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allocate(path: Path, size: int) -> None:
    """Make an empty file with `size` bytes of the disk set aside for it. Raises OSError where there is no room.

    Its length stays 0, so that a reader sees only what was written. On systems and file systems that cannot do this
    the file is made without.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
        if fallocate is None or size == 0:
            return
        fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
        if fallocate(descriptor, KEEP_SIZE, 0, size) != 0:
            number = ctypes.get_errno()
            if number not in {errno.EOPNOTSUPP, errno.ENOSYS}:
                raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


class Space:
    """How much all journals below `root` may take. Thread-safe.

    A journal says how far it is stored, see `stored`. When room is needed, segments that are wholly stored go, oldest
    first, though their days of keeping are not over.
    """

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self._stored: dict[Path, float] = {}
        self._lock = threading.Lock()

    def stored(self, directory: Path, before: float = EVERYTHING) -> None:
        """The journal's records below the sequence `before` are in the database."""
        with self._lock:
            self._stored[directory] = before

    def used_bytes(self) -> int:
        """Journals come and go meanwhile, and their segments too: `walk` passes over what is gone, `rglob` raises."""
        files = ((directory, name) for directory, _, names in os.walk(self.root) for name in names)
        return sum(_size(Path(directory, name)) for directory, name in files if name.endswith(".seg"))

    def make_room(self, needed_bytes: int) -> None:
        """See to it that so much more fits. Raises OSError (ENOSPC) when too much is still to be stored."""
        excess = self.used_bytes() + needed_bytes - self.limit_bytes
        if excess <= 0:
            return
        with self._lock:
            stored = dict(self._stored)
        for segment in sorted(_stored_segments(stored), key=lambda segment: _written_at(segment.path)):
            excess -= _size(segment.path)
            segment.path.unlink(missing_ok=True)
            logger.warning("a stored segment of the journal went before its time", extra={"file": str(segment.path)})
            if excess <= 0:
                return
        raise OSError(
            errno.ENOSPC, f"journals hold their limit of {self.limit_bytes >> 20} MB, and it is still to be stored"
        )


def delete_stored(directory: Path, before: float, older_than: float) -> int:
    """Delete segments wholly below the sequence `before`, last written before `older_than` (epoch seconds)."""
    deleted = 0
    for segment in _stored_segments({directory: before}):
        if _written_at(segment.path) < older_than:
            segment.path.unlink(missing_ok=True)  # it may have had to make room
            deleted += 1
    if deleted:
        sync_directory(directory)
    return deleted


def _stored_segments(stored: dict[Path, float]) -> list[Segment]:
    """Segments whose records are all stored; never the last of a journal that is still written."""
    found: list[Segment] = []
    for directory, before in stored.items():
        segments = sorted(Segment.of(path) for path in directory.glob("*.seg"))
        found += [segment for segment, following in pairwise(segments) if following.first <= before]
        if segments and before == EVERYTHING:
            found.append(segments[-1])
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _written_at(path: Path) -> float:
    """Epoch seconds; 0 for a file that is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
