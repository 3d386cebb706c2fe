"""What people type into filters beyond words and numbers: lengths of time, spans, amounts of money."""

import re
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError

from calls import money

DURATION = re.compile(r"(?:(\d{1,4}):(?=\d\d:))?(?:(\d{1,6}):(?=\d\d$))?(\d{1,9})")
SPAN = re.compile(r"(\d{1,6})-(\d{1,6})?")
AMOUNT = re.compile(r"(?=[.\d])(\d{0,9})(?:\.(\d{1,6}))?")
LONGEST_SECONDS = 2**31 - 1


class SecondsField(forms.Field):
    """A length of time: 90, 1:30 or 1:02:33."""

    widget = forms.TextInput(attrs={"placeholder": "1:30"})

    def to_python(self, value: str | None) -> int | None:
        if value in self.empty_values or value is None:
            return None
        found = DURATION.fullmatch(str(value).strip())
        if found is None or not str(value).isascii():
            raise ValidationError(f"“{value}” is not a length of time. Write 90, 1:30 or 1:02:33.")
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return min(hours * 3600 + minutes * 60 + seconds, LONGEST_SECONDS)


class SecondsFilter(django_filters.Filter):
    field_class = SecondsField


class SpanField(forms.Field):
    """From a number up to, but without, another: 9-17. Without the second there is no end."""

    def __init__(self, *, most: int = LONGEST_SECONDS, example: str = "9-17", **kwargs: Any) -> None:
        super().__init__(**{"widget": forms.TextInput(attrs={"placeholder": example}), **kwargs})
        self.most, self.example = most, example

    def to_python(self, value: str | None) -> tuple[int, int] | None:
        if value in self.empty_values or value is None:
            return None
        found = SPAN.fullmatch(str(value).strip()) if str(value).isascii() else None
        first, end = (int(found[1]), min(int(found[2] or self.most), self.most)) if found else (0, 0)
        if first >= end:
            raise ValidationError(f"“{value}” is no span. Write {self.example}: from, up to but without.")
        return first, end


class SpanFilter(django_filters.Filter):
    field_class = SpanField


class MoneyField(forms.Field):
    """An amount in major units, such as 1.20, as millionths."""

    widget = forms.TextInput(attrs={"placeholder": "1.20", "inputmode": "decimal"})

    def to_python(self, value: str | None) -> int | None:
        if value in self.empty_values or value is None:
            return None
        found = AMOUNT.fullmatch(str(value).strip())
        if found is None or not str(value).isascii():
            raise ValidationError(f"“{value}” is not an amount. Write 1.20 or 0.005.")
        return int(found[1] or 0) * money.MILLION + int((found[2] or "").ljust(6, "0"))


class MoneyFilter(django_filters.Filter):
    field_class = MoneyField
