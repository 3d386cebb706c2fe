"""What people keep of reports: saved ones, and who calls an unreturned number back."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from calls.access import scope_of
from calls.models import Call
from calls.showing import Showing
from reports.catalogue import REPORTS
from reports.models import FollowUp, SavedReport

IN_SIDEBAR = 8
NEVER_KEPT = {"format", "newer", "older", "csrfmiddlewaretoken"}


class SaveForm(forms.ModelForm):
    slug = forms.ChoiceField(choices=[(slug, slug) for slug in REPORTS])

    class Meta:
        model = SavedReport
        fields = ("name", "slug", "query", "shared")

    def clean_query(self) -> str:
        """Only what a report's address is made of."""
        asked = parse_qsl(self.cleaned_data["query"].removeprefix("?"), max_num_fields=40)
        return urlencode([(name, value) for name, value in asked if name not in NEVER_KEPT and value])


class RenameForm(forms.ModelForm):
    class Meta:
        model = SavedReport
        fields = ("name", "shared")


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """One of the same name is overwritten."""
    assert request.user.is_authenticated
    known = SavedReport.objects.filter(owner=request.user, name=request.POST.get("name", "").strip()).first()
    form = SaveForm(request.POST, instance=known or SavedReport(owner=request.user))
    if not form.is_valid():
        messages.error(request, "Not saved: give it a name of at most 60 characters.")
        return redirect("reports:index")
    saved = form.save()
    messages.success(request, f"{saved.name} saved.")
    remember(request)
    return redirect(saved.get_absolute_url())


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename it or share it; with `delete`, delete it. Its owner only."""
    assert request.user.is_authenticated
    saved = get_object_or_404(SavedReport, pk=pk, owner=request.user)
    if "delete" in request.POST:
        saved.delete()
        messages.success(request, f"{saved.name} deleted.")
    else:
        form = RenameForm(request.POST, instance=saved)
        taken = SavedReport.objects.filter(owner=request.user, name=request.POST.get("name", "").strip()).exclude(pk=pk)
        if taken.exists() or not form.is_valid():
            messages.error(request, "Not renamed: give it a name of its own of at most 60 characters.")
        else:
            form.save()
    remember(request)
    return redirect("reports:index")


def remember(request: HttpRequest) -> None:
    """Keep what the sidebar shows in the session, so that no page asks the database for it."""
    saved = SavedReport.objects.seen_by(request.user.pk)[:IN_SIDEBAR]
    shown = [{"name": kept.name, "address": kept.get_absolute_url()} for kept in saved if kept.slug in REPORTS]
    if request.session.get("saved_reports", []) != shown:
        request.session["saved_reports"] = shown


class FollowUpForm(forms.ModelForm):
    class Meta:
        model = FollowUp
        fields = ("assignee", "note")
        widgets = {"note": forms.TextInput}  # noqa: RUF012 - read once by the form

    def __init__(self, *args: Any, call: Call, **kwargs: Any) -> None:
        """Only who may see the call can take it on."""
        super().__init__(*args, **kwargs)
        sees = Q(is_superuser=True) | Q(access__all_departments=True)
        if call.department_id:
            sees |= Q(access__departments=call.department_id)
        users = get_user_model().objects.filter(sees, is_active=True).distinct().order_by("username")
        field = self.fields["assignee"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset, field.label = users, "Assigned to"
        names = {user.pk: user.get_full_name() or user.get_username() for user in users}
        field.choices = [("", "Nobody"), *names.items()]


def follow_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Who calls back the number of this call, and what is known; the number itself is in no address."""
    scope = scope_of(request.user)
    call = get_object_or_404(Call.objects.visible_to(scope).select_related("feed"), pk=pk)
    place = {"feed": call.feed, "number": call.number_e164 or call.number}
    if not place["number"]:
        raise PermissionDenied
    known = FollowUp.objects.filter(**place).select_related("assignee", "changed_by").first()
    may_change = request.user.has_perm("reports.change_followup")
    showing = Showing([call], scope)
    form = FollowUpForm(request.POST or None, instance=known or FollowUp(**place), call=call)
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if form.is_valid():
            kept = form.save(commit=False)
            kept.changed_by = request.user
            kept.save()
            messages.success(request, "Kept.")
            return redirect("reports:report", slug="unreturned")
    return render(
        request, "reports/follow_up.html",
        {"call": call, "who": showing.outside(call), "known": known, "form": form, "may_change": may_change,
         "assigned": str(known.assignee.get_full_name() or known.assignee) if known and known.assignee else "",
         "note": scope.mask_name(known.note) if known else "", "hides": bool(scope.masked_digits)},
    )  # fmt: skip
