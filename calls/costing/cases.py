"""Calls to be priced, as JSON has them: one case is a tariff document and a call, its answer a cost and a trace.

Pure Python, no Django.
"""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from calls.costing.document import parse
from calls.costing.rating import Rater, Rating
from calls.costing.values import MOST_SECONDS, Json, load_json, shown


class CaseError(ValueError):
    """A call that can't be priced; the message says why."""


class Pricer:
    """Prices cases one after another; a document that comes several times in a row is made ready once."""

    def __init__(self) -> None:
        self._document = ""
        self._rater: Rater | None = None

    def answer(self, line: str | bytes) -> dict[str, Any]:
        """The answer to one line of JSON: `cost` and `trace`, or `error`. It never raises for what the line says."""
        try:
            rating = self._rate(load_json(line))
            if rating.cost is None:
                raise CaseError(unrated(rating))
        except ValueError as error:
            return {"error": " ".join(str(error).split())}
        return {"cost": rating.cost_text, "trace": list(rating.trace)}

    def _rate(self, case: Json) -> Rating:
        if not isinstance(case, dict):
            raise CaseError(f"{shown(case)} is not a case, which is a JSON object")
        for name in ("rate", "duration_s"):
            if name not in case:
                raise CaseError(f"{name}: missing")
        rater = self._ready(case["rate"])
        answered_at, number = case.get("answered_at"), case.get("number")
        return rate(
            rater,
            None if answered_at is None else read_instant(answered_at, rater.zone),
            read_duration(case["duration_s"]),
            read_number(number),
        )

    def _ready(self, document: Json) -> Rater:
        # By its text: as values, 1, 1.0 and true would be equal.
        text = json.dumps(document, default=repr)
        if self._rater is None or text != self._document:
            self._rater, self._document = Rater(parse(document)), text
        return self._rater


def rate(rater: Rater, answered_at: datetime | None, duration_s: int, number: str) -> Rating:
    """A call's rating. Raises CaseError where it would end after the last day there is."""
    try:
        return rater.rate(answered_at, duration_s, number)
    except OverflowError:
        raise CaseError("the call ends outside the calendar, which has the years 1 to 9999") from None


def unrated(rating: Rating) -> str:
    """Why a call has no cost, in words."""
    return f"Unrated: {rating.reason}."


def read_instant(value: Json, zone: ZoneInfo) -> datetime:
    """An ISO 8601 date and time; on the wall clock of `zone` unless it names its offset from UTC.

    A time that comes twice, as clocks go back, is the first; one that clocks skip counts from before the change.
    """
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None:
        raise CaseError(f"answered_at: {shown(value)} is not a date and time such as 2026-11-24T09:00:00")
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


def read_duration(value: Json) -> int:
    """Whole seconds, from 0 to 31 years."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SECONDS:
        raise CaseError(f"duration_s: {shown(value)} is not a whole number of seconds from 0 to {MOST_SECONDS:,}")
    return value


def read_number(value: Json) -> str:
    """The digits of a number as given; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise CaseError(f"number: {shown(value)} is not a number's digits in quotes")
    return str(value)
