import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.template import RequestContext, engines
from django.test import RequestFactory

from smdr_site.templatetags import ui

ROOT = Path(settings.BASE_DIR)
NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0, "0:00"), (59, "0:59"), (247, "4:07"), (3753, "1:02:33"), (3753.9, "1:02:33")],
)
def test_durations(seconds, shown):
    assert ui.duration(seconds) == shown


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (datetime(2026, 11, 24, 9, 5, 3, tzinfo=UTC), ">09:05<"),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), ">Mon 23 Nov 23:59<"),
        (datetime(2025, 7, 1, 23, 30, tzinfo=UTC), ">Wed 2 Jul 2025 00:30<"),
    ],
)
def test_an_instant_is_shown_in_the_sites_zone_with_its_date_unless_today(instant, shown):
    with time_machine.travel(NOW, tick=False):
        assert shown in ui.when(instant)


@pytest.mark.parametrize("state", ui.DRAWN)
def test_a_state_is_a_glyph_and_a_word(state):
    drawn = ui.state_glyph(state)
    assert "<svg" in drawn
    assert re.search(r"<span>[A-Z][a-z ]+</span></span>$", drawn)


def test_a_word_is_escaped():
    assert "<b>" not in ui.state_glyph("live", "<b>")


def shown_to(user, path="/"):
    request = RequestFactory().get(path)
    request.user = user
    return ui.sections(RequestContext(request, {"request": request}))


def test_the_navigation_leaves_out_what_does_not_exist_or_may_not_be_opened():
    superuser = User(username="root", is_superuser=True, is_active=True)
    everything = ["Board", "Calls", "Reports", "Directory", "Tariffs", "Feeds"]
    assert [entry["label"] for entry in shown_to(superuser)] == everything
    assert [entry["label"] for entry in shown_to(AnonymousUser())] == ["Board", "Calls", "Reports"]


@pytest.mark.parametrize(("path", "current"), [("/", ["Board"]), ("/calls/7/", ["Calls"]), ("/accounts/password/", [])])
def test_the_navigation_says_where_a_page_belongs(path, current):
    superuser = User(username="root", is_superuser=True, is_active=True)
    assert [entry["label"] for entry in shown_to(superuser, path) if entry["current"]] == current


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_compiles_and_has_nothing_the_policy_forbids(path):
    text = path.read_text()
    engines["django"].from_string(text)
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)\s*=", text)
    assert "<style" not in text or path.name == "paper.html"  # which no browser gets
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)


def test_scripts_set_text_as_text_and_stay_small():
    scripts = list((ROOT / "static" / "js").rglob("*.js"))
    for script in scripts:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", script.read_text()), (
            script
        )
    assert sum(script.stat().st_size for script in scripts) < 40_000
