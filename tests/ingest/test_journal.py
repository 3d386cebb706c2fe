"""The journal against real files: what is accepted is read back once and in order, whatever the disk does."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.disk import Disk, Space, delete_stored
from ingest.journal import GATHER_SECONDS, SPARE, Frame, Journal, JournalLockedError, closed_at, journals
from ingest.segments import BODY, HEAD, Damaged, Origin, Received, Segments, scan

FEED = 3
SMALL_SEGMENT = 600
PATIENCE_SECONDS = 20.0
lines = st.lists(st.binary(max_size=40) | st.just(b"TBj1"), min_size=1, max_size=30)
on_a_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path / "journal", ignore_errors=True)


def frames(these: list[bytes], origin: int = Origin.SOCKET) -> list[Frame]:
    return [(1_000 + place, 77, 1, origin, 0, line) for place, line in enumerate(these)]


def written(root: Path, these: list[bytes], group: int = 7) -> Path:
    """A closed journal of these lines in small segments; its directory."""
    shutil.rmtree(root / "journal", ignore_errors=True)
    journal = Journal.create(root, FEED, segment_bytes=SMALL_SEGMENT)
    for start in range(0, len(these), group):
        journal.append_now(frames(these[start : start + group]))
    journal.close()
    return journal.directory


def read_all(reader: Segments | Journal, limit: int = 4) -> list[Received | Damaged]:
    records: list[Received | Damaged] = []
    while more := reader.read(records[-1].sequence + 1 if records else 1, limit):
        records += more
    return records


def boundaries(data: bytes) -> list[int]:
    return [0, *(end for _, end in scan(data))]


@on_a_directory
@given(lines, st.integers(1, 40), st.integers(1, 40))
def test_what_was_appended_is_read_back_in_order(root: Path, these: list[bytes], group: int, limit: int) -> None:
    records = read_all(Segments(written(root, these, group)), limit)
    assert [record.line for record in records] == these
    assert [record.sequence for record in records] == list(range(1, len(these) + 1))


@on_a_directory
@given(lines, st.data())
def test_a_torn_tail_is_dropped_and_nothing_before_it(root: Path, these: list[bytes], data: st.DataObject) -> None:
    directory = written(root, these)
    last = Segments(directory).segments()[-1].path
    content = last.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    last.write_bytes(content[:cut])
    whole = sum(end <= cut for end in boundaries(content)) - 1 + int(last.name[:20]) - 1
    journal = Journal.adopt(directory)
    assert [record.line for record in read_all(journal)] == these[:whole]
    journal.append_now(frames([b"goes on"]))
    assert [record.line for record in read_all(journal)] == [*these[:whole], b"goes on"]
    journal.close()


@on_a_directory
@given(st.lists(st.binary(min_size=1, max_size=30), min_size=3, max_size=30), st.data())
def test_a_damaged_record_with_sound_ones_after_it_is_told_and_harms_no_neighbour(
    root: Path, these: list[bytes], data: st.DataObject
) -> None:
    directory = written(root, these)
    segments = Segments(directory).segments()
    segment = data.draw(st.sampled_from(segments))
    content = bytearray(segment.path.read_bytes())
    places = sorted(data.draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=3)))
    for place in places:
        content[place] ^= 0xFF
    segment.path.write_bytes(content)
    begins = places_of_records(these, segment.first, [other.first for other in segments])
    hit = {segment.first + sum(begin <= place for begin in begins) - 1 for place in places}
    # the last records of all were never known to be accepted, if nothing sound follows
    sound_after = [sequence for sequence in range(1, len(these) + 1) if sequence not in hit]
    known = range(1, max(sound_after, default=0) + 1)
    records = read_all(Segments(directory))
    assert [record.sequence for record in records] == list(known)
    assert {record.sequence for record in records if isinstance(record, Damaged)} == hit & set(known)
    for record in records:
        if isinstance(record, Received):
            assert record.line == these[record.sequence - 1]


def places_of_records(these: list[bytes], first: int, firsts: list[int]) -> list[int]:
    """Where the records of the segment that begins with the sequence `first` begin, by their sizes."""
    following = next((other for other in firsts if other > first), len(these) + 1)
    places, place = [], 0
    for sequence in range(first, following):
        places.append(place)
        place += HEAD.size + BODY.size + len(these[sequence - 1])
    return places


class FailingDisk(Disk):
    """Fails at the chosen calls; a failed write leaves half its bytes. Notes which descriptors failed and were used."""

    def __init__(self, failing: set[int], *, in_sync: bool) -> None:
        self.failing, self.in_sync = failing, in_sync
        self.calls = 0
        self.distrusted: set[int] = set()
        self.used_again: set[int] = set()

    def write(self, descriptor: int, data: bytes) -> None:
        stat = os.fstat(descriptor)
        if stat.st_ino in self.distrusted:
            self.used_again.add(stat.st_ino)
        if not self.in_sync and self._is_failing():
            super().write(descriptor, data[: len(data) // 2])
            self.distrusted.add(stat.st_ino)
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self.in_sync and self._is_failing():
            self.distrusted.add(os.fstat(descriptor).st_ino)
            raise OSError(errno.EIO, "Input/output error")
        super().sync(descriptor)

    def _is_failing(self) -> bool:
        self.calls += 1
        return self.calls in self.failing


@pytest.mark.parametrize("in_sync", [False, True])
def test_after_a_failing_write_or_fsync_all_that_was_appended_is_accepted_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, in_sync: bool
) -> None:
    monkeypatch.setattr("ingest.journal.RETRY_SECONDS", 0.01)
    disk = FailingDisk({2, 3, 5}, in_sync=in_sync)
    journal = Journal.create(root, FEED, disk=disk, segment_bytes=SMALL_SEGMENT)
    told: list[str] = []
    journal.on_durable(lambda: told.append(journal.error))
    journal.start()
    expected = []
    for number in range(8):
        line = b"line %d" % number
        expected.append(line)
        last = journal.append(frames([line]))
        assert journal.wait_durable(last, PATIENCE_SECONDS)
    assert [record.line for record in read_all(journal)] == expected
    assert sum("cannot be written" in error for error in told) == 3
    assert journal.error == ""
    assert disk.distrusted
    assert not disk.used_again
    journal.close()
    assert [record.line for record in read_all(Segments(journal.directory))] == expected


def test_nothing_is_accepted_while_the_disk_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.journal.RETRY_SECONDS", 0.01)
    journal = Journal.create(root, FEED, disk=FailingDisk(set(range(1, 1_000_000)), in_sync=True))
    journal.start()
    last = journal.append(frames([b"unlucky"]))
    assert not journal.wait_durable(last, 0.1)
    assert journal.durable_sequence == 0
    assert journal.read(1, 10) == []
    assert "Input/output error" in journal.error
    journal.close()


def test_only_one_process_writes_a_journal(root: Path) -> None:
    journal = Journal.create(root, FEED)
    with pytest.raises(JournalLockedError):
        Journal.adopt(journal.directory)
    journal.close()
    Journal.adopt(journal.directory).close()


def test_a_closed_journal_says_where_it_ends_and_an_open_one_does_not(root: Path) -> None:
    directory = written(root, [b"one", b"two"])
    assert closed_at(directory) == 2
    journal = Journal.adopt(directory)
    assert closed_at(directory) is None
    journal.append_now(frames([b"three"]))
    journal.close()
    assert closed_at(directory) == 3


def test_the_next_segments_space_is_set_aside_and_given_back(root: Path) -> None:
    size = 1 << 20
    journal = Journal.create(root, FEED, segment_bytes=size)
    journal.start()
    spare = journal.directory / SPARE
    assert spare.stat().st_blocks * 512 >= size
    assert journal.wait_durable(journal.append(frames([b"x" * 100])), PATIENCE_SECONDS)
    (segment,) = journal.directory.glob("*.seg")
    assert segment.stat().st_blocks * 512 >= size  # what was set aside is what is written to
    assert segment.stat().st_size < 1_000
    journal.close()
    assert segment.stat().st_blocks * 512 < size
    assert not spare.exists()


def test_journals_keep_within_their_limit_and_give_up_the_oldest_that_is_stored(root: Path) -> None:
    space = Space(root / "journal", limit_bytes=20 * SMALL_SEGMENT)
    journal = Journal.create(root, FEED, space=space, segment_bytes=SMALL_SEGMENT)
    for number in range(100):
        last = journal.append_now(frames([b"%05d" % number * 20]))
        space.stored(journal.directory, last + 1)
        assert space.used_bytes() <= space.limit_bytes
    records = read_all(journal)
    assert [record.sequence for record in records] == list(range(records[0].sequence, 101))
    assert 1 < records[0].sequence < 100
    journal.close()


def test_a_full_journal_that_is_not_stored_accepts_nothing_until_it_is(root: Path) -> None:
    space = Space(root / "journal", limit_bytes=4 * SMALL_SEGMENT)
    journal = Journal.create(root, FEED, space=space, segment_bytes=SMALL_SEGMENT)

    def fill() -> None:
        for _ in range(100):
            journal.append_now(frames([b"x" * 100]))

    with pytest.raises(OSError, match="still to be stored"):
        fill()
    accepted = journal.durable_sequence
    assert 0 < accepted < 100
    assert [record.sequence for record in read_all(journal)] == list(range(1, accepted + 1))
    space.stored(journal.directory, accepted + 1)
    assert journal.append_now(frames([b"goes on"])) == accepted + 1
    assert read_all(journal)[-1].line == b"goes on"
    journal.close()


def test_stored_segments_go_when_their_days_are_over(root: Path) -> None:
    directory = written(root, [b"x" * 100 for _ in range(40)], group=1)
    segments = Segments(directory).segments()
    assert len(segments) > 5
    long_ago = time.time() - 100
    for segment in segments[:3]:
        os.utime(segment.path, (long_ago, long_ago))
    assert delete_stored(directory, segments[2].first, older_than=long_ago + 50) == 2
    assert delete_stored(directory, 41, older_than=long_ago + 50) == 1
    assert read_all(Segments(directory))[0].sequence == segments[3].first
    assert delete_stored(directory, 41, older_than=time.time() + 50) == len(segments) - 4
    assert read_all(Segments(directory))[0].sequence == segments[-1].first


def test_what_was_never_accepted_is_not_left_in_a_journal(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C while a file's lines are written: they must not turn up when the journal is looked at, a week later."""
    journal = Journal.create(root, FEED)
    journal.append_now(frames([b"accepted"]))

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(journal._disk, "sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.append_now(frames([b"not accepted"]))
    journal.close()
    assert [record.line for record in read_all(Segments(journal.directory))] == [b"accepted"]
    again = Journal.adopt(journal.directory)
    assert again.durable_sequence == 1
    again.close()


def test_a_directory_that_cannot_be_synced_costs_no_descriptor_a_try(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(root, FEED)

    def failing(directory: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("ingest.journal.sync_directory", failing)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(OSError, match="Input/output"):
            journal.append_now(frames([b"x"]))
    assert len(os.listdir("/proc/self/fd")) == before
    journal.close()


def test_journals_are_told_from_what_lies_beside_them_and_come_in_the_order_of_their_making(root: Path) -> None:
    first, second = (Journal.create(root, FEED) for _ in range(2))
    made = first.directory / "lock"
    os.utime(made, ns=(0, made.stat().st_mtime_ns - 1))  # the file system may not tell them apart
    second.append_now(frames([b"x"]))
    first.append_now(frames([b"x"]))  # its directory changes last
    shutil.copytree(first.directory, first.directory.with_suffix(".bak"))
    (first.directory.parent / "lost+found").mkdir()
    assert journals(root, FEED) == [first.directory, second.directory]
    for journal in (first, second):
        journal.close()


class WatchedDisk(Disk):
    """Counts the groups that are made durable."""

    syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        super().sync(descriptor)


def test_lines_that_come_one_by_one_are_made_durable_in_groups(root: Path) -> None:
    disk = WatchedDisk()
    journal = Journal.create(root, FEED, disk=disk)
    journal.start()
    began = time.monotonic()
    for place in range(200):
        last = journal.append(frames([b"line %d" % place]))
        time.sleep(0.0005)
    assert journal.wait_durable(last, PATIENCE_SECONDS)
    journal.close()
    assert [record.line for record in read_all(Segments(journal.directory))] == [b"line %d" % k for k in range(200)]
    assert disk.syncs <= (time.monotonic() - began) / GATHER_SECONDS + 1


def test_journals_that_come_and_go_do_not_keep_another_from_being_written(root: Path) -> None:
    space = Space(root, 1 << 30)
    journal = Journal.create(root, FEED, space=space)
    journal.append_now(frames([b"kept"]))
    size = space.used_bytes()
    ended = threading.Event()

    def come_and_go() -> None:
        directories = [journal.directory.with_name(f"{number:016x}") for number in range(20)]
        while not ended.is_set():
            for directory in directories:
                directory.mkdir()
            for directory in directories:
                directory.rmdir()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        assert {space.used_bytes() for _ in range(2_000)} == {size}
    finally:
        ended.set()
        other.join()
    journal.close()
