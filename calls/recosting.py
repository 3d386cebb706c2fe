"""Giving past calls the prices that hold now: looked at first, then applied, in short chunks, with a trail.

A job is a row of Recost. `work` goes on with it from where it stands, so that one that was killed is simply started
again; a chunk prices at most a few hundred calls, in one transaction with the job's place. Pricing a call twice changes
nothing the second time.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from calls import money
from calls.access import EVERYTHING, Scope
from calls.call_rows import call_columns
from calls.costing.catalogue import load_price_book
from calls.costing.models import CostingChoice, Tariff
from calls.devices import Devices
from calls.directory.models import DirectoryRevision, Feed, Trunk
from calls.models import Call, Recost, RecostChange
from calls.pricing import Pricing
from calls.querysets import CallQuerySet
from calls.repricing import Repriced, other_prices, price_again
from calls.store import CallStore

CHUNK_SECONDS = 0.15  # a transaction is to stay under 0.2
FIRST_CHUNK, SMALLEST_CHUNK, LARGEST_CHUNK = 200, 20, 2_000
LARGEST = 10
SILENCE = timedelta(seconds=15)  # of a job's process; to start one takes a few
STATE = Recost.State
UNDER_WAY = frozenset({STATE.LOOKING, STATE.APPLYING})


class NotPricedError(Exception):
    """Calls are not priced at all, so that there is nothing to give them."""


class PricesChangedError(Exception):
    """Tariffs or trunks were edited since the job was looked at; it is being worked out again."""


def begin(
    since: datetime,
    until: datetime,
    user: User | None = None,
    scope: Scope = EVERYTHING,
    feed: Feed | None = None,
    tariff: Tariff | None = None,
) -> Recost:
    """A new job, still to be worked out, of the calls that `scope` lets be seen. Raises NotPricedError."""
    if not CostingChoice.objects.filter(is_on=True).exists():
        raise NotPricedError("Calls are not priced: switch prices on first, or there is nothing to give them.")
    departments = None if scope.departments is None else sorted(scope.departments)
    recost = Recost(since=since, until=until, created_by=user, departments=departments, feed=feed, tariff=tariff)
    recost.total = calls_of(recost).count()
    recost.worked_at = timezone.now()
    recost.save()
    return recost


def calls_of(recost: Recost) -> CallQuerySet:
    departments = None if recost.departments is None else frozenset(recost.departments)
    calls = Call.objects.visible_to(Scope(departments)).filter(
        started_at__gte=recost.since, started_at__lt=recost.until
    )
    if recost.feed is not None:
        calls = calls.filter(feed=recost.feed)
    if recost.tariff is not None:
        calls = calls.filter(direction=recost.tariff.direction)
    return calls


def may_see(scope: Scope, recost: Recost) -> bool:
    """Whether a viewer sees every call that a job is of: its sums would tell of the others."""
    if scope.departments is None:
        return True
    return bool(scope.departments) and recost.departments is not None and scope.departments >= set(recost.departments)


def is_at_work(recost: Recost) -> bool:
    """Whether a process was heard of lately that goes on with it."""
    worked_at = recost.worked_at
    is_heard = worked_at is not None and timezone.now() - worked_at < SILENCE
    return recost.state in UNDER_WAY and is_heard


def apply(recost: Recost, user: User | None = None) -> None:
    """Let a job that was looked at be applied. Raises PricesChangedError where it would do something else by now."""
    with transaction.atomic():
        job = Recost.objects.select_for_update().get(pk=recost.pk)
        if job.state != STATE.READY:
            return
        changed = job.prices != prices_digest()
        _begin_pass(job, STATE.LOOKING if changed else STATE.APPLYING)
        if not changed:
            job.applied_by = user
        job.save()
    recost.refresh_from_db()
    if changed:
        raise PricesChangedError("Prices have changed since this was worked out. It is being worked out again.")


def prices_digest() -> str:
    """Stands for everything that decides prices, as it is now."""
    book = load_price_book()
    versions = sorted((version.version_id, version.edition) for version in book.by_id.values())
    trunks = sorted(Trunk.objects.values_list("pk", "carrier_id", "outside_prefix", "area_code"))
    regions = sorted((feed.pk, feed.region_code) for feed in Feed.objects.all())
    return blake2b(repr((book.is_on, versions, trunks, regions)).encode(), digest_size=16).hexdigest()


def work(recost: Recost, told: Callable[[Recost], None] = lambda recost: None) -> None:
    """Go on until the job is ready to apply, or done. `told` is called after each chunk."""
    worker = _Worker(recost)
    while recost.state in UNDER_WAY:
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


Place = tuple[int, datetime | None, int]  # of a pass: feed, start and key of the last call that was looked at


class _Worker:
    def __init__(self, recost: Recost) -> None:
        self.recost = recost
        self.size = FIRST_CHUNK
        self.trial = Pricing(is_trial=True)
        self.stores: dict[int, CallStore] = {}
        self.devices: dict[int, Devices] = {}
        self.columns = call_columns()
        self.checked = -1  # the directory's revision at which the prices were those that were looked at

    def chunk(self) -> None:
        began = time.monotonic()
        feed_id, pks, place = self._next()
        if self.recost.state == STATE.APPLYING and pks:
            self._apply(feed_id, pks, place)
        else:
            self._look(feed_id, pks, place)
        taken = time.monotonic() - began
        if pks:
            wanted = int(self.size * CHUNK_SECONDS / max(taken, 0.001))
            self.size = max(SMALLEST_CHUNK, min(wanted, 2 * self.size, LARGEST_CHUNK))

    def _apply(self, feed_id: int, pks: Sequence[int], place: Place) -> None:
        store = self.stores.setdefault(feed_id, CallStore(feed_id))
        try:
            with suppress(_ElsewhereError):  # then it is known where the job stands by now
                price_again(store, pks, lambda changes: self._keep(changes, len(pks), place), self.recost.tariff_id)
        except _OtherPricesError:
            with transaction.atomic():
                if self._lock():
                    self._finish(STATE.STOPPED)
                    self.recost.save()

    def _next(self) -> tuple[int, list[int], Place]:
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

    def _look(self, feed_id: int, pks: Sequence[int], place: Place) -> None:
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
                rows = self.columns.select_in("id", pks)
                self._count(list(other_prices(rows, self.trial, devices, job.tariff_id)))
                self._stand(place, len(pks))
            job.save()

    def _lock(self) -> bool:
        """Whether nobody else has gone on with the job; what they did is then known."""
        stood = (self.recost.state, self.recost.feed_id_at, self.recost.call_id_at)
        self.recost = _reload(self.recost, Recost.objects.select_for_update().get(pk=self.recost.pk))
        return stood == (self.recost.state, self.recost.feed_id_at, self.recost.call_id_at)

    def _keep(self, changes: Sequence[Repriced], looked_at: int, place: Place) -> None:
        if not self._lock():
            raise _ElsewhereError
        revision = DirectoryRevision.current()
        if revision != self.checked:
            if prices_digest() != self.recost.prices:
                raise _OtherPricesError
            self.checked = revision
        RecostChange.objects.bulk_create([_change(self.recost, one) for one in changes])
        self._count(changes)
        self._stand(place, looked_at)
        self.recost.save()

    def _stand(self, place: Place, looked_at: int) -> None:
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
        if job.state == STATE.LOOKING:
            job.state, job.worked_at = STATE.READY, timezone.now()
        else:
            self._finish(STATE.DONE)

    def _finish(self, state: str) -> None:
        job = self.recost
        job.state, job.worked_at = state, timezone.now()
        job.finished_at = job.worked_at
        LogEntry.objects.log_create(
            job, force_log=True, action=LogEntry.Action.UPDATE, actor=job.applied_by or job.created_by,
            changes={"prices": ["", words(job.changed, job.differ)]},
        )  # fmt: skip


class _ElsewhereError(Exception):
    """Another worker has gone on with the job in the meantime."""


class _OtherPricesError(Exception):
    """The prices are no longer those that were looked at."""


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


def figure(amount: int | None, currency: str, status: str) -> str:
    """A cost, or the word for why there is none."""
    if amount is None:
        return (status or "not priced").replace("_", " ")
    return money.of_a_call(amount, currency)


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
