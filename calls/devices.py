"""What the store knows of a feed's directory while it folds: kinds, departments, trunks; and devices seen anew."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from calls.directory.models import DirectoryRevision, Extension, Feed, Trunk
from calls.models import Leg
from calls.numbers import NumberReading, read_number
from calls.records import DeviceKind, Event, EventName


@dataclass(slots=True)
class TrunkPlan:
    outside_prefix: str = ""
    area_code: str = ""
    carrier_id: int | None = None


@dataclass(slots=True)
class Devices:
    """One feed's devices as of a revision of the directory."""

    feed_id: int
    revision: int = -1
    region: str = ""
    padding: str = "0"
    zone_name: str = ""
    clock: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    trunks: dict[str, TrunkPlan] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)  # devices that had an event of their own

    def refresh(self, revision: int | None = None) -> None:
        """Read the directory again if it changed. `revision` is what the transaction that folds found it to be."""
        if revision is None:
            revision = DirectoryRevision.current()
        if revision == self.revision:
            return
        feed = Feed.objects.get(pk=self.feed_id)
        self.region, self.padding = feed.region_code, feed.padding
        self.zone_name, self.clock = feed.zone_name, feed.clock
        self.trunks = {
            number: TrunkPlan(prefix, area, carrier)
            for number, prefix, area, carrier in Trunk.objects.filter(feed_id=self.feed_id).values_list(
                "number", "outside_prefix", "area_code", "carrier_id"
            )
        }
        self.kinds, self.departments, self.heard = {}, {}, set()
        rows = Extension.objects.filter(feed_id=self.feed_id)
        for number, kind, department, is_heard in rows.values_list("number", "kind", "department_id", "is_heard"):
            self.kinds[number] = kind
            if is_heard:
                self.heard.add(number)
            if department is not None:
                self.departments[number] = department
        self.revision = revision

    def number_of(self, trunk: str, number_raw: str, number: str, direction: str) -> NumberReading:
        """The number of a call over this trunk, read by the plan of the trunk and of the feed."""
        plan = self.trunks.get(trunk)
        return read_number(
            number_raw,
            number=number,
            direction=direction,
            region=self.region,
            padding=self.padding,
            outside_prefix=plan.outside_prefix if plan else "",
            area_code=plan.area_code if plan else "",
        )

    def discover(self, events: Iterable[Event], seen_at: datetime) -> None:
        """Add the devices and trunks that `events`, in order of arrival, are the first to name.

        A device whose first own event is QUEUED is a group, named as a source before or not; one that bears a trunk's
        number is a trunk. Devices that a person gave a kind keep it.
        """
        kinds: dict[str, str] = {}
        sources: dict[str, str] = {}
        firsts: dict[str, bool] = {}  # devices with an event of their own for the first time, and whether it is QUEUED
        trunks: set[str] = set()
        for event in events:
            if event.trunk and event.trunk not in self.trunks:
                trunks.add(event.trunk)
            extension, source = event.extension, event.source_extension
            if extension and extension not in self.heard and extension not in firsts:
                firsts[extension] = is_group = event.name == EventName.QUEUED
                if extension not in self.kinds:
                    kinds[extension] = DeviceKind.GROUP.value if is_group else DeviceKind.PERSON.value
            if source and source not in self.kinds:
                sources[source] = DeviceKind.PERSON.value
        kinds = sources | kinds
        groups: list[str] = []
        if known_firsts := firsts.keys() & self.kinds.keys():
            known = Extension.objects.filter(feed_id=self.feed_id, number__in=known_firsts)
            queued = [number for number, is_group in firsts.items() if is_group]
            doubtful = known.filter(is_heard=False, kind_is_set=False, kind=Extension.Kind.PERSON, number__in=queued)
            groups = [number for number in doubtful.values_list("number", flat=True) if not self._has_legs(number)]
            known.update(is_heard=True)
        self.heard |= firsts.keys()
        if not kinds and not trunks and not groups:
            return
        for number in kinds.keys() & (trunks | self.trunks.keys()):
            kinds[number] = DeviceKind.TRUNK.value
        Extension.objects.bulk_create(
            [
                Extension(
                    feed_id=self.feed_id, number=number, kind=kind, first_seen_at=seen_at, is_heard=number in firsts
                )
                for number, kind in kinds.items()
            ],
            ignore_conflicts=True,
        )
        Extension.objects.filter(feed_id=self.feed_id, number__in=groups, kind_is_set=False).update(
            kind=Extension.Kind.GROUP, refold_wanted=True, refolded_to=0
        )
        Trunk.objects.bulk_create(
            [Trunk(feed_id=self.feed_id, number=number, first_seen_at=seen_at) for number in sorted(trunks)],
            ignore_conflicts=True,
        )
        Extension.objects.filter(feed_id=self.feed_id, number__in=trunks & self.kinds.keys(), kind_is_set=False).update(
            kind=Extension.Kind.TRUNK, refold_wanted=True, refolded_to=0
        )
        DirectoryRevision.advance()
        self.refresh()

    def _has_legs(self, number: str) -> bool:
        """Whether there were events of this device's own: its row may be younger, made by a person.

        Of a number that another feed has too this looks at all of its calls there, so it is asked of few.
        """
        legs = Leg.objects.filter(extension=number, call__feed_id=self.feed_id, call__events__extension=number)
        return legs.exists()
