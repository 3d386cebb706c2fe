"""Calls as an Excel workbook: the columns that people read, with times on the site's clock."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from calls import money
from calls.access import Scope
from calls.filters import Selection
from calls.plain_rows import pages
from calls.querysets import CallQuerySet
from calls.workbook import About, Head, Sheets

TEXT, MOMENT, SECONDS, MONEY = "text", "moment", "seconds", "money"
COLUMNS: dict[str, Head] = {  # fields of docs/call-model.md, by the names that files have them under
    "started_at": Head("Started", MOMENT, 19), "direction": Head("Direction"), "outcome": Head("Outcome"),
    "number_e164": Head("Number", width=17), "number": Head("Number as sent", width=17),
    "contact": Head("Contact", width=22), "contact_name": Head("Contact as sent", width=18),
    "extension": Head("Extension"), "extension_name": Head("Name", width=20),
    "handled_by": Head("Handled by"), "handled_by_name": Head("Handled by, name", width=20),
    "department": Head("Department", width=18), "did": Head("DID", width=16), "trunk": Head("Trunk"),
    "trunk_name": Head("Trunk, name", width=16), "account_code": Head("Account code"),
    "answered_at": Head("Answered", MOMENT, 19), "ended_at": Head("Ended", MOMENT, 19),
    "time_to_answer_seconds": Head("Time to answer", SECONDS), "ring_seconds": Head("Ring", SECONDS),
    "queue_seconds": Head("Queue", SECONDS), "talk_seconds": Head("Talk", SECONDS),
    "hold_seconds": Head("Hold", SECONDS), "duration_seconds": Head("Duration", SECONDS),
    "cost": Head("Cost", MONEY), "recharge": Head("Recharge", MONEY), "cost_status": Head("Cost, status"),
    "destination": Head("Destination", width=22), "destination_class": Head("Class"), "feed": Head("Feed", width=16),
    "call_id": Head("Call id", width=24),
}  # fmt: skip
Progress = Callable[[int], None]


def call_workbook(
    target: Path | IO[bytes], calls: CallQuerySet, scope: Scope, about: About, progress: Progress = lambda _done: None
) -> None:
    """Every call, newest first; `progress` is told how many are written."""
    zone = ZoneInfo(settings.TIME_ZONE)
    sheets = Sheets(target, about, list(COLUMNS.values()), zone)
    done = 0
    for page in pages(calls, scope):
        columns = [_typed(head.kind, page.columns[name], page.columns["currency"]) for name, head in COLUMNS.items()]
        for row in zip(*columns, strict=True):
            sheets.row(row)
        done += len(page.pks)
        progress(done)
    sheets.close()


def _typed(kind: str, values: list[Any], currencies: list[str]) -> list[Any]:
    if kind == MOMENT:
        return [None if text is None else datetime.fromisoformat(text[:19]).replace(tzinfo=UTC) for text in values]
    if kind == MONEY:
        return [
            None if text is None else (round(float(text) * money.MILLION), currency)
            for text, currency in zip(values, currencies, strict=True)
        ]
    return values


def about_calls(selection: Selection, maker: str) -> About:
    now = timezone.localtime(selection.now)
    made = f"Made {now.day} {now:%b %Y %H:%M} by {maker}. Times in {settings.TIME_ZONE}."
    return About("Calls", [in_words(selection), made], maker)


def in_words(selection: Selection) -> str:
    """Filters and period as a sentence, with real dates where the period has a name."""
    period = selection.period
    dates = f", {period.dates}" if period and period.dates != period.label else ""
    first, *rest = selection.sentence.split("; ")
    return f"{'; '.join([first + dates, *rest])}."
