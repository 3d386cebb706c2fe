"""The queues of a scope, and how they were answered today. Who waits now is told by the calls themselves."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, F, Q
from django.urls import reverse

from calls.access import Scope
from calls.counting import GROUP_COUNTS, GROUP_WAIT, service_level
from calls.directory.models import Extension, Feed
from calls.models import Leg


@dataclass(frozen=True, slots=True)
class Queue:
    feed: str
    number: str
    name: str
    answered: int
    abandoned: int
    level: str  # in percent, empty where nothing is due

    def address(self, leg: str) -> str:
        """The calls that were so counted at this queue today."""
        return f"{reverse('calls:list')}?{urlencode({'period': 'today', 'extension': self.number, 'leg': leg})}"

    @property
    def taken(self) -> str:
        return self.address("taken")

    @property
    def missed(self) -> str:
        return self.address("missed")


def queues(scope: Scope, since: datetime, now: datetime) -> list[Queue]:
    """Groups of the scope's departments, and those at which its calls were, by name; calls that began from `since`."""
    target, short = F("call__feed__answer_target_seconds"), F("call__feed__short_call_seconds")
    legs = Leg.objects.visible_to(scope).filter(call_started_at__gte=since, call_started_at__lte=now)
    groups = Extension.objects.filter(kind=Extension.Kind.GROUP)
    counted = {
        (row.pop("call__feed"), row.pop("extension")): row
        for row in legs.filter(extension__in=groups.values("number"))
        .annotate(wait=GROUP_WAIT)
        .order_by()
        .values("call__feed", "extension")
        .annotate(
            answered_in=Count("pk", filter=GROUP_COUNTS["answered"]),
            abandoned=Count("pk", filter=GROUP_COUNTS["abandoned"]),
            in_time=Count("pk", filter=GROUP_COUNTS["answered"] & Q(wait__lte=target)),
            short_abandoned=Count("pk", filter=GROUP_COUNTS["abandoned"] & Q(wait__lte=short)),
        )
    }
    none = {"answered_in": 0, "abandoned": 0, "in_time": 0, "short_abandoned": 0}
    found = []
    for group in groups.select_related("feed").order_by("name", "number"):
        row = counted.get((group.feed_id, group.number))
        if row is None and scope.departments is not None and group.department_id not in scope.departments:
            continue
        row = row or none
        level = service_level({**row, "waiting_late": 0})
        found.append(
            Queue(
                group.feed.name, group.number, group.name or group.number, row["answered_in"], row["abandoned"],
                "" if level is None else f"{round(100 * level)}%",
            )
        )  # fmt: skip
    return found


def target_words() -> str:
    """What a service level is measured against, for a heading."""
    targets = set(Feed.objects.values_list("answer_target_seconds", flat=True))
    return f"In {targets.pop()} s" if len(targets) == 1 else "In target"
