import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.simulator import Office
from ingest.simulator.office import LINES_PER_CALL
from ingest.simulator.pacing import LONGEST_SPAN_S, at_rate, size
from tests.ingest.simulator.conftest import CALLS, START, PlayedDay

LONDON = ZoneInfo("Europe/London")
EVENTS = rb"QUEUED|RINGING|DIVERTED|ANSWERED|HOLD|CONNECTED|CALLCONNECTE|TRANSFERRED|CALLMODIFIED|DISCONNECTED"
LINE = re.compile(
    rb"\d{4}-\d\d-\d\d (?:0[1-9]|1[0-2]):\d\d:\d\d \|(?:IN |OUT)\| \d{22} 00\d{5} \d{7} \d{7} [0-9X]{15} "
    rb"\|[^\r\n]{14}\| \d{15} (?:\|[^\r\n]{10}\| | {13})?0\d{11} \|(?:" + EVENTS + rb") *\|\r\n"
)
PARTS = ("ring_seconds", "queue_seconds", "talk_seconds", "hold_seconds")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def assert_apart(stays: dict[str, list[tuple[int, int]]]) -> None:
    for owner, spans in stays.items():
        for (_, ended), (started, _) in pairwise(sorted(spans)):
            assert started >= ended, owner


def play(calls: int = 300, **options: Any) -> bytes:
    return b"".join(line for _, line in Office(**options).play(start=START, calls=calls))


def test_it_plays_the_same_bytes_for_the_same_arguments() -> None:
    assert play(seed=5) == play(seed=5)
    assert play(seed=5) != play(seed=6)


def test_it_keeps_the_same_account_for_the_same_arguments() -> None:
    twice: list[list[dict[str, Any]]] = [[], []]
    for accounts in twice:
        list(Office(seed=5).play(start=START, calls=300, account=accounts.append))
    assert twice[0] == twice[1]


def test_every_line_is_well_formed(day: PlayedDay) -> None:
    for _, line in day.lines:
        assert len(line) == 164 or (len(line) == 151 and b" |OUT| " in line), line
        assert LINE.fullmatch(line), line


def test_lines_are_in_time_order_and_stamps_are_local_12_hour_time(day: PlayedDay) -> None:
    assert all(before <= after for (before, _), (after, _) in pairwise(day.lines))
    for second, line in day.lines:
        local = datetime.fromtimestamp(second, LONDON)
        assert line[:19].decode() == f"{local:%Y-%m-%d %I:%M:%S}"


def test_24_hour_stamps() -> None:
    for second, line in Office(clock=24, zone="America/New_York").play(start=START, calls=50):
        local = datetime.fromtimestamp(second, ZoneInfo("America/New_York"))
        assert line[:19].decode() == f"{local:%Y-%m-%d %H:%M:%S}"


def test_call_ids_are_unique_and_begin_with_the_local_start(day: PlayedDay) -> None:
    assert len({account["call_id"] for account in day.accounts}) == len(day.accounts) == CALLS
    for account in day.accounts:
        began = at(account["started_at"])
        starts = {f"{datetime.fromtimestamp(began - early, LONDON):%Y%m%d%H%M%S}" for early in (0, 1)}
        assert account["call_id"][:14] in starts


def test_durations_add_up(day: PlayedDay) -> None:
    for account in day.accounts:
        assert account["duration_seconds"] == at(account["ended_at"]) - at(account["started_at"])
        assert sum(account[part] for part in PARTS) == account["duration_seconds"]
        for part in PARTS[1:]:
            assert account[part] == sum(leg[part] for leg in account["legs"]), account
        if account["answered_at"]:
            assert account["billable_seconds"] == at(account["ended_at"]) - at(account["answered_at"])
            assert account["time_to_answer_seconds"] == at(account["answered_at"]) - at(account["started_at"])


def test_legs_lie_within_their_call_and_are_in_order(day: PlayedDay) -> None:
    for account in day.accounts:
        legs = account["legs"]
        assert [leg["position"] for leg in legs] == list(range(len(legs)))
        assert [leg["started_at"] for leg in legs] == sorted(leg["started_at"] for leg in legs)
        for leg in legs:
            assert account["started_at"] <= leg["started_at"] <= leg["ended_at"] <= account["ended_at"]
            assert sum(leg[part] for part in PARTS) <= at(leg["ended_at"]) - at(leg["started_at"])


def test_no_trunk_carries_two_calls_at_once(day: PlayedDay) -> None:
    stays = defaultdict(list)
    for account in day.accounts:
        stays[account["trunk"]].append((at(account["started_at"]), at(account["ended_at"])))
    assert len(stays) == 16
    assert_apart(stays)


def test_nobody_is_in_two_talks_at_once(day: PlayedDay) -> None:
    people = {number for number, _, kind, _ in day.office.directory() if kind == "person"}
    stays = defaultdict(list)
    for account in day.accounts:
        for leg in account["legs"]:
            if leg["answered_at"] and leg["extension"] in people:
                stays[leg["extension"]].append((at(leg["answered_at"]), at(leg["ended_at"])))
    assert stays.keys() == people
    assert_apart(stays)


def test_several_calls_go_on_at_once(day: PlayedDay) -> None:
    changes = [(at(account["started_at"]), 1) for account in day.accounts]
    changes += [(at(account["ended_at"]), -1) for account in day.accounts]
    going_on = most = 0
    for _, change in sorted(changes):
        going_on += change
        most = max(most, going_on)
    assert 10 <= most <= 16


@pytest.mark.parametrize("extensions", [5, 20, 150])
def test_devices_seen_queued_first_are_the_hunt_groups(extensions: int) -> None:
    office = Office(seed=3, extensions=extensions)
    first_event: dict[bytes, bytes] = {}
    for _, line in office.play(start=START, calls=1500):
        first_event.setdefault(line[57:64].lstrip(b"0"), line[-15:-3].strip())
    queued = {device.decode() for device, event in first_event.items() if event == b"QUEUED"}
    assert queued == {number for number, _, kind, _ in office.directory() if kind == "group"}


def test_something_is_seen_at_once() -> None:
    lines = Office(seed=8).play(start=START)
    began = START.timestamp()
    soon = [line for second, line in islice(lines, 60) if second <= began + 10]
    assert len({line[26:48] for line in soon}) >= 4
    assert soon[0][:19] == b"2026-03-28 09:00:00"


def test_other_padding_keeps_leading_zeros() -> None:
    accounts: list[dict[str, Any]] = []
    lines = [line for _, line in Office(padding="#").play(start=START, calls=200, account=accounts.append)]
    assert all(line[49:51] == b"##" for line in lines)
    assert any(account["number"].startswith("020") for account in accounts)
    assert not any("#" in account[name] for account in accounts for name in ("number", "did", "trunk", "device"))


def test_machines_handle_nothing_when_the_account_knows_kinds() -> None:
    accounts: list[dict[str, Any]] = []
    list(Office(kinds=True).play(start=START, calls=300, account=accounts.append))
    by_machine = [account for account in accounts if account["answered_by"] == "7999"]
    assert by_machine
    assert not any(account["handled_by"] for account in by_machine)


def test_calls_in_progress_are_accounted_for_up_to_their_last_event() -> None:
    office = Office(seed=2)
    ended: list[dict[str, Any]] = []
    lines = [line for _, line in islice(office.play(start=START, account=ended.append), 500)]
    lines += office.rest().splitlines(keepends=True)
    going_on = office.accounts_in_progress()
    assert {line[26:48].decode() for line in lines} == {account["call_id"] for account in [*ended, *going_on]}
    for account in going_on:
        last = [line for line in lines if line[26:48] == account["call_id"].encode()][-1]
        seconds = sum(account[part] for part in PARTS)
        assert f"{datetime.fromtimestamp(at(account['started_at']) + seconds, UTC):%I:%M:%S}".encode() == last[11:19]
        assert (account["outcome"], account["ended_at"], account["duration_seconds"]) == ("in_progress", None, None)
        assert account["billable_seconds"] == 0


def test_the_directory_names_every_device_and_trunk_once(day: PlayedDay) -> None:
    def once(numbers: Iterable[str]) -> set[str]:
        listed = list(numbers)
        assert len(set(listed)) == len(listed)
        return set(listed)

    devices = once(number for number, *_ in day.office.directory())
    assert {leg["extension"] for account in day.accounts for leg in account["legs"]} <= devices
    assert {account["trunk"] for account in day.accounts} == once(n for n, _ in day.office.trunk_directory())
    dids = once(number for number, *_ in day.office.did_directory())
    assert {account["did"] for account in day.accounts} <= dids | {""}


def test_the_lines_a_call_takes_are_about_as_many_as_pacing_counts_on(day: PlayedDay) -> None:
    assert len(day.lines) / CALLS == pytest.approx(LINES_PER_CALL, rel=0.1)


@pytest.mark.parametrize(("calls", "rate"), [(5000, 2000.0), (50, 2.0), (20_000, 5000.0)])
def test_stamps_of_a_fast_run_end_about_now(calls: int, rate: float) -> None:
    room = size(None, None, rate=rate, calls=calls)
    office = Office(extensions=room.extensions, trunks=room.trunks)
    layout = at_rate(rate, calls, office.every)
    office.tempo = layout.tempo
    now = START.timestamp()
    for sent, (second, _) in enumerate(office.play(start=layout.start(START), calls=calls)):
        assert abs(second - (now + sent / rate)) < LONGEST_SPAN_S + 1800


def test_it_shares_nothing_with_the_products_assembly() -> None:
    check = "import sys, ingest.simulator; print(*(name for name in sys.modules if name.split('.')[0] == 'calls'))"
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
