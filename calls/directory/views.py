"""The directory's pages: one table a section, edited in place; CSV out, and in with a dry run."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import CharField, Model, ProtectedError, Q, QuerySet
from django.forms import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calls.directory import spreadsheet
from calls.directory.forms import ImportForm, new_form, row_form
from calls.directory.models import Access, Carrier, Contact, Department, Extension, Feed, Named
from calls.directory.spreadsheet import MAX_BYTES, SHEETS, Sheet

ROWS_A_PAGE = 100
TITLES = {
    "extensions": "Extensions",
    "trunks": "Trunks",
    "dids": "DIDs",
    "account-codes": "Account codes",
    "contacts": "Contacts",
    "departments": "Departments",
    "carriers": "Carriers",
}
LABELS = {"number_e164": "Number", "outside_prefix": "Outside-line prefix", "area_code": "Area code"}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The first section that the user may see."""
    sections = _sections(request)
    if not sections:
        raise PermissionDenied
    return redirect("directory:section", next(iter(sections)))


@require_safe
def section(request: HttpRequest, section: str) -> HttpResponse:
    """The rows of a section; `q` searches, `unnamed` shows only those without a name."""
    sheet = _sheet(request, section, "view")
    rows = _rows(sheet)
    unnamed = rows.filter(name="").count() if "name" in sheet.columns else 0
    query, only_unnamed = request.GET.get("q", "").replace("\0", "").strip(), "unnamed" in request.GET
    if query:
        rows = _searched(sheet, rows, query)
    if only_unnamed and "name" in sheet.columns:
        rows = rows.filter(name="")
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "directory/section.html",
        {
            "section": section,
            "title": TITLES[section],
            "sections": _sections(request),
            "columns": [
                (name, LABELS.get(name, name.replace("_", " ").capitalize())) for name in _shown_columns(sheet)
            ],
            "rows": [_cells(sheet, row) for row in page],
            "page": page,
            "query": query,
            "unnamed": unnamed,
            "only_unnamed": only_unnamed,
            "may_edit": request.user.has_perm(_permission(sheet, "change")),
            "may_add": request.user.has_perm(_permission(sheet, "add")),
            "may_import": all(request.user.has_perm(_permission(sheet, action)) for action in ("add", "change")),
            "choices": _choices(sheet),
        },
    )


@require_POST
def edit(request: HttpRequest, section: str, pk: int) -> HttpResponse:
    """Change the fields sent of one row. JSON: {"saved": {name: shown}} or, with 422, {"errors": {name: [text]}}."""
    sheet = _sheet(request, section, "change")
    row = get_object_or_404(sheet.model, pk=pk)
    form_class = row_form(section)
    sent = {name: request.POST[name] for name in form_class.base_fields if name in request.POST}
    form = form_class({**_initial(form_class, row), **sent}, instance=row)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    saved = form.save()
    return JsonResponse({"saved": {name: _shown(saved, name) for name in sent}})


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, section: str) -> HttpResponse:
    sheet = _sheet(request, section, "add")
    form = new_form(section)(request.POST or None, initial=_only_feed(sheet))
    if request.method == "POST" and form.is_valid():
        entry = form.save()
        messages.success(request, f"{entry} added.")
        return redirect("directory:section", section)
    return render(
        request, "directory/form.html", {"section": section, "title": TITLES[section], "form": form, "verb": "Add"}
    )


@require_POST
def delete(request: HttpRequest, section: str, pk: int) -> HttpResponse:
    sheet = _sheet(request, section, "delete")
    row = get_object_or_404(sheet.model, pk=pk)
    label = str(row)
    try:
        row.delete()
        messages.success(request, f"{label} removed. Its calls stay.")
    except ProtectedError:
        messages.error(request, f"{row} has calls, so it stays. Give it another name instead.")
    return redirect("directory:section", section)


@require_safe
def export(request: HttpRequest, section: str) -> HttpResponse:
    _sheet(request, section, "view")
    response = HttpResponse("".join(spreadsheet.write(section)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{section}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def load(request: HttpRequest, section: str) -> HttpResponse:
    """Take in a CSV: first what it would do, then, sent again with `apply`, done."""
    sheet = _sheet(request, section, "change")
    if not request.user.has_perm(_permission(sheet, "add")):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None)
    plan = None
    text = request.POST.get("text", "")
    if request.method == "POST":
        data = text.encode() if text else form.cleaned_data["file"].read(MAX_BYTES + 1) if form.is_valid() else b""
        if data:
            applied = "apply" in request.POST
            plan = spreadsheet.load(section, data, dry_run=not applied)
            if applied and not plan.errors:
                messages.success(request, f"{len(plan.added)} added, {len(plan.changed)} changed.")
                return redirect("directory:section", section)
            text = data.decode("utf-8-sig", "replace")
    return render(
        request,
        "directory/import.html",
        {
            "section": section,
            "title": TITLES[section],
            "form": form,
            "plan": plan,
            "text": text,
            "header": ",".join(sheet.header),
        },
    )


def _sheet(request: HttpRequest, section: str, action: str) -> Sheet:
    sheet = SHEETS.get(section)
    if sheet is None:
        raise Http404
    if not _may(request, sheet, action):
        raise PermissionDenied
    return sheet


def _may(request: HttpRequest, sheet: Sheet, action: str) -> bool:
    """By permission; and contacts are outside numbers in full, so not for those from whom digits are hidden."""
    if sheet.model is Contact and Access.hides_digits_from(request.user):
        return False
    return request.user.has_perm(_permission(sheet, action))


def _sections(request: HttpRequest) -> dict[str, str]:
    return {slug: title for slug, title in TITLES.items() if _may(request, SHEETS[slug], "view")}


def _permission(sheet: Sheet, action: str) -> str:
    return f"directory.{action}_{sheet.model._meta.model_name}"


def _rows(sheet: Sheet) -> QuerySet[Any]:
    references = [name for name in sheet.header if name in spreadsheet.REFERENCES]
    rows = sheet.model._default_manager.all()
    return rows.select_related(*references) if references else rows


def _searched(sheet: Sheet, rows: QuerySet[Any], query: str) -> QuerySet[Any]:
    wanted = Q()
    for name in sheet.header:
        if isinstance(sheet.model._meta.get_field(name), CharField):
            wanted |= Q(**{f"{name}__icontains": query})
        elif name == "department":
            wanted |= Q(department__name__icontains=query)
    return rows.filter(wanted)


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def _shown_columns(sheet: Sheet) -> list[str]:
    """The feed last: most rows have the same, and on a phone the first column stays in sight."""
    return sorted(sheet.header, key=lambda name: name == "feed")


def _cells(sheet: Sheet, row: Named) -> dict[str, Any]:
    cells = []
    for name in _shown_columns(sheet):
        value = getattr(row, name)
        cells.append(
            {
                "name": name,
                "editable": name in (sheet.columns or sheet.key),
                "value": value.pk if isinstance(value, Model) else "" if value is None else value,
                "shown": _shown(row, name),
            }
        )
    return {"pk": row.pk, "label": str(row), "cells": cells}


def _shown(row: Named, name: str) -> str:
    display = getattr(row, f"get_{name}_display", None)
    value = display() if display else getattr(row, name)
    return "" if value is None else str(value)


def _choices(sheet: Sheet) -> dict[str, list[tuple[str, str]]]:
    """What the selects of this section offer: value and words."""
    choices: dict[str, list[tuple[str, str]]] = {}
    if "kind" in sheet.columns:
        choices["kind"] = [(str(value), str(words)) for value, words in Extension.Kind.choices]
    for name, model in (("department", Department), ("carrier", Carrier)):
        if name in sheet.columns:
            choices[name] = [("", "None"), *((str(row.pk), row.name) for row in model.objects.all())]
    return choices


def _initial(form_class: Any, row: Named) -> dict[str, Any]:
    return model_to_dict(row, fields=list(form_class.base_fields))


def _only_feed(sheet: Sheet) -> dict[str, Any]:
    feeds = list(Feed.objects.all()[:2]) if "feed" in sheet.header else []
    return {"feed": feeds[0]} if len(feeds) == 1 else {}
