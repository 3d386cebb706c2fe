"""Simulated days of calls, written as a PBX with a 12-hour clock writes them: each event resolves to when it was."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.records import Flag
from ingest.clock import ClockRule, Resolver

HOUR = 3600
LONGEST_PAUSE = 9 * HOUR  # the promised 10½ hours, less the hour that spring takes and a little
ZONES = {name: ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC")}

DAYS = [
    ("Europe/London", "2012-01-09"),
    ("Europe/London", "2012-07-09"),
    ("Europe/London", "2012-03-25"),
    ("Europe/London", "2012-10-28"),
    ("America/New_York", "2012-03-11"),
    ("America/New_York", "2012-11-04"),
    ("Australia/Lord_Howe", "2012-10-07"),
]


class Said(NamedTuple):
    at: int
    call: int
    began: int


def local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def stamp(at: int, zone: ZoneInfo, hours: int = 12) -> str:
    return local(at, zone).strftime("%Y-%m-%d %I:%M:%S" if hours == 12 else "%Y-%m-%d %H:%M:%S")


def call_id(said: Said, zone: ZoneInfo) -> str:
    return f"{local(said.began, zone):%Y%m%d%H%M%S}{said.call:08}"


def noon_before(day: str, zone: ZoneInfo) -> int:
    return int((datetime.fromisoformat(day).replace(tzinfo=zone, hour=12) - timedelta(days=1)).timestamp())


def played(day: str, zone: ZoneInfo, seed: int) -> list[Said]:
    """Two days of calls around a night, at most ten minutes apart, in the order in which they happen."""
    random = Random(seed)
    at = noon_before(day, zone)
    end = at + 48 * HOUR
    said, call = [], 0
    while at < end:
        call += 1
        moment = at
        for _ in range(random.randrange(1, 6)):
            said.append(Said(moment, call, at))
            moment += random.choice(
                (0, 1, random.randrange(90), random.randrange(HOUR), random.randrange(LONGEST_PAUSE))
            )
        at += random.randrange(1, 600)
    return sorted(said)


def resolved(
    said: list[Said], zone: ZoneInfo, resolver: Resolver, delays: Iterator[int] | None
) -> list[tuple[Said, int, Flag]]:
    """What the resolver makes of them, through a file, or received `delays` after they happened."""
    previous: dict[int, int] = {}
    results = []
    for event in said:
        origin, received = (1, 0) if delays is None else (0, event.at + next(delays))
        resolution = resolver.resolve(
            stamp(event.at, zone), call_id(event, zone), origin, received * 1_000_000, previous.get(event.call)
        )
        previous[event.call] = resolution.at
        results.append((event, resolution.at, Flag(resolution.flags)))
    return results


@pytest.mark.parametrize(("zone_name", "day"), DAYS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_through_a_file(zone_name, day, seed):
    """Lord Howe's autumn is left out: it repeats half an hour, in which few steps back are long enough to tell."""
    zone = ZONES[zone_name]
    results = resolved(played(day, zone, seed), zone, Resolver(zone), None)

    assert [event.at for event, _, _ in results] == [at for _, at, _ in results]


@pytest.mark.parametrize(("zone_name", "day"), [*DAYS, ("Australia/Lord_Howe", "2012-04-01")])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_through_a_socket(zone_name, day, seed):
    """Within three hours of receipt; in a repeated hour within half of what is repeated."""
    zone = ZONES[zone_name]
    random = Random(seed)
    said = played(day, zone, seed)
    delays = (
        random.randrange(0, 14 * 60) if is_repeated(event.at, zone) else random.randrange(-60, 3 * HOUR)
        for event in said
    )

    resolver = Resolver(zone)
    results = resolved(said, zone, resolver, delays)

    assert [event.at for event, _, _ in results] == [at for _, at, _ in results]
    assert not any(flags & Flag.CLOCK_ID_DISAGREES for _, _, flags in results)
    assert not resolver.call_id_clock_off


def is_repeated(at: int, zone: ZoneInfo) -> bool:
    moment = local(at, zone).replace(fold=0)
    return moment.utcoffset() != moment.replace(fold=1).utcoffset()


@pytest.mark.parametrize("origin", [0, 1])
@pytest.mark.parametrize("zone", list(ZONES.values()), ids=list(ZONES))
def test_every_second_around_noon_and_midnight(zone, origin):
    noon = noon_before("2012-01-09", zone)
    for turn in (noon, noon + 12 * HOUR):
        for at in range(turn - 30, turn + 31):
            said = Said(at, 1, at - 60)
            resolution = Resolver(zone).resolve(
                stamp(at, zone), call_id(said, zone), origin, (at + 5) * 1_000_000, None
            )
            assert resolution.at == at
            assert resolution.id_started_at == at - 60


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 4_102_444_799), name=st.sampled_from(sorted(ZONES)), origin=st.integers(0, 3))
def test_a_24_hour_clock_is_read_as_it_says(at, name, origin):
    zone = ZONES[name]
    said = stamp(at, zone, 24)

    resolution = Resolver(zone, "24").resolve(said, "x" * 22, origin, at * 1_000_000, None)

    assert resolution.rule == ClockRule.STANDS
    if origin == 0 or not is_repeated(at, zone):
        assert resolution.at == at
        assert resolution.flags == (Flag.CLOCK_REPEATED_HOUR if is_repeated(at, zone) else 0)


stamps = st.builds(
    "{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format,
    st.integers(1970, 2099), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59),
    st.integers(0, 59),
)  # fmt: skip
identities = st.one_of(
    st.text(max_size=22),
    st.text("0123456789", min_size=14, max_size=22),
    stamps.map(lambda text: "".join(filter(str.isdigit, text)) + "82190047"),
)


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(
        st.tuples(stamps, identities, st.integers(0, 2**53), st.one_of(st.none(), st.integers(0, 2**33))), max_size=6
    ),
    zone=st.sampled_from([*ZONES.values(), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]),
    mode=st.sampled_from(["auto", "12", "24"]),
    origin=st.integers(0, 3),
)
def test_whatever_a_line_says_it_is_read_as_one_of_its_two_candidates(lines, zone, mode, origin):
    resolver = Resolver(zone, mode)
    for said, identity, received_us, previous_at in lines:
        resolution = resolver.resolve(said, identity, origin, received_us, previous_at)
        assert ClockRule(resolution.rule).sentence
        assert resolution.id_started_at is None or identity[:14].isdigit()
        if not resolution.flags & Flag.CLOCK_MISSING_HOUR:
            hours = 24 if resolution.rule == ClockRule.STANDS else 12
            assert stamp(resolution.at, zone, hours)[:11] == said[:11]
            assert stamp(resolution.at, zone, hours)[13:] == said[13:]
            assert (int(stamp(resolution.at, zone, 24)[11:13]) - int(said[11:13])) % hours == 0
