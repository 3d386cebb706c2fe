"""An Excel workbook written row by row: typed cells under a frozen head, and never a formula made of data.

Text is always written as a string, which no spreadsheet evaluates. A file of any length takes constant memory: rows
go to a temporary file beside it, and what does not fit on one sheet goes on on the next.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from calls import money

MOST_ROWS = 1_048_576  # of a sheet, by Excel's own limit
DAY_SECONDS = 86_400
FIRST_YEAR = 1901  # Excel knows no years before 1900, and takes that for a leap year
DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's days have no zone
NARROWEST, WIDEST = 9, 40
FORMATS = {
    "count": "#,##0", "seconds": "[h]:mm:ss", "share": "0.0%", "decimal": "#,##0.00", "moment": "yyyy-mm-dd hh:mm:ss",
}  # fmt: skip


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
        self._about, self._heads, self._zone = about, heads, zone
        self._bold = self._book.add_format({"bold": True})
        self._writers: dict[bool, list[Callable[[int, int, Any], None]]] = {}
        self._money: dict[tuple[str, bool], Format] = {}
        self._at = self._first = 0
        self._is_open = False
        self._sheet: Worksheet = self._begin()
        for is_total in (False, True):
            self._writers[is_total] = [self._writer(head.kind, is_total) for head in heads]

    def row(self, values: Iterable[Any], *, is_total: bool = False) -> None:
        if self._at >= MOST_ROWS:
            self._end_sheet()
            self._sheet = self._begin()
        at = self._at
        for place, (write, value) in enumerate(zip(self._writers[is_total], values, strict=True)):
            if value is not None and value != "":
                write(at, place, value)
        self._at = at + 1

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
        sheet.write_string(0, 0, self._about.title, self._book.add_format({"bold": True, "font_size": 14}))
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
        self._is_open = True
        return sheet

    def _end_sheet(self) -> None:
        if self._is_open and self._at > self._first + 1:
            self._sheet.autofilter(self._first, 0, self._at - 1, len(self._heads) - 1)
        self._is_open = False

    def _writer(self, kind: str, is_total: bool) -> Callable[[int, int, Any], None]:
        total = {"bold": True, "top": 1} if is_total else {}
        if kind == "money":
            return lambda at, place, value: self._write_money(at, place, value, is_total)
        if kind == "text":
            shown = self._book.add_format(total) if total else None
            return lambda at, place, value: self._sheet.write_string(at, place, str(value), shown)
        shown = self._book.add_format(
            {"num_format": FORMATS[kind], **total, "align": "left" if kind == "moment" else ""}
        )
        if kind == "seconds":
            return lambda at, place, value: self._sheet.write_number(at, place, value / DAY_SECONDS, shown)
        if kind == "moment":
            return lambda at, place, value: self._write_moment(at, place, value, shown)
        return lambda at, place, value: self._sheet.write_number(at, place, value, shown)

    def _write_moment(self, at: int, place: int, value: datetime, shown: Format) -> None:
        local = value.astimezone(self._zone)
        if local.year < FIRST_YEAR:
            self._sheet.write_string(at, place, local.isoformat(" ", "seconds"))
        else:
            days = (local.replace(tzinfo=None) - DAY_0).total_seconds() / DAY_SECONDS
            self._sheet.write_number(at, place, days, shown)

    def _write_money(self, at: int, place: int, value: tuple[int, str], is_total: bool) -> None:
        millionths, currency = value
        key = (currency, is_total)
        if key not in self._money:
            mark = money.SIGNS.get(currency, f"{currency} ".lstrip()).replace('"', "")
            total = {"bold": True, "top": 1} if is_total else {}
            self._money[key] = self._book.add_format({"num_format": f'"{mark}"#,##0.00##', **total})
        self._sheet.write_number(at, place, millionths / money.MILLION, self._money[key])
