"""Giving past calls the prices that hold now: looked at first, then applied, in short chunks, with a trail.

A job is a row of Recost. `work` goes on with it from where it stands, so that one that was killed is simply started
again; a chunk prices at most a few hundred calls, in one transaction with the job's place. Pricing a call twice changes
nothing the second time.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from typing import Any

from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from calls import money
from calls.costing.catalogue import load_price_book
from calls.costing.models import CostingChoice
from calls.devices import Devices
from calls.directory.models import DirectoryRevision, Feed, Trunk
from calls.models import Call, Recost, RecostChange
from calls.pricing import Pricing
from calls.querysets import CallQuerySet
from calls.repricing import Repriced, other_prices, price_again
from calls.store import CallStore, call_columns

CHUNK_SECONDS = 0.15  # a transaction is to stay under 0.2
FIRST_CHUNK, SMALLEST_CHUNK, LARGEST_CHUNK = 200, 20, 2_000
LARGEST = 10
STATE = Recost.State


class NotPricedError(Exception):
    """Calls are not priced at all, so that there is nothing to give them."""


class PricesChangedError(Exception):
    """Tariffs or trunks were edited since the job was looked at; it is being worked out again."""


def begin(since: datetime, until: datetime, user: User | None = None) -> Recost:
    """A new job, still to be worked out. Raises NotPricedError."""
    if not CostingChoice.objects.filter(is_on=True).exists():
        raise NotPricedError("Calls are not priced: switch prices on first, or there is nothing to give them.")
    recost = Recost(since=since, until=until, created_by=user)
    recost.total = calls_of(recost).count()
    recost.save()
    return recost


def calls_of(recost: Recost) -> CallQuerySet:
    return Call.objects.filter(started_at__gte=recost.since, started_at__lt=recost.until)


def apply(recost: Recost) -> None:
    """Let a job that was looked at be applied. Raises PricesChangedError where it would do something else by now."""
    with transaction.atomic():
        job = Recost.objects.select_for_update().get(pk=recost.pk)
        if job.state != STATE.READY:
            return
        changed = job.prices != prices_digest()
        _begin_pass(job, STATE.LOOKING if changed else STATE.APPLYING)
        job.save()
    recost.refresh_from_db()
    if changed:
        raise PricesChangedError("Prices have changed since this was worked out. It is being worked out again.")


def prices_digest() -> str:
    """Stands for everything that decides prices, as it is now."""
    book = load_price_book()
    versions = sorted((version.version_id, version.edition) for version in book.by_id.values())
    trunks = sorted(Trunk.objects.values_list("pk", "carrier_id", "outside_prefix", "area_code"))
    return blake2b(repr((book.is_on, versions, trunks)).encode(), digest_size=16).hexdigest()


def work(recost: Recost, told: Callable[[Recost], None] = lambda recost: None) -> None:
    """Go on until the job is ready to apply, or done. `told` is called after each chunk."""
    worker = _Worker(recost)
    while recost.state in {STATE.LOOKING, STATE.APPLYING}:
        worker.chunk()
        told(recost)


def words(changed: int, differ: dict[str, int]) -> str:
    """Of a job, such as: 312 calls: £18.20 less."""
    calls = f"{changed:,} call{'' if changed == 1 else 's'}"
    parts = [
        f"{money.shown(abs(amount), currency)} {'less' if amount < 0 else 'more'}"
        for currency, amount in sorted(differ.items())
        if amount
    ]
    return f"{calls}: {', '.join(parts) or 'no more and no less'}"


class _Worker:
    def __init__(self, recost: Recost) -> None:
        self.recost = recost
        self.size = FIRST_CHUNK
        self.trial = Pricing(is_trial=True)
        self.stores: dict[int, CallStore] = {}
        self.devices: dict[int, Devices] = {}
        self.columns = call_columns()

    def chunk(self) -> None:
        began = time.monotonic()
        feed_id, pks, place = self._next()
        if self.recost.state == STATE.APPLYING and pks:
            store = self.stores.setdefault(feed_id, CallStore(feed_id))
            with suppress(_ElsewhereError):  # then it is known where the job stands by now
                price_again(store, pks, lambda changes: self._keep(changes, len(pks), place))
        else:
            self._look(feed_id, pks, place)
        taken = time.monotonic() - began
        if pks:
            wanted = int(self.size * CHUNK_SECONDS / max(taken, 0.001))
            self.size = max(SMALLEST_CHUNK, min(wanted, 2 * self.size, LARGEST_CHUNK))

    def _next(self) -> tuple[int, list[int], tuple[int, datetime | None, int]]:
        """The next calls of the pass, all of one feed, and the place after them; no calls at its end."""
        job = self.recost
        for feed_id in Feed.objects.filter(pk__gte=job.feed_id_at).order_by("pk").values_list("pk", flat=True):
            calls = calls_of(job).filter(feed_id=feed_id).order_by("started_at", "pk")
            if feed_id == job.feed_id_at and job.started_at_at is not None:
                calls = calls.filter(started_at__gte=job.started_at_at).exclude(
                    Q(started_at=job.started_at_at, pk__lte=job.call_id_at)
                )
            rows = list(calls.values_list("pk", "started_at")[: self.size])
            if rows:
                return feed_id, [pk for pk, _ in rows], (feed_id, rows[-1][1], rows[-1][0])
        return 0, [], (0, None, 0)

    def _look(self, feed_id: int, pks: Sequence[int], place: tuple[int, datetime | None, int]) -> None:
        """Add up what would change of these calls; or, at the end of either pass, go on to what comes after it."""
        with transaction.atomic():
            if not self._lock():
                return
            job = self.recost
            if not pks:
                self._end_pass()
            else:
                if not job.prices:
                    job.prices = prices_digest()
                devices = self.devices.setdefault(feed_id, Devices(feed_id))
                devices.refresh()
                self.trial.begin(DirectoryRevision.current())
                self._count(list(other_prices(self.columns.select_in("id", pks), self.trial, devices)))
                self._stand(place, len(pks))
            job.save()

    def _lock(self) -> bool:
        """Whether nobody else has gone on with the job; what they did is then known."""
        stood = (self.recost.state, self.recost.feed_id_at, self.recost.call_id_at)
        self.recost = _reload(self.recost, Recost.objects.select_for_update().get(pk=self.recost.pk))
        return stood == (self.recost.state, self.recost.feed_id_at, self.recost.call_id_at)

    def _keep(self, changes: Sequence[Repriced], looked_at: int, place: tuple[int, datetime | None, int]) -> None:
        if not self._lock():
            raise _ElsewhereError
        RecostChange.objects.bulk_create([_change(self.recost, one) for one in changes])
        self._count(changes)
        self._stand(place, looked_at)
        self.recost.save()

    def _stand(self, place: tuple[int, datetime | None, int], looked_at: int) -> None:
        job = self.recost
        job.feed_id_at, job.started_at_at, job.call_id_at = place
        job.looked_at += looked_at
        job.worked_at = timezone.now()

    def _count(self, changes: Sequence[Repriced]) -> None:
        job = self.recost
        is_trial = job.state == STATE.LOOKING
        differ = job.would_differ if is_trial else job.differ
        others = [one for one in changes if one.is_another_figure]
        for one in others:
            for priced, sign in ((one.old, -1), (one.new, 1)):
                if priced.cost and priced.currency:
                    differ[priced.currency] = differ.get(priced.currency, 0) + sign * priced.cost
        if is_trial:
            job.would_change += len(others)
            job.largest = sorted([*job.largest, *map(_shown, others)], key=_size)[:LARGEST]
        else:
            job.changed += len(others)

    def _end_pass(self) -> None:
        job = self.recost
        job.worked_at = timezone.now()
        if job.state == STATE.LOOKING:
            job.state = STATE.READY
            return
        job.state, job.finished_at = STATE.DONE, job.worked_at
        LogEntry.objects.log_create(
            job, force_log=True, action=LogEntry.Action.UPDATE, actor=job.created_by,
            changes={"prices": ["", words(job.changed, job.differ)]},
        )  # fmt: skip


class _ElsewhereError(Exception):
    """Another worker has gone on with the job in the meantime."""


def _begin_pass(job: Recost, state: str) -> None:
    job.state = state
    job.looked_at = 0
    job.feed_id_at, job.started_at_at, job.call_id_at = 0, None, 0
    job.worked_at = timezone.now()
    if state == STATE.LOOKING:
        job.prices, job.would_change, job.would_differ, job.largest = "", 0, {}, []


def _reload(held: Recost, fresh: Recost) -> Recost:
    """The caller's own object, as the database has it."""
    for field in Recost._meta.concrete_fields:
        setattr(held, field.attname, getattr(fresh, field.attname))
    return held


def _change(recost: Recost, one: Repriced) -> RecostChange:
    old, new = one.old, one.new
    return RecostChange(
        recost=recost,
        call_id=one.row[0],
        old_cost=old.cost,
        old_recharge=old.recharge,
        old_currency=old.currency,
        old_status=old.cost_status,
        old_reason=old.cost_reason,
        old_version_id=old.tariff_version_id,
        new_cost=new.cost,
        new_recharge=new.recharge,
        new_currency=new.currency,
        new_status=new.cost_status,
        new_reason=new.cost_reason,
        new_version_id=new.tariff_version_id,
    )


def _shown(one: Repriced) -> dict[str, Any]:
    return {
        "call": one.row[0],
        "old": one.old.cost,
        "old_currency": one.old.currency,
        "old_status": one.old.cost_status,
        "new": one.new.cost,
        "new_currency": one.new.currency,
        "new_status": one.new.cost_status,
    }


def _size(change: dict[str, Any]) -> tuple[int, int]:
    return -abs((change["new"] or 0) - (change["old"] or 0)), change["call"]
