"""The board's pages; the calls come over the WebSocket."""

import json
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from calls.access import Scope, scope_of
from calls.directory.health import health_of_active_feeds
from calls.directory.models import Extension
from calls.harmless import json_shown
from calls.today import today as figures_of_today

THRESHOLD_SECONDS = {"ringing": 10, "queued": 30, "held": 60, "talking": 3600}
TODAY_EVERY_SECONDS = 3


@require_safe
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "board/board.html", _context(request))


@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    return render(request, "board/wall.html", _context(request))


@require_safe
def today(request: HttpRequest) -> JsonResponse:
    """People's own figures and the day to compare with, counted once a few seconds for all viewers of a scope."""
    scope = scope_of(request.user)
    departments = "all" if scope.departments is None else "-".join(map(str, sorted(scope.departments)))
    figures = cache.get_or_set(
        f"board-today-{departments}",
        lambda: figures_of_today(scope, timezone.now(), ZoneInfo(settings.TIME_ZONE)),
        TODAY_EVERY_SECONDS,
    )
    return JsonResponse(figures)


def _context(request: HttpRequest) -> dict[str, Any]:
    return {
        "directory": people(scope_of(request.user)),
        "thresholds": THRESHOLD_SECONDS,
        "time_zone": settings.TIME_ZONE,
    }


def people(scope: Scope) -> list[dict[str, str]]:
    """The tiles: persons of the viewer's departments, by department and name."""
    feeds = [feed for feed, _ in health_of_active_feeds()]
    extensions = Extension.objects.filter(kind=Extension.Kind.PERSON, feed__in=feeds)
    if scope.departments is not None:
        extensions = extensions.filter(department__in=scope.departments)
    rows = extensions.order_by("department__name", "name", "number").values_list(
        "number", "feed__name", "name", "department__name"
    )
    tiles = [
        {"number": number, "feed": feed, "name": name, "department": department or ""}
        for number, feed, name, department in rows
    ]
    shown: list[dict[str, str]] = json.loads(json_shown(tiles))  # written as the board's messages write them
    return shown
