"""How each feed is doing, for people and for monitoring."""

import json
from typing import Any

from django.utils import timezone
from rich.table import Table

from ingest.status import feed_statuses
from smdr_site.commands import ArgumentParser
from smdr_site.commands import Command as TollbookCommand


class Command(TollbookCommand):
    help = "Show each feed's connection, counters, backlog and open calls."
    example = "manage.py ingest_status --json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, for monitoring")

    def run(self, **options: Any) -> None:
        statuses = feed_statuses()
        if options["json"]:
            self.stdout.write(json.dumps({"feeds": [status.as_json() for status in statuses]}))
            return
        if not statuses:
            self.stdout.write("There is no feed yet. Add one at /feeds/, or load a file with ingest --file.")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Feed", "State", "Last line"):
            table.add_column(title)
        for title in ("Accepted", "Events", "Duplicates", "Quarantined", "Backlog", "Open calls"):
            table.add_column(title, justify="right")
        for status in statuses:
            last = status.last_line_at
            table.add_row(
                status.feed.name,
                status.health.state,
                f"{timezone.localtime(last):%Y-%m-%d %H:%M:%S}" if last else "never",
                *(
                    f"{count:,}"
                    for count in (
                        status.accepted,
                        status.events,
                        status.duplicates,
                        status.quarantined,
                        status.backlog,
                        status.open_calls,
                    )
                ),
            )
        self.print_rich(table, 120)
        for status in statuses:
            if status.health.error:
                self.stdout.write(f"{status.feed.name}: {status.health.error}")
