"""What every management command shares: one clear line for an error, exit 1 when it failed, 2 for wrong usage."""

import io
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from calls.harmless import visible_lines

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress


class Error(CommandError):
    """The command could not do what it was asked; its message is the one line the user sees."""


def instant(text: str) -> datetime:
    """An ISO 8601 date or date and time; in the site's time zone unless it names its own."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a date such as 2026-11-24 or 2026-11-24T09:00") from None
    return value if value.tzinfo else timezone.make_aware(value)


def host_and_port(text: str) -> tuple[str, int]:
    """``127.0.0.1:2007``, ``[::1]:2007`` or ``pbx.example:2007``."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ArgumentTypeError(f"“{text}” is not an address such as 127.0.0.1:2007")
    return host, int(port)


def progress() -> "Progress":
    """A progress bar on standard error, for people only: nothing is drawn into a file or a pipe."""
    from rich.console import Console  # noqa: PLC0415 - most commands draw nothing, and rich takes long to import
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


class VisibleOutput(OutputWrapper):
    """Output in which a peer's control characters are written out, so that they cannot drive a terminal."""

    def write(  # type: ignore[override]
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        super().write(visible_lines(msg), style_func, ending)


class Command(BaseCommand):
    """Subclasses set `help` and `example`, and do their work in `run`."""

    example = ""
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own spelling

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", f"Example:\n  {self.example}" if self.example else None)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if not parser.called_from_command_line:
            return parser
        parser.error = self.refuse_usage  # type: ignore[method-assign]
        return parser

    def refuse_usage(self, message: str) -> NoReturn:
        sys.stderr.write(f"{message[:1].upper()}{message[1:]}. See --help.\n")
        raise SystemExit(2)

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout, self.stderr = _visible(self.stdout), _visible(self.stderr)
        try:
            self.run(**options)
        except (DatabaseError, InterfaceError) as error:
            raise Error(f"The database does not answer as it should: {_one_line(error)}") from error
        except BrokenPipeError:
            sys.stderr.close()
            raise SystemExit(1) from None
        except OSError as error:
            raise Error(_one_line(error)) from error

    def print_rich(self, renderable: "RenderableType", width: int) -> None:
        """Print a table of rich's to standard output; its texts are no markup."""
        from rich.console import Console  # noqa: PLC0415 - see progress

        buffer = io.StringIO()
        Console(file=buffer, highlight=False, markup=False, emoji=False, width=width).print(renderable)
        self.stdout.write(buffer.getvalue(), ending="")

    def run(self, **options: Any) -> None:
        raise NotImplementedError


def _visible(output: OutputWrapper) -> VisibleOutput:
    made = VisibleOutput(cast(TextIO, output._out), ending=output.ending)
    made.style_func = output.style_func
    return made


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


__all__ = ["ArgumentParser", "Command", "Error", "host_and_port", "instant", "progress"]
