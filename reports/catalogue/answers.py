"""Answer performance: how long callers waited until a person answered, in bands."""

from itertools import accumulate

from django.db.models import Count, Q

from calls.counting import LONGEST_WAIT_SECONDS, service_level, service_measures, waited
from reports.engine import Answer, Column, Kind, Question, Report, Values

ENDS = (5, 10, 15, 20, 30, 45, 60, 120, 300, LONGEST_WAIT_SECONDS)
BANDS = tuple(zip((0, *ENDS), ENDS, strict=False))


def run(question: Question) -> Answer:
    """A row a band, from and up to but without; the share of the level is of all answered within the band's end."""
    asked = {f"band_{since}": Count("pk", filter=waited(since, until)) for since, until in BANDS}
    found = question.calls().filter(direction="in").aggregate(
        offered=Count("pk", filter=~Q(outcome="unknown")), **asked, **service_measures(question.now)
    )  # fmt: skip
    counts = [found[f"band_{since}"] for since, _ in BANDS]
    timed = sum(counts)
    rows: list[Values] = [
        {
            "band": f"{since} s or more" if until == LONGEST_WAIT_SECONDS else f"{since} to {until} s",
            "answered": count,
            "share": count / timed if timed else None,
            "within": so_far / timed if timed else None,
        }
        for (since, until), count, so_far in zip(BANDS, counts, accumulate(counts), strict=True)
    ]
    keys: list[dict[str, str] | None] = [
        {"wait": f"{since}-" if until == LONGEST_WAIT_SECONDS else f"{since}-{until}"} for since, until in BANDS
    ]
    level = service_level(found)
    words = "–" if level is None else f"{level:.0%}"
    return Answer(
        rows,
        keys,
        {"band": "Total", "answered": timed, "share": 1 if timed else None, "within": None},
        found["offered"],
        f"Service level {words}: answered within the feed's target, of those answered or abandoned but for short ones.",
    )


REPORT = Report(
    slug="answer-performance",
    title="Answer performance",
    group="Are we answering?",
    purpose="How long callers waited for an answer, and the service level.",
    columns=(
        Column("band", "Answered after", Kind.TEXT, help="From, and up to but without"),
        Column(
            "answered",
            "Answered",
            help="Incoming calls that a person answered",
            opens={"direction": "in", "wait": "0-"},
            bar=True,
        ),
        Column("share", "Share", Kind.SHARE, sums_up=""),
        Column("within", "Within", Kind.SHARE, help="Answered by the band's end, of all answered"),
    ),
    run=run,
    icon="timer",
)
