"""Workbooks: cells as XlsxWriter itself would write them, and sheets that go on."""

import io
import re
import zipfile
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from calls import workbook
from calls.workbook import GOES_ON, About, Head, Sheets

LONDON = ZoneInfo("Europe/London")
KINDS = ("text", "count", "seconds", "share", "decimal", "moment", "money")
HEADS = [Head(kind.title(), kind) for kind in KINDS]
ABOUT = About("Calls & more", ["All of them."], "root")
JULY = datetime(2026, 7, 1, 8, 30, 15, tzinfo=UTC)
TEXTS = (
    "Sales", "=1+1", '<f a="1">&</f>', " before", "after\t", "bell\x07", "two\nlines", "_x0041_", "Zoë", "\U0001f4de",
    "x" * 40_000, "\U0001f4de" * 20_000,
)  # fmt: skip


def sheets_of(rows: list[tuple[Any, ...]]) -> list[str]:
    """The XML of every sheet, of a workbook with these rows."""
    target = io.BytesIO()
    sheets = Sheets(target, ABOUT, HEADS, LONDON)
    for row in rows:
        sheets.row(row)
    sheets.close()
    with zipfile.ZipFile(target) as parts:
        names = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        return [parts.read(name).decode() for name in names]


def first_column(xml: str) -> list[str]:
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    cells = [cell for cell in ET.fromstring(xml).iter(f"{main}c") if (cell.get("r") or "").startswith("A")]
    return ["".join(text.text or "" for text in cell.iter(f"{main}t")) for cell in cells]


def test_cells_are_written_as_xlsxwriter_writes_them() -> None:
    values = [
        (text, place - 1, 61 + place, 0.125, -1 / 3, JULY, (1_234_500, "GBP")) for place, text in enumerate(TEXTS)
    ]
    (ours,) = sheets_of(values)
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet()
    at = len(ABOUT.lines) + 3
    for place, (text, count, seconds, share, decimal, moment, (millionths, _)) in enumerate(values):
        local = moment.astimezone(LONDON).replace(tzinfo=None)
        days = (local - datetime(1899, 12, 30)).total_seconds() / 86_400
        sheet.write_string(at + place, 0, text)
        for column, number in enumerate((count, seconds / 86_400, share, decimal, days, millionths / 1e6), 1):
            sheet.write_number(at + place, column, number)
    book.close()
    with zipfile.ZipFile(target) as parts:
        theirs = parts.read("xl/worksheets/sheet1.xml").decode()
    rows = re.compile(r"<row .*?</row>", re.DOTALL)
    unstyled = [re.sub(r' s="\d+"', "", row) for row in rows.findall(ours)[at - 1 :]]
    assert unstyled == rows.findall(theirs)


def test_text_is_never_markup_and_nothing_is_no_cell() -> None:
    rich = "<r>&</r>"  # what XlsxWriter would pass on as it is
    (xml,) = sheets_of([(rich, 0, None, None, None, None, None), ("", None, 0, 0.0, None, None, (0, ""))])
    assert rich in first_column(xml)
    *_, first, second = re.findall(r"<row .*?</row>", xml)
    assert (first.count("<c "), second.count("<c ")) == (2, 3)


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next_which_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"row {place}", *[None] * 6) for place in range(20)]
    monkeypatch.setattr(workbook, "MOST_ROWS", 14)  # four of them above the rows, and one that says that it goes on
    first, second, last = (first_column(xml) for xml in sheets_of(rows))
    assert (first[0], second[0], last[0]) == (ABOUT.title, *[f"{ABOUT.title}, continued"] * 2)
    assert first[-1] == second[-1] == GOES_ON
    assert [text for sheet in (first, second, last) for text in sheet if text.startswith("row ")] == [
        row[0] for row in rows
    ]
    monkeypatch.undo()
    monkeypatch.setattr(workbook, "MOST_BYTES", 0)
    monkeypatch.setattr(workbook, "ROWS_BETWEEN_LOOKS", 5)
    assert len(sheets_of([("x" * 9_000, *[None] * 6)] * 12)) > 1
