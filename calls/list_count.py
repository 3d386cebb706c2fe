"""How many calls a list has: exact while that is quick to tell, else an estimate that says so."""

import json
from typing import Any

from django.db import connections
from django.db.models import Max, Min, QuerySet

from calls.keyset import COUNT_CAP, Page, capped_count, count_words

SURELY_MORE = 10  # times the cap: an estimate of so many is not proved by counting up to the cap
SAMPLES = 500
FEWEST_HITS = 20


def words_of_count(
    rows: QuerySet[Any],
    page: Page | None = None,
    noun: str = "call",
    cap: int = COUNT_CAP,
    *,
    counted: QuerySet[Any] | None = None,
) -> str:
    """“1,170 calls”; beyond `cap` “about 1.2 million calls”. By a `page` of it a short list is known.

    `counted` has as many rows as `rows`, and is sooner counted.
    """
    if page and page.newer is None and page.older is None:
        return count_words(len(page.rows), noun)
    exactly = rows if counted is None else counted
    if connections[rows.db].vendor == "postgresql":
        estimate = planned(rows)
        if estimate < SURELY_MORE * cap and (count := capped_count(exactly, cap)) <= cap:
            return count_words(count, noun)
    else:
        count = capped_count(exactly, cap)
        if count <= cap:
            return count_words(count, noun)
        estimate = sampled(rows)
    return f"about {rounded(estimate)} {noun}s" if estimate > cap else count_words(cap + 1, noun, cap)


def planned(rows: QuerySet[Any]) -> int:
    """So many rows does Postgres expect, by the statistics that its ANALYZE keeps."""
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def sampled(rows: QuerySet[Any]) -> int:
    """By how many of some keys, spread evenly over all that there are, are among the rows; 0 if too few are."""
    all_keys = rows.model._default_manager
    first, last = (all_keys.aggregate(end=end("pk"))["end"] for end in (Min, Max))  # both at once SQLite walks through
    if first is None:
        return 0
    keys = last - first + 1
    samples = min(keys, SAMPLES)
    looked_at = [first + keys * place // samples for place in range(samples)]
    hits = rows.order_by().filter(pk__in=looked_at).count()
    return keys * hits // samples if hits >= FEWEST_HITS else 0


def rounded(number: int) -> str:
    """To two digits: 1.2 million, 160,000."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    near = (number + unit // 2) // unit * unit
    return f"{near / 1_000_000:.2g} million" if 1_000_000 <= near < 100_000_000 else f"{near:,}"
