"""What every request and every page goes through."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from calls.harmless import visible_page

Handler = Callable[[HttpRequest], HttpResponseBase]


def health_without_session(get_response: Handler) -> Handler:
    """/healthz is nobody's: looking its user up would fail just when the database is gone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return middleware


def visible_controls(get_response: Handler) -> Handler:
    """Write out control and direction characters in pages: templates have none, so each comes from a line or a form.

    One place for every page, the admin's and those to come included. Addresses are percent-encoded and stay exact.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and response.get("Content-Type", "").startswith("text/html"):
            page = response.content.decode(response.charset)
            harmless = visible_page(page)
            if harmless != page:
                response.content = harmless.encode(response.charset)
        return response

    return middleware
