"""What calls cost: by destination, by department, and those without a price."""

from django.db.models import Q

from calls.models import CostStatus
from reports.dimensions import DEPARTMENT, DESTINATION, NUMBER
from reports.engine import Action
from reports.grouped import grouped_report
from reports.measures import CALLS, COST, CURRENCY, MADE, OUT, RECHARGE, TALK, UNRATED

GROUP = "What does it cost?"
SEVERAL = "Amounts of several currencies are not added: filter by trunk to see each."

REPORTS = (
    grouped_report(
        "by-destination", "Cost by destination", GROUP, "Where calls went, how long they took, and what they cost.",
        DESTINATION, (CALLS, TALK, COST, RECHARGE, CURRENCY, UNRATED), only=Q(direction="out"), opens=OUT, sort="-cost",
        icon="globe", has_course=False, note=f"Outgoing calls; unrated ones have no destination. {SEVERAL}",
    ),
    grouped_report(
        "cost-by-department", "Cost by department", GROUP, "The bill of each department, to be charged on.",
        DEPARTMENT, (CALLS, MADE, TALK, COST, RECHARGE, CURRENCY, UNRATED), sort="-recharge", icon="receipt",
        has_course=False,
        note=f"A call counts for the department of whoever handled it, else of the first device. {SEVERAL}",
    ),
    grouped_report(
        "unrated", "Unrated calls", "Can we trust it?", "Numbers for which no tariff has a price: a cost is missing.",
        NUMBER, (UNRATED, TALK), only=Q(cost_status=CostStatus.UNRATED), opens={"cost": "unrated"},
        sort="-unrated", icon="circle-question-mark",
        has_course=False, note="Start the missing rate, then give these calls their price.",
        action=Action("Start its rate", "missing-rate", "costing.change_tariff"),
    ),
)  # fmt: skip
