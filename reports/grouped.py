"""A report that groups calls by one dimension and measures each group: most of the catalogue."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from reports.dimensions import Dimension, Row
from reports.engine import Answer, Column, Question, Report, Values
from reports.gathering import BY_TEXT, first_groups, gathered, totals
from reports.measures import Measure, added


def grouped(
    dimension: Dimension,
    measures: Sequence[Measure],
    *,
    only: Q | None = None,
    opens: Mapping[str, str] | None = None,
    note: str = "",
    order: str = "",
) -> Callable[[Question], Answer]:
    """The `run` of such a report. `only` narrows its calls, and `opens` says so; `order` is a text to order by."""

    def run(question: Question) -> Answer:
        wanted = dict.fromkeys(["calls", *(need for measure in measures for need in measure.needs)])
        found = gathered(question, dimension.group(question), wanted, dimension.rolled, only=only, opens=opens)
        if place := dimension.place:
            found.sort(key=lambda line: place(question, line[0]))
        rows = dimension.rows(question, [key for key, _ in found])
        parts: dict[Hashable, tuple[Row, list[Values]]] = {}
        for key, group in found:
            row = rows[key]
            parts.setdefault(row.identity, (row, []))[1].append(group)
        lines = [(row, added(groups, wanted)) for row, groups in parts.values()]
        if order:
            lines.sort(key=lambda line: line[0].texts[order])
        whole = added((group for _, group in found), wanted)
        total = {column.name: "" for column in dimension.columns} | figures(measures, whole)
        total[dimension.columns[0].name] = "Total"
        return Answer(
            [{**row.texts, **figures(measures, sums_of_row)} for row, sums_of_row in lines],
            [row.opens for row, _ in lines],
            total,
            whole["calls"],
            note,
            in_order=dimension.place is not None,
        )

    return run


def first_rows(
    dimension: Dimension, measures: Sequence[Measure], *, only: Q | None, opens: Mapping[str, str] | None, note: str
) -> Callable[[Question, str, int], Answer | None]:
    """The `first` of such a report, for a dimension that says its order: the database picks the rows that are shown."""
    orders = {measure.column.name: measure.order for measure in measures if measure.order is not None}
    orders[dimension.columns[0].name] = BY_TEXT
    wanted = list(dict.fromkeys(["calls", *(need for measure in measures for need in measure.needs)]))

    def first(question: Question, sort: str, most: int) -> Answer | None:
        """None where the rows have to be ordered by what the database does not know."""
        order = orders.get(sort.removeprefix("-"))
        if dimension.order is None or order is None:
            return None
        order = f"-{order}" if sort.startswith("-") else order
        of_sums = dimension.first(question, opens or {}, wanted, order, most) if dimension.first else None
        if of_sums is None:
            calls = question.calls() if only is None else question.calls().filter(only)
            (by,) = dimension.group(question).values()
            of_sums = first_groups(question, calls, by, dimension.order(question), wanted, order, most)
        found, count = of_sums
        rows = dimension.rows(question, [(key,) for key, _ in found])
        whole = totals(question, wanted, only=only, opens=opens)
        total = {column.name: "" for column in dimension.columns} | figures(measures, whole)
        total[dimension.columns[0].name] = "Total"
        return Answer(
            [{**rows[key,].texts, **figures(measures, sums)} for key, sums in found],
            [rows[key,].opens for key, _ in found],
            total,
            whole["calls"],
            note,
            left_out=count - len(found),
        )

    return first


def figures(measures: Sequence[Measure], found: Values) -> dict[str, Any]:
    return {measure.column.name: measure.of(found) for measure in measures}


def narrowed(column: Column, opens: Mapping[str, str]) -> Column:
    return column if column.opens is None else replace(column, opens={**opens, **column.opens})


def grouped_report(
    slug: str,
    title: str,
    group: str,
    purpose: str,
    dimension: Dimension,
    measures: Sequence[Measure],
    *,
    only: Q | None = None,
    opens: Mapping[str, str] | None = None,
    note: str = "",
    order: str = "",
    **more: Any,
) -> Report:
    """`opens` says of `only` what an address has to, so that a figure opens no more than it counts."""
    return Report(
        slug,
        title,
        group,
        purpose,
        (*dimension.columns, *(narrowed(measure.column, opens or {}) for measure in measures)),
        grouped(dimension, measures, only=only, opens=opens, note=note, order=order),
        first=first_rows(dimension, measures, only=only, opens=opens, note=note) if dimension.order else None,
        **more,
    )
