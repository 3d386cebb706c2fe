"""The tariff pages: what there is, and what is done with a whole tariff or version."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calls.costing import sheet, versions
from calls.costing.edits import BAND_CELLS, band_cells, prefix_cells
from calls.costing.forms import (
    ChoiceForm,
    CopyForm,
    DatesForm,
    EndForm,
    NewTariffForm,
    RenameForm,
    TariffForm,
    first_document,
    tomorrow,
)
from calls.costing.models import CostingChoice, HolidayCalendar, Tariff, TariffVersion
from calls.costing.stored import bands_json, document_json
from calls.costing.terms import DESTINATION_CLASSES
from calls.costing.timeline import Span, Timeline, timeline
from calls.costing.values import DocumentError
from calls.costing.versions import Head, RefusedError, span, state_of
from calls.directory.models import Carrier, Trunk

ROWS_A_PAGE = 100
LABELS = {
    "connection_charge": "Connection",
    "rate": "Rate",
    "rate_unit_s": "per, s",
    "initial_s": "Initial s",
    "increment_s": "Steps of s",
    "initial_charge": "Initial charge",
    "min_charge": "Minimum",
    "more": "Other",
}

TERMS = {
    "vat": "VAT",
    "timezone": "Time zone",
    "rate_unit_s": "Rate is for, s",
    "initial_s": "Initial seconds",
    "increment_s": "Increment, s",
    "min_charge": "Minimum charge",
    "markup_pct": "Mark-up, %",
    "free_s": "Free seconds",
    "allowance_s": "Allowance, s",
    "bank_holiday_as": "Bank holidays as",
}

may_view = permission_required("costing.view_tariff", raise_exception=True)
may_change = permission_required("costing.change_tariff", raise_exception=True)
may_add = permission_required("costing.add_tariff", raise_exception=True)
GET_OR_POST = ["GET", "HEAD", "POST"]


@require_safe
@may_view
def index(request: HttpRequest) -> HttpResponse:
    """Whether calls are priced, every tariff, the carriers and their trunks, the holiday calendars."""
    today = timezone.localdate()
    tariffs = list(Tariff.objects.select_related("carrier").prefetch_related("versions"))
    choice = CostingChoice.objects.first()
    carriers = Carrier.objects.prefetch_related("trunks__feed", "tariffs")
    return render(
        request,
        "tariffs/index.html",
        {
            "tariffs": [(tariff, _now(tariff, today)) for tariff in tariffs],
            "carriers": carriers,
            "without_carrier": Trunk.objects.filter(carrier=None).count(),
            "calendars": HolidayCalendar.objects.annotate(days=Count("holidays")),
            "choice": choice,
            "choice_form": ChoiceForm(
                initial={"is_on": choice.is_on, "chargeback": choice.chargeback} if choice else None, prefix="costing"
            ),
            "has_example": any(tariff.is_example for tariff in tariffs),
        },
    )


def _now(tariff: Tariff, today: Any) -> str:
    """What of a tariff holds today, in words."""
    known = sorted(tariff.versions.all(), key=lambda version: -version.number)
    published = [version for version in known if version.published_at]
    holding = [
        version
        for version in published
        if version.valid_from <= today and (version.valid_to is None or today < version.valid_to)
    ]
    drafts = len(known) - len(published)
    words = f"v{holding[0].number} {span(holding[0])}" if holding else "none holds today"
    return f"{words}, {drafts} draft{'s' if drafts > 1 else ''}" if drafts else words


@require_POST
@may_change
def choose(request: HttpRequest) -> HttpResponse:
    """Switch pricing on or off, and say to whom costs are charged; or install the example and switch it on."""
    if "example" in request.POST:
        try:
            versions.use_example()
        except (RefusedError, ValidationError) as error:
            return _refused(request, error, redirect("tariffs:index"))
        messages.success(request, "The example tariff is installed. Its prices are invented.")
        return redirect("tariffs:index")
    form = ChoiceForm(request.POST, prefix="costing")
    if form.is_valid():
        CostingChoice.objects.update_or_create(pk=1, defaults=form.cleaned_data)
        messages.success(
            request, "Calls are priced as they end." if form.cleaned_data["is_on"] else "No call is priced."
        )
    return redirect("tariffs:index")


@require_http_methods(GET_OR_POST)
@may_add
def add(request: HttpRequest) -> HttpResponse:
    form = NewTariffForm(request.POST or None, initial={"valid_from": tomorrow()})
    if request.method == "POST" and form.is_valid():
        head = form.cleaned_data
        carrier = head["carrier"]
        made = _attempt(
            form,
            lambda: versions.make(
                Head(head["name"], carrier and carrier.pk, head["direction"], head["did"]),
                first_document(form),
                head["valid_from"],
                request.user,
            ),
        )
        if made is not None:
            return redirect("tariffs:version", made.pk)
    return form_page(request, form, "New tariff", "Make it")


@require_safe
@may_view
def tariff(request: HttpRequest, pk: int) -> HttpResponse:
    """A tariff with its versions on a line."""
    found = get_object_or_404(Tariff.objects.select_related("carrier"), pk=pk)
    known = list(found.versions.select_related("supersedes", "created_by").annotate(rates=Count("prefixes")))
    today = timezone.localdate()
    rows = [(version, state_of(version, today), span(version)) for version in reversed(known)]
    return render(
        request, "tariffs/tariff.html", {"tariff": found, "rows": rows, "timeline": versions_line(known, today)}
    )


def versions_line(known: Sequence[TariffVersion], today: Any) -> Timeline:
    spans = [
        Span(version.pk, f"v{version.number}", state_of(version, today), version.valid_from, version.valid_to)
        for version in known
    ]
    return timeline(spans, today)


@require_http_methods(GET_OR_POST)
@may_change
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change whose calls a tariff prices; once it prices any, only its name."""
    found = get_object_or_404(Tariff, pk=pk)
    is_published = found.versions.filter(published_at__isnull=False).exists()
    form_class: Any = RenameForm if is_published else TariffForm
    form = form_class(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("tariffs:tariff", pk)
    note = (
        "A version of it is published, so only its name can change. Copy it to price other calls."
        if is_published
        else ""
    )
    return form_page(request, form, "Edit", "Save", tariff=found, note=note)


@require_safe
@may_view
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """A version's rates in a table that can be edited, its bands and its terms; `q` finds prefixes and names."""
    found = get_object_or_404(_versions().annotate(rates=Count("prefixes")), pk=pk)
    state = state_of(found, timezone.localdate())
    query = request.GET.get("q", "").replace("\0", "").strip()
    prefixes = found.prefixes.select_related("destination").order_by("digits")
    if query:
        prefixes = prefixes.filter(
            Q(digits__startswith=query) | Q(destination__name__icontains=query) | Q(destination__charge_class=query)
        )
    page = Paginator(prefixes, ROWS_A_PAGE).get_page(request.GET.get("page"))
    cells = prefix_cells(found, page)
    bands = bands_json(found)
    columns = _columns(sheet.names_of(bands), [row for _, row in cells])
    said = document_json(found, with_prefixes=False)
    return render(
        request,
        "tariffs/version.html",
        {
            "version": found,
            "state": state,
            "span": span(found),
            "may_edit": found.used_since is None and request.user.has_perm("costing.change_tariff"),
            "columns": [(name, LABELS.get(name) or name.removeprefix("rate:").capitalize()) for name in columns],
            "rows": [(prefix, _cells(columns, row, _inherited(row, said, bands))) for prefix, row in cells],
            "bands": [(index, list(band_cells(band).items())) for index, band in enumerate(bands)],
            "band_columns": BAND_CELLS,
            "terms": _terms(said),
            "holidays": said.get("bank_holidays", []),
            "choices": {"class": [("", "None"), *((name, name) for name in DESTINATION_CLASSES)]},
            "classes": DESTINATION_CLASSES,
            "numbers": [name for name in columns if name in sheet.PRICES or name.startswith("rate:")],
            "page": page,
            "query": query,
        },
    )


def _columns(names: tuple[str, ...], rows: list[dict[str, str]]) -> list[str]:
    """The prefix and what usually says something; the other columns where a row of the page has them."""
    always = {"prefix", "destination", "class", "rate", "connection_charge"}
    return [name for name in names if name in always or name.startswith("rate:") or any(row.get(name) for row in rows)]


def _cells(columns: list[str], row: dict[str, str], inherited: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": row.get(name, ""),
            "inherited": inherited.get(name, ""),
            "is_number": name in sheet.PRICES or name.startswith("rate:"),
        }
        for name in columns
    ]


def _inherited(row: dict[str, str], said: dict[str, Any], bands: list[dict[str, Any]]) -> dict[str, str]:
    """The rates that a prefix has from the tariff: those of a row that says none."""
    names = sheet.band_columns(bands)
    if row.get("more") or any(row.get(name) for name in ("rate", *names)):
        return {}
    of_bands = {name: bands[index].get("rate") or "" for name, index in names.items()}
    return {"rate": said.get("rate") or "", **of_bands}


def _terms(said: dict[str, Any]) -> list[tuple[str, str]]:
    left = {"name", "bands", "prefixes", "bank_holidays", "rounding"}
    words = [
        (
            TERMS.get(name, name.replace("_", " ").capitalize()),
            value if isinstance(value, str) else sheet.as_json(value),
        )
        for name, value in said.items()
        if name not in left
    ]
    rounding = said.get("rounding") or {"method": "half_up", "dp": 4}
    method, digits = rounding.get("method", "half_up"), rounding.get("dp", 4)
    return [*words, ("Rounding", "none" if method == "none" else f"{method.replace('_', ' ')}, {digits} digits")]


@require_http_methods(GET_OR_POST)
@may_add
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Copy a version: into a new version of its tariff, or into a new tariff."""
    source = get_object_or_404(_versions(), pk=pk)
    form = CopyForm(request.POST or None, initial={"valid_from": tomorrow(), "carrier": source.tariff.carrier_id})
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        head = Head(
            asked["name"], asked["carrier"] and asked["carrier"].pk, source.tariff.direction, source.tariff.did,
            is_example=source.tariff.is_example,
        )  # fmt: skip
        made = _attempt(
            form,
            lambda: (
                versions.copy_to_tariff(source, head, asked["valid_from"], request.user)
                if asked["name"]
                else versions.copy(source, asked["valid_from"], request.user)
            ),
        )
        if made is not None:
            messages.success(request, f"{made} is a draft. Publish it when its prices are right.")
            return redirect("tariffs:version", made.pk)
    return form_page(request, form, "Copy", "Copy", version=source)


@require_http_methods(GET_OR_POST)
@may_change
def dates(request: HttpRequest, pk: int) -> HttpResponse:
    """From when to when a version holds; of one that has priced calls, only its end."""
    found = get_object_or_404(_versions(), pk=pk)
    form: forms.Form
    initial = {"valid_from": found.valid_from, "valid_to": found.valid_to, "supersedes": found.supersedes_id}
    is_used = found.used_since is not None
    form = (
        EndForm(request.POST or None, initial=initial)
        if is_used
        else DatesForm(request.POST or None, initial=initial, version=found)
    )
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        done = _attempt(
            form,
            lambda: versions.retire(pk, asked["valid_to"]) if is_used else versions.date_version(pk, **asked),
        )
        if done is not None:
            return redirect("tariffs:version", pk)
    note = "It has priced calls, so only its end can change." if is_used else ""
    return form_page(request, form, "Dates", "Save", version=found, note=note)


@require_http_methods(GET_OR_POST)
@may_change
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Set when a published version ends."""
    found = get_object_or_404(_versions(), pk=pk)
    form = EndForm(request.POST or None, initial={"valid_to": found.valid_to or tomorrow()})
    if request.method == "POST" and form.is_valid():
        done = _attempt(form, lambda: versions.retire(pk, form.cleaned_data["valid_to"]))
        if done is not None:
            messages.success(request, f"{done} holds {span(done)}.")
            return redirect("tariffs:version", pk)
    return form_page(request, form, "Retire", "Set the end", version=found)


@require_POST
@may_change
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(TariffVersion, pk=pk)
    try:
        done = versions.publish(pk)
        messages.success(request, f"{done} is published; it prices calls {span(done)}.")
    except (RefusedError, DocumentError) as error:
        _refused(request, error)
    return redirect("tariffs:version", pk)


@require_POST
@may_change
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a draft."""
    found = get_object_or_404(_versions(), pk=pk)
    try:
        left = versions.delete_draft(pk)
    except RefusedError as error:
        return _refused(request, error, redirect("tariffs:version", pk))
    messages.success(request, f"{found} is deleted.")
    return redirect("tariffs:tariff", left.pk) if left.pk else redirect("tariffs:index")


def _versions() -> Any:
    return TariffVersion.objects.select_related("tariff__carrier", "supersedes__tariff", "calendar")


def _attempt(form: forms.BaseForm, action: Callable[[], TariffVersion]) -> TariffVersion | None:
    """Do it, or tell the form why not."""
    try:
        return action()
    except ValidationError as error:
        form.add_error(None, error.messages)
    except DocumentError as error:
        for problem in error.problems[:20]:
            form.add_error(problem.place if problem.place in form.fields else None, problem.reason)
    except RefusedError as error:
        form.add_error(None, str(error))
    return None


def _refused(request: HttpRequest, error: Exception, answer: HttpResponse | None = None) -> HttpResponse:
    messages.error(request, " ".join(error.messages) if isinstance(error, ValidationError) else str(error))
    return answer or HttpResponse()


def form_page(request: HttpRequest, form: forms.BaseForm, title: str, verb: str, **more: Any) -> HttpResponse:
    return render(request, "tariffs/form.html", {"form": form, "title": title, "verb": verb, **more})
