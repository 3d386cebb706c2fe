"""Single values of a tariff document, read strictly: each reader notes what is wrong, where, and what to write instead.

Pure Python, no Django. A reader is given the value, its place (such as ``bands[2].rate``) and the list of problems so
far. Where the value is bad it notes a problem and gives a sound stand-in, so that one mistake is reported once.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

Json = Any  # what json.loads gives

MOST_DIGITS = 12  # before and after the point
MOST_SECONDS = 1_000_000_000
MOST_DP = 12
FIRST_YEAR, LAST_YEAR = 1980, 2200
A_DAY = date(2000, 1, 1)  # stands in for a bad one
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
NO_TEXT = re.compile("[\0-\x1f\x7f\ud800-\udfff]")  # control characters, and halves of one that UTF-8 can't say
OF_THIS_MACHINE = {"localtime", "Factory"}


class Problem(NamedTuple):
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason


class DocumentError(ValueError):
    """A tariff document that can't be used; `problems` are all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class Problems:
    """What is wrong with a document so far."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, place: str, reason: str) -> None:
        self.found.append(Problem(place, reason))

    def any_at(self, place: str) -> bool:
        """Whether something is wrong at a place or below it."""
        return any(
            problem.place == place or problem.place.startswith((f"{place}.", f"{place}[")) for problem in self.found
        )


Reader = Callable[[Json, str, Problems], Any]


def load_json(text: str | bytes) -> Json:
    """JSON with numbers kept exact. Raises DocumentError where it is none, or where an object has a field twice."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise DocumentError([Problem(f"line {error.lineno}, column {error.colno}", f"no JSON: {error.msg}")]) from None
    except UnicodeDecodeError:
        raise DocumentError([Problem("", "the text is not UTF-8")]) from None
    except RecursionError:
        raise DocumentError([Problem("", "the JSON is nested too deeply")]) from None
    except ValueError as error:  # includes integers of thousands of digits
        raise DocumentError([Problem("", str(error))]) from None


def _object(pairs: list[tuple[str, Json]]) -> Json:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"field “{twice}” is there twice in one object")
    return read


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a number")


def joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def shown(value: Json) -> str:
    """A value in quotes, as the document has it, shortened."""
    text = str(value) if isinstance(value, (str, Decimal)) else json.dumps(value, ensure_ascii=False, default=str)
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”"


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint at the word that was probably meant, or nothing."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean “{close[0]}”?" if close else ""


def read_object(value: Json, place: str, problems: Problems, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The known fields of an object that are not null. Unknown ones are problems."""
    if not isinstance(value, dict):
        problems.add(place, f"{shown(value)} is not an object with fields")
        return {}
    read = {}
    for name, inner in value.items():
        if name not in readers:
            problems.add(joined(place, name), f"there is no such field here{nearest(name, readers)}")
        elif inner is not None:
            read[name] = readers[name](inner, joined(place, name), problems)
    return read


def cleared(value: Json, names: Iterable[str]) -> frozenset[str]:
    """The fields that an object sets to null."""
    return frozenset(name for name in names if isinstance(value, dict) and name in value and value[name] is None)


def read_list(value: Json, place: str, problems: Problems, reader: Reader) -> list[Any]:
    if not isinstance(value, list):
        problems.add(place, f"{shown(value)} is not a list")
        return []
    return [reader(item, f"{place}[{index}]", problems) for index, item in enumerate(value)]


def money(noun: str) -> Reader:
    """Reads an amount of 0 or more; `noun` is what the problem calls it, such as “a rate”."""

    def read(value: Json, place: str, problems: Problems) -> Decimal:
        number = _decimal(value)
        if number is None:
            problems.add(place, f"{shown(value)} is not {noun}{_better_number(value)}")
        elif number < 0:
            problems.add(place, f"{shown(value)} is negative; {noun} is 0 or more")
        elif number >= 10**MOST_DIGITS or _places(number) > MOST_DIGITS:
            problems.add(place, f"{shown(value)} has more than {MOST_DIGITS} digits before or after the point")
        else:
            return number.copy_abs()  # -0 is 0
        return Decimal(0)

    return read


def percent(value: Json, place: str, problems: Problems) -> Decimal:
    """A percentage of -100 or more: a mark-up, or a discount."""
    number = _decimal(value)
    if number is None:
        better = f"; write {value.strip(' %')}" if isinstance(value, str) and "%" in value else _better_number(value)
        problems.add(place, f"{shown(value)} is not a percentage{better}")
    elif number < -100:
        problems.add(place, f"{shown(value)} takes off more than everything")
    elif number >= 10**MOST_DIGITS or _places(number) > MOST_DIGITS:
        problems.add(place, f"{shown(value)} has more than {MOST_DIGITS} digits before or after the point")
    else:
        return number
    return Decimal(0)


def whole(least: int, most: int = MOST_SECONDS, noun: str = "a whole number of seconds") -> Reader:
    """Reads an integer within bounds."""

    def read(value: Json, place: str, problems: Problems) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            problems.add(place, f"{shown(value)} is not {noun}")
        elif value < least:
            problems.add(place, f"{value} is too small; it is at least {least}")
        elif value > most:
            problems.add(place, f"{value} is too large; it is at most {most}")
        else:
            return value
        return max(least, 1)

    return read


def flag(value: Json, place: str, problems: Problems) -> bool:
    if not isinstance(value, bool):
        problems.add(place, f"{shown(value)} is neither true nor false")
    return value is True


def text(value: Json, place: str, problems: Problems) -> str:
    if not isinstance(value, str) or not value.strip() or NO_TEXT.search(value):
        problems.add(place, f"{shown(value)} is not a name")
        return "?"
    return value.strip()


def one_of(words: tuple[str, ...]) -> Reader:
    def read(value: Json, place: str, problems: Problems) -> str:
        if value in words:
            return str(value)
        hint = nearest(value, words) if isinstance(value, str) else ""
        problems.add(place, f"{shown(value)} is none of {', '.join(words)}{hint}")
        return words[0]

    return read


def currency(value: Json, place: str, problems: Problems) -> str:
    if isinstance(value, str) and re.fullmatch("[A-Z]{3}", value):
        return value
    problems.add(place, f"{shown(value)} is not a currency; write its three letters, such as GBP")
    return "GBP"


def timezone(value: Json, place: str, problems: Problems) -> str:
    if isinstance(value, str) and _is_zone(value):
        return value
    hint = nearest(value, available_timezones() - OF_THIS_MACHINE) if isinstance(value, str) else ""
    problems.add(place, f"{shown(value)} is not a time zone such as Europe/London{hint}")
    return "UTC"


@lru_cache(maxsize=1_000)
def _is_zone(name: str) -> bool:
    try:
        return name not in OF_THIS_MACHINE and bool(ZoneInfo(name).key)
    except (KeyError, ValueError, OSError):
        return False


def day(value: Json, place: str, problems: Problems) -> date:
    try:
        if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            read = date.fromisoformat(value)
            if FIRST_YEAR <= read.year <= LAST_YEAR:
                return read
            problems.add(place, f"{value} is out of range; years {FIRST_YEAR} to {LAST_YEAR} are known")
            return A_DAY
    except ValueError:
        problems.add(place, f"there is no day {value}")
    else:
        problems.add(place, f"{shown(value)} is not a date such as 2026-12-25")
    return A_DAY


def weekday(value: Json, place: str, problems: Problems) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
        return value
    problems.add(place, f"{shown(value)} is not a weekday; write 1 (Monday) to 7 (Sunday)")
    return 1


def clock(*, is_end: bool) -> Reader:
    """Reads a time of day, to seconds since midnight. 24:00 is an end only."""

    def read(value: Json, place: str, problems: Problems) -> int:
        match = CLOCK.fullmatch(value) if isinstance(value, str) else None
        if not match:
            hint = f"; write 0{value}" if isinstance(value, str) and CLOCK.fullmatch(f"0{value}") else ""
            problems.add(place, f"{shown(value)} is not a time such as 08:00{hint}")
            return 0
        hours, minutes, seconds = (int(group or 0) for group in match.groups())
        if (hours, minutes, seconds) == (24, 0, 0):
            if not is_end:
                problems.add(place, "24:00 is an end only; a day starts at 00:00")
        elif hours > 23 or minutes > 59 or seconds > 59:
            problems.add(place, f"there is no time {value}")
            return 0
        return hours * 3600 + minutes * 60 + seconds

    return read


def digits(value: Json, place: str, problems: Problems) -> str:
    """A prefix: digits, or nothing for all numbers."""
    if isinstance(value, str) and re.fullmatch("[0-9]{0,32}", value):
        return value
    only = re.sub("[^0-9]", "", value) if isinstance(value, str) else value
    hint = f"; write “{only}”" if only and isinstance(only, (str, int)) else ""
    problems.add(place, f"{shown(value)} is not a prefix, which is digits only, without +{hint}")
    return "?"


def _decimal(value: Json) -> Decimal | None:
    """A plain decimal number, exactly, in a string or as JSON has it."""
    if isinstance(value, str):
        plain = value.strip()
        return Decimal(plain) if NUMBER.fullmatch(plain.removeprefix("-")) else None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return Decimal(value)


def _places(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _better_number(value: Json) -> str:
    """What to write instead of a number with a currency sign, a decimal comma or separated thousands."""
    if not isinstance(value, str):
        return "; write it in quotes, such as “1.20”" if isinstance(value, float) else ""
    plain = re.sub(r"[\s'’_£$€]|[A-Z]{3}", "", value)
    if "," in plain:
        if re.fullmatch(r"-?[0-9]{1,3},[0-9]{3}", plain):
            return f"; write {plain.replace(',', '')} or {plain.replace(',', '.')}"
        if plain.rfind(",") > plain.rfind("."):
            head, _, tail = plain.rpartition(",")
            plain = (
                f"{head.replace('.', '').replace(',', '')}.{tail}" if plain.count(",") == 1 else plain.replace(",", "")
            )
        else:
            plain = plain.replace(",", "")
    return f"; write {plain}" if NUMBER.fullmatch(plain) else ""
