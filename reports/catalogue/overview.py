"""Overview: the period's figures beside those of the period before."""

from reports.engine import Answer, Column, Kind, Question, Report, Values
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
    added,
    sums,
)

MEASURES = (OFFERED, ANSWERED, ABANDONED, UNRETURNED, LEVEL, ANSWER_TIME, MADE, NO_ANSWER, TALK, AVERAGE_TALK)
NEEDS = tuple(dict.fromkeys(["calls", *(need for measure in MEASURES for need in measure.needs)]))


def totals(question: Question) -> Values:
    """The sums of all calls asked for."""
    known = sums(question.now)
    return added([question.calls().aggregate(**{name: known[name] for name in NEEDS})], NEEDS)


def run(question: Question) -> Answer:
    rows: list[Values] = []
    keys: list[dict[str, str] | None] = []
    calls = 0
    for asked, words in ((question, "This period"), (question.before(), "The period before")):
        found = totals(asked)
        calls = calls or found["calls"]
        rows.append({"period": words, "dates": asked.period.dates, **figures(MEASURES, found)})
        keys.append(asked.period.query())
    total = {name: value for name, value in rows[0].items() if name not in {"period", "dates"}}
    return Answer(rows, keys, total, calls)


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
