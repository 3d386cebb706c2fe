"""Tell the operator of outages, by mail and webhook."""

import logging
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections

from ingest.notifying import channels, notify
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand

logger = logging.getLogger(__name__)


class Command(TollbookCommand):
    help = "Tell the operator of outages, by mail and webhook: once, for cron or a timer, or until stopped."
    example = "NOTIFY_EMAIL=it@example.com EMAIL_URL=smtp://mail:25 manage.py notify"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help="go on looking until stopped")
        parser.add_argument("--every-seconds", type=float, default=15, help="how often --watch looks (default: 15)")

    def run(self, **options: Any) -> None:
        if not channels():
            raise Error("Nobody to tell. Set NOTIFY_EMAIL, NOTIFY_WEBHOOK_URL or both.", returncode=2)
        if options["watch"]:
            self.watch(max(options["every_seconds"], 1))
        elif failures := notify():
            raise Error("; ".join(failures))

    def watch(self, seconds: float) -> None:
        while True:
            close_old_connections()
            try:
                notify()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the database does not answer", extra={"error": " ".join(str(error).split())})
            try:
                time.sleep(seconds)
            except KeyboardInterrupt:
                return
