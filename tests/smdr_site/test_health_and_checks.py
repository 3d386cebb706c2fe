"""/healthz, and what `manage.py check --deploy` says of a deployment."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from calls.directory.models import Feed
from smdr_site.checks import check_channel_layer, check_https, check_open_listeners
from tests.services import ROOT


@pytest.mark.django_db
def test_healthz_tells_its_parts_and_no_secrets(client: Client) -> None:
    Feed.objects.create(name="Secret Head Office", local_enabled=True, local_host="pbx.internal")
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "parts": {
            "web": "ok", "database": "ok", "ingest": "not running", "feeds": {"live": 0, "silent": 0, "lost": 1}
        },
    }  # fmt: skip
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_healthz_is_503_when_the_database_is_gone(client: Client) -> None:
    client.force_login(User.objects.create_user("priya"))

    def refuse(*_arguments: Any) -> Any:
        raise OperationalError("could not connect to server at db.internal, password tollbook")

    with connection.execute_wrapper(refuse):
        answers = [Client().get("/healthz"), client.get("/healthz")]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json() == {"status": "failing", "parts": {"web": "ok", "database": "not answering"}}


def test_the_documented_production_settings_pass_every_check(tmp_path: Path) -> None:
    documented = (ROOT / "docs" / "operations.md").read_text()
    block = documented[documented.index("## Production") :]
    exported = dict(
        pair.split("=", 1) for line in re.findall(r"^    export (.+)$", block, re.MULTILINE) for pair in line.split()
    )
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY_FILE", "ALLOWED_HOSTS", "HTTPS", "BEHIND_PROXY"} <= exported.keys()
    secret = tmp_path / "secret"
    secret.write_text("3f9a-unguessable-and-long-enough-for-every-check-there-is-0b7c1d")
    exported["SECRET_KEY_FILE"] = str(secret)
    exported["DATABASE_URL"] = exported["DATABASE_URL"].replace("@db/", "@127.0.0.1:1/")
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**plain, **exported, "SMDR_DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced)."), done.stderr


def found(messages: list[Any]) -> list[str | None]:
    return [message.id for message in messages]


def test_postgres_without_a_layer_and_no_https_are_said(settings: Settings) -> None:
    settings.REDIS_URL, settings.HTTPS = "", False
    settings.DATABASES["default"]["ENGINE"], before = (
        "django.db.backends.postgresql",
        settings.DATABASES["default"]["ENGINE"],
    )
    try:
        assert found(check_channel_layer(None)) == ["tollbook.W001"]
        settings.REDIS_URL = "redis://cache"
        assert found(check_channel_layer(None)) == []
    finally:
        settings.DATABASES["default"]["ENGINE"] = before
    assert found(check_https(None)) == ["tollbook.E001"]
    settings.HTTPS = True
    assert found(check_https(None)) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("host", "allow_list", "expected"),
    [
        ("127.0.0.1", "", []),
        ("0.0.0.0", "", ["tollbook.W002"]),
        ("0.0.0.0", "10.1.2.3", []),
        ("0.0.0.0", "0.0.0.0/0", ["tollbook.W003"]),
        ("::", "::/0", ["tollbook.W003"]),
        ("0.0.0.0", "10.0.0.0/0", ["tollbook.W003"]),
    ],
)
def test_open_listeners_are_said(host: str, allow_list: str, expected: list[str]) -> None:
    feed = Feed.objects.create(name="A", push_enabled=True, push_host=host, push_port=2008, allow_list=allow_list)
    assert found(check_open_listeners(None)) == expected
    feed.active = False
    feed.save()
    assert found(check_open_listeners(None)) == []
