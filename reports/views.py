"""The catalogue, and one view for every report: page, CSV and JSON of the same rows."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import scope_of
from calls.directory.models import Department, Feed
from calls.outage_notes import outages_between, warnings
from calls.periods import PRESETS, Period, PeriodError, preset, read
from reports.catalogue import REPORTS
from reports.course import course
from reports.engine import Kind, Question, ordered
from reports.export import as_json, csv_lines
from reports.tables import figure, report_table

DEFAULT_PERIOD = "this-week"
FORMATS = ("csv", "json")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    groups: dict[str, list[Any]] = {}
    for report in REPORTS.values():
        groups.setdefault(report.group, []).append(report)
    return render(request, "reports/index.html", {"groups": groups})


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """`since`, `until` or `period`, `feed`, `department`, `sort`; `format` is csv or json, else a page."""
    found = REPORTS.get(slug)
    if found is None:
        raise Http404
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    zone = timezone.get_default_timezone()
    problem = ""
    try:
        period: Period = read(request.GET, timezone.now(), zone, DEFAULT_PERIOD)
    except PeriodError as error:
        problem, period = str(error), preset(DEFAULT_PERIOD, timezone.now(), zone)
    feeds = dict(Feed.objects.values_list("pk", "name"))
    departments = {
        pk: name
        for pk, name in Department.objects.values_list("pk", "name")
        if scope.departments is None or pk in scope.departments
    }
    question = Question(scope, period, _choice(request, "feed", feeds), _choice(request, "department", departments))
    sort = request.GET.get("sort", "") or found.sort
    answer = ordered(found, found.run(question), sort)
    now = timezone.now()
    outages = outages_between(period.since, period.until, now, question.feed)
    wanted = request.GET.get("format", "")
    if wanted and (problem or wanted not in FORMATS):
        problem = problem or f"“{wanted}” is not a format. Use {' or '.join(FORMATS)}."
        return HttpResponseBadRequest(problem, content_type="text/plain; charset=utf-8")
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
            "answer": answer,
            "period": period,
            "problem": problem,
            "outage_notices": warnings(outages, now, period.since, period.until),
            "table": report_table(found, question, answer, sort),
            "figures": [
                {"label": column.label, "value": figure(column, answer.total.get(column.name))}
                for column in found.columns
                if column.kind != Kind.TEXT
            ][:6],
            "course": course(question),
            "zone": settings.TIME_ZONE,
            "csv": _address(request, format="csv"),
            "json": _address(request, format="json"),
            **_filters(request, period, {"feed": ("Feed", feeds), "department": ("Department", departments)}),
        },
    )


def _filters(request: HttpRequest, period: Period, known: dict[str, tuple[str, dict[int, str]]]) -> dict[str, Any]:
    """Chips of what is asked, and what else may be: every one an address of its own."""
    chips, choices = [], []
    for name, (label, values) in known.items():
        asked = request.GET.get(name)
        if asked:
            chips.append({"label": label, "value": values[int(asked)], "remove": _address(request, **{name: None})})
        elif len(values) > 1:
            choices += [
                {"label": label, "value": value, "address": _address(request, **{name: str(key)})}
                for key, value in values.items()
            ]
    periods = [
        {
            "label": label,
            "address": _address(request, period=name, since=None, until=None),
            "chosen": name == period.name,
        }
        for name, label in PRESETS.items()
    ]
    kept = [(name, value) for name, value in request.GET.items() if name not in {"since", "until", "period", "format"}]
    return {"chips": chips, "choices": choices, "period_choices": periods, "hidden": kept}


def _address(request: HttpRequest, **changes: str | None) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _choice(request: HttpRequest, name: str, known: dict[int, str]) -> int | None:
    """The key asked for, if the viewer may ask for it. Raises Http404 for one that does not exist to them."""
    text = request.GET.get(name, "")
    if not text:
        return None
    key = next((key for key in known if str(key) == text), None)
    if key is None:
        raise Http404
    return key
