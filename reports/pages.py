"""What a report's page and its paper show: the same template, filled from one Document."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict

from calls.outage_notes import outages_between, warnings
from reports.course import course
from reports.engine import Answer, Question, Report, Values
from reports.export import Document
from reports.paper import html_of
from reports.stats import stats_of
from reports.tables import MOST_ROWS, report_table


def document_of(report: Report, question: Question, sort: str, maker: str) -> Document:
    """Of a report that has been run for a page, which need not have more rows than it shows."""
    answer = Answer([], [], {}, 0) if question.errors else report.shown(question, sort, MOST_ROWS)
    period = question.period
    return Document(
        report, question, answer, outages_between(period.since, period.until, question.now, question.feed), maker
    )


def context_of(
    document: Document, asked: QueryDict, most_rows: int = MOST_ROWS, *, may_act: bool = False
) -> dict[str, Any]:
    """`asked` are the address's parameters; at most so many rows stand in the table, with buttons if `may_act`."""
    found, question, answer = document.report, document.question, document.answer
    compares = asked.get("compare", "before" if found.compares else "") == "before" and not question.errors
    before = question.before() if compares else None
    totals_before: Values = {}
    if before:
        totals_before = found.total(before) if answer.before is None else answer.before
    period = question.period
    return {
        "report": found,
        "question": question,
        "selection": question.selection,
        "answer": answer,
        "period": period,
        "outage_notices": warnings(document.outages, question.now, period.since, period.until),
        "table": report_table(found, question, answer, asked.get("sort", "") or found.sort, most_rows, may_act=may_act),
        "cut": answer.row_count > most_rows or answer.is_cut,
        "most_rows": min(most_rows, len(answer.rows)),
        "stats": stats_of(found, question, answer, totals_before),
        "before": before.period if before else None,
        "can_compare": bool(answer.total),
        "course": course(question) if found.has_course and not question.errors else None,
        "zone": settings.TIME_ZONE,
    }


def paper_of(document: Document, asked: QueryDict, most_rows: int) -> str:
    """The same as HTML that is to be made into a PDF. Outages stand in a box of their own."""
    context = context_of(document, asked, most_rows)
    context |= {
        "about": document.about(with_outages=False),
        "maker": document.maker,
        "request": HttpRequest(),
        "on_paper": True,
    }
    return html_of("reports/report.html", context)
