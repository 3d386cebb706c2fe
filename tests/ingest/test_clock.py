"""The clock's rules (docs/feed.md, Clock), each by worked examples."""

import copy
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from calls.records import Flag
from ingest.clock import ClockRule, Resolution, Resolver

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
SOCKET, FILE = 0, 1
NO_ID = "A-00017".ljust(22)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def call_id(start: str) -> str:
    """The id of a call that began at this local time."""
    return "".join(character for character in start if character.isdigit()) + "82190047"


def on_socket(
    stamp: str,
    received: str,
    *,
    id_start: str | None = None,
    previous: str | None = None,
    zone: ZoneInfo = LONDON,
    mode: str = "auto",
    resolver: Resolver | None = None,
) -> Resolution:
    resolver = resolver or Resolver(zone, mode)
    identity = call_id(id_start) if id_start else NO_ID
    return resolver.resolve(
        stamp, identity, SOCKET, utc(received) * 1_000_000 + 250_000, utc(previous) if previous else None
    )


def in_file(
    stamp: str,
    *,
    id_start: str | None = None,
    previous: str | None = None,
    zone: ZoneInfo = LONDON,
    mode: str = "auto",
    resolver: Resolver | None = None,
) -> Resolution:
    resolver = resolver or Resolver(zone, mode)
    identity = call_id(id_start) if id_start else NO_ID
    loaded_at = utc("2026-01-01 00:00:00") * 1_000_000
    return resolver.resolve(stamp, identity, FILE, loaded_at, utc(previous) if previous else None)


def told(resolution: Resolution) -> tuple[str, ClockRule, Flag]:
    moment = datetime.fromtimestamp(resolution.at, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}", ClockRule(resolution.rule), Flag(resolution.flags)


NONE = Flag(0)


@pytest.mark.parametrize("mode", ["auto", "12", "24"])
@pytest.mark.parametrize("hour", [0, *range(13, 24)])
def test_rule_1_a_stamp_that_can_only_be_one_half_of_the_day_stands(mode, hour):
    stamp = f"2012-01-09 {hour:02}:46:59"

    assert told(in_file(stamp, mode=mode)) == (stamp, ClockRule.STANDS, NONE)
    assert told(on_socket(stamp, "2012-01-12 07:00:00", mode=mode)) == (stamp, ClockRule.STANDS, NONE)


@pytest.mark.parametrize("hour", range(24))
def test_rule_1_every_stamp_of_a_24_hour_clock_stands(hour):
    stamp = f"2012-01-09 {hour:02}:46:59"

    assert told(in_file(stamp, id_start="2012-01-09 23:00:00", mode="24")) == (stamp, ClockRule.STANDS, NONE)
    assert told(on_socket(stamp, "2012-01-09 23:00:00", mode="24")) == (stamp, ClockRule.STANDS, NONE)


@pytest.mark.parametrize(
    ("stamp", "received", "at"),
    [
        ("2012-01-09 01:20:40", "2012-01-09 01:20:41", "2012-01-09 01:20:40"),
        ("2012-01-09 01:20:40", "2012-01-09 13:20:41", "2012-01-09 13:20:40"),
        ("2012-01-09 12:00:00", "2012-01-09 00:00:01", "2012-01-09 00:00:00"),
        ("2012-01-09 12:00:00", "2012-01-09 12:00:01", "2012-01-09 12:00:00"),
        ("2012-01-09 11:59:59", "2012-01-10 00:00:01", "2012-01-09 23:59:59"),
        ("2012-01-10 12:00:01", "2012-01-09 23:59:58", "2012-01-10 00:00:01"),
        ("2012-01-09 01:20:40", "2012-01-09 04:20:40", "2012-01-09 01:20:40"),
        ("2012-01-09 01:20:40", "2012-01-09 10:20:40", "2012-01-09 13:20:40"),
        ("2012-07-09 01:20:40", "2012-07-09 12:20:41", "2012-07-09 12:20:40"),
    ],
)
def test_rule_3_the_candidate_within_three_hours_of_receipt(stamp, received, at):
    assert told(on_socket(stamp, received)) == (at, ClockRule.RECEIPT, NONE)


def test_rule_3_the_documents_outgoing_call_while_it_happens():
    resolution = on_socket("2012-03-09 12:46:59", "2012-03-09 00:47:00", id_start="2012-03-09 00:46:59")

    assert told(resolution) == ("2012-03-09 00:46:59", ClockRule.RECEIPT, NONE)


def test_rule_3_flags_the_feeds_call_id_clock_while_it_disagrees():
    resolver = Resolver(LONDON)
    off = on_socket("2012-01-09 01:20:40", "2012-01-09 13:20:41", id_start="2012-01-09 01:20:40", resolver=resolver)

    assert told(off) == ("2012-01-09 13:20:40", ClockRule.RECEIPT, Flag.CLOCK_ID_DISAGREES)
    assert off.id_started_at is None
    assert resolver.call_id_clock_off

    stands = on_socket("2012-01-09 13:20:41", "2012-01-09 13:20:41", id_start="2012-01-09 13:20:40", resolver=resolver)

    assert stands.id_started_at is None
    assert resolver.call_id_clock_off

    no_id = on_socket("2012-01-09 01:20:42", "2012-01-09 13:20:42", resolver=resolver)

    assert no_id.flags == 0
    assert resolver.call_id_clock_off

    on = on_socket("2012-01-09 01:20:50", "2012-01-09 13:20:51", id_start="2012-01-09 13:20:50", resolver=resolver)

    assert told(on) == ("2012-01-09 13:20:50", ClockRule.RECEIPT, NONE)
    assert on.id_started_at == utc("2012-01-09 13:20:50")
    assert not resolver.call_id_clock_off


def test_rule_3_an_id_that_starts_long_after_its_event_disagrees_too():
    resolver = Resolver(LONDON)
    on_socket("2012-01-09 03:00:00", "2012-01-09 15:00:00", id_start="2012-01-09 17:00:00", resolver=resolver)

    assert resolver.call_id_clock_off


def test_a_feed_whose_call_id_clock_was_off_starts_so():
    resolver = Resolver(LONDON, call_id_clock_off=True)
    resolution = on_socket(
        "2012-01-09 13:20:41", "2012-01-09 13:20:41", id_start="2012-01-09 13:20:40", resolver=resolver
    )

    assert resolution.id_started_at is None


@pytest.mark.parametrize(
    ("stamp", "id_start", "previous", "at"),
    [
        ("2012-03-09 12:46:59", "2012-03-09 00:46:59", None, "2012-03-09 00:46:59"),
        ("2012-03-09 12:47:10", "2012-03-09 00:46:59", "2012-03-09 00:47:06", "2012-03-09 00:47:10"),
        ("2012-03-09 12:46:59", "2012-03-09 12:46:59", None, "2012-03-09 12:46:59"),
        ("2012-03-09 01:20:40", "2012-03-09 13:20:40", None, "2012-03-09 13:20:40"),
        ("2012-03-09 01:00:05", "2012-03-09 12:59:50", "2012-03-09 12:59:50", "2012-03-09 13:00:05"),
        ("2012-03-09 12:00:05", "2012-03-09 11:59:50", "2012-03-09 11:59:50", "2012-03-09 12:00:05"),
        ("2012-03-10 12:00:05", "2012-03-09 23:59:50", "2012-03-09 23:59:50", "2012-03-10 00:00:05"),
        # 90 minutes before the start in the id are still allowed, a second more is not
        ("2012-03-09 09:00:00", "2012-03-09 10:30:00", None, "2012-03-09 09:00:00"),
        ("2012-03-09 09:00:00", "2012-03-09 10:30:01", None, "2012-03-09 21:00:00"),
        ("2012-03-09 09:00:00", "2012-03-08 23:00:00", "2012-03-09 10:30:00", "2012-03-09 09:00:00"),
        ("2012-03-09 09:00:00", "2012-03-08 23:00:00", "2012-03-09 10:30:01", "2012-03-09 21:00:00"),
        # compared in UTC: the id's local time is British Summer Time
        ("2012-07-09 01:20:40", "2012-07-09 13:20:40", "2012-07-09 12:20:30", "2012-07-09 12:20:40"),
    ],
)
def test_rule_4_the_earliest_candidate_that_fits_id_and_previous_event(stamp, id_start, previous, at):
    assert told(in_file(stamp, id_start=id_start, previous=previous)) == (at, ClockRule.CALL_ID, NONE)


def test_rule_4_on_a_socket_that_delivers_late():
    late = on_socket("2012-01-09 01:20:40", "2012-01-09 19:00:00", id_start="2012-01-09 13:20:40")

    assert told(late) == ("2012-01-09 13:20:40", ClockRule.CALL_ID, NONE)


@pytest.mark.parametrize(
    ("id_start", "previous"), [("2012-01-10 09:00:00", None), ("2012-01-09 01:00:00", "2012-01-09 23:30:00")]
)
def test_rule_4_when_none_fits_the_later_is_taken_and_flagged(id_start, previous):
    expected = ("2012-01-09 13:20:40", ClockRule.LATER, Flag.CLOCK_LATER_CANDIDATE)
    stamp = "2012-01-09 01:20:40"

    assert told(in_file(stamp, id_start=id_start, previous=previous)) == expected
    assert told(on_socket(stamp, "2012-01-15 00:00:00", id_start=id_start, previous=previous)) == expected


@pytest.mark.parametrize("hour", range(1, 13))
def test_rule_5_without_a_time_in_the_id_a_files_stamp_stands_flagged(hour):
    stamp = f"2012-01-09 {hour:02}:20:40"

    assert told(in_file(stamp)) == (stamp, ClockRule.FILE_STAMP, Flag.CLOCK_NO_ID_TIME)


@pytest.mark.parametrize(
    ("received", "at"),
    [("2012-01-09 06:00:00", "2012-01-09 01:20:40"), ("2012-01-09 08:00:00", "2012-01-09 13:20:40")],
)
def test_rule_5_on_a_socket_the_candidate_nearest_receipt(received, at):
    resolution = on_socket("2012-01-09 01:20:40", received)

    assert told(resolution) == (at, ClockRule.NEAREST_RECEIPT, Flag.CLOCK_NO_ID_TIME)
    assert resolution.id_started_at is None


@pytest.mark.parametrize(
    "identity",
    ["", " " * 22, "2012030924465982190047", "2012130900465982190047", "2012023000465982190047", "20120309004",
     "0000000000000000000000", "1969030900465982190047", "2012030900466082190047", "2012030900606082190047",
     "٢٠١٢٠٣٠٩٠٠٤٦٥٩82190047", "²012030900465982190047", "+012030900465982190047", "2012 30900465982190047"],
)  # fmt: skip
def test_an_id_that_holds_no_valid_time(identity):
    resolution = Resolver(LONDON).resolve("2012-01-09 01:20:40", identity, FILE, 0, None)

    assert ClockRule(resolution.rule) is ClockRule.FILE_STAMP
    assert resolution.id_started_at is None


def test_the_time_zone_is_the_feeds():
    assert told(in_file("2012-07-09 13:20:40", zone=NEW_YORK))[0] == "2012-07-09 17:20:40"
    assert told(in_file("2012-01-09 13:20:40", zone=ZoneInfo("Asia/Kathmandu")))[0] == "2012-01-09 07:35:40"


@pytest.mark.parametrize(
    ("zone", "stamp", "at"),
    [(LONDON, "2012-03-25 01:30:00", "2012-03-25 01:30:00"), (NEW_YORK, "2012-03-11 02:30:00", "2012-03-11 07:30:00")],
)
def test_rule_6_a_time_that_spring_skips_is_shifted_forward_and_flagged(zone, stamp, at):
    expected = (at, ClockRule.STANDS, Flag.CLOCK_MISSING_HOUR)

    assert told(in_file(stamp, zone=zone, mode="24")) == expected
    assert told(on_socket(stamp, at, zone=zone, mode="24")) == expected


def test_rule_6_the_skipped_hour_flags_only_the_candidate_that_is_taken():
    afternoon = in_file("2012-03-25 01:30:00", id_start="2012-03-25 13:30:00")

    assert told(afternoon) == ("2012-03-25 12:30:00", ClockRule.CALL_ID, NONE)


def test_rule_6_a_start_in_the_repeated_hour_may_be_its_first_reading():
    early = in_file("2012-10-28 12:05:00", id_start="2012-10-28 01:30:00")

    assert told(early) == ("2012-10-27 23:05:00", ClockRule.CALL_ID, NONE)


@pytest.mark.parametrize(
    ("received", "at"),
    [
        ("2012-10-28 00:30:05", "2012-10-28 00:30:00"),
        ("2012-10-28 01:30:05", "2012-10-28 01:30:00"),
        ("2012-10-28 01:00:00", "2012-10-28 00:30:00"),
    ],
)
def test_rule_6_in_the_repeated_hour_a_socket_takes_the_reading_nearest_receipt(received, at):
    assert told(on_socket("2012-10-28 01:30:00", received, mode="24")) == (
        at, ClockRule.STANDS, Flag.CLOCK_REPEATED_HOUR,
    )  # fmt: skip
    assert told(on_socket("2012-10-28 01:30:00", received)) == (at, ClockRule.RECEIPT, Flag.CLOCK_REPEATED_HOUR)


def instants_of_file(*stamps: str, zone: ZoneInfo = LONDON) -> list[str]:
    resolver = Resolver(zone, "24")
    return [told(in_file(stamp, resolver=resolver))[0][5:16] for stamp in stamps]


def test_rule_6_in_the_repeated_hour_a_file_takes_the_second_reading_from_a_step_back_on():
    assert instants_of_file(
        "2012-10-28 00:59:00", "2012-10-28 01:10:00", "2012-10-28 01:58:00", "2012-10-28 01:40:00",
        "2012-10-28 01:29:00", "2012-10-28 01:00:00", "2012-10-28 01:10:00", "2012-10-28 01:59:00",
        "2012-10-28 01:31:00", "2012-10-28 02:00:00",
    ) == [
        "10-27 23:59", "10-28 00:10", "10-28 00:58", "10-28 00:40", "10-28 00:29", "10-28 00:00", "10-28 00:10",
        "10-28 00:59", "10-28 00:31", "10-28 02:00",
    ]  # fmt: skip
    assert instants_of_file(
        "2012-10-28 01:10:00", "2012-10-28 01:40:00", "2012-10-28 01:10:00", "2012-10-28 01:05:00",
        "2012-10-28 01:59:00", "2012-10-28 02:00:00", "2012-10-28 01:59:00",
    ) == [
        "10-28 00:10", "10-28 00:40", "10-28 01:10", "10-28 01:05", "10-28 01:59", "10-28 02:00", "10-28 01:59",
    ]  # fmt: skip


def test_rule_6_the_second_reading_is_for_that_night_only():
    assert instants_of_file(
        "2012-10-28 01:50:00", "2012-10-28 01:10:00", "2013-10-27 01:10:00", "2013-10-27 01:50:00",
        "2013-10-27 01:05:00",
    ) == ["10-28 00:50", "10-28 01:10", "10-27 00:10", "10-27 00:50", "10-27 01:05"]  # fmt: skip


def test_rule_6_a_quiet_night_is_read_as_the_first():
    assert instants_of_file("2012-10-28 00:10:00", "2012-10-28 01:50:00", "2012-10-28 02:10:00") == [
        "10-27 23:10", "10-28 00:50", "10-28 02:10",
    ]  # fmt: skip


def test_rule_6_a_copy_of_a_resolver_goes_its_own_way():
    original = Resolver(LONDON, "24")
    in_file("2012-10-28 01:50:00", resolver=original)
    ahead = copy.copy(original)
    in_file("2012-10-28 01:10:00", resolver=ahead)

    assert told(in_file("2012-10-28 01:40:00", resolver=ahead))[0] == "2012-10-28 01:40:00"
    assert told(in_file("2012-10-28 01:40:00", resolver=original))[0] == "2012-10-28 00:40:00"


def test_clocks_that_change_within_an_hour_and_across_midnight():
    """Newfoundland changed at one minute past midnight, back to 23:01."""
    resolver = Resolver(ZoneInfo("America/St_Johns"), "24")
    stamps = ["2010-11-06 23:00:30", "2010-11-06 23:50:00", "2010-11-07 00:00:30", "2010-11-06 23:05:00",
              "2010-11-06 23:59:00", "2010-11-07 00:00:30", "2010-11-07 00:01:00"]  # fmt: skip

    resolved = [in_file(stamp, resolver=resolver) for stamp in stamps]

    assert [told(resolution)[0][5:] for resolution in resolved] == [
        "11-07 01:30:30", "11-07 02:20:00", "11-07 02:30:30", "11-07 02:35:00", "11-07 03:29:00", "11-07 03:30:30",
        "11-07 03:31:00",
    ]  # fmt: skip
    assert [bool(resolution.flags & Flag.CLOCK_REPEATED_HOUR) for resolution in resolved] == [
        False, True, True, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "id_start", "started"),
    [
        ("2012-01-09 13:20:45", "2012-01-09 13:20:40", "2012-01-09 13:20:40"),
        ("2012-01-09 13:20:45", "2012-01-09 01:20:40", "2012-01-09 13:20:40"),
        ("2012-01-09 00:47:06", "2012-01-09 12:46:59", "2012-01-09 00:46:59"),
        ("2012-01-09 18:00:00", "2012-01-09 13:20:40", "2012-01-09 13:20:40"),
        ("2012-01-10 00:10:00", "2012-01-09 23:50:00", "2012-01-09 23:50:00"),
        ("2012-10-28 00:59:00", "2012-10-28 01:01:00", "2012-10-28 00:01:00"),
        ("2012-10-28 02:00:05", "2012-10-28 01:59:55", "2012-10-28 01:59:55"),
    ],
)
def test_the_start_in_the_call_id_is_read_nearest_to_the_event(stamp, id_start, started):
    assert in_file(stamp, id_start=id_start).id_started_at == utc(started)


def test_a_24_hour_feeds_call_id_is_read_as_it_is():
    assert in_file("2012-01-09 13:20:45", id_start="2012-01-09 01:20:40", mode="24").id_started_at == utc(
        "2012-01-09 01:20:40"
    )


def test_every_rule_has_a_sentence():
    assert len({rule.sentence for rule in ClockRule}) == len(ClockRule)
