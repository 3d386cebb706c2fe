"""A recost at work in a process of its own: it neither holds up the web server nor ends with it."""

import subprocess
import sys
from pathlib import Path
from threading import Thread

from django.conf import settings
from django.utils import timezone

from calls.models import Recost


def start(recost: Recost) -> None:
    """Go on with a job. Two processes at one job do no harm, and one that died is started again by this."""
    Recost.objects.filter(pk=recost.pk).update(worked_at=timezone.now())
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "recost", "--go-on", str(recost.pk)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    Thread(target=process.wait, daemon=True).start()  # or it stays in the table of processes when it has ended
