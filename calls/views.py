"""The list of calls, as a page or a file, and the page of one call."""

import io
from datetime import datetime

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import scope_of
from calls.call_sheet import about_calls, call_workbook
from calls.detail import CallPage
from calls.download import PARTS, as_download
from calls.export import BESIDE
from calls.filters import ANY_TIME, Selection
from calls.keyset import BadCursorError, Keyset, LegKeyset, NearKeyset, capped_count
from calls.list_count import words_of_count
from calls.models import Call
from calls.outage_notes import Notice, outages_between, warnings
from calls.querysets import CallQuerySet
from calls.showing import Showing, call_row
from calls.tables import CallTable

PAGE_SIZE = 50
MOST_AT_ONCE = 1_000  # calls of a workbook; more are made by a process of its own
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BY_COST = "-cost"


@require_safe
def call_list(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Calls of the address's period and filters; `format` csv, json or xlsx gives all of them as a file."""
    scope = scope_of(request.user)
    now = timezone.now()
    selection = Selection(request.GET, scope, now)
    form = request.GET.get("format", "")
    if form:
        if selection.errors or form not in {*PARTS, "xlsx"}:
            errors = selection.errors or [f"“{form}” is not a format. Use {', '.join(PARTS)} or xlsx."]
            return HttpResponseBadRequest("\n".join(errors), content_type="text/plain; charset=utf-8")
        if form == "xlsx":
            return _workbook(request, selection)
        return as_download(request, PARTS[form](selection.calls, scope), form, _file_name(selection, now))
    by_cost = request.GET.get("sort") == BY_COST
    calls = selection.calls.filter(cost__gt=0) if by_cost else selection.calls
    keyset = _keyset(selection, calls.select_related("feed"), by_cost=by_cost)
    try:
        page = keyset.page(request.GET.get("newer", ""), request.GET.get("older", ""))
    except BadCursorError:
        page = keyset.newest()
    count = words_of_count(calls, page, counted=None if by_cost else selection.legs_alone)
    showing = Showing(page.rows, scope)
    with_date = selection.period is None or selection.period.first_day != selection.period.last_day
    table = CallTable(
        [call_row(call, showing, now) for call in page.rows],
        with_date=with_date,
        caption=f"Calls, {selection.period_label}, {'dearest' if by_cost else 'newest'} first",
        sorted_by="cost" if by_cost else "started_at",
        sorts={"started_at": selection.address(["sort"]), "cost": selection.address(sort=BY_COST)},
    )
    return render(
        request,
        "calls/list.html",
        {
            "selection": selection,
            "outage_notices": _outages_of(selection, now),
            "table": table,
            "count": count + (" with a cost, dearest first" if by_cost else ""),
            "words": ("Dearest", "Dearer", "Cheaper") if by_cost else ("Newest", "Newer", "Older"),
            "newer": selection.address(newer=str(page.newer)) if page.newer else "",
            "older": selection.address(older=str(page.older)) if page.older else "",
            "newest": selection.address(),
            "any_time": selection.address(Selection.NAMES, period=ANY_TIME),
            "xlsx": selection.address(format="xlsx"),
            "csv": selection.address(format="csv"),
            "json": selection.address(format="json"),
        },
    )


def _keyset(selection: Selection, rows: CallQuerySet, *, by_cost: bool) -> Keyset:
    legs = selection.legs
    if by_cost:
        return Keyset(rows, "cost", PAGE_SIZE)
    if legs is not None:
        return LegKeyset(rows, legs, selection.calls_anywhere.select_related("feed"), PAGE_SIZE)
    if selection.is_by_digits and connection.vendor == "sqlite":
        return NearKeyset(rows, selection.of_period, PAGE_SIZE)
    return Keyset(rows, size=PAGE_SIZE)


@require_safe
def call_detail(request: HttpRequest, pk: int) -> HttpResponse:
    scope = scope_of(request.user)
    calls = Call.objects.visible_to(scope).select_related(*BESIDE, "pricing")
    call = get_object_or_404(calls, pk=pk)
    now = timezone.now()
    touching = outages_between(call.started_at, call.ended_at, now, call.feed_id)
    notices = warnings(touching, now, call.started_at, call.ended_at)
    return render(request, "calls/detail.html", {"page": CallPage(call, scope, now), "outage_notices": notices})


def _workbook(request: HttpRequest, selection: Selection) -> HttpResponse:
    """At once if it is short, else by way of “Your exports”."""
    if capped_count(selection.calls, MOST_AT_ONCE) > MOST_AT_ONCE:
        address = selection.address().removeprefix("?")
        return redirect(f"{reverse('reports:export-new')}?of=calls&form=xlsx&{address}")
    assert request.user.is_authenticated
    target = io.BytesIO()
    about = about_calls(selection, request.user.get_full_name() or request.user.get_username())
    call_workbook(target, selection.calls, selection.scope, about)
    response = HttpResponse(target.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{_file_name(selection, selection.now)}.xlsx"'
    return response


def _outages_of(selection: Selection, now: datetime) -> list[Notice]:
    """What outages mean for a list of calls; nothing for one that could not be read."""
    if selection.errors:
        return []
    feed = selection.filter.form.cleaned_data.get("feed")
    since, until = (selection.period.since, selection.period.until) if selection.period else (None, None)
    return warnings(outages_between(since, until, now, feed.pk if feed else None), now, since, until)


def _file_name(selection: Selection, now: datetime) -> str:
    if selection.period is None:
        return f"calls until {now.astimezone(selection.zone):%Y-%m-%d}"
    first, last = selection.period.first_day, selection.period.last_day
    return f"calls {first}" if first == last else f"calls {first} to {last}"
