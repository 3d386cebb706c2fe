"""Files of many calls: rows a second and the memory of the process that makes them.

    script/bench exports [--calls N] [--only csv json xlsx] [--on postgres sqlite]

A simulated office's calls are stored by the loader, then copied in the database until there are so many.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from _harness import FEED, ROOT, databases, make_lines, manage, measure, say, scratch_directory

LINES = 30_000


def multiply(calls: int) -> None:
    """Copies of every call, with its legs, until there are `calls`."""
    from django.db import connection

    from calls.models import Call, Leg

    has = Call.objects.count()
    times = -(-calls // has) - 1
    most = Call.objects.order_by("-pk").values_list("pk", flat=True)[0]
    numbers = f"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {times})"

    def columns(model: type[Call] | type[Leg], **changed: str) -> tuple[str, str]:
        names = [str(field.column) for field in model._meta.concrete_fields if field.name != "id" or "id" in changed]
        return ", ".join(names), ", ".join(changed.get(name, f"{model._meta.db_table}.{name}") for name in names)

    into, values = columns(Call, id=f"calls_call.id + g.n * {most}", call_id="g.n || '-' || calls_call.id")
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO calls_call ({into}) {numbers} SELECT {values} FROM calls_call, g")
        into, values = columns(Leg, call_id=f"calls_leg.call_id + g.n * {most}")
        cursor.execute(f"INSERT INTO calls_leg ({into}) {numbers} SELECT {values} FROM calls_leg, g")
        cursor.execute("ANALYZE")


def server_cpu() -> float:
    """Seconds of CPU that the connection's own Postgres process has taken; it runs on this machine."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def work(task: str, calls: int) -> None:
    """In a process of its own, with the place's environment."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "smdr_site.settings"
    django.setup()
    from calls.access import EVERYTHING
    from calls.models import Call

    if task == "multiply":
        return multiply(calls)
    began, cpu, server = time.perf_counter(), time.process_time(), server_cpu()
    with open(os.devnull, "w", encoding="utf-8") as out:
        if task == "xlsx":
            from calls.call_sheet import call_workbook
            from calls.workbook import About

            target = Path(os.environ["SMDR_DATA_DIR"]) / "calls.xlsx"
            call_workbook(target, Call.objects.all(), EVERYTHING, About("Calls", ["All"], "Bench"))
        else:
            from calls.download import PARTS

            out.writelines(PARTS[task](Call.objects.all(), EVERYTHING))
    took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "server": server_cpu() - server}
    print(json.dumps({"rows": Call.objects.count(), **took}))
    return None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--calls", type=int, default=200_000)
    options.add_argument("--only", nargs="+", default=["csv", "json", "xlsx"])
    options.add_argument("--on", nargs="+", default=["postgres", "sqlite"])
    options.add_argument("--work")
    options.add_argument("--scratch")
    asked = options.parse_args()
    if asked.work:
        work(asked.work, asked.calls)
        return
    with scratch_directory(asked.scratch) as scratch, databases(asked.on, scratch) as made:
        lines = make_lines(scratch, LINES)
        for database in made:
            with database.fresh() as place:
                environment = place.environment()
                manage(environment, "ingest", "--file", lines, "--feed", FEED, "--clock", "auto")
                command = [sys.executable, ROOT / "script/bench.d/exports.py", "--calls", str(asked.calls), "--work"]
                measure([*command, "multiply"], environment)
                for task in asked.only:
                    cost = measure([*command, task], environment)
                    found = cost.json()
                    rows, rate = found["rows"], found["rows"] / found["seconds"]
                    say(
                        f"{database.name:9} {task:5} {rows:>9,} rows  {rate:>8,.0f} rows/s"
                        f"  CPU {1e6 * found['cpu'] / rows:.0f} us a row, Postgres' {1e6 * found['server'] / rows:.0f}"
                        f"  {min(cost.resident[3:], default=0):.0f} to {max(cost.resident):.0f} MiB resident"
                    )


if __name__ == "__main__":
    main()
