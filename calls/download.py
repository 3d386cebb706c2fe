"""The calls of a selection as a file: CSV or JSON, all of it and not only a page, streamed as it is read.

Rows are read by keyset a chunk at a time, so an export of any length holds little memory and no transaction. Under
ASGI only an asynchronous stream leaves while it is being made.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Prefetch
from django.http import StreamingHttpResponse

from calls.directory.spreadsheet import inert
from calls.export import BESIDE, CALL_FIELDS, call_record
from calls.harmless import json_line
from calls.keyset import Keyset
from calls.models import Call, Leg
from calls.querysets import CallQuerySet
from calls.showing import Showing

CHUNK = 1_000
MASKED_NUMBERS = ("number_raw", "number", "number_e164")
NAMES = ("extension_name", "handled_by_name", "trunk_name", "contact")


def cell(value: Any) -> str:
    """A value as CSV text that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return inert(value) if isinstance(value, str) else "" if value is None else str(value)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV (RFC 4180)."""
    sheet = io.StringIO()
    csv.writer(sheet).writerows([cell(value) for value in row] for row in rows)
    return sheet.getvalue()


def shown_record(call: Call, showing: Showing) -> dict[str, Any]:
    """The record of docs/call-model.md, with names, and without what the viewer's scope hides."""
    record = call_record(call)
    for field in MASKED_NUMBERS:
        record[field] = showing.scope.mask(record[field])
    record["contact_name"] = showing.scope.mask_name(record["contact_name"])
    legs = record.pop("legs")
    record["extension_name"] = showing.devices.get((call.feed_id, call.extension), "")
    record["handled_by_name"] = showing.devices.get((call.feed_id, call.handled_by), "")
    record["trunk_name"] = showing.trunks.get((call.feed_id, call.trunk), "")
    record["contact"] = showing.contact(call)
    record["legs"] = legs
    return record


async def csv_stream(calls: CallQuerySet, showing_of: Callable[[list[Call]], Showing]) -> AsyncIterator[str]:
    columns = (*CALL_FIELDS, *NAMES)
    yield csv_text([columns])
    async for records in _chunks(calls, showing_of):
        yield csv_text([record[name] for name in columns] for record in records)


async def json_stream(calls: CallQuerySet, showing_of: Callable[[list[Call]], Showing]) -> AsyncIterator[str]:
    """One array of records."""
    before = "[\n"
    async for records in _chunks(calls, showing_of):
        yield before + ",\n".join(json_line(record) for record in records)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


STREAMS = {"csv": (csv_stream, "text/csv; charset=utf-8"), "json": (json_stream, "application/json")}


def download(
    calls: CallQuerySet, showing_of: Callable[[list[Call]], Showing], form: str, name: str
) -> StreamingHttpResponse:
    """`form` is a key of STREAMS; `name` the file's, without its ending."""
    stream, content_type = STREAMS[form]
    return StreamingHttpResponse(
        stream(calls, showing_of),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )


async def _chunks(
    calls: CallQuerySet, showing_of: Callable[[list[Call]], Showing]
) -> AsyncIterator[list[dict[str, Any]]]:
    ready = calls.select_related(*BESIDE).prefetch_related(Prefetch("legs", Leg.objects.order_by("position")))
    keyset = Keyset(ready, size=CHUNK)
    older = ""

    def read() -> tuple[list[dict[str, Any]], str]:
        page = keyset.page(older_than=older)
        showing = showing_of(page.rows)
        return [shown_record(call, showing) for call in page.rows], str(page.older or "")

    while True:
        records, older = await sync_to_async(read)()
        if records:
            yield records
        if not older:
            return
