"""Forms of the tariff pages. What a document may say is checked by calls.costing.document, not here."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from calls.costing.document import parse
from calls.costing.models import Chargeback, HolidayCalendar, Tariff, TariffVersion
from calls.costing.sheet import as_json
from calls.costing.terms import BAND_POLICIES, ROUNDING_METHODS
from calls.costing.values import DocumentError, Json, Problem, Problems, day, load_json
from calls.directory.models import Carrier

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
OTHER_FIELDS = 'As in the tariff document, such as {"free_s": 30, "cap": {"amount": "5.00"}}.'
# What the terms form asks for, each a field of the document.
AMOUNTS = ("connection_charge", "rate", "min_charge", "markup_pct")
SECONDS = ("rate_unit_s", "initial_s", "increment_s")


def day_field(label: str, *, required: bool = True, help_text: str = "") -> forms.DateField:
    return forms.DateField(label=label, required=required, widget=DAY, help_text=help_text)


class TariffForm(forms.ModelForm):
    """Whose calls a tariff prices, and in which money."""

    class Meta:
        model = Tariff
        fields = ("name", "carrier", "direction", "did", "currency", "vat", "time_zone")


class NewTariffForm(TariffForm):
    valid_from = day_field("Valid from")
    rate = forms.CharField(
        label="Rate a minute", initial="0.01",
        help_text="For every number and time, until you add prefixes and bands.",
    )  # fmt: skip


class RenameForm(forms.ModelForm):
    """All that may change of a tariff once a version of it is published."""

    class Meta:
        model = Tariff
        fields = ("name",)


class CopyForm(forms.Form):
    valid_from = day_field("Valid from")
    name = forms.CharField(
        label="Name of a new tariff", required=False, max_length=80,
        help_text="Empty: a new version of the same tariff, which supersedes this one if it is published.",
    )  # fmt: skip
    carrier = forms.ModelChoiceField(
        Carrier.objects.all(), required=False, help_text="Of the new tariff. Empty: every carrier without one."
    )


class DatesForm(forms.Form):
    valid_from = day_field("Valid from")
    valid_to = day_field("Ends before", required=False, help_text="The first day on which it no longer holds.")
    supersedes = forms.ModelChoiceField(
        TariffVersion.objects.none(), required=False, help_text="Where both hold, this one prices the calls."
    )

    def __init__(self, *args: Any, version: TariffVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["supersedes"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = TariffVersion.objects.filter(
            tariff=version.tariff_id, number__lt=version.number, published_at__isnull=False
        ).select_related("tariff")


class EndForm(forms.Form):
    valid_to = day_field(
        "Ends before", required=False,
        help_text="The first day on which it no longer holds; empty: it goes on. Never before a call that it priced.",
    )  # fmt: skip


class FileForm(forms.Form):
    file = forms.FileField(
        label="JSON or CSV file", widget=forms.FileInput(attrs={"accept": ".json,.csv,application/json,text/csv"})
    )


class NewFileForm(FileForm):
    """A whole tariff from a file, and what a file does not say."""

    name = forms.CharField(required=False, max_length=80, help_text="Empty: the name in the file.")
    carrier = forms.ModelChoiceField(
        Carrier.objects.all(), required=False, help_text="Empty: every carrier without a tariff of its own."
    )
    direction = forms.ChoiceField(choices=Tariff.Direction.choices)
    did = forms.CharField(label="DID", required=False, max_length=15, help_text="Incoming only.")
    valid_from = day_field("Valid from")


class TermsForm(forms.Form):
    """The prices and rules that hold for all of a version, where a band or prefix says nothing else."""

    connection_charge = forms.CharField(required=False, help_text="Once per answered call.")
    rate = forms.CharField(required=False, help_text="Outside the bands, and for prefixes without a rate.")
    rate_unit_s = forms.CharField(label="Seconds of the rate", required=False, help_text="Empty: 60.")
    initial_s = forms.CharField(label="Initial seconds", required=False, help_text="At least so many are billed.")
    increment_s = forms.CharField(label="Increment, seconds", required=False, help_text="The rest in whole such steps.")
    min_charge = forms.CharField(label="Minimum charge", required=False)
    markup_pct = forms.CharField(label="Mark-up, %", required=False, help_text="For recharging; before rounding.")
    method = forms.ChoiceField(label="Rounding", choices=[(name, name.replace("_", " ")) for name in ROUNDING_METHODS])
    dp = forms.CharField(label="Digits after the point", required=False, help_text="Empty: 4.")
    band_policy = forms.ChoiceField(
        label="A call over two bands", choices=[(name, name) for name in BAND_POLICIES],
        help_text="start: all of it at the band of its answer. split: each increment at its own.",
    )  # fmt: skip
    calendar = forms.ModelChoiceField(
        HolidayCalendar.objects.all(), label="Bank holidays", required=False,
        help_text="Publishing writes the calendar's days into the version.",
    )  # fmt: skip
    bank_holiday_as = forms.CharField(
        label="Band of bank holidays", required=False, help_text="Empty: they are the weekday they are."
    )
    more = forms.CharField(
        label="Other fields, JSON", required=False, help_text=OTHER_FIELDS,
        widget=forms.Textarea(attrs={"rows": 4, "class": "tb-mono"}),
    )  # fmt: skip

    @staticmethod
    def initial_of(said: dict[str, Any]) -> dict[str, Any]:
        """The form's values of a document's own terms."""
        rounding = said.get("rounding") or {}
        plain = {name: said[name] for name in (*AMOUNTS, *SECONDS, "band_policy", "bank_holiday_as") if said.get(name)}
        left = {"name", "currency", "vat", "timezone", "bands", "prefixes", "rounding"}
        more = {name: value for name, value in said.items() if name not in {*plain, *left}}
        return {
            **plain,
            "method": rounding.get("method", "half_up"),
            "dp": rounding.get("dp", ""),
            "more": as_json(more) if more else "",
        }

    def terms(self) -> dict[str, Any]:
        """The document's fields. Raises DocumentError where the JSON is none."""
        cleaned = self.cleaned_data
        more = load_json(cleaned["more"]) if cleaned["more"] else {}
        if not isinstance(more, dict):
            raise DocumentError([Problem("more", "it is not a JSON object")])
        said = {name: cleaned[name] for name in (*AMOUNTS, "bank_holiday_as") if cleaned[name]}
        said |= {name: _whole(cleaned[name]) for name in SECONDS if cleaned[name]}
        if cleaned["dp"] or cleaned["method"] != "half_up":
            dp = {"dp": _whole(cleaned["dp"])} if cleaned["dp"] else {}
            said["rounding"] = {"method": cleaned["method"], **dp}
        if cleaned["band_policy"] != BAND_POLICIES[0]:
            said["band_policy"] = cleaned["band_policy"]
        return {**more, **said}


class TryForm(forms.Form):
    number = forms.CharField(max_length=24, required=False, help_text="As dialled here, or in international form.")
    answered_at = forms.DateTimeField(
        label="Answered at", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    seconds = forms.IntegerField(min_value=0, max_value=1_000_000, initial=61)
    version = forms.ModelChoiceField(TariffVersion.objects.none(), label="Tariff")
    beside = forms.ModelChoiceField(TariffVersion.objects.none(), label="Beside it", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("version", "beside"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = TariffVersion.objects.select_related("tariff").order_by("tariff__name", "-number")


class ChoiceForm(forms.Form):
    """Whether calls are priced, and to whom their cost is charged."""

    is_on = forms.BooleanField(label="Price calls", required=False)
    chargeback = forms.ChoiceField(label="Charged to", choices=Chargeback.choices)


class CalendarForm(forms.ModelForm):
    days = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 12, "class": "tb-mono"}), required=False,
        help_text="A line a day, such as: 2026-12-25 Christmas Day",
    )  # fmt: skip

    class Meta:
        model = HolidayCalendar
        fields = ("name",)

    def clean_days(self) -> dict[date, str]:
        found: dict[date, str] = {}
        problems = Problems()
        for number, line in enumerate(self.cleaned_data["days"].splitlines(), 1):
            if not line.strip():
                continue
            text, _, name = line.strip().partition(" ")
            read: date = day(text, f"Line {number}", problems)
            if read in found and not problems.found:
                problems.add(f"Line {number}", f"{text} is there already")
            if len(name.strip()) > 80:
                problems.add(f"Line {number}", "the name is longer than 80 characters")
            found[read] = name.strip()
        if problems.found:
            raise forms.ValidationError([str(problem) for problem in problems.found])
        return found


def first_document(form: NewTariffForm) -> Json:
    """The document of a tariff that is made by hand: one rate. Raises DocumentError."""
    cleaned = form.cleaned_data
    head = {"currency": cleaned["currency"], "vat": cleaned["vat"], "timezone": cleaned["time_zone"]}
    return parse({"rate": cleaned["rate"], **head})


def tomorrow() -> date:
    return date.fromordinal(timezone.localdate().toordinal() + 1)


def _whole(text: str) -> Json:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else text
