"""The catalogue: one small module a report."""

from reports.catalogue import by_extension
from reports.engine import Report

REPORTS: dict[str, Report] = {report.slug: report for report in (by_extension.REPORT,)}
