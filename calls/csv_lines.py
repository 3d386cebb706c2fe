"""Lines of CSV that the database joins itself: ten times as fast as cells that Python reads one by one.

A cell is what docs/call-model.md's record has, as `calls.download.cell` writes it. The database joins a row's cells by
a separator that no sound cell holds. Where a page holds neither what CSV has to quote nor what a spreadsheet would take
for a formula, it becomes CSV by one replacement; rows that do are taken apart and written with care. All of this must
equal what `calls.plain_rows` leads to, and falls back on it.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField, Expression, F, Func, Q, Value
from django.db.models.functions import Cast, Coalesce

from calls.access import Scope
from calls.directory.models import Extension, Trunk
from calls.directory.spreadsheet import inert
from calls.export import CALL_FIELDS
from calls.models import Call
from calls.plain_rows import BY_KEY, FIELDS, INSTANTS, NAMES, Contacts, Remembered, names_of
from calls.querysets import CallQuerySet
from calls.records import Flag

CHUNK = 4_000
NAMED = ("feed_id", "extension", "handled_by", "trunk")  # what NAMES are names of, beside the number
PRIVATE = ("number_raw", "number", "number_e164", "contact_name")  # what hides digits, side by side in CALL_FIELDS
CELL, ROW, PLUS = "\x1f", "\x1e", "\x1d"  # between cells; between rows; for the quoted + that E.164 begins with
RISKY = re.compile(f"[{CELL}{ROW}](?:['=+\\-@\uff1d\uff0b\uff0d\uff20]|[^\\S{PLUS}{ROW}{CELL}])")  # inert decides
RISKY_START = {byte for char in "'=+-@\uff1d\uff20" for byte in char.encode()[:1]} | {
    chr(code).encode()[0] for code in range(0x3001) if chr(code).isspace() and chr(code) not in {CELL, ROW, PLUS}
}
BEFORE, RISK = b"<", b"!"
CLASSES = bytes(  # of each byte of UTF-8: what a cell follows, what RISKY may be about, and the rest
    ord(BEFORE) if byte in (CELL + ROW).encode() else ord(RISK) if byte in RISKY_START else 0 for byte in range(256)
)
NO_TEXTS = {*INSTANTS, "cost", "recharge", "flags", "destination_class", "direction", "state", "outcome", "currency"}
TEXTS = frozenset(
    name
    for name in FIELDS
    if name not in NO_TEXTS
    and (name in {*BY_KEY, *NAMES} or Call._meta.get_field(name).get_internal_type() == "CharField")
)


class Instant(Func):
    """ISO 8601 with a Z."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="replace(substr(%(expressions)s, 1, 19), ' ', 'T') || 'Z'")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
        return self.as_sql(compiler, connection, template=template)


class Joined(Func):
    """The cells of a row; a value that there is not is an empty cell."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        form = CELL.join(["%%%%s"] * len(self.source_expressions))
        return self.as_sql(compiler, connection, template=f"printf('{form}', %(expressions)s)")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"concat_ws('{CELL}', %(expressions)s)")


class Sql(Func):
    """A piece of SQL that both databases read, of one column."""

    output_field = CharField()


def _text(expression: Any) -> Expression:
    return Coalesce(Cast(expression, CharField()), Value(""))


def _amount(name: str) -> Expression:
    """Millionths as money.exact writes them."""
    digits = "substr(CAST(1000000 + abs(%(expressions)s) %%%% 1000000 AS text), 2)"
    template = (
        "CASE WHEN %(expressions)s < 0 THEN '-' ELSE '' END || CAST(abs(%(expressions)s) / 1000000 AS text) || '.' || "
        f"CASE WHEN %(expressions)s %%%% 10000 = 0 THEN substr({digits}, 1, 2) ELSE rtrim({digits}, '0') END"
    )
    return _text(Sql(F(name), template=template))


def _flags() -> Expression:
    parts = " || ".join(
        f"CASE WHEN %(expressions)s & {int(flag)} > 0 THEN '{' '.join(flag.names())} ' ELSE '' END" for flag in Flag
    )
    return Sql(F("flags"), template=f"CASE WHEN %(expressions)s = 0 THEN '' ELSE rtrim({parts}) END")


def _cells() -> list[Any]:
    version = Sql(
        F("tariff_version__tariff__name"), F("tariff_version__number"), arg_joiner=" || ' v' || ",
        template="%(expressions)s",
    )  # fmt: skip
    e164 = (
        f"CASE WHEN substr(%(expressions)s, 1, 1) = '+' THEN '{PLUS}' || substr(%(expressions)s, 2) "
        "ELSE %(expressions)s END"
    )
    by_name: dict[str, Any] = {
        "feed": F("feed__name"),
        "department": _text(F("department__name")),
        "destination": _text(F("destination__name")),
        "destination_class": _text(F("destination__charge_class")),
        "tariff_version": _text(version),
        "number_e164": Sql(F("number_e164"), template=e164),
        "flags": _flags(),
        "cost": _amount("cost"),
        "recharge": _amount("recharge"),
        **{name: _text(Instant(F(name))) for name in INSTANTS},
    }
    truth = "CASE WHEN %(expressions)s THEN 'true' ELSE 'false' END"
    for name in CALL_FIELDS:
        if name not in by_name:
            field = Call._meta.get_field(name)
            if field.get_internal_type() == "BooleanField":
                by_name[name] = Sql(F(name), template=truth)
            else:
                by_name[name] = _text(F(name)) if field.null else F(name)
    return [by_name[name] for name in CALL_FIELDS]


def lines(calls: CallQuerySet, scope: Scope) -> Iterator[tuple[str, list[int]]]:
    """Pages of CSV without a head, newest first, with their calls' keys; what the scope hides of numbers is hidden.

    Text is empty for a page that the caller has to write by way of `calls.plain_rows`.
    """
    row_texts = _hiding(scope) if scope.masked_digits else _whole()
    cells, private = _cells(), CALL_FIELDS.index(PRIVATE[0])
    if scope.masked_digits:
        joined = {"line": Joined(*cells[:private]), "rest": Joined(*cells[private + len(PRIVATE) :])}
    else:
        joined = {"line": Joined(*cells)}
    found = calls.order_by("-started_at", "-pk").annotate(**joined, at_text=Cast("started_at", CharField()))
    read = found.values_list("pk", "at_text", *joined, *(PRIVATE if scope.masked_digits else ("number_e164",)), *NAMED)
    after = Q()
    while rows := list(read.filter(after)[:CHUNK]):
        yield _csv(ROW.join(row_texts(rows)), len(rows)), [row[0] for row in rows]
        if len(rows) < CHUNK:
            return
        pk, last, *_ = rows[-1]
        at = datetime.fromisoformat(last)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        after = Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk))


Rows = list[tuple[Any, ...]]


def _whole() -> Callable[[Rows], list[str]]:
    """Cells of rows, the names of what they number after those that the database joined."""
    devices, trunks, known = names_of(Extension), names_of(Trunk), Contacts()

    def texts(rows: Rows) -> list[str]:
        contacts = known.of(row[3] for row in rows)
        return [
            f"{line}{CELL}{devices.get((feed, extension), '')}{CELL}{devices.get((feed, handler), '')}"
            f"{CELL}{trunks.get((feed, trunk), '')}{CELL}{contacts.get(number, '')}"
            for _, _, line, number, feed, extension, handler, trunk in rows
        ]

    return texts


def _hiding(scope: Scope) -> Callable[[Rows], list[str]]:
    """The same where digits are hidden: the cells that may hold some come by themselves, between those joined."""
    devices, trunks, known = names_of(Extension), names_of(Trunk), Contacts()
    mask, mask_name = Remembered(scope.mask), Remembered(scope.mask_name)
    mask_e164 = Remembered(lambda number: PLUS + scope.mask(number)[1:] if number[:1] == "+" else scope.mask(number))

    def texts(rows: Rows) -> list[str]:
        contacts = known.of(row[6] for row in rows)
        return [
            f"{line}{CELL}{mask[raw]}{CELL}{mask[number]}{CELL}{mask_e164[e164]}{CELL}{mask_name[name]}{CELL}{rest}"
            f"{CELL}{devices.get((feed, extension), '')}{CELL}{devices.get((feed, handler), '')}"
            f"{CELL}{trunks.get((feed, trunk), '')}{CELL}{mask_name[contacts.get(e164, '')]}"
            for _, _, line, rest, raw, number, e164, name, feed, extension, handler, trunk in rows
        ]

    return texts


def _csv(text: str, rows: int) -> str:
    is_sound = (text.count(CELL), text.count(ROW)) == (rows * (len(FIELDS) - 1), rows - 1)
    if not is_sound or text.count(PLUS) != text.count(CELL + PLUS):
        return ""
    if _is_odd(text):
        return "".join(_row(row) if _is_odd(row) else _plain(row) + "\r\n" for row in text.split(ROW))
    return _plain(text) + "\r\n"


def _is_odd(text: str) -> bool:
    """Whether a cell has to be quoted, or may have to be made inert. Bytes tell all but a few pages apart at once."""
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return True
    text = ROW + text
    return BEFORE + RISK in text.encode().translate(CLASSES) and RISKY.search(text) is not None


def _plain(text: str) -> str:
    return text.replace(CELL, ",").replace(ROW, "\r\n").replace(PLUS, "'+")


def _row(row: str) -> str:
    cells = row.replace(PLUS, "+").split(CELL)
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        inert(value) if name in TEXTS else value for name, value in zip(FIELDS, cells, strict=True)
    )
    return buffer.getvalue()
