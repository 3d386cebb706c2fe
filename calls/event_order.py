"""The order in which a call's events count, whatever order they came in (docs/call-model.md, Order). Pure."""

from collections.abc import Iterable
from operator import itemgetter

from calls.records import Event, EventName, Flag, arrival

LONGEST_CALL_SECONDS = 2**31 - 1  # what a duration's column holds

DISCONNECTED = EventName.DISCONNECTED.value
OUT_OF_ORDER = int(Flag.OUT_OF_ORDER)
COUNT_LIMITED = int(Flag.COUNT_LIMITED)

_time = itemgetter(0)


def in_fold_order(events: Iterable[Event]) -> tuple[list[tuple[int, Event]], int]:
    """Events with the time each counts at, by that time and then by arrival; and the flags that this order earns.

    DISCONNECTED counts after every event received before it on its connection, at no earlier time than theirs. A time
    too far from the first to be stored as a duration counts as the last that can. Raises ValueError for no events.
    """
    arrived = sorted(events, key=arrival)
    if not arrived:
        raise ValueError("a call has at least one event")
    flags = 0
    latest: dict[int, int] = {}  # connection → the latest time on it so far
    timed = []
    newest = arrived[0].at
    for event in arrived:
        at = event.at
        if at >= newest:
            newest = at
        else:
            flags = OUT_OF_ORDER
        known = latest.get(event.connection)
        if known is None or at >= known:
            latest[event.connection] = at
        elif event.name == DISCONNECTED:
            at = known
        timed.append((at, event))
    if flags:
        timed.sort(key=_time)
    limit = timed[0][0] + LONGEST_CALL_SECONDS
    if timed[-1][0] > limit:
        flags |= COUNT_LIMITED
        timed = [(min(at, limit), event) for at, event in timed]
    return timed, flags
