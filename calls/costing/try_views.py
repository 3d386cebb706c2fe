"""Try it: a number, a time and a duration, priced on one version, and on another beside it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.costing.cases import CaseError, rate
from calls.costing.catalogue import load_price_book
from calls.costing.forms import TryForm
from calls.costing.models import TariffVersion
from calls.costing.rating import Rater, Rating
from calls.costing.stored import document_of
from calls.costing.values import DocumentError
from calls.costing.views import may_view
from calls.numbers import read_number
from calls.records import Direction


@dataclass(frozen=True, slots=True)
class Answer:
    version: TariffVersion
    rating: Rating | None
    problem: str = ""


@require_safe
@may_view
def try_it(request: HttpRequest) -> HttpResponse:
    """The cost and how it comes about; without a version asked for, on the one that prices outgoing calls today."""
    form = TryForm(
        request.GET if "number" in request.GET or "seconds" in request.GET else None, initial=_initial(request)
    )
    answers: list[Answer] = []
    digits = ""
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        digits = as_priced(asked["number"])
        chosen = [asked["version"], *([asked["beside"]] if asked["beside"] else [])]
        answers = [_answer(version, digits, asked["answered_at"], asked["seconds"]) for version in chosen]
    return render(request, "tariffs/try.html", {"form": form, "answers": answers, "digits": digits})


def as_priced(number: str) -> str:
    """The digits that a number dialled here is priced by: in international form, or a short one as it is."""
    plain = "".join(number.split())
    if plain.startswith("+"):
        return plain[1:]
    reading = read_number(plain, number=plain, direction=Direction.OUT, region=settings.SMDR_REGION)
    return reading.e164.removeprefix("+") or plain


def _answer(version: TariffVersion, digits: str, answered_at: datetime, seconds: int) -> Answer:
    try:
        return Answer(version, rate(Rater(document_of(version)), answered_at, seconds, digits))
    except (DocumentError, CaseError) as error:
        return Answer(version, None, str(error))


def _initial(request: HttpRequest) -> dict[str, object]:
    now = timezone.localtime()
    held = load_price_book().choose(None, "out", "", now)
    version = request.GET.get("version", "")
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 18 else held and held.version_id
    return {"answered_at": now.replace(second=0, microsecond=0, tzinfo=None), "seconds": 61, "version": known}
