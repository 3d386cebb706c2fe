"""Overview: the period's figures beside those of the period before."""

from reports.engine import Answer, Column, Kind, Question, Report, Values
from reports.gathering import totals
from reports.grouped import figures
from reports.measures import (
    ABANDONED,
    ANSWER_TIME,
    ANSWERED,
    AVERAGE_TALK,
    LEVEL,
    MADE,
    NO_ANSWER,
    OFFERED,
    TALK,
    UNRETURNED,
)

MEASURES = (OFFERED, ANSWERED, ABANDONED, UNRETURNED, LEVEL, ANSWER_TIME, MADE, NO_ANSWER, TALK, AVERAGE_TALK)
NEEDS = tuple(dict.fromkeys(["calls", *(need for measure in MEASURES for need in measure.needs)]))


def run(question: Question) -> Answer:
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    calls: int | None = None
    for asked, words in ((question, "This period"), (question.before(), "The period before")):
        found = totals(asked, NEEDS)
        calls = found["calls"] if calls is None else calls
        rows.append({"period": words, "dates": asked.period.dates, **figures(MEASURES, found)})
        keys.append(asked.period.query())
    now, before = ({name: row[name] for name in row if name not in {"period", "dates"}} for row in rows)
    return Answer(rows, keys, now, calls or 0, before=before)


REPORT = Report(
    slug="overview",
    title="Overview",
    group="Are we answering?",
    purpose="How many called, were answered, gave up, and how long it took; beside the period before.",
    columns=(
        Column("period", "Period", Kind.TEXT),
        Column("dates", "Dates", Kind.TEXT),
        *(measure.column for measure in MEASURES),
    ),
    run=run,
    icon="layout-dashboard",
    compares=True,
    has_total=False,
)
