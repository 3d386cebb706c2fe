"""What a report is, and how one is run: the same rows for page, CSV, JSON and `manage.py report`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from calls import money
from calls.access import Scope
from calls.directory.models import Feed, FeedState
from calls.filters import Selection
from calls.models import Call, Leg
from calls.periods import Period
from calls.querysets import CallQuerySet, LegQuerySet
from calls.rollups import Rules
from reports.limits import within_time

Values = dict[str, Any]

DEFAULT_PERIOD = "this-week"
OWN_PARAMETERS = ("sort", "compare", "format", "mine", "leg", "counted")  # the last two are what a figure opens
OF_LEGS = {"feed", "department", "extension", "direction"}  # filters that a leg answers by itself


class Kind(StrEnum):
    """How a column's values read: text at the left, quantities at the right."""

    TEXT = "text"
    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"  # 0 to 1
    DECIMAL = "decimal"
    MOMENT = "moment"
    MONEY = "money"  # an Amount; None where currencies are mixed


class Amount(NamedTuple):
    """Money, in millionths of its currency; of the same currency it can be compared."""

    millionths: int
    currency: str

    def __str__(self) -> str:
        return money.exact(self.millionths)

    def __bool__(self) -> bool:
        return bool(self.millionths)


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
    better: int = 0  # 1: more is better, -1: less is, 0: neither is known
    sums_up: str | None = None  # what its total is called above the rows; None: as the column, "": it says nothing


class Question:
    """What is asked of a report: by whom, of which time, and of which calls. It is the same as of the list of calls."""

    def __init__(self, parameters: QueryDict, scope: Scope, now: datetime, viewer: int | None = None) -> None:
        """`viewer` is the user who asks, for a report that can show what is that user's own (`mine`)."""
        self.viewer = viewer
        self.only_mine = viewer is not None and bool(parameters.get("mine"))
        asked = parameters.copy()
        for name in OWN_PARAMETERS:
            asked.pop(name, None)
        if asked.get("period") == "any":
            del asked["period"]
        self.selection = Selection(asked, scope, now, default_period=DEFAULT_PERIOD)
        self.scope = scope
        self.now = now
        self.heads: dict[tuple[Any, ...], str] = {}  # what addresses of a column's calls begin with (calls_address)

    @property
    def period(self) -> Period:
        period = self.selection.period
        if period is None:
            raise ValueError("A report is of a period.")
        return period

    @property
    def errors(self) -> list[str]:
        return self.selection.errors

    def calls(self) -> CallQuerySet:
        return self.selection.calls.order_by()

    def legs(self) -> LegQuerySet:
        """The legs of the calls asked for; only those at the extension, if one was asked for."""
        legs: LegQuerySet = Leg.objects.visible_to(self.scope).order_by()
        if self.errors:
            return legs.none()
        legs = legs.filter(call_started_at__gte=self.period.since, call_started_at__lt=self.period.until)
        asked = self.asked_for
        if asked.keys() - OF_LEGS or self.asks_for_no_department:
            legs = legs.filter(call__in=self.calls().values("pk"))
        else:
            for name, path in (("feed", "call__feed"), ("department", "call__department"), ("direction", "direction")):
                if name in asked:
                    legs = legs.filter(**{path: asked[name]})
        return legs.filter(extension=asked["extension"]) if "extension" in asked else legs

    @property
    def asks_for_no_department(self) -> bool:
        return self.selection.asked.get("department") == "null"

    @cached_property
    def asked_for(self) -> Values:
        """The filters in force, as they were read."""
        if self.errors:
            return {}
        return {name: value for name, value in self.selection.filter.form.cleaned_data.items() if value}

    @cached_property
    def rules(self) -> Rules | None:
        """Those by which every feed's calls of the period are rolled up; None where a feed's are not, as of now."""
        states = FeedState.objects.select_related("feed")
        found = None
        for state in states if self.feed is None else states.filter(pk=self.feed):
            if not state.rolled_by and not Call.objects.filter(feed=state.feed_id).exists():
                continue
            rules = Rules.of(state.feed)
            if state.rolled_by != str(rules) or (state.rolled_since or self.period.until) > self.period.since:
                return None
            found = rules
        return found if found and found.zone == self.period.zone.key else None

    @cached_property
    def live(self) -> list[int]:
        """The keys of all calls of the period that are in progress: few, and found by the index of open calls."""
        feeds = Feed.objects.values_list("pk", flat=True) if self.feed is None else [self.feed]
        within = {"started_at__gte": self.period.since, "started_at__lt": self.period.until}
        return list(Call.objects.filter(feed__in=list(feeds), **within).open().values_list("pk", flat=True))

    @property
    def feed(self) -> int | None:
        feed = None if self.errors else self.selection.filter.form.cleaned_data.get("feed")
        return feed.pk if feed else None

    def parameters(self) -> dict[str, str]:
        """Address parameters that the calls list and the report page both read."""
        kept = {
            name: value
            for name, value in self.selection.asked.items()
            if value and name not in {*Selection.NAMES, *Selection.PLACE}
        }
        return {**self.period.query(), **kept}

    def before(self) -> "Question":
        """The same of the period before."""
        return self.of(self.period.before())

    def of(self, period: Period) -> "Question":
        asked = QueryDict(mutable=True)
        asked.update({**self.parameters(), "period": ""} | {"since": "", "until": ""} | period.query())
        return Question(asked, self.scope, self.now, self.viewer)


@dataclass(slots=True)
class Answer:
    """`rows` and `total` map column names to values; `keys` are each row's own address parameters.

    Seconds are int, shares 0 to 1. A key of None opens nothing. `pages` are the addresses of what a row is about.
    """

    rows: list[Values]
    keys: list[dict[str, str] | None]
    total: Values
    calls: int  # distinct calls that the report is about
    note: str = ""
    pages: list[str] = field(default_factory=list)
    is_cut: bool = False  # there are more rows, which the report's `every` has
    before: Values | None = None  # the totals of the period before, where the report has them anyway
    in_order: bool = False  # the rows come ordered by their first column, which is not to be ordered by its text
    left_out: int = 0  # rows after these, where a page asked for the first ones only

    @property
    def row_count(self) -> int:
        return len(self.rows) + self.left_out


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done about a row: a page, which is given the row's own address parameters."""

    label: str
    url_name: str
    permission: str


@dataclass(frozen=True, slots=True)
class Report:
    slug: str
    title: str
    group: str  # the question a manager asks, by which the catalogue is ordered
    purpose: str
    columns: Sequence[Column]
    run: Callable[[Question], Answer]  # raises TooLongError when REPORT_SECONDS are over
    sort: str = ""  # a column's name, "-" before it for descending; empty: the order in which it answers
    icon: str = "chart-column"
    has_course: bool = True  # a chart of how the incoming calls ran stands above its rows
    has_total: bool = True  # without, `total` holds what stands above the rows only
    empty: str = ""  # what it means that there are no rows, where that is no want of calls
    compares: bool = False  # the period before stands beside its totals, unless it is taken off
    every: Callable[[Question], Iterator[list[Values]]] | None = None  # all rows, in parts, where `run` has the first
    action: Action | None = None
    first: Callable[[Question, str, int], Answer | None] | None = None  # what a page shows of very many rows
    texts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "run", within_time(self.run))
        if self.first:
            object.__setattr__(self, "first", within_time(self.first))
        object.__setattr__(self, "texts", frozenset(column.name for column in self.columns if column.kind == Kind.TEXT))

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def sorting(self, sort: str) -> str:
        """The column to order by, "-" before it for descending: as an address asks, else as the report is ordered."""
        return sort if self.column(sort.removeprefix("-")) else self.sort

    def shown(self, question: Question, sort: str, most: int) -> Answer:
        """Ordered rows: all of them, or the first ones, where that is quicker."""
        found = self.first(question, self.sorting(sort), most) if self.first else None
        return found or ordered(self, self.run(question), sort)

    def total(self, question: Question) -> Values:
        return self.shown(question, "", 1).total


def calls_address(question: Question, column: Column, key: Mapping[str, str] | None) -> str | None:
    """The address of the calls that a figure counts."""
    if column.opens is None or key is None:
        return None
    about = (*column.opens.items(), *key)
    head = question.heads.get(about)
    if head is None:
        left_out = {*key, *Selection.NAMES} if key.keys() & {"since", "until"} else {*key}
        asked = {**question.parameters(), **column.opens}
        head = urlencode([(name, value) for name, value in asked.items() if name not in left_out])
        head = question.heads[about] = f"{reverse('calls:list')}?{head}{'&' if head and key else ''}"
    return head + _encoded(tuple(key.items()))


@lru_cache(maxsize=1_000)
def _encoded(pairs: tuple[tuple[str, str], ...]) -> str:
    return urlencode(pairs)


def ordered(report: Report, answer: Answer, sort: str) -> Answer:
    """The answer by one column; rows of equal value keep the order of the first column."""
    wanted = report.sorting(sort)
    if not wanted:
        return answer
    name, descending = wanted.removeprefix("-"), wanted.startswith("-")
    first = report.columns[0].name
    pages: list[str] = answer.pages or [""] * len(answer.rows)
    lines = list(zip(answer.rows, answer.keys, pages, strict=True))
    if not answer.in_order:
        lines.sort(key=lambda line: str(line[0][first]))
    if answer.in_order and name == first:
        lines = lines[::-1] if descending else lines
    else:
        empty = [line for line in lines if line[0][name] in (None, "")]
        filled = [line for line in lines if line[0][name] not in (None, "")]
        filled.sort(key=lambda line: _sortable(line[0][name]), reverse=descending)
        lines = filled + empty
    answer.rows, answer.keys = [row for row, _, _ in lines], [key for _, key, _ in lines]
    if answer.pages:
        answer.pages = [page for _, _, page in lines]
    return answer


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
