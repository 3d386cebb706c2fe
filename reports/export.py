"""A report's rows as CSV and JSON: raw values, durations in seconds, complete."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from calls.directory.spreadsheet import inert
from calls.export import utc_text
from calls.harmless import json_line
from calls.outage_notes import OutageNote
from reports.engine import Answer, Question, Report


def csv_lines(report: Report, answer: Answer) -> Iterator[str]:
    names = [column.name for column in report.columns]
    yield _line(names)
    for row in answer.rows:
        yield _line([_cell(row[name]) for name in names])
    if report.has_total and answer.total:
        yield _line([_cell(answer.total.get(name)) for name in names])


def as_json(report: Report, question: Question, answer: Answer, outages: list[OutageNote]) -> str:
    """`outages` are those that touch the period: calls in them may be missing."""
    names = [column.name for column in report.columns]
    return json_line(
        {
            "report": report.slug,
            "since": utc_text(question.period.since),
            "until": utc_text(question.period.until),
            "calls": answer.calls,
            "outages": [outage.as_json() for outage in outages],
            "rows": [{name: plain(row[name]) for name in names} for row in answer.rows],
            "total": {name: plain(answer.total.get(name)) for name in names},
        }
    )


def plain(value: Any) -> Any:
    """A value as files have it: instants as ISO 8601 in UTC, shares and decimals to four digits."""
    if isinstance(value, datetime):
        return utc_text(value)
    return round(value, 4) if isinstance(value, float) else value


def _cell(value: Any) -> Any:
    value = plain(value)
    return "" if value is None else inert(value) if isinstance(value, str) else value


def _line(values: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()
