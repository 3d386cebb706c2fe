"""Cells of a worksheet as XML: what XlsxWriter would write for a value, made once for each value of a column.

Through its own methods a cell takes nine microseconds; most cells of a long list have been written before.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

from calls import money

DAY_SECONDS = 86_400
FIRST_YEAR = 1901  # Excel knows no years before 1900, and takes that for a leap year
DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's days have no zone
MOST_UNITS = 32_767  # UTF-16 units of text in a cell, by Excel's own limit
ESCAPES = re.compile("_(?=x[0-9a-fA-F]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # Excel's own: _xHHHH_ is a character
FORMATS = {
    "count": "#,##0", "seconds": "[h]:mm:ss", "share": "0.0%", "decimal": "#,##0.00", "moment": "yyyy-mm-dd hh:mm:ss",
}  # fmt: skip
TOTAL = {"bold": True, "top": 1}
MOST_REMEMBERED = 5_000  # cells of a column

Cell = Callable[[Any], str]


class Cells(dict[Any, str]):
    """Cells of one column by value, each from its reference's closing quote on; empty where there is no cell."""

    def __init__(self, make: Cell) -> None:
        super().__init__({None: "", "": ""})
        self._make = make

    def __missing__(self, value: Any) -> str:
        if len(self) > MOST_REMEMBERED:
            self.clear()
            self.update({None: "", "": ""})
        cell = self[value] = self._make(value)
        return cell


def cells_of(kind: str, book: Workbook, zone: ZoneInfo, *, is_total: bool = False) -> Cells:
    """The cells of a column of a `calls.workbook.Head`'s kind; moments are shown in `zone`."""
    look = TOTAL if is_total else {}
    if kind == "money":
        return Cells(_money(book, look))
    if kind == "text":
        style = _style(book.add_format(look)) if look else ""
        return Cells(lambda value: _text(str(value), style))
    style = _style(book.add_format({"num_format": FORMATS[kind], **look, "align": "left" if kind == "moment" else ""}))
    if kind == "seconds":
        return Cells(lambda value: _number(value / DAY_SECONDS, style))
    if kind == "moment":
        return Cells(lambda value: _moment(value.astimezone(zone), style))
    return Cells(lambda value: _number(value, style))


def _style(shown: Format) -> str:
    return f' s="{shown._get_xf_index()}"'


def _number(value: float, style: str) -> str:
    return f'"{style}><v>{value:.16G}</v></c>'


def _text(text: str, style: str) -> str:
    """In the cell itself: with shared strings all of them would be kept in memory."""
    if len(text) > MOST_UNITS // 2:
        text = text.encode("utf-16-le")[: 2 * MOST_UNITS].decode("utf-16-le", "ignore")
    shown = escape(ESCAPES.sub(lambda match: f"_x{ord(match[0]):04X}_", text))
    kept = ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
    return f'"{style} t="inlineStr"><is><t{kept}>{shown}</t></is></c>'


def _moment(local: datetime, style: str) -> str:
    if local.year < FIRST_YEAR:
        return _text(local.isoformat(" ", "seconds"), "")
    return _number((local.replace(tzinfo=None) - DAY_0).total_seconds() / DAY_SECONDS, style)


def _money(book: Workbook, look: dict[str, Any]) -> Cell:
    """Of (millionths, currency): each currency has a format of its own."""
    styles: dict[str, str] = {}

    def cell(value: tuple[int, str]) -> str:
        millionths, currency = value
        if currency not in styles:
            mark = money.SIGNS.get(currency, f"{currency} ".lstrip()).replace('"', "")
            styles[currency] = _style(book.add_format({"num_format": f'"{mark}"#,##0.00##', **look}))
        return _number(millionths / money.MILLION, styles[currency])

    return cell
