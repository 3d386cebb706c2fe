"""Tariff documents: what is refused, with which words; and what is read and written again."""

from decimal import Decimal
from typing import Any

import pytest

from calls.costing.document import export, load, parse
from calls.costing.terms import DESTINATION_CLASSES, Document
from calls.costing.values import DocumentError
from tests.calls.costing.worked_cases import CASES

Json = dict[str, Any]
PEAK = {"name": "peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "1"}
DAY = {"name": "day", "rate": "1"}


def band(**fields: Any) -> Json:
    return {"rate": "1", "bands": [{**DAY, **fields}]}


BAD = {
    "a decimal comma": ({"rate": "1,20"}, "rate: “1,20” is not a rate; write 1.20"),
    "separated thousands": ({"rate": "1,234.56"}, "rate: “1,234.56” is not a rate; write 1234.56"),
    "points for thousands": ({"rate": "1.234,56"}, "rate: “1.234,56” is not a rate; write 1234.56"),
    "a comma that could be either": ({"rate": "1,234"}, "rate: “1,234” is not a rate; write 1234 or 1.234"),
    "a currency sign": ({"rate": "£1.20"}, "rate: “£1.20” is not a rate; write 1.20"),
    "a currency code": ({"rate": "1.20 GBP"}, "rate: “1.20 GBP” is not a rate; write 1.20"),
    "an exponent in text": ({"rate": "1e-3"}, "rate: “1e-3” is not a rate"),
    "words": ({"rate": "free"}, "rate: “free” is not a rate"),
    "other digits": ({"rate": "١"}, "rate: “١” is not a rate"),
    "a switch": ({"rate": True}, "rate: “true” is not a rate"),
    "a list": ({"rate": ["1"]}, 'rate: “["1"]” is not a rate'),
    "a float, which is not exact": ({"rate": 0.1}, "rate: “0.1” is not a rate; write it in quotes, such as “1.20”"),
    "a negative rate": ({"rate": "-0.05"}, "rate: “-0.05” is negative; a rate is 0 or more"),
    "a negative charge": (
        {"rate": "1", "connection_charge": -1},
        "connection_charge: “-1” is negative; an amount is 0 or more",
    ),
    "too many digits": (
        {"rate": "0.1234567890123"},
        "rate: “0.1234567890123” has more than 12 digits before or after the point",
    ),
    "no rate": ({}, "rate: missing"),
    "no rate for a prefix": ({"prefixes": [{"prefix": "44"}]}, "prefixes[0].rate: missing"),
    "no rate for a component": ({"components": [{"rate": "1"}, {}]}, "components[1].rate: missing"),
    "no rate for a band": (
        {"bands": [{"name": "day"}]},
        "bands[0].rate: missing: band “day” has none, and there is none to inherit",
    ),
    "no rate for a step": (
        {"steps": [{"from_s": 0}]},
        "steps: the step from 0 s has no rate, and there is none to inherit",
    ),
    "gaps between bands": (
        {"bands": [{**PEAK, "weekdays": [1, 2, 3, 4, 5, 6]}, {**DAY, "weekdays": [7]}]},
        (
            "bands: no band covers Monday 00:00 to 08:00, Monday 18:00 to 24:00, Tuesday 00:00 to 08:00 and 9 more, "
            "and there is no rate outside the bands"
        ),
    ),
    "an unknown field": (
        {"rate": "1", "conection_charge": "1"},
        "conection_charge: there is no such field here; did you mean “connection_charge”?",
    ),
    "an unknown field, far from any": ({"rate": "1", "zzz": 1}, "zzz: there is no such field here"),
    "a field of elsewhere": (band(markup_pct="1"), "bands[0].markup_pct: there is no such field here"),
    "an unknown zone": (
        {"rate": "1", "timezone": "Europe/Lodnon"},
        "timezone: “Europe/Lodnon” is not a time zone such as Europe/London; did you mean “Europe/London”?",
    ),
    "a zone of this machine": (
        {"rate": "1", "timezone": "localtime"},
        "timezone: “localtime” is not a time zone such as Europe/London",
    ),
    "a zone that is a path": (
        {"rate": "1", "timezone": "../etc/passwd"},
        "timezone: “../etc/passwd” is not a time zone such as Europe/London",
    ),
    "a currency in words": (
        {"rate": "1", "currency": "pound"},
        "currency: “pound” is not a currency; write its three letters, such as GBP",
    ),
    "VAT": ({"rate": "1", "vat": "incl"}, "vat: “incl” is none of ex, inc; did you mean “inc”?"),
    "a band policy": (
        {"rate": "1", "band_policy": "spilt"},
        "band_policy: “spilt” is none of start, split; did you mean “split”?",
    ),
    "a unit of zero": ({"rate": "1", "rate_unit_s": 0}, "rate_unit_s: 0 is too small; it is at least 1"),
    "an increment of zero": ({"rate": "1", "increment_s": 0}, "increment_s: 0 is too small; it is at least 1"),
    "an increment in parts": (
        {"rate": "1", "increment_s": Decimal("1.5")},
        "increment_s: “1.5” is not a whole number of seconds",
    ),
    "an increment as text": ({"rate": "1", "increment_s": "6"}, "increment_s: “6” is not a whole number of seconds"),
    "an initial period of less": ({"rate": "1", "initial_s": -1}, "initial_s: -1 is too small; it is at least 0"),
    "a price for no initial period": (
        {"rate": "1", "initial_s": 0, "initial_charge": "1"},
        "initial_charge: there is no initial period to charge for: initial_s is 0",
    ),
    "a step without a place": (
        {"rate": "1", "steps": [{"rate": "1"}]},
        "steps[0].from_s: missing: the second of the call at which the step begins",
    ),
    "a step twice": (
        {"rate": "1", "steps": [{"from_s": 9}, {"from_s": 9}]},
        "steps[1].from_s: another step begins at 9, too",
    ),
    "a cap without an amount": ({"rate": "1", "cap": {}}, "cap.amount: missing: the most that a call may cost"),
    "a cap that is an amount": ({"rate": "1", "cap": "5"}, "cap: “5” is not an object with fields"),
    "a cap's window of nothing": (
        {"rate": "1", "cap": {"amount": "1", "window_s": 0}},
        "cap.window_s: 0 is too small; it is at least 1",
    ),
    "a word for a switch": (
        {"rate": "1", "cap": {"amount": "1", "includes_connection": "no"}},
        "cap.includes_connection: “no” is neither true nor false",
    ),
    "a mark-up with its sign": (
        {"rate": "1", "markup_pct": "10 %"},
        "markup_pct: “10 %” is not a percentage; write 10",
    ),
    "a mark-down of all": ({"rate": "1", "markup_pct": "-101"}, "markup_pct: “-101” takes off more than everything"),
    "a rounding": (
        {"rate": "1", "rounding": {"method": "bankers"}},
        "rounding.method: “bankers” is none of up, half_up, down, none",
    ),
    "digits of a rounding": ({"rate": "1", "rounding": {"dp": 13}}, "rounding.dp: 13 is too large; it is at most 12"),
    "bands that are no list": ({"rate": "1", "bands": {}}, "bands: “{}” is not a list"),
    "a band without a name": ({"rate": "1", "bands": [{"rate": "1"}]}, "bands[0].name: missing: every band has a name"),
    "a band no minute falls in": (
        band(**{"from": "08:00", "to": "08:00"}),
        "bands[0]: no minute falls in it: from equals to; for the whole day write 00:00 to 24:00",
    ),
    "a band of no weekday": (band(weekdays=[]), "bands[0].weekdays: no minute falls in it: it has no weekday"),
    "a band of no date": (band(dates=[]), "bands[0].dates: no minute falls in it: it has no date"),
    "weekday 0": (band(weekdays=[0]), "bands[0].weekdays[0]: “0” is not a weekday; write 1 (Monday) to 7 (Sunday)"),
    "a weekday by name": (
        band(weekdays=["Mon"]),
        "bands[0].weekdays[0]: “Mon” is not a weekday; write 1 (Monday) to 7 (Sunday)",
    ),
    "a weekday twice": (band(weekdays=[1, 1]), "bands[0].weekdays: a day is there twice"),
    "weekdays and dates": (
        band(weekdays=[1], dates=["2026-12-25"]),
        "bands[0].dates: a band has weekdays or dates, not both",
    ),
    "a date that is none": (band(dates=["2026-02-30"]), "bands[0].dates[0]: there is no day 2026-02-30"),
    "a date the other way round": (
        band(dates=["25/12/2026"]),
        "bands[0].dates[0]: “25/12/2026” is not a date such as 2026-12-25",
    ),
    "a date far away": (
        band(dates=["9999-12-31"]),
        "bands[0].dates[0]: 9999-12-31 is out of range; years 1980 to 2200 are known",
    ),
    "a time with one digit": (
        band(**{"from": "8:00"}),
        "bands[0].from: “8:00” is not a time such as 08:00; write 08:00",
    ),
    "a time that is none": (band(to="25:00"), "bands[0].to: there is no time 25:00"),
    "24:00 as a start": (
        band(**{"from": "24:00", "to": "02:00"}),
        "bands[0].from: 24:00 is an end only; a day starts at 00:00",
    ),
    "a priority in words": (band(priority="high"), "bands[0].priority: “high” is not a whole number"),
    "a rate in a band": (band(rate="1,2"), "bands[0].rate: “1,2” is not a rate; write 1.2"),
    "bank holidays as no band": (
        {**band(), "bank_holiday_as": "dya"},
        "bank_holiday_as: no band is named “dya”; did you mean “day”?",
    ),
    "bank holidays as one of two": (
        {"bands": [DAY, {**DAY, "rate": "2"}], "bank_holiday_as": "day"},
        "bank_holiday_as: the bands named “day” have different prices; name one by itself",
    ),
    "a bank holiday that is none": (
        {"rate": "1", "bank_holidays": ["Easter"]},
        "bank_holidays[0]: “Easter” is not a date such as 2026-12-25",
    ),
    "a prefix twice": (
        {"rate": "1", "prefixes": [{"prefix": "44"}, {"prefix": "1"}, {"prefix": "44"}]},
        "prefixes[2].prefix: 44 is there already, at prefixes[0]",
    ),
    "a prefix with a plus": (
        {"rate": "1", "prefixes": [{"prefix": "+44"}]},
        "prefixes[0].prefix: “+44” is not a prefix, which is digits only, without +; write “44”",
    ),
    "a prefix as a number": (
        {"rate": "1", "prefixes": [{"prefix": 44}]},
        "prefixes[0].prefix: “44” is not a prefix, which is digits only, without +; write “44”",
    ),
    "no prefix": (
        {"rate": "1", "prefixes": [{}]},
        "prefixes[0].prefix: missing: the digits that the numbers begin with",
    ),
    "a class": (
        {"rate": "1", "prefixes": [{"prefix": "44", "class": "mobil"}]},
        f"prefixes[0].class: “mobil” is none of {', '.join(DESTINATION_CLASSES)}; did you mean “mobile”?",
    ),
    "another zone for a prefix": (
        {"rate": "1", "timezone": "UTC", "prefixes": [{"prefix": "44", "timezone": "Europe/London"}]},
        "prefixes[0].timezone: the timezone is the tariff's: set it there, for all of it",
    ),
    "components of a component": (
        {"rate": "1", "components": [{"components": []}]},
        "components[0].components: a component has no components of its own; list them all beside it",
    ),
    "a rounded component": (
        {"rate": "1", "components": [{"rounding": {"dp": 2}}]},
        "components[0].rounding: this is done once, to the call's total: set it outside the components",
    ),
    "a marked-up component": (
        {"rate": "1", "components": [{"markup_pct": 5}]},
        "components[0].markup_pct: this is done once, to the call's total: set it outside the components",
    ),
    "a name that is none": ({"rate": "1", "name": " "}, "name: “ ” is not a name"),
    "a name that no file can hold": ({"rate": "1", "name": "\ud800"}, "name: “\ud800” is not a name"),
}


@pytest.mark.parametrize(("bad", "says"), BAD.values(), ids=BAD)
def test_it_is_refused_with_its_place_and_a_way_out(bad: Json, says: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(bad)
    assert str(refused.value) == says


def test_all_that_is_wrong_is_told_at_once() -> None:
    bad = {
        "rate": "1,20",
        "steps": [{"from_s": 60, "increment_s": 0}],
        "bands": [{**DAY, "weekdays": [8]}, {**DAY, "from": "9"}],
        "bank_holiday_as": "weekend",
        "prefixes": [{"prefix": "44", "rate": "x"}, {"prefix": "44", "cap": {"amount": "-1"}}],
    }
    with pytest.raises(DocumentError) as refused:
        parse(bad)
    assert [problem.place for problem in refused.value.problems] == [
        "rate",
        "steps[0].increment_s",
        "bands[0].weekdays[0]",
        "bands[1].from",
        "prefixes[0].rate",
        "prefixes[1].cap.amount",
        "prefixes[1].prefix",
    ]


def test_what_many_prefixes_inherit_is_told_once() -> None:
    bad = {**band(), "bank_holiday_as": "night", "prefixes": [{"prefix": str(number)} for number in range(10, 60)]}
    with pytest.raises(DocumentError) as refused:
        parse(bad)
    assert str(refused.value) == "bank_holiday_as: no band is named “night”"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"rate": }', "line 1, column 10: no JSON: Expecting value"),
        ('{"rate": 1, "rate": 2}', "field “rate” is there twice in one object"),
        ('{"rate": NaN}', "NaN is not a number"),
        (b"\xff", "the text is not UTF-8"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ('"1"', "“1” is not a tariff document, which is a JSON object"),
    ],
)
def test_a_text_that_is_no_document(text: str | bytes, says: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load(text)
    assert str(refused.value) == says


def test_numbers_in_a_text_are_exact() -> None:
    assert load('{"rate": 0.1}').part.terms.rate == Decimal("0.1")
    assert load('{"rate": 1e-3}').part.terms.rate == Decimal("0.001")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_export_gives_back_what_was_read(case: Any) -> None:
    read = parse(case.tariff)
    assert parse(export(read)) == read


def test_the_canonical_form() -> None:
    written = {
        "rate": 0,
        "steps": [{"from_s": 60, "rate": " 0.50 "}, {"from_s": 5}],
        "bands": [{"name": " night ", "to": "24:00", "weekdays": [2, 1], "cap": None}],
        "prefixes": [{"prefix": "44", "timezone": "Europe/London", "cap": None}],
        "timezone": "Europe/London",
    }
    assert export(parse(written)) == {
        "currency": "GBP",
        "vat": "ex",
        "timezone": "Europe/London",
        "rate": "0",
        "steps": [{"from_s": 5}, {"from_s": 60, "rate": "0.50"}],
        "bands": [{"name": "night", "weekdays": [1, 2], "from": "00:00", "to": "24:00", "cap": None}],
        "prefixes": [{"prefix": "44", "cap": None}],
    }


def test_a_prefix_without_bands_has_no_use_for_the_band_of_bank_holidays() -> None:
    tariff = {**band(), "bank_holiday_as": "day", "prefixes": [{"prefix": "44", "bands": []}]}
    assert parse(tariff).prefixes[0].part.bands == ()


def test_only_rate_has_no_default() -> None:
    assert parse({"rate": "1"}) == parse({**export(Document()), "rate": "1"})
