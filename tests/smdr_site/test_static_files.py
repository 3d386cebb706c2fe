"""Static files that change, come or go while the server runs."""

from pathlib import Path

import pytest
from django.http import HttpResponse, HttpResponseNotFound
from django.test import RequestFactory
from pytest_django import Settings

from smdr_site.static_files import StaticFilesMiddleware


@pytest.mark.django_db  # the end of an answer looks at connections that other tests may have left
def test_a_file_changed_under_a_running_server_is_served_as_it_is_now(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    script = tmp_path / "own.js"
    script.write_text("let a;")
    serve = StaticFilesMiddleware(lambda request: HttpResponseNotFound())

    def got() -> HttpResponse:
        answer: HttpResponse = serve(RequestFactory().get("/static/own.js"))
        return answer

    for text in ("let a;", "let another = 1;", "let b;"):
        script.write_text(text)
        answer = got()
        assert b"".join(answer) == text.encode()
        answer.close()
        assert answer["Content-Length"] == str(len(text))
    script.unlink()
    assert got().status_code == 404
