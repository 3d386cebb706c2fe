"""Fold calls again from their events, and prove the roll-ups by the calls."""

from typing import TYPE_CHECKING, Any

from calls.access import EVERYTHING
from calls.directory.models import Feed
from calls.models import Call
from calls.returns import set_right, wrong
from calls.rollup_building import prove
from calls.store import CallStore
from smdr_site.commands import ArgumentParser, Error, instant, progress
from smdr_site.commands import Command as TollbookCommand

if TYPE_CHECKING:
    from rich.progress import Progress

CALLS_A_CHUNK = 250  # keeps a transaction under 200 ms, so that ingest is not held up
SHOWN = 20


class Command(TollbookCommand):
    help = "Fold calls again from their events, and prove the roll-ups; on sound data it changes nothing and says so."
    example = "manage.py rebuild --feed 'Head office' --since 2026-11-01"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--feed", help="only this feed")
        parser.add_argument("--since", type=instant, help="calls that started then or later (ISO 8601)")
        parser.add_argument("--until", type=instant, help="calls that started before then (ISO 8601)")

    def run(self, **options: Any) -> None:
        feeds = Feed.objects.all()
        if options["feed"]:
            feeds = feeds.filter(name=options["feed"])
            if not feeds:
                raise Error(f"There is no feed named “{options['feed']}”.")
        calls = Call.objects.visible_to(EVERYTHING)
        if options["since"]:
            calls = calls.filter(started_at__gte=options["since"])
        if options["until"]:
            calls = calls.filter(started_at__lt=options["until"])
        looked_at = days = differed = unreturned = 0
        changed: dict[str, list[str]] = {}
        with progress() as bar:
            for feed in feeds:
                looked_at += self.rebuild(feed, calls.filter(feed=feed), changed, bar)
                proved = prove(CallStore(feed.pk), options["since"], options["until"])
                days, differed = days + proved[0], differed + proved[1]
                unreturned += self.prove_returns(feed, calls.filter(feed=feed))
        for call_id, names in list(changed.items())[:SHOWN]:
            self.stdout.write(f"{call_id}: {', '.join(names)} corrected")
        if len(changed) > SHOWN:
            self.stdout.write(f"… and {len(changed) - SHOWN:,} more")
        corrected = [f"{len(changed):,} calls"] if changed else []
        corrected += [f"{differed:,} rows of roll-ups"] if differed else []
        corrected += [f"{unreturned:,} calls' being returned or not"] if unreturned else []
        found = f"{' and '.join(corrected)} corrected." if corrected else "Nothing changed."
        self.stdout.write(f"{looked_at:,} calls folded again, roll-ups of {days:,} days compared with them. {found}")

    def prove_returns(self, feed: Feed, calls: Any) -> int:
        """Compare which calls wait to be called back with all calls, and correct it: how many were wrong."""
        store, corrected = CallStore(feed.pk), 0
        pks = list(wrong(calls).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(pks), CALLS_A_CHUNK):
            with store.transaction():
                corrected += set_right(Call.objects.filter(pk__in=pks[start : start + CALLS_A_CHUNK]))
        return corrected

    def rebuild(self, feed: Feed, calls: Any, changed: dict[str, list[str]], bar: "Progress") -> int:
        store = CallStore(feed.pk)
        task = bar.add_task(feed.name, total=calls.count())
        last, looked_at = 0, 0
        while pks := list(calls.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CALLS_A_CHUNK]):
            changed.update(store.refold(pks))
            last, looked_at = pks[-1], looked_at + len(pks)
            bar.advance(task, len(pks))
        return looked_at
