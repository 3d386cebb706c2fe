"""What a call costs, worked out when it ends (docs/tariffs.md, From a call to its cost).

The store calls it in the transaction that ends the call. Which tariff holds comes from the price book, the sum from
the rater; here a call's facts are led to both. No price, and no defect of a tariff, ever stops a line.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError

from calls.costing.catalogue import PriceBook, PricedVersion, load_price_book, mark_used
from calls.costing.rating import NOT_ANSWERED, STALE, ZERO_SECONDS
from calls.devices import Devices, TrunkPlan
from calls.models import CostStatus
from calls.numbers import digits_to_price, is_digits
from calls.records import CallState, Direction
from calls.rows import instant

logger = logging.getLogger(__name__)

MOST_MILLIONTHS = 10**15  # of one call: sums of thousands such still fit a column
MOST_BILLED_SECONDS = 2**31 - 1
TRIES = 5
BAND_LENGTH = 80


class CostReason(StrEnum):
    """Why a call has no cost, none but 0, or one to be taken with care. No reason ever holds a number."""

    STALE = STALE.reason
    NOT_ANSWERED = NOT_ANSWERED.reason
    ZERO_SECONDS = ZERO_SECONDS.reason
    NOT_CHARGED = "not charged"  # incoming, and no tariff prices it
    NO_TARIFF = "no tariff"
    NO_PREFIX = "no prefix"
    MASKED = "masked"  # no number, or one with hidden digits
    NOT_RECOGNISED = "number not recognised"
    DEFECT = "tariff can't be used"
    TOO_LARGE = "cost too large"
    PARTIAL = "partial"  # rated, but its beginning was not seen


class Facts(NamedTuple):
    """What a call's cost hangs on, by the names of its columns. Instants are epoch seconds."""

    state: str
    stale: bool
    direction: str
    answered_at: int | None
    billable_seconds: int
    partial: bool
    trunk: str
    did: str
    number: str
    number_e164: str

    def has_route_of(self, other: "Facts") -> bool:
        """Whether the same tariff prices both."""
        return (self.direction, self.trunk, self.did) == (other.direction, other.trunk, other.did)


class Priced(NamedTuple):
    """A call's columns of cost. Money in millionths of the currency."""

    cost: int | None = None  # what the carrier charges
    recharge: int | None = None  # with the tariff's mark-up
    currency: str = ""
    cost_status: str = ""
    cost_reason: str = ""
    billed_seconds: int | None = None
    destination_id: int | None = None
    tariff_version_id: int | None = None


class Why(NamedTuple):
    """What is kept beside a rated call: a row of CallCost."""

    prefix: str
    band: str
    trace: str


class Pricing:
    """Prices the calls of one feed. It belongs to a store; `begin` is called in each of its transactions.

    `is_trial`: nothing is kept of what it prices, so that no version is marked as used.
    """

    def __init__(self, using: str = "default", *, is_trial: bool = False) -> None:
        self._using = using
        self._is_trial = is_trial
        self._revision = -1
        self._marked: set[int] = set()
        self.book = PriceBook()

    def begin(self, directory_revision: int) -> None:
        """Read the tariffs again if they changed. What the last transaction marked as used is known by its commit."""
        self._marked.clear()
        if directory_revision != self._revision:
            self._reread()
            self._revision = directory_revision

    def forget(self) -> None:
        """The transaction was undone."""
        self._revision = -1

    @property
    def may_ask(self) -> bool:
        """Whether pricing a call may read from the database: the first call of a version does."""
        return any(version.ready is None or not version.is_used for version in self.book.by_id.values())

    def price(self, facts: Facts, devices: Devices, version_id: int | None = None) -> tuple[Priced, Why | None]:
        """What a call of these facts costs now. `version_id` is kept while the time of answer is one of its days.

        Raises the driver's error if the database fails, and nothing else.
        """
        if facts.state != CallState.ENDED:
            return IN_PROGRESS, None
        answered_at = None if facts.answered_at is None else instant(facts.answered_at)
        kept = None if version_id is None or answered_at is None else self.book.by_id.get(version_id)
        if kept is None and not self.book.is_on:
            return OFF, None
        if facts.stale:
            return NO_END, None
        if answered_at is None or facts.billable_seconds == 0:
            return (UNANSWERED if answered_at is None else NO_TIME), None

        def choose() -> PricedVersion | None:
            if kept is not None and kept.holds(answered_at):
                return kept
            return self._chosen(facts, devices, answered_at)

        version = self._used(choose)
        if version is None:
            return (NOT_CHARGED if facts.direction == Direction.IN else NO_TARIFF), None
        try:
            return _rated(facts, version, *_digits_of(facts, devices.region, devices.trunks.get(facts.trunk, NO_PLAN)))
        except (DatabaseError, InterfaceError):
            raise
        except Exception:  # a defect of a tariff or of the rater must not hold a line up
            logger.exception("Tariff version %s can't price a call", version.version_id)
            return _unrated(CostReason.DEFECT, version), None

    def tariff_of(self, facts: Facts, devices: Devices) -> int | None:
        """The tariff that holds for an answered call of these facts now."""
        version = None if facts.answered_at is None else self._chosen(facts, devices, instant(facts.answered_at))
        return version.tariff_id if version else None

    def tariff_of_version(self, version_id: int | None) -> int | None:
        version = None if version_id is None else self.book.by_id.get(version_id)
        return version.tariff_id if version else None

    def _chosen(self, facts: Facts, devices: Devices, answered_at: datetime) -> PricedVersion | None:
        carrier_id = devices.trunks.get(facts.trunk, NO_PLAN).carrier_id
        return self.book.choose(carrier_id, facts.direction, facts.did, answered_at)

    def _used(self, choose: Callable[[], PricedVersion | None]) -> PricedVersion | None:
        """The chosen version, marked as used in this transaction; chosen anew where somebody edited it meanwhile."""
        for _ in range(TRIES):
            version = choose()
            if version is None or version.is_used or self._is_trial or version.version_id in self._marked:
                return version
            if mark_used([version]):
                self._marked.add(version.version_id)
                return version
            self._reread()
        raise OperationalError("the tariffs are edited faster than they can be read")

    def _reread(self) -> None:
        self.book = load_price_book(self._using, self.book)


def _digits_of(facts: Facts, region: str, plan: TrunkPlan) -> tuple[str, bool]:
    return digits_to_price(
        facts.number, facts.number_e164, direction=facts.direction, region=region, outside_prefix=plan.outside_prefix
    )


def _rated(facts: Facts, version: PricedVersion, digits: str, is_short: bool) -> tuple[Priced, Why | None]:
    assert facts.answered_at is not None
    if version.rater is None:
        return _unrated(CostReason.DEFECT, version), None
    rating = version.rater.rate(instant(facts.answered_at), facts.billable_seconds, digits, is_short=is_short)
    if rating.cost is None:
        no_digits = CostReason.NOT_RECOGNISED if is_digits(facts.number) else CostReason.MASKED
        return _unrated(CostReason.NO_PREFIX if digits else no_digits, version), None
    cost, recharge = rating.carrier_millionths, rating.recharge_millionths
    if max(cost, recharge) > MOST_MILLIONTHS or rating.billed_s > MOST_BILLED_SECONDS:
        return _unrated(CostReason.TOO_LARGE, version), None
    priced = Priced(
        cost,
        recharge,
        version.currency,
        CostStatus.RATED.value,
        CostReason.PARTIAL.value if facts.partial else "",
        rating.billed_s,
        version.destinations.get(rating.prefix),
        version.version_id,
    )
    return priced, Why(rating.prefix, rating.band[:BAND_LENGTH], "\n".join(rating.trace))


def _unrated(reason: CostReason, version: PricedVersion | None = None) -> Priced:
    return Priced(
        cost_status=CostStatus.UNRATED.value,
        cost_reason=reason.value,
        tariff_version_id=version.version_id if version else None,
    )


def _free(reason: CostReason) -> Priced:
    return Priced(0, 0, cost_status=CostStatus.NOT_CHARGED.value, cost_reason=reason.value, billed_seconds=0)


IN_PROGRESS = Priced()
OFF = Priced(cost_status=CostStatus.OFF.value)
NO_END = Priced(cost_status=CostStatus.STALE.value, cost_reason=CostReason.STALE.value)
UNANSWERED = _free(CostReason.NOT_ANSWERED)
NO_TIME = _free(CostReason.ZERO_SECONDS)
NOT_CHARGED = _free(CostReason.NOT_CHARGED)
NO_TARIFF = _unrated(CostReason.NO_TARIFF)
NO_PLAN = TrunkPlan()
