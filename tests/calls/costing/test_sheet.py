"""Tariffs as CSV: every prefix comes back, and what is wrong is told by line and column."""

import pytest
from hypothesis import given, settings

from calls.costing.document import export, parse
from calls.costing.example import example
from calls.costing.sheet import columns, read, write
from calls.costing.terms import Document
from calls.costing.values import DocumentError
from tests.calls.costing.strategies import Json, tariffs

PEAK = {"name": "Peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "0.06"}
BASE = parse({"rate": "0.01", "bands": [PEAK, {"name": "night", "from": "22:00", "to": "06:00", "rate": "0.02"}]})


def csv_of(document: Document) -> bytes:
    return "".join(write(document)).encode()


def problems(text: str, document: Document = BASE) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(text.encode(), document)
    return [str(problem) for problem in caught.value.problems]


@settings(max_examples=80)
@given(tariffs())
def test_a_tariff_comes_back_from_its_csv(said: Json) -> None:
    document = parse(said)
    assert read(csv_of(document), document) == document


def test_the_example_comes_back_into_a_tariff_that_has_its_bands() -> None:
    without = parse({name: value for name, value in export(example()).items() if name != "prefixes"})
    assert read(csv_of(example()), without) == example()


def test_what_a_row_says() -> None:
    text = (
        "prefix,destination,class,rate,increment_s,rate:peak,rate:night,more\n"
        "44,UK,national,0.03,,,,\n"  # at all times
        "447,Mobile,mobile,0.10,6,0.20,,\n"  # by band; at night its own rate
        "33,France,international,,,,,\n"  # the tariff's prices
        '1,America,international,0.05,,,,"{""free_s"": 30}"\n'
    )
    document = read(text.encode(), BASE)
    assert export(document)["prefixes"] == [
        {"prefix": "44", "name": "UK", "class": "national", "rate": "0.03", "bands": []},
        {
            "prefix": "447", "name": "Mobile", "class": "mobile", "increment_s": 6, "rate": "0.10",
            "bands": [
                {"name": "Peak", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "rate": "0.20"},
                {"name": "night", "from": "22:00", "to": "06:00", "rate": "0.10"},
            ],
        },
        {"prefix": "33", "name": "France", "class": "international"},
        {"prefix": "1", "name": "America", "class": "international", "rate": "0.05", "free_s": 30, "bands": []},
    ]  # fmt: skip
    assert columns(document)[-3:] == ("rate:peak", "rate:night", "more")


HEAD = "prefix,destination,class,connection_charge,rate,initial_s,rate:peak,rate:night,more\n"
BAD: dict[str, tuple[str, list[str]]] = {
    "a decimal comma": (
        HEAD + "44,UK,,,0.01,,,,\n447,Mobile,,,\"1,20\",,,,\n",
        ["Line 3, rate: “1,20” is not a rate; write 1.20"],
    ),
    "several at once": (
        HEAD + "44,UK,,£1,0.01,1.5,,,\n+447,Mobile,cellular,,-1,,,,\n",
        [
            "Line 2, connection_charge: “£1” is not an amount; write 1",
            "Line 2, initial_s: “1.5” is not a whole number of seconds",
            "Line 3, prefix: “+447” is not a prefix, which is digits only, without +; write “447”",
            "Line 3, rate: “-1” is negative; a rate is 0 or more",
        ],
    ),
    "a class": (HEAD + "44,UK,nationl,,1,,,,\n", ["Line 2, class: “nationl” is none of local, national, mobile"]),
    "a band's rate": (
        HEAD + "44,UK,,,,,\"1.234,50\",1,\n",
        ["Line 2, rate:peak: “1.234,50” is not a rate; write 1234.50"],
    ),
    "no rate for a band is the row's": (HEAD + "44,UK,,,x,,0.2,,\n", ["Line 2, rate: “x” is not a rate"]),
    "a prefix twice": (
        HEAD + "44,UK,,,1,,,,\n33,France,,,1,,,,\n44,UK again,,,1,,,,\n",
        ["Line 4, prefix: 44 is there already, in line 2"],
    ),
    "no JSON": (HEAD + "44,UK,,,1,,,,{free}\n", ["Line 2, more: no JSON"]),
    "no object": (HEAD + "44,UK,,,1,,,,3\n", ["Line 2, more: it is not a JSON object"]),
    "a field of the columns": (
        HEAD + '44,UK,,,1,,,,"{""rate"": ""2""}"\n', ["Line 2, more: rate has a column of its own"],
    ),
    "a field that is none": (
        HEAD + '44,UK,,,1,,,,"{""ratee"": ""2""}"\n', ["Line 2, more (ratee): there is no such field here"],
    ),
    "a column that is none": (
        "prefix,destination,rate:evening\n44,UK,1\n",
        ["The first line has a column “rate:evening”; it may have: prefix"],
    ),
    "no column of names": ("prefix,rate\n44,1\n", ["The first line lacks the column destination."]),
    "too few columns": ("prefix,destination,rate\n44,UK\n", ["Line 2: fewer columns than the first line has."]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_by_line_and_column(case: str) -> None:
    text, expected = BAD[case]
    found = problems(text)
    for words in expected:
        assert any(problem.startswith(words) for problem in found), (words, found)
    assert len(found) >= len(expected)


def test_names_that_a_spreadsheet_would_run_are_made_inert_and_come_back() -> None:
    document = parse({"rate": "1", "prefixes": [{"prefix": "44", "name": "=1+1"}]})
    assert b"'=1+1" in csv_of(document)
    assert read(csv_of(document), document) == document
