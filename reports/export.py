"""A report as a file: CSV, JSON and Excel of one Document, so that they say the same. Raw, complete, in parts."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from calls.call_sheet import in_words
from calls.directory.spreadsheet import inert
from calls.export import utc_text
from calls.harmless import json_line
from calls.outage_notes import OutageNote, outages_between, warnings
from calls.workbook import About, Head, Sheets
from reports.engine import Amount, Answer, Column, Kind, Question, Report, Values, ordered

PART = 1_000  # rows
MOST_AT_ONCE = 1_000
WIDTHS = {Kind.TEXT: 20, Kind.MOMENT: 19}


@dataclass(frozen=True, slots=True)
class Document:
    """A report that has been run; `maker` is for whom. `outages` touch its period: calls in them may be missing."""

    report: Report
    question: Question
    answer: Answer
    outages: list[OutageNote]
    maker: str

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.report.columns]

    @property
    def file_name(self) -> str:
        period = self.question.period
        return f"{self.report.slug}-{period.first_day}-{period.last_day}"

    @property
    def is_short(self) -> bool:
        """Whether a file of it is made at once."""
        return not self.answer.is_cut and len(self.answer.rows) <= MOST_AT_ONCE

    @property
    def total(self) -> Values | None:
        return self.answer.total if self.report.has_total and self.answer.total else None

    def parts(self) -> Iterator[list[Values]]:
        if self.answer.is_cut and self.report.every:
            yield from self.report.every(self.question)
            return
        for first in range(0, len(self.answer.rows), PART):
            yield self.answer.rows[first : first + PART]

    def about(self, *, with_outages: bool = True) -> About:
        """What paper and workbooks say above the rows."""
        calls = self.answer.calls
        now = timezone.localtime(self.question.now)
        period = self.question.period
        notices = warnings(self.outages, self.question.now, period.since, period.until) if with_outages else []
        return About(
            self.report.title,
            [
                in_words(self.question.selection),
                f"{calls:,} call{'' if calls == 1 else 's'}, counted in {settings.TIME_ZONE}.",
                *map(str, notices),
                f"Made {now.day} {now:%b %Y %H:%M} by {self.maker}.",
            ],
            self.maker,
        )


def answered(report: Report, question: Question, sort: str, maker: str) -> Document:
    """Run the report. A question with errors has none."""
    answer = Answer([], [], {}, 0) if question.errors else ordered(report, report.run(question), sort)
    period = question.period
    outages = outages_between(period.since, period.until, question.now, question.feed)
    return Document(report, question, answer, outages, maker)


def csv_parts(document: Document) -> Iterator[str]:
    yield _csv([document.names])
    for part in document.parts():
        yield _csv([[_cell(row[name]) for name in document.names] for row in part])
    if document.total:
        yield _csv([[_cell(document.total.get(name)) for name in document.names]])


def json_parts(document: Document) -> Iterator[str]:
    """One object: report, since, until, calls, outages, rows, total."""
    names, question, total = document.names, document.question, document.answer.total
    head = {
        "report": document.report.slug,
        "since": utc_text(question.period.since),
        "until": utc_text(question.period.until),
        "calls": document.answer.calls,
        "outages": [outage.as_json() for outage in document.outages],
    }
    yield json_line(head)[:-1] + ', "rows": ['
    before = ""
    for part in document.parts():
        if part:
            yield before + ", ".join(json_line({name: plain(row[name]) for name in names}) for row in part)
            before = ", "
    yield f'], "total": {json_line({name: plain(total.get(name)) for name in names})}}}'


PARTS = {"csv": csv_parts, "json": json_parts}


def workbook(
    target: Path | IO[bytes], document: Document, progress: Callable[[int], None] = lambda _done: None
) -> None:
    columns = document.report.columns
    heads = [Head(column.label, column.kind, WIDTHS.get(column.kind, 12)) for column in columns]
    sheets = Sheets(target, document.about(), heads, ZoneInfo(settings.TIME_ZONE))
    done = 0
    for part in document.parts():
        for row in part:
            sheets.row(_typed(column, row[column.name]) for column in columns)
        done += len(part)
        progress(done)
    if total := document.total:
        sheets.row((_typed(column, total.get(column.name)) for column in columns), is_total=True)
    if document.answer.note and not document.answer.is_cut:
        sheets.note(document.answer.note)
    sheets.close()


def plain(value: Any) -> Any:
    """A value as files have it: instants as ISO 8601 in UTC, shares and decimals to four digits."""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Amount):
        return str(value)
    return round(value, 4) if isinstance(value, float) else value


def _typed(column: Column, value: Any) -> Any:
    """Text in a column of quantities, as a total's label may be, is left out."""
    return None if isinstance(value, str) and column.kind != Kind.TEXT else value


def _cell(value: Any) -> Any:
    value = plain(value)
    return "" if value is None else inert(value) if isinstance(value, str) else value


def _csv(rows: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
