"""How each feed is doing, for people and for monitoring."""

import json
from typing import Any

from django.utils import timezone

from ingest.status import FeedStatus, feed_statuses
from smdr_site.commands import ArgumentParser
from smdr_site.commands import Command as TollbookCommand


class Command(TollbookCommand):
    help = "Show each feed's state and outages, counters, backlog and open calls."
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
        from rich.table import Table  # noqa: PLC0415 - monitoring asks often, and for JSON

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Feed", "State", "Since", "Last line"):
            table.add_column(title)
        for title in ("Accepted", "Events", "Duplicates", "Quarantined", "Backlog", "Open calls"):
            table.add_column(title, justify="right")
        for status in statuses:
            last = status.last_line_at
            table.add_row(
                status.feed.name,
                _state(status),
                f"{timezone.localtime(status.outage.began_at):%a %d %b %H:%M:%S}" if status.outage else "",
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
        self.print_rich(table, 140)
        for status in statuses:
            if status.health.error:
                self.stdout.write(f"{status.feed.name}: {status.health.error}")


def _state(status: FeedStatus) -> str:
    """The state, and why; a backlog beside it."""
    words = [status.health.state, *(outage.kind.replace("_", " ") for outage in status.outages)]
    return ", ".join(dict.fromkeys(words))
