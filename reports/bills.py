"""The recharge bill of a department: what its calls cost it, by device and by destination, on a page of its own."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from calls.call_sheet import in_words
from calls.tables import DrawnTable
from calls.workbook import About
from reports.catalogue import REPORTS
from reports.dimensions import DESTINATION, DEVICE
from reports.engine import Question, Report, ordered
from reports.grouped import grouped_report
from reports.measures import CALLS, COST, RECHARGE, TALK
from reports.paper import MOST_ROWS, html_of
from reports.stats import Stat, stats_of
from reports.tables import report_table

CHARGED = Q(cost__gt=0) | Q(recharge__gt=0)
SLUG = "bills"  # what an export of them is of
PARTS = tuple(
    grouped_report("", title, "", "", dimension, (CALLS, TALK, COST, RECHARGE), sort="-recharge", only=CHARGED)
    for title, dimension in (("Charged calls by device", DEVICE), ("Charged calls by destination", DESTINATION))
)


@dataclass(frozen=True, slots=True)
class Bill:
    department: str
    stats: list[Stat]
    parts: list[tuple[str, DrawnTable, int]]  # title, at most MOST_ROWS of its rows, and how many there are

    @property
    def rows(self) -> int:
        return sum(rows for _, _, rows in self.parts)


def bills_of(question: Question) -> list[Bill]:
    """Of each department that has calls in the period, the dearest first; one, where the address names one."""
    if question.errors:
        return []
    whole = REPORTS["cost-by-department"]
    answer = whole.run(question)
    lines = sorted(zip(answer.rows, answer.keys, strict=True), key=lambda line: -(line[0]["recharge"] or (0, ""))[0])
    found = []
    for row, key in lines:
        asked = QueryDict(mutable=True)
        asked.update({**question.parameters(), **(key or {})})
        of = Question(asked, question.scope, question.now)
        stats = stats_of(whole, of, whole.run(of), {})
        found.append(Bill(row["department"], stats, [_part(report, of) for report in PARTS]))
    return found


def _part(report: Report, question: Question) -> tuple[str, DrawnTable, int]:
    answer = ordered(report, report.run(question), report.sort)
    return report.title, report_table(report, question, answer, report.sort, MOST_ROWS), len(answer.rows)


def context_of(question: Question, maker: str) -> dict[str, Any]:
    now = timezone.localtime(question.now)
    about = About(
        "Recharge bill", [in_words(question.selection), f"Made {now.day} {now:%b %Y %H:%M} by {maker}."], maker
    )
    return {
        "bills": bills_of(question), "most_rows": MOST_ROWS, "about": about, "maker": maker,
        "selection": question.selection, "question": question, "period": question.period,
    }  # fmt: skip


def paper_of(context: dict[str, Any]) -> str:
    return html_of("reports/bills.html", {**context, "request": HttpRequest()})
