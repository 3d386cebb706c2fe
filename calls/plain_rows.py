"""Calls of a selection as plain values, a page by keyset and a column at a time: what files of calls are made of.

Model instances cost four times as much as all the rest together, and a loop over rows twice as much as over columns.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast

from calls import money
from calls.access import Scope
from calls.costing.models import Destination, TariffVersion
from calls.directory.models import Contact, Department, Extension, Feed, Trunk
from calls.export import CALL_FIELDS, LEG_FIELDS
from calls.models import Leg
from calls.querysets import CallQuerySet
from calls.records import Flag

CHUNK = 2_000
MOST_REMEMBERED = 50_000
NAMES = ("extension_name", "handled_by_name", "trunk_name", "contact")
FIELDS = (*CALL_FIELDS, *NAMES)
BY_KEY = {  # what a row has by key, and the field that says so
    "feed": "feed_id", "department": "department_id", "destination": "destination_id",
    "destination_class": "destination_id", "tariff_version": "tariff_version_id",
}  # fmt: skip
INSTANTS = ("started_at", "answered_at", "handled_at", "ended_at")
LEG_INSTANTS = ("started_at", "answered_at", "ended_at")
READ = [
    "pk", "feed_id", "department_id", "destination_id", "tariff_version_id",
    *(name for name in CALL_FIELDS if name not in BY_KEY and name not in INSTANTS),
]  # fmt: skip
LEGS_READ = [name for name in LEG_FIELDS if name not in LEG_INSTANTS]


class Remembered(dict[Any, Any]):
    """A function's answers, so that a column of values that repeat is mapped at the speed of a look-up."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: Any) -> Any:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        value = self[key] = self._function(key)
        return value

    def map(self, values: list[Any]) -> list[Any]:
        return list(map(self.__getitem__, values))


@dataclass(frozen=True, slots=True)
class Page:
    """Calls in order, a list of values for each of FIELDS; money is text in major units, instants ISO 8601 in UTC."""

    pks: list[int]
    columns: dict[str, list[Any]]

    def rows(self, names: tuple[str, ...] = FIELDS) -> Iterator[tuple[Any, ...]]:
        return zip(*(self.columns[name] for name in names), strict=True)


def utc(text: str | None) -> str | None:
    """ISO 8601 with a Z of an instant as the database writes it in UTC."""
    return None if text is None else f"{text[:10]}T{text[11:19]}Z"


def pages(calls: CallQuerySet, scope: Scope, size: int = CHUNK) -> Iterator[Page]:
    """All of `calls`, newest first, which are in the scope already; what the scope hides of numbers is hidden.

    No transaction or cursor stays open between two pages. Calls that arrive meanwhile are left out.
    """
    words = _Words(scope)
    texts = {f"{name}_text": Cast(name, CharField()) for name in INSTANTS}
    newest_first = calls.order_by("-started_at", "-pk").annotate(**texts).values_list(*READ, *texts)
    after = Q()
    while rows := list(newest_first.filter(after)[:size]):
        read = dict(zip((*READ, *INSTANTS), map(list, zip(*rows, strict=True)), strict=True))
        last, pk = read["started_at"][-1], read["pk"][-1]
        yield Page(read["pk"], words.columns(read))
        if len(rows) < size:
            return
        at = datetime.fromisoformat(last)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        after = Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk))


def legs_of(pks: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The legs of these calls, in order, by call."""
    texts = {f"{name}_text": Cast(name, CharField()) for name in LEG_INSTANTS}
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    legs = Leg.objects.filter(call__in=pks).order_by("call_id", "position").annotate(**texts)
    for call, *values in legs.values_list("call_id", *LEGS_READ, *texts):
        leg = dict(zip((*LEGS_READ, *LEG_INSTANTS), values, strict=True))
        for name in LEG_INSTANTS:
            leg[name] = utc(leg[name])
        found[call].append({name: leg[name] for name in LEG_FIELDS})
    return found


class _Words:
    """What a file says where a row has a key or a number; names are read once a file, contacts once a page."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        destinations = Destination.objects.values_list("pk", "name", "charge_class")
        none = {None: ""}
        self.by_key: dict[str, dict[int | None, str]] = {
            "feed": dict(Feed.objects.values_list("pk", "name")),
            "department": none | dict(Department.objects.values_list("pk", "name")),
            "destination": none | {pk: name for pk, name, _ in destinations},
            "destination_class": none | {pk: kind for pk, _, kind in destinations},
            "tariff_version": none
            | {version.pk: str(version) for version in TariffVersion.objects.select_related("tariff")},
        }
        self.devices, self.trunks, self.contacts = names_of(Extension), names_of(Trunk), Contacts()
        self.flags = Remembered(lambda flags: Flag(flags).names())
        self.money = Remembered(lambda millionths: None if millionths is None else money.exact(millionths))
        self.mask = Remembered(scope.mask)
        self.mask_name = Remembered(scope.mask_name)

    def columns(self, read: dict[str, list[Any]]) -> dict[str, list[Any]]:
        read = dict(read)
        contacts = self.contacts.of(read["number_e164"])
        feeds = read["feed_id"]
        for name, key in BY_KEY.items():
            read[name] = list(map(self.by_key[name].__getitem__, read[key]))
        for name in INSTANTS:
            read[name] = [None if text is None else f"{text[:10]}T{text[11:19]}Z" for text in read[name]]
        read["flags"] = self.flags.map(read["flags"])
        for name in ("cost", "recharge"):
            read[name] = self.money.map(read[name])
        for name, names, number in (
            ("extension_name", self.devices, "extension"),
            ("handled_by_name", self.devices, "handled_by"),
            ("trunk_name", self.trunks, "trunk"),
        ):
            read[name] = [names.get(key, "") for key in zip(feeds, read[number], strict=True)]
        read["contact"] = [contacts.get(number, "") for number in read["number_e164"]]
        if self.scope.masked_digits:
            for name in ("number_raw", "number", "number_e164"):
                read[name] = self.mask.map(read[name])
            for name in ("contact_name", "contact"):
                read[name] = self.mask_name.map(read[name])
        return read


class Contacts:
    """What the directory calls outside numbers: read once a file if they are few, else those of each page.

    A look-up by thousands of numbers costs more than all the rest of their page.
    """

    def __init__(self) -> None:
        known = list(self._names()[: MOST_REMEMBERED + 1])
        self._known = dict(known) if len(known) <= MOST_REMEMBERED else None

    def of(self, numbers: Iterable[str]) -> dict[str, str]:
        return dict(self._names().filter(number_e164__in={*numbers} - {""})) if self._known is None else self._known

    def _names(self) -> QuerySet[Any, tuple[str, str]]:
        return Contact.objects.order_by().values_list("number_e164", "name")


def names_of(model: type[Extension | Trunk]) -> dict[tuple[int, str], str]:
    """By feed and number."""
    named = model._default_manager.exclude(name="").values_list("feed_id", "number", "name")
    return {(feed, number): name for feed, number, name in named}
