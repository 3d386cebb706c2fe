"""A call as it is stored: which columns say what, and the entry that a store keeps of a call with its events."""

from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from calls.models import Call, Leg
from calls.pricing import Facts, Priced, Why
from calls.records import Event
from calls.rows import Columns, Row, columns

IDENTITY = ("id", "feed_id", "call_id")
COUNTERS = ("version", "revision")
# Call's columns that the store knows and a fold does not say, in the order CallEntry.state_row gives them.
KEPT = ("last_received_at", "number_e164", "department_id", "stale_as_of", "event_count")
PRICED = Priced._fields
BESIDE = ("unreturned_number",)  # hangs on other calls, and is written apart
FOLDED = tuple(
    field.attname
    for field in Call._meta.concrete_fields
    if field.attname not in {*IDENTITY, *COUNTERS, *KEPT, *PRICED, *BESIDE}
)
STATE = FOLDED + KEPT + PRICED
LEG_FOLDED = tuple(
    field.attname
    for field in Leg._meta.concrete_fields
    if field.attname not in {"id", "call_id", "call_started_at", "direction"}
)
CALL_COLUMNS = (*IDENTITY, *STATE, *COUNTERS)
NEW_CALL_COLUMNS = (*CALL_COLUMNS, *BESIDE)
COST_COLUMNS = ("call_id", *Why._fields)
LEG_COLUMNS = ("call_id", "call_started_at", "direction", *LEG_FOLDED)
EVENT_COLUMNS = (
    "call_id", "line_hash", "line", "n", "received_at", "journal", "sequence", "connection", "at", "clock_rule",
    "id_started_at", "name", "direction", "trunk", "extension", "source_extension", "number_raw", "number",
    "contact_name", "did", "did_name", "account_code", "flags",
)  # fmt: skip

folded_values = attrgetter(*FOLDED)
leg_values = attrgetter(*LEG_FOLDED)
facts_of = itemgetter(*map(STATE.index, Facts._fields))
DEPARTMENT = STATE.index("department_id")
HANDLED_BY = STATE.index("handled_by")
EXTENSION = STATE.index("extension")
STATE_STATE = STATE.index("state")
COST_STATUS = STATE.index("cost_status")
TARIFF_VERSION = STATE.index("tariff_version_id")


@dataclass(slots=True, eq=False)
class CallEntry:
    """A call as stored, with its events, kept between batches so that a late line costs no reading."""

    call_id: str
    pk: int = 0
    version: int = 0
    state: Row = ()
    legs: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    keys: dict[tuple[int, int], int] = field(default_factory=dict)
    last_at: dict[int, int] = field(default_factory=dict)
    stale_as_of_us: int | None = None
    checked: int = 0
    new_events: list[tuple[int, Event]] = field(default_factory=list)  # with the hash of its line
    moved_events: list[tuple[int, Event]] = field(default_factory=list)

    @property
    def is_stored(self) -> bool:
        return self.version > 0

    def remember(self, event: Event, hashed: int) -> None:
        self.keys[hashed, event.n] = len(self.events)
        self.events.append(event)
        self.last_at[event.connection] = event.at


def call_row(feed_id: int, entry: CallEntry, revision: int) -> Row:
    """An entry as a row of CALL_COLUMNS."""
    return (entry.pk, feed_id, entry.call_id, *entry.state, entry.version, revision)


def call_columns(using: str = "default") -> Columns:
    """A call's columns in the order in which the store has them."""
    return columns(using, Call, CALL_COLUMNS)


LEG_POSITION = 3 + LEG_FOLDED.index("position")
EVENT_ARRIVAL = itemgetter(*(EVENT_COLUMNS.index(name) for name in ("received_at", "journal", "sequence")))
