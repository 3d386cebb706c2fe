"""Prices worked out by hand: a document, a call, the working, the answer.

Rates are chosen so that a second is easy: 0.06 a minute is 0.001 a second, 0.12 is 0.002, 0.03 is 0.0005, 0.60 is 0.01.
Times are UTC. In November and December the tariffs' zone, Europe/London, is the same. 24 November 2026 is a Tuesday.
"""

from typing import Any, NamedTuple

Json = dict[str, Any]


class Case(NamedTuple):
    what: str
    tariff: Json
    answered_at: str
    duration_s: int
    working: str
    cost: str
    number: str = ""


TUESDAY_NOON = "2026-11-24T12:00:00"
PEAK = {"name": "peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "0.12"}
PEAK_OR_NOT = {"rate": "0.06", "bands": [PEAK]}
SPLIT = {**PEAK_OR_NOT, "band_policy": "split"}
WEEKEND = {"name": "weekend", "weekdays": [6, 7], "rate": "0.03"}
WORKDAYS = {"name": "workdays", "weekdays": [1, 2, 3, 4, 5], "rate": "0.12"}
HOLIDAYS = {"bank_holidays": ["2026-12-25", "2026-12-28"], "bank_holiday_as": "weekend"}
OFFICE = {"bands": [WORKDAYS, WEEKEND], "band_policy": "split"}
SMALL_HOURS = {
    "rate": "0.06",
    "bands": [{"name": "small hours", "from": "01:00", "to": "02:00", "rate": "0.60"}],
    "band_policy": "split",
}
NIGHT = {"name": "Friday night", "weekdays": [5], "from": "22:00", "to": "06:00", "rate": "0.03"}
FIXED_MINUTE = {"rate": "0.06", "initial_s": 60, "initial_charge": "0.10"}

RATES = [
    Case("a rate is for a minute", {"rate": "0.12"}, TUESDAY_NOON, 61, "61 × 0.002", "0.1220"),
    Case("or another unit", {"rate": "0.01", "rate_unit_s": 10}, TUESDAY_NOON, 25, "25 × 0.01 / 10", "0.0250"),
    Case("never in floats", {"rate": "0.1", "rate_unit_s": 1}, TUESDAY_NOON, 3, "3 × 0.1", "0.3000"),
    Case("an integer is money", {"rate": 1, "rate_unit_s": 1}, TUESDAY_NOON, 3, "3 × 1", "3.0000"),
    Case("no charge for zero seconds", {"rate": "1", "connection_charge": "1"}, TUESDAY_NOON, 0, "nothing", "0"),
    Case(
        "the connection charge is due once",
        {"rate": "0.06", "connection_charge": "0.05"},
        TUESDAY_NOON,
        10,
        "0.05 + 10 × 0.001",
        "0.0600",
    ),
    Case(
        "currency, VAT and name change no figure",
        {"name": "X", "currency": "EUR", "vat": "inc", "rate": "0.06"},
        TUESDAY_NOON,
        60,
        "60 × 0.001",
        "0.0600",
    ),
]

INCREMENTS = [
    Case(
        "30/6",
        {"rate": "0.60", "initial_s": 30, "increment_s": 6},
        TUESDAY_NOON,
        31,
        "30 s, and 1 s → 6 s: 36 × 0.01",
        "0.3600",
    ),
    Case(
        "30/6, short of the initial period",
        {"rate": "0.60", "initial_s": 30, "increment_s": 6},
        TUESDAY_NOON,
        5,
        "5 s → 30 s: 30 × 0.01",
        "0.3000",
    ),
    Case(
        "the rest is rounded up, not the total",
        {"rate": "0.06", "initial_s": 10, "increment_s": 60},
        TUESDAY_NOON,
        61,
        "10 s, and 51 s → 60 s: 70 × 0.001, where 61 s → 120 s would be 0.12",
        "0.0700",
    ),
    Case(
        "60/60 on the minute",
        {"rate": "0.06", "initial_s": 60, "increment_s": 60},
        TUESDAY_NOON,
        60,
        "60 × 0.001",
        "0.0600",
    ),
    Case(
        "60/60 a second later",
        {"rate": "0.06", "initial_s": 60, "increment_s": 60},
        TUESDAY_NOON,
        61,
        "60 s, and 1 s → 60 s: 120 × 0.001",
        "0.1200",
    ),
    Case(
        "0/60: no initial period",
        {"rate": "0.06", "initial_s": 0, "increment_s": 60},
        TUESDAY_NOON,
        60,
        "60 × 0.001",
        "0.0600",
    ),
    Case("a fixed first minute", FIXED_MINUTE, TUESDAY_NOON, 75, "0.10 + 15 × 0.001", "0.1150"),
    Case("a fixed first minute, not used up", FIXED_MINUTE, TUESDAY_NOON, 5, "0.10", "0.1000"),
]

CHEAPER_LATER = {"rate": "0.06", "steps": [{"from_s": 180, "rate": "0.03"}]}
STEPS = [
    Case("cheaper after three minutes", CHEAPER_LATER, TUESDAY_NOON, 200, "180 × 0.001 + 20 × 0.0005", "0.1900"),
    Case("a step begins at its second", CHEAPER_LATER, TUESDAY_NOON, 180, "180 × 0.001", "0.1800"),
    Case(
        "a step has its own unit and increment",
        {"rate": "0.06", "steps": [{"from_s": 180, "rate": "0.01", "rate_unit_s": 20, "increment_s": 60}]},
        TUESDAY_NOON,
        200,
        "180 × 0.001, and 20 s → 60 s: 60 × 0.01 / 20",
        "0.2100",
    ),
    Case(
        "each step rounds up for itself",
        {"rate": "0.06", "initial_s": 60, "increment_s": 60, "steps": [{"from_s": 100, "increment_s": 1}]},
        TUESDAY_NOON,
        150,
        "100 s → 60 + 60 s; 50 s: 170 × 0.001",
        "0.1700",
    ),
    Case(
        "a step charge is due when the step is reached",
        {"rate": "0.06", "steps": [{"from_s": 60, "rate": "0.06", "step_charge": "0.05"}]},
        TUESDAY_NOON,
        61,
        "61 × 0.001 + 0.05",
        "0.1110",
    ),
    Case(
        "and not a second before",
        {"rate": "0.06", "steps": [{"from_s": 60, "rate": "0.06", "step_charge": "0.05"}]},
        TUESDAY_NOON,
        60,
        "60 × 0.001",
        "0.0600",
    ),
    Case(
        "a step from the start rounds by its own increment",
        {"steps": [{"from_s": 0, "rate": "0.06", "increment_s": 60}]},
        TUESDAY_NOON,
        60,
        "60 × 0.001: the default initial second is not put before it",
        "0.0600",
    ),
    Case(
        "but an initial period that is asked for holds",
        {"initial_s": 30, "steps": [{"from_s": 0, "rate": "0.06", "increment_s": 6}]},
        TUESDAY_NOON,
        5,
        "5 s → 30 s: 30 × 0.001",
        "0.0300",
    ),
    Case(
        "even one of two seconds",
        {"initial_s": 2, "steps": [{"from_s": 0, "rate": "0.06", "increment_s": 60}]},
        TUESDAY_NOON,
        2,
        "2 × 0.001",
        "0.0020",
    ),
]

BANDS = [
    Case(
        "weekdays hold on a date, too, where its own band does not",
        {
            "rate": "0.06",
            "bands": [PEAK, {"name": "lunch", "dates": ["2026-11-24"], "from": "12:00", "to": "13:00", "rate": "0.03"}],
        },
        "2026-11-24T13:00:00",
        60,
        "peak: 60 × 0.002",
        "0.1200",
    ),
    Case("start: the band of the answer", PEAK_OR_NOT, "2026-11-24T17:59:59", 60, "peak: 60 × 0.002", "0.1200"),
    Case("split: each second's own", SPLIT, "2026-11-24T17:59:30", 60, "30 × 0.002 + 30 × 0.001", "0.0900"),
    Case(
        "split: an increment keeps the band it starts in",
        {**SPLIT, "initial_s": 60, "increment_s": 60},
        "2026-11-24T17:59:30",
        90,
        "60 s from 17:59:30: 0.12; 30 s → 60 s from 18:00:30: 0.06",
        "0.1800",
    ),
    Case("a band ends before its last minute", PEAK_OR_NOT, "2026-11-24T18:00:00", 60, "60 × 0.001", "0.0600"),
    Case("and begins with its first", PEAK_OR_NOT, "2026-11-24T08:00:00", 60, "60 × 0.002", "0.1200"),
    Case("a Saturday is no workday", PEAK_OR_NOT, "2026-11-28T12:00:00", 60, "60 × 0.001", "0.0600"),
    Case(
        "a higher priority wins",
        {
            "bands": [
                {"name": "day", "rate": "0.06"},
                {"name": "lunch", "from": "12:00", "to": "13:00", "rate": "0.03", "priority": 1},
            ]
        },
        "2026-11-24T12:30:00",
        60,
        "lunch: 60 × 0.0005",
        "0.0300",
    ),
    Case(
        "at equal priority, dates before weekdays",
        {
            "bands": [
                {"name": "Fridays", "weekdays": [5], "rate": "0.12"},
                {"name": "Christmas", "dates": ["2026-12-25"], "rate": "0.03"},
            ],
            "rate": "0.06",
        },
        "2026-12-25T12:00:00",
        60,
        "Christmas: 60 × 0.0005",
        "0.0300",
    ),
    Case(
        "then the first in the list",
        {"bands": [{"name": "one", "rate": "0.03"}, {"name": "two", "rate": "0.12"}]},
        TUESDAY_NOON,
        60,
        "one: 60 × 0.0005",
        "0.0300",
    ),
    Case(
        "a Friday's night reaches into Saturday",
        {"rate": "0.06", "bands": [NIGHT]},
        "2026-11-28T03:00:00",
        60,
        "60 × 0.0005",
        "0.0300",
    ),
    Case(
        "Friday's small hours are Thursday's night",
        {"rate": "0.06", "bands": [NIGHT]},
        "2026-11-27T03:00:00",
        60,
        "60 × 0.001",
        "0.0600",
    ),
    Case(
        "a date's night reaches into the next year",
        {
            "rate": "0.06",
            "bands": [{"name": "new year", "dates": ["2026-12-31"], "from": "22:00", "to": "02:00", "rate": "0.60"}],
        },
        "2027-01-01T01:59:00",
        60,
        "60 × 0.01",
        "0.6000",
    ),
    Case(
        "the connection charge is of the first band",
        {**SPLIT, "connection_charge": "0.01", "bands": [{**PEAK, "connection_charge": "0.05"}]},
        "2026-11-24T17:59:30",
        60,
        "0.05 + 30 × 0.002 + 30 × 0.001",
        "0.1400",
    ),
    Case(
        "a change of band reaches no step again",
        {**SPLIT, "steps": [{"from_s": 60, "step_charge": "0.05"}]},
        "2026-11-24T17:58:30",
        120,
        "90 × 0.002 + 30 × 0.001 + 0.05",
        "0.2600",
    ),
    Case(
        "bands are on the tariff's own clock",
        {**PEAK_OR_NOT, "timezone": "America/New_York"},
        "2026-11-24T12:59:00",
        60,
        "07:59 in New York: 60 × 0.001",
        "0.0600",
    ),
    Case(
        "a minute later it is peak there",
        {**PEAK_OR_NOT, "timezone": "America/New_York"},
        "2026-11-24T13:00:00",
        60,
        "08:00 in New York: 60 × 0.002",
        "0.1200",
    ),
]

CLOCK_CHANGES = [
    Case(
        "clocks go forward over the band: it never comes",
        SMALL_HOURS,
        "2026-03-29T00:59:30",
        60,
        "30 s from 00:59:30, then 02:00:00: 60 × 0.001",
        "0.0600",
    ),
    Case(
        "clocks go back into the band: it comes twice",
        SMALL_HOURS,
        "2026-10-25T00:59:30",
        60,
        "30 s from 01:59:30, then 01:00:00 again: 60 × 0.01",
        "0.6000",
    ),
    Case(
        "a call through both of them",
        SMALL_HOURS,
        "2026-10-24T23:59:30",
        7_260,
        "30 s from 00:59:30, two hours in the band, 30 s from 02:00:00: 60 × 0.001 + 7200 × 0.01",
        "72.0600",
    ),
    Case(
        "summer time moves the band in UTC",
        PEAK_OR_NOT,
        "2026-07-14T07:00:00",
        60,
        "08:00 in London: 60 × 0.002",
        "0.1200",
    ),
]

BANK_HOLIDAYS = [
    Case("a bank holiday as at weekends", {**OFFICE, **HOLIDAYS}, "2026-12-25T10:00:00", 60, "60 × 0.0005", "0.0300"),
    Case(
        "else it is the weekday it is",
        {**OFFICE, "bank_holidays": ["2026-12-25"]},
        "2026-12-25T10:00:00",
        60,
        "a Friday: 60 × 0.002",
        "0.1200",
    ),
    Case(
        "it begins at midnight", {**OFFICE, **HOLIDAYS}, "2026-12-24T23:59:30", 60, "30 × 0.002 + 30 × 0.0005", "0.0750"
    ),
    Case(
        "and ends at midnight", {**OFFICE, **HOLIDAYS}, "2026-12-28T23:59:30", 60, "30 × 0.0005 + 30 × 0.002", "0.0750"
    ),
    Case(
        "it holds against any priority",
        {
            **HOLIDAYS,
            "bands": [WORKDAYS, WEEKEND, {"name": "dear", "dates": ["2026-12-25"], "priority": 9, "rate": "9"}],
        },
        "2026-12-25T10:00:00",
        60,
        "60 × 0.0005",
        "0.0300",
    ),
    Case(
        "a band for bank holidays only",
        {"rate": "0.06", **HOLIDAYS, "bands": [{"name": "weekend", "weekdays": [], "rate": "0.03"}]},
        "2026-12-25T10:00:00",
        60,
        "60 × 0.0005",
        "0.0300",
    ),
]

FREE_AND_INCLUSIVE = [
    Case("the first seconds free", {"rate": "0.06", "free_s": 10}, TUESDAY_NOON, 70, "60 × 0.001", "0.0600"),
    Case(
        "nothing left to charge",
        {"rate": "0.06", "free_s": 10, "connection_charge": "0.05"},
        TUESDAY_NOON,
        10,
        "0.05",
        "0.0500",
    ),
    Case(
        "the initial period comes after them",
        {"rate": "0.06", "free_s": 10, "initial_s": 30, "increment_s": 6},
        TUESDAY_NOON,
        41,
        "31 s → 36 s: 36 × 0.001",
        "0.0360",
    ),
    Case(
        "steps count from the answer all the same",
        {"rate": "0.06", "free_s": 30, "steps": [{"from_s": 60, "rate": "0.12"}]},
        TUESDAY_NOON,
        90,
        "30 s free, 30 × 0.001, 30 × 0.002",
        "0.0900",
    ),
    Case(
        "an allowance takes billed seconds",
        {"rate": "0.06", "allowance_s": 40, "initial_s": 30, "increment_s": 6},
        TUESDAY_NOON,
        61,
        "61 s → 66 s; 66 − 40 = 26: 26 × 0.001",
        "0.0260",
    ),
    Case(
        "and no connection charge",
        {"rate": "0.06", "allowance_s": 600, "connection_charge": "0.02"},
        TUESDAY_NOON,
        60,
        "0.02",
        "0.0200",
    ),
    Case(
        "it takes the first ones",
        {"rate": "0.06", "allowance_s": 60, "steps": [{"from_s": 60, "rate": "0.12"}]},
        TUESDAY_NOON,
        90,
        "60 s included, 30 × 0.002",
        "0.0600",
    ),
    Case(
        "half a fixed minute included: all of it is due",
        {**FIXED_MINUTE, "allowance_s": 30},
        TUESDAY_NOON,
        60,
        "0.10",
        "0.1000",
    ),
    Case(
        "a whole one included: none of it",
        {**FIXED_MINUTE, "allowance_s": 60},
        TUESDAY_NOON,
        70,
        "10 × 0.001",
        "0.0100",
    ),
]

LIMITS = [
    Case(
        "no more than the cap", {"rate": "0.06", "cap": {"amount": "0.10"}}, TUESDAY_NOON, 600, "0.60 → 0.10", "0.1000"
    ),
    Case("less than the cap", {"rate": "0.06", "cap": {"amount": "0.10"}}, TUESDAY_NOON, 60, "60 × 0.001", "0.0600"),
    Case(
        "past its window the rate goes on",
        {"rate": "0.06", "cap": {"amount": "0.10", "window_s": 300}},
        TUESDAY_NOON,
        360,
        "300 s: 0.30 → 0.10, then 60 × 0.001",
        "0.1600",
    ),
    Case(
        "the window parts an increment by the second",
        {"rate": "0.06", "initial_s": 60, "increment_s": 60, "cap": {"amount": "0.05", "window_s": 90}},
        TUESDAY_NOON,
        61,
        "90 of 120 s: 0.09 → 0.05, then 30 × 0.001",
        "0.0800",
    ),
    Case(
        "the connection charge beside the cap",
        {"rate": "0.06", "connection_charge": "0.05", "cap": {"amount": "0.10"}},
        TUESDAY_NOON,
        600,
        "0.60 → 0.10, and 0.05",
        "0.1500",
    ),
    Case(
        "or counted in",
        {"rate": "0.06", "connection_charge": "0.05", "cap": {"amount": "0.10", "includes_connection": True}},
        TUESDAY_NOON,
        600,
        "0.05 + 0.60 → 0.10",
        "0.1000",
    ),
    Case("no less than the minimum", {"rate": "0.06", "min_charge": "0.05"}, TUESDAY_NOON, 10, "0.01 → 0.05", "0.0500"),
    Case(
        "which the connection charge helps to reach",
        {"rate": "0.06", "min_charge": "0.05", "connection_charge": "0.03"},
        TUESDAY_NOON,
        10,
        "0.03 + 0.01 → 0.05",
        "0.0500",
    ),
    Case(
        "a charge that falls due at the window's end is past it",
        {
            "rate": "0.06",
            "steps": [{"from_s": 90, "step_charge": "0.02"}],
            "cap": {"amount": "0.05", "window_s": 90},
        },
        TUESDAY_NOON,
        100,
        "90 s: 0.09 → 0.05, then 0.02 + 10 × 0.001",
        "0.0800",
    ),
    Case(
        "seconds included do not fill the window",
        {"rate": "0.06", "allowance_s": 90, "cap": {"amount": "0.01", "window_s": 60}},
        TUESDAY_NOON,
        120,
        "90 s included, of them all 60 of the window; 30 × 0.001",
        "0.0300",
    ),
    Case(
        "a step charge is due with the first second left to charge",
        {
            "rate": "0.06",
            "allowance_s": 60,
            "steps": [{"from_s": 0, "increment_s": 30, "step_charge": "0.05"}],
            "cap": {"amount": "0.01", "window_s": 60},
        },
        TUESDAY_NOON,
        90,
        "60 s included; in the third increment, past the window: 0.05 + 30 × 0.001",
        "0.0800",
    ),
]

TOTALS = [
    Case(
        "components are summed",
        {
            "components": [
                {"name": "access", "rate": "0.06"},
                {"name": "service", "rate": "0.12", "connection_charge": "0.05"},
            ]
        },
        TUESDAY_NOON,
        60,
        "0.06 + (0.05 + 0.12)",
        "0.2300",
    ),
    Case(
        "what one leaves out, the tariff says",
        {"rate": "0.06", "components": [{}, {"rate": "0.12"}]},
        TUESDAY_NOON,
        60,
        "0.06 + 0.12",
        "0.1800",
    ),
    Case(
        "each has its own floor",
        {"components": [{"rate": "0.06", "min_charge": "0.05"}, {"rate": "0.12"}]},
        TUESDAY_NOON,
        10,
        "0.01 → 0.05, and 0.02",
        "0.0700",
    ),
    Case("marked up", {"rate": "0.06", "markup_pct": "10"}, TUESDAY_NOON, 60, "0.06 × 1.1", "0.0660"),
    Case(
        "before it is rounded",
        {"rate": "0.016", "markup_pct": "50", "rounding": {"dp": 2}},
        TUESDAY_NOON,
        60,
        "0.016 × 1.5 = 0.024; from 0.02 it would be 0.03",
        "0.02",
    ),
    Case(
        "rounded once, not by component",
        {"components": [{"rate": "0.0049"}, {"rate": "0.0049"}], "rounding": {"dp": 2}},
        TUESDAY_NOON,
        60,
        "0.0098, where twice 0.00 would be 0.00",
        "0.01",
    ),
    Case("up", {"rate": "0.0601", "rounding": {"method": "up", "dp": 2}}, TUESDAY_NOON, 60, "0.0601", "0.07"),
    Case("down", {"rate": "0.0699", "rounding": {"method": "down", "dp": 2}}, TUESDAY_NOON, 60, "0.0699", "0.06"),
    Case(
        "half up",
        {"rate": "0.065", "rounding": {"method": "half_up", "dp": 2}},
        TUESDAY_NOON,
        60,
        "0.065, not to the even 0.06",
        "0.07",
    ),
    Case("to whole units", {"rate": "0.5", "rounding": {"dp": 0}}, TUESDAY_NOON, 60, "0.5", "1"),
    Case("not rounded", {"rate": "0.10", "rounding": {"method": "none"}}, TUESDAY_NOON, 6, "6 × 0.10 / 60", "0.01"),
    Case(
        "not rounded, without end",
        {"rate": "0.10", "rounding": {"method": "none"}},
        TUESDAY_NOON,
        7,
        "7 × 0.10 / 60 = 0.011666…: 20 digits",
        "0.01166666666666666667",
    ),
]

BY_PREFIX = {
    "connection_charge": "0.05",
    "prefixes": [
        {"prefix": "44", "rate": "0.06"},
        {"prefix": "447", "name": "Mobile", "class": "mobile", "rate": "0.12"},
        {"prefix": "4470", "rate": "0.60", "connection_charge": None, "rounding": {"dp": 1}},
    ],
}
PREFIXES = [
    Case(
        "the tariff's fields hold for its prefixes",
        BY_PREFIX,
        TUESDAY_NOON,
        60,
        "0.05 + 0.06",
        "0.1100",
        "442079460000",
    ),
    Case("the longest prefix wins", BY_PREFIX, TUESDAY_NOON, 60, "0.05 + 0.12", "0.1700", "447700900123"),
    Case(
        "with fields of its own", BY_PREFIX, TUESDAY_NOON, 60, "null is the default again: 0.60", "0.6", "447012345678"
    ),
    Case(
        "a prefix of nothing begins every number",
        {"rate": "0.06", "prefixes": [{"prefix": "", "rate": "0.12"}, {"prefix": "44"}]},
        TUESDAY_NOON,
        60,
        "60 × 0.002",
        "0.1200",
        "33123456789",
    ),
    Case(
        "a component has prefixes of its own",
        {
            "components": [
                {"rate": "0.06"},
                {"prefixes": [{"prefix": "4487", "rate": "0.12"}, {"prefix": "44", "rate": "0.60"}]},
            ]
        },
        TUESDAY_NOON,
        60,
        "0.06 + 0.12",
        "0.1800",
        "448712345678",
    ),
]

CASES = [
    *RATES,
    *INCREMENTS,
    *STEPS,
    *BANDS,
    *CLOCK_CHANGES,
    *BANK_HOLIDAYS,
    *FREE_AND_INCLUSIVE,
    *LIMITS,
    *TOTALS,
    *PREFIXES,
]
