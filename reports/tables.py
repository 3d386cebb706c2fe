"""A report's answer as a django-tables2 table: sortable heads, figures that open their calls, a total."""

from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls import money
from calls.journey import clock
from calls.showing import Party
from calls.tables import DrawnTable, party
from reports.engine import Action, Answer, Column, Kind, Question, Report, Values, calls_address

BAR_WIDTH = 72
MOST_ROWS = 100  # on a page: drawing them takes longer than to find them; files have all
TINY_SHARE = 0.0005


def figure(column: Column, value: Any) -> str:
    """As people read it; times on the clock of the site."""
    if value is None or value == "":
        return "–"
    match column.kind:
        case Kind.SECONDS:
            return clock(value)
        case Kind.COUNT:
            return f"{value:,}"
        case Kind.SHARE:
            return f"{value:.1%}" if TINY_SHARE <= value < 0.1 else f"{value:.0%}"
        case Kind.DECIMAL:
            return f"{value:,.2f}"
        case Kind.MONEY:
            return money.shown(value.millionths, value.currency) if value.currency else "–"
        case Kind.MOMENT:
            local = timezone.localtime(value)
            return f"{local:%a} {local.day} {local:%b %Y %H:%M}"
    return str(value)


class ReportColumn(tables.Column):
    is_first = False

    def __init__(self, column: Column, question: Question, largest: int, total: Values, **kwargs: Any) -> None:
        quantity = column.kind not in {Kind.TEXT, Kind.MOMENT}
        css = f"tb-num{' tb-barred' if column.bar and largest else ''}" if quantity else ""
        super().__init__(
            verbose_name=column.label,
            orderable=True,
            attrs={
                "th": {"class": css, "title": column.help} if column.help else {"class": css},
                "td": {"class": css},
                "tf": {"class": css},
            },
            footer=_footer(column, total) if total else None,
            default="" if column.kind in {Kind.TEXT, Kind.MOMENT} else "–",
            **kwargs,
        )
        self.column, self.question, self.largest = column, question, largest

    def render(self, value: Any, record: Values) -> str:
        name = record.get(self.column.named_by)
        if name:
            return _page(record, party(Party(name, value)))
        shown = figure(self.column, value)
        if self.is_first and record.get("page"):
            return _page(record, shown)
        address = calls_address(self.question, self.column, record["key"])
        text = format_html('<a href="{}">{}</a>', address, shown) if address and value else format_html("{}", shown)
        return text + self._bar(value) if self.column.bar and self.largest else text

    def _bar(self, value: int) -> SafeString:
        return format_html(
            '<svg class="tb-cellbar" width="{}" height="8" aria-hidden="true">'
            '<rect class="tb-cellbar-track" width="100%" height="8" rx="2"/>'
            '<rect class="tb-cellbar-fill" width="{}%" height="8" rx="2"/></svg>',
            BAR_WIDTH,
            round(100 * value / self.largest),
        )


def _footer(column: Column, total: Values) -> str:
    return "" if total.get(column.name) in (None, "") else figure(column, total[column.name])


def _page(record: Values, shown: str) -> str:
    return format_html('<a href="{}">{}</a>', record["page"], shown) if record.get("page") else shown


class ActionColumn(tables.Column):
    """A button of each row; not in files."""

    def __init__(self, action: Action) -> None:
        super().__init__(verbose_name="", orderable=False, empty_values=(), attrs={"td": {"class": "tb-num"}})
        self.action = action

    def render(self, record: Values) -> str:
        if not record["key"]:
            return ""
        address = f"{reverse(self.action.url_name)}?{urlencode(record['key'])}"
        return format_html('<a class="tb-btn" href="{}">{}</a>', address, self.action.label)


def report_table(
    report: Report,
    question: Question,
    answer: Answer,
    sort: str,
    most_rows: int = MOST_ROWS,
    *,
    may_act: bool = False,
) -> DrawnTable:
    """The rows as they are ordered already, as many as a page takes; the table only shows which column orders them."""
    names = {column.named_by for column in report.columns}
    columns = [
        (
            column.name,
            ReportColumn(
                column,
                question,
                max((row[column.name] or 0 for row in answer.rows[:most_rows]), default=0) if column.bar else 0,
                answer.total if report.has_total else {},
            ),
        )
        for column in report.columns
        if column.name not in names
    ]
    columns[0][1].is_first = True
    actions = [("action", ActionColumn(report.action))] if report.action and may_act else []
    pages = answer.pages or [""] * len(answer.rows)
    rows = [
        {**row, "key": key, "page": page}
        for row, key, page in zip(answer.rows[:most_rows], answer.keys, pages, strict=False)
    ]
    return DrawnTable(OrderedRows(rows), extra_columns=[*columns, *actions], order_by=sort, default="–")


class OrderedRows(list[Values]):
    """Rows that keep their order: the engine has sorted them, empty values last."""

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """The table asks for what has been done."""
