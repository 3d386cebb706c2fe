"""Pages of the site itself."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from calls.directory.health import health_of_active_feeds


class SignIn(LoginView):
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:  # type: ignore[override]
        """Where `next` leads, unless that is here: Django refuses such a loop with an error."""
        wanted = super().get_redirect_url()
        return "" if urlsplit(wanted).path == self.request.path else wanted


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when web and database work, else 503. No names, no addresses, no figures of calls."""
    parts: dict[str, Any] = {"web": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        feeds = [health for _, health in health_of_active_feeds()]
        parts["database"] = "ok"
        parts["ingest"] = "ok" if all(health.working for health in feeds) else "not running"
        parts["feeds"] = {state: sum(health.state == state for health in feeds) for state in ("live", "silent", "lost")}
    except (DatabaseError, InterfaceError):
        parts["database"] = "not answering"
    works = parts["database"] == "ok"
    return JsonResponse({"status": "ok" if works else "failing", "parts": parts}, status=200 if works else 503)
