"""A tariff as data: what a tariff document says, read and checked, with each part's own fields and no other's.

Pure Python, no Django. `None` is a field that the part leaves out: it then has what the part around it has, and the
default where no part has it. A field that a part sets to null goes back to its default: its name is in `cleared`.
Money is Decimal in major units, times are whole seconds.
"""

from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

DAY_S = 86_400

DEFAULT_CURRENCY = "GBP"
DEFAULT_VAT = "ex"
DEFAULT_TIMEZONE = "Europe/London"
DEFAULT_BAND_POLICY = "start"

VAT = ("ex", "inc")
BAND_POLICIES = ("start", "split")
ROUNDING_METHODS = ("up", "half_up", "down", "none")
DESTINATION_CLASSES = (
    "local",
    "national",
    "mobile",
    "international",
    "freephone",
    "service",
    "premium",
    "personal",
    "special",
    "emergency",
)


@dataclass(frozen=True, slots=True)
class Step:
    """A price from a position in the call; `from_s` counts from the answer."""

    from_s: int
    rate: Decimal | None = None
    rate_unit_s: int | None = None
    increment_s: int | None = None
    step_charge: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that the call's first `window_s` seconds (None: all of them) may cost."""

    amount: Decimal
    window_s: int | None = None
    includes_connection: bool = False


@dataclass(frozen=True, slots=True)
class Rounding:
    """How the call's total is rounded, once; `dp` says nothing where the method is none."""

    method: str = "half_up"
    dp: int = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """The price fields: what a band may have of its own."""

    connection_charge: Decimal | None = None
    initial_s: int | None = None
    increment_s: int | None = None
    rate: Decimal | None = None
    rate_unit_s: int | None = None
    initial_charge: Decimal | None = None
    steps: tuple[Step, ...] | None = None  # by from_s
    free_s: int | None = None
    allowance_s: int | None = None
    cap: Cap | None = None
    min_charge: Decimal | None = None
    cleared: frozenset[str] = frozenset()


DEFAULT_TERMS = Terms(
    connection_charge=Decimal(0),
    initial_s=1,
    increment_s=1,
    rate_unit_s=60,
    steps=(),
    free_s=0,
    allowance_s=0,
    min_charge=Decimal(0),
)


@dataclass(frozen=True, slots=True)
class Band:
    """When some prices hold: `starts_s` to `ends_s` (half open, seconds of the local day) on its days.

    A band that ends no later than it starts runs over midnight, into the day after each of its days. Neither weekdays
    (1 is Monday) nor dates: every day. An empty tuple of weekdays: on bank holidays only.
    """

    name: str
    weekdays: tuple[int, ...] | None = None
    dates: tuple[date, ...] | None = None
    starts_s: int = 0
    ends_s: int = DAY_S
    priority: int = 0
    terms: Terms = Terms()

    def is_on(self, day: date) -> bool:
        """Whether the band starts on this day."""
        if self.dates is not None:
            return day in self.dates
        return self.weekdays is None or day.isoweekday() in self.weekdays

    @property
    def is_over_midnight(self) -> bool:
        return self.ends_s <= self.starts_s


@dataclass(frozen=True, slots=True)
class Part:
    """All that a document, a prefix or a component may say of prices."""

    terms: Terms = Terms()
    bands: tuple[Band, ...] | None = None
    band_policy: str | None = None
    bank_holidays: tuple[date, ...] | None = None
    bank_holiday_as: str | None = None
    components: "tuple[Component, ...] | None" = None
    markup_pct: Decimal | None = None
    rounding: Rounding | None = None
    cleared: frozenset[str] = frozenset()


DEFAULT_PART = Part(
    terms=DEFAULT_TERMS,
    bands=(),
    band_policy=DEFAULT_BAND_POLICY,
    bank_holidays=(),
    components=(),
    markup_pct=Decimal(0),
    rounding=Rounding(),
)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The prices of the numbers that begin so. An empty prefix begins every number."""

    prefix: str
    name: str = ""
    destination_class: str = ""
    part: Part = Part()


@dataclass(frozen=True, slots=True)
class Component:
    """A charge rated apart from the others, such as an access charge."""

    name: str = ""
    part: Part = Part()
    prefixes: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole tariff document."""

    name: str = ""
    currency: str = DEFAULT_CURRENCY
    vat: str = DEFAULT_VAT
    timezone: str = DEFAULT_TIMEZONE
    part: Part = Part()
    prefixes: tuple[Prefix, ...] = ()

    @property
    def whole(self) -> Part:
        """What the document says, defaults filled in, prefixes aside."""
        return part_over(self.part, DEFAULT_PART)


T = TypeVar("T", Terms, Part)
NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Terms, Part)}
NO_TERMS, NO_PART = Terms(), Part()


def terms_over(own: Terms, around: Terms) -> Terms:
    """A part's terms, those it leaves out taken from the part around it."""
    return around if own == NO_TERMS else _over(own, around, DEFAULT_TERMS)


def part_over(own: Part, around: Part) -> Part:
    """A part, what it leaves out taken from the part around it."""
    if own == NO_PART:
        return around
    return replace(_over(own, around, DEFAULT_PART), terms=terms_over(own.terms, around.terms))


def component_over(component: Component, around: Part) -> Part:
    """A component's prices; mark-up, rounding and components are those of the total, and not its own."""
    return part_over(
        component.part,
        Part(around.terms, around.bands, around.band_policy, around.bank_holidays, around.bank_holiday_as),
    )


def _over(own: T, around: T, defaults: T) -> T:
    values = {}
    for name in NAMES[type(own)]:
        value = getattr(own, name)
        if value is None:
            value = getattr(defaults if name in own.cleared else around, name)
        values[name] = value
    values["cleared"] = frozenset()
    return type(own)(**values)
