"""What the page of one call says of its cost: the figures, and the working, a line a step."""

from functools import cached_property

from calls import money
from calls.access import MASK, Scope
from calls.costing.models import Destination, TariffVersion
from calls.models import Call, CallCost, CostStatus
from calls.pricing import CostReason

NO_COST = {
    CostReason.STALE: "Its end was not seen, so nobody can say.",
    CostReason.NOT_ANSWERED: "Not answered, so nothing is charged.",
    CostReason.ZERO_SECONDS: "It ended in the second of its answer, so nothing is charged.",
    CostReason.NOT_CHARGED: "No tariff charges for incoming calls on its trunk.",
    CostReason.NO_TARIFF: "No tariff holds for its trunk's carrier on that day.",
    CostReason.NO_PREFIX: "The tariff has no price for its number.",
    CostReason.MASKED: "Its number was not sent in full, so no price can be found.",
    CostReason.NOT_RECOGNISED: "Its number could not be read: local digits need the trunk's area code.",
    CostReason.DEFECT: "The tariff's prices can't be used.",
    CostReason.TOO_LARGE: "The tariff makes it dearer than can be kept.",
}


class CostPanel:
    """`call` should come with destination, tariff_version__tariff and pricing selected."""

    def __init__(self, call: Call, scope: Scope) -> None:
        self.call = call
        self.scope = scope

    @property
    def is_shown(self) -> bool:
        return self.call.cost_status not in {"", CostStatus.OFF}

    @property
    def cost(self) -> str:
        call = self.call
        if call.cost is not None:
            return money.of_a_call(call.cost, call.currency)
        return "unrated" if call.cost_status == CostStatus.UNRATED else "none"

    @property
    def recharge(self) -> str:
        """With the mark-up, where there is one."""
        call = self.call
        if call.recharge is None or call.recharge == call.cost:
            return ""
        return money.of_a_call(call.recharge, call.currency)

    @property
    def is_partial(self) -> bool:
        return self.call.cost_status == CostStatus.RATED and self.call.cost_reason == CostReason.PARTIAL

    @property
    def why_none(self) -> str:
        return NO_COST.get(CostReason(self.call.cost_reason), "") if self.call.cost_reason else ""

    @property
    def misses_rate(self) -> bool:
        """Whether a prefix added to the tariff would price it."""
        return bool(self.call.cost_reason == CostReason.NO_PREFIX)

    @property
    def destination(self) -> Destination | None:
        return self.call.destination

    @property
    def version(self) -> TariffVersion | None:
        return self.call.tariff_version

    @cached_property
    def _kept(self) -> CallCost | None:
        return getattr(self.call, "pricing", None)

    @property
    def band(self) -> str:
        return self._kept.band if self._kept else ""

    @property
    def trace(self) -> list[str]:
        """The working. A prefix may be nearly the whole number: what the viewer may not see of that is hidden here."""
        if self._kept is None:
            return []
        prefix = self._kept.prefix
        return self._kept.trace.replace(f"matched {prefix}", f"matched {self._seen(prefix)}", 1).splitlines()

    def _seen(self, prefix: str) -> str:
        digits = len(self.call.number_e164.removeprefix("+") or self.call.number)
        seen = max(digits - self.scope.masked_digits, 0)
        return prefix[:seen] + MASK * len(prefix[seen:])
