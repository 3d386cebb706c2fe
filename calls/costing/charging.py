"""One component's charge for one call: steps 3 to 10 of docs/tariffs.md, exactly.

Pure Python, no Django. Every amount is an integer count of a fraction of the currency (`Charger.denominator`) in which
each charge, and each rate for one second, is whole: exact like a Fraction, and many times as fast.

A second's place in the call is fixed: it is counted from the answer, free seconds included, and says which step, which
band and which side of a cap's window the second belongs to (docs/decisions/0009-how-a-price-is-reckoned.md).
"""

from bisect import bisect_right
from decimal import Decimal
from math import lcm
from typing import NamedTuple

from calls.costing.amounts import amount_text, plain
from calls.costing.terms import Part, Terms, terms_over
from calls.costing.timetable import Timetable

NEVER = 1 << 62  # seconds
ZERO = Decimal(0)
INITIAL = -1  # in place of a span's number


class Charge(NamedTuple):
    """What one component costs, before mark-up: `numerator` of `Charger.denominator`."""

    numerator: int
    billed_s: int
    band: str  # at the answer; empty outside all bands


class _Span(NamedTuple):
    """A price by position in the call, from `from_s` on. The first is the price before any step."""

    from_s: int
    increment_s: int
    per_second: int
    charge: int
    is_step: bool
    words: str


class _Prices:
    """The prices of one band, or outside all bands."""

    __slots__ = (
        "allowance_s",
        "cap",
        "cap_counts_connection",
        "cap_window_s",
        "connection",
        "connection_words",
        "free_s",
        "increments",
        "initial_charge",
        "initial_s",
        "minimum",
        "name",
        "spans",
        "starts",
        "step_initial_s",
    )

    def __init__(self, name: str, terms: Terms, denominator: int) -> None:
        def whole(amount: Decimal | None) -> int:
            numerator, own = (amount or ZERO).as_integer_ratio()
            return numerator * denominator // own

        def span(from_s: int, rate: Decimal | None, unit: int, increment: int, charge: int, is_step: bool) -> _Span:
            words = f" s at {plain(rate or ZERO)} for {unit} s = "
            return _Span(from_s, increment, whole(rate) // unit, charge, is_step, words)

        self.name = name
        self.connection = whole(terms.connection_charge)
        self.connection_words = f"connection charge {amount_text(self.connection, denominator)}"
        self.minimum = whole(terms.min_charge)
        self.free_s, self.allowance_s = terms.free_s or 0, terms.allowance_s or 0
        self.cap = whole(terms.cap.amount) if terms.cap else None
        self.cap_window_s = NEVER if not terms.cap or terms.cap.window_s is None else terms.cap.window_s
        self.cap_counts_connection = bool(terms.cap and terms.cap.includes_connection)
        if self.cap_counts_connection:
            self.connection_words += ", counted in the cap"
        self.initial_s = 1 if terms.initial_s is None else terms.initial_s
        self.initial_charge = None if terms.initial_charge is None else whole(terms.initial_charge)
        # A step that holds from the start rounds by its own increment, unless an initial period was asked for.
        self.step_initial_s = self.initial_s if self.initial_s > 1 or self.initial_charge is not None else 0
        unit, increment = terms.rate_unit_s or 60, terms.increment_s or 1
        self.increments = f" in {self.initial_s}/{increment}"
        steps = terms.steps or ()
        self.spans = [] if steps and steps[0].from_s == 0 else [span(0, terms.rate, unit, increment, 0, False)]
        for step in steps:
            rate = terms.rate if step.rate is None else step.rate
            charge = whole(step.step_charge)
            self.spans.append(
                span(step.from_s, rate, step.rate_unit_s or unit, step.increment_s or increment, charge, True)
            )
        self.starts = [span.from_s for span in self.spans]


class _Bill:
    """What the billed seconds of one call add up to. `inside` the cap's window, and `outside`: past it."""

    __slots__ = (
        "allowance_s",
        "billed_s",
        "furthest_step",
        "has_steps",
        "inside",
        "lines",
        "outside",
        "step_charges",
        "window_s",
    )

    def __init__(self, allowance_s: int, window_s: int) -> None:
        self.allowance_s = allowance_s  # still left
        self.window_s = window_s
        self.inside = self.outside = self.billed_s = 0
        self.furthest_step = -1
        self.has_steps = False
        self.lines: dict[tuple[int, int], list[int]] = {}  # seconds and amount by band and span
        self.step_charges: list[tuple[int, int]] = []

    def add(
        self, line: tuple[int, int], span: _Span, position: int, length: int, increment: int, fixed: int | None
    ) -> None:
        """Bill so many seconds, begun at `position` in whole increments: for a fixed price, or by the second."""
        self.billed_s += length
        covered = 0
        if self.allowance_s:
            covered = min(self.allowance_s, length)
            self.allowance_s -= covered
            if covered == length:
                return
        left = length - covered
        if fixed is None:
            amount = left * span.per_second
            past = position + length - self.window_s
            if past > 0:
                past = min(left, past) * span.per_second
                self.outside += past
                self.inside += amount - past
            else:
                self.inside += amount
        else:
            amount = fixed
            self._charge_once(position, fixed)
        so_far = self.lines.setdefault(line, [0, 0])
        so_far[0] += left
        so_far[1] += amount
        if span.is_step and span.from_s > self.furthest_step:
            self.furthest_step = span.from_s
            self.has_steps = True
            if span.charge:
                self._charge_once(position + covered // increment * increment, span.charge)
                self.step_charges.append((span.from_s, span.charge))

    def _charge_once(self, position: int, amount: int) -> None:
        if position < self.window_s:
            self.inside += amount
        else:
            self.outside += amount


class Charger:
    """A component's prices, made ready for many calls."""

    __slots__ = ("_has_bands", "_prices", "_splits", "_timetable", "denominator")

    def __init__(self, part: Part, timetable: Timetable) -> None:
        bands = part.bands or ()
        self._timetable = timetable
        self._has_bands = bool(bands)
        self._splits = part.band_policy == "split"
        named = [(band.name, terms_over(band.terms, part.terms)) for band in bands]
        named.append(("", part.terms))  # last, where BASE finds it
        self.denominator = lcm(*(denominator for _, terms in named for denominator in _denominators(terms)))
        self._prices = [_Prices(name, terms, self.denominator) for name, terms in named]

    def charge(self, answered: int, local: int, duration_s: int, trace: list[str]) -> Charge:
        """The charge for a call of at least a second; adds to the trace. `answered` and `local`: see LocalClock."""
        at_answer = self._timetable.at(local)
        first = self._prices[at_answer]
        free = first.free_s
        if self._has_bands:
            trace.append(first.name or "outside all bands")
        inside = outside = billed = 0
        if free:
            trace.append(f"first {free} s free: {max(0, duration_s - free)} s left")
        if duration_s > free:
            if self._splits:
                runs = self._timetable.runs(answered, free, duration_s)
            else:
                runs = [(free, duration_s, at_answer)]
            inside, outside, billed = self._seconds(first, runs, duration_s, trace)
        connection, unit = first.connection, self.denominator
        capped = inside + connection if first.cap_counts_connection else inside
        if first.cap is not None and capped > first.cap:
            window = "" if first.cap_window_s == NEVER else f" on the first {first.cap_window_s} s"
            and_connection = ", connection charge included" if first.cap_counts_connection else ""
            most = amount_text(first.cap, unit)
            trace.append(f"cap {most}{window}{and_connection}: {amount_text(capped, unit)} → {most}")
            capped = first.cap
        total = capped + outside
        if connection:
            trace.append(first.connection_words)
            if not first.cap_counts_connection:
                total += connection
        if total < first.minimum:
            least = amount_text(first.minimum, unit)
            trace.append(f"minimum charge {least}: {amount_text(total, unit)} → {least}")
            total = first.minimum
        return Charge(total, billed, first.name)

    def _seconds(
        self, first: _Prices, runs: list[tuple[int, int, int]], duration_s: int, trace: list[str]
    ) -> tuple[int, int, int]:
        """The charge of the billed seconds within the cap's window, past it, and how many were billed."""
        bill = _Bill(first.allowance_s, first.cap_window_s)
        position = free = first.free_s
        for _, until, band in runs:
            prices = self._prices[band]
            while position < until:
                number = bisect_right(prices.starts, position) - 1
                span = prices.spans[number]
                next_from = prices.starts[number + 1] if number + 1 < len(prices.starts) else NEVER
                initial_s = prices.step_initial_s if span.is_step else prices.initial_s
                if position == free and initial_s:
                    length = initial_s
                    fixed = prices.initial_charge
                    bill.add((band, number if fixed is None else INITIAL), span, position, length, length, fixed)
                else:
                    increment = span.increment_s
                    length = -((position - min(until, next_from)) // increment) * increment
                    bill.add((band, number), span, position, length, increment, None)
                position = min(position + length, next_from)
        how = ", each step by its own increment" if bill.has_steps else first.increments
        trace.append(f"{duration_s - free} s → {bill.billed_s} s{how}")
        if first.allowance_s:
            covered = first.allowance_s - bill.allowance_s
            trace.append(f"allowance of {first.allowance_s} s covers {covered} s")
        for (band, number), (seconds, amount) in bill.lines.items():
            trace.append(self._line(band, number, seconds, amount))
        for at, amount in bill.step_charges:
            trace.append(f"step from {at} s: {amount_text(amount, self.denominator)}")
        return bill.inside, bill.outside, bill.billed_s

    def _line(self, band: int, number: int, seconds: int, amount: int) -> str:
        prices = self._prices[band]
        name = f"{prices.name}, " if self._splits and prices.name else ""
        cost = amount_text(amount, self.denominator)
        if number == INITIAL:
            return f"{name}initial {prices.initial_s} s at {cost}"
        span = prices.spans[number]
        step = f"step from {span.from_s} s, " if span.is_step else ""
        return f"{name}{step}{seconds}{span.words}{cost}"


def _denominators(terms: Terms) -> list[int]:
    unit = terms.rate_unit_s or 60
    amounts = [terms.connection_charge, terms.initial_charge, terms.min_charge, terms.cap.amount if terms.cap else None]
    amounts += [step.step_charge for step in terms.steps or ()]
    rates = [(terms.rate, unit)]
    rates += [(terms.rate if step.rate is None else step.rate, step.rate_unit_s or unit) for step in terms.steps or ()]
    return [
        *(amount.as_integer_ratio()[1] for amount in amounts if amount is not None),
        *(rate.as_integer_ratio()[1] * seconds for rate, seconds in rates if rate is not None),
    ]
