"""One readable line a log record, whether it comes from structlog or from the standard library.

Values are written as Python writes them, so no peer's text can end a line or drive a terminal; a traceback's lines
are marked, so none of them can pass for a record.
"""

import logging
from functools import cached_property

from calls.harmless import visible_lines

MARK = "\n  | "


class LineFormatter(logging.Formatter):
    """structlog's formatter, made for the first record: importing it takes a fifth of a short command's time."""

    @cached_property
    def _written_by(self) -> logging.Formatter:
        import structlog  # noqa: PLC0415 - see above

        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(self._written_by.format(record)).replace("\n", MARK)


def import_for_records() -> None:
    """What the first record would import: half a second, for a process that must not stop for it later."""
    import structlog  # noqa: F401, PLC0415 - see LineFormatter
