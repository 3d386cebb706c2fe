"""What people do with tariffs: make, copy, date, publish, supersede, retire. Each under the lock of the version's row.

A version that has priced a call only ever gets another end. Whatever is refused raises RefusedError, which says why, or
DocumentError, which says where.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from auditlog.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from calls.costing.document import export
from calls.costing.example import example
from calls.costing.models import CostingChoice, Tariff, TariffVersion
from calls.costing.stored import check_rows, days_of, document_json, document_of, write_document
from calls.costing.terms import Document
from calls.directory.models import DirectoryRevision

ONE_DAY = timedelta(days=1)

User = AbstractBaseUser | AnonymousUser | None
State = Literal["draft", "published", "used", "ended"]


class RefusedError(ValueError):
    """What a tariff's state does not allow; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Head:
    """Whose calls a new tariff is for."""

    name: str
    carrier_id: int | None = None
    direction: str = Tariff.Direction.OUT.value
    did: str = ""
    is_example: bool = False


def state_of(version: TariffVersion, today: date) -> State:
    if version.published_at is None:
        return "draft"
    if version.valid_to is not None and version.valid_to <= today:
        return "ended"
    return "published" if version.used_since is None else "used"


@transaction.atomic
def make(head: Head, document: Document, valid_from: date, user: User = None) -> TariffVersion:
    """A new tariff with a draft of its first version. Raises ValidationError where a field is bad."""
    tariff = Tariff(
        name=head.name,
        carrier_id=head.carrier_id,
        direction=head.direction,
        did=head.did,
        currency=document.currency,
        vat=document.vat,
        time_zone=document.timezone,
        is_example=head.is_example,
    )
    tariff.full_clean()
    tariff.save()
    version = TariffVersion(tariff=tariff, number=1, valid_from=valid_from, created_by=_known(user))
    version.full_clean()
    write_document(version, document)
    return version


@transaction.atomic
def copy(source: TariffVersion, valid_from: date, user: User = None) -> TariffVersion:
    """A new draft of the same tariff, that supersedes what it was copied from where that is published."""
    DirectoryRevision.advance()
    tariff = Tariff.objects.select_for_update().get(pk=source.tariff_id)
    is_published = source.published_at is not None
    version = TariffVersion(
        tariff=tariff,
        number=(tariff.versions.aggregate(Max("number"))["number__max"] or 0) + 1,
        valid_from=valid_from,
        valid_to=source.valid_to if source.valid_to and source.valid_to > valid_from else None,
        supersedes=source if is_published else None,
        calendar=source.calendar,
        created_by=_known(user),
    )
    version.full_clean()
    write_document(version, document_of(source))
    return version


@transaction.atomic
def copy_to_tariff(source: TariffVersion, head: Head, valid_from: date, user: User = None) -> TariffVersion:
    """A new tariff whose first draft has another's prices."""
    version = make(head, document_of(source), valid_from, user)
    version.calendar = source.calendar
    version.save()
    return version


@contextmanager
def editing(pk: int) -> Iterator[TariffVersion]:
    """Lock a version whose prices may still change, and check all of it when the block ends. All or nothing."""
    with transaction.atomic():
        version = lock(pk)
        if version.used_since is not None:
            since = day_words(timezone.localdate(version.used_since))
            raise RefusedError(
                f"{version} has priced calls since {since}, so its prices stay. Copy it into a new version that "
                "supersedes it."
            )
        yield version
        version.edition += 1
        version.full_clean()
        version.save()
        check_rows(version)
        if version.published_at is not None:
            _refuse_overlap(version)


def date_version(
    pk: int, valid_from: date, valid_to: date | None, supersedes: TariffVersion | None = None
) -> TariffVersion:
    """Say from when to when a version holds, and which other one it supersedes."""
    with editing(pk) as version:
        if supersedes is not None and (
            supersedes.tariff_id != version.tariff_id
            or supersedes.number >= version.number
            or supersedes.published_at is None
        ):
            raise RefusedError("A version supersedes an earlier, published one of its own tariff.")
        version.valid_from, version.valid_to, version.supersedes = valid_from, valid_to, supersedes
    return version


@transaction.atomic
def publish(pk: int) -> TariffVersion:
    """Let a draft price calls, its calendar's days written into it."""
    version = lock(pk)
    if version.published_at is not None:
        raise RefusedError(f"{version} is published already.")
    if version.calendar_id is not None:
        version.terms = {**version.terms, "bank_holidays": [day.isoformat() for day in days_of(version.calendar_id)]}
    version.published_at = timezone.now()
    version.edition += 1
    _refuse_overlap(version)
    version.save()
    document_of(version)
    return version


@transaction.atomic
def retire(pk: int, valid_to: date | None) -> TariffVersion:
    """Set the first day on which a published version no longer holds; never before a call that it priced."""
    version = lock(pk)
    if version.published_at is None:
        raise RefusedError(f"{version} is a draft: date it, or delete it.")
    if valid_to is not None and valid_to <= version.valid_from:
        raise RefusedError(f"{version} begins on {day_words(version.valid_from)}, so it ends later.")
    last = version.calls.aggregate(Max("answered_at"))["answered_at__max"] if version.used_since else None
    if valid_to is not None and last is not None:
        last_day = timezone.localdate(last, ZoneInfo(version.tariff.time_zone))
        if valid_to <= last_day:
            raise RefusedError(
                f"{version} has priced a call of {day_words(last_day)}; the earliest end is "
                f"{day_words(last_day + ONE_DAY)}."
            )
    version.valid_to = valid_to
    version.edition += 1
    version.full_clean()
    _refuse_overlap(version)
    version.save()
    return version


@transaction.atomic
def delete_draft(pk: int) -> Tariff:
    """Delete a draft, and its tariff where that has no other version. The tariff it was of."""
    version = lock(pk)
    if version.published_at is not None:
        raise RefusedError(f"{version} is published: calls may have been priced with it. Retire it instead.")
    tariff = version.tariff
    version.delete()
    if not tariff.versions.exists():
        tariff.delete()
    return tariff


@transaction.atomic
def install_example(today: date) -> TariffVersion:
    """The example tariff, published for the trunks of every carrier: from the first of the year before on."""
    found = TariffVersion.objects.filter(tariff__is_example=True, published_at__isnull=False).first()
    if found is not None:
        return found
    version = make(Head(example().name, is_example=True), example(), date(today.year - 1, 1, 1))
    return publish(version.pk)


@transaction.atomic
def use_example() -> None:
    """Install the example tariff, published, and price calls."""
    install_example(timezone.localdate())
    CostingChoice.objects.update_or_create(pk=1, defaults={"is_on": True})


def lock(pk: int) -> TariffVersion:
    """A version's row, locked. The directory's first: it keeps two from publishing what overlaps, and each other."""
    DirectoryRevision.advance()
    return TariffVersion.objects.select_for_update(of=("self",)).select_related("tariff__carrier").get(pk=pk)


def replace_document(pk: int, document: Document, what: str) -> TariffVersion:
    """All prices of a version anew; `what` is the note of it in the audit log."""
    with editing(pk) as version:
        if export(document).get("bank_holidays") != document_json(version, with_prefixes=False).get("bank_holidays"):
            version.calendar = None
        write_document(version, document)
    LogEntry.objects.log_create(version, force_log=True, action=LogEntry.Action.UPDATE, changes={"prices": ["", what]})
    return version


def _refuse_overlap(version: TariffVersion) -> None:
    tariff = version.tariff
    others = TariffVersion.objects.filter(
        published_at__isnull=False,
        tariff__carrier=tariff.carrier,
        tariff__direction=tariff.direction,
    ).exclude(pk=version.pk)
    if version.valid_to is not None:
        others = others.filter(valid_from__lt=version.valid_to)
    for other in others.exclude(valid_to__lte=version.valid_from).select_related("tariff"):
        if other.tariff.did.lstrip("0") != tariff.did.lstrip("0"):  # a PBX may leave out leading zeros
            continue
        if other.tariff_id != version.tariff_id:
            raise RefusedError(
                f"{other} prices the same calls {span(other)}. Retire it, or date {version} apart from it."
            )
        if other.pk not in _superseded_by(version) and version.pk not in _superseded_by(other):
            raise RefusedError(f"{other} holds {span(other)}. Say that {version} supersedes it, or date the two apart.")


def _superseded_by(version: TariffVersion) -> set[int]:
    """Keys of what a version supersedes, and what that does, and so on."""
    links: dict[int, int | None] = dict(
        TariffVersion.objects.filter(tariff=version.tariff_id).values_list("pk", "supersedes_id")
    )
    links[version.pk] = version.supersedes_id
    found: set[int] = set()
    earlier = links.get(version.pk)
    while earlier is not None and earlier not in found:
        found.add(earlier)
        earlier = links.get(earlier)
    return found


def span(version: TariffVersion) -> str:
    if version.valid_to is None:
        return f"from {day_words(version.valid_from)} on"
    return f"from {day_words(version.valid_from)} until {day_words(version.valid_to)}"


def day_words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _known(user: User) -> Any:
    return user if user is not None and user.is_authenticated else None
