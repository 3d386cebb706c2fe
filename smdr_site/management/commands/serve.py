"""Web and ingest in one process: what `script/server` ends in."""

import asyncio
import os
import sys
from typing import Any

from django.core.management import call_command

from calls.doorbell import Doorbell
from ingest.running import add_endpoint_arguments, plan_of
from ingest.worker import Plan, Worker
from smdr_site import demo
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand
from smdr_site.first_run import first_run_path


class Command(TollbookCommand):
    help = "Serve the site and receive calls, in one process."
    example = "manage.py serve --demo\n  manage.py serve --host 0.0.0.0 --port 8000 --push 0.0.0.0:2008"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine only)")
        parser.add_argument("--port", type=int, default=8000, help="port to serve on; 0 takes a free one")
        parser.add_argument("--demo", action="store_true", help="also run a simulated PBX")
        add_endpoint_arguments(parser)

    def run(self, **options: Any) -> None:
        if not 0 <= options["port"] <= 65535:
            raise Error(f"{options['port']} is not a port.", returncode=2)
        call_command("migrate", verbosity=0, interactive=False)
        if options["host"] not in {"127.0.0.1", "localhost", "::1"} and "ALLOWED_HOSTS" not in os.environ:
            self.stderr.write(
                "Pages answer to localhost only. Set ALLOWED_HOSTS to the name or address people will open."
            )
        plan = plan_of(options)
        demo_port = 0
        if options["demo"]:
            demo_port = demo.free_port()
            feed = demo.prepare()
            extra = {**plan.extra, feed.pk: plan.extra.get(feed.pk, frozenset()) | {demo.endpoint(demo_port)}}
            plan = Plan(plan.only, extra)
        self.serve(options["host"], options["port"], plan, demo_port)

    def serve(self, host: str, port: int, plan: Plan, demo_port: int) -> None:
        # Twisted installs its reactor when imported: the application looks for it, to begin and to end with the server
        from smdr_site.serving import SiteServer  # noqa: PLC0415, I001
        from smdr_site.asgi import application  # noqa: PLC0415 - builds the site, after migrating

        async def beside(stopping: asyncio.Event) -> None:
            doorbell = Doorbell()
            await doorbell.start()
            worker = Worker(plan, doorbell.ring)
            tasks = [asyncio.create_task(worker.run())]
            if demo_port:
                await worker.ready.wait()
                tasks.append(asyncio.create_task(demo.run_simulator(demo_port, stopping)))
            stop = asyncio.create_task(stopping.wait())
            await asyncio.wait({stop, tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if demo_port:
                stopping.set()
                await tasks[1]
            worker.stop()
            await tasks[0]
            await doorbell.stop()

        server = SiteServer(application, host, port, beside, self.say_address)
        server.run()
        if server.failure:
            raise Error(server.failure)

    def say_address(self, host: str, port: int) -> None:
        shown = "localhost" if host in {"0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104 - only compared
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
        self.stdout.write(f"Tollbook is at {address}/")
        path = first_run_path()
        if path:
            self.stdout.write(f"Make the first administrator (works once): {address}{path}")
        self.stdout.write("Ctrl-C stops.")
        self.stdout.flush()
        sys.stdout.flush()
