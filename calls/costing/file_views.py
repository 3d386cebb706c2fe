"""Tariffs from files and into files: a dry run first, and all or nothing."""

import json
import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from calls.costing import sheet, versions
from calls.costing.document import export, load, parse
from calls.costing.forms import FileForm, NewFileForm, tomorrow
from calls.costing.models import TariffVersion
from calls.costing.stored import document_of
from calls.costing.terms import Document, Prefix
from calls.costing.values import DocumentError, Problem
from calls.costing.versions import Head, RefusedError
from calls.costing.views import GET_OR_POST, may_add, may_change, may_view
from calls.directory.spreadsheet import MAX_BYTES

BEGINS_AS_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*[{\[]")
SHOWN = 50


@require_http_methods(GET_OR_POST)
@may_change
def into_version(request: HttpRequest, pk: int) -> HttpResponse:
    """The prices of a version from a file: all of them from JSON, its prefixes from CSV."""
    version = get_object_or_404(TariffVersion.objects.select_related("tariff"), pk=pk)

    def read(data: bytes, _asked: dict[str, Any]) -> Document:
        if BEGINS_AS_JSON.match(data):
            return load(data.removeprefix(b"\xef\xbb\xbf"))
        return sheet.read(data, document_of(version))

    def write(document: Document, _asked: dict[str, Any]) -> TariffVersion:
        return versions.replace_document(pk, document, f"{len(document.prefixes)} prefixes from a file")

    form = FileForm(request.POST or None, request.FILES or None)
    columns = ",".join(sheet.columns(document_of(version)))
    return _page(
        request, form, read, write, {"version": version, "columns": columns, "now": _summary(document_of(version))}
    )


@require_http_methods(GET_OR_POST)
@may_add
def new_tariff(request: HttpRequest) -> HttpResponse:
    """A new tariff from a file: a whole document, or a CSV of prices without bands."""

    def read(data: bytes, _asked: dict[str, Any]) -> Document:
        if BEGINS_AS_JSON.match(data):
            return load(data.removeprefix(b"\xef\xbb\xbf"))
        return sheet.read(data, parse({"rate": "0"}))

    def write(document: Document, asked: dict[str, Any]) -> TariffVersion:
        name = asked["name"] or document.name
        if not name:
            raise RefusedError("The file names no tariff: say its name above.")
        carrier = asked["carrier"]
        head = Head(name, carrier and carrier.pk, asked["direction"], asked["did"])
        return versions.make(head, document, asked["valid_from"], request.user)

    form = NewFileForm(request.POST or None, request.FILES or None, initial={"valid_from": tomorrow()})
    return _page(request, form, read, write, {"columns": ",".join((*sheet.TEXTS, *sheet.PRICES, sheet.MORE))})


def _page(
    request: HttpRequest,
    form: FileForm,
    read: Callable[[bytes, dict[str, Any]], Document],
    write: Callable[[Document, dict[str, Any]], TariffVersion],
    more: dict[str, Any],
) -> HttpResponse:
    """Check a file, and show what it says or every problem; sent again with `apply`, keep it."""
    text, errors, summary = request.POST.get("text", ""), list[str](), ""
    prices: tuple[Prefix, ...] = ()
    if text:
        form.fields["file"].required = False
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        data = sent.read(MAX_BYTES + 1) if sent else text.encode()
        try:
            if len(data) > MAX_BYTES:
                raise DocumentError([Problem("", f"The file is larger than {MAX_BYTES // 1_000_000} MB")])
            document = read(data, form.cleaned_data)
            if "apply" in request.POST and not sent:
                made = write(document, form.cleaned_data)
                messages.success(request, f"{made}: {_summary(document)}.")
                return redirect("tariffs:version", made.pk)
            summary, prices = _summary(document), document.prefixes[:12]
        except DocumentError as error:
            errors = [f"{problem}." for problem in error.problems]
        except ValidationError as error:
            errors = error.messages
        except RefusedError as error:
            errors = [str(error)]
        text = data.decode("utf-8-sig", "replace") if not errors else ""
        form.fields["file"].required = not text  # or the browser would ask for it again when it is applied
    context = {"form": form, "text": text, "errors": errors[:SHOWN], "left": len(errors) - SHOWN, "summary": summary}
    return render(request, "tariffs/import.html", {**context, "prices": prices, **more})


def _summary(document: Document) -> str:
    bands = document.part.bands or ()
    count = len(document.prefixes)
    prefixes = f"{count:,} prefix{'' if count == 1 else 'es'}" if count else "one price for every number"
    words = f"{prefixes} in {document.currency}"
    return f"{words}, bands {', '.join(band.name for band in bands)}" if bands else words


@require_safe
@may_view
def as_csv(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_object_or_404(TariffVersion.objects.select_related("tariff"), pk=pk)
    return _file(version, "".join(sheet.write(document_of(version))), "csv", "text/csv; charset=utf-8")


@require_safe
@may_view
def as_json(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_object_or_404(TariffVersion.objects.select_related("tariff"), pk=pk)
    text = json.dumps(export(document_of(version)), ensure_ascii=False, indent=1)
    return _file(version, text, "json", "application/json")


def _file(version: TariffVersion, text: str, kind: str, content_type: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    name = f"{slugify(version.tariff.name) or 'tariff'}-v{version.number}-{timezone.localdate():%Y-%m-%d}"
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response
