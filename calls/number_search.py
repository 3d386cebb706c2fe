"""Find calls by a telephone number as people type it: national, international, or only its beginning.

A viewer from whom digits are hidden finds only by those that are shown: a search that also looked at the hidden ones
would tell them, digit by digit.
"""

import re

import phonenumbers
from django.db.models import Q
from phonenumbers import PhoneMetadata

_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]")
_TYPED = re.compile(r"\+?[0-9A-Za-z*#]{1,20}")


class NotANumberError(ValueError):
    """Text that can be no part of a telephone number."""


def number_condition(typed: str, region: str, masked_digits: int = 0) -> Q:
    """Calls whose number begins as `typed`, read in `region` (ISO 3166, such as GB). Raises NotANumberError."""
    text = _PUNCTUATION.sub("", typed.replace("(0)", ""))
    if not _TYPED.fullmatch(text):
        raise NotANumberError(f"“{typed}” is not a number. Write its first digits, such as 020 7946 or +44 20.")
    as_stored, international = _readings(text, region)
    if masked_digits:
        complete = _complete(text, region)
        found = Q()
        for field, prefixes in (("number", as_stored), ("number_e164", international)):
            for prefix in prefixes:
                found |= _shown_prefix(field, prefix, masked_digits)
        return found | _same_shown_digits(complete, masked_digits) if complete else found
    found = Q()
    for prefix in as_stored:
        found |= _begins("number", prefix)
    for prefix in international:
        found |= _begins("number_e164", prefix)
    stripped = text.lstrip("0")
    if stripped and stripped != text and not text.startswith("00"):
        found |= Q(number_e164="") & _begins("number", stripped)
    return found


def _readings(text: str, region: str) -> tuple[list[str], list[str]]:
    """Beginnings of the number as the PBX may have sent it, and of its E.164 form."""
    metadata = PhoneMetadata.metadata_for_region(region)
    abroad = (metadata.international_prefix if metadata else None) or "00"
    if text.startswith("+"):
        return [text[1:]], [text]
    if text.startswith("00") or (abroad.isdigit() and text.startswith(abroad)):
        rest = text[2:] if text.startswith("00") else text[len(abroad) :]
        return [text, rest] if rest else [text], [f"+{rest}"] if rest else []
    if not text.isdigit():
        return [text], []
    code = phonenumbers.country_code_for_region(region)
    trunk = (metadata.national_prefix if metadata else None) or ""
    national = text.removeprefix(trunk) if trunk else text
    international = [f"+{code}{national}"] if code else []
    if national == text:
        international.append(f"+{text}")
    return [text], international


def _complete(text: str, region: str) -> str:
    """The E.164 form where `text` is a whole valid number, else empty."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _begins(field: str, prefix: str) -> Q:
    """Said a second time as a range, and as not empty, for the index on numbers that are not empty."""
    found = Q(**{f"{field}__startswith": prefix, f"{field}__gte": prefix}) & ~Q(**{field: ""})
    head = prefix.rstrip("9")
    if head[-1:].isdigit():
        found &= Q(**{f"{field}__lt": head[:-1] + str(int(head[-1]) + 1)})
    return found


def _shown_prefix(field: str, prefix: str, masked_digits: int) -> Q:
    hidden_after = f"^{re.escape(prefix)}(.*[0-9A-Za-z]){{{masked_digits}}}"
    return _begins(field, prefix) & Q(**{f"{field}__regex": hidden_after})


def _same_shown_digits(e164: str, masked_digits: int) -> Q:
    shown = e164[: max(len(e164) - masked_digits, 1)]
    exactly = f"^{re.escape(shown)}[0-9]{{{len(e164) - len(shown)}}}$"
    return _begins("number_e164", shown) & Q(number_e164__regex=exactly)
