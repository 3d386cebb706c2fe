"""An Excel workbook written row by row: typed cells under a frozen head, and never a formula made of data.

Text is always written as a string, which no spreadsheet evaluates. A file of any length takes constant memory: rows
go to a temporary file beside it, and what does not fit on one sheet goes on on the next, which says so.

XlsxWriter makes the workbook; rows go into its temporary file past its methods, which take ten times as long.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from calls.sheet_cells import Cells, cells_of

MOST_ROWS = 1_048_576  # of a sheet, by Excel's own limit
MOST_BYTES = 2_000_000_000  # of a sheet's XML: beyond 2 GiB Excel would have to repair the file
ROWS_BETWEEN_LOOKS = 1_000  # at a sheet's size
GOES_ON = "Goes on on the next sheet."
NARROWEST, WIDEST = 9, 40


class Head(NamedTuple):
    """A column: `kind` is text, count, seconds, share, decimal, moment or money."""

    label: str
    kind: str = "text"
    width: int = 14


@dataclass(frozen=True, slots=True)
class About:
    """What stands above the rows: what they are, of when, by whom they were made."""

    title: str
    lines: Sequence[str]
    maker: str


class Sheets:
    """`row` takes plain values: seconds as int, shares 0 to 1, aware instants, money as (millionths, currency)."""

    def __init__(self, target: Path | IO[bytes], about: About, heads: Sequence[Head], zone: ZoneInfo) -> None:
        options: dict[str, Any] = {"constant_memory": True, "remove_timezone": True}
        if isinstance(target, Path):
            options["tmpdir"] = str(target.parent)
        self._book = xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, options)
        self._book.set_properties({"title": about.title, "author": about.maker, "comments": " ".join(about.lines)})
        self._about, self._heads = about, heads
        self._names = [xl_col_to_name(place) for place in range(len(heads))]
        self._cells: dict[bool, list[Cells]] = {
            is_total: [cells_of(head.kind, self._book, zone, is_total=is_total) for head in heads]
            for is_total in (False, True)
        }
        self._at = self._first = 0
        self._is_open = False
        self._sheet: Worksheet = self._begin()

    def row(self, values: Iterable[Any], *, is_total: bool = False) -> None:
        if self._is_full():
            self._end_sheet()
            self._sheet.write_string(self._at, 0, GOES_ON)
            self._sheet = self._begin()
        number = self._at + 1
        cells = [
            f'<c r="{name}{number}{cell}'
            for name, known, value in zip(self._names, self._cells[is_total], values, strict=True)
            if (cell := known[value])
        ]
        self._sheet.fh.write(f'<row r="{number}">{"".join(cells)}</row>')
        self._sheet.dim_rowmax = self._at
        self._sheet.previous_row = self._at = number

    def _is_full(self) -> bool:
        """One row is kept for GOES_ON."""
        if self._at >= MOST_ROWS - 1:
            return True
        return not self._at % ROWS_BETWEEN_LOOKS and os.fstat(self._sheet.fh.fileno()).st_size > MOST_BYTES

    def note(self, text: str) -> None:
        """A line beneath the rows, after one that is empty."""
        self._end_sheet()
        self._sheet.write_string(self._at + 1, 0, text)

    def close(self) -> None:
        self._end_sheet()
        self._book.close()

    def _begin(self) -> Worksheet:
        sheet = self._book.add_worksheet()
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.set_margins(0.55, 0.55, 0.55, 0.75)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&R&P of &N")
        for place, head in enumerate(self._heads):
            sheet.set_column(place, place, min(max(head.width, len(head.label) + 2, NARROWEST), WIDEST))
        title = self._about.title if len(self._book.worksheets()) == 1 else f"{self._about.title}, continued"
        sheet.write_string(0, 0, title, self._book.add_format({"bold": True, "font_size": 14}))
        for place, line in enumerate(self._about.lines, 1):
            sheet.write_string(place, 0, line)
        self._first = len(self._about.lines) + 2
        names = {"bold": True, "bottom": 1, "bg_color": "#F0F3F4", "text_wrap": True, "valign": "top"}
        left, right = self._book.add_format(names), self._book.add_format({**names, "align": "right"})
        for place, head in enumerate(self._heads):
            sheet.write_string(self._first, place, head.label, left if head.kind in {"text", "moment"} else right)
        sheet.freeze_panes(self._first + 1, 0)
        sheet.repeat_rows(self._first)
        self._at = self._first + 1
        sheet._write_single_row(self._at)  # the head, before the first row
        self._is_open = True
        return sheet

    def _end_sheet(self) -> None:
        if self._is_open and self._at > self._first + 1:
            self._sheet.autofilter(self._first, 0, self._at - 1, len(self._heads) - 1)
        self._is_open = False
