"""How busy the trunks are, by carrier: those there are, the last hour minute by minute, the day's peak."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from calls.access import Scope
from calls.directory.models import Trunk
from calls.models import Call
from calls.occupancy import Use, peaks
from calls.periods import DAY

MINUTE = 60
WHOLE_DAY_EVERY, WHOLE_HOUR_EVERY = timedelta(minutes=15), timedelta(minutes=1)
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
        uses = _uses(scope, datetime.fromtimestamp(min(begin, read), UTC))
        self._known = known
        lines: defaultdict[str, set[Line]] = defaultdict(set)
        for line, name in carriers.items():
            lines[name].add(line)
        if len(lines) > 1:
            lines[ALL] = set(carriers)
        found = []
        for name in sorted(lines, key=lambda name: (name != ALL, name == NO_CARRIER, name)):
            ours = [use for use in uses if use.line in lines[name]]
            (today,) = peaks(ours, [begin, max(end, begin + 1)])
            known.peaks[name] = max(known.peaks.get(name, 0), today)
            anew = range(read, minute + 1, MINUTE)
            seen = known.minutes.get(name, {}) | dict(zip(anew, peaks(ours, [*anew, minute + MINUTE]), strict=True))
            known.minutes[name] = {at: seen.get(at, 0) for at in hour}
            found.append(CarrierUse(name, len(lines[name]), list(known.minutes[name].values()), known.peaks[name]))
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
