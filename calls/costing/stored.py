"""A version's rows as the document that they say, and a document as rows."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from django.db import transaction

from calls.costing.document import OF_THE_TARIFF, export, parse
from calls.costing.models import Destination, Holiday, Prefix, TariffVersion, TimeBand
from calls.costing.terms import Document
from calls.costing.values import DocumentError, Problem

NAME_LENGTH = 80
ROWS_A_QUERY = 500
OF_A_PREFIX = ("prefix", "name", "class")


def document_json(version: TariffVersion, *, with_prefixes: bool = True) -> dict[str, Any]:
    """What a version's rows say, as JSON has it, unchecked; a draft has its calendar's days as they are now."""
    tariff = version.tariff
    said = dict(version.terms)
    if version.calendar_id is not None and version.published_at is None:
        said["bank_holidays"] = [day.isoformat() for day in days_of(version.calendar_id)]
    bands = bands_json(version)
    prefixes = map(prefix_json, version.prefixes.select_related("destination") if with_prefixes else ())
    return {
        "name": tariff.name,
        "currency": tariff.currency,
        "vat": tariff.vat,
        "timezone": tariff.time_zone,
        **said,
        **({"bands": bands} if bands else {}),
        **({"prefixes": listed} if (listed := list(prefixes)) else {}),
    }


def bands_json(version: TariffVersion) -> list[dict[str, Any]]:
    return [{"name": band.name, **band.fields} for band in version.bands.all()]


def prefix_json(prefix: Prefix) -> dict[str, Any]:
    named = {"name": prefix.destination.name, "class": prefix.destination.charge_class}
    return {"prefix": prefix.digits, **{name: value for name, value in named.items() if value}, **prefix.fields}


def document_of(version: TariffVersion) -> Document:
    """A version's document, checked. Raises DocumentError."""
    return parse(document_json(version))


def days_of(calendar_id: int) -> list[date]:
    return list(Holiday.objects.filter(calendar_id=calendar_id).order_by("day").values_list("day", flat=True))


@transaction.atomic
def write_document(version: TariffVersion, document: Document) -> None:
    """Make a document a draft's rows, whatever it had before. The caller holds the version's lock.

    The name is the tariff's, and so are currency, VAT and time zone, which must be the document's. Raises
    DocumentError where they are not, or where a name is longer than can be kept.
    """
    said = export(document)
    problems = [*_of_another_tariff(version, said), *_too_long(said)]
    if problems:
        raise DocumentError(problems)
    bands, prefixes = said.pop("bands", None), said.pop("prefixes", [])
    version.terms = {name: value for name, value in said.items() if name not in {"name", *OF_THE_TARIFF}}
    if bands == []:
        version.terms["bands"] = []
    version.save()
    _write_bands(version, bands or ())
    version.prefixes.all().delete()
    destinations = destinations_of({(entry.get("name", ""), entry.get("class", "")) for entry in prefixes})
    Prefix.objects.bulk_create(
        [
            Prefix(
                version=version,
                position=index,
                digits=entry["prefix"],
                destination_id=destinations[entry.get("name", ""), entry.get("class", "")],
                fields=_without(entry, OF_A_PREFIX),
            )
            for index, entry in enumerate(prefixes)
        ],
        batch_size=ROWS_A_QUERY,
    )


def write_bands(version: TariffVersion, document: Document) -> None:
    """Make a document's bands a version's, and its prefixes' prices those of the version's rows, which stay.

    The caller holds the version's lock; all else of the document is as it is stored. Raises DocumentError.
    """
    said = export(document)
    problems = [*_too_long(said)]
    if problems:
        raise DocumentError(problems)
    version.terms.pop("bands", None)
    _write_bands(version, said.get("bands", ()))
    changed = []
    for prefix, entry in zip(version.prefixes.order_by("position"), said.get("prefixes", ()), strict=True):
        fields = _without(entry, OF_A_PREFIX)
        if fields != prefix.fields:
            prefix.fields = fields
            changed.append(prefix)
    Prefix.objects.bulk_update(changed, ["fields"], batch_size=ROWS_A_QUERY)


def _write_bands(version: TariffVersion, bands: Iterable[dict[str, Any]]) -> None:
    version.bands.all().delete()
    TimeBand.objects.bulk_create(
        [
            TimeBand(version=version, position=index, name=band["name"], fields=_without(band, ("name",)))
            for index, band in enumerate(bands)
        ]
    )


def destinations_of(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The key of each destination by name and class; those that are missing are made."""
    known = _known(wanted)
    missing = sorted(wanted - known.keys())
    if missing:
        Destination.objects.bulk_create(
            [Destination(name=name, charge_class=charge_class) for name, charge_class in missing],
            batch_size=ROWS_A_QUERY,
            ignore_conflicts=True,  # another import may make the same
        )
        known |= _known(set(missing))
    return known


def _known(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    names = sorted({name for name, _ in wanted})
    return {
        (name, charge_class): key
        for index in range(0, len(names), ROWS_A_QUERY)
        for key, name, charge_class in Destination.objects.filter(
            name__in=names[index : index + ROWS_A_QUERY]
        ).values_list("pk", "name", "charge_class")
    }


def _without(fields: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _of_another_tariff(version: TariffVersion, said: dict[str, Any]) -> Iterator[Problem]:
    tariff = version.tariff
    for name, has in zip(OF_THE_TARIFF, (tariff.currency, tariff.vat, tariff.time_zone), strict=True):
        if said[name] != has:
            yield Problem(name, f"the tariff “{tariff}” has {has}, and a version of it can't have {said[name]}")


def _too_long(said: dict[str, Any]) -> Iterator[Problem]:
    for kind in ("bands", "prefixes"):
        for index, entry in enumerate(said.get(kind, ())):
            if len(entry.get("name", "")) > NAME_LENGTH:
                yield Problem(f"{kind}[{index}].name", f"it is longer than {NAME_LENGTH} characters")
