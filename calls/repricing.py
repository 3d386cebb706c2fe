"""Calls whose cost is not what the prices that hold now say."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from calls.call_rows import IDENTITY, PRICED, STATE, STATE_STATE, call_columns, facts_of
from calls.devices import Devices
from calls.pricing import Facts, Priced, Pricing, Why
from calls.records import CallState
from calls.rows import Row
from calls.store import CallStore

FIGURES = Priced._fields.index("cost_reason")


class Repriced(NamedTuple):
    row: Row  # of `call_columns`
    old: Priced
    new: Priced
    why: Why | None

    @property
    def is_another_figure(self) -> bool:
        """And not only another version with the same price."""
        return self.old[:FIGURES] != self.new[:FIGURES]


def other_prices(
    rows: Iterable[Row], pricing: Pricing, devices: Devices, tariff_id: int | None = None
) -> Iterator[Repriced]:
    """Those of the rows, as `call_columns` gives them, that have ended and whose cost is another now.

    With a tariff: only those that it prices now, or did before.
    """
    first, last = len(IDENTITY), len(IDENTITY) + len(STATE)
    for row in rows:
        state = row[first:last]
        if state[STATE_STATE] != CallState.ENDED:
            continue
        old = Priced._make(state[-len(PRICED) :])
        facts = Facts._make(facts_of(state))
        if tariff_id is not None and tariff_id not in {
            pricing.tariff_of(facts, devices), pricing.tariff_of_version(old.tariff_version_id)
        }:  # fmt: skip
            continue
        new, why = pricing.price(facts, devices)
        if new != old:
            yield Repriced(row, old, new, why)


def price_again(
    store: CallStore,
    call_pks: Sequence[int],
    keep: Callable[[Sequence[Repriced]], None],
    tariff_id: int | None = None,
) -> None:
    """Give ended calls the prices that hold for them now, whatever they had. `keep` is told, in the transaction."""
    with store.transaction() as work:
        rows = call_columns(store.using).select_in("id", call_pks, "feed_id = %s", [store.feed_id])
        found = list(other_prices(rows, store.pricing, store.devices, tariff_id))
        if found:
            work.replace_costs([(one.row, one.new, one.why) for one in found])
        keep(found)
