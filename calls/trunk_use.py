"""How busy the trunks are, by carrier: those there are, the last hour minute by minute, the day's peak."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from calls.access import Scope
from calls.directory.models import Trunk
from calls.models import Call
from calls.occupancy import Use, peaks
from calls.periods import DAY

HOUR, MINUTE = timedelta(hours=1), 60
WHOLE_DAY_EVERY = timedelta(minutes=15)
LONGEST_CALL = DAY  # one without any event for the feed's stale time is closed
ALL, NO_CARRIER = "All trunks", "No carrier"

Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class CarrierUse:
    name: str
    trunks: int
    last_hour: list[int]  # the most busy in each minute
    peak: int  # of today so far

    @property
    def strip(self) -> str:
        """The last hour as the outline of an area, 60 wide and 100 high, for SVG."""
        steps = "".join(f"V{100 - round(100 * busy / max(self.trunks, 1))}h1" for busy in self.last_hour)
        return f"M0 100{steps}V100z"


@dataclass(slots=True)
class Peaks:
    """The day's peaks by carrier, so that a day's calls are not read each time."""

    since: datetime
    whole_at: datetime
    found: dict[str, int] = field(default_factory=dict)


class TrunkUse:
    """Asked for one scope again and again. The whole day is read now and then, the last hour each time."""

    def __init__(self) -> None:
        self._peaks: Peaks | None = None

    def of(self, scope: Scope, now: datetime, since: datetime) -> list[CarrierUse]:
        """By carrier, and all together first where there are several carriers; `since` is when the day began."""
        carriers = {
            (feed, number): carrier or NO_CARRIER
            for feed, number, carrier in Trunk.objects.values_list("feed_id", "number", "carrier__name")
        }
        known = self._peaks
        whole = known is None or known.since != since or now - known.whole_at >= WHOLE_DAY_EVERY
        hour_ago = now - HOUR
        uses = _uses(scope, min(since, hour_ago) if whole else hour_ago)
        if known is None or whole:
            known = self._peaks = Peaks(since, now)
        lines: defaultdict[str, set[Line]] = defaultdict(set)
        for line, name in carriers.items():
            lines[name].add(line)
        if len(lines) > 1:
            lines[ALL] = set(carriers)
        end = int(now.timestamp())
        minutes = [end + MINUTE * place for place in range(-60, 1)]
        begin = int(since.timestamp()) if whole else max(int(since.timestamp()), minutes[0])
        found = []
        for name in sorted(lines, key=lambda name: (name != ALL, name == NO_CARRIER, name)):
            ours = [use for use in uses if use.line in lines[name]]
            (today,) = peaks(ours, [begin, max(end, begin + 1)])
            known.found[name] = max(known.found.get(name, 0), today)
            found.append(CarrierUse(name, len(lines[name]), peaks(ours, minutes), known.found[name]))
        return found


def _uses(scope: Scope, since: datetime) -> list[Use]:
    calls = (
        Call.objects.visible_to(scope)
        .exclude(trunk="")
        .filter(Q(ended_at=None) | Q(ended_at__gte=since), started_at__gte=since - LONGEST_CALL)
    )
    return [
        Use((feed, trunk), int(began.timestamp()), ended and int(ended.timestamp()))
        for feed, trunk, began, ended in calls.order_by().values_list("feed_id", "trunk", "started_at", "ended_at")
    ]
