"""Excel workbooks read back, with nothing but the standard library."""

import io
import zipfile
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from django.conf import settings

from reports.engine import Amount, Column, Kind

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DAY_0 = datetime(1899, 12, 30)


class Workbook:
    """The first sheet: what stands under its frozen head, by the head's words."""

    def __init__(self, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            self.text = parts.read("xl/worksheets/sheet1.xml").decode()
            styles = ET.fromstring(parts.read("xl/styles.xml"))
        tree = ET.fromstring(self.text)
        numbers = {form.get("numFmtId"): form.get("formatCode") or "" for form in styles.iter(f"{MAIN}numFmt")}
        cell_formats = styles.find(f"{MAIN}cellXfs")
        assert cell_formats is not None
        self._formats = [numbers.get(form.get("numFmtId"), "") for form in cell_formats]
        self.formulas = list(tree.iter(f"{MAIN}f"))
        pane = next(tree.iter(f"{MAIN}pane"))
        self._head = int(pane.get("ySplit") or 0)
        self.formats: dict[str, str] = {}
        rows = {int(row.get("r") or 0): self._cells(row) for row in tree.iter(f"{MAIN}row")}
        head = rows[self._head]
        self.above = [" ".join(map(str, cells.values())) for at, cells in rows.items() if at < self._head]
        self.records: list[dict[str, Any]] = []
        for at in range(self._head + 1, max(rows) + 1):
            if at not in rows:
                break  # a note stands under an empty row
            self.records.append({str(label): rows[at].get(place) for place, label in head.items()})

    def _cells(self, row: ET.Element) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for cell in row:
            place = (cell.get("r") or "").rstrip("0123456789")
            if cell.get("t") == "inlineStr":
                found[place] = "".join(text.text or "" for text in cell.iter(f"{MAIN}t"))
            elif (value := cell.find(f"{MAIN}v")) is not None:
                found[place] = round(float(value.text or 0), 6)
                self.formats[place] = self._formats[int(cell.get("s") or 0)]
        return found


def of_cell(column: Column, value: Any) -> Any:
    """What a workbook has for a report's value."""
    if value in (None, "") or (isinstance(value, str) and column.kind != Kind.TEXT):
        return None
    if column.kind == Kind.TEXT:
        return value
    if isinstance(value, Amount):
        return round(value.millionths / 1_000_000, 6)
    if column.kind == Kind.SECONDS:
        return round(value / 86_400, 6)
    if column.kind == Kind.MOMENT:
        local = value.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
        return round((local - DAY_0).total_seconds() / 86_400, 6)
    return round(float(value), 6)
