"""Any report of the catalogue, without a browser."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from rich.table import Table

from calls.access import EVERYTHING
from calls.directory.models import Department, Feed
from calls.filters import CallFilter
from calls.outage_notes import warnings
from reports import paper
from reports.catalogue import REPORTS
from reports.engine import Answer, Column, Kind, Question, Report
from reports.export import PARTS, Document, answered, workbook
from reports.limits import TooLongError
from reports.pages import paper_of
from reports.tables import figure
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
        parser.add_argument(
            "--filter", action="append", default=[], metavar="NAME=VALUE", help="as in a page's address; several may be"
        )
        parser.add_argument("--sort", default="", help="a column's name, - before it for descending")
        parser.add_argument("--format", choices=["table", "csv", "json", "xlsx", "pdf"], default="table")
        parser.add_argument("--output", type=Path, metavar="PATH", help="of an xlsx or pdf; default: standard output")

    def run(self, **options: Any) -> None:
        report = REPORTS[options["slug"]]
        now = timezone.now()
        question = Question(_parameters(options), EVERYTHING, now)
        if question.errors:
            raise Error(" ".join(question.errors), returncode=2)
        try:
            document = answered(report, question, options["sort"], "manage.py report")
        except TooLongError as error:
            raise Error(str(error)) from None
        if options["format"] in PARTS:
            for part in PARTS[options["format"]](document):
                self.stdout.write(part, ending="")
            if options["format"] == "json":
                self.stdout.write("")
        elif options["format"] == "table":
            self._print(report, question, document.answer)
        else:
            _write_binary(document, options["format"], options["output"])
        if options["format"] != "json":
            period = question.period
            for notice in warnings(document.outages, now, period.since, period.until):
                self.stderr.write(str(notice))

    def _print(self, report: Report, question: Question, answer: Answer) -> None:
        table = Table(title=f"{report.title}, {question.period.dates} ({settings.TIME_ZONE})", box=None, pad_edge=False)
        for column in report.columns:
            is_text = column.kind in {Kind.TEXT, Kind.MOMENT}
            table.add_column(column.label, justify="left" if is_text else "right")
        for row in answer.rows:
            table.add_row(*(_text(column, row[column.name]) for column in report.columns))
        if report.has_total and answer.total:
            table.add_section()
            table.add_row(*(_text(column, answer.total.get(column.name)) for column in report.columns), style="bold")
        self.print_rich(table, 160)
        self.stdout.write(f"{answer.calls:,} calls. {answer.note}")


def _write_binary(document: Document, form: str, output: Path | None) -> None:
    if output is None and sys.stdout.isatty():
        raise Error("Name a file: --output PATH", returncode=2)
    with output.open("wb") if output else sys.stdout.buffer as target:
        if form == "xlsx":
            workbook(target, document)
            return
        try:
            target.write(paper.pdf(paper_of(document, QueryDict(), paper.MOST_ROWS)))
        except paper.NoPaperError as error:
            raise Error(str(error)) from None


def _text(column: Column, value: Any) -> str:
    return "" if value in (None, "") else figure(column, value)


def _parameters(options: dict[str, Any]) -> QueryDict:
    """The options as the address of a page has them. Raises Error for a name that the directory does not know."""
    asked = QueryDict(mutable=True)
    named: tuple[tuple[str, type[Feed] | type[Department]], ...] = (("feed", Feed), ("department", Department))
    known = {name: _pk(model, options[name]) for name, model in named}
    asked.update({name: str(value) for name, value in known.items() if value is not None})
    asked.update({name: options[name] for name in ("since", "until") if options[name]})
    if not (options["since"] or options["until"]):
        asked["period"] = "today"
    for text in options["filter"]:
        name, _, value = text.partition("=")
        if not value or name not in CallFilter.base_filters:
            raise Error(f"“{text}” is not a filter. Write one of {', '.join(CallFilter.base_filters)}, = and a value.")
        asked[name] = value
    return asked


def _pk(model: type[Feed] | type[Department], name: str | None) -> int | None:
    if name is None:
        return None
    found = model.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise Error(f"There is no {model._meta.verbose_name} named “{name}”.")
    return found
