"""The catalogue: one small module a report, or one for several of a kind. Ordered as the page shows them."""

from reports.catalogue import (
    answers,
    by_extension,
    calls,
    costs,
    groupings,
    overview,
    quality,
    queues,
    traffic,
    unreturned,
    unused,
)
from reports.engine import Report

REPORTS: dict[str, Report] = {
    report.slug: report
    for report in (
        overview.REPORT,
        *groupings.WHO,
        by_extension.REPORT,
        *groupings.ANSWERING,
        unreturned.REPORT,
        answers.REPORT,
        queues.REPORT,
        *calls.REPORTS,
        *costs.REPORTS,
        *groupings.LINES,
        traffic.REPORT,
        unused.REPORT,
        quality.REPORT,
    )
}
