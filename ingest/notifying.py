"""Tells the operator of outages, by mail and webhook: what `manage.py notify` does.

It is a process of its own, so that it works when every worker is dead, and so that a mail server that hangs can hold up
nothing else. What was told is in the database, for each channel: a restart repeats nothing, and two that run at once
(on two hosts) tell once, because a channel is claimed before it is used. No transaction is open while sending.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from django.core.mail import send_mail
from django.db import close_old_connections, transaction
from django.db.models import Q
from django.utils import timezone

from calls.directory.health import health_of_feeds
from calls.directory.models import Feed, Outage
from calls.export import utc_text
from calls.outage_notes import KIND_WORDS, length
from ingest.models import Notice, NotifyChannel
from ingest.notices import PAST_IS_NEWS_FOR, News, Told, Trouble, What, news

logger = logging.getLogger(__name__)

HEADLINES = {
    What.BEGAN: "{word}: {feed}",
    What.GOES_ON: "{word}, still: {feed}",
    What.OVER: "Over: {feed}",
    What.WAS: "{word}, over: {feed}",
}
SENTENCES = {
    What.BEGAN: "{feed}: {words} since {since}, for {lasted}.",
    What.GOES_ON: "{feed}: still {words}, since {since}, for {lasted}.",
    What.OVER: "{feed}: no longer {words}. It lasted {lasted}, from {since} to {until}.",
    What.WAS: "{feed}: {words} from {since} to {until}, for {lasted}. Calls in that time may be missing.",
}
WORDS = {
    "disconnected": "no connection from the PBX",
    "silent": "connected, but unusually silent",
    "worker_down": "no ingest worker is running",
    "backlog": "lines wait to be loaded",
}
AFTERWARDS = {"worker_down": "without an ingest worker", "disconnected": "without a connection from the PBX",
              "silent": "silent", "backlog": "behind with loading"}  # fmt: skip


class SendError(Exception):
    """A channel could not be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is to say: a headline, sentences, and the same for programs."""

    headline: str
    sentences: list[str]
    events: list[dict[str, Any]]

    @property
    def text(self) -> str:
        link = [f"{settings.SITE_URL.rstrip('/')}/feeds/"] if settings.SITE_URL else []
        return "\n".join([*self.sentences, *link])


Send = Callable[[Message], None]


def channels() -> dict[str, Send]:
    """Those that the settings name."""
    known: dict[str, Send] = {}
    if settings.NOTIFY_EMAIL:
        known["mail"] = mail
    if settings.NOTIFY_WEBHOOK_URL:
        known["webhook"] = webhook
    return known


def notify() -> list[str]:
    """Look once, and tell what there is to tell; returns what could not be told, one line a channel."""
    failures = []
    for name, send in channels().items():
        now = timezone.now()
        channel = _claim(name, now)
        if channel is None:
            continue  # another process is at it
        try:
            failure = _tell(channel, send, now)
        finally:
            close_old_connections()
            NotifyChannel.objects.filter(pk=channel.pk).update(claimed_until=None)
        if failure:
            failures.append(f"{name}: {failure}")
    return failures


def _claim(name: str, now: datetime) -> NotifyChannel | None:
    channel, _ = NotifyChannel.objects.get_or_create(name=name)
    until = now + timedelta(seconds=settings.NOTIFY_TIMEOUT_SECONDS + 30)
    free = NotifyChannel.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), pk=channel.pk)
    return channel if free.update(claimed_until=until) else None


def _tell(channel: NotifyChannel, send: Send, now: datetime) -> str:
    told = [
        Told(row.feed_id, row.kind, row.began_at, row.told_at, row.cleared_at)
        for row in channel.notices.filter(Q(cleared_at=None) | Q(told_at__gt=now - 2 * PAST_IS_NEWS_FOR))
    ]
    after = timedelta(seconds=settings.NOTIFY_AFTER_SECONDS)
    found = news(troubles(now), told, now, after, timedelta(minutes=settings.NOTIFY_EVERY_MINUTES))
    if not found:
        return ""
    try:
        _bounded(send, message(found, now))
    except SendError as error:
        logger.error("the operator could not be told", extra={"channel": channel.name, "error": str(error)})
        NotifyChannel.objects.filter(pk=channel.pk).update(
            failing_since=channel.failing_since or now, error=str(error)[:300]
        )
        return str(error)
    with transaction.atomic():
        for item in found:
            _note(channel, item, now)
        NotifyChannel.objects.filter(pk=channel.pk).update(failing_since=None, error="")
    return ""


def troubles(now: datetime) -> list[Trouble]:
    """Every outage that is on, whether written or not, and those that ended within a day."""
    lately = Outage.objects.filter(ended_at__gt=now - PAST_IS_NEWS_FOR, feed__active=True)
    on = [
        Trouble(feed.pk, kind, began_at)
        for feed, health in health_of_feeds(now)
        for kind, began_at in health.outages.items()
    ]
    return on + [Trouble(row.feed_id, row.kind, row.began_at, row.ended_at) for row in lately]


def _note(channel: NotifyChannel, item: News, now: datetime) -> None:
    trouble = item.trouble
    mine = Notice.objects.filter(channel=channel, feed=trouble.feed_id, kind=trouble.kind, cleared_at=None)
    if item.what == What.OVER:
        mine.update(told_at=now, cleared_at=now)
    elif item.what == What.GOES_ON:
        mine.update(told_at=now)
    else:
        Notice.objects.create(
            channel=channel, feed_id=trouble.feed_id, kind=trouble.kind, began_at=trouble.began_at, told_at=now,
            cleared_at=now if item.what == What.WAS else None,
        )  # fmt: skip


def message(found: list[News], now: datetime) -> Message:
    """One message for all there is to tell. It names feeds and times, and nothing of any call."""
    names = dict(Feed.objects.values_list("pk", "name"))
    sentences, events = [], []
    for item in found:
        trouble = item.trouble
        sentences.append(_sentence(item, names.get(trouble.feed_id, ""), now))
        events.append(
            {
                "event": item.what.value,
                "feed": names.get(trouble.feed_id, ""),
                "kind": trouble.kind,
                "began_at": utc_text(trouble.began_at),
                "ended_at": utc_text(trouble.ended_at),
            }
        )
    first = found[0]
    headline = HEADLINES[first.what].format(
        word=KIND_WORDS[first.trouble.kind], feed=_one_line(names.get(first.trouble.feed_id, ""))
    )
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return Message(f"Tollbook: {headline}{more}", sentences, events)


def _sentence(item: News, name: str, now: datetime) -> str:
    trouble = item.trouble
    is_over = item.what in {What.OVER, What.WAS}
    words = AFTERWARDS if is_over else WORDS
    return SENTENCES[item.what].format(
        feed=_one_line(name),
        words=words[trouble.kind],
        since=_moment(trouble.began_at),
        until=_moment(trouble.ended_at or now),
        lasted=length((trouble.ended_at or now) - trouble.began_at),
    )


def _moment(instant: datetime) -> str:
    local = timezone.localtime(instant)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# Sending


def mail(message: Message) -> None:
    try:
        send_mail(message.headline, message.text, settings.DEFAULT_FROM_EMAIL, settings.NOTIFY_EMAIL)
    except Exception as error:
        raise SendError(f"{type(error).__name__}: {_one_line(str(error))}") from error


class _NoRedirect(HTTPRedirectHandler):
    """A webhook that moves is told to the operator, not followed to wherever it points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def webhook(message: Message) -> None:
    """POST JSON. `text` is what chat services show."""
    body = {"text": f"{message.headline}\n{message.text}", "events": message.events}
    request = Request(  # noqa: S310 - the settings' check lets only http and https through
        settings.NOTIFY_WEBHOOK_URL,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "Tollbook"},
        method="POST",
    )
    try:
        with build_opener(_NoRedirect).open(request, timeout=settings.NOTIFY_TIMEOUT_SECONDS):
            pass
    except HTTPError as error:
        error.close()
        raise SendError(f"it answered {error.code} {error.reason}") from error
    except Exception as error:
        raise SendError(f"{type(error).__name__}: {_one_line(str(error))}") from error


def _bounded(send: Send, message: Message) -> None:
    """Send, for at most NOTIFY_TIMEOUT_SECONDS in all: a server that answers a byte at a time holds nothing up."""
    failures: list[SendError] = []

    def run() -> None:
        try:
            send(message)
        except SendError as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="notify", daemon=True)
    thread.start()
    thread.join(settings.NOTIFY_TIMEOUT_SECONDS)
    if thread.is_alive():
        raise SendError(f"no answer within {settings.NOTIFY_TIMEOUT_SECONDS:g} s")
    if failures:
        raise failures[0]
