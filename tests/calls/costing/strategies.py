"""Sound tariff documents of every shape, and calls near the moments where prices change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

Json = dict[str, Any]

DAYS = ("2026-03-28", "2026-03-29", "2026-10-25", "2026-10-26", "2026-12-25", "2026-12-31", "2026-07-04")
ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
CLOCKS = ("00:00", "01:00", "01:30", "02:00", "06:00", "08:00", "18:00", "22:00", "23:59:30")
NEAR = tuple(
    datetime(*moment, tzinfo=UTC)
    for moment in (
        (2026, 3, 29, 0, 55),  # clocks go forward in London at 01:00 UTC
        (2026, 10, 25, 0, 40),  # and back
        (2026, 10, 3, 15, 25),  # forward by half an hour on Lord Howe Island
        (2026, 11, 1, 5, 50),  # back in New York
        (2026, 12, 24, 23, 50),
        (2026, 12, 31, 23, 58),
        (2026, 7, 3, 7, 58),
    )
)


def amounts(most: int = 500) -> st.SearchStrategy[str | int]:
    thousandths = st.integers(0, most).map(lambda count: f"{count // 1000}.{count % 1000:03}")
    return thousandths | st.integers(0, 1)


def some_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


STEPS = st.lists(
    st.fixed_dictionaries(
        {"from_s": st.sampled_from([0, 1, 20, 60, 61, 180, 600])},
        optional={
            "rate": amounts(),
            "rate_unit_s": st.sampled_from([1, 7, 60]),
            "increment_s": st.sampled_from([1, 6, 30, 60, 97]),
            "step_charge": amounts(),
        },
    ),
    max_size=3,
    unique_by=lambda step: int(step["from_s"]),
)
CAPS = st.fixed_dictionaries(
    {"amount": amounts(900)},
    optional={"window_s": st.sampled_from([1, 30, 60, 119, 600]), "includes_connection": st.booleans()},
)
PRICES: dict[str, st.SearchStrategy[Any]] = {
    "connection_charge": amounts(),
    "initial_s": st.sampled_from([1, 2, 30, 60, 61]),
    "increment_s": st.sampled_from([1, 6, 7, 60]),
    "rate_unit_s": st.sampled_from([1, 7, 60]),
    "initial_charge": amounts(),
    "steps": STEPS,
    "free_s": st.sampled_from([0, 1, 10, 60, 300]),
    "allowance_s": st.sampled_from([0, 1, 30, 61, 600]),
    "cap": CAPS,
    "min_charge": amounts(),
}
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "from": st.sampled_from(CLOCKS),
        "to": st.sampled_from((*CLOCKS[1:], "24:00")),
        "priority": st.integers(0, 2),
    },
) | st.just({})
ON = st.one_of(
    st.just({}),
    st.lists(st.integers(1, 7), min_size=1, unique=True).map(lambda days: {"weekdays": days}),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(lambda days: {"dates": days}),
)


@st.composite
def bands(draw: st.DrawFn) -> Json:
    """Bands for a part that has a rate of its own."""
    drawn = [
        {"name": f"band {index}", **when, **on, **prices}
        for index, (when, on, prices) in enumerate(
            draw(st.lists(st.tuples(WHEN, ON, some_of(rate=amounts(), **PRICES)), min_size=1, max_size=4))
        )
        if when.get("from", "00:00") != when.get("to", "24:00")
    ]
    part: Json = {"bands": drawn, "band_policy": draw(st.sampled_from(["start", "split", "split"]))}
    part |= {"bank_holidays": None, "bank_holiday_as": None}  # or a part around it would name one of its own bands
    if drawn and draw(st.booleans()):
        part["bank_holidays"] = draw(st.lists(st.sampled_from(DAYS), unique=True))
        part["bank_holiday_as"] = draw(st.sampled_from(drawn))["name"]
    return part


@st.composite
def parts(draw: st.DrawFn) -> Json:
    part = draw(some_of(rate=amounts(), **PRICES))
    if draw(st.booleans()):
        part |= draw(bands())
    return part


@st.composite
def tariffs(draw: st.DrawFn) -> Json:
    """A document of any shape."""
    tariff: Json = {"timezone": draw(st.sampled_from(ZONES)), "rate": draw(amounts()), **draw(parts())}
    tariff |= draw(
        some_of(
            markup_pct=st.sampled_from(["0", "10", "17.5", 33, "-5"]),
            rounding=some_of(method=st.sampled_from(["up", "half_up", "down"]), dp=st.integers(0, 6)),
        )
    )
    if draw(st.integers(0, 3)) == 0:
        tariff["components"] = draw(st.lists(parts(), min_size=1, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        prefixes = draw(st.lists(st.sampled_from(["", "4", "44", "447", "4479", "1"]), min_size=1, unique=True))
        tariff["prefixes"] = [{"prefix": prefix, **draw(parts())} for prefix in prefixes]
    return tariff


def moments() -> st.SearchStrategy[datetime]:
    """Instants near a change of price, told on the clocks of several places."""
    return st.builds(
        lambda near, seconds, zone: (near + timedelta(seconds=seconds)).astimezone(ZoneInfo(zone)),
        st.sampled_from(NEAR),
        st.integers(0, 900),
        st.sampled_from(ZONES),
    )


def durations(most: int = 1_500) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, 29, 30, 31, 59, 60, 61, 66, 180, 181, 601]) | st.integers(0, most)


def ordinary_prices() -> st.SearchStrategy[Json]:
    """Prices where talking longer never costs less: no steps, no bands."""
    fields = {name: strategy for name, strategy in PRICES.items() if name not in {"steps", "allowance_s"}}
    return st.builds(lambda rate, rest: {"rate": rate, **rest}, amounts(), some_of(**fields))
