"""What ingest keeps besides calls: how far each journal is loaded, what could not be read, who is at work."""

from typing import ClassVar

from django.db import models

from calls.directory.models import Feed


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
