"""Give past calls the prices that hold for them now."""

from argparse import ArgumentParser
from typing import Any

from calls.models import Call, Recost
from calls.recosting import NotPricedError, PricesChangedError, apply, begin, figure, words, work
from smdr_site.commands import Command as TollbookCommand
from smdr_site.commands import Error, instant, progress

STATE = Recost.State


class Command(TollbookCommand):
    help = "Price the calls of a range again: says what would change, then changes it and keeps the old figures."
    example = "manage.py recost --since 2026-11-01 --until 2026-12-01 --dry-run"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=instant, help="calls that started then or later (ISO 8601)")
        parser.add_argument("--until", type=instant, help="calls that started before then (ISO 8601)")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument("--go-on", type=int, metavar="JOB", help="work on a job that a page or this command began")

    def run(self, **options: Any) -> None:
        since, until = options["since"], options["until"]
        if options["go_on"]:
            self.work_on(Recost.objects.filter(pk=options["go_on"]).first())
            return
        if since is None or until is None:
            self.refuse_usage("recost needs --since and --until, the range of calls to price again")
        if until <= since:
            self.refuse_usage("the range ends before it begins")
        begun = Recost.objects.filter(since=since, until=until, state=STATE.APPLYING).first()
        if begun is not None and not options["dry_run"]:
            self.stdout.write(f"Going on with job {begun.pk}, which was applied in part.")
            self.work_on(begun)
            return
        try:
            recost = begin(since, until)
        except NotPricedError as error:
            raise Error(str(error)) from None
        self.work_on(recost)
        if options["dry_run"] or not recost.would_change:
            recost.delete()
        elif recost.state == STATE.READY:
            try:
                apply(recost)
            except PricesChangedError as error:
                raise Error(f"{error} Run it again.") from None
            self.work_on(recost)

    def work_on(self, recost: Recost | None) -> None:
        if recost is None:
            raise Error("There is no such job.")
        with progress() as bar:
            task = bar.add_task(recost.get_state_display(), total=recost.total)
            work(recost, lambda job: bar.update(task, completed=job.looked_at))
        if recost.state == STATE.STOPPED:
            raise Error(
                f"Prices were edited while they were applied. {words(recost.changed, recost.differ)} have new prices; "
                "run it again for the rest."
            )
        if recost.state == STATE.DONE:
            self.stdout.write(f"Applied new prices to {words(recost.changed, recost.differ)}.")
            return
        self.stdout.write(f"{recost.looked_at:,} calls looked at.")
        if not recost.would_change:
            self.stdout.write("Nothing changes.")
            return
        ids = dict(Call.objects.filter(pk__in=[one["call"] for one in recost.largest]).values_list("pk", "call_id"))
        for one in recost.largest:
            self.stdout.write(f"  {ids.get(one['call'], one['call'])}: {_figure(one, 'old')} → {_figure(one, 'new')}")
        self.stdout.write(f"New prices for {words(recost.would_change, recost.would_differ)}.")


def _figure(change: dict[str, Any], which: str) -> str:
    return figure(change[which], change[f"{which}_currency"], change[f"{which}_status"])
