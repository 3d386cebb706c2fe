"""`manage.py price` as people and scripts run it: no database, one answer a case, one line an error."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from calls.costing.management.commands.price import Command
from tests.calls.costing.worked_cases import CASES, PEAK_OR_NOT, SMALL_HOURS

Json = dict[str, Any]


def price(*arguments: str) -> int:
    """Its exit status, run in this process."""
    try:
        Command().run_from_argv(["manage.py", "price", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def written(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def answers(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tariff = written(tmp_path / "t.json", {**PEAK_OR_NOT, "prefixes": [{"prefix": "447", "name": "Mobile"}]})
    call = (
        "--answered-at",
        "2026-11-24T17:59:59",
        "--duration",
        "61",
        "--number",
        "+447700900123",
        "--direction",
        "out",
    )
    assert price("--tariff", tariff, *call) == 0
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "0.1220",
        "  answered Tue 24 Nov 2026 17:59:59, Europe/London",
        "  matched 447 Mobile",
        "  peak",
        "  61 s → 61 s in 1/1",
        "  61 s at 0.12 for 60 s = 0.122",
        "  rounded half up to 4 digits: 0.1220 GBP, ex VAT",
    ]
    assert output.err == ""


def test_every_worked_case_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        json.dumps(
            {
                "rate": case.tariff,
                "answered_at": f"{case.answered_at}Z",
                "duration_s": case.duration_s,
                "number": case.number or None,
            }
        )
        for case in CASES
    ]
    (tmp_path / "cases").write_text("\n".join(lines), encoding="utf-8")
    assert price("--cases", str(tmp_path / "cases")) == 0
    said = answers(capsys.readouterr().out)
    assert [answer["cost"] for answer in said] == [case.cost for case in CASES]
    assert all(answer["trace"] for answer in said)


def test_bad_cases_are_answered_in_their_place_and_stop_nothing(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = '{"rate": {"rate": "0.06"}, "answered_at": "2026-11-24T12:00", "duration_s": 60}'
    abroad = '{"rate": {"rate": "1", "prefixes": [{"prefix": "44"}]}, "answered_at": "2026-11-24", %s}'
    to_the_end = '{"rate": {"bands": [{"name": "day", "from": "09:00"}], "band_policy": "split", "rate": "1"}, %s}'
    lines = {
        good: {"cost": "0.0600"},
        '{"rate": {"rate": "1,20"}, "answered_at": null, "duration_s": 0}': {
            "error": "rate: “1,20” is not a rate; write 1.20"
        },
        '{"rate": {"rate": 0.06}, "answered_at": null, "duration_s": 60}': {"cost": "0"},
        '{"rate": {"rate": 0.06}, "answered_at": "2026-11-24T12:00", "duration_s": 0}': {"cost": "0"},
        '{"rate": {"rate": 0.06}, "duration_s": 60}': {"cost": "0"},
        "no JSON": {"error": "line 1, column 1: no JSON: Expecting value"},
        "[]": {"error": "“[]” is not a case, which is a JSON object"},
        "{}": {"error": "rate: missing"},
        '{"rate": {"rate": "1"}, "answered_at": null}': {"error": "duration_s: missing"},
        '{"rate": {"rate": "1"}, "answered_at": "noon", "duration_s": 1}': {
            "error": "answered_at: “noon” is not a date and time such as 2026-11-24T09:00:00"
        },
        '{"rate": {"rate": "1"}, "answered_at": null, "duration_s": -1}': {
            "error": "duration_s: “-1” is not a whole number of seconds from 0 to 1,000,000,000"
        },
        '{"rate": {"rate": "1"}, "answered_at": null, "duration_s": 1, "number": []}': {
            "error": "number: “[]” is not a number's digits in quotes"
        },
        abroad % '"duration_s": 1, "number": "33"': {"error": "Unrated: no price for 33."},
        to_the_end % '"answered_at": "9999-12-31", "duration_s": 99999999': {
            "error": "the call ends outside the calendar, which has the years 1 to 9999"
        },
    }
    text = "\ufeff" + "\n\n".join(lines) + "\n"
    stdin = io.TextIOWrapper(io.BytesIO(text.encode() + b'"\xff"\n' + good.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert price("--cases", "-") == 0
    said = answers(capsysbinary.readouterr().out.decode())
    for answer in said:
        answer.pop("trace", None)
    assert said == [*lines.values(), {"error": "the text is not UTF-8"}, {"cost": "0.0600"}]


def test_a_document_is_not_taken_for_one_that_is_equal_as_a_value(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = '{"rate": {"rate": "1", "initial_s": %s}, "answered_at": null, "duration_s": 0}\n'
    (tmp_path / "cases").write_text(case % "1" + case % "true" + case % "1.0")
    assert price("--cases", str(tmp_path / "cases")) == 0
    assert [list(answer) for answer in answers(capsys.readouterr().out)] == [["cost", "trace"], ["error"], ["error"]]


@pytest.mark.parametrize(
    ("answered_at", "cost"),
    [
        ("2026-10-25T01:59:30", "0.6000"),  # comes twice: the first, in summer time; 01:00 comes again
        ("2026-10-25T01:59:30+00:00", "0.3300"),  # the second: 02:00 is next
        ("2026-03-29T01:30:00", "0.0600"),  # never comes: 01:30 UTC, which is 02:30
        ("2026-11-24T01:59:30.900", "0.3300"),
        ("2026-11-24T20:59:30-05:00", "0.3300"),
    ],
)
def test_a_time_without_an_offset_is_on_the_tariffs_own_clock(
    answered_at: str, cost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tariff = written(tmp_path / "t.json", SMALL_HOURS)
    assert price("--tariff", tariff, "--answered-at", answered_at, "--duration", "60") == 0
    assert capsys.readouterr().out.splitlines()[0] == cost


def test_the_price_depends_on_nothing_around_it(tmp_path: Path) -> None:
    case = {"rate": SMALL_HOURS, "answered_at": "2026-10-25T01:59:30", "duration_s": 60}
    cases = written(tmp_path / "cases", case)
    elsewhere = {
        **os.environ,
        "TZ": "Pacific/Auckland",
        "TIME_ZONE": "America/New_York",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "SMDR_DATA_DIR": str(tmp_path / "var"),
    }
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "price", "--cases", cases]
    done = subprocess.run(command, env=elsewhere, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["cost"] == "0.6000"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("tariff", "call", "says"),
    [
        ({"rate": "1,20", "increment_s": 0}, {}, "rate: “1,20” is not a rate; write 1.20"),
        ({"rate": "1,20", "increment_s": 0}, {}, "; increment_s: 0 is too small; it is at least 1"),
        ({"rate": "1", "prefixes": [{"prefix": "44"}]}, {"number": "33"}, "Unrated: no price for 33."),
        ({"rate": "1", "prefixes": [{"prefix": "44"}]}, {}, "Unrated: no price without a number."),
        ({"rate": "1"}, {"answered-at": "noon"}, "answered_at: “noon” is not a date"),
        ({"rate": "1"}, {"duration": "-5"}, "duration_s: “-5” is not"),
        ({"rate": "1"}, {"tariff": "nowhere.json"}, "No such file"),
    ],
)
def test_it_fails_with_one_clear_line(
    tariff: Json, call: Json, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "tariff": written(tmp_path / "t.json", tariff),
        "answered-at": "2026-11-24T12:00",
        "duration": "60",
        **call,
    }
    assert price(*(f"--{name}={value}" for name, value in options.items())) == 1
    output = capsys.readouterr()
    assert says in output.err
    assert (output.out, output.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--tariff", "t.json"),
        ("--tariff", "t.json", "--answered-at", "2026-11-24", "--cases", "c"),
        ("--cases", "c", "--number", "44"),
        ("--tariff", "t.json", "--answered-at", "2026-11-24", "--duration", "long"),
        ("--direction", "sideways"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert price(*arguments) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
