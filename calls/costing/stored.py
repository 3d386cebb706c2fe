"""A version's rows as the document that they say, and a document as rows."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from calls.costing.document import OF_THE_TARIFF, export, parse
from calls.costing.models import Destination, Holiday, Prefix, TariffVersion, TimeBand
from calls.costing.terms import Document
from calls.costing.values import DocumentError, Problem

NAME_LENGTH = 80
AMOUNTS = frozenset({"rate", "connection_charge", "initial_charge", "min_charge", "step_charge", "amount"})
PLAIN_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
Fields = dict[str, Any]
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


def write_bands(version: TariffVersion, bands: list[dict[str, Any]], fields: dict[int, dict[str, Any]]) -> None:
    """Make these a version's bands, and `fields` the prices of its prefixes of these keys. All is checked already.

    The caller holds the version's lock.
    """
    problems = [*_too_long({"bands": bands})]
    if problems:
        raise DocumentError(problems)
    version.terms.pop("bands", None)
    _write_bands(version, bands)
    quote = connection.ops.quote_name
    update = f"UPDATE {quote(Prefix._meta.db_table)} SET fields = %s WHERE id = %s"  # noqa: S608 - a table of ours
    with connection.cursor() as cursor:  # thousands of rows: bulk_update would take seconds
        cursor.executemany(update, [(json.dumps(said), key) for key, said in fields.items()])


def check_rows(version: TariffVersion) -> None:
    """Raise DocumentError where a version's rows do not hold together."""
    rows = version.prefixes.order_by("position").values_list("digits", "fields")
    parse_alike(document_json(version, with_prefixes=False), first_of_each_shape(rows))


def first_of_each_shape(rows: Iterable[tuple[str, Fields]]) -> list[tuple[str, Fields]]:
    """Of prefixes (digits, fields) with prices that differ in amounts only the first: they all hold together, or none.

    To check thousands takes seconds, and their amounts were checked when they were written.
    """
    found: dict[Any, tuple[str, Fields]] = {}
    for row in rows:
        found.setdefault(_shape(row[1], {}), row)
    return list(found.values())


def parse_alike(said: Fields, rows: list[tuple[str, Fields]]) -> Document:
    """The document that `said` is with these prefixes. Raises DocumentError, a prefix named by its digits."""
    listed = [{"prefix": digits, **fields} for digits, fields in rows]
    try:
        return parse({**said, **({"prefixes": listed} if listed else {})})
    except DocumentError as error:
        raise DocumentError([_by_digits(problem, rows) for problem in error.problems]) from None


def _by_digits(problem: Problem, rows: list[tuple[str, Fields]]) -> Problem:
    found = re.match(r"prefixes\[([0-9]+)\]", problem.place)
    if found is None:
        return problem
    return Problem(f"prefix {rows[int(found[1])][0]}{problem.place[found.end() :]}", problem.reason)


def _shape(value: Any, amounts: dict[Decimal, int]) -> Any:
    """Hashable; a sound amount counts only as equal to some others of the same prefix, or not."""
    if isinstance(value, dict):
        parts = [
            amounts.setdefault(Decimal(part), len(amounts))
            if name in AMOUNTS and isinstance(part, str) and PLAIN_AMOUNT.fullmatch(part)
            else _shape(part, amounts)
            for name, part in value.items()
        ]
        return (*value, *parts)
    return tuple([_shape(part, amounts) for part in value]) if isinstance(value, list) else value


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
