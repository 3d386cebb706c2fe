"""Price calls against a tariff document."""

import json
import sys
from pathlib import Path
from typing import IO, Any

from calls.costing.cases import CaseError, Pricer, rate, read_duration, read_instant, unrated
from calls.costing.document import load
from calls.costing.rating import Rater
from calls.costing.values import DocumentError
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand

USAGE = "give --tariff FILE with --answered-at and --duration, or --cases FILE"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Command(TollbookCommand):
    help = "Price calls against a tariff document (docs/tariffs.md), and say how each cost comes about."
    example = (
        "manage.py price --tariff calls/costing/data/example.json --number 447700900123 \\\n"
        "      --answered-at 2026-11-24T17:59:30 --duration 61"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tariff", metavar="FILE", help="a tariff document; - is standard input")
        parser.add_argument("--answered-at", metavar="T", help="ISO 8601; in the tariff's time zone unless it has one")
        parser.add_argument("--duration", metavar="S", type=int, help="seconds from the answer to the end")
        parser.add_argument("--number", metavar="N", default="", help="in international form, such as 447700900123")
        parser.add_argument(
            "--direction",
            choices=["out", "in"],
            default="out",
            help="outgoing unless told; a tariff that is given prices both alike",
        )
        parser.add_argument(
            "--cases",
            metavar="FILE",
            help='one JSON object a line: {"rate": {...}, "answered_at": T or null, "duration_s": S, "number": N}',
        )

    def run(self, **options: Any) -> None:
        of_one_call = [options["tariff"], options["answered_at"], options["duration"]]
        if options["cases"] is not None:
            if any(value is not None for value in of_one_call) or options["number"]:
                self.refuse_usage(f"{USAGE}, not both")
            self.price_cases(options["cases"])
            return
        if any(value is None for value in of_one_call):
            self.refuse_usage(USAGE)
        self.price_call(**options)

    def price_call(self, *, tariff: str, answered_at: str, duration: int, number: str, **_others: Any) -> None:
        try:
            text = sys.stdin.buffer.read() if tariff == "-" else Path(tariff).read_bytes()
            rater = Rater(load(text.removeprefix(BYTE_ORDER_MARK)))
            rating = rate(rater, read_instant(answered_at, rater.zone), read_duration(duration), number)
        except DocumentError as error:
            raise Error(f"{tariff}: {error}") from error
        except CaseError as error:
            raise Error(str(error)) from error
        if rating.cost is None:
            raise Error(unrated(rating))
        self.stdout.write(rating.cost_text)
        for line in rating.trace:
            self.stdout.write(f"  {line}")

    def price_cases(self, path: str) -> None:
        if path == "-":
            self.answer(sys.stdin.buffer)
            return
        with Path(path).open("rb") as lines:
            self.answer(lines)

    def answer(self, lines: IO[bytes]) -> None:
        pricer = Pricer()
        for number, line in enumerate(lines):
            if not number:
                line = line.removeprefix(BYTE_ORDER_MARK)
            if line.strip():
                self.stdout.write(json.dumps(pricer.answer(line)))
