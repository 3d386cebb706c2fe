"""Any report of the catalogue, without a browser."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from rich.table import Table

from calls.access import EVERYTHING
from calls.directory.models import Department, Feed
from calls.journey import clock
from calls.outage_notes import outages_between, warnings
from calls.periods import PeriodError, read
from reports.catalogue import REPORTS
from reports.engine import Answer, Kind, Question, Report, ordered
from reports.export import as_json, csv_lines
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand


class Command(TollbookCommand):
    help = f"Run a report: {', '.join(REPORTS)}."
    example = "manage.py report by-extension --since 2026-11-01 --until 2026-11-30 --format csv > november.csv"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", choices=list(REPORTS), help="which report")
        parser.add_argument("--since", default="", help="first local day, or date and time")
        parser.add_argument("--until", default="", help="last local day, or date and time (not included)")
        parser.add_argument("--feed", help="only this feed")
        parser.add_argument("--department", help="only calls of this department")
        parser.add_argument("--sort", default="", help="a column's name, - before it for descending")
        parser.add_argument("--format", choices=["table", "csv", "json"], default="table")

    def run(self, **options: Any) -> None:
        report = REPORTS[options["slug"]]
        try:
            period = read(options, timezone.now(), timezone.get_default_timezone())
        except ValueError as error:
            raise Error(str(error), returncode=2 if isinstance(error, PeriodError) else 1) from error
        question = Question(EVERYTHING, period, _pk(Feed, options["feed"]), _pk(Department, options["department"]))
        answer = ordered(report, report.run(question), options["sort"])
        now = timezone.now()
        outages = outages_between(period.since, period.until, now, question.feed)
        if options["format"] == "json":
            self.stdout.write(as_json(report, question, answer, outages))
        elif options["format"] == "csv":
            for line in csv_lines(report, answer):
                self.stdout.write(line, ending="")
        else:
            self._print(report, question, answer)
        if options["format"] != "json":
            for notice in warnings(outages, now, period.since, period.until):
                self.stderr.write(str(notice))

    def _print(self, report: Report, question: Question, answer: Answer) -> None:
        table = Table(title=f"{report.title}, {question.period.dates} ({settings.TIME_ZONE})", box=None, pad_edge=False)
        for column in report.columns:
            table.add_column(column.label, justify="left" if column.kind == Kind.TEXT else "right")
        for row in answer.rows:
            table.add_row(*(_text(row[column.name], column.kind) for column in report.columns))
        table.add_section()
        table.add_row(*(_text(answer.total.get(column.name), column.kind) for column in report.columns), style="bold")
        self.print_rich(table, 160)
        self.stdout.write(f"{answer.calls:,} calls. {answer.note}")


def _text(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    return clock(value) if kind == Kind.SECONDS else f"{value:,}" if kind == Kind.COUNT else str(value)


def _pk(model: type[Feed] | type[Department], name: str | None) -> int | None:
    if name is None:
        return None
    found = model.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise Error(f"There is no {model._meta.verbose_name} named “{name}”.")
    return found
