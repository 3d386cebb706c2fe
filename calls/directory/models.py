"""The directory: feeds, and the names that people give to what a feed reports.

A name is looked up when it is shown, never copied into a call, so an edit shows everywhere at once.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower

from calls.directory.fields import (
    validate_allow_list,
    validate_host,
    validate_ip_address,
    validate_padding,
    validate_region,
    validate_time_zone,
)
from calls.directory.operation import FeedHour as FeedHour  # noqa: PLC0414 - for whoever imports models
from calls.directory.operation import FeedState as FeedState  # noqa: PLC0414 - for whoever imports models
from calls.directory.operation import Outage as Outage  # noqa: PLC0414 - for whoever imports models
from calls.directory.operation import WorkerStatus as WorkerStatus  # noqa: PLC0414 - for whoever imports models
from calls.directory.saved_boards import SavedBoard as SavedBoard  # noqa: PLC0414 - for whoever imports models
from calls.directory.wall_links import WallLink as WallLink  # noqa: PLC0414 - for whoever imports models

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - only compared
PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class DirectoryRevision(models.Model):
    """One row that counts every change of a name, so that boards and workers notice it."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def current(cls) -> int:
        with connection.cursor() as cursor:
            cursor.execute(*cls.question())
            return cls.answered(cursor.fetchall())

    @staticmethod
    def question() -> tuple[str, list[Any]]:
        """The statement that reads it, without Django's composing: every batch of lines asks it."""
        return "SELECT value FROM directory_directoryrevision ORDER BY id LIMIT 1", []

    @staticmethod
    def answered(rows: Sequence[Sequence[int]]) -> int:
        """The revision out of the answer to `question`."""
        return rows[0][0] if rows else 0

    @classmethod
    def advance(cls) -> None:
        """Call inside the transaction that changes a name."""
        if not cls.objects.filter(pk=1).update(value=F("value") + 1):
            cls.objects.update_or_create(pk=1, defaults={"value": 1})


class Named(models.Model):
    """A directory entry: saving or deleting one advances the directory's revision."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            DirectoryRevision.advance()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            deleted = super().delete(*args, **kwargs)
            DirectoryRevision.advance()
        return deleted


class NamedOnce(Named):
    """An entry whose name no other of its kind has, in capitals or not."""

    name: str

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        same = type(self)._default_manager.filter(name__iexact=self.name)  # type: ignore[misc]  # the field is the subclass's
        if same.exclude(pk=self.pk).exists():
            raise ValidationError({"name": f"There is a {self._meta.verbose_name} named “{self.name}” already."})


class Department(NamedOnce):
    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(Lower("name"), name="department_name_unique")]

    def __str__(self) -> str:
        return self.name


class Carrier(NamedOnce):
    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(Lower("name"), name="carrier_name_unique")]

    def __str__(self) -> str:
        return self.name


class Feed(NamedOnce):
    """One Communication Service: what people set. What ingest counts is in FeedState."""

    class Clock(models.TextChoices):
        AUTO = "auto", "Automatic"
        TWELVE = "12", "12-hour"
        TWENTY_FOUR = "24", "24-hour"

    name = models.CharField(max_length=80)
    active = models.BooleanField(default=True, help_text="Ingest connects and listens for active feeds only.")
    push_enabled = models.BooleanField("Push", default=False, help_text="The Communication Service connects to us.")
    push_host = models.CharField(
        "listen on", max_length=45, default="127.0.0.1", validators=[validate_ip_address],
        help_text="An address of this machine; 0.0.0.0 is every one.",
    )  # fmt: skip
    push_port = models.PositiveIntegerField("listening port", null=True, blank=True, validators=PORT)
    allow_list = models.TextField(
        "allowed peers", blank=True, validators=[validate_allow_list],
        help_text="Addresses or ranges that may connect. Empty: this machine only.",
    )  # fmt: skip
    local_enabled = models.BooleanField("Local", default=False, help_text="We connect to the Communication Service.")
    local_host = models.CharField("connect to", max_length=253, blank=True, validators=[validate_host])
    local_port = models.PositiveIntegerField("port", default=2007, validators=PORT)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Empty: the site's time zone.",
    )
    region = models.CharField(
        max_length=2, blank=True, validators=[validate_region],
        help_text="Where its numbers are dialled, such as GB. Empty: the site's region.",
    )  # fmt: skip
    padding = models.CharField(
        "padding character", max_length=1, default="0", validators=[validate_padding],
        help_text="As on the Communication Service's form. One that is not a digit keeps leading zeros apart.",
    )  # fmt: skip
    clock = models.CharField(max_length=4, choices=Clock, default=Clock.AUTO)
    stale_after_hours = models.PositiveIntegerField(
        default=12, validators=[MinValueValidator(1)],
        help_text="A call without any event for so long is closed at its last event.",
    )  # fmt: skip
    short_call_seconds = models.PositiveIntegerField(
        default=5,
        help_text="Calls abandoned within this time do not count against the service level.",
    )
    answer_target_seconds = models.PositiveIntegerField(default=20, help_text="Service level: answered within this.")
    silent_after_minutes = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1)],
        help_text="Until its usual hours are learned: connected, but no line for so long, is silent.",
    )  # fmt: skip

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="feed_name_unique"),
            models.UniqueConstraint(
                fields=["push_host", "push_port"],
                condition=Q(push_enabled=True, active=True),
                name="feed_push_address_unique",
                violation_error_message="Another active feed listens on this address and port.",
            ),
            models.CheckConstraint(
                condition=Q(push_enabled=False) | Q(push_port__isnull=False), name="feed_push_has_port",
                violation_error_message="Push needs a port to listen on.",
            ),
            models.CheckConstraint(
                condition=Q(local_enabled=False) | ~Q(local_host=""), name="feed_local_has_host",
                violation_error_message="Local needs an address to connect to.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            FeedState.objects.get_or_create(feed=self)

    def clean(self) -> None:
        """Two listeners on one port exclude each other, also where one listens on every address."""
        super().clean()
        if not (self.active and self.push_enabled and self.push_port):
            return
        others = Feed.objects.filter(active=True, push_enabled=True, push_port=self.push_port).exclude(pk=self.pk)
        if self.push_host not in EVERY_ADDRESS:
            others = others.filter(push_host__in={self.push_host, *EVERY_ADDRESS})
        other = others.first()
        if other is not None:
            raise ValidationError({"push_port": f"{other} listens on {other.push_host}:{other.push_port} already."})

    @property
    def zone_name(self) -> str:
        return self.time_zone or settings.TIME_ZONE

    @property
    def region_code(self) -> str:
        return self.region or settings.SMDR_REGION


class Extension(Named):
    """A device of a feed. It appears by itself when a line names it, and is then unnamed."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        GROUP = "group", "Group"
        ATTENDANT = "attendant", "Attendant"
        VOICEMAIL = "voicemail", "Voicemail"
        ANNOUNCEMENT = "announcement", "Announcement"
        TRUNK = "trunk", "Trunk"

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="extensions")
    number = models.CharField(max_length=7)
    name = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PERSON)
    kind_is_set = models.BooleanField(default=False, editable=False, help_text="A person set the kind.")
    department = models.ForeignKey(Department, models.SET_NULL, null=True, blank=True, related_name="extensions")
    first_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_heard = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="It had an event of its own."
    )
    kind_in_database: str | None = None
    refold_wanted = models.BooleanField(default=False, editable=False)
    refolded_to = models.BigIntegerField(default=0, editable=False)
    forgotten = models.BooleanField(default=False, editable=False, help_text="Removed once its calls are folded again.")

    class Meta:
        ordering: ClassVar = ["number", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "number"], name="extension_unique")]
        indexes: ClassVar = [
            models.Index(
                fields=["feed"],
                condition=Q(refold_wanted=True),
                name="extension_refold_wanted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}" if self.name else self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A kind that a person gave or edited stays a person's, and the device's calls are folded again.

        What ingest finds is written in bulk, past this.
        """
        was = self.Kind.PERSON if self._state.adding else self.kind_in_database
        if self.forgotten and (self.name or self.kind != self.Kind.PERSON or self.department):
            self.forgotten = False
        if was is not None and self.kind != was:
            self.kind_is_set = self.refold_wanted = True
            self.refolded_to = 0
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "kind_is_set", "refold_wanted", "refolded_to"}
        super().save(*args, **kwargs)
        self.kind_in_database = self.kind

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """A device that is no person's is first an unnamed person's: the store folds its calls so, then removes it."""
        if self.kind_in_database in {None, self.Kind.PERSON}:
            return super().delete(*args, **kwargs)
        self.name, self.department, self.kind, self.forgotten = "", None, self.Kind.PERSON, True
        self.save()
        return 1, {self._meta.label: 1}

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Extension":
        extension = super().from_db(*args, **kwargs)
        extension.kind_in_database = extension.__dict__.get("kind")
        return extension


class Trunk(Named):
    feed = models.ForeignKey(Feed, models.CASCADE, related_name="trunks")
    number = models.CharField(max_length=7)
    name = models.CharField(max_length=80, blank=True)
    carrier = models.ForeignKey(Carrier, models.SET_NULL, null=True, blank=True, related_name="trunks")
    outside_prefix = models.CharField(
        "outside-line prefix",
        max_length=8,
        blank=True,
        help_text="Dialled to get a line; taken off once.",
    )
    area_code = models.CharField(max_length=8, blank=True, help_text="For local numbers, such as 020.")
    first_seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["number", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "number"], name="trunk_unique")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}" if self.name else self.number

    def clean(self) -> None:
        for field in ("outside_prefix", "area_code"):
            value = getattr(self, field)
            if value and not (value.isascii() and value.isdigit()):
                raise ValidationError({field: "Digits only."})


class Did(Named):
    feed = models.ForeignKey(Feed, models.CASCADE, related_name="dids")
    number = models.CharField(max_length=15)
    name = models.CharField(max_length=80, blank=True)
    department = models.ForeignKey(Department, models.SET_NULL, null=True, blank=True, related_name="dids")

    class Meta:
        ordering: ClassVar = ["number", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "number"], name="did_unique")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}" if self.name else self.number


class AccountCode(Named):
    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering: ClassVar = ["code", "pk"]

    def __str__(self) -> str:
        return f"{self.name} {self.code}" if self.name else self.code


class Contact(Named):
    """A name for an outside number; it wins over the name that the PBX sends."""

    number_e164 = models.CharField("number", max_length=24, unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return f"{self.name} {self.number_e164}"

    def clean(self) -> None:
        self.number_e164 = self.read_number(self.number_e164)

    @staticmethod
    def read_number(text: str) -> str:
        """E.164 of a number as people write it in the site's region. Raises ValidationError."""
        try:
            number = phonenumbers.parse(text, settings.SMDR_REGION)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            raise ValidationError({"number_e164": f"“{text}” is not a number such as 020 7946 0712."})
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Access(models.Model):
    """What one user may see of calls. Without a row a user sees none; a superuser sees all."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="access")
    all_departments = models.BooleanField(default=False, help_text="Also calls of no department.")
    departments = models.ManyToManyField(Department, blank=True)
    masked_digits = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(15)],
        help_text="So many last digits of outside numbers are hidden.",
    )  # fmt: skip

    class Meta:
        verbose_name_plural = "access"

    def __str__(self) -> str:
        return f"access of {self.user}"

    @classmethod
    def hides_digits_from(cls, user: "AbstractBaseUser | AnonymousUser") -> bool:
        """Whether outside numbers may not be seen in full; calls themselves go by calls.access.Scope."""
        return cls.objects.filter(user_id=user.pk, masked_digits__gt=0).exists()
