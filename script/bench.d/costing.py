"""Pricing 100,000 calls to as many numbers, traces and all, beside the reference that reckons second by second.

    script/bench costing [--calls N] [--runs N] [--reference N]

One process, one core: rates are of processor time, the median of the runs. The tariff has 2,500 prefixes, three bands,
split, bank holidays, steps, a cap and 30/6.
"""

import argparse
import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from calls.costing.document import parse
from calls.costing.rating import Rater
from tests.calls.costing import oracle

START = datetime(2026, 1, 1, tzinfo=UTC)


def tariff(chance: random.Random) -> dict[str, Any]:
    def pence(most: int) -> str:
        return f"0.{chance.randint(1, most * 100):04}"

    prefixes = [{"prefix": "", "rate": "0.5"}, {"prefix": "44", "name": "United Kingdom", "rate": "0.012"}]
    for number in range(2_500):
        prefix: dict[str, Any] = {"prefix": f"44{1000 + number}", "name": f"Area {number}", "rate": pence(90)}
        if number % 5 == 0:
            prefix["steps"] = [{"from_s": 180, "rate": pence(30), "increment_s": 30, "step_charge": "0.01"}]
        if number % 7 == 0:
            prefix["cap"] = {"amount": "0.40", "window_s": 3600, "includes_connection": True}
        prefixes.append(prefix)
    return {
        "connection_charge": "0.0225",
        "initial_s": 30,
        "increment_s": 6,
        "band_policy": "split",
        "bands": [
            {"name": "day", "weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"},
            {"name": "evening", "weekdays": [1, 2, 3, 4, 5], "from": "18:00", "to": "08:00", "increment_s": 1},
            {"name": "weekend", "weekdays": [6, 7], "connection_charge": "0.01", "priority": 1},
        ],
        "bank_holidays": ["2026-01-01", "2026-04-03", "2026-04-06", "2026-12-25", "2026-12-28"],
        "bank_holiday_as": "weekend",
        "markup_pct": "12.5",
        "prefixes": prefixes,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--calls", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--reference", type=int, default=200, help="calls that the reference prices")
    asked = options.parse_args()
    chance = random.Random(1)
    document = tariff(chance)
    calls = [
        (
            START + timedelta(seconds=chance.randrange(365 * 86_400)),
            min(7_200, 1 + int(chance.expovariate(1 / 180))),
            f"44{chance.randrange(1000, 3600)}{chance.randrange(1_000_000):06}",
        )
        for _ in range(asked.calls)
    ]
    times = []
    for _ in range(asked.runs):
        began = time.process_time()
        rater = Rater(parse(document))
        ready = time.process_time() - began
        began = time.process_time()
        stored = [
            (rating.cost, rating.exact, "\n".join(rating.trace)) for rating in (rater.rate(*call) for call in calls)
        ]
        times.append(time.process_time() - began)
    took = statistics.median(times)
    numbers, characters = len({number for _, _, number in calls}), sum(len(trace) for _, _, trace in stored)
    print(f"document of {len(document['prefixes']):,} prefixes read and checked in {ready:.2f} s")
    print(
        f"rater:     {len(calls) / took:>9,.0f} calls/s ({len(calls):,} calls, {numbers:,} numbers, "
        f"traces of {characters / len(calls):.0f} characters, {took:.2f} s; "
        f"runs {', '.join(f'{len(calls) / one:,.0f}' for one in times)})"
    )
    sample = calls[: asked.reference]
    began = time.process_time()
    expected = [oracle.exact_cost(document, *call) for call in sample]
    took = time.process_time() - began
    print(f"reference: {len(sample) / took:>9,.0f} calls/s ({len(sample):,} of them, second by second)")
    differing = sum(exact != cost for (_, exact, _), cost in zip(stored, expected, strict=False))
    print(f"they differ on {differing} of {len(sample):,}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
