"""The sums of a question's calls by what a report groups them by: from roll-ups if they can, else from calls."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, Window
from django.db.models.functions import Collate, NullIf

from calls.counting import CALL_COUNTS
from calls.models import Facet, Grain
from calls.querysets import CallQuerySet
from reports.engine import Question, Values
from reports.measures import added, sums
from reports.rolled import NONE_ENDED, SUMS, nothing, rollups, whole

Key = tuple[Any, ...]
First = tuple[list[tuple[Any, Values]], int]
"""Some groups by one text, and how many there are."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """How a dimension's groups are found in roll-ups: `key` makes of `fields` what the database groups calls by.

    `by` are expressions to group by instead of fields.
    """

    facet: Facet
    fields: tuple[str, ...]
    key: Callable[[Key], Key] = tuple
    finest: Callable[[Question], Grain] = lambda _question: Grain.MONTH
    by: Callable[[Question], Mapping[str, Any]] | None = None


WHOLE = Rolled(Facet.WHOLE, ())
BY_TEXT = "text"  # an order by what is grouped by


def gathered(
    question: Question,
    by: Mapping[str, Any],
    needs: Collection[str],
    rolled: Rolled | None,
    *,
    only: Q | None = None,
    opens: Mapping[str, str] | None = None,
) -> list[tuple[Key, Values]]:
    """Groups by key, one more than once if need be; without `by` all of it under (). Each has calls.

    Of the whole, roll-ups are asked even if the calls have to be asked for some of it: for what a single call tells.
    `only` narrows the calls; `opens` says it as an address does, by which roll-ups can.
    """
    calls = question.calls() if only is None else question.calls().filter(only)
    direction = (opens or {}).get("direction", "")
    if rolled is None or question.errors or (only is not None and set(opens or ()) != {"direction"}):
        return _of_calls(question, calls, by, needs)
    apart = [] if by else [name for name in needs if name not in SUMS and name not in NONE_ENDED]
    parts = rollups(question, rolled.facet, rolled.finest(question), set(needs).difference(apart))
    if parts is None or len(apart) == len(needs):
        return _of_calls(question, calls, by, needs)
    asked = {name: SUMS[name] for name in needs if name in SUMS}
    group_by = rolled.by(question) if rolled.by else {name: F(name) for name in rolled.fields}
    found = []
    for rows in parts:
        narrowed = rows.filter(direction=direction) if direction else rows
        for key, group in _groups(narrowed, group_by, asked):
            if group["calls"]:
                found.append((rolled.key(key), nothing(needs) | {name: whole(name, group[name]) for name in asked}))
    if apart:
        found += [(key, nothing(needs) | group) for key, group in _of_calls(question, calls, by, apart)]
    if question.live:
        found += [
            (key, nothing(needs) | group)
            for key, group in _of_calls(
                question, calls.filter(pk__in=question.live), by, [name for name in needs if name not in apart]
            )
        ]
    if "unreturned" in needs:
        found += [
            (key, nothing(needs) | counted)
            for key, counted in _groups(calls.filter(CALL_COUNTS["unreturned"]), by, {"unreturned": Count("*")})
        ]
    return found


def _of_calls(
    question: Question, calls: CallQuerySet, by: Mapping[str, Any], needs: Collection[str]
) -> list[tuple[Key, Values]]:
    known = sums(question.now)
    return _groups(calls, by, {name: known[name] for name in needs})


def _groups(rows: Any, by: Mapping[str, Any], asked: Mapping[str, Any]) -> list[tuple[Key, Values]]:
    """Named apart from the columns, which sums of roll-ups are named after."""
    sums_of = {f"s_{name}": wanted for name, wanted in asked.items()}
    named = {f"by_{name}": wanted for name, wanted in by.items()}
    if not by:
        return [((), dict(zip(asked, rows.aggregate(**sums_of).values(), strict=True)))]
    found = rows.annotate(**named).values(*named).annotate(**sums_of).values_list(*named, *sums_of)
    return [(group[: len(by)], dict(zip(asked, group[len(by) :], strict=True))) for group in found]


def first_groups(
    question: Question, calls: CallQuerySet, by: Any, place: Any, needs: Collection[str], order: str, most: int
) -> First:
    """The first of the groups that `_of_calls` would find by one text, and how many there are in all.

    `order` is a Measure's or BY_TEXT, "-" before it for descending; equal ones by `place`, of the text, which is named
    `by`, as Python orders it.
    """
    known = sums(question.now)
    sums_of = {f"s_{name}": known[name] for name in needs}
    text = Collate(by, "C" if connection.vendor == "postgresql" else "BINARY")
    groups = calls.annotate(by=text).values("by").annotate(**sums_of, groups=Window(Count("*")))
    part, _, whole = order.removeprefix("-").partition("/")
    first = place if part == BY_TEXT else F(f"s_{part}") / NullIf(F(f"s_{whole}"), 0) if whole else F(f"s_{part}")
    first = first.desc(nulls_last=True) if order.startswith("-") else first.asc(nulls_last=True)
    found = list(groups.order_by(first, place.asc()).values_list("by", "groups", *sums_of)[:most])
    rows = [(key, dict(zip(needs, values, strict=True))) for key, _, *values in found]
    return rows, found[0][1] if found else 0


def totals(
    question: Question, needs: Collection[str], *, only: Q | None = None, opens: Mapping[str, str] | None = None
) -> Values:
    """The sums of all calls asked for."""
    return added([found for _, found in gathered(question, {}, needs, WHOLE, only=only, opens=opens)], needs)
