"""The published tariffs, made ready for pricing: which version holds for a call, and its rater.

A price book is read when the directory's revision advances (every edit of a tariff advances it); choosing a version
costs no query, and the first call of a version two. A worker marks a version used in the transaction that first prices
a call with it, so that nobody edits what a stored cost was reckoned from.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from calls.costing.models import Chargeback, CostingChoice, TariffVersion
from calls.costing.rating import Rater
from calls.costing.stored import document_of
from calls.costing.values import DocumentError
from calls.periods import day_start

NEVER = datetime(9999, 12, 30, tzinfo=UTC)

logger = logging.getLogger(__name__)

Key = tuple[int | None, str, str]  # carrier, direction, DID


@dataclass(slots=True)
class _Ready:
    rater: Rater | None
    destinations: dict[str, int]


@dataclass(eq=False)
class PricedVersion:
    """A published version, as it was at `edition`. It holds from `since` until `until`, which is not included."""

    version_id: int
    edition: int
    number: int
    tariff_id: int
    tariff_name: str
    currency: str
    since: datetime
    until: datetime
    is_used: bool
    of_the_tariff: tuple[str, str, str]  # currency, VAT, time zone
    using: str = "default"
    ready: _Ready | None = None

    def holds(self, answered_at: datetime) -> bool:
        """Whether the local day of an answer, in the tariff's time zone, is one of the version's."""
        return self.since <= answered_at < self.until

    @property
    def rater(self) -> Rater | None:
        """Read at the first call. None where the stored document is no longer sound, which is logged."""
        return self._read().rater

    @property
    def destinations(self) -> dict[str, int]:
        """Key of the Destination by the digits of a prefix."""
        return self._read().destinations

    def is_as(self, other: "PricedVersion") -> bool:
        """Whether both say the same prices."""
        return (self.version_id, self.edition, self.of_the_tariff) == (
            other.version_id,
            other.edition,
            other.of_the_tariff,
        )

    def _read(self) -> _Ready:
        if self.ready is not None:
            return self.ready
        # Rows of a later edition do no harm: `mark_used` then refuses what was priced with them.
        version = TariffVersion.objects.using(self.using).select_related("tariff").get(pk=self.version_id)
        try:
            rater = Rater(document_of(version))
        except DocumentError as error:
            logger.error("Tariff version can't be read: %s: %s", version, error)
            rater = None
        self.ready = _Ready(rater, dict(version.prefixes.values_list("digits", "destination_id")))
        return self.ready


@dataclass
class PriceBook:
    """Every published version, and whether calls are priced at all."""

    is_on: bool = False
    chargeback: str = Chargeback.FIRST.value
    by_key: dict[Key, list[PricedVersion]] = field(default_factory=dict)
    by_id: dict[int, PricedVersion] = field(default_factory=dict)

    def choose(self, carrier_id: int | None, direction: str, did: str, answered_at: datetime) -> PricedVersion | None:
        """The version that prices a call, or None. `direction` is in or out, `did` counts for incoming calls.

        The most specific tariff that holds on the day: of the carrier and the DID, of the carrier, of any carrier and
        the DID, of any carrier. Of its versions that hold, the one of the highest number.
        """
        did = _without_zeros(did) if direction == "in" else ""
        for carrier in (carrier_id, None) if carrier_id is not None else (None,):
            for wanted in (did, "") if did else ("",):
                for version in self.by_key.get((carrier, direction, wanted), ()):
                    if version.since <= answered_at < version.until:
                        return version
        return None


def _without_zeros(did: str) -> str:
    """A DID without leading zeros, which a PBX that pads with zeros leaves out and people write."""
    return did.lstrip("0")


def load_price_book(using: str = "default", before: PriceBook | None = None) -> PriceBook:
    """The tariffs as they are published now; two queries, however many there are.

    `before` is the book as it was: versions that were not edited since need not be read again.
    """
    book = PriceBook()
    choice = CostingChoice.objects.using(using).first()
    if choice is not None:
        book.is_on, book.chargeback = choice.is_on, choice.chargeback
    versions = TariffVersion.objects.using(using).filter(published_at__isnull=False).select_related("tariff")
    # Of a tariff's versions the highest number wins. Different tariffs of the same calls never hold on the same day.
    for version in versions.order_by("-number", "-tariff"):
        tariff = version.tariff
        zone = ZoneInfo(tariff.time_zone)
        priced = PricedVersion(
            version_id=version.pk,
            edition=version.edition,
            number=version.number,
            tariff_id=tariff.pk,
            tariff_name=tariff.name,
            currency=tariff.currency,
            since=day_start(version.valid_from, zone),
            until=NEVER if version.valid_to is None else day_start(version.valid_to, zone),
            is_used=version.used_since is not None,
            of_the_tariff=(tariff.currency, tariff.vat, tariff.time_zone),
            using=using,
        )
        known = before.by_id.get(version.pk) if before else None
        if known is not None and priced.is_as(known):
            priced.ready = known.ready
        book.by_id[version.pk] = priced
        book.by_key.setdefault((tariff.carrier_id, tariff.direction, _without_zeros(tariff.did)), []).append(priced)
    return book


def mark_used(versions: Iterable[PricedVersion]) -> bool:
    """Fix these versions for good, in the transaction that first prices calls with them.

    False where one was edited, or is gone, since the book was read: read it again, and price the calls again.
    """
    for version in sorted(versions, key=lambda version: version.version_id):
        if version.is_used:
            continue
        rows = TariffVersion.objects.using(version.using).filter(
            pk=version.version_id, edition=version.edition, published_at__isnull=False
        )
        if not rows.filter(used_since=None).update(used_since=timezone.now()) and not rows.exists():
            return False
        transaction.on_commit(partial(setattr, version, "is_used", True), using=version.using)
    return True
