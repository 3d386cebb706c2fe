"""Which band's prices hold when: by the local wall clock of each instant, in the tariff's own time zone.

Pure Python, no Django. Bands are known by their place in the list; BASE is none of them.

Where bands overlap, the one of the highest priority holds; at equal priority a band of dates before one of weekdays,
then the first in the list. A band over midnight belongs to the day it starts on. On a bank holiday, from midnight to
midnight, the band named for them holds, whatever the others' priority.
"""

from bisect import bisect_right
from datetime import date, timedelta

from calls.costing.localclock import LocalClock
from calls.costing.terms import DAY_S, Band

BASE = -1
A_MONDAY = date(2024, 1, 1)
ONE_DAY = timedelta(days=1)

DayTable = tuple[list[int], list[int]]  # seconds of the day at which a band begins to hold, and which
Run = tuple[int, int, int]  # from and to (half open, seconds since the answer), band


class Timetable:
    """The bands of one part of a tariff, made ready for many calls."""

    __slots__ = ("_clock", "_only", "_special", "_week")

    def __init__(
        self, bands: tuple[Band, ...], bank_holidays: tuple[date, ...], bank_holiday_as: str | None, clock: LocalClock
    ) -> None:
        self._clock = clock
        weekly = [(index, band) for index, band in enumerate(bands) if band.dates is None]
        monday = [A_MONDAY + day * ONE_DAY for day in range(7)]
        self._week = [_table(weekly, day) for day in monday]
        holiday = next((index for index, band in enumerate(bands) if band.name == bank_holiday_as), None)
        days = {day for band in bands for day in band.dates or ()}
        days |= {day + ONE_DAY for band in bands if band.is_over_midnight for day in band.dates or ()}
        self._special = {day.toordinal(): _table(list(enumerate(bands)), day) for day in days}
        if holiday is not None:
            self._special |= {day.toordinal(): ([0], [holiday]) for day in bank_holidays}
        holding = {index for _, indexes in (*self._week, *self._special.values()) for index in indexes}
        self._only = holding.pop() if len(holding) == 1 else None

    def at(self, local: int) -> int:
        """The band that holds at a local second."""
        if self._only is not None:
            return self._only
        day, second = divmod(local, DAY_S)
        starts, bands = self._day(day + 1)
        return bands[bisect_right(starts, second) - 1]

    def runs(self, answered: int, begin: int, end: int) -> list[Run]:
        """The bands of a call, from second `begin` to second `end` after the instant of its answer."""
        if self._only is not None:
            return [(begin, end, self._only)]
        offset = self._clock.steady(answered + begin, answered + end)
        if offset is not None:  # most calls are within one band, too
            day, second = divmod(answered + begin + offset, DAY_S)
            starts, bands = self._day(day + 1)
            index = bisect_right(starts, second)
            if second + end - begin <= (starts[index] if index < len(starts) else DAY_S):
                return [(begin, end, bands[index - 1])]
        found: list[Run] = []
        for since, until, offset in self._clock.pieces(answered + begin, answered + end):
            instant = since
            while instant < until:
                day, second = divmod(instant + offset, DAY_S)
                starts, bands = self._day(day + 1)
                index = bisect_right(starts, second)
                ends = starts[index] if index < len(starts) else DAY_S
                upto = min(until, instant + ends - second)
                band = bands[index - 1]
                if found and found[-1][2] == band:
                    found[-1] = (found[-1][0], upto - answered, band)
                else:
                    found.append((instant - answered, upto - answered, band))
                instant = upto
        return found

    def gaps(self) -> list[tuple[int, int, int]]:
        """Where no band holds in a week without special days: weekday (1 is Monday), from and to in seconds."""
        return [
            (weekday, start, end)
            for weekday, (starts, bands) in enumerate(self._week, 1)
            for start, end, band in zip(starts, [*starts[1:], DAY_S], bands, strict=True)
            if band == BASE
        ]

    def _day(self, ordinal: int) -> DayTable:
        return self._special.get(ordinal) or self._week[(ordinal + 6) % 7]


def _table(bands: list[tuple[int, Band]], day: date) -> DayTable:
    """The bands' day, and what runs into it over midnight from the day before."""
    pieces: list[tuple[int, int, tuple[int, bool, int]]] = []
    for index, band in bands:
        rank = (-band.priority, band.dates is None, index)
        if band.is_on(day):
            pieces.append((band.starts_s, DAY_S if band.is_over_midnight else band.ends_s, rank))
        if band.is_over_midnight and band.is_on(day - ONE_DAY):
            pieces.append((0, band.ends_s, rank))
    starts, holding = [0], [BASE]
    for start in sorted({0} | {edge for piece in pieces for edge in piece[:2] if edge < DAY_S}):
        ranks = [rank for begins, ends, rank in pieces if begins <= start < ends]
        band_now = min(ranks)[2] if ranks else BASE
        if start == 0:
            holding[0] = band_now
        elif band_now != holding[-1]:
            starts.append(start)
            holding.append(band_now)
    return starts, holding
