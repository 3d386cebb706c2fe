"""Edits of one row of a version: a prefix's rate, a band's hours. The same cells as the tariff's CSV has."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from calls.costing import sheet
from calls.costing.document import export, parse
from calls.costing.models import Prefix, TariffVersion
from calls.costing.stored import (
    NAME_LENGTH,
    OF_A_PREFIX,
    bands_json,
    days_of,
    destinations_of,
    document_json,
    first_of_each_shape,
    parse_alike,
    prefix_json,
    write_bands,
    write_document,
)
from calls.costing.values import DocumentError, Problem, load_json
from calls.costing.versions import editing

BAND_CELLS = ("name", "days", "from", "to", "rate", "priority", "more")

Fields = dict[str, Any]


def prefix_cells(version: TariffVersion, prefixes: Iterable[Prefix]) -> list[tuple[Prefix, dict[str, str]]]:
    """Each prefix with its cells by column."""
    bands = bands_json(version)
    return [(prefix, sheet.row_of(prefix_json(prefix), bands)) for prefix in prefixes]


def change_prefix(version_pk: int, prefix_pk: int | None, cells: dict[str, str]) -> dict[str, str]:
    """Set cells of a prefix, or of a new one. Its cells as they then are. Raises DocumentError, places by column."""
    with editing(version_pk) as version:
        bands = bands_json(version)
        prefix = Prefix(version=version, position=_next_position(version))
        if prefix_pk is not None:
            prefix = version.prefixes.select_related("destination").get(pk=prefix_pk)
        row = (sheet.row_of(prefix_json(prefix), bands) if prefix_pk is not None else {}) | cells
        problems: list[Problem] = []
        entry = sheet.entry_of({"prefix": "", **row}, bands, problems)
        said = _checked_alone(version, entry, bands, problems)
        if version.prefixes.filter(digits=said["prefix"]).exclude(pk=prefix.pk).exists():
            raise DocumentError([Problem("prefix", f"{said['prefix']} is there already")])
        key = (said.get("name", ""), said.get("class", ""))
        if len(key[0]) > NAME_LENGTH:
            raise DocumentError([Problem("destination", f"it is longer than {NAME_LENGTH} characters")])
        prefix.digits, prefix.destination_id = said["prefix"], destinations_of({key})[key]
        prefix.fields = {name: value for name, value in said.items() if name not in OF_A_PREFIX}
        prefix.save()
        return sheet.row_of(said, bands)


def remove_prefix(version_pk: int, prefix_pk: int) -> str:
    """Take a prefix out of a version: the digits it had."""
    with editing(version_pk) as version:
        prefix = version.prefixes.get(pk=prefix_pk)
        prefix.delete()
    return prefix.digits


def band_cells(band: Fields) -> dict[str, str]:
    """A band's cells. `days` is weekdays as digits, or dates; `more` the fields without a cell, as JSON."""
    days = "".join(map(str, band.get("weekdays") or ())) or " ".join(band.get("dates") or ())
    more = {name: value for name, value in band.items() if name not in {*BAND_CELLS, "weekdays", "dates"}}
    if band.get("weekdays") == []:
        more["weekdays"] = []
    plain = {"days": days, "more": sheet.as_json(more) if more else ""}
    return {name: plain.get(name, str(band.get(name, ""))) for name in BAND_CELLS}


def change_band(version_pk: int, index: int | None, cells: dict[str, str]) -> dict[str, str]:
    """Set cells of a band, or of a new one; prefixes with rates of their own for the bands follow."""
    with editing(version_pk) as version:
        bands = bands_json(version)
        band = _band({**(band_cells(bands[index]) if index is not None else {}), **cells})
        place = len(bands) if index is None else index
        changed = [*bands[:place], band, *bands[place + 1 :]]
        try:
            _write_bands(version, changed, [*range(len(bands)), *([None] if index is None else [])])
        except DocumentError as error:
            raise DocumentError(dict.fromkeys(_of_band(problem, place) for problem in error.problems)) from None
        return band_cells(bands_json(version)[place])


def remove_band(version_pk: int, index: int) -> str:
    """Take a band out of a version, and with it the prefixes' rates of it: its name."""
    with editing(version_pk) as version:
        bands = bands_json(version)
        if not 0 <= index < len(bands):
            raise DocumentError([Problem("", "there is no such band")])
        kept = [place for place in range(len(bands)) if place != index]
        _write_bands(version, [bands[place] for place in kept], kept)
    return str(bands[index]["name"])


def change_terms(version_pk: int, terms: Fields, calendar: Any) -> None:
    """Set all that is neither head nor band nor prefix. Bank holidays are the calendar's, where there is one."""
    with editing(version_pk) as version:
        version.calendar = calendar
        said = document_json(version)
        kept = {
            name: said[name] for name in ("name", "currency", "vat", "timezone", "bands", "prefixes") if name in said
        }
        if calendar is not None:
            terms = {**terms, "bank_holidays": [day.isoformat() for day in days_of(calendar.pk)]}
        write_document(version, parse({**kept, **terms}))


def _write_bands(version: TariffVersion, bands: list[Fields], origins: Sequence[int | None]) -> None:
    """`origins` are the places that the bands had before, to take the prefixes' rates along.

    All prefixes follow, but of those alike in all but amounts one is checked: thousands would take seconds.
    """
    rows = list(version.prefixes.order_by("position").values_list("pk", "digits", "fields"))
    before = bands_json(version)
    alike = [
        (digits, _following(fields, before, bands, origins))
        for digits, fields in first_of_each_shape((digits, fields) for _, digits, fields in rows)
    ]
    whole = {**document_json(version, with_prefixes=False), "bands": bands}
    if not bands:
        del whole["bands"]
    written = export(parse_alike(whole, alike)).get("bands", [])
    followed = ((key, fields, _following(fields, before, written, origins)) for key, _, fields in rows)
    write_bands(version, written, {key: fields for key, said, fields in followed if fields != said})


def _following(fields: Fields, before: list[Fields], bands: list[Fields], origins: Sequence[int | None]) -> Fields:
    """A prefix's prices with other bands of the tariff."""
    columns = list(sheet.band_columns(before)), list(sheet.band_columns(bands))
    row = sheet.row_of({"prefix": "", **fields}, before)
    if columns[0] and columns[1]:
        rates = {
            name: row.get(columns[0][origin], "") if origin is not None else ""
            for name, origin in zip(columns[1], origins, strict=True)
        }
        row = {name: value for name, value in row.items() if name not in columns[0]} | rates
    entry = sheet.entry_of(row, bands, [])
    del entry["prefix"]
    return entry


def _band(cells: dict[str, str]) -> Fields:
    band: Fields = {name: cells[name] for name in ("name", "from", "to", "rate") if cells.get(name)}
    days = cells.get("days", "").replace(",", " ").split()
    if len(days) == 1 and days[0].isascii() and days[0].isdigit():
        band["weekdays"] = [int(digit) for digit in days[0]]
    elif days:
        band["dates"] = days
    priority = cells.get("priority", "")
    if priority:
        band["priority"] = int(priority) if re.fullmatch("-?[0-9]{1,9}", priority) else priority
    if cells.get("more"):
        more = load_json(cells["more"])
        if not isinstance(more, dict):
            raise DocumentError([Problem("more", "it is not a JSON object")])
        band = {**more, **band}
    return band


def _of_band(problem: Problem, place: int) -> Problem:
    """A problem of a band, or of a prefix's own rates for it, told by its cell."""
    found = re.fullmatch(rf"(?:prefix [0-9]*\.)?bands\[{place}\]\.?(.*)", problem.place)
    if not found:
        return problem
    return Problem("days" if found[1].startswith(("weekdays", "dates")) else found[1], problem.reason)


def _checked_alone(version: TariffVersion, entry: Fields, bands: list[Fields], problems: list[Problem]) -> Fields:
    """The prefix as the document says it, checked with all of the version but the other prefixes."""
    whole = {**document_json(version, with_prefixes=False), "prefixes": [entry]}
    try:
        read = parse(whole)
    except DocumentError as error:
        problems += [sheet.by_column(problem, bands) for problem in error.problems]
    if problems:
        raise DocumentError(problems)
    said: Fields = export(read)["prefixes"][0]
    return said


def _next_position(version: TariffVersion) -> int:
    last = version.prefixes.order_by("-position").values_list("position", flat=True).first()
    return 0 if last is None else last + 1
