"""The rate that an unrated call misses: started from the call or its number, and the way on to pricing such calls."""

from typing import Any
from urllib.parse import urlencode

import phonenumbers
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from calls.access import Scope, scope_of
from calls.costing.catalogue import load_price_book
from calls.costing.edits import change_prefix
from calls.costing.models import TariffVersion
from calls.costing.terms import DESTINATION_CLASSES
from calls.costing.values import DocumentError
from calls.costing.versions import RefusedError, copy, publish
from calls.directory.models import Trunk
from calls.models import Call, CostStatus
from calls.numbers import digits_to_price
from calls.querysets import CallQuerySet

MOST_DIGITS = 18  # of a key in an address
CELLS = {"digits": "prefix", "charge_class": "class"}  # of the form's fields, where a tariff's table names them else


class MissingRateForm(forms.Form):
    digits = forms.RegexField(
        r"^[0-9]{1,32}\Z", label="Prefix",
        help_text="What the number begins with, without +. Shorter covers more numbers.",
        error_messages={"invalid": "Digits only, without +."},
    )  # fmt: skip
    destination = forms.CharField(max_length=80)
    charge_class = forms.ChoiceField(
        label="Class", required=False,
        choices=[("", "None"), *((name, name.capitalize()) for name in DESTINATION_CLASSES)],
    )  # fmt: skip
    rate = forms.CharField(help_text="At all times, per the tariff's unit. Bands of its own can be added later.")


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("costing.change_tariff", raise_exception=True)
def missing_rate(request: HttpRequest) -> HttpResponse:
    """Add a prefix to the version that holds for an unrated call; where that has priced calls, to one in its place."""
    scope = scope_of(request.user)
    call = _call(request, scope)
    version = _version_of(call)
    digits, is_short = _digits_of(call)
    if version is None or not digits:
        return render(request, "tariffs/missing.html", {"call": call, "version": version})
    form = MissingRateForm(request.POST or None, initial={"digits": _suggested(version, digits, is_short, scope)})
    if version.used_since is not None and not request.user.has_perm("costing.add_tariff"):
        return render(request, "tariffs/missing.html", {"call": call, "version": version, "needs_add": True})
    if request.method == "POST" and form.is_valid():
        written = _written(form, version, request.user)
        if written is not None:
            digits = form.cleaned_data["digits"]
            return _way_on(request, written, digits, _unrated(scope).filter(_beginning(digits)))
    return render(request, "tariffs/missing.html", {"form": form, "call": call, "version": version})


def _unrated(scope: Scope) -> CallQuerySet:
    return Call.objects.visible_to(scope).filter(cost_status=CostStatus.UNRATED)


def _call(request: HttpRequest, scope: Scope) -> Call:
    """By its key, or the latest with a number, which whoever sees masked numbers can't ask for."""
    asked, number = request.GET.get("call", ""), request.GET.get("number_is", "").replace("\0", "")
    if asked.isascii() and asked.isdigit() and len(asked) <= MOST_DIGITS:
        wanted = Q(pk=int(asked))
    elif number and not scope.masked_digits:
        wanted = Q(number_e164=number) | Q(number_e164="", number=number)
    else:
        raise Http404
    call: Call | None = _unrated(scope).filter(wanted).select_related("feed").order_by("-started_at", "-pk").first()
    if call is None or call.answered_at is None:
        raise Http404
    return call


def _version_of(call: Call) -> TariffVersion | None:
    trunk = Trunk.objects.filter(feed=call.feed_id, number=call.trunk).first()
    assert call.answered_at is not None
    held = load_price_book().choose(trunk.carrier_id if trunk else None, call.direction, call.did, call.answered_at)
    return TariffVersion.objects.select_related("tariff").get(pk=held.version_id) if held else None


def _digits_of(call: Call) -> tuple[str, bool]:
    trunk = Trunk.objects.filter(feed=call.feed_id, number=call.trunk).first()
    return digits_to_price(
        call.number, call.number_e164, direction=call.direction, region=call.feed.region_code,
        outside_prefix=trunk.outside_prefix if trunk else "",
    )  # fmt: skip


def _suggested(version: TariffVersion, digits: str, is_short: bool, scope: Scope) -> str:
    """The country's code, or more, until no other prefix begins so; never a digit that is hidden from the viewer."""
    shown = digits[: len(digits) - scope.masked_digits]
    if is_short:
        return shown
    length = len(str(_country_code(digits)))
    while length < len(shown) and version.prefixes.filter(digits__startswith=digits[:length]).exists():
        length += 1
    return shown[:length]


def _country_code(digits: str) -> int:
    try:
        return phonenumbers.parse(f"+{digits}").country_code or 0
    except phonenumbers.NumberParseException:
        return 0


def _written(form: MissingRateForm, version: TariffVersion, user: Any) -> TariffVersion | None:
    """The version with the prefix in it, published; None where the form says why not."""
    asked = form.cleaned_data
    cells = {CELLS.get(name, name): value for name, value in asked.items()}
    try:
        with transaction.atomic():
            is_used = version.used_since is not None
            written = copy(version, version.valid_from, user) if is_used else version
            change_prefix(written.pk, None, cells)
            return publish(written.pk) if is_used else written
    except DocumentError as error:
        for problem in error.problems:
            fields = {CELLS.get(name, name): name for name in form.fields}
            form.add_error(fields.get(problem.place), problem.reason)
    except RefusedError as error:
        form.add_error(None, str(error))
    except ValidationError as error:
        form.add_error(None, error.messages)
    return None


def _beginning(prefix: str) -> Q:
    return Q(number_e164__startswith=f"+{prefix}") | Q(number_e164="", number__startswith=prefix)


def _way_on(request: HttpRequest, version: TariffVersion, prefix: str, calls: CallQuerySet) -> HttpResponse:
    """To new prices for the calls that the prefix is for, which are chosen already; or to the version."""
    found = calls.aggregate(calls=Count("pk"), first=Min("started_at"), last=Max("started_at"))
    if not found["calls"]:
        messages.success(request, f"{prefix} is in {version}.")
        return redirect("tariffs:version", version.pk)
    one = found["calls"] == 1
    messages.success(
        request,
        f"{prefix} is in {version}. {found['calls']:,} unrated call{' begins' if one else 's begin'} with it: see what "
        "would change, and give them their price.",
    )
    days = {name: timezone.localdate(found[name]).isoformat() for name in ("first", "last")}
    return redirect(f"{reverse('recosts')}?{urlencode({'tariff': version.tariff_id, **days})}")
