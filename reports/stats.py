"""The totals above a report's rows, each beside what it was in the period before."""

from dataclasses import dataclass
from typing import Any

from reports.engine import Answer, Column, Kind, Question, Report, Values, calls_address
from reports.tables import figure

MOST_STATS = 8


@dataclass(frozen=True, slots=True)
class Stat:
    """A total above the rows; `change` is how it differs from the period before, `tone` better, worse or neither."""

    label: str
    value: str
    help: str
    address: str | None
    change: str
    base: str
    tone: str


def stats_of(report: Report, question: Question, answer: Answer, before: Values) -> list[Stat]:
    found = []
    for column in report.columns:
        value = answer.total.get(column.name)
        if column.kind in {Kind.TEXT, Kind.MOMENT} or column.sums_up == "" or value in (None, ""):
            continue
        change, tone = _change(column, value, before.get(column.name))
        base = figure(column, before.get(column.name)) if change else ""
        address = calls_address(question, column, {}) if value and answer.calls else None
        found.append(
            Stat(column.sums_up or column.label, figure(column, value), column.help, address, change, base, tone)
        )
    return found[:MOST_STATS]


def _change(column: Column, value: Any, before: Any) -> tuple[str, str]:
    """Shares differ in points, the rest in percent; nothing is said where there is no base."""
    if before in (None, "") or (not before and column.kind != Kind.SHARE):
        return "", ""
    if column.kind == Kind.MONEY:
        if value.currency != before.currency:
            return "", ""
        value, before = value.millionths, before.millionths
    if column.kind == Kind.SHARE:
        by, unit = round(100 * value) - round(100 * before), " pt"
    else:
        by, unit = round(100 * (value - before) / before), "%"
    if not by:
        return "same", ""
    tone = ("better" if by * column.better > 0 else "worse") if column.better else ""
    return f"{'▲' if by > 0 else '▼'} {abs(by):,}{unit}", tone
