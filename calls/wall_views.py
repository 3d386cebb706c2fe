"""Wall links: made and revoked by those who may, and the wall that a link shows without signing in.

The token stands behind the # of the link, which no browser sends: so it is in no log and no Referer. The page posts it
once, and keeps it as a cookie that scripts cannot read.
"""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from calls.access import Scope, scope_by, scope_of
from calls.board_views import board_context
from calls.consumers import WALL_COOKIE
from calls.directory.models import Department, WallLink

COOKIE_SECONDS = 400 * 24 * 3600  # as long as browsers keep one
HIDDEN_DIGITS = 4


class WallLinkForm(forms.ModelForm):
    """No link shows more than its maker may see."""

    class Meta:
        model = WallLink
        fields = ("name", "all_departments", "departments", "masked_digits")
        widgets = {"departments": forms.CheckboxSelectMultiple}  # noqa: RUF012 - read once by the form

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        if scope.departments is not None:
            del self.fields["all_departments"]
            offered = self.fields["departments"]
            assert isinstance(offered, forms.ModelMultipleChoiceField)
            offered.queryset = Department.objects.filter(pk__in=scope.departments)
        self.fields["masked_digits"].initial = max(HIDDEN_DIGITS, scope.masked_digits)

    def clean_masked_digits(self) -> int:
        digits: int = self.cleaned_data["masked_digits"]
        if digits < self.scope.masked_digits:
            raise forms.ValidationError(f"At least {self.scope.masked_digits}, as they are hidden from you.")
        return digits

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("all_departments") and not cleaned.get("departments") and "departments" not in self.errors:
            raise forms.ValidationError("Choose at least one department.")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("directory.add_walllink", raise_exception=True)
@never_cache
def links(request: HttpRequest) -> HttpResponse:
    """The links there are, and a form for another. The address of a new one is shown in the answer, and never again."""
    form = WallLinkForm(request.POST or None, scope=scope_of(request.user), instance=WallLink())
    address = ""
    if request.method == "POST" and form.is_valid():
        assert request.user.is_authenticated
        form.instance.made_by = request.user
        token = WallLink.new_token(form.instance)
        form.save()
        address = f"{request.build_absolute_uri(reverse('wall'))}#{token}"
        form = WallLinkForm(scope=form.scope, instance=WallLink())
    return render(request, "board/links.html", {"links": _seen(request), "form": form, "address": address})


@require_POST
@permission_required("directory.add_walllink", raise_exception=True)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    link = get_object_or_404(WallLink.objects.in_force(), pk=pk)
    if link not in _seen(request):
        raise PermissionDenied
    link.revoke()
    return redirect("wall-links")


def _seen(request: HttpRequest) -> list[WallLink]:
    """One's own; with the permission to change others' too, all."""
    known = WallLink.objects.select_related("made_by").prefetch_related("departments")
    if not request.user.has_perm("directory.change_walllink"):
        known = known.filter(made_by=request.user.pk)
    return list(known)


@login_not_required
@never_cache
@sensitive_post_parameters("token")
@require_http_methods(["GET", "HEAD", "POST"])
def linked_wall(request: HttpRequest) -> HttpResponse:
    """The wall of the link whose token the cookie holds; the token is taken in by POST."""
    token = request.POST.get("token", "") if request.method == "POST" else request.COOKIES.get(WALL_COOKIE, "")
    link = WallLink.objects.of_token(token)
    if link is None:
        return render(request, "board/no_link.html", {"has_token": bool(token)}, status=403 if token else 200)
    if request.method == "POST":
        response = redirect("wall")
        response.set_cookie(
            WALL_COOKIE, token, max_age=COOKIE_SECONDS, secure=request.is_secure(), httponly=True, samesite="Strict"
        )
        return response
    title = link.name
    return render(
        request,
        "board/wall.html",
        board_context(scope_by(link)) | {"socket": "/ws/wall/", "title": title, "is_linked": True},
    )
