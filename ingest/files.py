"""Loading a file of lines, or of `journal dump`'s records, through a journal of its own: one load is one connection."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils import timezone

from calls.directory.models import Feed
from calls.store import CallStore
from ingest.dump import Entry, NotADumpError, read_dumped
from ingest.framing import LineFramer
from ingest.journal import Journal, new_id
from ingest.left_behind import LeftBehind, journal_space
from ingest.loader import Loaded, Loader, close_stale_calls_of_file
from ingest.receiver import Occurrences
from ingest.segments import Damaged, Origin, Received

READ_BYTES = 1 << 20
BATCH_RECORDS = 10_000  # twice a worker's: fewer calls go on from one batch to the next, and nobody watches this one
ORIGINS = {"auto": Origin.FILE_AUTO, "12": Origin.FILE_12, "24": Origin.FILE_24}


class Appended:
    """A journal that takes `entries` in as they are asked for, and hands on the last without reading it back."""

    def __init__(self, journal: Journal, entries: Iterator[Entry]) -> None:
        self.journal = journal
        self._entries = entries
        self._group: list[Received] = []
        self._error: NotADumpError | None = None

    @property
    def journal_id(self) -> int:
        return self.journal.journal_id

    def read(self, from_sequence: int, limit: int) -> Sequence[Received | Damaged]:
        """Raises OSError, of which no entry is then accepted, and NotADumpError, when all before it was handed on."""
        if from_sequence <= self.journal.durable_sequence:
            group = self._group
            if group and group[0].sequence == from_sequence and len(group) <= limit:
                return group
            return self.journal.read(from_sequence, limit)
        self._group = []
        self._append(self._taken(limit))
        return self._group

    def _taken(self, limit: int) -> list[Entry]:
        if self._error:
            raise self._error
        taken: list[Entry] = []
        try:
            for entry in self._entries:
                taken.append(entry)
                if len(taken) >= limit:
                    break
        except NotADumpError as error:
            if not taken:
                raise
            self._error = error
        return taken

    def _append(self, group: list[Entry]) -> None:
        if not group:
            return
        feed, last = self.journal.feed, self.journal.append_now(group)
        self._group = [
            Received(received_us, feed, connection, sequence, n, int(origin), fault, line)
            for sequence, (received_us, connection, n, origin, fault, line) in enumerate(group, last - len(group) + 1)
        ]


@dataclass(slots=True)
class FileLoad:
    """Loads one stream into one feed. `on_read` is told how many bytes of it have been taken in."""

    feed: Feed
    clock: str = "auto"
    on_read: Callable[[int], None] = lambda count: None

    def run(self, stream: BinaryIO) -> Loaded:
        """Journal and store all of `stream`. What the journal holds when this fails, the next load or worker stores.

        Raises NotADumpError, OSError, or the database driver's error.
        """
        store, space = CallStore(self.feed.pk), journal_space()
        LeftBehind(store, space).load()
        journal = Journal.create(Path(settings.SMDR_DATA_DIR), self.feed.pk, space=space)
        connection = new_id()
        loaded = Loaded()
        try:
            appended = Appended(journal, self._entries(stream, connection))
            loader = Loader(self.feed.pk, appended, batch_records=BATCH_RECORDS, store=store)
            try:
                while (batch := loader.load_batch()) is not None:
                    loaded.add(batch)
                    space.stored(journal.directory, loader.position)
            except NotADumpError as error:
                raise NotADumpError(f"{error} All before it is stored.") from None
            if loaded.last_at:
                close_stale_calls_of_file(store, self.feed, connection, loaded.last_at, timezone.now())
        finally:
            journal.close()
        return loaded

    def _entries(self, stream: BinaryIO, connection: int) -> Iterator[Entry]:
        data = stream.read(READ_BYTES)
        if data.startswith(b"{"):
            yield from self._dumped(stream, data)
            return
        framer, occurrences = LineFramer(), Occurrences()
        origin = ORIGINS[self.clock]
        received_us = time.time_ns() // 1000
        while data:
            for line, fault in framer.feed(data):
                yield received_us, connection, occurrences.count(line), origin, fault, line
            self.on_read(len(data))
            data = stream.read(READ_BYTES)
        for line, fault in framer.close():
            # the last line of a file often has no end: it is whole if nothing else is wrong with it
            yield received_us, connection, occurrences.count(line), origin, 0 if fault == 2 else fault, line

    def _dumped(self, stream: BinaryIO, data: bytes) -> Iterator[Entry]:
        framer = LineFramer(1 << 20)
        number = 0
        while data:
            for line, _ in framer.feed(data):
                number += 1
                yield read_dumped(line, number)
            self.on_read(len(data))
            data = stream.read(READ_BYTES)
        for line, _ in framer.close():
            yield read_dumped(line, number + 1)
