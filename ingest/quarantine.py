"""Quarantined lines: the newest one by one, the older ones packed. None is ever dropped (docs/decisions/0010)."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from operator import attrgetter

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Max, Min

from calls.directory.models import FeedState
from calls.rows import columns, epoch_microseconds, precise_instant
from ingest.dump import dumped, read_dumped
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
    last = lines[-1].pk
    _make_pack(feed_id, lines)
    QuarantinedLine.objects.filter(feed_id=feed_id, pk__lte=last).delete()


def _make_pack(feed_id: int, lines: list[QuarantinedLine], pk: int | None = None) -> None:
    records = "\n".join(map(quarantine_record, lines))
    QuarantinedPack.objects.create(
        pk=pk,
        feed_id=feed_id,
        lines=len(lines),
        first_received_at=min(line.received_at for line in lines),
        last_received_at=max(line.received_at for line in lines),
        reasons=dict(Counter(line.reason for line in lines)),
        packed=zlib.compress(records.encode("ascii")),
    )


def _records(pack: QuarantinedPack) -> list[str]:
    return zlib.decompress(pack.packed).decode("ascii").split("\n")


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


def _read_record(feed_id: int, text: str) -> QuarantinedLine:
    """What `quarantine_record` wrote."""
    record = json.loads(text)
    received_us, connection, n, origin, fault, line = read_dumped(text.encode("ascii"), 1)
    return QuarantinedLine(
        feed_id=feed_id,
        received_at=precise_instant(received_us),
        journal=int(record["journal"], 16),
        sequence=record["sequence"],
        connection=connection,
        n=n,
        origin=origin,
        fault=fault,
        line=line,
        reason=record["reason"],
        detail=record["detail"],
    )


def quarantine_records(feed_id: int) -> Iterator[str]:
    """Every quarantined line of a feed as `quarantine_record` writes it, the oldest first."""
    for pack in QuarantinedPack.objects.filter(feed_id=feed_id).order_by("pk").iterator(chunk_size=1):
        yield from _records(pack)
    for line in QuarantinedLine.objects.filter(feed_id=feed_id).order_by("pk").iterator(chunk_size=READ_LINES):
        yield quarantine_record(line)


def unpack(feed_id: int, is_wanted: Callable[[QuarantinedLine], bool], most: int) -> tuple[list[int], int]:
    """Take the packed lines that are wanted, about `most` of them, out of their packs, one transaction a pack.

    Returns the keys that they have now, and how many lines were looked at.
    """
    keys: list[int] = []
    looked_at = 0
    for pk in list(QuarantinedPack.objects.filter(feed_id=feed_id).order_by("pk").values_list("pk", flat=True)):
        if len(keys) >= most:
            break
        with transaction.atomic():
            FeedState.locked(feed_id, DEFAULT_DB_ALIAS)
            pack = QuarantinedPack.objects.filter(pk=pk).first()
            if pack is None:
                continue  # somebody else has emptied it meanwhile
            lines = [_read_record(feed_id, text) for text in _records(pack)]
            looked_at += len(lines)
            wanted = [line for line in lines if is_wanted(line)]
            if not wanted:
                continue
            kept = [line for line in lines if not is_wanted(line)]
            for line in wanted:
                line.save(force_insert=True)
            keys += [line.pk for line in wanted]
            pack.delete()
            if kept:
                _make_pack(feed_id, kept, pk)
    return keys, looked_at


def packed_summary(feed_id: int) -> dict[str, object]:
    """What a feed's packs hold: `lines`, when `first` and `last` received, and `reasons` with counts, most first."""
    packs = QuarantinedPack.objects.filter(feed_id=feed_id)
    span = packs.aggregate(first=Min("first_received_at"), last=Max("last_received_at"))
    reasons: Counter[str] = Counter()
    for counted in packs.values_list("reasons", flat=True):
        reasons.update(counted)
    return {"lines": reasons.total(), **span, "reasons": reasons.most_common()}
