"""Long files are made by a process of their own, which says how far it is and ends when it is no longer wanted.

It outlives the web process that began it. One that is not heard for a minute has died, and its page says so.
"""

import os
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from calls.access import Scope
from calls.call_sheet import about_calls, call_workbook
from calls.filters import Selection
from reports import bills, paper
from reports.catalogue import REPORTS
from reports.engine import Question
from reports.export import answered, workbook
from reports.limits import for_a_file
from reports.models import KEPT, Export, exports_directory, scope_fields
from reports.pages import paper_of

CALLS = "calls"  # what an export can be of, beside the reports
SAY_SECONDS = 2
MOST_UNFINISHED = 3  # of one maker
_processes: list[subprocess.Popen[bytes]] = []


class NotMadeError(ValueError):
    """The file cannot be made; the message is for whoever asked."""


def is_known(of: str, form: str) -> bool:
    forms = {CALLS: {"xlsx"}, bills.SLUG: {"pdf"}}.get(of, {"xlsx", "pdf"} if of in REPORTS else set())
    return form in forms


def title_of(of: str) -> str:
    return {CALLS: "Calls", bills.SLUG: "Recharge bills"}.get(of) or REPORTS[of].title


def start(maker: AbstractBaseUser, scope: Scope, of: str, form: str, asked: QueryDict) -> Export:
    """Begin to make a file with what `maker` may see now. Raises NotMadeError."""
    if not is_known(of, form):
        raise NotMadeError("There is no such file.")
    selection = selection_of(of, asked, scope)
    if selection.errors:
        raise NotMadeError(" ".join(selection.errors))
    if Export.objects.of(maker.pk).unfinished().count() >= MOST_UNFINISHED:
        raise NotMadeError(f"{MOST_UNFINISHED} files are being made for you. Wait for one, or cancel it.")
    forget_old()
    export = Export.objects.create(
        maker_id=maker.pk, of=of, form=form, query=asked.urlencode(),
        title=f"{title_of(of)}, {selection.sentence}"[:200], **scope_fields(scope),
    )  # fmt: skip
    _processes[:] = [process for process in _processes if process.poll() is None]
    _processes.append(
        subprocess.Popen(  # noqa: S603 - our own command and a number
            [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "make_export", str(export.pk)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        )
    )  # fmt: skip
    return export


def selection_of(of: str, asked: QueryDict, scope: Scope) -> Selection:
    """What the file is of, as its page reads the address."""
    now = timezone.now()
    return Selection(asked, scope, now) if of == CALLS else Question(asked, scope, now).selection


def make(export: Export) -> None:
    """In the process of its own: from waiting to ready, failed, or gone where it was cancelled."""
    if not Export.objects.filter(pk=export.pk, state=Export.State.WAITING).update(
        state=Export.State.RUNNING, worked_at=timezone.now()
    ):
        return
    heard = _Heard(export)
    try:
        export.workshop.mkdir(mode=0o700, exist_ok=True)
        part = export.workshop / export.path.name
        _write(export, part, heard)
        part.rename(export.path)
        state, error, size = Export.State.DONE, "", export.path.stat().st_size
    except Exception as failure:
        state, error, size = Export.State.FAILED, str(failure).partition("\n")[0][:200] or type(failure).__name__, 0
    finally:
        heard.stop()
        shutil.rmtree(export.workshop, ignore_errors=True)
    kept = Export.objects.filter(pk=export.pk, state=Export.State.RUNNING).update(
        state=state, error=error, size=size, done=heard.done, worked_at=timezone.now()
    )
    if not kept:
        export.path.unlink(missing_ok=True)


def cancel(export: Export) -> None:
    """Its process sees that within two seconds, and ends."""
    Export.objects.filter(pk=export.pk, state__in=(Export.State.WAITING, Export.State.RUNNING)).update(
        state=Export.State.CANCELLED
    )


def forget(export: Export) -> None:
    export.path.unlink(missing_ok=True)
    shutil.rmtree(export.workshop, ignore_errors=True)
    export.delete()


def forget_old() -> None:
    """Delete what was kept its day, and files that belong to nothing."""
    for export in Export.objects.filter(created_at__lte=timezone.now() - KEPT):
        forget(export)
    known = {export.path.stem for export in Export.objects.all()}
    long_ago = (timezone.now() - KEPT - timedelta(hours=1)).timestamp()
    for file in exports_directory().iterdir():
        if file.stem in known or file.stat().st_mtime > long_ago:
            continue
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)


def _write(export: Export, part: Path, heard: "_Heard") -> None:
    asked = QueryDict(export.query)
    maker = export.maker.get_full_name() or export.maker.get_username()
    part.touch(mode=0o600)
    with for_a_file():
        _write_asked(export, part, asked, maker, heard)


def _write_asked(export: Export, part: Path, asked: QueryDict, maker: str, heard: "_Heard") -> None:
    if export.of == CALLS:
        selection = Selection(asked, export.scope, timezone.now())
        heard.total = selection.calls.count()
        call_workbook(part, selection.calls, export.scope, about_calls(selection, maker), heard.is_at)
        return
    question = Question(asked, export.scope, timezone.now(), export.maker_id)
    if export.of == bills.SLUG:
        context = bills.context_of(question, maker)
        heard.total = sum(bill.rows for bill in context["bills"])
        part.write_bytes(paper.pdf(bills.paper_of(context), is_at=heard.is_at_page))
        heard.done = heard.total
        return
    report = REPORTS[export.of]
    document = answered(report, question, asked.get("sort", ""), maker)
    heard.total = document.answer.calls if document.answer.is_cut else len(document.answer.rows)
    if export.form == "xlsx":
        workbook(part, document, heard.is_at)
    else:
        heard.total = min(heard.total, paper.MOST_ROWS)
        part.write_bytes(paper.pdf(paper_of(document, asked, paper.MOST_ROWS), is_at=heard.is_at_page))
        heard.done = heard.total


class _Heard:
    """Says every two seconds how far the work is, and ends the process when the file is not wanted any more."""

    def __init__(self, export: Export) -> None:
        self.total = self.done = 0
        self._export = export
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._say, daemon=True)
        self._thread.start()

    def is_at(self, done: int) -> None:
        self.done = done

    def is_at_page(self, page: int | None) -> None:
        """Of paper: about so many rows, which may be laid out a second time; None: all of them."""
        self.done = self.total if page is None else max(self.done, min(page * paper.ROWS_A_PAGE, self.total - 1))

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _say(self) -> None:
        running = Export.objects.filter(pk=self._export.pk, state=Export.State.RUNNING)
        while not self._stopped.wait(SAY_SECONDS):
            try:
                wanted = running.update(done=self.done, total=self.total, worked_at=timezone.now())
            except Exception:  # noqa: S112 - the database may be away for a moment: say it next time
                continue
            if not wanted:
                shutil.rmtree(self._export.workshop, ignore_errors=True)
                os._exit(0)
        connection.close()
