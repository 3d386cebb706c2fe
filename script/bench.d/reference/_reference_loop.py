"""The frozen reference: the least that a program can do with a stream of SMDR lines and still store the same rows.

It reads lines from a socket, slices them, folds each call in a small dict, and commits 5,000 lines at a time by the
driver's fastest call: executemany on SQLite (WAL, synchronous FULL), COPY on Postgres (synchronous_commit on). It
writes the product's own tables, with their columns, indexes and constraints, in a database that the product has
migrated. It has no journal, no quarantine, no duplicates, no time zones, no order but that of arrival, no Django.

It is frozen: it is what the product is measured against, so it is never tuned again. Columns that a later schema adds
get NULL, or the nothing of their type.

    python _reference_loop.py DATABASE_URL HOST:PORT FEED_ID     connects, reads to the end, prints one JSON object
"""

import json
import resource
import socket
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import psycopg

BATCH_LINES = 5_000
HALF_DAY = timedelta(hours=12)
EARLY = timedelta(minutes=90)
STATES = {
    "QUEUED": "queued", "RINGING": "ringing", "DIVERTED": "ringing", "ANSWERED": "talking", "CONNECTED": "talking",
    "HOLD": "held", "TRANSFERRED": "ringing", "DISCONNECTED": "ended",
}  # fmt: skip
NAMES = {"CALLCONNECTE": "CONNECTED", "CALLCONNECTED": "CONNECTED"}
SECONDS = {"queued": "queue_seconds", "ringing": "ring_seconds", "talking": "talk_seconds", "held": "hold_seconds"}
COUNTS = {"DIVERTED": "diversions", "TRANSFERRED": "transfers", "HOLD": "holds"}
EVENT_COLUMNS = (
    "call_id", "line", "line_hash", "n", "received_at", "journal", "sequence", "connection", "at", "clock_rule",
    "id_started_at", "name", "direction", "trunk", "extension", "source_extension", "number_raw", "number",
    "contact_name", "did", "did_name", "account_code", "flags",
)  # fmt: skip
CALL_COLUMNS = (
    "id", "feed_id", "call_id", "direction", "state", "state_since", "outcome", "started_at", "answered_at",
    "answered_by", "handled_at", "handled_by", "ended_at", "last_event_at", "last_received_at", "duration_seconds",
    "time_to_answer_seconds", "ring_seconds", "queue_seconds", "talk_seconds", "hold_seconds", "billable_seconds",
    "trunk", "extension", "device", "last_extension", "from_extension", "number_raw", "number", "number_e164",
    "contact_name", "did", "did_name", "account_code", "department_id", "transfers", "diversions", "holds",
    "lost_in_transfer", "lost_on_hold", "partial", "stale", "stale_as_of", "flags", "event_count", "version",
    "revision",
)  # fmt: skip
LEG_COLUMNS = (
    "call_id", "position", "extension", "began_by", "from_extension", "call_started_at", "direction", "started_at",
    "answered_at", "ended_at", "ring_seconds", "queue_seconds", "talk_seconds", "hold_seconds", "outcome",
)  # fmt: skip
call_row, leg_row = itemgetter(*CALL_COLUMNS), itemgetter(*LEG_COLUMNS)

Row = tuple[Any, ...]


class SQLite:
    def __init__(self, path: str) -> None:
        sqlite3.register_adapter(datetime, str)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-64000; PRAGMA foreign_keys=ON;"
        )
        self.zone = None

    def begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def columns(self, table: str) -> list[tuple[str, bool, str]]:
        """Name, may it be NULL, type."""
        found = self.connection.execute(f"PRAGMA table_info({table})").fetchall()
        return [(row[1], not row[3], row[2]) for row in found]

    def insert(self, table: "Table", rows: list[Row]) -> None:
        self.connection.executemany(table.insert.replace("%s", "?"), rows)

    def upsert(self, table: "Table", rows: list[Row]) -> None:
        self.connection.executemany(table.upsert.replace("%s", "?"), rows)


class Postgres:
    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("SET synchronous_commit = on")
        self.zone = UTC

    def begin(self) -> None:
        self.connection.execute("BEGIN")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def columns(self, table: str) -> list[tuple[str, bool, str]]:
        return self.connection.execute(
            "SELECT column_name, is_nullable = 'YES', udt_name FROM information_schema.columns "
            "WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        ).fetchall()

    def insert(self, table: "Table", rows: list[Row]) -> None:
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({table.list}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(table.types)
            write = copy.write_row
            for row in rows:
                write(row)

    def upsert(self, table: "Table", rows: list[Row]) -> None:
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(table.upsert, rows)


class Table:
    """A table's statements: the columns filled here, then those it has besides and does not leave to the database."""

    def __init__(self, database: SQLite | Postgres, name: str, columns: tuple[str, ...], key: tuple[str, ...]) -> None:
        types = {column: type_ for column, _, type_ in database.columns(name)}
        others = [
            (column, None if nullable else _nothing(type_))
            for column, nullable, type_ in database.columns(name)
            if column not in columns and column != "id"
        ]
        names = [*columns, *(column for column, _ in others)]
        self.name = name
        self.rest = tuple(value for _, value in others)
        self.types = [types[column] for column in names]
        self.list = ", ".join(f'"{column}"' for column in names)
        self.insert = f"INSERT INTO {name} ({self.list}) VALUES ({', '.join(['%s'] * len(names))})"
        changes = ", ".join(f'"{column}" = excluded."{column}"' for column in names if column not in key)
        self.upsert = f"{self.insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def _nothing(type_: str) -> object:
    kind = type_.lower()
    if "bool" in kind:
        return False
    return 0 if "int" in kind or "num" in kind or "dec" in kind else ""


class Loop:
    def __init__(self, database: SQLite | Postgres, feed: int) -> None:
        self.database, self.feed, self.zone = database, feed, database.zone
        self.call_table = Table(database, "calls_call", CALL_COLUMNS, ("id",))
        self.leg_table = Table(database, "calls_leg", LEG_COLUMNS, ("call_id", "position"))
        self.event_table = Table(database, "calls_callevent", EVENT_COLUMNS, ())
        self.open: dict[str, dict[str, Any]] = {}
        self.pks: dict[str, int] = {}
        self.sequence = 0
        self.revision = 0

    def store(self, lines: list[bytes]) -> None:
        """One batch, one transaction."""
        received = datetime.now(self.zone)
        self.revision += 1
        touched: dict[str, dict[str, Any]] = {}
        events = [self.take(line, received, touched) for line in lines]
        calls, legs = list(touched.values()), [leg for call in touched.values() for leg in call["legs"].values()]
        rest, leg_rest = self.call_table.rest, self.leg_table.rest
        database = self.database
        database.begin()
        database.insert(self.call_table, [call_row(call) + rest for call in calls if not call["version"]])
        database.upsert(self.call_table, [call_row(call) + rest for call in calls if call["version"]])
        database.insert(self.leg_table, [leg_row(leg) + leg_rest for leg in legs if not leg["stored"]])
        database.upsert(self.leg_table, [leg_row(leg) + leg_rest for leg in legs if leg["stored"]])
        database.insert(self.event_table, events)
        database.commit()
        for leg in legs:
            leg["stored"] = True
        for call_id, call in touched.items():
            call["version"] += 1
            if call["state"] == "ended":
                self.open.pop(call_id, None)

    def take(self, line: bytes, received: datetime, touched: dict[str, dict[str, Any]]) -> Row:
        """The event's row; its call and leg are brought up to date."""
        text = line.decode("latin-1")
        if len(text) == 149:
            text = text[:122] + " " * 13 + text[122:]
        direction, call_id = text[21:24].strip().lower(), text[26:48]
        trunk, extension, source = text[49:56].lstrip("0"), text[57:64].lstrip("0"), text[65:72].lstrip("0")
        number_raw = text[73:88]
        number, contact = number_raw.lstrip("0"), text[90:104].strip()
        did, did_name, account = text[106:121].lstrip("0"), text[123:133].strip(), text[135:147].lstrip("0")
        name = text[149:161].strip()
        name = NAMES.get(name, name)
        at = datetime.fromisoformat(text[:19]).replace(tzinfo=self.zone)
        call = self.open.get(call_id)
        if call is None:
            began = datetime(
                int(call_id[:4]), int(call_id[4:6]), int(call_id[6:8]),
                int(call_id[8:10]), int(call_id[10:12]), int(call_id[12:14]), tzinfo=self.zone,
            )  # fmt: skip
            at = _afternoon(at, began)
            known = self.pks.get(call_id)
            call = self.begin(call_id, direction, at, began, extension or source)
            if known is None:
                self.pks[call_id] = call["id"] = len(self.pks) + 1
                self.open[call_id] = call
            else:
                call["id"] = known  # after its end: the event is kept, the call stays as it is
        else:
            at = _afternoon(at, call["began"])
        self.sequence += 1
        n = call["lines"].count(line) + 1
        call["lines"].append(line)
        event = (
            call["id"], line, int.from_bytes(blake2b(line, digest_size=8).digest(), "big", signed=True), n, received,
            1, self.sequence, 1, at, 1, call["began"], name, direction, trunk, extension, source, number_raw, number,
            contact, did, did_name, account, 0, *self.event_table.rest,
        )  # fmt: skip
        if call_id not in self.open:
            return event
        touched[call_id] = call
        self.fold(call, name, at, extension, source)
        if trunk and not call["trunk"]:
            call["trunk"] = trunk
        if number:
            call["number"], call["number_raw"] = number, number_raw
        if contact:
            call["contact_name"] = contact
        if account:
            call["account_code"] = account
        if did and not call["did"]:
            call["did"], call["did_name"] = did, did_name
        call["last_received_at"] = received
        call["event_count"] += 1
        call["revision"] = self.revision
        return event

    def begin(self, call_id: str, direction: str, at: datetime, began: datetime, extension: str) -> dict[str, Any]:
        call: dict[str, Any] = dict.fromkeys(CALL_COLUMNS, 0)
        for name in (
            "answered_by", "handled_by", "trunk", "device", "from_extension", "number_raw", "number", "number_e164",
            "contact_name", "did", "did_name", "account_code",
        ):  # fmt: skip
            call[name] = ""
        for name in ("answered_at", "handled_at", "ended_at", "duration_seconds", "time_to_answer_seconds",
                     "department_id", "stale_as_of"):  # fmt: skip
            call[name] = None
        for name in ("lost_in_transfer", "lost_on_hold", "partial", "stale"):
            call[name] = False
        call |= {
            "feed_id": self.feed, "call_id": call_id, "direction": direction, "state": "ringing", "state_since": at,
            "outcome": "in_progress", "started_at": at, "last_event_at": at, "extension": extension,
            "last_extension": extension, "began": began, "legs": {}, "leg": None, "lines": [],
        }  # fmt: skip
        return call

    def fold(self, call: dict[str, Any], name: str, at: datetime, extension: str, source: str) -> None:  # noqa: C901
        """The state machine: time goes to the state that passes and to the leg that has the call."""
        passed = max(int((at - call["last_event_at"]).total_seconds()), 0)
        state = call["state"]
        at = max(at, call["last_event_at"])
        if passed and state in SECONDS:
            call[SECONDS[state]] += passed
            if call["leg"]:
                call["leg"][SECONDS[state]] += passed
        call["last_event_at"] = at
        if extension:
            call["device"] = call["last_extension"] = extension
        leg = call["legs"].get(extension)
        if leg is None and (extension or not call["legs"]):
            leg = self.begin_leg(call, name, at, extension, source)
        leg = leg or call["leg"]
        call["leg"] = leg
        new = STATES.get(name)
        if name in COUNTS:
            call[COUNTS[name]] += 1
        if new is None:
            return
        if new != state:
            call["state"], call["state_since"] = new, at
        if new == "talking":
            if call["answered_at"] is None:
                call["answered_at"] = call["handled_at"] = at
                call["answered_by"] = call["handled_by"] = extension
                call["time_to_answer_seconds"] = int((at - call["started_at"]).total_seconds())
            if leg["answered_at"] is None:
                leg["answered_at"], leg["outcome"] = at, "answered"
        elif new == "ended":
            self.end(call, at)

    def end(self, call: dict[str, Any], at: datetime) -> None:
        call["ended_at"] = at
        call["duration_seconds"] = int((at - call["started_at"]).total_seconds())
        answered = call["answered_at"]
        if answered:
            call["outcome"] = "answered"
            call["billable_seconds"] = int((at - answered).total_seconds())
        else:
            call["outcome"] = "abandoned" if call["direction"] == "in" else "no_answer"
        for other in call["legs"].values():
            if other["ended_at"] is None:
                other["ended_at"] = at
                if other["outcome"] == "in_progress":
                    other["outcome"] = "missed"

    def begin_leg(self, call: dict[str, Any], name: str, at: datetime, extension: str, source: str) -> dict[str, Any]:
        before = call["leg"]
        if before and name in {"DIVERTED", "TRANSFERRED"}:
            before["ended_at"], before["outcome"] = at, name.lower()
        leg = {
            "call_id": call["id"], "position": len(call["legs"]), "extension": extension,
            "began_by": name.lower() if name in {"DIVERTED", "TRANSFERRED"} else "alerted" if before else "initial",
            "from_extension": source, "call_started_at": call["started_at"], "direction": call["direction"],
            "started_at": at, "answered_at": None, "ended_at": None, "ring_seconds": 0, "queue_seconds": 0,
            "talk_seconds": 0, "hold_seconds": 0, "outcome": "in_progress", "stored": False,
        }  # fmt: skip
        call["legs"][extension] = leg
        return leg


def _afternoon(at: datetime, began: datetime) -> datetime:
    """The stamp's clock has 12 hours, the call id's 24."""
    hour = at.hour
    if 1 <= hour <= 12:
        morning = at - HALF_DAY if hour == 12 else at
        return morning if morning >= began - EARLY else morning + HALF_DAY
    return at


def main(url: str, address: str, feed: int) -> None:
    database = SQLite(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else Postgres(url)
    loop = Loop(database, feed)
    host, _, port = address.rpartition(":")
    began, count = time.monotonic(), 0
    waiting: list[bytes] = []
    with socket.create_connection((host, int(port))) as peer:
        rest = b""
        while data := peer.recv(1 << 18):
            lines = (rest + data).split(b"\r\n")
            rest = lines.pop()
            waiting += lines
            while len(waiting) >= BATCH_LINES:
                loop.store(waiting[:BATCH_LINES])
                count += BATCH_LINES
                del waiting[:BATCH_LINES]
    if waiting:
        loop.store(waiting)
        count += len(waiting)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"lines": count, "calls": len(loop.pks), "seconds": round(seconds, 3), "peak_mib": peak}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
