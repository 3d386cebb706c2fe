"""Every call as JSON lines or CSV."""

from argparse import ArgumentParser
from typing import Any

from calls.access import EVERYTHING
from calls.directory.models import Feed
from calls.download import csv_text
from calls.export import CALL_FIELDS, call_record, in_call_id_order
from calls.harmless import json_line
from calls.models import Call
from smdr_site.commands import Command as TollbookCommand
from smdr_site.commands import Error, instant


class Command(TollbookCommand):
    help = "Write every call: the fields of docs/call-model.md, times in UTC, money as text."
    example = "manage.py export_calls --feed 'Head office' --since 2026-11-01 > november.jsonl"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["json", "csv"], default="json", help="one JSON object a line, or CSV")
        parser.add_argument("--feed", help="only this feed")
        parser.add_argument("--since", type=instant, help="calls that started then or later (ISO 8601)")
        parser.add_argument("--until", type=instant, help="calls that started before then (ISO 8601)")

    def run(self, **options: Any) -> None:
        calls = Call.objects.visible_to(EVERYTHING)
        if options["feed"]:
            if not Feed.objects.filter(name=options["feed"]).exists():
                raise Error(f"There is no feed named “{options['feed']}”.")
            calls = calls.filter(feed__name=options["feed"])
        if options["since"]:
            calls = calls.filter(started_at__gte=options["since"])
        if options["until"]:
            calls = calls.filter(started_at__lt=options["until"])
        records = (call_record(call) for call in in_call_id_order(calls))
        if options["format"] == "json":
            for record in records:
                self.stdout.write(json_line(record))
            return
        self.stdout.write(csv_text([[*CALL_FIELDS, "legs"]]), ending="")
        for record in records:
            self.stdout.write(csv_text([{**record, "legs": json_line(record["legs"])}.values()]), ending="")
