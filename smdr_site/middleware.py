"""What happens to a request before its session is looked at."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def health_without_session(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """/healthz is nobody's: looking its user up would fail just when the database is gone."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return answer
