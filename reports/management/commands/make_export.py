"""Make one of the files that wait under “Your exports”, or delete those that were kept their day."""

from typing import Any

from reports.exporting import forget_old, make
from reports.models import Export
from smdr_site.commands import ArgumentParser, Error
from smdr_site.commands import Command as TollbookCommand


class Command(TollbookCommand):
    help = "Make a file that somebody asked for. Web processes start this; without a number, old files are deleted."
    example = "manage.py make_export 17"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pk", type=int, nargs="?", help="which; without, files older than a day are deleted")

    def run(self, **options: Any) -> None:
        forget_old()
        if options["pk"] is None:
            return
        export = Export.objects.filter(pk=options["pk"]).first()
        if export is None:
            raise Error(f"There is no export {options['pk']}.")
        make(export)
