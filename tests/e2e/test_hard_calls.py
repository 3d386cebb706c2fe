"""The calls of tests/calls/hard_calls.py as real lines, through files and a socket, on both databases."""

import json
import socket
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from calls.records import Flag
from tests.calls.hard_calls import CLOCKED, HARD, Hard
from tests.calls.strategies import KINDS, PLAIN
from tests.e2e.installation import Installation, until
from tests.ingest.lines import smdr_line

YESTERDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)  # London's time, as it is winter
TODAY = datetime(2026, 11, 24, 9, tzinfo=UTC)  # more than 12 hours later: what did not end yesterday is stale
NOT_EXPORTED = {"state_since", "last_event_at", "from_extension", "number_raw", "legs", "call_id", "flags"}


def began(place: int, hard: Hard) -> datetime:
    return (YESTERDAY if hard.is_stale else TODAY) + timedelta(minutes=2 * place)


def call_id(place: int, hard: Hard) -> str:
    return f"{began(place, hard) - timedelta(seconds=hard.id_seconds_before):%Y%m%d%H%M%S}{place:08}"


def lines_of(place: int, hard: Hard, connection: int) -> Iterator[bytes]:
    """Its lines of one connection, in order of arrival, on a clock of 12 hours."""
    for at, event, extension, *more in hard.steps:
        told: dict[str, Any] = {"connection": 1} | PLAIN | hard.elements
        for item in more:
            told |= item if isinstance(item, dict) else {"source_extension": item}
        if told["connection"] == connection:
            yield smdr_line(
                stamp=f"{began(place, hard) + timedelta(seconds=at):%Y-%m-%d %I:%M:%S}",
                direction=told["direction"].upper(),
                call_id=call_id(place, hard),
                trunk=told["trunk"],
                extension=extension,
                source_extension=told["source_extension"],
                number=told["number"],
                did="",
                account_code=told["account_code"],
                event=event,
            )


def moment(start: datetime, name: str, value: Any) -> Any:
    if name.endswith("_at") and value is not None:
        return f"{start + timedelta(seconds=value):%Y-%m-%dT%H:%M:%SZ}"
    return value


def worked_out(place: int, hard: Hard) -> dict[str, Any]:
    """The answer worked out by hand, in the words of an export."""
    start = began(place, hard)
    answer = {name: moment(start, name, value) for name, value in asdict(hard.answer).items()}
    legs = [
        {name: moment(start, name, value) for name, value in asdict(part).items()} for part in hard.answer.legs
    ]  # fmt: skip
    kept = {name: value for name, value in answer.items() if name not in NOT_EXPORTED}
    return kept | {"legs": legs, "flags": Flag(hard.answer.flags).names()}


def test_hard_calls_through_files(installation: Installation, tmp_path: Path) -> None:
    named = json.dumps({"1840": "person", "1843": "person", "1848": "person", "1850": "person"} | KINDS)
    installation.manage(
        "shell", "-v0", "-c",
        "from calls.directory.models import Feed, Extension\n"
        "feed = Feed.objects.create(name='Office', time_zone='Europe/London', active=False)\n"
        f"for number, kind in {named}.items(): Extension.objects.create(feed=feed, number=number, kind=kind)",
    )  # fmt: skip
    clocked_lines = [
        smdr_line(stamp=stamp, call_id=f"{clocked.id_start}{place:08}", extension="1843", event=event)
        for place, clocked in enumerate(CLOCKED)
        for stamp, event in clocked.lines
    ]
    places = sorted(enumerate(HARD), key=lambda pair: call_id(*pair))
    for connection in (1, 2):
        hard_lines = [line for place, hard in places for line in lines_of(place, hard, connection)]
        file = tmp_path / f"connection-{connection}.smdr"
        file.write_bytes(b"".join(line + b"\r\n" for line in (clocked_lines if connection == 1 else []) + hard_lines))
        loaded = installation.load(file)
        assert (loaded["quarantined"], loaded["duplicates"]) == (0, 0)
    calls = installation.calls()
    by_id = {call["call_id"]: call for call in calls}
    assert len(by_id) == len(HARD) + len(CLOCKED)

    for place, hard in enumerate(HARD):
        call, answer = by_id[call_id(place, hard)], worked_out(place, hard)
        assert {name: call[name] for name in answer} == answer, hard.name
    for place, clocked in enumerate(CLOCKED):
        call = by_id[f"{clocked.id_start}{place:08}"]
        told = {name: getattr(clocked, name) for name in ("started_at", "answered_at", "ended_at")}
        told |= {"ring_seconds": clocked.ring, "talk_seconds": clocked.talk, "flags": list(clocked.flags)}
        told |= {"partial": False, "outcome": "answered"}
        assert {name: call[name] for name in told} == told, clocked.name

    assert "Nothing changed." in installation.manage("rebuild")
    assert installation.calls() == calls


def test_a_call_ids_clock_that_is_off_is_flagged_on_a_socket(installation: Installation, tmp_path: Path) -> None:
    """Receipt decides. An id that is six hours off would have said the other half of the day; it judges nothing."""
    now = datetime.now(UTC).replace(microsecond=0)
    starts = {f"{now + timedelta(hours=hours):%Y%m%d%H%M%S}{hours:08}": hours for hours in (6, 0)}
    steps = ((-40, "RINGING"), (-33, "ANSWERED"), (-13, "DISCONNECTED"))
    lines = [
        smdr_line(
            stamp=f"{now + timedelta(seconds=at):%Y-%m-%d %I:%M:%S}", call_id=identity, extension="1843", event=event
        )
        for identity in starts
        for at, event in steps
    ]
    installation.manage(
        "shell", "-v0", "-c",
        "from calls.directory.models import Feed; Feed.objects.create(name='Office', time_zone='UTC', active=False)",
    )  # fmt: skip
    with installation.running("ingest", "--push", "127.0.0.1:0", "--feed", "Office") as worker:
        port = int(worker.wait_for_words(r"Listening on 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"".join(line + b"\r\n" for line in lines))
        until(lambda: installation.status()["events"] == len(lines), worker)
        assert worker.terminate() == 0
    calls = installation.calls()
    found = {starts[call["call_id"]]: call for call in calls}
    for hours, call in found.items():
        assert call["started_at"] == f"{now - timedelta(seconds=40):%Y-%m-%dT%H:%M:%SZ}"
        assert (call["ring_seconds"], call["talk_seconds"], call["duration_seconds"]) == (7, 20, 27)
        assert call["flags"] == (["clock_id_disagrees"] if hours else [])
    # the one that is off is not judged; the other's id begins 40 s after its first event, and late is only the reverse
    assert not any(call["partial"] for call in calls)
    assert "Nothing changed." in installation.manage("rebuild")
    assert installation.calls() == calls
