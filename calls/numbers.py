"""Telephone numbers as an SMDR line gives them, read as people dial them (docs/feed.md, Numbers).

Pure over the phonenumbers library, without its geocoder. Readings are cached: a number costs 50 to 100 µs once.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, shortnumberinfo

from calls.records import Direction, Flag

NUMBER_WIDTH = 15
E164_LENGTH = 16  # + and 15 digits
AMBIGUOUS = int(Flag.NUMBER_AMBIGUOUS)
FULL_WIDTH = int(Flag.NUMBER_FULL_WIDTH)


class NumberReading(NamedTuple):
    """`e164` begins with +, or is empty where the number cannot be told for sure; `flags` are Flag bits."""

    e164: str
    flags: int


@lru_cache(maxsize=5_000)
def read_number(
    raw: str,
    *,
    number: str,
    direction: str,
    region: str,
    padding: str = "0",
    outside_prefix: str = "",
    area_code: str = "",
) -> NumberReading:
    """The outside number of a call: `raw` as received, `number` with its padding stripped.

    `outside_prefix` and `area_code` are the trunk's. The region's short and emergency numbers, and whatever is
    withheld, masked or no digits, have no E.164.
    """
    flags = FULL_WIDTH if len(number) == NUMBER_WIDTH else 0
    if not is_digits(number) or is_short_number(number, region):
        return NumberReading("", flags)
    lost_zeros = len(raw) - len(raw.lstrip("0")) if padding == "0" else 0
    if direction == Direction.OUT and outside_prefix and number.startswith(outside_prefix):
        number = number[len(outside_prefix) :]
        lost_zeros = 0
        if not number or is_short_number(number, region):
            return NumberReading("", flags)
    international = _valid(f"+{number}", None)
    national = _national(number, region) or _as_dialled(number, region, lost_zeros)
    if national:
        if international and international != national:
            flags |= AMBIGUOUS
        return NumberReading(national, flags)
    if international:
        return NumberReading(international, flags)
    local = _national(area_code + number, region) if area_code else None
    return NumberReading(local or "", flags)


def short_number(number: str, *, direction: str, region: str, outside_prefix: str = "") -> str:
    """The region's short or emergency number that `number` is, without the trunk's outside-line prefix, or empty."""
    if not is_digits(number) or is_short_number(number, region):
        return number if is_digits(number) else ""
    if direction == Direction.OUT and outside_prefix and number.startswith(outside_prefix):
        rest = number[len(outside_prefix) :]
        return rest if rest and is_short_number(rest, region) else ""
    return ""


def digits_to_price(
    number: str, e164: str, *, direction: str, region: str, outside_prefix: str = ""
) -> tuple[str, bool]:
    """What prefixes are matched with: the international number, else a short one as dialled, and whether it is one."""
    if e164:
        return e164.removeprefix("+"), False
    short = short_number(number, direction=direction, region=region, outside_prefix=outside_prefix)
    if short or direction != Direction.OUT:
        return short, bool(short)
    return unallotted_number(number.removeprefix(outside_prefix), region), False


@lru_cache(maxsize=4_000)
def unallotted_number(number: str, region: str) -> str:
    """A dialled number that no numbering plan knows, read within the region; with its country code, without +.

    Empty unless it has just as many digits as the region's numbers and too many or too few for another country's: it
    may be newly given out, or one of those kept for films. Good enough to price a call by, not to name a caller by.
    """
    prefix = _trunk_prefix(region)
    pattern = phonenumbers.example_number(region)
    if not is_digits(number) or pattern is None or _is_possible_abroad(number):
        return ""
    national = number.removeprefix(prefix) if prefix else number
    is_whole = len(national) == len(str(pattern.national_number)) and not pattern.italian_leading_zero
    return f"{pattern.country_code}{national}" if is_whole else ""


@lru_cache(maxsize=2_000)
def read_did(number: str, region: str) -> str:
    """E.164 of the number an outside caller dialled: international if valid, else national, else empty."""
    if not is_digits(number):
        return ""
    return _valid(f"+{number}", None) or _national(number, region) or ""


@lru_cache(maxsize=6_000)
def display(number: str, e164: str, region: str) -> str:
    """How people write it: national within the region, else international; a number without E.164 as it is.

    Digits of a home number that nobody has (such as those kept for films) are still grouped as people group them.
    """
    if not e164:
        return _grouped(number, region)
    parsed = phonenumbers.parse(e164)
    is_home = phonenumbers.region_code_for_number(parsed) == region
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if is_home else PhoneNumberFormat.INTERNATIONAL
    )


def _grouped(number: str, region: str) -> str:
    prefix = _trunk_prefix(region)
    if not (is_digits(number) and prefix and number.startswith(prefix) and not number.startswith(prefix * 2)):
        return number
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return number
    shown = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    is_same = "".join(filter(str.isdigit, shown)) == number
    return shown if is_same and phonenumbers.is_possible_number(parsed) else number


def _is_possible_abroad(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{number}"))
    except phonenumbers.NumberParseException:
        return False


def is_digits(text: str) -> bool:
    """ASCII digits, at least one."""
    return text.isascii() and text.isdigit()


@lru_cache(maxsize=4_000)
def is_short_number(number: str, region: str) -> bool:
    """Whether the region's plan has exactly this short or emergency number."""
    if len(number) > _longest_short_number(region):
        return False
    if shortnumberinfo.is_emergency_number(number, region):
        return True
    zeros = min(len(number) - len(number.lstrip("0")), len(number) - 1)
    exactly = PhoneNumber(
        country_code=phonenumbers.country_code_for_region(region),
        national_number=int(number),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros or None,
    )
    return shortnumberinfo.is_valid_short_number_for_region(exactly, region)


def _national(number: str, region: str) -> str | None:
    """Read within the region, as it is or with its trunk prefix put back; 0 before 020… would make it 0020…, abroad."""
    home = f"+{phonenumbers.country_code_for_region(region)}"
    prefix = _trunk_prefix(region)
    readings = (number,) if number.startswith(prefix) else (prefix + number, number)
    found = (_valid(reading, region) for reading in readings)
    return next((e164 for e164 in found if e164 and e164.startswith(home)), None)


def _as_dialled(number: str, region: str, lost_zeros: int) -> str | None:
    """Read as dialled (00…, 011…), with up to so many leading zeros that were taken for padding."""
    readings = (_valid("0" * count + number, region) for count in range(lost_zeros + 1))
    return next(filter(None, readings), None)


@lru_cache(maxsize=256)
def _trunk_prefix(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    return (metadata.national_prefix or "") if metadata else ""


@lru_cache(maxsize=256)
def _longest_short_number(region: str) -> int:
    metadata = PhoneMetadata.short_metadata_for_region(region, None)
    if metadata is None:
        return 0
    described = (metadata.general_desc, metadata.emergency)
    return max((max(known.possible_length, default=0) for known in described if known), default=0)


class _Plan(NamedTuple):
    """What a number of a country code looks like, whatever kind of number it is, in any of the code's regions."""

    code: str
    lengths: frozenset[int]
    prefix: re.Pattern[str] | None  # what is dialled before a national number
    is_rewritten: bool  # that prefix may be replaced by digits, and not only taken off
    abroad: re.Pattern[str] | None  # what is dialled before an international number


def may_be_valid(text: str, region: str | None) -> bool:
    """Whether `text` may be a number in any of the ways in which the library reads it.

    The library takes 40 µs and more to refuse a reading, and most that are tried are refused: the same digits, as
    that many more leading zeros might have been dialled. Here they are looked at once.
    """
    if not is_digits(text.removeprefix("+")):
        return True
    if text.startswith("+"):
        for end in (2, 3, 4):
            plan = _plan_of_code(text[1:end])
            if plan is not None:
                return _exists(text[end:], plan, prefixes=1)
        return False
    home = _plan_of_region(region or "")
    if home is None:
        return True
    abroad = home.abroad.match(text) if home.abroad else None
    if abroad and text[abroad.end() : abroad.end() + 1] != "0":
        return may_be_valid(f"+{text[abroad.end() :]}", None)
    if text.startswith(home.code) and _exists(text[len(home.code) :], home, prefixes=2):
        return True
    return _exists(text, home, prefixes=1)


def _exists(national: str, plan: _Plan, *, prefixes: int) -> bool:
    """Whether it is a number of the plan, as it is or with so many prefixes taken off."""
    if len(national) in plan.lengths and _is_in_plan(plan.code, national):
        return True
    prefix = plan.prefix.match(national) if plan.prefix and prefixes else None
    if prefix is None or not prefix.end():
        return False
    return plan.is_rewritten or _exists(national[prefix.end() :], plan, prefixes=prefixes - 1)


@lru_cache(maxsize=1_000)
def _is_in_plan(code: str, national: str) -> bool:
    zeros = min(len(national) - len(national.lstrip("0")), len(national) - 1)
    number = PhoneNumber(
        country_code=int(code),
        national_number=int(national),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros or None,
    )
    return phonenumbers.is_valid_number(number)


@lru_cache(maxsize=256)
def _plan_of_region(region: str) -> _Plan | None:
    code = phonenumbers.country_code_for_region(region)
    return _plan(code, region) if code else None


@lru_cache(maxsize=2_000)
def _plan_of_code(code: str) -> _Plan | None:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if is_digits(code) and code[0] != "0" else None
    return _plan(int(code), regions[0]) if regions else None


def _plan(code: int, region: str) -> _Plan | None:
    own = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    every = (PhoneMetadata.metadata_for_region_or_calling_code(code, name) for name in regions)
    general = [metadata.general_desc for metadata in every if metadata]
    if own is None:
        return None
    return _Plan(
        str(code),
        frozenset(length for described in general if described for length in described.possible_length),
        re.compile(own.national_prefix_for_parsing) if own.national_prefix_for_parsing else None,
        bool(own.national_prefix_transform_rule),
        re.compile(own.international_prefix) if own.international_prefix else None,
    )


def _valid(text: str, region: str | None) -> str | None:
    """E.164, if there is such a number, no longer than E.164 allows, as some German ones are."""
    if not may_be_valid(text, region):
        return None
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    code, national = str(parsed.country_code), phonenumbers.national_significant_number(parsed)
    if not _is_in_plan(code, national):
        return None
    e164 = f"+{code}{national}"
    return e164 if len(e164) <= E164_LENGTH else None
