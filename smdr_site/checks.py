"""System checks that catch a bad deployment: `manage.py check --deploy`."""

import ipaddress
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError


@register(Tags.security, deploy=True)
def check_channel_layer(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Postgres is for several processes, and several processes need a layer between them."""
    on_postgres = settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
    if on_postgres and not settings.REDIS_URL:
        return [
            checks.Warning(
                "DATABASE_URL names Postgres, but REDIS_URL is not set.",
                hint="Boards in other processes notice changes by polling only. Set REDIS_URL to a Redis or Valkey.",
                id="tollbook.W001",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_open_listeners(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A Push listener on a network address with an empty allow-list refuses every peer but this machine."""
    from calls.directory.fields import networks  # noqa: PLC0415 - needs loaded apps
    from calls.directory.models import Feed  # noqa: PLC0415

    messages: list[CheckMessage] = []
    try:
        feeds = list(Feed.objects.filter(active=True, push_enabled=True))
    except DatabaseError:
        return []
    for feed in feeds:
        if not ipaddress.ip_address(feed.push_host).is_loopback and not feed.allow_list.strip():
            messages.append(
                checks.Warning(
                    f"Feed “{feed.name}” listens on {feed.push_host} but allows no peer but this machine.",
                    hint="Enter the Communication Service's address under “allowed peers” at /feeds/.",
                    id="tollbook.W002",
                )
            )
        if any(network.prefixlen == 0 for network in networks(feed.allow_list)):
            messages.append(
                checks.Warning(
                    f"Feed “{feed.name}” accepts lines from any address.",
                    hint="Narrow “allowed peers” to the Communication Service's address.",
                    id="tollbook.W003",
                )
            )
    return messages


@register(Tags.security, deploy=True)
def check_notifications(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A webhook is an address of the web; an open file or another scheme is a mistake, or worse."""
    address = settings.NOTIFY_WEBHOOK_URL
    if address and not address.startswith(("https://", "http://")):
        return [
            checks.Error(
                "NOTIFY_WEBHOOK_URL is not an address of the web.",
                hint="Write https://… as the service that receives it shows it.",
                id="tollbook.E002",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_https(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.HTTPS:
        return [
            checks.Error(
                "HTTPS is not set.",
                hint="Serve the site through a TLS proxy and set HTTPS=1 and BEHIND_PROXY=1 (docs/operations.md).",
                id="tollbook.E001",
            )
        ]
    return []
