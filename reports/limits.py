"""How long a report may take: those that read the calls themselves are stopped in time, and say so.

Postgres stops a statement that would end later (statement_timeout), SQLite is asked whether to go on while it works.
What is left of the time is told anew before each statement; nobody else waits meanwhile: a report only reads.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import OperationalError, connection, transaction

STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine: about a millisecond
# Of Postgres: a report locks nothing, and may reckon between two statements; so that groups need not go to the disk.
PREPARED = """
SELECT set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')) / 1024, 32768) || 'kB', true)
"""
STOPPED = ("canceling statement due to statement timeout", "interrupted")

P = ParamSpec("P")
T = TypeVar("T")

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)
_is_for_a_file: ContextVar[bool] = ContextVar("is_for_a_file", default=False)


class TooLongError(Exception):
    """The report would take longer than it may; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            f"This takes longer than {_allowed()} seconds, so it was stopped. Ask for a shorter period,"
            " or take filters off: without them sums kept by day and month can answer."
        )


def _allowed() -> int:
    seconds: int = settings.EXPORT_SECONDS if _is_for_a_file.get() else settings.REPORT_SECONDS
    return seconds


@contextmanager
def for_a_file() -> Iterator[None]:
    """In this block reports may take EXPORT_SECONDS: nobody waits at a page for them."""
    token = _is_for_a_file.set(True)
    try:
        yield
    finally:
        _is_for_a_file.reset(token)


def within_time(work: Callable[P, T]) -> Callable[P, T]:
    """`work`, which raises TooLongError when its time is over, REPORT_SECONDS. What it calls shares its time."""

    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        if _ends_at.get() is not None:
            return work(*args, **kwargs)
        with _limit(_allowed()):
            return work(*args, **kwargs)

    return limited


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        with _stopping_on_postgres() if connection.vendor == "postgresql" else _stopping_on_sqlite():
            yield
    except OperationalError as error:
        if any(words in str(error) for words in STOPPED):
            raise TooLongError from error
        raise
    finally:
        _ends_at.reset(token)


def in_time(rows: Iterable[T]) -> Iterator[T]:
    """The rows, for as long as the report at work may go on. Raises TooLongError."""
    for row in rows:
        left()
        yield row


def left() -> float:
    """Seconds that the report at work may still take. Raises TooLongError when there are none."""
    ends_at = _ends_at.get()
    seconds = float("inf") if ends_at is None else ends_at - time.monotonic()
    if seconds <= 0:
        raise TooLongError
    return seconds


@contextmanager
def _stopping_on_postgres() -> Iterator[None]:
    def execute(run: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        milliseconds = max(int(left() * 1000), 1)
        connection.connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        return run(sql, parameters, many, context)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(PREPARED)
        with connection.execute_wrapper(execute):
            yield


@contextmanager
def _stopping_on_sqlite() -> Iterator[None]:
    ends_at = _ends_at.get() or 0.0

    def execute(run: Callable[..., Any], *statement: Any) -> Any:
        left()
        return run(*statement)

    connection.ensure_connection()
    driver = connection.connection
    driver.set_progress_handler(lambda: time.monotonic() > ends_at, STEPS_BETWEEN_LOOKS)
    try:
        with connection.execute_wrapper(execute):
            yield
    finally:
        driver.set_progress_handler(None, 0)
