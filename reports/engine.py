"""What a report is, and how one is run: the same rows for page, CSV, JSON and `manage.py report`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from calls.access import Scope
from calls.periods import Period

Values = dict[str, Any]


class Kind(StrEnum):
    """How a column's values read: text at the left, quantities at the right."""

    TEXT = "text"
    COUNT = "count"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Column:
    """`opens` are the address parameters of the calls list that hold exactly what the figure counts."""

    name: str
    label: str
    kind: Kind = Kind.COUNT
    help: str = ""
    opens: Mapping[str, str] | None = None
    bar: bool = False
    named_by: str = ""  # the column with the name of what this one numbers: a page shows both as one


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a report: by whom, of which time, of which feed and department."""

    scope: Scope
    period: Period
    feed: int | None = None
    department: int | None = None

    def parameters(self) -> dict[str, str]:
        """Address parameters that the calls list and the report page both read."""
        asked = dict(self.period.query())
        if self.feed is not None:
            asked["feed"] = str(self.feed)
        if self.department is not None:
            asked["department"] = str(self.department)
        return asked


@dataclass(slots=True)
class Answer:
    """`rows` and `total` map column names to values (seconds as int); `keys` are each row's own address parameters."""

    rows: list[Values]
    keys: list[dict[str, str]]
    total: Values
    calls: int  # distinct calls in the period that the report is about
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    slug: str
    title: str
    group: str  # the question a manager asks, by which the catalogue is ordered
    purpose: str
    columns: Sequence[Column]
    run: Callable[[Question], Answer]
    sort: str = ""  # a column's name, "-" before it for descending
    texts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", frozenset(column.name for column in self.columns if column.kind == Kind.TEXT))

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def calls_address(question: Question, column: Column, key: Mapping[str, str]) -> str | None:
    """The address of the calls that a figure counts."""
    if column.opens is None:
        return None
    return f"{reverse('calls:list')}?{urlencode({**question.parameters(), **key, **column.opens})}"


def ordered(report: Report, answer: Answer, sort: str) -> Answer:
    """The answer by one column; rows of equal value keep the order of the first column."""
    wanted = sort if report.column(sort.removeprefix("-")) else report.sort
    name, descending = wanted.removeprefix("-"), wanted.startswith("-")
    first = report.columns[0].name
    pairs = sorted(zip(answer.rows, answer.keys, strict=True), key=lambda pair: str(pair[0][first]))
    empty = [pair for pair in pairs if pair[0][name] in (None, "")]
    filled = [pair for pair in pairs if pair[0][name] not in (None, "")]
    filled.sort(key=lambda pair: _sortable(pair[0][name]), reverse=descending)
    rows = filled + empty
    answer.rows, answer.keys = [row for row, _ in rows], [key for _, key in rows]
    return answer


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
