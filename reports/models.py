"""What people keep of reports: an address under a name, a file being made, a number to be called back."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from calls.access import Scope
from calls.directory.models import Feed

KEPT = timedelta(days=1)
DEAD_AFTER = timedelta(seconds=60)  # a process that makes a file says so every two


class SavedReportQuerySet(models.QuerySet["SavedReport"]):
    def seen_by(self, user: int | None) -> Self:
        return self.filter(Q(owner=user) | Q(shared=True)).select_related("owner") if user else self.none()


class SavedReport(models.Model):
    """It is an address and grants nothing: whoever opens it sees what they may see."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_reports")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    query = models.CharField(max_length=500, blank=True)
    shared = models.BooleanField("for everybody", default=False)

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="saved_report_name_unique")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        address = reverse("reports:report", args=[self.slug])
        return f"{address}?{self.query}" if self.query else address


class FollowUp(models.Model):
    """Who is to call a number back, and what is known of it. Ingest never touches it.

    Whether the number has been called back is said by the calls alone (docs/call-model.md, Unreturned): when it has,
    it leaves the list; when it is abandoned again later, what was noted stands there still.
    """

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="+")
    number = models.CharField(max_length=24, help_text="E.164, else as the feed sent it.")
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "number"], name="follow_up_unique")]

    def __str__(self) -> str:
        return f"call back {self.number}"


class ExportQuerySet(models.QuerySet["Export"]):
    def of(self, user: int) -> Self:
        """Those of one maker, as long as they are kept; everybody else's do not exist."""
        return self.filter(maker=user, created_at__gt=timezone.now() - KEPT)

    def unfinished(self) -> Self:
        return self.filter(
            Q(worked_at__gt=timezone.now() - DEAD_AFTER), state__in=(Export.State.WAITING, Export.State.RUNNING)
        )


class Export(models.Model):
    """A file that a process of its own makes: what was asked, by whom, and what they were allowed to see then."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Being made"
        DONE = "done", "Ready"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="exports")
    of = models.SlugField(max_length=60, help_text="A report's slug, or calls.")
    query = models.TextField(blank=True)
    form = models.CharField(max_length=4)
    title = models.CharField(max_length=200)
    departments = models.JSONField(null=True, help_text="The scope it is made with; null: every department.")
    masked_digits = models.IntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    token = models.CharField(max_length=64, default=secrets.token_hex)
    created_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(default=timezone.now, help_text="When its process was last heard.")

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.title} ({self.form})"

    def get_absolute_url(self) -> str:
        return reverse("reports:export-file", args=[self.pk])

    @property
    def scope(self) -> Scope:
        departments = self.departments
        return Scope(None if departments is None else frozenset(departments), self.masked_digits)

    @property
    def path(self) -> Path:
        return exports_directory() / f"{self.pk}-{self.token}.{self.form}"

    @property
    def workshop(self) -> Path:
        """The directory in which its process works."""
        return self.path.with_suffix("")

    @property
    def is_open(self) -> bool:
        """Waiting or being made, by a process that is heard."""
        return self.state in {self.State.WAITING, self.State.RUNNING} and not self.is_dead

    @property
    def is_dead(self) -> bool:
        waits = self.state in {self.State.WAITING, self.State.RUNNING}
        return waits and self.worked_at < timezone.now() - DEAD_AFTER

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.DONE

    @property
    def is_packed(self) -> bool:
        """All of it is written, and a process that is heard makes one file of it: a minute for a million rows."""
        return self.is_open and 0 < self.total <= self.done

    @property
    def is_laid_out(self) -> bool:
        """How wide the columns of all its rows are is found first, and takes a third of the time."""
        return self.is_open and self.form == "pdf" and 0 == self.done < self.total

    @property
    def share(self) -> int:
        """Percent."""
        return min(100 * self.done // self.total, 100) if self.total else 0

    @property
    def kept_until(self) -> datetime:
        return self.created_at + KEPT


def exports_directory() -> Path:
    directory = Path(settings.SMDR_DATA_DIR) / "exports"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def scope_fields(scope: Scope) -> dict[str, Any]:
    departments = None if scope.departments is None else sorted(scope.departments)
    return {"departments": departments, "masked_digits": scope.masked_digits}
