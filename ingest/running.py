"""What `ingest` and `serve` share: the endpoints that a command line adds to the feeds' own."""

from argparse import ArgumentParser
from typing import Any

from calls.directory.fields import networks
from calls.directory.models import Feed
from ingest.supervisor import Endpoint
from ingest.worker import Plan
from smdr_site.commands import host_and_port


def add_endpoint_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--push",
        type=host_and_port,
        action="append",
        default=[],
        metavar="H:P",
        help="listen there for the Communication Service, for this run",
    )
    parser.add_argument(
        "--local",
        type=host_and_port,
        action="append",
        default=[],
        metavar="H:P",
        help="connect there to the Communication Service, for this run",
    )


def plan_of(options: dict[str, Any]) -> Plan:
    """Which feeds to work on. Endpoints without --feed belong to a feed named after the first of them."""
    push, local, name = options["push"], options["local"], options.get("feed")
    if not (push or local or name):
        return Plan()
    if name is None:
        host, port = (push or local)[0]
        name = f"{'Push' if push else 'Local'} {host}:{port}"
    feed, _ = Feed.objects.get_or_create(name=name, defaults={"active": bool(options.get("feed"))})
    allowed = tuple(networks(feed.allow_list))
    endpoints = {Endpoint("push", host, port, allowed) for host, port in push}
    endpoints |= {Endpoint("local", host, port) for host, port in local}
    only = frozenset({feed.pk}) if options.get("feed") else None
    return Plan(only, {feed.pk: frozenset(endpoints)} if endpoints else {})
