"""What ingest keeps besides calls: how far each journal is loaded, what could not be read, who is at work."""

from typing import ClassVar

from django.db import models

from calls.directory.models import Feed, Outage


class JournalPosition(models.Model):
    """`sequence` is the next record of this journal to load for this feed; written in the calls' own transaction."""

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="positions", db_index=False)
    journal = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "journal"], name="position_unique")]

    def __str__(self) -> str:
        return f"{self.journal:016x} at {self.sequence}"


class QuarantinedLine(models.Model):
    """An accepted line that is not an event: kept as received, with the reason."""

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="quarantined_lines", db_index=False)
    received_at = models.DateTimeField()
    journal = models.BigIntegerField()
    sequence = models.BigIntegerField()
    connection = models.BigIntegerField()
    n = models.IntegerField()
    origin = models.SmallIntegerField()
    fault = models.SmallIntegerField()
    line = models.BinaryField()
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feed", "journal", "sequence"], name="quarantined_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["feed", "-received_at"], name="quarantined_feed_received")]

    def __str__(self) -> str:
        return f"{self.reason} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class QuarantinedPack(models.Model):
    """Many older quarantined lines as one row: `packed` is their records, JSON lines, compressed by zlib."""

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="quarantined_packs")
    lines = models.IntegerField()
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    reasons = models.JSONField(help_text="Reason to number of lines.")
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.lines:,} lines until {self.last_received_at:%Y-%m-%d %H:%M:%S}"


class LocalLease(models.Model):
    """Which worker holds a feed's Local connection, so that two workers do not both connect."""

    feed = models.OneToOneField(Feed, models.CASCADE, primary_key=True, related_name="local_lease")
    holder = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.holder} until {self.expires_at:%H:%M:%S}"


class NotifyChannel(models.Model):
    """One way in which the operator is told of outages, `mail` or `webhook`: who is at it, and whether it works."""

    name = models.CharField(max_length=16, unique=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """An outage of which one channel has told. It is told to be over when `cleared_at` is set."""

    channel = models.ForeignKey(NotifyChannel, models.CASCADE, related_name="notices", db_index=False)
    feed = models.ForeignKey(Feed, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Outage.Kind)
    began_at = models.DateTimeField()
    told_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "feed", "kind"], condition=models.Q(cleared_at=None), name="notice_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.feed_id}, told at {self.told_at:%Y-%m-%d %H:%M}"
