"""What a call costs, second by second and in exact fractions: slow, plain, and written apart from the rater.

It works on the JSON document itself, from docs/tariffs.md and decision 9; nothing of `calls.costing` is imported.
Documents are taken to be sound. Money in them may be a string or an integer.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
OF_THE_TOTAL = {"components", "prefixes", "markup_pct", "rounding", "name"}
ROUNDING = {"up": ROUND_CEILING, "half_up": ROUND_HALF_UP, "down": ROUND_FLOOR}


class UnratedError(Exception):
    """No prefix of the tariff begins the number."""


def exact_cost(tariff: Json, answered_at: datetime | None, duration_s: int, number: str = "") -> Fraction:
    """The cost before rounding. `answered_at` is aware."""
    if answered_at is None or duration_s == 0:
        return Fraction(0)
    tariff = at_prefix(tariff, number)
    return sum(component_charges(tariff, answered_at, duration_s, number), Fraction(0)) * markup(tariff)


def cost(tariff: Json, answered_at: datetime | None, duration_s: int, number: str = "") -> Decimal:
    """The cost, rounded once. For documents whose rounding is not `none`."""
    exact = exact_cost(tariff, answered_at, duration_s, number)
    rounding = {"method": "half_up", "dp": 4} | at_prefix(tariff, number).get("rounding", {})
    # 60 more digits than are kept: a fraction of these tests is never that close to a tie without being one.
    many_digits = Context(prec=120).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return many_digits.quantize(Decimal(1).scaleb(-rounding["dp"]), ROUNDING[rounding["method"]], Context(prec=120))


def component_charges(tariff: Json, answered_at: datetime, duration_s: int, number: str) -> list[Fraction]:
    """Each component's charge, before mark-up; a tariff without components is one. `tariff` is that of the prefix."""
    shared = {name: value for name, value in tariff.items() if name not in OF_THE_TOTAL}
    parts = [{**shared, **part} for part in tariff.get("components") or [{}]]
    return [charge(at_prefix(part, number), answered_at, duration_s) for part in parts]


def markup(tariff: Json) -> Fraction:
    return 1 + Fraction(tariff.get("markup_pct", 0)) / 100


def at_prefix(tariff: Json, number: str) -> Json:
    if not tariff.get("prefixes"):
        return tariff
    fitting = [entry for entry in tariff["prefixes"] if number.startswith(entry["prefix"])]
    if not fitting:
        raise UnratedError(number)
    return {**tariff, "prefixes": None, **max(fitting, key=lambda entry: len(entry["prefix"]))}


def charge(tariff: Json, answered_at: datetime, duration_s: int) -> Fraction:
    """One component's charge, floor included."""
    first = {**tariff, **band_at(tariff, answered_at)}
    connection = Fraction(first.get("connection_charge", 0))
    seconds = charged_seconds(tariff, first, answered_at, duration_s)
    cap = first.get("cap")
    if cap:
        window = cap.get("window_s")
        inside = sum((amount for position, amount in seconds if window is None or position < window), Fraction(0))
        outside = sum(
            (amount for position, amount in seconds if window is not None and position >= window), Fraction(0)
        )
        if cap.get("includes_connection", False):
            total = min(inside + connection, Fraction(cap["amount"])) + outside
        else:
            total = min(inside, Fraction(cap["amount"])) + outside + connection
    else:
        total = sum((amount for _, amount in seconds), Fraction(0)) + connection
    return max(total, Fraction(first.get("min_charge", 0)))


def charged_seconds(tariff: Json, first: Json, answered_at: datetime, duration_s: int) -> list[tuple[int, Fraction]]:
    """Every priced second and fixed charge: (position in the call, amount)."""
    answered_at = answered_at.astimezone(UTC)
    allowance = first.get("allowance_s", 0)
    position = free = first.get("free_s", 0)
    furthest_step = -1
    priced: list[tuple[int, Fraction]] = []
    while position < duration_s:
        prices = first
        if tariff.get("band_policy") == "split":
            prices = {**tariff, **band_at(tariff, answered_at + timedelta(seconds=position))}
        steps = prices.get("steps") or []
        step = max((s for s in steps if s["from_s"] <= position), key=lambda s: int(s["from_s"]), default=None)
        now = {**prices, **(step or {})}
        length, fixed = now.get("increment_s", 1), None
        if position == free and has_initial_period(prices, step):
            length, fixed = prices.get("initial_s", 1), prices.get("initial_charge")
        per_second = Fraction(now["rate"]) / now.get("rate_unit_s", 60) if fixed is None else None
        left = 0
        for second in range(position, position + length):
            if allowance > 0:
                allowance -= 1
                continue
            left += 1
            if per_second is not None:
                priced.append((second, per_second))
        if left:
            if fixed is not None:
                priced.append((position, Fraction(fixed)))
            if step and step["from_s"] > furthest_step:
                furthest_step = step["from_s"]
                priced.append((position, Fraction(step.get("step_charge", 0))))
        position = min([position + length, *(s["from_s"] for s in steps if s["from_s"] > position)])
    return priced


def billed_seconds(tariff: Json, answered_at: datetime, duration_s: int) -> int:
    """Whole increments begun, for a tariff of one band without free seconds, allowance, cap or steps."""
    initial, increment = tariff.get("initial_s", 1), tariff.get("increment_s", 1)
    rest = max(0, duration_s - initial)
    return int(initial + -(-rest // increment) * increment)


def has_initial_period(prices: Json, step: Json | None) -> bool:
    length = prices.get("initial_s", 1)
    if step is None:
        return bool(length > 0)
    return bool(length > 1 or prices.get("initial_charge") is not None)


def band_at(tariff: Json, instant: datetime) -> Json:
    """The band whose prices hold at an instant, or {} where none does."""
    local = instant.astimezone(ZoneInfo(tariff.get("timezone", "Europe/London")))
    bands = tariff.get("bands") or []
    holiday_as = tariff.get("bank_holiday_as")
    if holiday_as and local.date().isoformat() in (tariff.get("bank_holidays") or []):
        return next(prices_of(band) for band in bands if band["name"] == holiday_as)
    holding = [
        (band.get("priority", 0), "dates" in band, -order, band)
        for order, band in enumerate(bands)
        if holds(band, local)
    ]
    return prices_of(max(holding, key=lambda entry: entry[:3])[3]) if holding else {}


def prices_of(band: Json) -> Json:
    return {name: value for name, value in band.items() if name not in {"name", "weekdays", "dates", "from", "to"}}


def holds(band: Json, local: datetime) -> bool:
    clock = local.hour * 3600 + local.minute * 60 + local.second
    begins, ends = seconds_of(band.get("from", "00:00")), seconds_of(band.get("to", "24:00"))
    if begins < ends:
        return is_day_of(band, local.date()) and begins <= clock < ends
    return (is_day_of(band, local.date()) and clock >= begins) or (
        is_day_of(band, local.date() - timedelta(days=1)) and clock < ends
    )


def is_day_of(band: Json, day: date) -> bool:
    if "dates" in band:
        return day.isoformat() in band["dates"]
    return day.isoweekday() in band.get("weekdays", range(1, 8))


def seconds_of(clock: str) -> int:
    hours, minutes, seconds = [*map(int, clock.split(":")), 0][:3]
    return hours * 3600 + minutes * 60 + seconds
