"""Lines of CSV that the database joins itself: ten times as fast as cells that Python reads one by one.

A cell is what docs/call-model.md's record has, as `calls.download.cell` writes it. The database joins a row's cells by
a separator that no sound cell holds. Where a page holds neither what CSV has to quote nor what a spreadsheet would take
for a formula, it becomes CSV by one replacement; rows that do are taken apart and written with care. All of this must
equal what `calls.plain_rows` leads to, and falls back on it.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField, Expression, F, Func, Q, Value
from django.db.models.functions import Cast, Coalesce

from calls.directory.models import Extension, Trunk
from calls.directory.spreadsheet import inert
from calls.export import CALL_FIELDS
from calls.models import Call
from calls.plain_rows import BY_KEY, FIELDS, INSTANTS, NAMES, contacts_of, names_of
from calls.querysets import CallQuerySet
from calls.records import Flag

CHUNK = 4_000
NAMED = ("feed_id", "extension", "handled_by", "trunk", "number_e164")  # what NAMES are names of
CELL, ROW, PLUS = "\x1f", "\x1e", "\x1d"  # between cells; between rows; for the quoted + that E.164 begins with
RISKY = re.compile(f"[{CELL}{ROW}](?:['=+\\-@\uff1d\uff0b\uff0d\uff20]|[^\\S{PLUS}{ROW}{CELL}])")  # inert decides
START = frozenset("'=+-@ \t\uff1d\uff0b\uff0d\uff20")
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


def lines(calls: CallQuerySet) -> Iterator[tuple[str, list[int]]]:
    """Pages of CSV without a head, newest first, with their calls' keys; of calls from whom no digits are hidden.

    Text is empty for a page that the caller has to write by way of `calls.plain_rows`.
    """
    devices, trunks = names_of(Extension), names_of(Trunk)
    found = (
        calls.order_by("-started_at", "-pk")
        .annotate(line=Joined(*_cells()), at_text=Cast("started_at", CharField()))
        .values_list("pk", "at_text", "line", *NAMED)
    )
    after = Q()
    while rows := list(found.filter(after)[:CHUNK]):
        contacts = contacts_of({row[-1] for row in rows})
        joined = [
            f"{line}{CELL}{devices.get((feed, extension), '')}{CELL}{devices.get((feed, handler), '')}"
            f"{CELL}{trunks.get((feed, trunk), '')}{CELL}{contacts.get(number, '')}"
            for _, _, line, feed, extension, handler, trunk, number in rows
        ]
        yield _csv(ROW.join(joined), len(rows)), [row[0] for row in rows]
        if len(rows) < CHUNK:
            return
        pk, last, *_ = rows[-1]
        at = datetime.fromisoformat(last)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        after = Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk))


def _csv(text: str, rows: int) -> str:
    is_sound = (text.count(CELL), text.count(ROW)) == (rows * (len(FIELDS) - 1), rows - 1)
    if not is_sound or text.count(PLUS) != text.count(CELL + PLUS):
        return ""
    if _is_odd(text):
        return "".join(_row(row) if _is_odd(row) else _plain(row) + "\r\n" for row in text.split(ROW))
    return _plain(text) + "\r\n"


def _is_odd(text: str) -> bool:
    quoted = "," in text or '"' in text or "\n" in text or "\r" in text
    return quoted or text[:1] in START or RISKY.search(text) is not None


def _plain(text: str) -> str:
    return text.replace(CELL, ",").replace(ROW, "\r\n").replace(PLUS, "'+")


def _row(row: str) -> str:
    cells = row.replace(PLUS, "+").split(CELL)
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        inert(value) if name in TEXTS else value for name, value in zip(FIELDS, cells, strict=True)
    )
    return buffer.getvalue()
