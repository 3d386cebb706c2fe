"""A report that groups calls by one dimension and measures each group: most of the catalogue."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from reports.dimensions import Dimension, Row
from reports.engine import Answer, Column, Question, Report, Values
from reports.gathering import gathered
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
        )

    return run


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
        **more,
    )
