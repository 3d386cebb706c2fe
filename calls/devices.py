"""What the store knows of a feed's directory while it folds: kinds, departments, trunks; and devices seen anew."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from calls.directory.models import DirectoryRevision, Extension, Feed, Trunk
from calls.records import DeviceKind, Event, EventName


@dataclass(slots=True)
class TrunkPlan:
    outside_prefix: str = ""
    area_code: str = ""


@dataclass(slots=True)
class Devices:
    """One feed's devices as of a revision of the directory."""

    feed_id: int
    revision: int = -1
    region: str = ""
    padding: str = "0"
    kinds: dict[str, str] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    trunks: dict[str, TrunkPlan] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read the directory again if it changed. Call it inside the transaction that folds."""
        revision = DirectoryRevision.current()
        if revision == self.revision:
            return
        feed = Feed.objects.get(pk=self.feed_id)
        self.region, self.padding = feed.region_code, feed.padding
        self.trunks = {
            number: TrunkPlan(prefix, area)
            for number, prefix, area in Trunk.objects.filter(feed_id=self.feed_id).values_list(
                "number", "outside_prefix", "area_code"
            )
        }
        self.kinds, self.departments = {}, {}
        rows = Extension.objects.filter(feed_id=self.feed_id).values_list("number", "kind", "department_id")
        for number, kind, department in rows:
            self.kinds[number] = kind
            if department is not None:
                self.departments[number] = department
        self.revision = revision

    def discover(self, events: Iterable[Event], seen_at: datetime) -> None:
        """Add the devices and trunks that `events`, in order of arrival, are the first to name.

        A device whose first event is QUEUED is a group; one that bears a trunk's number is a trunk. Devices
        that a person gave a kind keep it.
        """
        kinds: dict[str, str] = {}
        trunks: set[str] = set()
        for event in events:
            if event.trunk and event.trunk not in self.trunks:
                trunks.add(event.trunk)
            if event.extension and event.extension not in self.kinds and event.extension not in kinds:
                is_group = event.name == EventName.QUEUED
                kinds[event.extension] = DeviceKind.GROUP.value if is_group else DeviceKind.PERSON.value
            source = event.source_extension
            if source and source not in self.kinds and source not in kinds:
                kinds[source] = DeviceKind.PERSON.value
        if not kinds and not trunks:
            return
        for number in kinds.keys() & (trunks | self.trunks.keys()):
            kinds[number] = DeviceKind.TRUNK.value
        Extension.objects.bulk_create(
            [
                Extension(feed_id=self.feed_id, number=number, kind=kind, first_seen_at=seen_at)
                for number, kind in kinds.items()
            ],
            ignore_conflicts=True,
        )
        Trunk.objects.bulk_create(
            [Trunk(feed_id=self.feed_id, number=number, first_seen_at=seen_at) for number in sorted(trunks)],
            ignore_conflicts=True,
        )
        Extension.objects.filter(feed_id=self.feed_id, number__in=trunks & self.kinds.keys(), kind_is_set=False).update(
            kind=Extension.Kind.TRUNK, refold_wanted=True
        )
        DirectoryRevision.advance()
        self.refresh()
