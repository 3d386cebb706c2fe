"""Quarantined lines: the newest one by one, the older ones packed. None is ever dropped (docs/decisions/0010)."""

import json
import zlib
from collections import Counter
from collections.abc import Iterator
from operator import attrgetter

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Max, Min

from calls.rows import columns, epoch_microseconds
from ingest.dump import dumped
from ingest.models import QuarantinedLine, QuarantinedPack
from ingest.segments import Received

PACKED_SHARE = 10  # a full quarantine is emptied by a tenth, so that a trickle makes no pack a line
READ_LINES = 1_000
COLUMNS = (
    "feed_id", "received_at", "journal", "sequence", "connection", "n", "origin", "fault", "line", "reason", "detail"
)  # fmt: skip
rest_of = attrgetter(*COLUMNS[2:])


def keep(feed_id: int, lines: list[QuarantinedLine]) -> None:
    """Store these lines, in the transaction they were loaded in, and pack what is then too much."""
    # by the store's own writer: a flood of garbage must not be slower to load than calls are
    columns(DEFAULT_DB_ALIAS, QuarantinedLine, COLUMNS).insert(
        [(line.feed_id, epoch_microseconds(line.received_at), *rest_of(line)) for line in lines]
    )
    kept = QuarantinedLine.objects.filter(feed_id=feed_id)
    limit = settings.QUARANTINE_LINES_PER_FEED
    count = kept.count()
    if count > limit:
        oldest = kept.order_by("pk")[: count - limit + limit // PACKED_SHARE]
        _pack(feed_id, list(oldest))


def _pack(feed_id: int, lines: list[QuarantinedLine]) -> None:
    records = "\n".join(map(quarantine_record, lines))
    QuarantinedPack.objects.create(
        feed_id=feed_id,
        lines=len(lines),
        first_received_at=min(line.received_at for line in lines),
        last_received_at=max(line.received_at for line in lines),
        reasons=dict(Counter(line.reason for line in lines)),
        packed=zlib.compress(records.encode("ascii")),
    )
    QuarantinedLine.objects.filter(feed_id=feed_id, pk__lte=lines[-1].pk).delete()


def quarantine_record(line: QuarantinedLine) -> str:
    """A quarantined line as a record of `journal dump`, with its reason: one line of JSON."""
    received = Received(
        epoch_microseconds(line.received_at),
        line.feed_id,
        line.connection,
        line.sequence,
        line.n,
        line.origin,
        line.fault,
        bytes(line.line),
    )
    record = json.loads(dumped(received, line.journal))
    return json.dumps(record | {"reason": line.reason, "detail": line.detail})


def quarantine_records(feed_id: int) -> Iterator[str]:
    """Every quarantined line of a feed as `quarantine_record` writes it, the oldest first."""
    for pack in QuarantinedPack.objects.filter(feed_id=feed_id).order_by("pk").iterator(chunk_size=1):
        yield from zlib.decompress(pack.packed).decode("ascii").split("\n")
    for line in QuarantinedLine.objects.filter(feed_id=feed_id).order_by("pk").iterator(chunk_size=READ_LINES):
        yield quarantine_record(line)


def packed_summary(feed_id: int) -> dict[str, object]:
    """What a feed's packs hold: `lines`, when `first` and `last` received, and `reasons` with counts, most first."""
    packs = QuarantinedPack.objects.filter(feed_id=feed_id)
    span = packs.aggregate(first=Min("first_received_at"), last=Max("last_received_at"))
    reasons: Counter[str] = Counter()
    for counted in packs.values_list("reasons", flat=True):
        reasons.update(counted)
    return {"lines": reasons.total(), **span, "reasons": reasons.most_common()}
