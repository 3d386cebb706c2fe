"""A batch of records as the loader takes them: parsed, or refused with a reason."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from calls.records import line_hash
from ingest.framing import Fault
from ingest.segments import Damaged, Origin, Received
from ingest.smdr import MalformedLine, ParsedLine, parse
from ingest.strangers import recognise

logger = logging.getLogger(__name__)

Parsed = tuple[Received, ParsedLine, int]

MOST_OCCURRENCES = 10_000  # of one line on one connection: a call is folded from all its events, each time one comes


def told_of_fault(record: Received) -> tuple[str, str]:
    """Reason and detail of a line without an end: a stranger's if its bytes tell one, as a prompt has no line end."""
    stranger = recognise(record.line)
    if stranger:
        return stranger
    fault = Fault(record.fault)
    return fault.name.lower(), fault.sentence


@dataclass(slots=True)
class Batch:
    """Consecutive records, and what they are with a `padding`: lines that are events, and lines for quarantine.

    An event's line comes with its `line_hash`: a batch is often read while the database is at work, and has the time.
    """

    records: list[Received | Damaged]
    padding: str
    parsed: list[Parsed] = field(default_factory=list)
    refused: list[tuple[Received | Damaged, str, str]] = field(default_factory=list)  # with reason and detail

    @classmethod
    def of(cls, records: Sequence[Received | Damaged], padding: str, refusal: str = "") -> Self:
        """With a `refusal`, that is why each is refused."""
        batch = cls([], padding)
        batch.extend(records, refusal)
        return batch

    def extend(self, records: Sequence[Received | Damaged], refusal: str = "") -> None:
        self.records += records
        for record in records:
            try:
                self._take(record, refusal)
            except MemoryError:
                raise
            except Exception as error:  # a defect of ours, which must not hold up the others
                logger.error("a line could not be read", exc_info=error)
                self.refused.append((record, "not_stored", f"{type(error).__name__}: {error}"))

    def _take(self, record: Received | Damaged, refusal: str) -> None:
        if isinstance(record, Damaged):
            reason, detail = "damaged_record", record.reason
        elif refusal:
            reason, detail = "not_stored", refusal
        elif record.fault:
            reason, detail = told_of_fault(record)
        elif record.n > MOST_OCCURRENCES:
            reason, detail = (
                "repeated",
                f"This connection sent it {record.n:,} times; the first {MOST_OCCURRENCES:,} count.",
            )
        else:
            try:
                self.parsed.append((record, parse(record.line, self.padding), line_hash(record.line)))
                return
            except MalformedLine as error:
                reason, detail = error.reason, error.detail
        self.refused.append((record, reason, detail))

    @property
    def next_sequence(self) -> int:
        return self.records[-1].sequence + 1

    def received_us(self, origin: Origin | None = None) -> list[int]:
        """When each line was received, or each of one origin: epoch microseconds."""
        return [
            record.received_us
            for record in self.records
            if isinstance(record, Received) and (origin is None or record.origin == origin)
        ]
