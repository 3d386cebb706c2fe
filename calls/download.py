"""The calls of a selection as a file: CSV or JSON, all of it and not only a page, streamed as it is read.

A file is an iterator of parts. Each is made when the client has taken the one before, so that a file of any length
holds little memory and no transaction.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse

from calls.access import Scope
from calls.csv_lines import lines
from calls.directory.spreadsheet import inert
from calls.harmless import json_line
from calls.plain_rows import FIELDS, Page, Remembered, legs_of, pages
from calls.querysets import CallQuerySet

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
NEVER_FORMULAS = {
    "direction", "state", "outcome", "started_at", "answered_at", "handled_at", "ended_at", "destination_class",
    "cost", "recharge", "currency", "cost_status",
}  # fmt: skip


class Flow(Protocol):
    """The way to the client; smdr_site/wire.py has Daphne's."""

    async def room(self) -> None:
        """Until the client has taken most of what was sent."""

    def close(self) -> None: ...


async def streamed(parts: Iterator[str], flow: Flow | None) -> AsyncIterator[str]:
    """Under ASGI only an asynchronous stream leaves while it is being made; its parts are made in a thread."""
    following = sync_to_async(partial(next, parts, None))
    try:
        while (part := await following()) is not None:
            yield part
            if flow:
                await flow.room()
    finally:
        if flow:
            flow.close()


def as_download(request: HttpRequest, parts: Iterator[str], form: str, name: str) -> StreamingHttpResponse:
    """`form` is a key of CONTENT_TYPES; `name` the file's, without its ending."""
    flow = getattr(request, "scope", {}).get("flow")
    return StreamingHttpResponse(
        streamed(parts, flow),
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )


def cell(value: Any) -> str:
    """A value as CSV text that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return inert(value) if isinstance(value, str) else "" if value is None else str(value)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV (RFC 4180)."""
    return _written([cell(value) for value in row] for row in rows)


def csv_parts(calls: CallQuerySet, scope: Scope) -> Iterator[str]:
    yield _written([FIELDS])
    for text, pks in lines(calls, scope):
        if text:
            yield text
        else:
            yield from careful_csv_parts(calls.filter(pk__in=pks), scope)


def careful_csv_parts(calls: CallQuerySet, scope: Scope) -> Iterator[str]:
    """The same, without a head, a cell at a time; it can hide digits."""
    texts = Remembered(lambda value: cell(value) if isinstance(value, (str, bool)) else value)
    for page in pages(calls, scope):
        yield _written(_cells(page, texts))


def json_parts(calls: CallQuerySet, scope: Scope) -> Iterator[str]:
    """One array of the records of docs/call-model.md, with names and legs."""
    before = "[\n"
    for page in pages(calls, scope):
        legs = legs_of(page.pks)
        records = [
            json_line({**dict(zip(FIELDS, row, strict=True)), "legs": legs[pk]})
            for pk, row in zip(page.pks, page.rows(), strict=True)
        ]
        yield before + ",\n".join(records)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


PARTS = {"csv": csv_parts, "json": json_parts}


def _cells(page: Page, texts: Remembered) -> Iterator[tuple[Any, ...]]:
    """What csv.writer takes as it is: numbers and None among them."""
    columns = []
    for name in FIELDS:
        values = page.columns[name]
        if name == "flags":
            values = [" ".join(flags) for flags in values]
        elif name not in NEVER_FORMULAS and isinstance(values[0], (str, bool)):
            values = texts.map(values)
        columns.append(values)
    return zip(*columns, strict=True)


def _written(rows: Iterable[Iterable[Any]]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerows(rows)
    return sheet.getvalue()
