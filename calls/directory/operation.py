"""What ingest keeps of a feed while it works: counters, who is at work, lines by hour, outages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from django.db import connections, models
from django.db.models import F, Q

# What a batch of lines needs of a feed's state. A batch may be of one line: to compose these two statements anew by
# Django's means took it a fifth of its time.
FOR_INGEST = (
    "feed_id", "revision", "last_line_at", "last_event_at", "call_id_clock_off", "rolled_by", "rolled_since",
    "numbered_until",
)  # fmt: skip


class FeedState(models.Model):
    """What ingest keeps of a feed. Its row is the feed's lock: whoever writes calls holds it.

    Counters are of lines: ``accepted = events + duplicates + quarantined`` once nothing waits. `usual_silence` is
    the longest usual silence of each hour of the week, in seconds; empty until it is learned. `rolled_by` are the rules
    of the feed's roll-ups (calls/rollups.py), which hold from `rolled_since` on; empty until there are any. Calls that
    started before `numbered_until` are summed by number, too (calls/number_rollups.py).
    """

    feed = models.OneToOneField("directory.Feed", models.CASCADE, primary_key=True, related_name="state")
    revision = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    last_line_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    swept_at = models.DateTimeField(null=True, blank=True)
    call_id_clock_off = models.BooleanField(default=False)
    usual_silence = models.JSONField(default=list)
    usual_learned_at = models.DateTimeField(null=True, blank=True)
    rolled_by = models.CharField(max_length=120, blank=True, default="")
    rolled_since = models.DateTimeField(null=True, blank=True)
    numbered_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"state of feed {self.feed_id}"

    @staticmethod
    def lock(feed_id: int, using: str) -> tuple[str, list[int]]:
        """The statement that locks the feed's row until the transaction ends, and reads the columns in FOR_INGEST."""
        lock = " FOR UPDATE" if connections[using].features.has_select_for_update else ""
        statement = f"SELECT {', '.join(FOR_INGEST)} FROM directory_feedstate WHERE feed_id = %s{lock}"  # noqa: S608
        return statement, [feed_id]

    @classmethod
    def answered(cls, rows: Sequence[Sequence[Any]], using: str) -> Self:
        """The state out of the answer to `lock`. Raises DoesNotExist."""
        if not rows:
            raise cls.DoesNotExist("There is no state of this feed.")
        values = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in rows[0]]
        return cls.from_db(using, FOR_INGEST, values)

    @classmethod
    def locked(cls, feed_id: int, using: str) -> Self:
        """The feed's row, locked until the transaction ends. Raises DoesNotExist."""
        with connections[using].cursor() as cursor:
            cursor.execute(*cls.lock(feed_id, using))
            return cls.answered(cursor.fetchall(), using)

    def count(self, using: str, lines: Mapping[str, int], changes: Mapping[str, Any]) -> None:
        """Add so many `lines` to the counters, and set other columns. The caller holds the lock."""
        connection = connections[using]
        added = {name: count for name, count in lines.items() if count}
        assignments = [f"{name} = {name} + %s" for name in added] + [f"{name} = %s" for name in changes]
        values = [
            connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
            for value in changes.values()
        ]
        if assignments:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE directory_feedstate SET {', '.join(assignments)} WHERE feed_id = %s",  # noqa: S608
                    [*added.values(), *values, self.feed_id],
                )


class WorkerStatus(models.Model):
    """What one ingest process says of one feed, every second.

    `accepted` counts the lines of its `journal`; which of them are stored the journal's position tells, also when the
    worker is dead. `lost_at` is when its last connection ended, null while it has one; `waiting_since` when the oldest
    line was accepted that is not yet loaded; `recent_lines` counts lines of ten seconds each, the newest last. A row
    stays when its worker ends, to tell from when nobody was at work.
    """

    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="workers", db_index=False)
    worker = models.CharField(max_length=80)
    heartbeat_at = models.DateTimeField()
    started_at = models.DateTimeField()
    connections = models.IntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    journal = models.BigIntegerField(default=0)
    last_line_at = models.DateTimeField(null=True)
    connected_since = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)
    endpoints = models.IntegerField(default=0)
    signed_off = models.BooleanField(default=False)
    recent_lines = models.JSONField(default=list)
    error = models.CharField(max_length=300, blank=True)
    peers = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "worker"], name="worker_status_unique")]
        indexes: ClassVar = [models.Index(fields=["heartbeat_at"], name="worker_heartbeat")]

    def __str__(self) -> str:
        return f"{self.worker} on {self.feed_id}"


class Outage(models.Model):
    """A time in which lines of a feed may be missing; open while `ended_at` is null."""

    class Kind(models.TextChoices):
        DISCONNECTED = "disconnected", "Disconnected"
        SILENT = "silent", "Silent"
        WORKER_DOWN = "worker_down", "Worker down"
        BACKLOG = "backlog", "Backlog"

    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="outages")
    kind = models.CharField(max_length=12, choices=Kind)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-began_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["feed", "kind"],
                condition=Q(ended_at=None),
                name="outage_one_open",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")),
                name="outage_ends_after_it_begins",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["feed", "began_at"], name="outage_feed_began")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.began_at:%Y-%m-%d %H:%M}"


class FeedHour(models.Model):
    """The lines that came over a feed's connections in one hour of UTC: kept for the timeline and for what is usual.

    `longest_gap_seconds` is between two lines of this hour.
    """

    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="hours", db_index=False)
    hour = models.DateTimeField()
    lines = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    longest_gap_seconds = models.FloatField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "hour"], name="feed_hour_unique")]

    def __str__(self) -> str:
        return f"{self.lines} lines from {self.hour:%Y-%m-%d %H:%M}"
