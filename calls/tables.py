"""The list of calls as a table, and how every table draws its rows."""

from collections.abc import Callable
from functools import cache
from typing import Any

import django_tables2 as tables
from django.template.loader import get_template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django_tables2.utils import signature

from calls.showing import CallRow, CostCell, Party

DESCENDING = mark_safe(
    '<svg class="tb-sort-mark" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">'
    '<path d="M5 1v8M2 6l3 3 3-3"/></svg>'
)


class DrawnTable(tables.Table):
    """Rows are dicts or objects with a value for each column, and every cell of a column has the same attributes.

    The library asks each cell what its column is, which took longer than to find the rows.
    """

    row_class: Callable[[Any], str] = staticmethod(lambda _record: "")

    def body(self) -> SafeString:
        """The rows as HTML."""
        columns = []
        for column in self.columns:
            wanted, _ = signature(column.render)
            start = format_html("<td {}>", column.attrs["td"].as_html())
            empty = column.column.empty_values, conditional_escape(column.default)
            columns.append((column.name, start, column.render, [name in wanted for name in ("value", "record")], empty))
        parts = []
        for record in self.data:
            known = record if isinstance(record, dict) else None
            parts.append(format_html('<tr class="{}">', css) if (css := self.row_class(record)) else "<tr>")
            for name, start, render, (takes_value, takes_record), (empty_values, default) in columns:
                value = getattr(record, name, None) if known is None else known.get(name)
                if value in empty_values:
                    cell = default
                elif takes_value:
                    cell = conditional_escape(render(value=value, record=record) if takes_record else render(value))
                else:
                    cell = conditional_escape(render(record))
                parts.append(f"{start}{cell}</td>")
            parts.append("</tr>\n")
        return mark_safe("".join(parts))  # noqa: S308 - each part is escaped


class PartyColumn(tables.Column):
    """A name and, dimmed, its number."""

    def render(self, value: Party) -> str:
        return format_html('<div class="tb-party">{}</div>', party(value))


def party(value: Party) -> str:
    """The name gives way where there is little room, the number never does."""
    if value.number:
        return format_html(
            '<span class="tb-name" title="{0}">{0}</span> <span class="tb-dim">{1}</span>', value.name, value.number
        )
    return format_html('<span class="tb-name" title="{0}">{0}</span>', value.name)


@cache
def direction_mark(direction: str) -> str:
    return get_template("calls/direction.html").render({"direction": direction})


@cache
def outcome_mark(glyph: str, word: str) -> str:
    """How a call came out, or the state of a live one: always a glyph and a word."""
    return get_template("calls/outcome.html").render({"glyph": glyph, "word": word})


class CallTable(DrawnTable):
    started_at = tables.Column("When", attrs={"th": {"class": "tb-when"}, "td": {"class": "tb-when"}})
    who = tables.Column("Who", attrs={"td": {"class": "tb-who"}})
    whom = PartyColumn("Whom", attrs={"td": {"class": "tb-whom"}})
    word = tables.Column("Outcome", attrs={"td": {"class": "tb-word"}})
    answer = tables.Column(
        "Answer", attrs={"th": {"class": "tb-num", "title": "Time to answer"}, "td": {"class": "tb-num tb-answer"}}
    )
    talk = tables.Column("Talk", attrs={"th": {"class": "tb-num"}, "td": {"class": "tb-num tb-talk"}})
    cost = tables.Column("Cost", attrs={"th": {"class": "tb-num"}, "td": {"class": "tb-num tb-cost"}})

    class Meta:
        orderable = False
        attrs = {"class": "tb-table tb-calls"}  # noqa: RUF012 - read once by the library
        default = ""

    row_class = staticmethod(lambda record: "tb-live" if record.is_live else "")

    def __init__(
        self, data: list[CallRow], *, with_date: bool, caption: str, sorted_by: str, sorts: dict[str, str]
    ) -> None:
        """Without a column of costs where no call was priced. `sorts` are the addresses by which a column orders."""
        super().__init__(data, exclude=() if any(row.cost.text for row in data) else ("cost",))
        self.with_date = with_date
        self.caption = caption
        for name in sorts.keys() & {column.name for column in self.columns}:
            column = self.columns[name].column
            mark = DESCENDING if name == sorted_by else ""
            column.verbose_name = format_html(
                '<a class="tb-sort" href="{}">{}{}</a>', sorts[name], column.verbose_name, mark
            )
            if mark:
                column.attrs = {**column.attrs, "th": {**column.attrs["th"], "aria-sort": "descending"}}

    def render_started_at(self, record: CallRow) -> str:
        at = record.started_at
        shown = f"{at.day} {at:%b %H:%M:%S}" if self.with_date else f"{at:%H:%M:%S}"
        return format_html(
            '<a class="tb-row-link" href="{}"><time datetime="{}">{}</time></a>', record.url, at.isoformat(), shown
        )

    def render_who(self, record: CallRow) -> str:
        return format_html('<div class="tb-party">{} {}</div>', direction_mark(record.direction), party(record.who))

    def render_cost(self, value: CostCell) -> str:
        dim = "tb-dim" if value.is_missing else ""
        return format_html('<span class="{}" title="{}">{}</span>', dim, value.note, value.text)

    def render_word(self, record: CallRow) -> str:
        return outcome_mark(record.glyph, record.word)
