"""Try it: a number, a time and a duration, priced on one version, and on another beside it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.costing.catalogue import load_price_book
from calls.costing.forms import TryForm
from calls.costing.models import TariffVersion
from calls.costing.rating import WRITTEN_IN_NUMBERS, Rater, Rating
from calls.costing.stored import document_of
from calls.costing.values import DocumentError
from calls.costing.views import may_view
from calls.numbers import digits_to_price, read_number
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
        dialled = as_priced(asked["number"])
        digits = dialled[0]
        chosen = [asked["version"], *([asked["beside"]] if asked["beside"] else [])]
        answers = [_answer(version, dialled, asked["answered_at"], asked["seconds"]) for version in chosen]
    return render(request, "tariffs/try.html", {"form": form, "answers": answers, "digits": digits})


def as_priced(number: str) -> tuple[str, bool]:
    """The digits that a number dialled here is priced by, as `digits_to_price` says, and whether it is a short one."""
    plain = number.translate(WRITTEN_IN_NUMBERS)
    if number.strip().startswith("+"):
        return plain, False
    region = settings.SMDR_REGION
    reading = read_number(plain, number=plain, direction=Direction.OUT, region=region)
    digits, is_short = digits_to_price(plain, reading.e164, direction=Direction.OUT, region=region)
    return digits or plain, is_short


def _answer(version: TariffVersion, dialled: tuple[str, bool], answered_at: datetime, seconds: int) -> Answer:
    digits, is_short = dialled
    try:
        rater = Rater(document_of(version))
        return Answer(version, rater.rate(answered_at, seconds, digits, is_short=is_short))
    except DocumentError as error:
        return Answer(version, None, str(error))
    except OverflowError:
        return Answer(version, None, "The call ends after the last year there is.")


def _initial(request: HttpRequest) -> dict[str, object]:
    now = timezone.localtime()
    held = load_price_book().choose(None, "out", "", now)
    version = request.GET.get("version", "")
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 18 else held and held.version_id
    return {"answered_at": now.replace(second=0, microsecond=0, tzinfo=None), "seconds": 61, "version": known}
