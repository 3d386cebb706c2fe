"""One readable line a log record, whether it comes from structlog or from the standard library.

Values are written as Python writes them, so no peer's text can end a line or drive a terminal; a traceback's lines
are marked, so none of them can pass for a record.
"""

import logging

import structlog
from structlog.typing import Processor

from calls.harmless import visible_lines

MARK = "\n  | "

_SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record)).replace("\n", MARK)


def line_formatter() -> LineFormatter:
    return LineFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )
