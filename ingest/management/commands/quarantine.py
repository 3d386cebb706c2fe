"""What was accepted and is no event."""

from typing import Any

from calls.directory.models import Feed
from ingest.quarantine import quarantine_records
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand


class Command(TollbookCommand):
    help = (
        "Write every quarantined line, packed ones too, one JSON object a line with its reason;\n"
        "`ingest --file` reads that form, for when a line can be read after all."
    )
    example = "manage.py quarantine dump --feed 'Head office' > quarantined.jsonl"

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
            for record in quarantine_records(feed.pk):
                self.stdout.write(record)
