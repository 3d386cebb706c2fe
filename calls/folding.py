"""From a call's events to the rows it is stored by: folded, its number read, priced, its department found.

In memory only; but the first call that a tariff's version prices asks for its prices.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from calls.assembly import fold
from calls.call_rows import (
    COST_STATUS,
    DEPARTMENT,
    EXTENSION,
    HANDLED_BY,
    PRICED,
    STATE,
    TARIFF_VERSION,
    CallEntry,
    facts_of,
    folded_values,
    leg_values,
)
from calls.devices import Devices
from calls.models import CostStatus
from calls.pricing import Facts, Pricing, Why
from calls.records import FoldedCall
from calls.returns import Returns
from calls.rollups import Rollups
from calls.rows import Row


@dataclass(slots=True)
class Folded:
    """What a fold of some calls changed: by call id the names of it, and the rows to write."""

    inserted: list[CallEntry]
    events: list[Row] = field(default_factory=list)  # that are not yet written
    moved_events: list[Row] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    updated: list[CallEntry] = field(default_factory=list)
    new_legs: list[Row] = field(default_factory=list)
    changed_legs: list[Row] = field(default_factory=list)
    shortened: list[CallEntry] = field(default_factory=list)  # by legs that are no more
    unrated: list[int] = field(default_factory=list)  # that had a cost


class Folding:
    """How one transaction folds."""

    def __init__(self, devices: Devices, pricing: Pricing, rollups: Rollups, returns: Returns) -> None:
        """`rollups` and `returns` are told of every difference."""
        self._devices, self._pricing, self._rollups, self._returns = devices, pricing, rollups, returns
        self._whys: dict[str, Why | None] = {}  # of the calls priced here

    def fold(self, entries: Iterable[CallEntry], revision: int, result: Folded) -> None:
        """Fold these calls anew, in memory only; `result` is told what of them differs from what is stored."""
        for entry in entries:
            folded = fold(entry.events, self._devices.kinds, entry.stale_as_of_us)
            state = self._state_row(entry, folded)
            legs = [(folded.started_at, folded.direction, *leg_values(leg)) for leg in folded.legs]
            if state == entry.state and legs == entry.legs:
                continue
            result.changed[entry.call_id] = _differences(entry, state, legs)
            self._rollups.replace(entry.state, entry.legs, state, legs)
            self._returns.replace(entry.pk, entry.state, state)
            pk, stored = entry.pk, entry.legs
            if entry.is_stored:
                result.updated.append(entry)
                if entry.state[COST_STATUS] == CostStatus.RATED and state[COST_STATUS] != CostStatus.RATED:
                    result.unrated.append(pk)
                result.changed_legs += [(pk, *leg) for leg, old in zip(legs, stored, strict=False) if leg != old]
                if len(legs) < len(stored):
                    result.shortened.append(entry)
            result.new_legs += [(pk, *leg) for leg in legs[len(stored) :]]
            entry.state, entry.legs = state, legs
            entry.version += 1
            entry.checked = revision

    def _state_row(self, entry: CallEntry, folded: FoldedCall) -> Row:
        number = self._devices.number_of(folded.trunk, folded.number_raw, folded.number, folded.direction)
        folded.flags |= number.flags
        events = entry.events
        state = (
            *folded_values(folded),
            max([event.received_us for event in events]),
            number.e164,
            self._department(entry, folded),
            entry.stale_as_of_us if folded.stale else None,
            len(events),
        )
        return state + self._priced(entry, Facts._make(facts_of(state)))

    def _priced(self, entry: CallEntry, facts: Facts) -> Row:
        """A call is priced when it ends, and again when that changes on which its cost hangs, and at no other time."""
        version_id = None
        if entry.is_stored:
            before = Facts._make(facts_of(entry.state))
            if before == facts:
                return entry.state[-len(PRICED) :]
            if before.has_route_of(facts):
                version_id = entry.state[TARIFF_VERSION]
        priced, self._whys[entry.call_id] = self._pricing.price(facts, self._devices, version_id)
        return priced

    def cost_rows(self, entries: Iterable[CallEntry]) -> list[Row]:
        """Rows of CallCost of those of these calls that were priced here; each once."""
        whys = ((entry.pk, self._whys.pop(entry.call_id, None)) for entry in entries)
        return [(pk, *why) for pk, why in whys if why is not None]

    def _department(self, entry: CallEntry, folded: FoldedCall) -> int | None:
        """That of the device that decides it, as of when it first did: a later move changes no past bill."""
        device = folded.handled_by or folded.extension
        if entry.is_stored and (entry.state[HANDLED_BY] or entry.state[EXTENSION]) == device:
            department: int | None = entry.state[DEPARTMENT]
            return department
        return self._devices.departments.get(device)


def _differences(entry: CallEntry, state: Row, legs: list[Row]) -> list[str]:
    if not entry.is_stored:
        return ["call"]
    names = [name for name, old, new in zip(STATE, entry.state, state, strict=True) if old != new]
    return names + (["legs"] if legs != entry.legs else [])
