"""New prices for past calls, in the browser: chosen, looked at, applied by a process beside the web server."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from calls import money, periods, recost_process, recosting
from calls.access import Scope, scope_of
from calls.costing.forms import day_field
from calls.costing.models import Tariff
from calls.directory.models import Feed
from calls.models import Call, Recost
from calls.periods import PeriodError
from calls.recosting import UNDER_WAY, NotPricedError, PricesChangedError, figure, words
from calls.showing import Party, Showing

LATEST_JOBS = 20
CHANGES_A_PAGE = 100
REFRESH_SECONDS = "1"

may_view = permission_required("costing.view_tariff", raise_exception=True)
may_change = permission_required("costing.change_tariff", raise_exception=True)


class RecostForm(forms.Form):
    """Which calls get new prices: of which local days, of which tariff and feed."""

    first = day_field("First day")
    last = day_field("Last day", help_text="Both days are in.")
    tariff = forms.ModelChoiceField(
        Tariff.objects.filter(versions__published_at__isnull=False).distinct(), required=False,
        empty_label="Every tariff", help_text="Only calls that it prices now, or priced so far.",
    )  # fmt: skip
    feed = forms.ModelChoiceField(Feed.objects.all(), required=False, empty_label="Every feed")

    def period(self) -> periods.Period:
        """Raises PeriodError."""
        days = self.cleaned_data["first"].isoformat(), self.cleaned_data["last"].isoformat()
        return periods.between(*days, timezone.now(), timezone.get_current_timezone())


@dataclass(frozen=True, slots=True)
class ChangedCall:
    call: Call
    outside: Party
    started_at: Any
    old: str
    new: str
    difference: str


@require_http_methods(["GET", "HEAD", "POST"])
@may_view
def recosts(request: HttpRequest) -> HttpResponse:
    """Choose calls, of which then only is worked out what would change; and the jobs so far."""
    scope = _scope(request)
    form = RecostForm(request.POST if request.method == "POST" else None, initial=_initial(request))
    if request.method == "POST":
        if not request.user.has_perm("costing.change_tariff"):
            raise PermissionDenied
        begun = _begun(request, form, scope) if form.is_valid() else None
        if begun is not None:
            return redirect("recost", begun.pk)
    jobs = Recost.objects.select_related("created_by", "applied_by", "tariff", "feed")
    seen = [job for job in jobs[: 10 * LATEST_JOBS] if recosting.may_see(scope, job)][:LATEST_JOBS]
    return render(request, "recost/index.html", {"form": form, "jobs": [(job, dates(job), done(job)) for job in seen]})


@require_http_methods(["GET", "HEAD"])
@may_view
def recost(request: HttpRequest, pk: int) -> HttpResponse:
    """What a job would change, does change, or has changed. It loads itself again while a process is at work."""
    scope = _scope(request)
    job = _job(scope, pk)
    is_at_work = recosting.is_at_work(job)
    changes = job.changes.filter(call__in=Call.objects.visible_to(scope)).select_related("call__feed").order_by("pk")
    kept = changes.none() if is_at_work else changes
    page = Paginator(kept, CHANGES_A_PAGE).get_page(request.GET.get("page"))
    answer = render(
        request,
        "recost/job.html",
        {
            "job": job,
            "dates": dates(job),
            "is_at_work": is_at_work,
            "has_died": job.state in UNDER_WAY and not is_at_work,
            "would_be": words(job.would_change, job.would_differ),
            "done": done(job),
            "amounts": _amounts(job.would_differ if job.state == Recost.State.READY else job.differ),
            "largest": _largest(job, scope),
            "kept": _kept(page.object_list, scope),
            "page": page,
            "calls": _calls_address(job),
        },
    )
    if is_at_work:
        answer["Refresh"] = REFRESH_SECONDS
    return answer


@require_POST
@may_change
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Write the new prices, as they were shown."""
    job = _job(_scope(request), pk)
    try:
        recosting.apply(job, _user(request))
    except PricesChangedError as error:
        messages.warning(request, str(error))
    return _at_work(job)


@require_POST
@may_change
def go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a process for a job whose own has died."""
    return _at_work(_job(_scope(request), pk))


@require_POST
@may_change
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a job that has changed nothing."""
    job = _job(_scope(request), pk)
    with transaction.atomic():
        unapplied = Recost.objects.select_for_update().filter(pk=pk, applied_by=None, changes=None)
        if unapplied.filter(state__in=(Recost.State.LOOKING, Recost.State.READY)).exists():
            job.delete()
            messages.success(request, "Nothing was changed.")
    return redirect("recosts")


def dates(job: Recost) -> str:
    return periods.Period(periods.CUSTOM, job.since, job.until, timezone.get_current_timezone()).dates


def done(job: Recost) -> str:
    """What became of a job, in words."""
    match job.state:
        case Recost.State.LOOKING:
            return "Being worked out"
        case Recost.State.READY:
            return (
                f"Not applied: {words(job.would_change, job.would_differ)}" if job.would_change else "Nothing changes"
            )
    return words(job.changed, job.differ)


def _scope(request: HttpRequest) -> Scope:
    scope = scope_of(request.user)
    if scope.sees_nothing:
        raise PermissionDenied
    return scope


def _job(scope: Scope, pk: int) -> Recost:
    job = get_object_or_404(Recost.objects.select_related("created_by", "applied_by", "tariff", "feed"), pk=pk)
    if not recosting.may_see(scope, job):
        raise Http404
    return job


def _user(request: HttpRequest) -> Any:
    return request.user


def _initial(request: HttpRequest) -> dict[str, Any]:
    """This month up to today, or what a link says."""
    today = timezone.localdate()
    return {"first": periods.month_start(today), "last": today, **request.GET.dict()}


def _begun(request: HttpRequest, form: RecostForm, scope: Scope) -> Recost | None:
    asked = form.cleaned_data
    try:
        period = form.period()
        with transaction.atomic():
            job = recosting.begin(
                period.since, period.until, _user(request), scope, feed=asked["feed"], tariff=asked["tariff"]
            )
            transaction.on_commit(partial(recost_process.start, job))
    except (PeriodError, NotPricedError) as error:
        form.add_error(None, str(error))
        return None
    return job


def _at_work(job: Recost) -> HttpResponse:
    if job.state in UNDER_WAY:
        transaction.on_commit(partial(recost_process.start, job))
    return redirect("recost", job.pk)


def _calls_address(job: Recost) -> str:
    """The list of the calls in a job's range."""
    asked = periods.Period(periods.CUSTOM, job.since, job.until, timezone.get_current_timezone()).query()
    narrowed = {"feed": job.feed_id, "direction": job.tariff and job.tariff.direction}
    return (
        f"{reverse('calls:list')}?{urlencode({**asked, **{name: value for name, value in narrowed.items() if value}})}"
    )


def _amounts(differ: dict[str, int]) -> list[str]:
    return [
        f"{money.shown(abs(amount), currency)} {'less' if amount < 0 else 'more'}"
        for currency, amount in sorted(differ.items())
        if amount
    ]


def _largest(job: Recost, scope: Scope) -> list[ChangedCall]:
    found = {one["call"]: one for one in job.largest}
    calls = Call.objects.visible_to(scope).filter(pk__in=found).select_related("feed").in_bulk()
    showing = Showing(calls.values(), scope)
    return [
        _changed(calls[pk], showing, *(
            (one[which], one[f"{which}_currency"], one[f"{which}_status"]) for which in ("old", "new")
        ))
        for pk, one in found.items()
        if pk in calls
    ]  # fmt: skip


def _kept(changes: Any, scope: Scope) -> list[ChangedCall]:
    changes = list(changes)
    showing = Showing([change.call for change in changes], scope)
    return [
        _changed(
            change.call, showing, (change.old_cost, change.old_currency, change.old_status),
            (change.new_cost, change.new_currency, change.new_status),
        )
        for change in changes
    ]  # fmt: skip


Cost = tuple[int | None, str, str]  # amount, currency, status


def _changed(call: Call, showing: Showing, old: Cost, new: Cost) -> ChangedCall:
    one_currency = old[1] == new[1] or not (old[0] and new[0])
    difference = (new[0] or 0) - (old[0] or 0)
    shown = money.of_a_call(difference, new[1] or old[1]) if one_currency and difference else ""
    return ChangedCall(
        call, showing.outside(call), showing.local(call.started_at), figure(*old), figure(*new),
        f"+{shown}" if difference > 0 and shown else shown,
    )  # fmt: skip
