"""The catalogue, and one view for every report: page, CSV, JSON, Excel and PDF of the same rows."""

import io

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import scope_of
from calls.download import CONTENT_TYPES, as_download
from reports import bills as billing
from reports import paper
from reports.catalogue import REPORTS
from reports.engine import Question, Report
from reports.export import PARTS, Document, answered, workbook
from reports.kept_views import remember
from reports.limits import TooLongError
from reports.models import SavedReport
from reports.pages import context_of, document_of, paper_of

FORMATS = ("csv", "json", "xlsx", "pdf")
QUESTIONS = ("Who called?", "Are we answering?", "What does it cost?", "Enough lines?", "Can we trust it?")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
    remember(request)
    saved = [
        kept
        for kept in SavedReport.objects.seen_by(request.user.pk)
        if kept.slug in REPORTS and all(word in kept.name.casefold() for word in words)
    ]
    return render(
        request,
        "reports/index.html",
        {"groups": found, "asked": request.GET.get("q", ""), "saved": saved, "titles": REPORTS},
    )


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    """Of the period and filters of the address, as the list of calls reads them; `sort`, `compare`, `format`."""
    found = REPORTS.get(slug)
    if found is None:
        raise Http404
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    question = Question(request.GET, scope, timezone.now(), request.user.pk)
    wanted = request.GET.get("format", "")
    if wanted and (question.errors or wanted not in FORMATS):
        return _refusal(question.errors or [f"“{wanted}” is not a format. Use {', '.join(FORMATS)}."])
    sort, maker, may_act = request.GET.get("sort", ""), name_of(request), _may_act(request, found)
    try:
        if wanted:
            return _file(request, answered(found, question, sort, maker), wanted)
        context = context_of(document_of(found, question, sort, maker), request.GET, may_act=may_act)
    except TooLongError as error:
        if wanted:
            return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
        question.errors.append(str(error))
        context = context_of(document_of(found, question, sort, maker), request.GET, may_act=may_act)
    return render(
        request,
        "reports/report.html",
        context
        | {
            "compare": _address(request, compare="no" if context["before"] else "before"),
            "files": {form: _address(request, format=form) for form in FORMATS},
            "query": request.GET.urlencode(),
            "mine": _address(request, mine="" if question.only_mine else "1") if slug == "unreturned" else "",
        },
    )


@require_safe
def bills(request: HttpRequest) -> HttpResponse:
    """A page for each department's recharge bill, or for one of them; `format` pdf."""
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    question = Question(request.GET, scope, timezone.now())
    wanted = request.GET.get("format", "")
    try:
        context = billing.context_of(question, name_of(request))
    except TooLongError as error:
        if wanted:
            return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
        question.errors.append(str(error))
        context = billing.context_of(question, name_of(request))
    if wanted and (question.errors or wanted != "pdf"):
        return _refusal(question.errors or [f"“{wanted}” is not a format. Use pdf."])
    if not wanted:
        return render(request, "reports/bills.html", {**context, "pdf": _address(request, format="pdf")})
    if sum(bill.rows for bill in context["bills"]) > paper.MOST_AT_ONCE:
        return _later(request, billing.SLUG, "pdf")
    name = f"recharge-{question.period.first_day}-{question.period.last_day}"
    return _pdf(billing.paper_of(context), name)


def name_of(request: HttpRequest) -> str:
    user = request.user
    assert user.is_authenticated
    return user.get_full_name() or user.get_username()


def _refusal(errors: list[str]) -> HttpResponse:
    return HttpResponseBadRequest("\n".join(errors), content_type="text/plain; charset=utf-8")


def _file(request: HttpRequest, document: Document, form: str) -> HttpResponse | StreamingHttpResponse:
    """At once where it is short. Text streams; anything else that is long is made by a process of its own."""
    if form in PARTS:
        parts = PARTS[form](document)
        if not document.is_short:
            return as_download(request, parts, form, document.file_name)
        return _attached("".join(parts), CONTENT_TYPES[form], f"{document.file_name}.{form}")
    if form == "xlsx" and document.is_short:
        target = io.BytesIO()
        workbook(target, document)
        return _attached(target.getvalue(), XLSX, f"{document.file_name}.{form}")
    if form == "pdf" and len(document.answer.rows) <= paper.MOST_AT_ONCE:
        return _pdf(paper_of(document, request.GET, paper.MOST_AT_ONCE), document.file_name)
    return _later(request, document.report.slug, form)


def _pdf(html: str, name: str) -> HttpResponse:
    try:
        made = paper.pdf(html, paper.AT_ONCE_SECONDS)
    except paper.NoPaperError as error:
        return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
    return _attached(made, "application/pdf", f"{name}.pdf")


def _later(request: HttpRequest, of: str, form: str) -> HttpResponse:
    """To where it is asked for; nothing is begun by an address alone."""
    query = request.GET.copy()
    query.pop("format", None)
    query["of"], query["form"] = of, form
    return redirect(f"{reverse('reports:export-new')}?{query.urlencode()}")


def _attached(content: str | bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _may_act(request: HttpRequest, report: Report) -> bool:
    return report.action is not None and request.user.has_perm(report.action.permission)


def _address(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"
