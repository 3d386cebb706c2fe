"""What calls cost: by destination, by department, and those without a price."""

from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from calls.models import CostStatus
from reports.dimensions import DEPARTMENT, DESTINATION, NUMBER
from reports.engine import Action, Answer, Question, Report
from reports.grouped import grouped, grouped_report, narrowed
from reports.measures import CALLS, COST, CURRENCY, MADE, OUT, RECHARGE, TALK, UNRATED

GROUP = "What does it cost?"
SEVERAL = "Amounts of several currencies are not added: filter by trunk to see each."

BILLED = (CALLS, MADE, TALK, COST, RECHARGE, CURRENCY, UNRATED)
_departments = grouped(
    DEPARTMENT, BILLED,
    note="A call counts for the department of whoever handled it, else of the first device. Press a department for "
    f"its bill. {SEVERAL}",
)  # fmt: skip


def _by_department(question: Question) -> Answer:
    """Each row leads to the department's bill."""
    answer = _departments(question)
    asked = question.parameters()
    answer.pages = [f"{reverse('reports:bills')}?{urlencode({**asked, **(key or {})})}" for key in answer.keys]
    return answer


REPORTS = (
    grouped_report(
        "by-destination", "Cost by destination", GROUP, "Where calls went, how long they took, and what they cost.",
        DESTINATION, (CALLS, TALK, COST, RECHARGE, CURRENCY, UNRATED), only=Q(direction="out"), opens=OUT, sort="-cost",
        icon="globe", has_course=False, note=f"Outgoing calls; unrated ones have no destination. {SEVERAL}",
    ),
    Report(
        "cost-by-department", "Cost by department", GROUP, "The recharge bill of each department, to be printed.",
        (*DEPARTMENT.columns, *(narrowed(measure.column, {}) for measure in BILLED)), _by_department, sort="-recharge",
        icon="receipt", has_course=False,
    ),
    grouped_report(
        "unrated", "Unrated calls", "Can we trust it?", "Numbers for which no tariff has a price: a cost is missing.",
        NUMBER, (UNRATED, TALK), only=Q(cost_status=CostStatus.UNRATED), opens={"cost": "unrated"},
        sort="-unrated", icon="circle-question-mark",
        has_course=False, note="Start the missing rate, then give these calls their price.",
        action=Action("Start its rate", "missing-rate", "costing.change_tariff"), empty="Every call has a price.",
    ),
)  # fmt: skip
