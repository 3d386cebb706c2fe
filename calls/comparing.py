"""Last month's real calls of a tariff's direction, as they were priced, beside what another version would charge."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import Scope, scope_of
from calls.costing.models import Tariff, TariffVersion
from calls.costing.rating import Rater
from calls.costing.stored import document_of
from calls.costing.values import DocumentError
from calls.directory.models import Feed, Trunk
from calls.models import Call
from calls.numbers import digits_to_price
from calls.periods import Period, preset

MOST_CALLS = 50_000
MOST_SECONDS = 5.0
LOOKED_EVERY = 200  # calls between two looks at the clock
MILLIONTHS = Decimal("0.000001")


@dataclass(slots=True)
class Line:
    """The calls of one destination class."""

    name: str
    calls: int = 0
    unrated: int = 0
    was: Decimal = Decimal(0)
    would_be: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        return self.would_be - self.was


@dataclass(slots=True)
class Comparison:
    """`upto` is set where the time or number of calls was not enough for all: calls started until then are in."""

    period: Period
    lines: list[Line] = field(default_factory=list)
    total: Line = field(default_factory=lambda: Line("Total"))
    not_priced: int = 0
    other_currency: int = 0
    upto: datetime | None = None


@require_safe
@permission_required("costing.view_tariff", raise_exception=True)
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """The difference by class of destination; only the calls that the reader may see."""
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    version = get_object_or_404(TariffVersion.objects.select_related("tariff"), pk=pk)
    context: dict[str, Any] = {"version": version, "is_all": scope.departments is None}
    try:
        rater = Rater(document_of(version))
    except DocumentError as error:
        context["problem"] = str(error)
    else:
        period = preset("last-month", timezone.now(), timezone.get_current_timezone())
        context["comparison"] = compared(rater, version.tariff, scope, period)
    return render(request, "tariffs/compare.html", context)


def compared(
    rater: Rater,
    tariff: Tariff,
    scope: Scope,
    period: Period,
    *,
    calls: int = MOST_CALLS,
    seconds: float = MOST_SECONDS,
) -> Comparison:
    """Price the period's priced calls again, the oldest first, for so many seconds or calls at most.

    They are those of the tariff's direction and DID, whatever priced them. An incoming call that nobody charged was 0.
    """
    comparison = Comparison(period)
    prefix_class = {prefix.prefix: prefix.destination_class for prefix in rater.prefixes}
    lines: dict[str, Line] = defaultdict(lambda: Line(""))
    direction, did = tariff.direction, tariff.did.lstrip("0")
    ended = Call.objects.visible_to(scope).filter(
        direction=direction, did__endswith=did, state="ended",
        started_at__gte=period.since, started_at__lt=period.until,
    )  # fmt: skip
    rows = ended.exclude(billable_seconds=0).order_by("started_at", "id").values_list(
        "started_at", "answered_at", "billable_seconds", "number_e164", "number", "recharge", "currency", "feed_id",
        "trunk", "did",
    )  # fmt: skip
    regions = {feed.pk: feed.region_code for feed in Feed.objects.all()}
    prefixes = {
        (feed, trunk): prefix for feed, trunk, prefix in Trunk.objects.values_list("feed", "number", "outside_prefix")
    }
    deadline = time.monotonic() + seconds
    for index, row in enumerate(rows.iterator()):
        started_at, answered_at, billable, e164, number, recharge, had, feed, trunk, dialled = row
        if index >= calls or (index % LOOKED_EVERY == 0 and time.monotonic() > deadline):
            comparison.upto = started_at
            break
        if did and dialled.lstrip("0") != did:
            continue
        if recharge is None:
            comparison.not_priced += 1
            continue
        if had not in {tariff.currency, ""}:
            comparison.other_currency += 1
            continue
        digits, is_short = digits_to_price(
            number, e164, direction=direction, region=regions[feed], outside_prefix=prefixes.get((feed, trunk), "")
        )
        rating = rater.rate(answered_at, billable, digits, is_short=is_short)
        line = lines[prefix_class.get(rating.prefix) or "other"]
        for counted in (line, comparison.total):
            counted.calls += 1
            if rating.cost is None:
                counted.unrated += 1
            else:
                counted.was += recharge * MILLIONTHS
                counted.would_be += rating.recharge_millionths * MILLIONTHS
    for name, line in lines.items():
        line.name = name
    comparison.lines = sorted(lines.values(), key=lambda line: (-abs(line.difference), line.name))
    return comparison
