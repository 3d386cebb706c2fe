"""A year of plausible calls, made in DuckDB and copied into the product's database, roll-ups and all.

Not through ingest: ten million calls would take an hour. Run with the settings of the database in the environment.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection

YEAR = 2025
GROUPS, TRUNKS, DIDS, DEPARTMENTS, DESTINATIONS = 12, 60, 200, 20, 40
CHUNK = 20_000
PART_BYTES = 1 << 20

DRAWN = """
CREATE TABLE drawn AS
SELECT i AS id, random() < 0.6 AS is_in, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
    random() AS f, random() AS g, random() AS h, random() AS k, random() AS l, random() AS m, random() AS n
FROM range(1, {calls} + 1) t(i)
"""
SHAPED = """
CREATE TABLE shaped AS
SELECT id, is_in, day - CASE WHEN isodow(day) > 5 AND b < 0.85 THEN INTERVAL 3 DAY ELSE INTERVAL 0 DAY END
        + to_seconds(CAST(7 * 3600 + 11.5 * 3600 * (c + d) / 2 AS BIGINT)) AS started_at,
    CAST(10000 + floor(pow(e, 1.5) * {extensions}) AS INTEGER) AS device,
    CASE WHEN is_in THEN f < 0.88 ELSE f < 0.75 END AS is_answered, is_in AND g < 0.3 AS is_queued,
    CAST(2 + 24 * h AS INTEGER) AS ring,
    CASE WHEN is_in AND g < 0.3 THEN CAST(50 * k * k AS INTEGER) ELSE 0 END AS queue,
    CASE WHEN (is_in AND f < 0.88) OR (NOT is_in AND f < 0.75)
        THEN CAST(1 - ln(1 - l) * 160 AS INTEGER) ELSE 0 END AS talk,
    CASE WHEN g > 0.9 AND f < 0.75 THEN CAST(30 * k AS INTEGER) ELSE 0 END AS hold,
    lpad(CAST(CAST(floor(pow(m, 3) * 400000) AS INTEGER) AS VARCHAR), 7, '0') AS digits, n
FROM (SELECT *, DATE '{year}-01-01' + CAST(floor(a * 365) AS INTEGER) AS day FROM drawn)
"""
CALLS = """
CREATE TABLE calls AS
SELECT id, {feed} AS feed_id, strftime(started_at, '%Y%m%d%H%M%S') || lpad(CAST(id % 100000000 AS VARCHAR), 8, '0')
        AS call_id,
    CASE WHEN is_in THEN 'in' ELSE 'out' END AS direction, 'ended' AS state, ended_at AS state_since,
    CASE WHEN is_answered THEN 'answered' WHEN is_in THEN 'abandoned' ELSE 'no_answer' END AS outcome, started_at,
    answered_at, CASE WHEN is_answered THEN CAST(device AS VARCHAR) ELSE '' END AS answered_by,
    answered_at AS handled_at, CASE WHEN is_answered THEN CAST(device AS VARCHAR) ELSE '' END AS handled_by, ended_at,
    ended_at AS last_event_at, ended_at AS last_received_at, ring + queue + talk + hold AS duration_seconds,
    CASE WHEN is_answered THEN ring + queue END AS time_to_answer_seconds, ring AS ring_seconds,
    queue AS queue_seconds, talk AS talk_seconds, hold AS hold_seconds, talk + hold AS billable_seconds,
    CAST(92100 + CAST(floor(n * {trunks}) AS INTEGER) AS VARCHAR) AS trunk,
    CASE WHEN is_queued THEN CAST(900 + device % {groups} AS VARCHAR) ELSE CAST(device AS VARCHAR) END AS extension,
    CAST(device AS VARCHAR) AS device, CAST(device AS VARCHAR) AS last_extension, '' AS from_extension,
    '0000207' || digits || '0' AS number_raw, '0207' || digits AS number, '+44207' || digits AS number_e164,
    '' AS contact_name, CASE WHEN is_in THEN '2079460' || lpad(CAST(device % {dids} AS VARCHAR), 3, '0') ELSE '' END
        AS did, '' AS did_name,
    CASE WHEN id % 20 = 0 THEN CAST(1000 + device % 50 AS VARCHAR) ELSE '' END AS account_code,
    1 + device % {departments} AS department_id, 0 AS transfers, 0 AS diversions, 0 AS holds, false AS lost_in_transfer,
    false AS lost_on_hold, false AS partial, false AS stale, CAST(NULL AS TIMESTAMP) AS stale_as_of, 0 AS flags,
    5 AS event_count, cost, CAST(cost * 1.2 AS BIGINT) AS recharge, CASE WHEN cost IS NULL THEN '' ELSE 'GBP' END
        AS currency, CASE WHEN cost IS NULL THEN 'not_charged' ELSE 'rated' END AS cost_status, '' AS cost_reason,
    CASE WHEN cost IS NULL THEN NULL ELSE talk + hold END AS billed_seconds,
    CASE WHEN cost IS NULL THEN NULL ELSE 1 + id % {destinations} END AS destination_id,
    CAST(NULL AS BIGINT) AS tariff_version_id, CASE WHEN is_in AND NOT is_answered
        AND coalesce(max(answered_at) OVER (PARTITION BY digits) < ended_at, true) THEN '+44207' || digits ELSE '' END
        AS unreturned_number, 1 AS version, 1 AS revision
FROM (SELECT *, started_at + to_seconds(ring + queue + talk + hold) AS ended_at,
        CASE WHEN is_answered THEN started_at + to_seconds(ring + queue) END AS answered_at,
        CASE WHEN is_answered AND NOT is_in THEN CAST(2000 * (talk + hold) AS BIGINT) END AS cost FROM shaped)
ORDER BY started_at, id
"""
LEGS = """
CREATE TABLE legs AS SELECT row_number() OVER () AS id, * FROM (
    SELECT id AS call_id, 0 AS position, extension, 'initial' AS began_by, '' AS from_extension,
        started_at AS call_started_at, direction, started_at, CASE WHEN queue_seconds = 0 THEN answered_at END
            AS answered_at, ended_at, CASE WHEN queue_seconds = 0 THEN ring_seconds ELSE 0 END AS ring_seconds,
        queue_seconds, CASE WHEN queue_seconds = 0 THEN talk_seconds ELSE 0 END AS talk_seconds,
        CASE WHEN queue_seconds = 0 THEN hold_seconds ELSE 0 END AS hold_seconds,
        CASE WHEN queue_seconds > 0 AND outcome = 'answered' THEN 'answered_elsewhere' WHEN outcome = 'answered'
            THEN 'answered' WHEN direction = 'in' THEN 'missed' ELSE 'no_answer' END AS outcome FROM calls
    UNION ALL
    SELECT id, 1, device, 'alerted', '', started_at, direction, started_at, answered_at, ended_at, ring_seconds, 0,
        talk_seconds, hold_seconds, CASE WHEN outcome = 'answered' THEN 'answered' ELSE 'missed' END
    FROM calls WHERE queue_seconds > 0
    UNION ALL
    SELECT id, 2, CAST(10000 + (CAST(device AS INTEGER) + 7) % {extensions} AS VARCHAR), 'alerted', '', started_at,
        direction, started_at, CAST(NULL AS TIMESTAMP), ended_at, ring_seconds, 0, 0, 0,
        CASE WHEN outcome = 'answered' THEN 'answered_elsewhere' ELSE 'missed' END
    FROM calls WHERE queue_seconds > 0 OR (direction = 'in' AND id % 4 = 0)) ORDER BY call_started_at, call_id, position
"""
CALL_ROLLUPS = """
SELECT {grain} AS grain, {facet} AS facet, {start} AS start, feed_id, {name} AS name, direction, {outcome} AS outcome,
    {department} AS department, {currency} AS currency, count(*) AS calls, 0 AS unknown, count(handled_at) AS answered,
    0 AS lost, sum(talk_seconds) AS talk, sum(ring_seconds) AS ring, sum(queue_seconds) AS queue, sum(hold_seconds)
    AS hold, count(*) FILTER (direction = 'in' AND time_to_answer_seconds <= 20) AS in_time, count(*) FILTER
        (direction = 'in' AND handled_at IS NULL AND duration_seconds <= 5) AS short_abandoned,
    count(handled_at) FILTER (direction = 'in') AS handled, coalesce(sum(time_to_answer_seconds) FILTER
        (direction = 'in'), 0) AS to_answer, 0 AS to_person, coalesce(sum(cost), 0) AS cost,
    coalesce(sum(recharge), 0) AS recharge, 0 AS unrated
FROM calls JOIN hours ON date_trunc('hour', started_at) = step GROUP BY ALL
"""
LEG_ROLLUPS = """
SELECT {grain} AS grain, {start} AS start, feed_id, extension, direction, outcome, department, currency,
    sum(leg) AS legs, sum(first) AS firsts, sum(talked) AS talks, sum(missed) AS missed, sum(ring) AS ring,
    sum(talk) AS talk, sum(hold) AS hold, sum(charge) AS charged
FROM (
    SELECT day, month, year, feed_id, legs.extension, calls.direction, calls.outcome, department_id AS department,
        currency, 1 AS leg, CAST(position = 0 AS INTEGER) AS first,
        CAST(legs.answered_at IS NOT NULL AS INTEGER) AS talked, CAST(legs.outcome = 'missed' AS INTEGER) AS missed,
        legs.ring_seconds AS ring, legs.talk_seconds AS talk, legs.hold_seconds AS hold, 0 AS charge
    FROM legs JOIN calls ON legs.call_id = calls.id JOIN hours ON date_trunc('hour', call_started_at) = step
    UNION ALL
    SELECT day, month, year, feed_id, extension, direction, outcome, department_id, currency, 0, 0, 0, 0, 0, 0, 0, cost
    FROM calls JOIN hours ON date_trunc('hour', started_at) = step WHERE cost > 0)
GROUP BY ALL
"""

NUMBER_ROLLUPS = """
SELECT {grain} AS grain, {start} AS start, feed_id, direction, number_e164 AS number, count(*) AS calls, 0 AS unknown,
    count(handled_at) AS answered, sum(talk_seconds) AS talk
FROM calls JOIN hours ON date_trunc('hour', started_at) = step WHERE started_at < TIMESTAMP '{until}' GROUP BY ALL
"""
NOW = datetime(YEAR, 12, 20, 12, tzinfo=UTC)
NUMBERED_UNTIL = datetime(YEAR + 1, 1, 1, tzinfo=UTC)  # all days of the year are over, and a worker has summed them up


def make(file: str, calls: int, extensions: int) -> duckdb.DuckDBPyConnection:
    """The year in a database of DuckDB, with tables `calls` and `legs`, and the same rows in the product's."""
    from calls.costing.models import Destination
    from calls.directory.models import Department, Extension, Feed, Trunk
    from calls.models import Call, Leg

    feed = Feed.objects.get()
    Department.objects.bulk_create([Department(pk=pk, name=f"Department {pk}") for pk in range(1, DEPARTMENTS + 1)])
    Destination.objects.bulk_create([Destination(pk=pk, name=f"Place {pk}") for pk in range(1, DESTINATIONS + 1)])
    Extension.objects.bulk_create(
        [Extension(feed=feed, number=str(10000 + place), name=f"Person {place}", department_id=1 + place % DEPARTMENTS)
         for place in range(extensions)]
        + [Extension(feed=feed, number=str(900 + place), kind="group") for place in range(GROUPS)]
    )  # fmt: skip
    Trunk.objects.bulk_create([Trunk(feed=feed, number=str(92100 + place)) for place in range(TRUNKS)])
    database = duckdb.connect(file)
    database.execute("SET threads = 2; SELECT setseed(0.5)")
    values = {
        "calls": calls, "extensions": extensions, "year": YEAR, "feed": feed.pk, "groups": GROUPS, "trunks": TRUNKS,
        "dids": DIDS, "departments": DEPARTMENTS, "destinations": DESTINATIONS,
    }  # fmt: skip
    for statement in (DRAWN, SHAPED, CALLS, LEGS):
        database.execute(statement.format(**values))
    database.execute("DROP TABLE drawn; DROP TABLE shaped")
    for model, table in ((Call, "calls"), (Leg, "legs")):
        _copy(database, table, model._meta.db_table, [str(field.column) for field in model._meta.concrete_fields])
    if connection.vendor == "postgresql":  # by itself it looks a minute later; SQLite never does
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return database


def _copy(database: duckdb.DuckDBPyConnection, source: str, table: str, columns: Sequence[str]) -> None:
    """Into a table without its indexes, which are made when it is full."""
    chosen = f"SELECT {', '.join(columns)} FROM {source}"
    with connection.cursor() as cursor:
        is_postgres = connection.vendor == "postgresql"
        if is_postgres:
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT IN"
                " (SELECT conname FROM pg_constraint)", [table],
            )  # fmt: skip
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index' AND sql <> ''", [table]
            )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        (_copy_to_postgres if is_postgres else _copy_to_sqlite)(database, chosen, cursor, table, columns)
        for _, statement in indexes:
            cursor.execute(statement)


def _copy_to_postgres(database: Any, chosen: str, cursor: Any, table: str, columns: Sequence[str]) -> None:
    """By way of a file: rows that pass through Python take four times as long."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    cursor.execute("SET maintenance_work_mem = '1GB'")
    with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as directory:
        file = Path(directory) / "rows.csv"
        database.execute(f"COPY ({chosen}) TO '{file}' (FORMAT CSV, HEADER false, NULLSTR '\\N')")
        statement = f"COPY {table} ({quoted}) FROM STDIN (FORMAT CSV, NULL '\\N')"
        with cursor.copy(statement) as copy, file.open("rb") as rows:
            while part := rows.read(PART_BYTES):
                copy.write(part)
    if "id" in columns:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def _copy_to_sqlite(database: Any, chosen: str, _: Any, table: str, columns: Sequence[str]) -> None:
    found = database.execute(chosen)
    quoted = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join(["?"] * len(columns))
    sqlite3.register_adapter(datetime, lambda at: at.isoformat(" "))
    with_rows = sqlite3.Connection.cursor(connection.connection)
    with_rows.execute("BEGIN")
    while rows := found.fetchmany(CHUNK):
        with_rows.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({places})", rows)
    with_rows.execute("COMMIT")


def roll_up(database: duckdb.DuckDBPyConnection) -> None:
    """The roll-ups of all of it, summed up by DuckDB. Raises RuntimeError if a month's or day's are not as proved."""
    from calls.directory.models import Feed, FeedState
    from calls.models import Call, CallRollup, Facet, Grain, LegRollup, NumberRollup
    from calls.returns import wrong
    from calls.rollup_building import day_of, month_of, repair_day, repair_month, repair_numbers, repair_year, year_of
    from calls.rollups import CALL_COLUMNS, LEG_COLUMNS, NUMBER_COLUMNS, Rules, spans
    from calls.rows import EPOCH, instant

    feed = Feed.objects.get()
    rules = Rules.of(feed)
    clock = spans(rules.zone, rules.step_seconds)
    first = int(datetime(YEAR - 1, 12, 1, tzinfo=UTC).timestamp())
    hours = []
    for at in range(first, first + 420 * 86_400, rules.step_seconds):
        step, day = clock.of(at)
        plain = (instant(known).replace(tzinfo=None) for known in (step, day, clock.month(day), clock.year(day)))
        hours.append(", ".join(f"TIMESTAMP '{known}'" for known in plain))
    database.execute(
        f"CREATE TABLE hours AS SELECT * FROM (VALUES ({'), ('.join(hours)})) AS h(step, day, month, year)"
    )
    parts = []
    for grain, facet, start, name in (
        (Grain.HOUR, Facet.WHOLE, "step", "''"), (Grain.HOUR, Facet.DEPARTMENT, "step", "''"),
        *((grain, facet, start, name) for grain, start in ((Grain.DAY, "day"), (Grain.MONTH, "month"))
          for facet, name in ((Facet.DEPARTMENT, "''"), (Facet.TRUNK, "trunk"), (Facet.DID, "did"),
                              (Facet.ACCOUNT, "account_code"),
                              (Facet.DESTINATION, "coalesce(CAST(destination_id AS VARCHAR), '')"))),
    ):  # fmt: skip
        has_all = grain != Grain.HOUR
        parts.append(
            CALL_ROLLUPS.format(
                grain=int(grain), facet=int(facet), start=start, name=name, outcome="outcome" if has_all else "''",
                department="department_id" if facet == Facet.DEPARTMENT else "0",
                currency="currency" if has_all else "''",
            )
        )  # fmt: skip
    database.execute(f"CREATE VIEW call_rollups AS {' UNION ALL '.join(parts)}")
    grains = {Grain.DAY: "day", Grain.MONTH: "month", Grain.YEAR: "year"}
    legs = (LEG_ROLLUPS.format(grain=int(grain), start=start) for grain, start in grains.items())
    database.execute(f"CREATE VIEW leg_rollups AS {' UNION ALL '.join(legs)}")
    numbers = (
        NUMBER_ROLLUPS.format(grain=int(grain), start=start, until=NUMBERED_UNTIL.replace(tzinfo=None))
        for grain, start in ((Grain.MONTH, "month"), (Grain.YEAR, f"TIMESTAMP '{YEAR}-01-01'"))
    )
    database.execute(f"CREATE VIEW number_rollups AS {' UNION ALL '.join(numbers)}")
    _copy(database, "call_rollups", CallRollup._meta.db_table, CALL_COLUMNS)
    _copy(database, "leg_rollups", LegRollup._meta.db_table, LEG_COLUMNS)
    _copy(database, "number_rollups", NumberRollup._meta.db_table, NUMBER_COLUMNS)
    FeedState.objects.update(rolled_by=str(rules), rolled_since=EPOCH, numbered_until=NUMBERED_UNTIL)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    day = date(YEAR, 7, 1)
    month = month_of(feed.pk, day, rules)
    proved = (
        repair_day(day_of(feed.pk, day, rules)), repair_month(month), repair_year(year_of(feed.pk, day, rules)),
        repair_numbers(month, Grain.MONTH),
    )  # fmt: skip
    if differ := sum(proved):
        raise RuntimeError(f"{differ} rows of roll-ups were not as the calls are")
    if differ := wrong(Call.objects.filter(started_at__date=day)).count():
        raise RuntimeError(f"{differ} calls were returned, or not, and say otherwise")
