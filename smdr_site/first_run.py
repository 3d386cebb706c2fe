"""First set-up: the one-time link that makes the first administrator, then whether calls are priced."""

import hmac
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required, permission_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from calls.costing.models import CostingChoice
from calls.costing.versions import RefusedError, use_example
from calls.directory.models import Feed


def token_path() -> Path:
    return Path(settings.SMDR_DATA_DIR) / "first_run_token"


def first_run_path() -> str | None:
    """The link's path, its token made if there is none yet; None once there is a user."""
    if get_user_model().objects.exists():
        return None
    path = token_path()
    token = _known_token()
    if not token:
        token = secrets.token_urlsafe(24)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token)
    return reverse("first-run", args=[token])


def _known_token() -> str:
    """Empty if there is none, or only a file that was made and not written."""
    try:
        return token_path().read_text().strip()
    except FileNotFoundError:
        return ""


class FirstAdministratorForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username",)
        help_texts = {"username": "Letters, digits and @ . + - _"}  # noqa: RUF012 - read once by the form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "password1"
        ].help_text = "At least 10 characters, not only digits, neither common nor like the name."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""


@login_not_required
@never_cache
@sensitive_post_parameters()
def first_run(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator and sign in. 404 with a wrong token, or when there is a user already."""
    known = _known_token()
    if not known or not hmac.compare_digest(known.encode(), token.encode()) or User.objects.exists():
        raise Http404
    form = FirstAdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.save(commit=False)
        user.is_staff = user.is_superuser = True
        with transaction.atomic():
            # Two tabs may post at once. This row is always there; on SQLite the transaction itself is the lock.
            ContentType.objects.select_for_update().get(app_label="auth", model="user")
            if User.objects.exists():
                raise Http404
            user.save()
        token_path().unlink(missing_ok=True)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("first-costing" if not CostingChoice.objects.exists() else _next())
    context = {"form": form, "has_feed": Feed.objects.exists(), "has_costing": CostingChoice.objects.exists()}
    return render(request, "first_run.html", context)


@permission_required("costing.change_tariff", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def first_costing(request: HttpRequest) -> HttpResponse:
    """The second step: no costing, or the example tariff. It is asked once; /tariffs/ changes it later."""
    if CostingChoice.objects.exists():
        return redirect("tariffs:index")
    if request.method == "POST":
        try:
            if request.POST.get("costing") == "example":
                use_example()
        except RefusedError as error:  # tariffs are there already
            messages.error(request, str(error))
        CostingChoice.objects.get_or_create(pk=1)
        return redirect(_next())
    return render(request, "first_costing.html", {"has_feed": Feed.objects.exists()})


def _next() -> str:
    return "board" if Feed.objects.exists() else "feeds:index"
