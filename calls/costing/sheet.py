"""The flat part of a tariff as CSV: a row a prefix, a rate column a band; and what a file's problems are, by line.

A row says what a prefix of the document says:

- a rate alone: this price at all times;
- rates of bands: the tariff's bands with these rates (an empty one: the row's own rate);
- neither: the tariff's prices;
- `more`: any other fields of the document, as a JSON object, so that every tariff can be written so.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from calls.costing.document import export, parse
from calls.costing.terms import Document
from calls.costing.values import DocumentError, Json, Problem, load_json
from calls.directory.spreadsheet import inert, line_of, read_rows

TEXTS = ("prefix", "destination", "class")
AMOUNTS = ("connection_charge", "rate", "initial_charge", "min_charge")
SECONDS = ("rate_unit_s", "initial_s", "increment_s")
PRICES = ("connection_charge", "rate", "rate_unit_s", "initial_s", "increment_s", "initial_charge", "min_charge")
MORE = "more"
NAMES = {"destination": "name"}  # of a column → of the document's field
PLACE = re.compile(r"prefixes\[([0-9]+)\]\.?(.*)")
BAND_PLACE = re.compile(r"bands\[([0-9]+)\]\.rate")
FEWEST_COLUMNS = ("prefix", "destination")

Row = tuple[int, dict[str, str]]
Fields = dict[str, Any]


def columns(document: Document) -> tuple[str, ...]:
    """The first line of a tariff's CSV."""
    return names_of(export(document).get("bands", []))


def names_of(bands: list[Fields]) -> tuple[str, ...]:
    return (*TEXTS, *PRICES, *band_columns(bands), MORE)


def write(document: Document) -> Iterator[str]:
    """A tariff's prefixes as CSV, a line at a time."""
    said = export(document)
    bands = said.get("bands", [])
    names = columns(document)
    yield line_of(names)
    for entry in said.get("prefixes", ()):
        row = row_of(entry, bands)
        yield line_of(inert(row.get(name, "")) for name in names)


def read(data: bytes, document: Document) -> Document:
    """The document with its prefixes from a CSV, all else as it is. Raises DocumentError, by line and column."""
    said = export(document)
    bands = said.get("bands", [])
    of_bands = band_columns(bands)
    try:
        rows = read_rows(data, FEWEST_COLUMNS, (*TEXTS, *PRICES, *of_bands, MORE))
    except ValueError as error:
        raise DocumentError([Problem("", str(error))]) from None
    problems: list[Problem] = []
    entries = [entry_of(row, bands, problems, line) for line, row in rows]
    try:
        read_document = parse({**said, "prefixes": entries})
    except DocumentError as error:
        problems = [*problems, *(_by_line(problem, rows, of_bands) for problem in error.problems)]
    if problems:
        raise DocumentError(problems)
    return read_document


def band_columns(bands: list[Fields]) -> dict[str, int]:
    """The rate column of each band, and its place. None where the names don't tell the bands apart."""
    names = [f"rate:{band['name'].lower()}" for band in bands]
    told_apart = len(set(names)) == len(names)
    return {name: index for index, name in enumerate(names)} if told_apart else {}


def row_of(entry: Fields, bands: list[Fields]) -> dict[str, str]:
    """The cells of one prefix, of a tariff with these bands. Empty ones are left out."""
    row = {"prefix": entry["prefix"], "destination": entry.get("name", ""), "class": entry.get("class", "")}
    more = {name: value for name, value in entry.items() if name not in {"prefix", "name", "class"}}
    for name in PRICES:
        if name != "rate" and more.get(name) is not None:
            row[name] = str(more.pop(name))
    rates = _rates(more, bands)
    if rates is not None:
        row |= rates
        more.pop("rate", None)
        more.pop("bands", None)
    if more:
        row[MORE] = as_json(more)
    return row


def _rates(fields: Fields, bands: list[Fields]) -> dict[str, str] | None:
    """The rates of a row, or None where columns can't say them."""
    own, of_bands = fields.get("bands"), band_columns(bands)
    rate = fields.get("rate")
    flat = {} if rate is None else {"rate": rate}
    if "rate" in fields and rate is None:
        return None
    if not bands or not of_bands:
        return flat if "bands" not in fields and not (bands and flat) else None
    if "bands" not in fields:
        return None if flat else {}
    if own == []:
        return flat or None
    if own is None or len(own) != len(bands) or any(band.get("rate") is None for band in own):
        return None
    if any({**band, "rate": mine["rate"]} != mine for band, mine in zip(bands, own, strict=True)):
        return None
    return flat | {name: own[index]["rate"] for name, index in of_bands.items()}


def entry_of(row: dict[str, str], bands: list[Fields], problems: list[Problem], line: int = 0) -> Fields:
    """One prefix of the document, from its cells; it is not checked."""
    columns = band_columns(bands)
    entry: Fields = {NAMES.get(name, name): row[name] for name in TEXTS if row.get(name)}
    entry["prefix"] = row["prefix"]
    entry |= {name: row[name] for name in AMOUNTS if row.get(name)}
    entry |= {name: _seconds(row[name]) for name in SECONDS if row.get(name)}
    more = _more(line, row.get(MORE, ""), problems)
    twice = sorted(more.keys() & entry.keys())
    problems += [Problem(_place(line, MORE), f"{name} has a column of its own") for name in twice]
    if any(row.get(name) for name in columns):
        rates = {index: row.get(name) or row.get("rate") for name, index in columns.items()}
        entry["bands"] = [_with_rate(band, rates[index]) for index, band in enumerate(bands)]
    elif bands and "rate" in entry and "bands" not in more:
        entry["bands"] = []
    return {**more, **entry}


def _with_rate(band: Fields, rate: str | None) -> Fields:
    fields = {name: value for name, value in band.items() if name != "rate"}
    return {**fields, "rate": rate} if rate else fields


def _seconds(text: str) -> Json:
    return int(text) if re.fullmatch("-?[0-9]{1,15}", text) else text


def _more(line: int, text: str, problems: list[Problem]) -> Fields:
    if not text:
        return {}
    try:
        more = load_json(text)
    except DocumentError as error:
        problems.append(Problem(_place(line, MORE), error.problems[0].reason))
        return {}
    if not isinstance(more, dict):
        problems.append(Problem(_place(line, MORE), 'it is not a JSON object such as {"free_s": 30}'))
        return {}
    return more


def by_column(problem: Problem, bands: list[Fields]) -> Problem:
    """A problem of the document's only prefix, told by its column."""
    return _by_line(problem, [(0, {})], band_columns(bands))


def as_json(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False)


def _by_line(problem: Problem, rows: list[Row], of_bands: dict[str, int]) -> Problem:
    """A problem of the document, told by the file's line and column."""
    found = PLACE.fullmatch(problem.place)
    if not found:
        return problem
    line, field = rows[int(found[1])][0], found[2]
    band = BAND_PLACE.fullmatch(field)
    fields = {value: name for name, value in NAMES.items()}
    if band:
        field = next(name for name, index in of_bands.items() if index == int(band[1]))
    elif field and field.split(".")[0].split("[")[0] not in {*PRICES, *TEXTS, "name"}:
        field = f"{MORE} ({field})"
    earlier = PLACE.search(problem.reason)
    reason = problem.reason
    if earlier:
        reason = reason.replace(earlier[0], f"line {rows[int(earlier[1])][0]}")
    return Problem(_place(line, fields.get(field, field)), reason.replace("at line", "in line"))


def _place(line: int, column: str) -> str:
    return ", ".join([*([f"Line {line}"] if line else []), *([column] if column else [])])
