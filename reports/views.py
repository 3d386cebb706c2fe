"""The catalogue, and one view for every report: page, CSV and JSON of the same rows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import scope_of
from calls.outage_notes import outages_between, warnings
from reports.catalogue import REPORTS
from reports.course import course
from reports.engine import Answer, Column, Kind, Question, Report, Values, calls_address, ordered
from reports.export import as_json, csv_lines
from reports.limits import TooLongError
from reports.tables import MOST_ROWS, figure, report_table

FORMATS = ("csv", "json")
QUESTIONS = ("Who called?", "Are we answering?", "What does it cost?", "Enough lines?", "Can we trust it?")
MOST_STATS = 8


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every report by the question it answers; `q` keeps those whose words have all of its own."""
    words = request.GET.get("q", "").casefold().split()
    groups: dict[str, list[Report]] = {question: [] for question in QUESTIONS}
    for report in REPORTS.values():
        said = f"{report.title} {report.purpose} {report.group}".casefold()
        if all(word in said for word in words):
            groups.setdefault(report.group, []).append(report)
    found = {group: reports for group, reports in groups.items() if reports}
    return render(request, "reports/index.html", {"groups": found, "asked": request.GET.get("q", "")})


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """Of the period and filters of the address, as the list of calls reads them; `sort`, `compare`, `format`."""
    found = REPORTS.get(slug)
    if found is None:
        raise Http404
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    now = timezone.now()
    question = Question(request.GET, scope, now)
    wanted = request.GET.get("format", "")
    if wanted and (question.errors or wanted not in FORMATS):
        errors = question.errors or [f"“{wanted}” is not a format. Use {' or '.join(FORMATS)}."]
        return HttpResponseBadRequest("\n".join(errors), content_type="text/plain; charset=utf-8")
    sort = request.GET.get("sort", "") or found.sort
    answer, before, drawn = Answer([], [], {}, 0), _before(request, found, question), None
    totals_before: Values = {}
    try:
        if not question.errors:
            answer = ordered(found, found.run(question), sort)
        if not wanted:
            totals_before = _totals_before(before, question, answer) if before else {}
            drawn = course(question) if found.has_course and not question.errors else None
    except TooLongError as error:
        if wanted:
            return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
        question.errors.append(str(error))
        answer = Answer([], [], {}, 0)
    period = question.period
    outages = outages_between(period.since, period.until, now, question.feed)
    if wanted == "csv":
        response = HttpResponse("".join(csv_lines(found, answer)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{slug}-{period.first_day}-{period.last_day}.csv"'
        return response
    if wanted == "json":
        return HttpResponse(as_json(found, question, answer, outages), content_type="application/json")
    return render(
        request,
        "reports/report.html",
        {
            "report": found,
            "question": question,
            "selection": question.selection,
            "answer": answer,
            "period": period,
            "outage_notices": warnings(outages, now, period.since, period.until),
            "table": report_table(found, question, answer, sort),
            "cut": len(answer.rows) - MOST_ROWS if len(answer.rows) > MOST_ROWS else 0,
            "most_rows": MOST_ROWS,
            "stats": _stats(found, question, answer, totals_before),
            "before": question.before().period if before else None,
            "compare": _address(request, compare="no" if before else "before"),
            "can_compare": bool(answer.total),
            "course": drawn,
            "zone": settings.TIME_ZONE,
            "csv": _address(request, format="csv"),
            "json": _address(request, format="json"),
        },
    )


def _before(request: HttpRequest, report: Report, question: Question) -> Report | None:
    """The report again where the period before is to stand beside its totals."""
    asked = request.GET.get("compare", "before" if report.compares else "")
    return report if asked == "before" and not question.errors else None


def _totals_before(report: Report, question: Question, answer: Answer) -> Values:
    return report.run(question.before()).total if answer.before is None else answer.before


@dataclass(frozen=True, slots=True)
class Stat:
    """A total above the rows; `change` is how it differs from the period before, `tone` better, worse or neither."""

    label: str
    value: str
    help: str
    address: str | None
    change: str
    base: str
    tone: str


def _stats(report: Report, question: Question, answer: Answer, before: Values) -> list[Stat]:
    found = []
    for column in report.columns:
        value = answer.total.get(column.name)
        if column.kind in {Kind.TEXT, Kind.MOMENT} or value in (None, ""):
            continue
        change, tone = _change(column, value, before.get(column.name))
        base = figure(column, before.get(column.name)) if change else ""
        address = calls_address(question, column, {}) if value and answer.calls else None
        found.append(Stat(column.label, figure(column, value), column.help, address, change, base, tone))
    return found[:MOST_STATS]


def _change(column: Column, value: Any, before: Any) -> tuple[str, str]:
    """Shares differ in points, the rest in percent; nothing is said where there is no base."""
    if before in (None, "") or (not before and column.kind != Kind.SHARE):
        return "", ""
    if column.kind == Kind.MONEY:
        if value.currency != before.currency:
            return "", ""
        value, before = value.millionths, before.millionths
    if column.kind == Kind.SHARE:
        by, unit = round(100 * value) - round(100 * before), " pt"
    else:
        by, unit = round(100 * (value - before) / before), "%"
    if not by:
        return "same", ""
    tone = ("better" if by * column.better > 0 else "worse") if column.better else ""
    return f"{'▲' if by > 0 else '▼'} {abs(by):,}{unit}", tone


def _address(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"
