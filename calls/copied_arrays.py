"""Columns of values as Postgres' arrays in binary, of types that are known beforehand.

The driver's own way looks at each value for its type, which takes ten times as long, and half of a small batch's time.
The format is that of array_send in Postgres' src/backend/utils/adt/arrayfuncs.c: number of dimensions, whether there
are nulls, the elements' type, then length and lower bound, then each element after its length, -1 for a null.
"""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from struct import Struct, pack
from typing import Any
from weakref import WeakSet

from psycopg import Connection, adapters, pq
from psycopg.adapt import Dumper

HEAD = Struct("!iiIii")
LENGTH = Struct("!i").pack
NULL = LENGTH(-1)
NEVER_BY_ITSELF = 1 << 31


class Array:
    """One column, ready to be sent."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def _numbers(code: str, size: int) -> Callable[[Sequence[Any]], bytes]:
    one = Struct(f"!i{code}").pack
    both = f"i{code}"

    def elements(values: Sequence[Any]) -> bytes:
        if None in values:
            return b"".join([NULL if value is None else one(size, value) for value in values])
        return pack("!" + both * len(values), *chain.from_iterable(zip(repeat(size), values, strict=False)))

    return elements


def _texts(values: Sequence[str | None]) -> bytes:
    return _bytes([None if value is None else value.encode() for value in values])


def _bytes(values: Sequence[bytes | None]) -> bytes:
    return b"".join([NULL if value is None else LENGTH(len(value)) + value for value in values])


ELEMENTS: dict[str, Callable[[Sequence[Any]], bytes]] = {
    "bool": _numbers("?", 1),
    "bytea": _bytes,
    "float8": _numbers("d", 8),
    "int2": _numbers("h", 2),
    "int4": _numbers("i", 4),
    "int8": _numbers("q", 8),
    "text": _texts,
}


class _Sent(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Any) -> bytes:
        data: bytes = obj.data
        return data


DUMPERS: list[tuple[type[Array], type[Dumper]]] = []
_taught: WeakSet[Connection[Any]] = WeakSet()


def _array_type(name: str) -> Callable[[Sequence[Any]], Array]:
    info = adapters.types[name]
    element = info.oid
    kind = type(f"{name.capitalize()}Array", (Array,), {"__slots__": ()})
    DUMPERS.append((kind, type(f"{name.capitalize()}Dumper", (_Sent,), {"oid": info.array_oid})))
    elements = ELEMENTS[name]

    def array_of(values: Sequence[Any]) -> Array:
        sent: Array = kind(HEAD.pack(1, int(None in values), element, len(values), 1) + elements(values))
        return sent

    return array_of


ARRAYS: dict[str, Callable[[Sequence[Any]], Array]] = {name: _array_type(name) for name in ELEMENTS}
"""By the name of the elements' type; each takes at least one value. Raises struct.error for a number out of range."""


def teach(connection: Connection[Any]) -> None:
    """Have a connection take these arrays as parameters, and keep statements that it is told to `prepare`.

    Once for each is enough, and more does no harm.
    """
    if connection not in _taught:
        for kind, dumper in DUMPERS:
            connection.adapters.register_dumper(kind, dumper)
        if connection.prepare_threshold is None:  # Django's wish, by which the driver would prepare nothing
            connection.prepare_threshold = NEVER_BY_ITSELF
        _taught.add(connection)
