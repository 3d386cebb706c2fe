"""A process that serves is settled when it begins: by daphne, and by `manage.py serve`, which starts it otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

from smdr_site.settling import SELDOM, TURN_SECONDS
from tests.services import ROOT, site_environment

TELL = """
import gc, os, sys
def tell():
    print(sys.getswitchinterval(), gc.get_threshold()[2], gc.get_freeze_count() > 0, flush=True)
    os._exit(0)
"""
SERVE = """
import django
django.setup()
from ingest.worker import Plan
from smdr_site.management.commands.serve import Command
def say_address(self, host, port):
    from twisted.internet import reactor
    reactor.callLater(0, tell)
Command.say_address = say_address
Command().serve("127.0.0.1", 0, Plan(), 0)
"""
DAPHNE = """
from twisted.internet import reactor
from smdr_site.asgi import application
reactor.callLater(0, tell)
reactor.run()
"""


@pytest.mark.parametrize("code", [SERVE, DAPHNE], ids=["serve", "daphne"])
def test_it_is_settled_when_it_begins(code: str, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", TELL + code],
        cwd=ROOT,
        env=site_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [str(TURN_SECONDS), str(SELDOM), "True"]
