"""The simulated PBX, for trying Tollbook out, for its tests and for its benchmarks. Needs no database."""

import asyncio
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from ingest.simulator import Office
from ingest.simulator.office import calls_every
from ingest.simulator.pacing import REAL_TIME, Layout, Size, at_rate, size
from ingest.simulator.performance import AccountBook, FileOutlet, to_file, to_outlets
from ingest.simulator.staff import FEWEST_EXTENSIONS, MOST_EXTENSIONS, MOST_TRUNKS
from ingest.simulator.transport import Local, Outlet, Push
from smdr_site.commands import ArgumentParser, Error, host_and_port
from smdr_site.commands import Command as TollbookCommand

FILE_START = datetime(2026, 1, 12, 8, 30)  # noqa: DTZ001 - the office's local time, whatever its zone
WRONG_USAGE = 2


class Command(TollbookCommand):
    help = (
        "Play a seeded office as IP SMDR lines: into a socket (Push), from a listener (Local) or into a file.\n"
        "On sockets it plays in real time unless --rate is given, and begins when somebody is connected."
    )
    example = (
        "manage.py simulate --to 127.0.0.1:2008\n"
        "  manage.py simulate --file day.smdr --calls 5000 --seed 7 --account day.jsonl\n"
        "  manage.py simulate --to 127.0.0.1:2008 --listen 127.0.0.1:2007 --calls 5000 --rate 1000"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = parser.add_argument_group("where the lines go (at least one; all get the same lines)")
        where.add_argument("--to", type=host_and_port, metavar="HOST:PORT", help="act as Push: connect there and send")
        where.add_argument(
            "--listen", type=host_and_port, metavar="HOST:PORT", help="act as Local: send to each client"
        )
        where.add_argument("--file", metavar="PATH", help="write a file; - is standard output")
        where.add_argument("--account", metavar="PATH", help="write the PBX's own account, one JSON object a call")
        where.add_argument(
            "--resend",
            type=_count(0),
            default=0,
            metavar="N",
            help="Push: after a reconnect, send the last N lines again",
        )
        office = parser.add_argument_group("the office")
        office.add_argument("--seed", type=int, default=1, help="same seed and options, same lines (default 1)")
        office.add_argument(
            "--extensions", type=_count(FEWEST_EXTENSIONS, MOST_EXTENSIONS), metavar="N",
            help="people (default 20; with --rate, enough for it)",
        )  # fmt: skip
        office.add_argument("--trunks", type=_count(1, MOST_TRUNKS), metavar="N", help="default: 4 for 5 extensions")
        office.add_argument("--every", type=_positive, metavar="SECONDS", help="mean time between calls")
        office.add_argument("--clock", type=int, choices=(12, 24), default=12, help="hours of the stamps (default 12)")
        office.add_argument("--zone", type=_zone, default=settings.TIME_ZONE, help="local time (default: the site's)")
        office.add_argument("--padding", type=_padding, default="0", metavar="C", help="item padding character")
        office.add_argument(
            "--kinds", action="store_true", help="the account knows voicemail and attendant for machines, not persons"
        )
        pace = parser.add_argument_group("how much and how fast")
        length = pace.add_mutually_exclusive_group()
        length.add_argument(
            "--calls", type=_count(1), metavar="N", help="stop after N calls (default for sockets: never)"
        )
        length.add_argument("--forever", action="store_true", help="never stop; a file needs this or --calls")
        speed = pace.add_mutually_exclusive_group()
        speed.add_argument("--rate", type=_positive, metavar="LINES_PER_S", help="send that many lines a second")
        speed.add_argument("--live", action="store_true", help="real time, for a file too")
        pace.add_argument(
            "--start", type=_local_time, metavar="ISO",
            help=f"stamp of the first line (default: now, or for a file {FILE_START:%Y-%m-%dT%H:%M})",
        )  # fmt: skip

    def run(self, **options: Any) -> None:
        if not (options["to"] or options["listen"] or options["file"]):
            raise Error("Say where the lines go: --to, --listen or --file", returncode=WRONG_USAGE)
        if options["file"] and not (options["calls"] or options["forever"]):
            raise Error("A file needs an end: give --calls N (or --forever, if you mean it)", returncode=WRONG_USAGE)
        if options["resend"] and not options["to"]:
            raise Error("--resend is for --to", returncode=WRONG_USAGE)
        with ExitStack() as files:
            file = _binary_file(options["file"], files)
            account = options["account"]
            book = AccountBook(files.enter_context(open(account, "w", encoding="utf-8")) if account else None)
            if file and not (options["to"] or options["listen"] or options["live"] or options["rate"]):
                self._play_to_file(file, book, options)
            else:
                self._play_to_outlets(file, book, options)

    def _play_to_file(self, file: BinaryIO, book: AccountBook, options: dict[str, Any]) -> None:
        office = _office(size(options["extensions"], options["trunks"]), REAL_TIME, options)
        start = options["start"] or FILE_START
        to_file(office, office.play(start=start, calls=options["calls"], account=book.write), file)
        book.close(office)

    def _play_to_outlets(self, file: BinaryIO | None, book: AccountBook, options: dict[str, Any]) -> None:
        calls, rate = options["calls"], options["rate"]
        room = size(options["extensions"], options["trunks"], rate=rate, calls=calls)
        every = options["every"] or calls_every(room.extensions, room.trunks)
        layout = at_rate(rate, calls, every) if rate else REAL_TIME
        office = _office(room, layout, options)

        def play(start: datetime) -> Iterator[tuple[int, bytes]]:
            return office.play(start=options["start"] or start, calls=calls, account=book.write)

        asyncio.run(to_outlets(office, play, self._outlets(file, options), layout, rate))
        book.close(office)

    def _outlets(self, file: BinaryIO | None, options: dict[str, Any]) -> list[Outlet]:
        outlets: list[Outlet] = [FileOutlet(file)] if file else []
        if options["listen"]:
            outlets.append(Local(*options["listen"], tell=self._tell))
        if options["to"]:
            outlets.append(Push(*options["to"], tell=self._tell, resend=options["resend"]))
        return outlets

    def _tell(self, text: str) -> None:
        self.stderr.write(text, self.style.NOTICE)
        self.stderr.flush()


def _office(room: Size, layout: Layout, options: dict[str, Any]) -> Office:
    return Office(
        seed=options["seed"],
        extensions=room.extensions,
        trunks=room.trunks,
        clock=options["clock"],
        zone=options["zone"],
        padding=options["padding"],
        tempo=layout.tempo,
        every=options["every"],
        kinds=options["kinds"],
    )


def _binary_file(path: str | None, files: ExitStack) -> BinaryIO | None:
    if path is None:
        return None
    if path == "-":
        # Python's own standard output may be unbuffered, and then writes only part of what it is given
        return files.enter_context(open(sys.stdout.fileno(), "wb", closefd=False))
    return files.enter_context(open(path, "wb"))


def _count(least: int, most: int | None = None) -> Callable[[str], int]:
    return partial(_whole_number, least=least, most=most)


def _whole_number(text: str, *, least: int, most: int | None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a whole number") from None
    if value < least or (most is not None and value > most):
        raise ArgumentTypeError(f"{value} is not {f'from {least} to {most}' if most else f'{least} or more'}")
    return value


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a number") from None
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"“{text}” is not more than 0")
    return value


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArgumentTypeError(f"“{text}” is not a time zone such as Europe/London") from None
    return text


def _padding(text: str) -> str:
    if len(text) != 1 or not (text == "0" or (text.isascii() and text.isprintable() and not text.isalnum())):
        raise ArgumentTypeError("the padding is 0, or one ASCII character that is no letter or digit")
    return text


def _local_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a time such as 2026-11-24T09:00") from None
