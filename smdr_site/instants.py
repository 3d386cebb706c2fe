"""Instants from Postgres read by Python's own parser: Django's way has the driver match each with an expression, five
times as slow, which is most of what a few hundred rows take.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def read_quickly(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Of a connection that was just made. Its time zone is UTC, as Django asks for it."""
    if connection.vendor == "postgresql" and connection.timezone is UTC:
        connection.connection.adapters.register_loader("timestamptz", _loader())


@cache
def _loader() -> type:
    from django.db.backends.postgresql.psycopg_any import BaseTzLoader  # noqa: PLC0415 - only where it is the database

    class InstantLoader(BaseTzLoader):
        timezone = UTC  # each cursor looks at it, and would take Django's if it were another

        def load(self, data: Any) -> datetime:
            try:
                return datetime.fromisoformat(str(data, "ascii"))
            except ValueError:  # written in a style of the server's own, or no instant that Python knows
                said: datetime = super().load(data)
                return said

    return InstantLoader
