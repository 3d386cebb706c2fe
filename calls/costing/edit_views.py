"""Edits of a version's rows and terms, and of holiday calendars."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from calls.costing import edits, sheet
from calls.costing.forms import CalendarForm, TermsForm
from calls.costing.models import Holiday, HolidayCalendar, Prefix, TariffVersion
from calls.costing.stored import bands_json, document_json
from calls.costing.values import DocumentError
from calls.costing.versions import RefusedError
from calls.costing.views import GET_OR_POST, form_page, may_change


@require_POST
@may_change
def prefix(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Change the cells sent of one prefix. JSON: {"saved": {name: shown}} or, with 422, {"errors": {name: [text]}}."""
    _version_of(pk, row)
    return _edit_answer(request, lambda cells: edits.change_prefix(pk, row, cells), _prefix_columns(pk))


@require_POST
@may_change
def add_prefix(request: HttpRequest, pk: int) -> HttpResponse:
    """A new prefix, from a form beneath the table."""
    get_object_or_404(TariffVersion, pk=pk)
    cells = _sent(request, _prefix_columns(pk))
    return _form_answer(request, pk, lambda: f"{edits.change_prefix(pk, None, cells)['prefix']} added.")


@require_POST
@may_change
def remove_prefix(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    _version_of(pk, row)
    return _form_answer(request, pk, lambda: f"{edits.remove_prefix(pk, row)} removed.")


@require_POST
@may_change
def band(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Change the cells sent of one band, as `prefix` does."""
    if row >= get_object_or_404(TariffVersion, pk=pk).bands.count():
        raise Http404
    return _edit_answer(request, lambda cells: edits.change_band(pk, row, cells), edits.BAND_CELLS)


@require_POST
@may_change
def add_band(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(TariffVersion, pk=pk)
    cells = _sent(request, edits.BAND_CELLS)
    return _form_answer(request, pk, lambda: f"{edits.change_band(pk, None, cells)['name']} added.")


@require_POST
@may_change
def remove_band(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    get_object_or_404(TariffVersion, pk=pk)
    return _form_answer(request, pk, lambda: f"{edits.remove_band(pk, row)} removed.")


@require_http_methods(GET_OR_POST)
@may_change
def terms(request: HttpRequest, pk: int) -> HttpResponse:
    """The prices and rules of all of a version."""
    version = get_object_or_404(TariffVersion.objects.select_related("tariff"), pk=pk)
    said = document_json(version, with_prefixes=False)
    if version.calendar_id is not None:
        said.pop("bank_holidays", None)
    initial = TermsForm.initial_of(said) | {"calendar": version.calendar_id}
    form = TermsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            edits.change_terms(pk, form.terms(), form.cleaned_data["calendar"])
            return redirect("tariffs:version", pk)
        except RefusedError as error:
            form.add_error(None, str(error))
        except DocumentError as error:
            for problem in error.problems[:20]:
                place = problem.place.removeprefix("rounding.")
                is_field = place in form.fields
                form.add_error(place if is_field else None, problem.reason if is_field else str(problem))
    return form_page(request, form, "Terms", "Save", version=version)


@require_http_methods(GET_OR_POST)
@may_change
def calendar(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """A holiday calendar, or a new one."""
    found = get_object_or_404(HolidayCalendar, pk=pk) if pk is not None else None
    lines = [f"{holiday.day} {holiday.name}".rstrip() for holiday in found.holidays.all()] if found else []
    form = CalendarForm(request.POST or None, instance=found, initial={"days": "\n".join(lines)})
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            saved.holidays.all().delete()
            Holiday.objects.bulk_create(
                [Holiday(calendar=saved, day=day, name=name) for day, name in form.cleaned_data["days"].items()]
            )
        messages.success(request, f"{saved} saved. Drafts have its days at once, published versions keep theirs.")
        return redirect("tariffs:index")
    return form_page(request, form, found.name if found else "New holiday calendar", "Save")


def _version_of(pk: int, row: int) -> Prefix:
    return get_object_or_404(Prefix, pk=row, version=pk)


def _prefix_columns(pk: int) -> tuple[str, ...]:
    return sheet.names_of(bands_json(get_object_or_404(TariffVersion, pk=pk)))


def _sent(request: HttpRequest, names: tuple[str, ...]) -> dict[str, str]:
    return {name: request.POST[name].replace("\0", "").strip() for name in names if name in request.POST}


def _edit_answer(request: HttpRequest, change: Any, names: tuple[str, ...]) -> HttpResponse:
    sent = _sent(request, names)
    try:
        cells = change(sent)
    except (DocumentError, RefusedError) as error:
        reasons = [problem.reason for problem in error.problems] if isinstance(error, DocumentError) else [str(error)]
        return JsonResponse({"errors": dict.fromkeys(sent, reasons)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return JsonResponse({"saved": {name: cells.get(name, "") for name in sent}})


def _form_answer(request: HttpRequest, pk: int, change: Any) -> HttpResponse:
    try:
        messages.success(request, change())
    except (DocumentError, RefusedError) as error:
        messages.error(request, f"Nothing was changed: {error}.")
    return redirect("tariffs:version", pk)
