"""“Your exports”: files that are being made or wait for whoever asked for them. To others they do not exist."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from calls.access import scope_of
from calls.call_sheet import in_words
from calls.list_count import words_of_count
from reports.exporting import NotMadeError, cancel, forget, is_known, selection_of, start, title_of
from reports.models import Export

BLOCK = 1 << 18
TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "pdf": "application/pdf"}
OWN = ("of", "form", "csrfmiddlewaretoken")


@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    found = list(Export.objects.of(request.user.pk or 0))
    response = render(request, "reports/exports.html", {"exports": found})
    if any(export.is_open for export in found):
        response["Refresh"] = "2"
    return response


def new(request: HttpRequest) -> HttpResponse:
    """What the file will be; posted, it is begun."""
    given = request.POST if request.method == "POST" else request.GET
    of, form = given.get("of", ""), given.get("form", "")
    asked = QueryDict(mutable=True)
    asked.update({name: str(value) for name, value in given.items() if name not in OWN})
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    if not is_known(of, form):
        raise Http404
    if request.method == "POST":
        assert request.user.is_authenticated
        try:
            start(request.user, scope, of, form, asked)
        except NotMadeError as error:
            messages.error(request, str(error))
        return redirect("reports:exports")
    selection = selection_of(of, asked, scope)
    calls = words_of_count(selection.calls)
    context: dict[str, Any] = {"title": title_of(of), "form": form, "selection": selection, "calls": calls}
    context["words"] = in_words(selection)
    return render(
        request, "reports/export_new.html", context | {"hidden": [("of", of), ("form", form), *asked.items()]}
    )


@require_safe
def file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    export = get_object_or_404(Export.objects.of(request.user.pk or 0), pk=pk, state=Export.State.DONE)
    if not export.path.is_file():
        raise Http404
    response = StreamingHttpResponse(
        _blocks(export.path, getattr(request, "scope", {}).get("flow")), content_type=TYPES[export.form]
    )
    response["Content-Length"] = str(export.path.stat().st_size)
    response["Content-Disposition"] = f'attachment; filename="{export.of}-{export.created_at:%Y-%m-%d}.{export.form}"'
    return response


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel it while it is being made; delete it after."""
    export = get_object_or_404(Export.objects.of(request.user.pk or 0), pk=pk)
    if export.is_open:
        cancel(export)
    else:
        forget(export)
    return redirect("reports:exports")


async def _blocks(path: Path, flow: Any) -> AsyncIterator[bytes]:
    with path.open("rb") as opened:
        try:
            while block := await sync_to_async(opened.read)(BLOCK):
                yield block
                if flow:
                    await flow.room()
        finally:
            if flow:
                flow.close()
