"""Calls, their legs and their events, as docs/call-model.md defines them.

Only calls/store.py writes these tables.
"""

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from calls.costing.models import Destination, Tariff, TariffVersion
from calls.directory.models import Department, Feed
from calls.querysets import CallEventQuerySet, CallQuerySet, LegQuerySet
from calls.records import BeganBy, CallState, Direction, Flag, LegOutcome, Outcome
from calls.rollup_models import CallRollup as CallRollup  # noqa: PLC0414 - for whoever imports models
from calls.rollup_models import Facet as Facet  # noqa: PLC0414 - for whoever imports models
from calls.rollup_models import Grain as Grain  # noqa: PLC0414 - for whoever imports models
from calls.rollup_models import LegRollup as LegRollup  # noqa: PLC0414 - for whoever imports models
from calls.rollup_models import NumberRollup as NumberRollup  # noqa: PLC0414 - for whoever imports models


def choices(values: type[StrEnum]) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class CostStatus(StrEnum):
    """What became of a call's pricing. A call that is not yet ended has none of these, but an empty one."""

    RATED = "rated"
    NOT_CHARGED = "not_charged"  # cost 0: not answered, or incoming without a tariff
    UNRATED = "unrated"  # no cost, which is not 0: no tariff, no prefix, a masked number
    STALE = "stale"  # no cost: its end was not seen
    OFF = "off"  # calls were not priced when it ended


class Call(models.Model):
    """Money is in millionths of the currency: SQLite sums decimals as floats."""

    feed = models.ForeignKey(Feed, models.PROTECT, related_name="calls", db_index=False)
    call_id = models.CharField(max_length=22)
    direction = models.CharField(max_length=3, choices=choices(Direction))
    state = models.CharField(max_length=7, choices=choices(CallState))
    state_since = models.DateTimeField()
    outcome = models.CharField(max_length=11, choices=choices(Outcome))
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=7, blank=True)
    handled_at = models.DateTimeField(null=True)
    handled_by = models.CharField(max_length=7, blank=True)
    ended_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    duration_seconds = models.IntegerField(null=True)
    time_to_answer_seconds = models.IntegerField(null=True)
    ring_seconds = models.IntegerField()
    queue_seconds = models.IntegerField()
    talk_seconds = models.IntegerField()
    hold_seconds = models.IntegerField()
    billable_seconds = models.IntegerField()
    trunk = models.CharField(max_length=7, blank=True)
    extension = models.CharField(max_length=7, blank=True)
    device = models.CharField(max_length=7, blank=True)
    last_extension = models.CharField(max_length=7, blank=True)
    from_extension = models.CharField(max_length=7, blank=True)
    number_raw = models.CharField(max_length=15, blank=True)
    number = models.CharField(max_length=15, blank=True)
    number_e164 = models.CharField(max_length=16, blank=True)
    contact_name = models.CharField(max_length=14, blank=True)
    did = models.CharField(max_length=15, blank=True)
    did_name = models.CharField(max_length=10, blank=True)
    account_code = models.CharField(max_length=12, blank=True)
    department = models.ForeignKey(
        Department,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="calls",
        db_index=False,
    )
    transfers = models.IntegerField()
    diversions = models.IntegerField()
    holds = models.IntegerField()
    lost_in_transfer = models.BooleanField()
    lost_on_hold = models.BooleanField()
    partial = models.BooleanField()
    stale = models.BooleanField()
    stale_as_of = models.DateTimeField(null=True)
    flags = models.BigIntegerField()
    event_count = models.IntegerField()
    cost = models.BigIntegerField(null=True)  # what the carrier charges
    recharge = models.BigIntegerField(null=True)  # with the tariff's mark-up
    currency = models.CharField(max_length=3, blank=True, db_default="")
    cost_status = models.CharField(max_length=11, choices=choices(CostStatus), blank=True, db_default="")
    cost_reason = models.CharField(max_length=40, blank=True, db_default="")
    billed_seconds = models.IntegerField(null=True)
    destination = models.ForeignKey(Destination, models.PROTECT, null=True, related_name="calls", db_index=False)
    tariff_version = models.ForeignKey(TariffVersion, models.PROTECT, null=True, related_name="calls", db_index=False)
    unreturned_number = models.CharField(  # of an abandoned call that waits to be called back (calls/returns.py)
        max_length=16, blank=True, db_default=""
    )
    version = models.IntegerField()
    revision = models.BigIntegerField()

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feed", "call_id"], name="call_unique"),
            models.CheckConstraint(
                condition=Q(duration_seconds=None)
                | Q(duration_seconds=F("ring_seconds") + F("queue_seconds") + F("talk_seconds") + F("hold_seconds")),
                name="call_times_add_up",
            ),
            models.CheckConstraint(
                condition=Q(
                    ring_seconds__gte=0,
                    queue_seconds__gte=0,
                    talk_seconds__gte=0,
                    hold_seconds__gte=0,
                ),
                name="call_times_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) | (~Q(state="ended") & Q(ended_at=None)),
                name="call_ended_has_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["feed", "revision"], name="call_revision"),
            models.Index(fields=["started_at", "id"], name="call_started"),
            models.Index(
                fields=["feed", "started_at"],
                condition=~Q(state="ended"),
                name="call_open",
            ),
            models.Index(
                fields=["number_e164", "started_at", "handled_at"],  # the last for who was spoken with since
                condition=~Q(number_e164=""),
                name="call_e164",
            ),
            models.Index(
                fields=["number_e164", "answered_at"],
                condition=Q(partial=True, outcome="answered"),
                name="call_partial_answered",
            ),
            models.Index(
                fields=["number", "answered_at"],
                condition=Q(partial=True, outcome="answered"),
                name="call_partial_number",
            ),
            models.Index(
                fields=["number", "started_at", "handled_at"],
                condition=~Q(number=""),
                name="call_number",
            ),
            models.Index(fields=["extension", "started_at"], name="call_extension"),
            models.Index(fields=["trunk", "started_at"], name="call_trunk"),
            models.Index(fields=["department", "started_at"], name="call_department"),
            models.Index(
                fields=["account_code", "started_at"],
                condition=~Q(account_code=""),
                name="call_account",
            ),
            models.Index(fields=["did", "started_at"], condition=~Q(did=""), name="call_did"),
            models.Index(fields=["started_at"], condition=Q(cost_status="unrated"), name="call_unrated"),
            models.Index(
                fields=["unreturned_number", "ended_at"],
                condition=~Q(unreturned_number=""),
                name="call_unreturned_number",
            ),
            models.Index(fields=["started_at", "id"], condition=~Q(unreturned_number=""), name="call_unreturned"),
            models.Index(
                fields=["started_at"],
                condition=Q(direction="in", state="ended", handled_at=None)
                & ~Q(partial=True, outcome="answered")
                & ~Q(outcome="unknown"),
                name="call_abandoned",
            ),
            models.Index(fields=["tariff_version"], condition=~Q(tariff_version=None), name="call_tariff_version"),
            models.Index(fields=["cost", "id"], condition=Q(cost__gt=0), name="call_cost"),
        ]

    def __str__(self) -> str:
        return self.call_id

    def get_absolute_url(self) -> str:
        return reverse("calls:detail", args=[self.pk])

    @property
    def flag_names(self) -> list[str]:
        return Flag(self.flags).names()


class CallCost(models.Model):
    """Why a rated call costs what it does. Beside the call, not in it: reports scan calls, and read this of one."""

    call = models.OneToOneField(Call, models.CASCADE, primary_key=True, related_name="pricing")
    prefix = models.CharField(max_length=32, blank=True)
    band = models.CharField(max_length=80, blank=True)
    trace = models.TextField(blank=True, help_text="A line a step.")

    def __str__(self) -> str:
        return self.trace.partition("\n")[0]


class Recost(models.Model):
    """An explicit job: calls that started in a range get the prices that hold for them now (calls/recosting.py).

    Its first pass changes nothing and adds up what would change; its second changes. Money in millionths, by currency.
    """

    class State(models.TextChoices):
        LOOKING = "looking", "Being worked out"
        READY = "ready", "Ready to apply"
        APPLYING = "applying", "Being applied"
        DONE = "done", "Applied"
        STOPPED = "stopped", "Stopped: prices were edited"

    since = models.DateTimeField()
    until = models.DateTimeField()
    feed = models.ForeignKey(Feed, models.PROTECT, null=True, blank=True, related_name="+")  # None: every feed
    tariff = models.ForeignKey(
        Tariff, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Only calls that it prices, or priced. None: whatever prices them.",
    )  # fmt: skip
    departments = models.JSONField(null=True, help_text="Keys of those whose calls it is of. None: all calls.")
    state = models.CharField(max_length=8, choices=State, default=State.LOOKING)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    finished_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True, help_text="When its last chunk was done.")
    prices = models.CharField(max_length=32, blank=True, help_text="A digest of the prices that were looked at.")
    total = models.BigIntegerField(default=0)  # calls in the range
    looked_at = models.BigIntegerField(default=0)
    feed_id_at = models.BigIntegerField(default=0)  # the place of this pass: after this call of this feed
    started_at_at = models.DateTimeField(null=True)
    call_id_at = models.BigIntegerField(default=0)
    would_change = models.BigIntegerField(default=0)
    would_differ = models.JSONField(default=dict)
    changed = models.BigIntegerField(default=0)
    differ = models.JSONField(default=dict)
    largest = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"new prices of {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"


class RecostChange(models.Model):
    """What a recost changed of one call: the old figure beside the new."""

    recost = models.ForeignKey(Recost, models.PROTECT, related_name="changes")
    call = models.ForeignKey(Call, models.CASCADE, related_name="recosts")
    old_cost = models.BigIntegerField(null=True)
    old_recharge = models.BigIntegerField(null=True)
    old_currency = models.CharField(max_length=3, blank=True)
    old_status = models.CharField(max_length=11, blank=True)
    old_reason = models.CharField(max_length=40, blank=True)
    old_version = models.ForeignKey(TariffVersion, models.PROTECT, null=True, related_name="+")
    new_cost = models.BigIntegerField(null=True)
    new_recharge = models.BigIntegerField(null=True)
    new_currency = models.CharField(max_length=3, blank=True)
    new_status = models.CharField(max_length=11, blank=True)
    new_reason = models.CharField(max_length=40, blank=True)
    new_version = models.ForeignKey(TariffVersion, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["recost", "call"], name="recost_change_unique")]

    def __str__(self) -> str:
        return f"{self.call_id}: {self.old_cost} → {self.new_cost}"


class Leg(models.Model):
    call = models.ForeignKey(Call, models.CASCADE, related_name="legs", db_index=False)
    position = models.IntegerField()
    extension = models.CharField(max_length=7, blank=True)
    began_by = models.CharField(max_length=11, choices=choices(BeganBy))
    from_extension = models.CharField(max_length=7, blank=True)
    call_started_at = models.DateTimeField()
    direction = models.CharField(max_length=3, choices=choices(Direction))
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ring_seconds = models.IntegerField()
    queue_seconds = models.IntegerField()
    talk_seconds = models.IntegerField()
    hold_seconds = models.IntegerField()
    outcome = models.CharField(max_length=18, choices=choices(LegOutcome))

    objects = LegQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call", "position"], name="leg_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["call_started_at", "extension"], name="leg_started_extension"),
            models.Index(fields=["extension", "call_started_at", "call"], name="leg_extension_started"),
        ]

    def __str__(self) -> str:
        return f"{self.extension} {self.outcome}"


class CallEvent(models.Model):
    """One accepted line, raw and resolved. Its identity is (call, line, n); `line_hash` stands for the line."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="events", db_index=False)
    line = models.BinaryField()
    line_hash = models.BigIntegerField()
    n = models.IntegerField()
    received_at = models.DateTimeField()
    journal = models.BigIntegerField()
    sequence = models.BigIntegerField()
    connection = models.BigIntegerField()
    at = models.DateTimeField()
    clock_rule = models.SmallIntegerField()
    id_started_at = models.DateTimeField(null=True)
    name = models.CharField(max_length=12)
    direction = models.CharField(max_length=3)
    trunk = models.CharField(max_length=7, blank=True)
    extension = models.CharField(max_length=7, blank=True)
    source_extension = models.CharField(max_length=7, blank=True)
    number_raw = models.CharField(max_length=15, blank=True)
    number = models.CharField(max_length=15, blank=True)
    contact_name = models.CharField(max_length=14, blank=True)
    did = models.CharField(max_length=15, blank=True)
    did_name = models.CharField(max_length=10, blank=True)
    account_code = models.CharField(max_length=12, blank=True)
    flags = models.BigIntegerField()

    objects = CallEventQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call", "line_hash", "n"], name="event_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
