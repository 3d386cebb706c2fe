"""What can be wrong with a tariff document as a whole: a minute without a price, names that name nothing.

Pure Python, no Django. Every problem is noted where it was written, however many prefixes inherit it.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from calls.costing.localclock import LocalClock
from calls.costing.terms import (
    DAY_S,
    Band,
    Component,
    Document,
    Part,
    Terms,
    component_over,
    part_over,
    terms_over,
)
from calls.costing.timetable import Timetable
from calls.costing.values import Problems, joined, nearest

WEEKDAYS = ("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GAPS_SHOWN = 3
Places = Mapping[str, str]  # where each field in force was written


def check(document: Document, problems: Problems) -> None:
    """Note what is wrong with a document whose single values have been read."""
    whole = document.whole
    check = _Check(problems)
    places = _places(document.part, "", {})
    if not document.prefixes:
        check.part(whole, "", places)
    for index, prefix in enumerate(document.prefixes):
        place = f"prefixes[{index}]"
        check.part(part_over(prefix.part, whole), place, _places(prefix.part, place, places))


def _places(part: Part, place: str, around: Places) -> Places:
    own = [
        name
        for group in (part, part.terms)
        for name in group.__dataclass_fields__
        if name not in {"terms", "cleared"} and (getattr(group, name) is not None or name in group.cleared)
    ]
    return {**around, **{name: joined(place, name) for name in own}}


class _Check:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.covered: dict[int, tuple[Band, ...]] = {}

    def add(self, place: str, reason: str) -> None:
        """Once for what several prefixes inherit."""
        if (place, reason) not in self.problems.found:
            self.problems.add(place, reason)

    def part(self, part: Part, place: str, places: Places) -> None:
        if not part.components:
            self.leaf(part, place, places)
        for index, component in enumerate(part.components or ()):
            self.component(component, part, f"{places['components']}[{index}]", places)

    def component(self, component: Component, total: Part, place: str, places: Places) -> None:
        self.total_is_kept(component.part, total, place)
        part = component_over(component, total)
        places = _places(component.part, place, places)
        if not component.prefixes:
            self.leaf(part, place, places)
        for index, prefix in enumerate(component.prefixes):
            inner = f"{place}.prefixes[{index}]"
            self.total_is_kept(prefix.part, total, inner)
            self.leaf(part_over(prefix.part, part), inner, _places(prefix.part, inner, places))

    def total_is_kept(self, own: Part, total: Part, place: str) -> None:
        """A component is neither marked up nor rounded by itself; it may repeat what holds for the total."""
        for name in ("markup_pct", "rounding"):
            if getattr(own, name) not in {None, getattr(total, name)}:
                self.add(joined(place, name), "this is done once, to the call's total: set it outside the components")

    def leaf(self, part: Part, place: str, places: Places) -> None:
        bands = part.bands or ()
        self.bank_holidays(part, place, places)
        self.terms(part, part.terms, place, places, "")
        for index, band in enumerate(bands):
            terms = terms_over(band.terms, part.terms)
            inner = {**places, **{name: f"{places['bands']}[{index}].{name}" for name in _set(band.terms)}}
            band_place = f"{places['bands']}[{index}]" if places["bands"].startswith(joined(place, "bands")) else place
            self.terms(part, terms, band_place, inner, f"band “{band.name}” has none, and ")
            if band.weekdays == () and band.name != part.bank_holiday_as:
                self.add(f"{places['bands']}[{index}].weekdays", "no minute falls in it: it has no weekday")
            if band.dates == ():
                self.add(f"{places['bands']}[{index}].dates", "no minute falls in it: it has no date")
        if bands and not _can_price(part, part.terms) and not self.problems.any_at(places["bands"]):
            self.no_gap(bands, places["bands"])

    def terms(self, part: Part, terms: Terms, place: str, places: Places, band: str) -> None:
        is_used = bool(band) or not part.bands
        if is_used and not _can_price(part, terms):
            self.add(joined(place, "rate"), f"missing: {band}there is none to inherit" if band else "missing")
        for step in terms.steps or ():
            if step.rate is None and terms.rate is None and not self.problems.any_at(places["steps"]):
                self.add(places["steps"], f"the step from {step.from_s} s has no rate, and there is none to inherit")
        if terms.initial_charge is not None and terms.initial_s == 0:
            self.add(places["initial_charge"], "there is no initial period to charge for: initial_s is 0")

    def bank_holidays(self, part: Part, place: str, places: Places) -> None:
        wanted, bands = part.bank_holiday_as, part.bands or ()
        if wanted is None or self.problems.any_at(places["bank_holiday_as"]):
            return
        if not bands and places["bank_holiday_as"] != joined(place, "bank_holiday_as"):
            return  # it was meant for bands that this part has not
        prices = {band.terms for band in bands if band.name == wanted}
        if not prices and not self.problems.any_at(places.get("bands", "bands")):
            hint = nearest(wanted, [band.name for band in bands])
            self.add(places["bank_holiday_as"], f"no band is named “{wanted}”{hint}")
        if len(prices) > 1:
            self.add(places["bank_holiday_as"], f"the bands named “{wanted}” have different prices; name one by itself")

    def no_gap(self, bands: tuple[Band, ...], place: str) -> None:
        """Without a rate outside the bands, they leave no minute of the week out."""
        if id(bands) in self.covered:
            return
        self.covered[id(bands)] = bands
        gaps = Timetable(bands, (), None, LocalClock(ZoneInfo("UTC"))).gaps()
        words = [f"{WEEKDAYS[day]} {_clock(start)} to {_clock(end)}" for day, start, end in gaps[:GAPS_SHOWN]]
        more = f" and {len(gaps) - GAPS_SHOWN} more" if len(gaps) > GAPS_SHOWN else ""
        if gaps:
            self.add(place, f"no band covers {', '.join(words)}{more}, and there is no rate outside the bands")


def _set(terms: Terms) -> list[str]:
    return [name for name in terms.__dataclass_fields__ if name != "cleared" and getattr(terms, name) is not None]


def _can_price(part: Part, terms: Terms) -> bool:
    """Whether every second has a rate of its own or of a step, or is in an initial period with a fixed price."""
    if terms.rate is not None:
        return True
    if not terms.steps:
        return False
    is_fixed = terms.initial_charge is not None and part.band_policy == "start"
    return terms.steps[0].from_s <= ((terms.initial_s or 0) if is_fixed else 0)


def _clock(second: int) -> str:
    if second == DAY_S:
        return "24:00"
    hours, minutes, seconds = (second // 3600, second // 60 % 60, second % 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
