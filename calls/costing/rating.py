"""What a call costs, and why: the order of computation of docs/tariffs.md, exact from end to end.

Pure Python, no Django, no I/O, no floats. A `Rater` is a tariff document made ready for many calls; it depends on
nothing but the document, and a rating on nothing but the rater and its arguments.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from calls.costing.amounts import amount_text, in_millionths, plain, rounded
from calls.costing.charging import Charger
from calls.costing.localclock import LocalClock, seconds_of
from calls.costing.terms import DAY_S, Document, Part, Prefix, Rounding, component_over, part_over
from calls.costing.timetable import Timetable

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROUNDED = {"up": "rounded up", "half_up": "rounded half up", "down": "rounded down"}
SHORTEST_SHORT_NUMBER = 3
WRITTEN_IN_NUMBERS = str.maketrans("", "", "+ -().")

_MakeCharger = Callable[[Part], Charger]
Status = Literal["rated", "not_charged", "unrated", "stale"]


TWO_DIGITS = [f"{number:02}" for number in range(60)]


class ComponentRating(NamedTuple):
    """One component's part of a call's cost, before mark-up and rounding."""

    name: str
    band: str  # at the answer
    billed_s: int
    exact: Fraction


class Rating(NamedTuple):
    """A call's cost and how it came about.

    `cost` is in the tariff's currency, rounded once; None where `status` is unrated or stale, which is not 0.
    `reason` says in words why a call has no cost, or none but 0. `prefix` is the one matched; `band` and `billed_s` are
    those of the first component. `trace` has a line a step.
    """

    status: Status
    cost: Decimal | None
    numerator: int = 0
    denominator: int = 1
    billed_s: int = 0
    band: str = ""
    prefix: str = ""
    destination: str = ""
    charges: tuple[tuple[str, str, int, int, int], ...] = ()
    reason: str = ""
    trace: tuple[str, ...] = ()
    before_markup: tuple[int, int] = (0, 1)
    rounding: Rounding = Rounding()

    @property
    def recharge_millionths(self) -> int:
        """The cost as it is kept, to a millionth of the currency."""
        return in_millionths(self.numerator, self.denominator, self.rounding)

    @property
    def carrier_millionths(self) -> int:
        """What the carrier charges, which is the cost without the mark-up, as it is kept."""
        return in_millionths(*self.before_markup, self.rounding)

    @property
    def exact(self) -> Fraction:
        """The cost before rounding."""
        return Fraction(self.numerator, self.denominator)

    @property
    def components(self) -> tuple[ComponentRating, ...]:
        return tuple(
            ComponentRating(name, band, billed_s, Fraction(numerator, denominator))
            for name, band, billed_s, numerator, denominator in self.charges
        )

    @property
    def cost_text(self) -> str:
        """The cost as digits, such as 0.1234; empty where there is none."""
        return "" if self.cost is None else plain(self.cost)


STALE = Rating("stale", None, reason="stale", trace=("stale: the call's end was not seen",))
NOT_ANSWERED = Rating("not_charged", Decimal(0), reason="not answered", trace=("not answered: no charge",))
ZERO_SECONDS = Rating("not_charged", Decimal(0), reason="zero seconds", trace=("zero seconds: no charge",))


class Rater:
    """A tariff document made ready for many calls. Prefixes are made ready at their first call, and kept."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.zone = ZoneInfo(document.timezone)  # the tariff's own
        self._clock = LocalClock(self.zone)
        self.prefixes = document.prefixes
        self._zone_words = f", {self.zone.key}"
        self._days: dict[int, str] = {}
        self._whole = document.whole
        self._prefixes = _Prefixes(document.prefixes)
        self._timetables: dict[tuple[int, int, str | None], Timetable] = {}
        self._totals: dict[str, _Total] = {}
        self._money = f"{document.currency}, {document.vat} VAT"

    def rate(
        self,
        answered_at: datetime | None,
        duration_s: int,
        number: str = "",
        *,
        stale: bool = False,
        is_short: bool = False,
    ) -> Rating:
        """What a call costs. `duration_s` are its billable seconds; `answered_at` is aware, or None if never answered.

        `number` is in international form; without a prefix of the tariff that begins it, the call is unrated.
        `is_short`: it is a short or emergency number as dialled, which no international prefix begins.
        """
        if stale or answered_at is None or duration_s == 0:
            return STALE if stale else NOT_ANSWERED if answered_at is None else ZERO_SECONDS
        if answered_at.tzinfo is None or duration_s < 0:
            raise ValueError("A call needs an aware time of answer and a duration of 0 or more.")
        digits = number if number.isascii() and number.isdigit() else _digits(number)
        prefix = self._prefixes.longest(digits)
        if prefix is None or (is_short and not _may_begin_short(prefix)):
            return self._unrated(number)
        total = self._totals.get(prefix.prefix) or self._total(prefix)
        answered = seconds_of(answered_at)
        local = self._clock.local(answered)
        trace = [self._when(local)]
        if self._document.prefixes:
            trace.append(f"matched {prefix.prefix} {prefix.name}".rstrip())
        numerator, denominator = 0, 1
        charges = []
        for component in total.components:
            charger = component.charger(digits)
            if charger is None:
                return self._unrated(number, component.name)
            lines: list[str] = [] if total.is_sum else trace
            charge = charger.charge(answered, local, duration_s, lines)
            if total.is_sum:
                trace.extend([f"{component.name}: {line}" for line in lines])
                numerator = numerator * charger.denominator + charge.numerator * denominator
                denominator *= charger.denominator
            else:
                numerator, denominator = charge.numerator, charger.denominator
            charges.append((component.name, charge.band, charge.billed_s, charge.numerator, charger.denominator))
        if total.is_sum:
            trace.append(f"components together {amount_text(numerator, denominator)}")
        before_markup = numerator, denominator
        numerator, denominator = total.marked_up(numerator, denominator, trace)
        cost = rounded(numerator, denominator, total.rounding)
        trace.append(f"{total.rounding_words}: {plain(cost)} {self._money}")
        _, band, billed_s, _, _ = charges[0]
        return Rating(
            "rated",
            cost,
            numerator,
            denominator,
            billed_s,
            band,
            prefix.prefix,
            prefix.name,
            tuple(charges),
            "",
            tuple(trace),
            before_markup,
            total.rounding,
        )

    def _unrated(self, number: str, component: str = "") -> Rating:
        reason = f"no price for {number}" if number else "no price without a number"
        if component:
            reason += f" in {component}"
        return Rating("unrated", None, reason=reason, trace=(f"unrated: {reason}",))

    def _when(self, local: int) -> str:
        day, second = divmod(local, DAY_S)
        if day not in self._days:
            date_ = date.fromordinal(day + 1)
            self._days[day] = f"answered {DAYS[date_.weekday()]} {date_.day} {MONTHS[date_.month]} {date_.year}"
        minute, second = divmod(second, 60)
        clock = f"{TWO_DIGITS[minute // 60]}:{TWO_DIGITS[minute % 60]}:{TWO_DIGITS[second]}"
        return f"{self._days[day]} {clock}{self._zone_words}"

    def _total(self, prefix: Prefix) -> "_Total":
        total = self._totals[prefix.prefix] = _Total(part_over(prefix.part, self._whole), self._charger)
        return total

    def _charger(self, part: Part) -> Charger:
        """Parts that inherit the same bands share their timetable."""
        key = (id(part.bands), id(part.bank_holidays), part.bank_holiday_as)
        timetable = self._timetables.get(key)
        if timetable is None:
            timetable = Timetable(part.bands or (), part.bank_holidays or (), part.bank_holiday_as, self._clock)
            self._timetables[key] = timetable
        return Charger(part, timetable)


def _digits(number: str) -> str:
    """The digits of a number as people write it; none of one masked or withheld, as it might hide a longer prefix."""
    digits = number.translate(WRITTEN_IN_NUMBERS)
    return digits if digits.isascii() and digits.isdigit() else ""


def _may_begin_short(prefix: Prefix) -> bool:
    """118 begins 118500, but +1 does not. Where a prefix has no class, one of three digits is taken for its own."""
    if prefix.destination_class:
        return prefix.destination_class != "international"
    return not prefix.prefix or len(prefix.prefix) >= SHORTEST_SHORT_NUMBER


class _Prefixes:
    """Finds the longest prefix of a number. Without any prefixes, every number has the empty one."""

    def __init__(self, prefixes: tuple[Prefix, ...]) -> None:
        self._by_digits = {prefix.prefix: prefix for prefix in prefixes} or {"": Prefix("")}
        self._lengths = sorted({len(digits) for digits in self._by_digits}, reverse=True)

    def longest(self, digits: str) -> Prefix | None:
        for length in self._lengths:
            prefix = self._by_digits.get(digits[:length])
            if prefix is not None and len(digits) >= length:
                return prefix
        return None


class _Total:
    """What a call to one prefix adds up to."""

    def __init__(self, part: Part, make_charger: _MakeCharger) -> None:
        self.is_sum = bool(part.components)
        self.components = [
            _Component(
                component.name or f"component {number}",
                component_over(component, part),
                component.prefixes,
                make_charger,
            )
            for number, component in enumerate(part.components or (), 1)
        ] or [_Component("", part, (), make_charger)]
        percent = part.markup_pct or Decimal(0)
        self._markup = 1 + Fraction(percent) / 100
        self._markup_words = f"mark-up {plain(percent)} %"
        assert part.rounding is not None
        self.rounding = part.rounding
        digits = "1 digit" if self.rounding.dp == 1 else f"{self.rounding.dp} digits"
        how = ROUNDED.get(self.rounding.method)
        self.rounding_words = f"{how} to {digits}" if how else "not rounded"

    def marked_up(self, numerator: int, denominator: int, trace: list[str]) -> tuple[int, int]:
        if self._markup == 1:
            return numerator, denominator
        before = amount_text(numerator, denominator)
        numerator, denominator = numerator * self._markup.numerator, denominator * self._markup.denominator
        trace.append(f"{self._markup_words}: {before} → {amount_text(numerator, denominator)}")
        return numerator, denominator


class _Component:
    def __init__(self, name: str, part: Part, prefixes: tuple[Prefix, ...], make_charger: _MakeCharger) -> None:
        self.name = name
        self._part = part
        self._prefixes = _Prefixes(prefixes)
        self._only = None if prefixes else make_charger(part)
        self._make_charger = make_charger
        self._chargers: dict[str, Charger] = {}

    def charger(self, digits: str) -> Charger | None:
        """The charges of a number, or None where no prefix begins it."""
        if self._only is not None:
            return self._only
        prefix = self._prefixes.longest(digits)
        if prefix is None:
            return None
        charger = self._chargers.get(prefix.prefix)
        if charger is None:
            charger = self._chargers[prefix.prefix] = self._make_charger(part_over(prefix.part, self._part))
        return charger
