"""What the journals of this machine hold."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from calls.directory.models import Feed
from ingest.dump import dumped
from ingest.journal import journals
from ingest.segments import Damaged, Received, Segments
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand

RECORDS_A_READ = 5_000


class Command(TollbookCommand):
    help = "Write the accepted records as they are, one JSON object a line; `ingest --file` reads that form too."
    example = "manage.py journal dump --feed 'Head office' > accepted.jsonl"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["dump"])
        parser.add_argument("--feed", help="only this feed")

    def run(self, **options: Any) -> None:
        feeds = Feed.objects.order_by("pk")
        if options["feed"]:
            feeds = feeds.filter(name=options["feed"])
            if not feeds:
                raise Error(f"There is no feed named “{options['feed']}”.")
        for feed in feeds:
            of_each = [self.records(directory) for directory in journals(Path(settings.SMDR_DATA_DIR), feed.pk)]
            # as they arrived, whichever of two workers took them: an offline load meets devices in that order
            for record, journal in heapq.merge(*of_each, key=lambda found: found[0].received_us):
                self.stdout.write(dumped(record, journal))

    def records(self, directory: Path) -> Iterator[tuple[Received, int]]:
        reader, sequence = Segments(directory), 1
        while records := reader.read(sequence, RECORDS_A_READ):
            for record in records:
                if isinstance(record, Damaged):
                    self.stderr.write(f"{directory.name}: a damaged record at {record.sequence} was left out")
                else:
                    yield record, reader.journal_id
            sequence = records[-1].sequence + 1
