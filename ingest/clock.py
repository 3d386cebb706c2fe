"""The feed's clock: a stamp of 12 or 24 hours without a zone, resolved once to UTC (docs/feed.md, Clock).

Pure Python. Instants are epoch seconds. Local times are held as *local seconds*: seconds since 1970-01-01 00:00 of
the wall clock, as if it were UTC.
"""

from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from calls.records import Flag, new_tuple

HOUR = 3600
HALF_DAY = 12 * HOUR
DAY = 24 * HOUR
NEAR_RECEIPT_SECONDS = 3 * HOUR
EARLY_SECONDS = 90 * 60
STEP_BACK_SECONDS = 30 * 60
ID_SURELY_NEAREST_SECONDS = 5 * HOUR  # its other half-day is 11 hours away or more
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FIRST_ID_YEAR, LAST_ID_YEAR = 1970, 2099
REMEMBERED_HOURS = 20_000

CLOCK_LATER_CANDIDATE = int(Flag.CLOCK_LATER_CANDIDATE)
CLOCK_NO_ID_TIME = int(Flag.CLOCK_NO_ID_TIME)
CLOCK_ID_DISAGREES = int(Flag.CLOCK_ID_DISAGREES)
CLOCK_MISSING_HOUR = int(Flag.CLOCK_MISSING_HOUR)
CLOCK_REPEATED_HOUR = int(Flag.CLOCK_REPEATED_HOUR)


class ClockRule(IntEnum):
    """What decided between morning and afternoon. Stored with each event: never renumber."""

    STANDS = 1
    RECEIPT = 2
    CALL_ID = 3
    LATER = 4
    NEAREST_RECEIPT = 5
    FILE_STAMP = 6

    @property
    def sentence(self) -> str:
        """For people."""
        return SENTENCES[self]


SENTENCES = {
    ClockRule.STANDS: "The stamp says which half of the day it is.",
    ClockRule.RECEIPT: "The reading within 3 hours of receipt.",
    ClockRule.CALL_ID: "The first reading that fits the start in the call id and the call's previous event.",
    ClockRule.LATER: "No reading fitted the call id; the later one was taken.",
    ClockRule.NEAREST_RECEIPT: "The call id holds no time; the reading nearest to receipt was taken.",
    ClockRule.FILE_STAMP: "The call id holds no time; the stamp was taken as it is.",
}
# As plain numbers: a database driver takes them without a detour.
STANDS, RECEIPT, CALL_ID, LATER, NEAREST_RECEIPT, FILE_STAMP = (int(rule) for rule in ClockRule)

Reading = tuple[int, int]  # an instant, and the flags of how its local time was read


class Resolution(NamedTuple):
    at: int
    rule: int  # a ClockRule
    flags: int
    id_started_at: int | None  # the start in the call id, read nearest to `at`; None: not to be judged


class Resolver:
    """Resolves the stamps of one feed's sockets, or of one file, then in the file's order.

    `mode` is ``auto``, ``12`` or ``24``. `call_id_clock_off` is the feed's: whether its call ids were last seen to
    disagree with receipt. A shallow copy goes its own way.
    """

    def __init__(self, zone: ZoneInfo, mode: str = "auto", call_id_clock_off: bool = False) -> None:
        self.zone = zone
        self.mode = mode
        self.call_id_clock_off = call_id_clock_off
        self._file_at: int | None = None  # of the file's line before
        self._second_nights: frozenset[int] = frozenset()  # whose repeated hour has come to its second reading
        self._offsets: dict[int, int | None] = {}

    def resolve(self, stamp: str, call_id: str, origin: int, received_us: int, previous_at: int | None) -> Resolution:
        """The stamp, a valid one, in UTC.

        `origin` 0 is a socket; `previous_at` is the instant of the call's previous event on this connection.
        """
        local, hour = local_minute(stamp[:16])
        local += int(stamp[17:19])
        id_local = call_id_local(call_id)
        id_instants = None if id_local is None else self._instants(id_local)
        received = None if origin else received_us // 1_000_000
        if hour == 0 or hour > 12 or self.mode == "24":
            at, flags = self._utc(local, received)
            rule = STANDS
        else:
            morning = local - HALF_DAY if hour == 12 else local
            candidates = self._utc(morning, received), self._utc(morning + HALF_DAY, received)
            if received is not None:
                at, rule, flags = self._on_socket(candidates, id_instants, received, previous_at)
            elif id_instants is not None:
                at, rule, flags = self._by_call_id(candidates, id_instants, previous_at)
            else:
                at, flags = candidates[hour == 12]
                rule, flags = FILE_STAMP, flags | CLOCK_NO_ID_TIME
        if received is None:
            if flags & CLOCK_REPEATED_HOUR:
                self._notice_second_reading(at)
            self._file_at = at
        id_started_at = None
        if id_local is not None and id_instants is not None and not self.call_id_clock_off:
            id_started_at = id_instants[0]
            if len(id_instants) > 1 or abs(id_started_at - at) > ID_SURELY_NEAREST_SECONDS:
                id_started_at = self._id_nearest(id_local, id_instants, at)
        return new_tuple(Resolution, (at, rule, flags, id_started_at))

    def _on_socket(
        self,
        candidates: tuple[Reading, Reading],
        id_instants: tuple[int, ...] | None,
        received: int,
        previous_at: int | None,
    ) -> tuple[int, int, int]:
        """Rules 3 to 5."""
        morning, afternoon = candidates
        from_morning, from_afternoon = abs(morning[0] - received), abs(afternoon[0] - received)
        nearest = morning if from_morning <= from_afternoon else afternoon
        if min(from_morning, from_afternoon) > NEAR_RECEIPT_SECONDS:
            if id_instants is None:
                return nearest[0], NEAREST_RECEIPT, nearest[1] | CLOCK_NO_ID_TIME
            return self._by_call_id(candidates, id_instants, previous_at)
        at, flags = nearest
        if id_instants is not None:
            by_id, rule, _ = self._by_call_id(candidates, id_instants, previous_at)
            self.call_id_clock_off = by_id != at or rule == LATER
            if self.call_id_clock_off:
                flags |= CLOCK_ID_DISAGREES
        return at, RECEIPT, flags

    def _by_call_id(
        self, candidates: tuple[Reading, Reading], id_instants: tuple[int, ...], previous_at: int | None
    ) -> tuple[int, int, int]:
        """Rule 4."""
        earliest = id_instants[0] - EARLY_SECONDS
        if previous_at is not None and previous_at - EARLY_SECONDS > earliest:
            earliest = previous_at - EARLY_SECONDS
        for at, flags in candidates:
            if at >= earliest:
                return at, CALL_ID, flags
        at, flags = candidates[1]
        return at, LATER, flags | CLOCK_LATER_CANDIDATE

    def _utc(self, local: int, received: int | None) -> Reading:
        """Rule 6; without a time of receipt as of a file."""
        offset = self._offsets.get(local // HOUR)
        if offset is not None:
            return local - offset, 0
        instants = self._instants(local)
        if len(instants) == 1:
            return instants[0], 0
        first, second = instants
        if first > second:
            return first, CLOCK_MISSING_HOUR
        if received is None:
            is_second = night_of(local) in self._second_nights or self._has_stepped_back(local)
        else:
            is_second = abs(second - received) < abs(first - received)
        return (second if is_second else first), CLOCK_REPEATED_HOUR

    def _has_stepped_back(self, local: int) -> bool:
        return self._file_at is not None and local_of(self.zone, self._file_at) - local >= STEP_BACK_SECONDS

    def _notice_second_reading(self, at: int) -> None:
        local = local_of(self.zone, at)
        if at == self._instants(local)[-1]:
            self._second_nights |= {night_of(local)}

    def _id_nearest(self, id_local: int, instants: tuple[int, ...], at: int) -> int:
        """The start in a call id, which may be of a 12-hour clock too unless the feed is set to 24."""
        hour = id_local % DAY // HOUR
        if 1 <= hour <= 12 and self.mode != "24":
            instants += self._instants(id_local - HALF_DAY if hour == 12 else id_local + HALF_DAY)
        return min(instants, key=lambda instant: abs(instant - at))

    def _instants(self, local: int) -> tuple[int, ...]:
        """The instants of a local time: one, or two where clocks repeat or skip it, see `instants_of`."""
        hour = local // HOUR
        offset = self._offsets.get(hour)
        if offset is not None:
            return (local - offset,)
        if hour not in self._offsets:
            if len(self._offsets) >= REMEMBERED_HOURS:
                self._offsets.clear()
            offset = self._offsets[hour] = steady_offset(self.zone, hour)
            if offset is not None:
                return (local - offset,)
        return instants_of(self.zone, local)


def steady_offset(zone: ZoneInfo, hour: int) -> int | None:
    """The UTC offset, in seconds, throughout the local hour that begins at `hour` × 3600; None if clocks change."""
    offsets = offsets_at(zone, hour * HOUR) | offsets_at(zone, hour * HOUR + HOUR - 1)
    return offsets.pop() if len(offsets) == 1 else None


def instants_of(zone: ZoneInfo, local: int) -> tuple[int, ...]:
    """The instants of a local time: one; two, the earlier first, where clocks repeat it; two, the later first, where
    they skip it: the first is then the time shifted forward by what was skipped."""
    wall = wall_clock(local)
    instants = (local - utc_offset(wall, zone, fold) for fold in (0, 1))
    return tuple(dict.fromkeys(instants))


def local_of(zone: ZoneInfo, at: int) -> int:
    """The wall clock at an instant, in local seconds."""
    wall = datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=UTC)
    return int(wall.timestamp())


def night_of(local: int) -> int:
    """A number for the time from noon to noon."""
    return (local + HALF_DAY) // DAY


def offsets_at(zone: ZoneInfo, local: int) -> set[int]:
    wall = wall_clock(local)
    return {utc_offset(wall, zone, fold) for fold in (0, 1)}


def wall_clock(local: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=local)  # noqa: DTZ001 - a wall clock


def utc_offset(wall: datetime, zone: ZoneInfo, fold: int) -> int:
    offset = wall.replace(tzinfo=zone, fold=fold).utcoffset()
    return int(offset.total_seconds()) if offset else 0


@lru_cache(maxsize=4_096)
def local_midnight(year: str, month: str, day: str) -> int:
    """In local seconds. Raises ValueError for a day that does not exist."""
    return (date(int(year), int(month), int(day)).toordinal() - EPOCH_ORDINAL) * DAY


@lru_cache(maxsize=8_192)
def local_minute(stamp: str) -> tuple[int, int]:
    """``YYYY-MM-DD hh:mm`` in local seconds, and its hour."""
    hour = int(stamp[11:13])
    return local_midnight(stamp[:4], stamp[5:7], stamp[8:10]) + hour * HOUR + int(stamp[14:16]) * 60, hour


@lru_cache(maxsize=4_096)
def call_id_local(call_id: str) -> int | None:
    """The start in a call id, ``YYYYMMDDHHMMSS``, in local seconds; None if it holds no valid time."""
    digits = call_id[:14]
    if len(digits) < 14 or not (digits.isascii() and digits.isdigit()):
        return None
    year, hour, minute, second = int(digits[:4]), int(digits[8:10]), int(digits[10:12]), int(digits[12:])
    if not FIRST_ID_YEAR <= year <= LAST_ID_YEAR or hour > 23 or minute > 59 or second > 59:
        return None
    try:
        midnight = local_midnight(digits[:4], digits[4:6], digits[6:8])
    except ValueError:
        return None
    return midnight + hour * HOUR + minute * 60 + second
