"""A dump that somebody edited, or that was cut while it was written."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from calls.directory.models import Feed, FeedState
from ingest.dump import NotADumpError, dumped
from ingest.files import FileLoad
from ingest.journal import Journal
from ingest.segments import Received
from tests.ingest.lines import smdr_line

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def record(number: int) -> str:
    line = smdr_line(call_id=f"20120309132040{number:08}")
    return dumped(Received(1_331_299_240_000_000 + number, 1, 5, number, 1, 0, 0, line), 7)


def test_of_a_dump_that_was_cut_all_before_the_cut_is_stored() -> None:
    feed = Feed.objects.create(name="Head office")
    text = "\n".join(record(number) for number in range(1, 4))
    with pytest.raises(NotADumpError, match=r"Line 3 .*before it"):
        FileLoad(feed).run(io.BytesIO(text[:-40].encode()))
    assert FeedState.objects.get(feed=feed).events == 2
    loaded = FileLoad(feed).run(io.BytesIO(text.encode()))
    assert (loaded.events, loaded.duplicates) == (1, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"fault": 3}, {"fault": -1}, {"n": 0}, {"n": 2**31}, {"connection": 2**63}, {"received_us": 10**18},
        {"received_us": float("inf")}, {"received_us": -1}, {"origin": "fax"}, {"line": 7}, {"line": "☃"},
    ],
)  # fmt: skip
def test_a_record_that_no_journal_wrote_is_refused(change: dict[str, object]) -> None:
    feed = Feed.objects.create(name="Head office")
    bad = json.dumps(json.loads(record(2)) | change)
    with pytest.raises(NotADumpError, match="Line 2 "):
        FileLoad(feed).run(io.BytesIO(f"{record(1)}\n{bad}\n{record(3)}\n".encode()))
    assert FeedState.objects.get(feed=feed).accepted == 1


def test_two_workers_records_are_dumped_as_they_arrived(tmp_path: Path, settings: Settings) -> None:
    """An offline load that met a hunt group first where it is diverted to would take it for a person."""
    settings.SMDR_DATA_DIR = tmp_path
    feed = Feed.objects.create(name="Head office")
    for first in (1, 2):
        journal = Journal.create(tmp_path, feed.pk)
        journal.append_now((second, first, 1, 0, 0, b"%d" % second) for second in range(first, 9, 2))
        journal.close()
    out = io.StringIO()
    call_command("journal", "dump", stdout=out)
    assert [json.loads(line)["received_us"] for line in out.getvalue().splitlines()] == list(range(1, 9))
