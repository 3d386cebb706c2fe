"""Telling the operator, through a real SMTP server and a real HTTP server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from calls.directory.models import Feed, Outage, WorkerStatus
from ingest.models import Notice, NotifyChannel
from ingest.notifying import notify

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every mail; answers `refusal` to MAIL FROM if there is one, and nothing at all if `hangs`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[str] = []
        self.refusal = ""
        self.hangs = threading.Event()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        if self.server.hangs.is_set():
            self.rfile.readline()
            return
        self.say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "MAIL" and self.server.refusal:
                self.say(self.server.refusal)
            elif verb == "DATA":
                self.say("354 go on")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                self.server.mails.append(body.decode())
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 well")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class Hook(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.bodies: list[dict[str, Any]] = []
        self.status = 200


class _Hook(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def _serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mails(settings: Settings) -> Iterator[MailServer]:
    server = MailServer()
    settings.NOTIFY_EMAIL = ["it@example.com"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
    yield from _serving(server)


@pytest.fixture
def hook(settings: Settings) -> Iterator[Hook]:
    server = Hook()
    settings.NOTIFY_WEBHOOK_URL = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield from _serving(server)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def feed() -> Feed:
    """A feed whose worker was last heard of at noon."""
    feed = Feed.objects.create(name="Head\r\nBcc: all@example.com", push_enabled=True, push_port=2008)
    WorkerStatus.objects.create(
        feed=feed, worker="gone:1:0", endpoints=1, heartbeat_at=NOON, started_at=NOON, connected_since=NOON
    )
    return feed


def at_work(feed: Feed, now: datetime) -> None:
    WorkerStatus.objects.update_or_create(
        feed=feed, worker="new:1:0",
        defaults={"endpoints": 1, "heartbeat_at": now, "started_at": now, "connected_since": now, "last_line_at": now},
    )  # fmt: skip


def test_a_dead_worker_is_told_once_and_cleared(
    feed: Feed, mails: MailServer, hook: Hook, clock: Any, settings: Settings
) -> None:
    settings.SITE_URL = "https://calls.example.com"
    clock.move_to(NOON + timedelta(seconds=119))
    call_command("notify")
    assert (mails.mails, hook.bodies) == ([], [])
    clock.move_to(NOON + timedelta(seconds=121))
    call_command("notify")
    call_command("notify")  # as after a restart: the database knows
    (mail,) = mails.mails
    assert "Subject: Tollbook: No worker: Head Bcc: all@example.com" in mail
    assert "\nBcc:" not in mail
    assert "no ingest worker is running since Tue 24 Nov 12:00" in mail.replace("=\r\n", "").replace("\r\n", " ")
    assert "https://calls.example.com/feeds/" in mail
    assert [event["event"] for body in hook.bodies for event in body["events"]] == ["began"]
    clock.move_to(NOON + timedelta(minutes=10))
    at_work(feed, NOON + timedelta(minutes=10))
    Outage.objects.create(
        feed=feed, kind="worker_down", began_at=NOON, ended_at=NOON + timedelta(minutes=10)
    )  # as the new worker writes it
    call_command("notify")
    call_command("notify")
    assert len(mails.mails) == 2
    assert "Subject: Tollbook: Over:" in mails.mails[1]
    assert hook.bodies[-1]["events"] == [
        {
            "event": "over",
            "feed": feed.name,
            "kind": "worker_down",
            "began_at": "2026-11-24T12:00:00Z",
            "ended_at": "2026-11-24T12:10:00Z",
        }
    ]
    assert not Notice.objects.filter(cleared_at=None).exists()


def test_one_channel_that_fails_is_tried_again_and_the_other_is_not_repeated(
    feed: Feed, mails: MailServer, hook: Hook, clock: Any
) -> None:
    mails.refusal = "550 no"
    clock.move_to(NOON + timedelta(minutes=3))
    with pytest.raises(CommandError, match="mail: SMTPSenderRefused"):
        call_command("notify")
    channel = NotifyChannel.objects.get(name="mail")
    assert (channel.failing_since, channel.claimed_until) == (NOON + timedelta(minutes=3), None)
    mails.refusal = ""
    clock.move_to(NOON + timedelta(minutes=4))
    call_command("notify")
    assert (len(mails.mails), len(hook.bodies)) == (1, 1)
    assert NotifyChannel.objects.get(name="mail").failing_since is None


def test_a_mail_server_that_hangs_is_given_up(feed: Feed, mails: MailServer, clock: Any, settings: Settings) -> None:
    settings.NOTIFY_TIMEOUT_SECONDS = settings.EMAIL_TIMEOUT = 0.3
    mails.hangs.set()
    clock.move_to(NOON + timedelta(minutes=3))
    (failure,) = notify()
    assert "no answer within 0.3 s" in failure or "timed out" in failure
    assert not Notice.objects.exists()


def test_a_redirect_is_not_followed(feed: Feed, hook: Hook, clock: Any) -> None:
    hook.status = 302
    clock.move_to(NOON + timedelta(minutes=3))
    (failure,) = notify()
    assert "302" in failure


def test_another_process_is_at_it(feed: Feed, hook: Hook, clock: Any) -> None:
    clock.move_to(NOON + timedelta(minutes=3))
    NotifyChannel.objects.create(name="webhook", claimed_until=NOON + timedelta(minutes=4))
    assert notify() == []
    assert hook.bodies == []
    clock.move_to(NOON + timedelta(minutes=5))  # it died: its claim is over
    notify()
    assert len(hook.bodies) == 1


def test_nobody_to_tell_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="Set NOTIFY_EMAIL") as caught:
        call_command("notify")
    assert caught.value.returncode == 2
