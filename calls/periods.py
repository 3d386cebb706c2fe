"""Periods of a site's local days, as the UTC range that holds the calls started in them.

Pure Python, no Django. A period is half open: ``since <= started_at < until``, both aware and in UTC.
Weeks begin on Monday (ISO 8601). A local day is as long as the time zone makes it: 23 or 25 hours where clocks change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
PRESETS = {
    "today": "Today",
    "yesterday": "Yesterday",
    "this-week": "This week",
    "last-week": "Last week",
    "this-month": "This month",
    "last-month": "Last month",
}
CUSTOM = "custom"
FIRST_YEAR, LAST_YEAR = 1980, 2200


class PeriodError(ValueError):
    """Text that is no period; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Period:
    name: str  # a key of PRESETS, or CUSTOM
    since: datetime
    until: datetime
    zone: ZoneInfo

    @property
    def first_day(self) -> date:
        return self.since.astimezone(self.zone).date()

    @property
    def last_day(self) -> date:
        return (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()

    @property
    def whole_days(self) -> bool:
        return self.since == day_start(self.first_day, self.zone) and self.until == day_start(
            self.last_day + DAY, self.zone
        )

    @property
    def label(self) -> str:
        """The preset's name with its real dates, such as “This week: 23 to 29 Nov”."""
        return f"{PRESETS[self.name]}: {self.dates}" if self.name in PRESETS else self.dates

    @property
    def dates(self) -> str:
        """Real dates, such as “23 to 29 Nov 2026”; with times where it is not of whole days."""
        if self.whole_days:
            return _dates(self.first_day, self.last_day)
        since, until = (self.since.astimezone(self.zone), self.until.astimezone(self.zone))
        if since.date() == until.date():
            return f"{_date(since.date())}, {_clock(since)} to {_clock(until)}"
        return f"{_date(since.date())}, {_clock(since)} to {_date(until.date())}, {_clock(until)}"

    def query(self) -> dict[str, str]:
        """The address parameters that `read` turns into this period again."""
        if self.name in PRESETS:
            return {"period": self.name}
        if self.whole_days:
            return {"since": self.first_day.isoformat(), "until": self.last_day.isoformat()}
        return {"since": _iso(self.since, self.zone), "until": _iso(self.until, self.zone)}

    def days(self) -> Iterator[tuple[date, datetime, datetime]]:
        """Each local day with the part of it that is in the period."""
        day = self.first_day
        while day <= self.last_day:
            yield (day, max(self.since, day_start(day, self.zone)), min(self.until, day_start(day + DAY, self.zone)))
            day += DAY

    def before(self) -> "Period":
        """The period to compare with: the month before a month, else as many local days (or as long) just before."""
        first, last = self.first_day, self.last_day
        if not self.whole_days:
            return Period(CUSTOM, self.since - (self.until - self.since), self.since, self.zone)
        if first.day == 1 and (last + DAY).day == 1 and last - first < 31 * DAY:
            return of_days(month_start(first - DAY), first - DAY, self.zone)
        return of_days(first - (last - first) - DAY, first - DAY, self.zone)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day; where clocks skip midnight, the instant they skip to."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_start(day: date) -> date:
    return day.replace(day=1)


def year_start(day: date) -> date:
    return day.replace(month=1, day=1)


def of_days(first: date, last: date, zone: ZoneInfo, name: str = CUSTOM) -> Period:
    """The period of the local days `first` to `last`, both included."""
    return Period(name, day_start(first, zone), day_start(last + DAY, zone), zone)


def preset(name: str, now: datetime, zone: ZoneInfo) -> Period:
    """The preset that holds (or, for yesterday and last …, comes before) the instant `now`."""
    today = now.astimezone(zone).date()
    monday = today - today.weekday() * DAY
    month = month_start(today)
    next_month = month_start(month + 31 * DAY)
    days = {
        "today": (today, today),
        "yesterday": (today - DAY, today - DAY),
        "this-week": (monday, monday + 6 * DAY),
        "last-week": (monday - 7 * DAY, monday - DAY),
        "this-month": (month, next_month - DAY),
        "last-month": (month_start(month - DAY), month - DAY),
    }
    if name not in days:
        raise PeriodError(f"“{name}” is not a period. Use {', '.join(PRESETS)}, or since and until.")
    return of_days(*days[name], zone, name)


def since_instant(text: str, zone: ZoneInfo) -> datetime:
    """A local date (its first instant), or a date and time; local unless it names an offset."""
    parsed = _parse(text)
    return _instant(parsed, zone) if isinstance(parsed, datetime) else day_start(parsed, zone)


def until_instant(text: str, zone: ZoneInfo) -> datetime:
    """The end, not included: of a local date its last day's end, else the date and time itself."""
    parsed = _parse(text)
    return _instant(parsed, zone) if isinstance(parsed, datetime) else day_start(parsed + DAY, zone)


def between(since: str, until: str, now: datetime, zone: ZoneInfo) -> Period:
    """A custom period. Without a start, the local day on which it ends; without an end, up to the end of today."""
    end = until_instant(until, zone) if until else day_start(now.astimezone(zone).date() + DAY, zone)
    start = (
        since_instant(since, zone)
        if since
        else day_start((end - timedelta(microseconds=1)).astimezone(zone).date(), zone)
    )
    if end <= start:
        raise PeriodError("End is before start.")
    return Period(CUSTOM, start, end, zone)


def read(parameters: Mapping[str, str], now: datetime, zone: ZoneInfo, default: str = "today") -> Period:
    """The period that an address asks for: `since` and `until` win over `period`, which wins over `default`."""
    since, until = (parameters.get("since", "").strip(), parameters.get("until", "").strip())
    if since or until:
        return between(since, until, now, zone)
    return preset(parameters.get("period", "").strip() or default, now, zone)


def _parse(text: str) -> date | datetime:
    text = text.strip().replace(" ", "+") if "T" in text else text.strip()
    try:
        parsed = date.fromisoformat(text) if len(text) <= len("2026-11-24") else datetime.fromisoformat(text)
    except ValueError:
        raise PeriodError(f"“{text}” is not a date. Write 2026-11-24 or 2026-11-24T14:00.") from None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise PeriodError(f"“{text}” is out of range. Years {FIRST_YEAR} to {LAST_YEAR} are known.")
    return parsed


def _instant(parsed: datetime, zone: ZoneInfo) -> datetime:
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)


def _iso(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat()


def _clock(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _date(day: date, *, year: bool = True) -> str:
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def _dates(first: date, last: date) -> str:
    if first == last:
        return f"{first:%a} {_date(first)}"
    if first.year != last.year:
        return f"{_date(first)} to {_date(last)}"
    if first.month != last.month:
        return f"{_date(first, year=False)} to {_date(last)}"
    return f"{first.day} to {_date(last)}"
