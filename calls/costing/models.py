"""Tariffs as they are kept: dated versions, their bands, and their prices by prefix (docs/tariffs.md).

A version's rows are its document, field by field: `fields` and `terms` hold what the document says at that place, in
the same words, so that an export gives back what was imported. `calls.costing.document` reads and checks them.
"""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from calls.costing.terms import (
    DEFAULT_CURRENCY,
    DEFAULT_TIMEZONE,
    DEFAULT_VAT,
    DESTINATION_CLASSES,
    VAT,
)
from calls.costing.values import FIRST_YEAR, LAST_YEAR
from calls.directory.fields import validate_time_zone
from calls.directory.models import Carrier, Named, NamedOnce


class Chargeback(models.TextChoices):
    """To whom within the company a call's cost is charged."""

    FIRST = "first", "First device"
    LAST = "last", "Last device"
    TALK = "talk", "By talk time"


class CostingChoice(Named):
    """One row, made at first set-up: whether calls are priced at all, and how their costs are charged on."""

    is_on = models.BooleanField("price calls", default=False)
    chargeback = models.CharField(max_length=5, choices=Chargeback, default=Chargeback.FIRST)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(pk=1), name="costing_choice_once")]

    def __str__(self) -> str:
        return "priced" if self.is_on else "not priced"


class HolidayCalendar(NamedOnce):
    """Bank holidays that several tariffs share. Publishing a version writes the dates into it."""

    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(Lower("name"), name="holiday_calendar_name_unique")]

    def __str__(self) -> str:
        return self.name


class Holiday(models.Model):
    calendar = models.ForeignKey(HolidayCalendar, models.CASCADE, related_name="holidays")
    day = models.DateField()
    name = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering: ClassVar = ["day", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["calendar", "day"], name="holiday_unique")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}".rstrip()


class Destination(models.Model):
    """Where calls go, as tariffs name it; several versions and prefixes share one, so that reports can group by it."""

    name = models.CharField(max_length=80)
    charge_class = models.CharField("class", max_length=16, choices=[(c, c) for c in DESTINATION_CLASSES], blank=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "charge_class"], name="destination_unique")]

    def __str__(self) -> str:
        return self.name


class Tariff(NamedOnce):
    """What a carrier charges for calls of one direction. Its versions say how much, and from when."""

    class Direction(models.TextChoices):
        OUT = "out", "Outgoing"
        IN = "in", "Incoming"

    name = models.CharField(max_length=80)
    carrier = models.ForeignKey(
        Carrier, models.PROTECT, null=True, blank=True, related_name="tariffs",
        help_text="Whose trunks it prices. None: trunks whose carrier has no tariff of its own.",
    )  # fmt: skip
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.OUT)
    did = models.CharField(
        "DID", max_length=15, blank=True, help_text="Incoming only, such as a freephone number. Empty: every one."
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    vat = models.CharField("VAT", max_length=3, choices=[(v, f"{v}luding VAT") for v in VAT], default=DEFAULT_VAT)
    time_zone = models.CharField(max_length=64, default=DEFAULT_TIMEZONE, validators=[validate_time_zone])
    is_example = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="tariff_name_unique"),
            models.CheckConstraint(
                condition=Q(did="") | Q(direction="in"), name="tariff_did_is_incoming",
                violation_error_message="A DID is for a tariff of incoming calls.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class TariffVersion(Named):
    """Prices from a day on. It prices calls once it is published, and cannot be edited once a call has used it.

    Of the published versions that hold on a day the latest number wins; it must name the one it supersedes.
    """

    tariff = models.ForeignKey(Tariff, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    valid_from = models.DateField(help_text="From midnight in the tariff's time zone.")
    valid_to = models.DateField(null=True, blank=True, help_text="The first day on which it no longer holds.")
    supersedes = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="superseded_by")
    calendar = models.ForeignKey(HolidayCalendar, models.PROTECT, null=True, blank=True, related_name="versions")
    terms = models.JSONField(
        default=dict, editable=False, help_text="The document without its head, bands and prefixes."
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    used_since = models.DateTimeField(null=True, editable=False)
    edition = models.PositiveIntegerField(default=0, editable=False, help_text="Grows with every edit.")

    class Meta:
        ordering: ClassVar = ["tariff", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tariff", "number"], name="tariff_version_unique"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="tariff_version_has_days",
                violation_error_message="It ends before it begins.",
            ),
            models.CheckConstraint(
                condition=Q(used_since=None) | Q(published_at__isnull=False), name="tariff_version_used_is_published"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.tariff} v{self.number}"

    def clean(self) -> None:
        super().clean()
        for name in ("valid_from", "valid_to"):
            day = getattr(self, name)
            if day and not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise ValidationError({name: f"Years {FIRST_YEAR} to {LAST_YEAR} are known."})
        if self.valid_to and self.valid_from and self.valid_to <= self.valid_from:
            raise ValidationError({"valid_to": "End is before start."})


class TimeBand(models.Model):
    version = models.ForeignKey(TariffVersion, models.CASCADE, related_name="bands")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=80, blank=True)
    fields = models.JSONField(default=dict, help_text="Weekdays or dates, from, to, priority and prices.")

    class Meta:
        ordering: ClassVar = ["version", "position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "position"], name="time_band_unique")]

    def __str__(self) -> str:
        return self.name


class Prefix(models.Model):
    version = models.ForeignKey(TariffVersion, models.CASCADE, related_name="prefixes")
    position = models.PositiveIntegerField()
    digits = models.CharField(max_length=32, blank=True, help_text="What the number begins with, without +.")
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="prefixes")
    fields = models.JSONField(default=dict, help_text="Its prices, as the document says them.")

    class Meta:
        ordering: ClassVar = ["version", "position"]
        verbose_name_plural = "prefixes"
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "digits"], name="prefix_unique")]

    def __str__(self) -> str:
        return f"{self.digits} {self.destination}"
