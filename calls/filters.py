"""Which calls an address asks for: period and filters, each shown as a chip that can be taken off.

Parameters: `period`, or `since` and `until` (calls.periods); the fields of CallFilter. An address that cannot be read
selects nothing and says why, so that no list or export is ever wider than what was asked.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from calls import periods
from calls.access import Scope
from calls.costing.models import Holiday
from calls.costing.terms import DESTINATION_CLASSES
from calls.counting import CALL_COUNTS, LEG_COUNTS, NO_DEVICE, has_leg, legs_at, waited
from calls.directory.models import AccountCode, Department, Did, Extension, Feed, Named, Trunk
from calls.filter_fields import MoneyFilter, SecondsFilter, SpanFilter
from calls.models import Call, Leg
from calls.number_search import NotANumberError, number_condition
from calls.periods import DAY, day_start
from calls.pricing import CostReason
from calls.querysets import CallQuerySet
from calls.quick_widgets import QuickForm
from calls.records import Direction, Flag, Outcome
from calls.words import COST_WORDS

ANY_TIME = "any"

DIRECTIONS = [(Direction.IN.value, "In"), (Direction.OUT.value, "Out")]
OUTCOMES = [
    (Outcome.IN_PROGRESS.value, "In progress"),
    (Outcome.ANSWERED.value, "Answered"),
    (Outcome.ABANDONED.value, "Abandoned"),
    (Outcome.NO_ANSWER.value, "No answer"),
    (Outcome.UNKNOWN.value, "Unknown"),
]
WEEKDAYS = [(str(number), name) for number, name in enumerate(calendar.day_name, 1)]
PARTIAL, STALE = "partial", "stale"
QUALITY = [(PARTIAL, "Beginning not seen"), (STALE, "End not seen")] + [
    (name, name.replace("_", " ").capitalize()) for flag in Flag for name in flag.names()
]
HOLIDAYS = [("only", "Only these"), ("without", "Without these")]
COST_CHOICES = list(COST_WORDS.items())
REASONS = [(reason.value, reason.value.capitalize()) for reason in CostReason]
CLASSES = [(name, name.capitalize()) for name in DESTINATION_CLASSES]
COUNTED = [(name, name.replace("_", " ").capitalize()) for name in CALL_COUNTS]
NAMED_IN: dict[str, type[Named]] = {"extension": Extension, "trunk": Trunk, "did": Did, "account_code": AccountCode}
LEGS = [(name, name.capitalize()) for name in LEG_COUNTS]


class CallFilter(django_filters.FilterSet):
    """Everything but the period. Without `leg` an extension's calls are those with any leg there."""

    direction = django_filters.ChoiceFilter(choices=DIRECTIONS, label="Direction", empty_label="Any")
    outcome = django_filters.ChoiceFilter(choices=OUTCOMES, label="Outcome", empty_label="Any")
    extension = django_filters.CharFilter(label="Extension", max_length=7, method="at_extension")
    leg = django_filters.ChoiceFilter(choices=LEGS, label="Counted there as", empty_label="Any", method="with_leg")
    counted = django_filters.ChoiceFilter(choices=COUNTED, label="Counted as", empty_label="Any", method="counted_as")
    number = django_filters.CharFilter(label="Number", max_length=40, method="with_number")
    number_is = django_filters.CharFilter(
        label="Number", max_length=24, method="with_exact_number", widget=forms.HiddenInput
    )
    trunk = django_filters.CharFilter(label="Trunk", max_length=7, method="exactly")
    did = django_filters.CharFilter(label="DID", max_length=15, method="exactly")
    account_code = django_filters.CharFilter(label="Account code", max_length=12, method="exactly")
    department = django_filters.ModelChoiceFilter(
        queryset=Department.objects.all(), label="Department", empty_label="Any", null_label="None"
    )
    longer = SecondsFilter("duration_seconds", "gte", label="Lasts at least")
    shorter = SecondsFilter("duration_seconds", "lte", label="Lasts at most")
    weekday = django_filters.ChoiceFilter(
        "started_at__iso_week_day", choices=WEEKDAYS, label="Weekday", empty_label="Any"
    )
    hours = SpanFilter(label="Hours of day", method="within_hours", most=24, example="9-17")
    holidays = django_filters.ChoiceFilter(choices=HOLIDAYS, label="Holidays", empty_label="Any", method="on_holidays")
    wait = SpanFilter(label="Answered after", method="answered_after", example="10-20", widget=forms.HiddenInput)
    quality = django_filters.ChoiceFilter(choices=QUALITY, label="Quality", empty_label="Any", method="with_quality")
    cost = django_filters.ChoiceFilter("cost_status", choices=COST_CHOICES, label="Cost", empty_label="Any")
    reason = django_filters.ChoiceFilter("cost_reason", choices=REASONS, label="Reason of the cost", empty_label="Any")
    costs = MoneyFilter("cost", "gte", label="Costs at least")
    to = django_filters.ChoiceFilter(
        "destination__charge_class", choices=CLASSES, label="Destination class", empty_label="Any", null_label="None"
    )
    destination = django_filters.CharFilter("destination__name", label="Destination", max_length=80)
    feed = django_filters.ModelChoiceFilter(
        queryset=Feed.objects.all(), label="Feed", empty_label="Any", method="of_feed"
    )

    class Meta:
        model = Call
        fields: tuple[str, ...] = ()
        form = QuickForm

    def __init__(
        self, data: QueryDict, queryset: CallQuerySet, scope: Scope, period: periods.Period | None = None
    ) -> None:
        super().__init__(data, queryset)
        self.scope = scope
        self.started = (period.since, period.until) if period else None
        if scope.departments is not None:
            department = self.filters["department"]
            department.queryset = Department.objects.filter(pk__in=scope.departments)
            department.extra["null_label"] = None

    def at_extension(self, calls: CallQuerySet, name: str, extension: str) -> CallQuerySet:
        return calls.filter(has_leg(self.form.cleaned_data.get("leg") or "", extension, self.started))

    def with_leg(self, calls: CallQuerySet, name: str, counted_as: str) -> CallQuerySet:
        return calls if self.form.cleaned_data.get("extension") else calls.filter(has_leg(counted_as))

    def counted_as(self, calls: CallQuerySet, name: str, counted_as: str) -> CallQuerySet:
        return calls.filter(CALL_COUNTS[counted_as])

    def exactly(self, calls: CallQuerySet, name: str, value: str) -> CallQuerySet:
        return calls.filter(**{name: "" if value == NO_DEVICE else value})

    def within_hours(self, calls: CallQuerySet, name: str, span: tuple[int, int]) -> CallQuerySet:
        return calls.filter(started_at__hour__gte=span[0], started_at__hour__lt=span[1])

    def on_holidays(self, calls: CallQuerySet, name: str, which: str) -> CallQuerySet:
        """The local days that any calendar of holidays has."""
        days, zone = (
            Holiday.objects.order_by("day").values_list("day", flat=True).distinct(),
            ZoneInfo(settings.TIME_ZONE),
        )
        if self.started:
            first, last = (at.astimezone(zone).date() for at in self.started)
            days = days.filter(day__range=(first, last))
        found = Q(pk__in=())
        for day in days:
            found |= Q(started_at__gte=day_start(day, zone), started_at__lt=day_start(day + DAY, zone))
        return calls.filter(found if which == "only" else ~found)

    def answered_after(self, calls: CallQuerySet, name: str, span: tuple[int, int]) -> CallQuerySet:
        return calls.filter(waited(*span))

    def with_quality(self, calls: CallQuerySet, name: str, quality: str) -> CallQuerySet:
        if quality in {PARTIAL, STALE}:
            return calls.filter(**{quality: True})
        flagged: CallQuerySet = calls.alias(flagged=F("flags").bitand(int(Flag[quality.upper()])))
        found: CallQuerySet = flagged.filter(flagged__gt=0)
        return found

    def with_exact_number(self, calls: CallQuerySet, name: str, number: str) -> CallQuerySet:
        """As reports group calls: by E.164, else as sent. From whom digits are hidden, nothing."""
        if self.scope.masked_digits:
            return calls.none()
        if number == NO_DEVICE:
            return calls.filter(number_e164="", number="")
        return calls.filter(Q(number_e164=number) | Q(number_e164="", number=number))

    def of_feed(self, calls: CallQuerySet, name: str, feed: Feed) -> CallQuerySet:
        return calls.of_feeds_by_time(feed.pk)

    def with_number(self, calls: CallQuerySet, name: str, typed: str) -> CallQuerySet:
        feed = self.form.cleaned_data.get("feed")
        feeds = [feed] if feed else Feed.objects.only("region")
        found = Q()
        for region in {feed.region_code for feed in feeds} or {settings.SMDR_REGION}:
            found |= number_condition(typed, region, self.scope.masked_digits)
        return calls.filter(found)


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force: what it is, its value, and the address without it."""

    name: str
    label: str
    value: str
    remove: str


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    label: str
    address: str
    chosen: bool


class Selection:
    """The calls that an address asks for, within a viewer's scope."""

    NAMES = ("period", "since", "until")
    PLACE = ("newer", "older", "format")
    ORDER = "sort"

    def __init__(
        self, parameters: QueryDict, scope: Scope, now: datetime | None = None, *, default_period: str = "today"
    ) -> None:
        self.default_period = default_period
        self.parameters = parameters
        self.asked = {name: str(value) for name, value in parameters.items()}
        self.scope = scope
        self.now = now or timezone.now()
        self.zone = ZoneInfo(settings.TIME_ZONE)
        self.errors: list[str] = []
        self.period = self._read_period()
        self.filter = CallFilter(parameters, Call.objects.visible_to(scope), scope, self.period)
        if not self.filter.is_valid():
            for name, problems in self.filter.form.errors.get_json_data().items():
                label = self.filter.form.fields[name].label
                self.errors += [f"{label}: {problem['message']}" for problem in problems]
        known = {*self.NAMES, *self.PLACE, self.ORDER, *self.filter.form.fields}
        self.errors += [f"“{name[:40]}” is not a filter." for name in parameters if name not in known]
        self.calls = self._calls(self.filter)

    def _read_period(self) -> periods.Period | None:
        """None: any time."""
        if self.parameters.get("period") == ANY_TIME and not (
            self.parameters.get("since") or self.parameters.get("until")
        ):
            return None
        try:
            return periods.read(self.asked, self.now, self.zone, self.default_period)
        except periods.PeriodError as error:
            self.errors.append(str(error))
            return periods.preset(self.default_period, self.now, self.zone)

    @property
    def legs(self) -> QuerySet[Leg] | None:
        """Those at the device that is asked for; each of `calls` has one of them. None if no device is."""
        found = self.filter.form.cleaned_data if not self.errors else {}
        extension = found.get("extension")
        return legs_at(extension, found.get("leg") or "", self.filter.started) if extension else None

    @property
    def legs_alone(self) -> QuerySet[Any] | None:
        """As many rows as `calls`, where nothing but a device and a period was asked for by one who sees all."""
        beside = {name for name in self.filter.form.fields if self.asked.get(name)} - {"extension", "leg"}
        if self.legs is None or beside or self.scope.departments is not None:
            return None
        return self.legs.order_by().values("call").distinct()

    @property
    def calls_anywhere(self) -> CallQuerySet:
        """`calls` without regard to the device that is asked for."""
        rest = self.parameters.copy()
        for name in ("extension", "leg"):
            rest.pop(name, None)
        return self._calls(CallFilter(rest, Call.objects.visible_to(self.scope), self.scope, self.period))

    @property
    def is_by_digits(self) -> bool:
        """Whether nothing that has an index narrows the calls, but for the beginning of a number."""
        narrow = {"extension", "department", "trunk", "did", "account_code"}
        return bool(self.asked.get("number")) and self.scope.departments is None and not narrow & self.asked.keys()

    @property
    def of_period(self) -> CallQuerySet:
        """All calls of the period, of whatever is asked beside it, and seen or not: places in a list, to look at."""
        return self._within(Call.objects.all())

    def _calls(self, filters: CallFilter) -> CallQuerySet:
        if self.errors:
            return Call.objects.none()
        try:
            return self._within(filters.qs)
        except NotANumberError as error:
            self.errors.append(str(error))
            return Call.objects.none()

    def _within(self, calls: CallQuerySet) -> CallQuerySet:
        if self.period is None:
            return calls
        return calls.filter(started_at__gte=self.period.since, started_at__lt=self.period.until)

    @property
    def period_label(self) -> str:
        return self.period.label if self.period else "Any time"

    def address(self, without: Iterable[str] = (), **changes: str) -> str:
        """This selection's query string with some parameters changed or left out; never a place within the list."""
        asked = self.parameters.copy()
        for name in (*self.PLACE, *without):
            asked.pop(name, None)
        for name, value in changes.items():
            asked[name] = value
        for name in [name for name, values in asked.lists() if not any(values)]:
            del asked[name]
        return f"?{asked.urlencode()}"

    def period_choices(self, *, any_time: bool = True) -> list[PeriodChoice]:
        presets = periods.PRESETS | ({ANY_TIME: "Any time"} if any_time else {})
        chosen = self.period.name if self.period else ANY_TIME
        return [
            PeriodChoice(label, self.address(self.NAMES, period=name), name == chosen)
            for name, label in presets.items()
        ]

    def report_periods(self) -> list[PeriodChoice]:
        """Without “any time”: a report is of a period."""
        return self.period_choices(any_time=False)

    def hidden_for_period(self) -> list[tuple[str, str]]:
        """What the period's own form has to carry along."""
        left_out = {*self.NAMES, *self.PLACE}
        return [(name, value) for name, value in self.asked.items() if name not in left_out and value]

    def hidden_for_filters(self) -> list[tuple[str, str]]:
        return [(name, self.asked[name]) for name in self.NAMES if self.asked.get(name)]

    def chips(self) -> list[Chip]:
        chips = []
        for name, field in self.filter.form.fields.items():
            typed = self.asked.get(name, "")
            if typed:
                chips.append(Chip(name, str(field.label), self._shown(name, typed), self.address([name])))
        return chips

    @property
    def sentence(self) -> str:
        """All that was asked for, as paper shows it."""
        return "; ".join([self.period_label, *(f"{chip.label}: {chip.value}" for chip in self.chips())])

    def _shown(self, name: str, typed: str) -> str:
        field = self.filter.form.fields[name]
        if isinstance(field.widget, forms.Select):
            labels = {str(value): str(label) for value, label in list(field.widget.choices)}
            return labels.get(typed, typed)
        known = self._known_names(name, typed)
        return f"{known.pop()} {typed}" if len(known) == 1 else typed

    def _known_names(self, name: str, typed: str) -> set[str]:
        """What the directory calls it: feeds may give one number different names."""
        if name not in NAMED_IN or self.errors:
            return set()
        entries: QuerySet[Any] = NAMED_IN[name]._default_manager.filter(
            **{"code" if name == "account_code" else "number": typed}
        )
        feed = self.filter.form.cleaned_data.get("feed")
        if feed and name != "account_code":
            entries = entries.filter(feed=feed)
        return set(entries.exclude(name="").values_list("name", flat=True)[:2])
