"""Rows of Call, Leg and CallEvent in bulk: columns and types come from the models, the SQL is the driver's fastest.

In memory a row is a tuple of plain values: instants are epoch seconds, or epoch microseconds in the
fields of MICROSECOND_FIELDS. Encoding and decoding go column by column, which costs a third of row by row.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

Row = tuple[Any, ...]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLite's driver hands out naive UTC
MICROSECOND_FIELDS = frozenset({"received_at", "last_received_at", "stale_as_of"})
REMEMBERED_INSTANTS = 16_384
MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)

COPY_TYPES = {
    "BigAutoField": "int8",
    "BigIntegerField": "int8",
    "BinaryField": "bytea",
    "BooleanField": "bool",
    "CharField": "text",
    "DateTimeField": "timestamptz",
    "ForeignKey": "int8",
    "IntegerField": "int4",
    "OneToOneField": "int8",
    "SmallIntegerField": "int2",
    "TextField": "text",
}


@lru_cache(maxsize=REMEMBERED_INSTANTS)
def instant(at: int) -> datetime:
    return EPOCH + timedelta(seconds=at)


@lru_cache(maxsize=REMEMBERED_INSTANTS)
def precise_instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


@lru_cache(maxsize=REMEMBERED_INSTANTS)
def instant_text(at: int) -> str:
    return str(NAIVE_EPOCH + timedelta(seconds=at))


@lru_cache(maxsize=REMEMBERED_INSTANTS)
def precise_instant_text(at_us: int) -> str:
    return str(NAIVE_EPOCH + timedelta(microseconds=at_us))


def epoch_seconds(value: datetime) -> int:
    return (value - (EPOCH if value.tzinfo else NAIVE_EPOCH)) // SECOND


def epoch_microseconds(value: datetime) -> int:
    return (value - (EPOCH if value.tzinfo else NAIVE_EPOCH)) // MICROSECOND


class Columns:
    """Some columns of a model's table, in the order given by attribute names, for one database."""

    def __init__(self, connection: BaseDatabaseWrapper, model: type[models.Model], names: Sequence[str]) -> None:
        fields = {field.attname: field for field in model._meta.concrete_fields}
        chosen = [fields[name] for name in names]
        quote = connection.ops.quote_name
        self.connection = connection
        self.postgres = connection.vendor == "postgresql"
        self.table = quote(model._meta.db_table)
        self.names = list(names)
        self.quoted = [quote(str(field.column)) for field in chosen]
        self.list = ", ".join(self.quoted)
        self.copy_types = [COPY_TYPES[field.get_internal_type()] for field in chosen]
        times = [
            (place, name in MICROSECOND_FIELDS)
            for place, (name, field) in enumerate(zip(names, chosen, strict=True))
            if isinstance(field, models.DateTimeField)
        ]
        plain: Callable[[Any], Any] = instant if self.postgres else instant_text
        with_microseconds: Callable[[Any], Any] = precise_instant if self.postgres else precise_instant_text
        self._encoders = [(place, with_microseconds if precise else plain) for place, precise in times]
        if not self.postgres:  # SQLite's driver looks for an adapter of every bool
            self._encoders += [(place, int) for place, f in enumerate(chosen) if isinstance(f, models.BooleanField)]
        self._decoders: list[tuple[int, Callable[[Any], Any]]] = [
            (place, epoch_microseconds if precise else epoch_seconds) for place, precise in times
        ]
        self._decoders += [
            (place, bytes) for place, field in enumerate(chosen) if isinstance(field, models.BinaryField)
        ]

    def encode(self, rows: Sequence[Row]) -> Iterable[Row]:
        return _convert(rows, self._encoders)

    def decode(self, rows: Sequence[Row]) -> list[Row]:
        return list(_convert(rows, self._decoders))

    def insert(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        with self.connection.cursor() as cursor:
            if self.postgres:
                statement = f"COPY {self.table} ({self.list}) FROM STDIN (FORMAT BINARY)"
                # Django's cursor does not turn what copy raises into its own errors
                with self.connection.wrap_database_errors, cursor.copy(statement) as copy:
                    copy.set_types(self.copy_types)
                    write = copy.write_row
                    for row in self.encode(rows):
                        write(row)
            else:
                places = ", ".join(["%s"] * len(self.quoted))
                cursor.executemany(
                    f"INSERT INTO {self.table} ({self.list}) VALUES ({places})",  # noqa: S608
                    list(self.encode(rows)),
                )

    def upsert(self, rows: Sequence[Row], key: Sequence[str]) -> None:
        """Insert rows, or overwrite those that stand under the same `key` columns."""
        if not rows:
            return
        quote = self.connection.ops.quote_name
        keys = [quote(name) for name in key]
        places = ", ".join(["%s"] * len(self.quoted))
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.quoted if column not in keys)
        with self.connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {self.table} ({self.list}) VALUES ({places}) "  # noqa: S608
                f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}",
                list(self.encode(rows)),
            )

    def select(self, where: str, parameters: Sequence[Any]) -> list[Row]:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.list} FROM {self.table} WHERE {where}", parameters)  # noqa: S608
            return self.decode(cursor.fetchall())

    def select_in(
        self, column: str, values: Sequence[Any], where: str = "", parameters: Sequence[Any] = ()
    ) -> list[Row]:
        """Rows whose `column` is one of `values`, and that meet `where`."""
        if not values:
            return []
        quoted = self.connection.ops.quote_name(column)
        rest = f" AND {where}" if where else ""
        if self.postgres:
            return self.select(f"{quoted} = ANY(%s){rest}", [list(values), *parameters])
        rows: list[Row] = []
        for start in range(0, len(values), SQLITE_PLACES):
            part = values[start : start + SQLITE_PLACES]
            places = ", ".join(["%s"] * len(part))
            rows += self.select(f"{quoted} IN ({places}){rest}", [*part, *parameters])
        return rows


SQLITE_PLACES = 5_000


def _convert(rows: Sequence[Row], converters: Sequence[tuple[int, Callable[[Any], Any]]]) -> Iterable[Row]:
    if not rows or not converters:
        return rows
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for place, convert in converters:
        columns[place] = [None if value is None else convert(value) for value in columns[place]]
    return zip(*columns, strict=True)


def reserve_ids(connection: BaseDatabaseWrapper, model: type[models.Model], count: int) -> list[int]:
    """`count` fresh primary keys; on SQLite they are this transaction's as soon as rows are inserted with them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [key for (key,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = cursor.fetchone()
        first = (last[0] if last else 0) + 1
        return list(range(first, first + count))
