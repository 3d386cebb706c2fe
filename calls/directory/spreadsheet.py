"""The directory as CSV, out and in. Coming in is a dry run first, and all or nothing."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from auditlog.context import disable_auditlog
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ForeignKey

from calls.directory.models import (
    AccountCode,
    Carrier,
    Contact,
    Department,
    Did,
    DirectoryRevision,
    Extension,
    Feed,
    Named,
    NamedOnce,
    Trunk,
)

MAX_BYTES = 2_000_000  # what is applied comes back as a form's text, of which Django takes 2.5 MB
# OWASP, CSV injection; the last four are full-width. What already has an apostrophe before it gets one more, so that
# `alive` finds what `inert` was given.
FORMULA = re.compile("'*\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One section of the directory as a table: `key` columns find the row, `columns` are set."""

    model: type[Named]
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def header(self) -> tuple[str, ...]:
        return self.key + self.columns


SHEETS = {
    "extensions": Sheet(Extension, ("feed", "number"), ("name", "kind", "department")),
    "trunks": Sheet(Trunk, ("feed", "number"), ("name", "carrier", "outside_prefix", "area_code")),
    "dids": Sheet(Did, ("feed", "number"), ("name", "department")),
    "account-codes": Sheet(AccountCode, ("code",), ("name",)),
    "contacts": Sheet(Contact, ("number_e164",), ("name",)),
    "departments": Sheet(Department, ("name",), ()),
    "carriers": Sheet(Carrier, ("name",), ()),
}
REFERENCES: dict[str, type[Named]] = {"feed": Feed, "department": Department, "carrier": Carrier}
MADE_WHEN_MISSING = {"department", "carrier"}


@dataclass(slots=True)
class Plan:
    """What an import would do. With any error it does nothing."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    errors: list[str] = field(default_factory=list)


def inert(value: str) -> str:
    """Text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{value}" if FORMULA.match(value) else value


def alive(value: str) -> str:
    """What `inert` was given."""
    return value[1:] if value.startswith("'") and FORMULA.match(value[1:]) else value


def write(section: str) -> Iterator[str]:
    """The section's CSV, a line at a time."""
    sheet = SHEETS[section]
    references = [name for name in sheet.header if name in REFERENCES]
    rows = sheet.model._default_manager.select_related(*references).order_by("pk")
    yield line_of(sheet.header)
    for row in rows.iterator(chunk_size=2_000):
        yield line_of(inert(_shown(row, name)) for name in sheet.header)


def load(section: str, data: bytes, *, dry_run: bool) -> Plan:
    """Take in a CSV of the section; with `dry_run`, or any error, nothing is kept. Errors name line, column and why."""
    plan = Plan()
    try:
        rows = read_rows(data, SHEETS[section].header)
    except ValueError as error:
        plan.errors.append(str(error))
        return plan
    with transaction.atomic(), disable_auditlog():
        touched = _apply(SHEETS[section], rows, plan)
        if dry_run or plan.errors:
            transaction.set_rollback(True)
        elif touched:
            DirectoryRevision.advance()
    if touched and not (dry_run or plan.errors):
        LogEntry.objects.log_create(
            touched[0],
            force_log=True,
            action=LogEntry.Action.UPDATE,
            changes={"import": [section, f"{len(plan.added)} added, {len(plan.changed)} changed"]},
        )
    return plan


def _apply(sheet: Sheet, rows: Iterable[tuple[int, dict[str, str]]], plan: Plan) -> list[Named]:
    touched: list[Named] = []
    seen: dict[tuple[str, ...], int] = {}
    references: dict[tuple[str, str], Named] = {}
    for line, row in rows:
        try:
            values = {name: _value(sheet, name, text, references) for name, text in row.items()}
            key = tuple(_key_text(sheet, name, values[name]) for name in sheet.key)
            if key in seen:
                raise ValidationError(f"the same entry as line {seen[key]}.")
            seen[key] = line
            found = _found(sheet, {name: values[name] for name in sheet.key})
            entry = found or sheet.model(**{name: values[name] for name in sheet.key})
            before = {name: getattr(entry, name) for name in sheet.columns}
            for name in sheet.columns:
                setattr(entry, name, values[name])
            if found and all(before[name] == values[name] for name in sheet.columns):
                plan.unchanged += 1
                continue
            entry.full_clean()
            entry.save()
        except ValidationError as error:
            plan.errors += [f"Line {line}: {message}" for message in _messages(error)]
            continue
        touched.append(entry)
        (plan.changed if found else plan.added).append(str(entry))
    return touched


def _named_once(sheet: Sheet) -> bool:
    return issubclass(sheet.model, NamedOnce)


def _key_text(sheet: Sheet, name: str, value: Any) -> str:
    text = str(value.pk) if isinstance(value, Named) else str(value)
    return text.casefold() if _named_once(sheet) else text


def _found(sheet: Sheet, key: dict[str, Any]) -> Named | None:
    """The row that a key means: what is unique whatever its capitals is found so."""
    lookup = "__iexact" if _named_once(sheet) else ""
    return sheet.model._default_manager.filter(**{f"{name}{lookup}": value for name, value in key.items()}).first()


def _value(sheet: Sheet, name: str, text: str, references: dict[tuple[str, str], Named]) -> Any:
    if name == "number_e164":
        return Contact.read_number(text)
    model: Any = REFERENCES.get(name)
    if model is None or not isinstance(sheet.model._meta.get_field(name), ForeignKey):
        return text
    if not text:
        if name == "feed":
            raise ValidationError({name: "is missing."})
        return None
    known = references.get((name, text.casefold())) or model._default_manager.filter(name__iexact=text).first()
    if known is None:
        if name not in MADE_WHEN_MISSING:
            raise ValidationError({name: f"there is no {name} named “{text}”."})
        known = model(name=text)
        try:
            known.full_clean()
        except ValidationError as error:
            raise ValidationError({name: error.messages}) from None
        known.save()
    references[name, text.casefold()] = known
    return known


def read_rows(
    data: bytes, wanted: tuple[str, ...], known: Collection[str] | None = None
) -> list[tuple[int, dict[str, str]]]:
    """Line number and values of each row of a CSV, by the names of its first line in lower case.

    The columns `wanted` must be there; others are left out, or, where they are not among `known`, refused. Raises
    ValueError for a file that is no such table.
    """
    text = _text(data)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(name.strip().lower() for name in reader.fieldnames or ())
    except csv.Error as error:
        raise ValueError(f"Line 1: {error}.") from None
    missing = [name for name in wanted if name not in header]
    if missing:
        should_be = ",".join(wanted)
        raise ValueError(f"The first line lacks the column {', '.join(missing)}. It should be: {should_be}")
    if len(set(header)) < len(header):
        raise ValueError("The first line names a column twice.")
    unknown = [] if known is None else [name for name in header if name not in known]
    if known is not None and unknown:
        raise ValueError(f"The first line has a column “{unknown[0]}”; it may have: {', '.join(known)}")
    kept = wanted if known is None else header
    reader.fieldnames = list(header)
    rows = []
    try:
        for row in reader:
            if None in row:
                raise ValueError(f"Line {reader.line_num}: more columns than the first line has.")
            if None in row.values():
                raise ValueError(f"Line {reader.line_num}: fewer columns than the first line has.")
            rows.append((reader.line_num, {name: alive((row[name] or "").strip()) for name in kept}))
    except csv.Error as error:
        raise ValueError(f"Line {reader.reader.line_num}: {error}.") from None
    return rows


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ValueError(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"The file is not UTF-8 text (byte {error.start}). Save it as CSV UTF-8.") from None
    if "\0" in text:
        raise ValueError(
            f"Line {text[: text.index(chr(0))].count(chr(10)) + 1}: a NUL character. Save it as CSV UTF-8."
        )
    return text


def _messages(error: ValidationError) -> Iterator[str]:
    if hasattr(error, "error_dict"):
        for name, messages in error.message_dict.items():
            for message in messages:
                yield message if name == "__all__" else f"{name}: {message}"
    else:
        yield from error.messages


def _shown(row: Named, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else getattr(value, "name", str(value))


def line_of(values: Iterable[str]) -> str:
    """One line of CSV, its end included."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()
