"""Lines for the live board's benchmarks, with stamps of about now."""

from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

from _harness import ROOT as ROOT  # noqa: PLC0414 - puts the checkout on the path

from ingest.simulator import Office
from ingest.simulator.office import LINES_PER_CALL, calls_every
from ingest.simulator.pacing import at_rate, size
from tests.ingest.lines import smdr_line

ZONE = ZoneInfo("Europe/London")
CALL_ID = slice(26, 48)
THRONG = 50  # lines a second
EXTENSIONS = 400


def lines_at_rate(scratch: Path, rate: int, seconds: float) -> tuple[Path, dict[str, int], dict[str, int]]:
    """A file of the simulated office that is busy enough for `rate`; and of each whole call its first and last line."""
    wanted = int(rate * seconds)
    calls = int(wanted / LINES_PER_CALL * 1.5) + 200
    room = size(None, None, rate=rate, calls=calls)
    every = calls_every(room.extensions, room.trunks)
    tempo = at_rate(rate, None, every).tempo
    office = Office(
        seed=rate, extensions=room.extensions, trunks=room.trunks, clock=24, zone="Europe/London", tempo=tempo
    )
    lines = []
    for _, line in office.play(start=datetime.now(ZONE).replace(tzinfo=None), calls=calls):
        lines.append(line)
        if len(lines) == wanted:
            break
    path = scratch / f"office-{rate}.smdr"
    path.write_bytes(b"".join(lines))
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, line in enumerate(lines):
        call = line[CALL_ID].decode()
        first.setdefault(call, number)
        if b"|DISCONNECTED|" in line:
            last[call] = number
    return path, first, last


def throng(scratch: Path, calls: int, seconds: int) -> tuple[Path, Path]:
    """Two files: so many calls in progress, and THRONG lines a second in which they are held, end and begin anew."""
    began = datetime.now(ZONE) - timedelta(minutes=2)
    serial = iter(range(10**6))

    def line(call: int, event: str, after: float) -> bytes:
        stamp, number = began + timedelta(seconds=after), f"0207946{call % 10_000:04}"
        return smdr_line(
            stamp=f"{stamp:%Y-%m-%d %H:%M:%S}", call_id=f"{began:%Y%m%d%H%M%S}{call:08}", event=event,
            extension=str(2_000 + call % EXTENSIONS), trunk=str(92_000 + call % 60), number=number,
            contact_name=f"Caller {call % 3_000}" if call % 3 else "",
        ) + b"\r\n"  # fmt: skip

    open_calls = [next(serial) for _ in range(calls)]
    before = [line(call, "RINGING", call / calls * 60) for call in open_calls]
    before += [line(call, "ANSWERED", 60 + call / calls * 30) for call in open_calls if call % 10]
    flow: list[bytes] = []
    for place in cycle(range(calls)):
        now = 120 + len(flow) / THRONG
        ending, held = open_calls[place], open_calls[(place + calls // 2) % calls]
        new = open_calls[place] = next(serial)
        flow += [line(ending, "DISCONNECTED", now), line(new, "RINGING", now), line(new, "ANSWERED", now)]
        flow += [line(held, "HOLD", now), line(held, "CONNECTED", now)]
        if len(flow) >= THRONG * seconds:
            break
    paths = scratch / f"throng-{calls}.smdr", scratch / f"throng-{calls}-flow.smdr"
    for path, lines in zip(paths, (before, flow), strict=True):
        path.write_bytes(b"".join(lines))
    return paths
