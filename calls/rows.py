"""Rows of Call, Leg and CallEvent in bulk: columns and types come from the models, the SQL is the driver's fastest.

In memory a row is a tuple of plain values: instants are epoch seconds, or epoch microseconds in the
fields of MICROSECOND_FIELDS.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary, proxy

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from calls.beside import beside

Row = tuple[Any, ...]

Question = tuple[str, Sequence[Any]]
"""A statement that reads, and its parameters."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLite's driver hands out naive UTC
MICROSECOND_FIELDS = frozenset({"received_at", "last_received_at", "stale_as_of", "first_at", "last_at"})
REMEMBERED_INSTANTS = 16_384
REMEMBERED_TEXTS = 4_096
SECOND_TEXTS = tuple(f"{second:02}" for second in range(60))
POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01
ROWS_AT_ONCE = 256
GIVEN_AT_ONCE = 256
WORTH_A_THREAD = 1_000  # rows that SQLite takes so long to write that another thread is of use
PLANNED_ANEW = 200  # values of an array
MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)

STORED = "timestamptz '2000-01-01 00:00:00+00' + {} * interval '1 microsecond'"  # what `copied` took apart
COPY_TYPES = {
    "BigAutoField": "int8",
    "BigIntegerField": "int8",
    "BinaryField": "bytea",
    "BooleanField": "bool",
    "CharField": "text",
    "DateTimeField": "int8",  # in binary a timestamptz is the microseconds since 2000, see `copied`
    "FloatField": "float8",
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


@lru_cache(maxsize=REMEMBERED_TEXTS)
def minute_text(minute: int) -> str:
    return str(NAIVE_EPOCH + timedelta(minutes=minute))[:-2]


@lru_cache(maxsize=REMEMBERED_TEXTS)
def instant_text(at: int) -> str:
    """An instant as SQLite's driver would write it; by the minute, as making a datetime takes ten times as long."""
    return minute_text(at // 60) + SECOND_TEXTS[at % 60]


@lru_cache(maxsize=REMEMBERED_TEXTS)
def precise_instant_text(at_us: int) -> str:
    at, rest = divmod(at_us, 1_000_000)
    return f"{instant_text(at)}.{rest:06}" if rest else instant_text(at)


def copied(at: int) -> int:
    """An instant as Postgres stores it; a datetime would be made first and taken apart by the driver, for each row."""
    return at * 1_000_000 - POSTGRES_EPOCH_US


def precisely_copied(at_us: int) -> int:
    return at_us - POSTGRES_EPOCH_US


def epoch_seconds(value: datetime) -> int:
    return (value - (EPOCH if value.tzinfo else NAIVE_EPOCH)) // SECOND


def epoch_microseconds(value: datetime) -> int:
    return (value - (EPOCH if value.tzinfo else NAIVE_EPOCH)) // MICROSECOND


_known: "WeakKeyDictionary[BaseDatabaseWrapper, dict[tuple[type[models.Model], tuple[str, ...]], Columns]]"
_known = WeakKeyDictionary()


def columns(using: str, model: type[models.Model], names: tuple[str, ...]) -> "Columns":
    """The `Columns` of this thread's connection, made once: to make them takes longer than to write a small batch."""
    connection = connections[using]
    known = _known.setdefault(connection, {})
    if (model, names) not in known:
        known[model, names] = Columns(proxy(connection), model, names)
    return known[model, names]


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
        plain: Callable[[int], Any] = copied if self.postgres else instant_text
        precise: Callable[[int], Any] = precisely_copied if self.postgres else precise_instant_text
        self._encoders: list[tuple[int, Callable[[Any], Any]]] = [
            (place, precise if is_precise else plain) for place, is_precise in times
        ]
        if not self.postgres:  # SQLite's driver looks for an adapter of every bool
            self._encoders += [(place, int) for place, f in enumerate(chosen) if isinstance(f, models.BooleanField)]
        self._decoders: list[tuple[int, Callable[[Any], Any]]] = [
            (place, epoch_microseconds if is_precise else epoch_seconds) for place, is_precise in times
        ]
        self._decoders += [
            (place, bytes) for place, field in enumerate(chosen) if isinstance(field, models.BinaryField)
        ]
        self._instants = frozenset(place for place, _ in times)
        self._statements: dict[tuple[Any, ...], str] = {}

    def encode(self, rows: Iterable[Row]) -> Iterator[list[Any]]:
        """Rows as the driver takes them fastest; on Postgres instants are then numbers, see `copied`."""
        return _convert(rows, self._encoders)

    def decode(self, rows: Iterable[Row]) -> list[Row]:
        return list(map(tuple, _convert(rows, self._decoders)))

    def insert(self, rows: Sequence[Row]) -> None:
        if rows:
            self._write(rows, ())

    @contextmanager
    def inserting(self, rows: Sequence[Row]) -> Iterator[None]:
        """Insert many rows while the block runs, which must not use the connection.

        Postgres goes on with them by itself; SQLite, which keeps this process's processor busy, in another thread.
        """
        if not self.postgres and len(rows) >= WORTH_A_THREAD:
            with beside(lambda: self.insert(rows)):
                yield
            return
        if not self.postgres or not rows:
            self.insert(rows)
            yield
            return
        statement = f"COPY {self.table} ({self.list}) FROM STDIN (FORMAT BINARY)"
        # Django's cursor does not turn what copy raises into its own errors
        with self.connection.cursor() as cursor, self.connection.wrap_database_errors, cursor.copy(statement) as copy:
            copy.set_types(self.copy_types)
            write = copy.write_row
            for row in self.encode(rows):
                write(row)
            yield

    def upsert(self, rows: Sequence[Row], key: Sequence[str], *, adds: bool = False) -> None:
        """Insert rows, or overwrite those that stand under the same `key` columns; of two under one the last holds.

        `adds`: the stored row's other columns grow by the given ones.
        """
        if rows:
            key_of = itemgetter(*(self.names.index(name) for name in key))
            self._write(list({key_of(row): row for row in rows}.values()), (*key, adds))

    def _write(self, rows: Sequence[Row], conflict: tuple[Any, ...]) -> None:
        self.connection.ensure_connection()
        with self.connection.wrap_database_errors:
            if self.postgres:
                self._write_arrays(rows, conflict)
            else:
                self._write_in_turns(rows, conflict)

    def _write_arrays(self, rows: Sequence[Row], conflict: tuple[Any, ...]) -> None:
        """One statement with an array for each column: it is read and planned once, however many rows there are."""
        statement = self._statements.get(conflict)
        if statement is None:
            arrays = ", ".join(f"${place}::{name}[]" for place, name in enumerate(self.copy_types, 1))
            names = [f"c{place}" for place in range(len(self.quoted))]
            values = ", ".join(STORED.format(c) if place in self._instants else c for place, c in enumerate(names))
            statement = self._statements[conflict] = (
                f"INSERT INTO {self.table} ({self.list}) SELECT {values} "  # noqa: S608
                f"FROM unnest({arrays}) AS given ({', '.join(names)}) {self._on_conflict(conflict)}"
            )
        given: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place, convert in self._encoders:
            given[place] = [None if value is None else convert(value) for value in given[place]]
        _execute_with_arrays(self.connection, statement, self.copy_types, given)

    def _write_in_turns(self, rows: Sequence[Row], conflict: tuple[Any, ...]) -> None:
        """Statements of up to ROWS_AT_ONCE rows: at each, and not at each row, other threads may take Python's lock.

        And the longer one takes, the more they do meanwhile.
        """
        execute = self.connection.connection.execute
        width = len(self.quoted)
        given = list(chain.from_iterable(rows))
        for place, convert in self._encoders:
            given[place::width] = [None if value is None else convert(value) for value in given[place::width]]
        begun, count = 0, ROWS_AT_ONCE
        while begun < len(rows):
            while count > len(rows) - begun:
                count //= 2
            statement = self._statements.get((count, *conflict))
            if statement is None:
                places = ", ".join([f"({', '.join('?' * width)})"] * count)
                statement = self._statements[count, *conflict] = (
                    f"INSERT INTO {self.table} ({self.list}) VALUES {places} {self._on_conflict(conflict)}"  # noqa: S608
                )
            execute(statement, given[begun * width : (begun + count) * width])
            begun += count

    def _on_conflict(self, conflict: tuple[Any, ...]) -> str:
        if not conflict:
            return ""
        *key, adds = conflict
        keys = [self.connection.ops.quote_name(name) for name in key]
        stored = f"{self.table}.{{0}} + " if adds else ""
        changes = ", ".join(
            f"{column} = {stored.format(column)}excluded.{column}" for column in self.quoted if column not in keys
        )
        return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"

    def question(self, where: str, parameters: Sequence[Any]) -> Question:
        """For `ask`; its answer is to be decoded."""
        return f"SELECT {self.list} FROM {self.table} WHERE {where}", parameters  # noqa: S608

    def condition_in(
        self, column: str, values: Sequence[Any], where: str, parameters: Sequence[Any]
    ) -> tuple[str, list[Any]]:
        """`where`, and `column` is one of `values`, with the parameters of both."""
        quoted = self.connection.ops.quote_name(column)
        if self.postgres:
            return f"{quoted} = ANY(%s) AND {where}", [list(values), *parameters]
        return f"{quoted} IN ({', '.join(['%s'] * len(values))}) AND {where}", [*values, *parameters]

    def select(self, where: str, parameters: Sequence[Any]) -> list[Row]:
        with self.connection.cursor() as cursor:
            cursor.execute(*self.question(where, parameters))
            return self.decode(cursor.fetchall())

    def select_in(
        self, column: str, values: Sequence[Any], where: str = "TRUE", parameters: Sequence[Any] = ()
    ) -> list[Row]:
        """Rows whose `column` is one of `values`, and that meet `where`."""
        step = max(len(values), 1) if self.postgres else SQLITE_PLACES
        rows: list[Row] = []
        for start in range(0, len(values), step):
            rows += self.select(*self.condition_in(column, values[start : start + step], where, parameters))
        return rows


SQLITE_PLACES = 5_000


def _execute_with_arrays(
    connection: BaseDatabaseWrapper, statement: str, types: Iterable[str], given: Iterable[Sequence[Any]]
) -> None:
    import psycopg  # noqa: PLC0415 - a driver that SQLite's users don't need

    from calls.copied_arrays import ARRAYS, teach  # noqa: PLC0415

    teach(connection.connection)
    arrays = [ARRAYS[name](column) for name, column in zip(types, given, strict=True)]
    execute = psycopg.RawCursor(connection.connection).execute
    execute(statement.encode(), arrays, prepare=keeps_statements(connection))


def run_given(connection: BaseDatabaseWrapper, statement: str, types: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Run a statement that has these rows as a table `given`: its columns' names with their types (ARRAYS; "instant").

    On SQLite it runs for up to GIVEN_AT_ONCE rows at a time.
    """
    if not rows:
        return
    connection.ensure_connection()
    names, given = ", ".join(types), list(zip(*rows, strict=True))
    is_postgres = connection.vendor == "postgresql"
    convert = copied if is_postgres else instant_text
    for place, name in enumerate(types.values()):
        if name == "instant":
            given[place] = tuple(map(convert, given[place]))
    with connection.wrap_database_errors:
        if is_postgres:
            known = ["int8" if name == "instant" else name for name in types.values()]
            arrays = ", ".join(f"${place}::{name}[]" for place, name in enumerate(known, 1))
            plain = [f"c{place}" for place in range(len(known))]
            values = [
                STORED.format(c) if name == "instant" else c for c, name in zip(plain, types.values(), strict=True)
            ]
            chosen = f"SELECT {', '.join(values)} FROM unnest({arrays}) AS u ({', '.join(plain)})"  # noqa: S608
            _execute_with_arrays(connection, f"WITH given ({names}) AS ({chosen}) {statement}", known, given)
        else:
            converted, row = list(zip(*given, strict=True)), f"({', '.join('?' * len(types))})"
            begun, count = 0, GIVEN_AT_ONCE
            while begun < len(converted):
                while count > len(converted) - begun:
                    count //= 2
                places = ", ".join([row] * count)
                part = chain.from_iterable(converted[begun : begun + count])
                connection.connection.execute(f"WITH given ({names}) AS (VALUES {places}) {statement}", tuple(part))
                begun += count


def _convert(rows: Iterable[Row], converters: Sequence[tuple[int, Callable[[Any], Any]]]) -> Iterator[list[Any]]:
    for row in rows:
        converted = list(row)
        for place, convert in converters:
            value = converted[place]
            if value is not None:
                converted[place] = convert(value)
        yield converted


_SETTINGS = "set_config('transaction_timeout', '30s', true), set_config('enable_seqscan', 'off', true)"
BOUND: Question = (f"SELECT {_SETTINGS}", ())
"""Asked first in a transaction whose statements go out without waiting: while its process is frozen between two of them
Postgres takes it for busy, not for idle, and would keep its locks for ever. And there is an index for whatever a batch
asks, which a plan that was made of an empty table, and is kept while it grows, would do without."""
BOUNDED_SINCE = 170_000  # the version of Postgres


def may_go_without_waiting(connection: BaseDatabaseWrapper) -> bool:
    """Whether this is a Postgres that can put a bound on such a transaction."""
    if connection.vendor != "postgresql":
        return False
    connection.ensure_connection()
    return bool(connection.connection.info.server_version >= BOUNDED_SINCE)


@contextmanager
def without_waiting(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Send Postgres each statement of this block without waiting for its answer; an error is raised by the block's end.

    The block must not use what a statement answers, and no COPY.
    """
    if not may_go_without_waiting(connection):
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def ask(connection: BaseDatabaseWrapper, questions: Sequence[Question], *, at_once: bool = False) -> list[list[Row]]:
    """The rows that answer each question, in their order. `at_once`: in one go where Postgres can, BOUND first."""
    if at_once and may_go_without_waiting(connection):
        return _ask_at_once(connection, questions)
    with ExitStack() as stack:
        cursors = [stack.enter_context(connection.cursor()) for _ in questions]
        for cursor, (statement, parameters) in zip(cursors, questions, strict=True):
            cursor.execute(statement, parameters)
        return [cursor.fetchall() for cursor in cursors]


def _ask_at_once(connection: BaseDatabaseWrapper, questions: Sequence[Question]) -> list[list[Row]]:
    """By the driver's own cursors: a batch asks the same each time, and Postgres keeps what it made of it.

    Not of a question with a long array: of a table that was empty when a plan was made, each of a load's batches read
    all there was by then, until the table was next analysed.
    """
    import psycopg  # noqa: PLC0415

    from calls.copied_arrays import teach  # noqa: PLC0415

    teach(connection.connection)
    cursors = [psycopg.Cursor(connection.connection) for _ in questions]
    keeps = keeps_statements(connection)
    with without_waiting(connection):
        for cursor, (statement, parameters) in zip(cursors, questions, strict=True):
            is_long = any(isinstance(one, list) and len(one) > PLANNED_ANEW for one in parameters)
            cursor.execute(statement.encode(), parameters or None, prepare=keeps and not is_long)
    return [cursor.fetchall() for cursor in cursors]


def keeps_statements(connection: BaseDatabaseWrapper) -> bool:
    """Whether Postgres may keep plans: a pooler that lends a connection for one transaction can't, and has a setting
    of Django's that says so."""
    return not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def fresh_keys(model: type[models.Model], count: int) -> Question:
    """The question for `count` fresh primary keys, of Postgres."""
    statement = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return statement, [model._meta.db_table, count]


def reserve_ids(connection: BaseDatabaseWrapper, model: type[models.Model], count: int) -> list[int]:
    """`count` fresh primary keys; on SQLite they are this transaction's as soon as rows are inserted with them."""
    if connection.vendor == "postgresql":
        (keys,) = ask(connection, [fresh_keys(model, count)])
        return [key for (key,) in keys]
    (last,) = ask(connection, [("SELECT seq FROM sqlite_sequence WHERE name = %s", [model._meta.db_table])])
    first = (last[0][0] if last else 0) + 1
    return list(range(first, first + count))
