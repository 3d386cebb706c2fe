"""The board's pages; the calls come over the WebSocket."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from calls.access import Scope, scope_of
from calls.consumers import department_asked
from calls.directory.health import health_of_active_feeds
from calls.directory.models import Department, Extension, SavedBoard
from calls.edition import EDITION
from calls.harmless import json_shown

THRESHOLDS = {"ringing": 10, "queued": 30, "held": 60, "talking": 60}  # seconds, of talking minutes
STATES = ("queued", "ringing", "held", "talking")
GROUPS = {"": "None", "state": "State", "department": "Department", "trunk": "Trunk", "did": "DID"}
SCRIPTS = sorted(
    f"js/board/{file.name}"
    for file in Path(settings.BASE_DIR, "static/js/board").glob("*.js")
    if file.name not in {"main.js", "link.js"}
)  # loaded beside main.js, not after it
MOST_TABS = 4  # departments beyond these are in a menu


@require_safe
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "board/board.html", _own(request))


@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    return render(request, "board/wall.html", _own(request))


def _own(request: HttpRequest) -> dict[str, Any]:
    """For a signed-in user. 404 for a department that is none of the user's."""
    scope = scope_of(request.user)
    departments = Department.objects.all()
    if scope.departments is not None:
        departments = departments.filter(pk__in=scope.departments)
    names = dict(departments.values_list("pk", "name"))
    asked = department_asked(request.META.get("QUERY_STRING", ""))
    if asked is not None:
        if asked not in names:
            raise Http404
        scope = scope.narrowed(asked)
    view = {name: request.GET.get(name, "") for name in ("group", "state", "q")}
    return board_context(scope) | {
        "socket": f"/ws/board/?department={asked}" if asked else "/ws/board/",
        "departments": names if len(names) > 1 else {},
        "as_tabs": len(names) <= MOST_TABS,
        "department": asked,
        "title": names.get(asked, "") if asked else "",
        "view": view,
        "groups": GROUPS,
        "states": STATES,
        "saved_boards": SavedBoard.objects.seen_by(request.user.pk).select_related("owner"),
        "query": request.GET.urlencode(),
    }


def board_context(scope: Scope) -> dict[str, Any]:
    return {
        "people": people(scope),
        "thresholds": THRESHOLDS,
        "time_zone": settings.TIME_ZONE,
        "edition": EDITION,
        "scripts": SCRIPTS,
    }


def people(scope: Scope) -> list[dict[str, Any]]:
    """The tiles by department: persons of the viewer's departments, by name."""
    feeds = [feed for feed, _ in health_of_active_feeds()]
    extensions = Extension.objects.filter(kind=Extension.Kind.PERSON, feed__in=feeds)
    if scope.departments is not None:
        extensions = extensions.filter(department__in=scope.departments)
    groups: dict[str, list[dict[str, str]]] = {}
    for number, feed, name, department in extensions.order_by("department__name", "name", "number").values_list(
        "number", "feed__name", "name", "department__name"
    ):
        # the place is written as the board's messages write it
        place = json.loads(json_shown(f"{feed}\n{number}"))
        groups.setdefault(department or "No department", []).append(
            {"place": place, "name": name or number, "number": number}
        )
    return [{"department": department, "people": tiles} for department, tiles in groups.items()]
