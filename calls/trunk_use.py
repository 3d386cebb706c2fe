"""How busy the trunks are, by carrier: those there are, the last hour minute by minute, the day's peak."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from calls.access import Scope
from calls.directory.models import Trunk
from calls.models import Call
from calls.occupancy import Sweep
from calls.periods import DAY

MINUTE = 60
WHOLE_DAY_EVERY, WHOLE_HOUR_EVERY = timedelta(minutes=15), timedelta(minutes=1)
LONGEST_CALL = DAY  # one without any event for the feed's stale time is closed
ROWS_AT_ONCE = 1_000
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
class Known:
    """By carrier the peak of the day and of each of its last minutes, so that neither is read each time."""

    since: datetime
    day_at: datetime
    hour_at: datetime
    minute: int  # up to which it is known
    peaks: dict[str, int] = field(default_factory=dict)
    minutes: dict[str, dict[int, int]] = field(default_factory=dict)


class TrunkUse:
    """Asked for one scope again and again. The whole day is read now and then, the last hour once a minute (a line may
    come late), and else what was in use since the minute before the last look."""

    def __init__(self) -> None:
        self._known: Known | None = None

    def of(self, scope: Scope, now: datetime, since: datetime) -> list[CarrierUse]:
        """By carrier, and all together first where there are several carriers; `since` is when the day began."""
        carriers = {
            (feed, number): carrier or NO_CARRIER
            for feed, number, carrier in Trunk.objects.values_list("feed_id", "number", "carrier__name")
        }
        end = int(now.timestamp())
        minute = end - end % MINUTE
        hour = range(minute - 59 * MINUTE, minute + 1, MINUTE)
        known, read = self._known, hour[0]
        begin = int(since.timestamp())
        whole = known is None or known.since != since or now - known.day_at >= WHOLE_DAY_EVERY
        if known is None or whole:
            known = Known(since, now, now, minute)
        else:
            if now - known.hour_at >= WHOLE_HOUR_EVERY:
                known.hour_at = now
            else:
                read = max(read, known.minute - MINUTE)
            known.minute, begin = minute, max(begin, read)
        sweeps = _sweeps(scope, carriers, min(begin, read))
        self._known = known
        found = []
        for name in sorted(sweeps, key=lambda name: (name != ALL, name == NO_CARRIER, name)):
            sweep, trunks = sweeps[name]
            (today,) = sweep.peaks([begin, max(end, begin + 1)])
            known.peaks[name] = max(known.peaks.get(name, 0), today)
            anew = range(read, minute + 1, MINUTE)
            seen = known.minutes.get(name, {}) | dict(zip(anew, sweep.peaks([*anew, minute + MINUTE]), strict=True))
            known.minutes[name] = {at: seen.get(at, 0) for at in hour}
            found.append(CarrierUse(name, trunks, list(known.minutes[name].values()), known.peaks[name]))
        return found


def _sweeps(scope: Scope, carriers: Mapping[Line, str], since: int) -> dict[str, tuple[Sweep, int]]:
    """By carrier, and of all where there are several: how its trunks are busy from then on, and how many they are.

    Calls are taken as they are read: an hour may have more of them than a process that serves should ever hold.
    """
    counted = Counter(carriers.values())
    if len(counted) > 1:
        counted[ALL] = len(carriers)
    sweeps = {name: (Sweep(since), trunks) for name, trunks in counted.items()}
    every, _ = sweeps.get(ALL, (None, 0))
    begin = datetime.fromtimestamp(since, UTC)
    calls = (
        Call.objects.visible_to(scope)
        .exclude(trunk="")
        .filter(Q(ended_at=None) | Q(ended_at__gte=begin), started_at__gte=begin - LONGEST_CALL)
        .order_by("started_at")
        .values_list("feed_id", "trunk", "started_at", "ended_at")
    )
    for feed, trunk, began, ended in calls.iterator(ROWS_AT_ONCE):
        line = feed, trunk
        if name := carriers.get(line):
            use = line, int(began.timestamp()), ended and int(ended.timestamp())
            sweeps[name][0].add(*use)
            if every:
                every.add(*use)
    return sweeps
