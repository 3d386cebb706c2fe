"""What reports group calls by. A dimension names its rows, and knows the address parameters that hold a row's calls."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Case, CharField, F, Func, Value, When
from django.db.models.functions import Cast, Greatest, Left, Length, Substr

from calls import counting
from calls.costing.models import Destination
from calls.counting import NO_DEVICE
from calls.directory.models import AccountCode, Contact, Department, Did, Extension, Feed, Trunk
from calls.models import Facet, Grain
from calls.numbers import display
from calls.periods import CUSTOM, DAY, Period, day_start, month_start
from reports.engine import Column, Kind, Question, Values
from reports.gathering import First, Key, Rolled
from reports.limits import in_time
from reports.numbered import first_numbers

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
MOST_DAYS = 62  # beyond these, a row is a month


@dataclass(frozen=True, slots=True)
class Row:
    """`identity` joins groups of the database that are one row; `texts` are the values of the dimension's columns."""

    identity: Hashable
    texts: Values
    opens: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Dimension:
    columns: Sequence[Column]
    group: Callable[[Question], Mapping[str, Any]]  # expressions that the database groups by
    rows: Callable[[Question, Iterable[Key]], Mapping[Key, Row]]
    rolled: Rolled | None = None  # how roll-ups are grouped by it; None: they can't be
    # Of very many rows, which are not ordered by their texts, but by these: of the database's group `by`, and of a Key.
    order: Callable[[Question], Any] | None = None
    place: Callable[[Question, Key], str] | None = None
    # The first of them without a look at each call, if that can be: as gathering.first_groups, of a direction.
    first: Callable[[Question, Mapping[str, str], Sequence[str], str, int], First | None] | None = None


def _fixed(**group: Any) -> Callable[[Question], Mapping[str, Any]]:
    return lambda _question: group


# Of a feed's own things


def _of_feed(model: type[Extension | Trunk | Did], name: str, more: str = "") -> Callable[..., Mapping[Key, Row]]:
    def rows(_question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
        fields = ["feed_id", "number", "name", *([more] if more else [])]
        known = {(feed, number): rest for feed, number, *rest in model._default_manager.values_list(*fields)}
        return {
            (feed, number): Row(
                (feed, number),
                dict(
                    zip(
                        (name, "name", more.partition("__")[0]) if more else (name, "name"),
                        (number or "None", *(text or "" for text in known.get((feed, number), ("", "")))),
                        strict=False,
                    )
                ),
                {name: number or NO_DEVICE, "feed": str(feed)},
            )
            for feed, number in keys
        }

    return rows


TRUNK = Dimension(
    (Column("trunk", "Trunk", Kind.TEXT, named_by="name"), Column("name", "Name", Kind.TEXT),
     Column("carrier", "Carrier", Kind.TEXT)),
    _fixed(k0=F("feed_id"), k1=F("trunk")),
    _of_feed(Trunk, "trunk", "carrier__name"),
    Rolled(Facet.TRUNK, ("feed_id", "name")),
)  # fmt: skip
DID = Dimension(
    (Column("did", "DID", Kind.TEXT, named_by="name"), Column("name", "Name", Kind.TEXT),
     Column("department", "Department", Kind.TEXT)),
    _fixed(k0=F("feed_id"), k1=F("did")),
    _of_feed(Did, "did", "department__name"),
    Rolled(Facet.DID, ("feed_id", "name")),
)  # fmt: skip

DEVICE = Dimension(
    (Column("extension", "Extension", Kind.TEXT, named_by="name"), Column("name", "Name", Kind.TEXT)),
    _fixed(k0=F("feed_id"), k1=F("extension")),
    _of_feed(Extension, "extension"),
)


def _department_rows(_question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    names = dict(Department.objects.values_list("pk", "name"))
    return {
        (pk,): Row(pk, {"department": names.get(pk, "None")}, {"department": "null" if pk is None else str(pk)})
        for (pk,) in keys
    }


DEPARTMENT = Dimension(
    (Column("department", "Department", Kind.TEXT),),
    _fixed(k0=F("department_id")),
    _department_rows,
    Rolled(Facet.DEPARTMENT, ("department",), lambda key: (key[0] or None,)),
)


def _account_rows(_question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    names = dict(AccountCode.objects.values_list("code", "name"))
    return {
        (code,): Row(
            code, {"account_code": code or "None", "name": names.get(code, "")}, {"account_code": code or NO_DEVICE}
        )
        for (code,) in keys
    }


ACCOUNT = Dimension(
    (Column("account_code", "Account code", Kind.TEXT, named_by="name"), Column("name", "Name", Kind.TEXT)),
    _fixed(k0=F("account_code")),
    _account_rows,
    Rolled(Facet.ACCOUNT, ("name",)),
)


def _destination_rows(_question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    known = {pk: (name, charge_class) for pk, name, charge_class in Destination.objects.values_list()}
    found = {}
    for (pk,) in keys:
        name, charge_class = known.get(pk, ("None", ""))
        opens = {"to": "null"} if pk is None else {"destination": name} | ({"to": charge_class} if charge_class else {})
        found[pk,] = Row(pk, {"destination": name, "class": charge_class}, opens)
    return found


DESTINATION = Dimension(
    (Column("destination", "Destination", Kind.TEXT), Column("class", "Class", Kind.TEXT)),
    _fixed(k0=F("destination_id")),
    _destination_rows,
    Rolled(Facet.DESTINATION, ("name",), lambda key: (int(key[0]) if key[0] else None,)),
)


# The other end


def _number_rows(question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    scope = question.scope
    found = [number for (number,) in keys]
    names = dict(Contact.objects.values_list("number_e164", "name"))
    feed = Feed.objects.first()
    region = feed.region_code if feed else settings.SMDR_REGION
    return {
        (number,): Row(
            number,
            {
                "number": scope.mask(display(number, number if number.startswith("+") else "", region)) or "Withheld",
                "name": scope.mask_name(names.get(number, "")),
            },
            None if scope.masked_digits else {"number_is": number or NO_DEVICE},
        )
        for number in in_time(found)  # to format a number takes longer than to find its calls
    }


def _shown_digits(question: Question) -> Any:
    """Of the group `by`: digits that are hidden order nothing."""
    hidden, key = question.scope.masked_digits, F("by")
    return Left(key, Greatest(Length(key) - hidden, 0)) if hidden else key


def _shown_part(question: Question, key: Key) -> str:
    hidden = question.scope.masked_digits
    return str(key[0])[:-hidden] if hidden else str(key[0])


NUMBER = Dimension(
    (Column("number", "Number", Kind.TEXT, named_by="name"), Column("name", "Name", Kind.TEXT)),
    _fixed(k0=counting.NUMBER),
    _number_rows,
    order=_shown_digits,
    place=_shown_part,
    first=first_numbers,
)


def _caller_rows(question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    """As NUMBER, and by feed."""
    pairs = list(keys)
    by_number = _number_rows(question, {(number,) for _, number in pairs})
    found = {}
    for feed, number in pairs:
        row = by_number[number,]
        opens = None if row.opens is None else {**row.opens, "feed": str(feed)}
        found[feed, number] = Row((feed, number), row.texts, opens)
    return found


CALLER = Dimension(
    NUMBER.columns, lambda question: {"k0": F("feed_id"), "k1": NUMBER.group(question)["k0"]}, _caller_rows
)


# Time, on the clock of the site. The database groups by what is cut from the instant's text, which is fast on both.


def instant(question: Question) -> Mapping[str, Any]:
    ends = (
        question.period.since.astimezone(question.period.zone),
        question.period.until.astimezone(question.period.zone),
    )
    whole = not any((end.utcoffset() or timedelta()) % HOUR for end in ends)
    length = len("2026-11-24 09" if whole else "2026-11-24 09:15")
    return {"k0": Substr(Cast("started_at", CharField()), 1, length)}


def hour_of_month(question: Question) -> Mapping[str, Any]:
    """Of roll-ups, as the site's clock has it: month, weekday (0 or 7 is Sunday) and hour, as “2026-11 2 09”."""
    zone = question.period.zone
    if connection.vendor == "postgresql":
        local = Func(Value(zone.key), F("start"), function="timezone")
        return {"k0": Func(local, Value("YYYY-MM ID HH24"), function="to_char", output_field=CharField())}
    changes = clock_changes(question.period)
    ahead = Case(
        *(When(start__lt=until, then=Value(f"{seconds:+} seconds")) for until, seconds in changes[:-1]),
        default=Value(f"{changes[-1][1]:+} seconds"),
    )
    return {"k0": Func(Value("%Y-%m %w %H"), F("start"), ahead, function="strftime", output_field=CharField())}


def clock_changes(period: Period) -> list[tuple[datetime, int]]:
    """Until when in the period its clock is so many seconds ahead of UTC; the last is until its end."""
    found: list[tuple[datetime, int]] = []
    for _, since, until in period.days():
        is_changed = _ahead(since, period) != _ahead(until, period)
        for place in range((until - since) // QUARTER + 1 if is_changed else 1):
            at = since + place * QUARTER
            if found and found[-1][1] != _ahead(at, period):
                found[-1] = (at, found[-1][1])
            if not found or found[-1][1] != _ahead(at, period):
                found.append((period.until, _ahead(at, period)))
    return found


def _ahead(at: datetime, period: Period) -> int:
    return int((at.astimezone(period.zone).utcoffset() or timedelta()).total_seconds())


def by_time(finest: Grain | Callable[[Question], Grain]) -> Rolled:
    """Rows that roll up times, named like `instant` names those of calls."""
    known = finest if callable(finest) else lambda _question: finest
    return Rolled(Facet.WHOLE, ("start",), lambda key: (f"{key[0]:%Y-%m-%d %H:%M}",), known)


def on_the_clock(text: str, period: Period) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(period.zone)


def _time_rows(question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    """Hours of one day, days, or months, by the length of the period."""
    period = question.period
    days = (period.last_day - period.first_day).days + 1
    found = {}
    for (text,) in keys:
        local = on_the_clock(text, period)
        if days == 1:
            start = local.replace(minute=0).astimezone(UTC)
            end = start + HOUR
            label = f"{local:%H:00}"
        elif days <= MOST_DAYS:
            start, end = day_start(local.date(), period.zone), day_start(local.date() + DAY, period.zone)
            label = f"{local:%a} {local.day} {local:%b %Y}"
        else:
            first = month_start(local.date())
            start, end = day_start(first, period.zone), day_start(month_start(first + 31 * DAY), period.zone)
            label = f"{local:%b %Y}"
        part = Period(CUSTOM, max(start, period.since), min(end, period.until), period.zone)
        found[text,] = Row(start, {"when": label, "starts": part.since}, part.query())
    return found


def _finest(question: Question) -> Grain:
    days = (question.period.last_day - question.period.first_day).days + 1
    return Grain.HOUR if days == 1 else Grain.DAY if days <= MOST_DAYS else Grain.MONTH


WHEN = Dimension((Column("when", "When", Kind.TEXT),), instant, _time_rows, by_time(_finest))


def _hour_rows(question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    found = {}
    for (text,) in keys:
        hour = on_the_clock(text, question.period).hour
        found[text,] = Row(hour, {"hour": f"{hour:02}:00"}, {"hours": f"{hour}-{hour + 1}"})
    return found


def _weekday_rows(question: Question, keys: Iterable[Key]) -> Mapping[Key, Row]:
    found = {}
    for (text,) in keys:
        local = on_the_clock(text, question.period)
        found[text,] = Row(
            local.isoweekday(), {"weekday": f"{local:%A}", "place": local.isoweekday()}, {"weekday": f"{local:%u}"}
        )
    return found


HOUR_OF_DAY = Dimension((Column("hour", "Hour", Kind.TEXT),), instant, _hour_rows, by_time(Grain.HOUR))
WEEKDAY = Dimension((Column("weekday", "Weekday", Kind.TEXT),), instant, _weekday_rows, by_time(Grain.DAY))
