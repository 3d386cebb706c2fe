"""Reports that group calls by one thing: by whom, to where, when."""

from django.db.models import Q

from reports.dimensions import ACCOUNT, DEPARTMENT, DID, HOUR_OF_DAY, NUMBER, TRUNK, WEEKDAY, WHEN
from reports.engine import Column, Kind
from reports.grouped import grouped_report
from reports.measures import (
    ABANDONED,
    ANSWER_TIME,
    ANSWERED,
    ANSWERED_SHARE,
    AVERAGE_TALK,
    CALLS,
    HOLD,
    IN,
    LEVEL,
    LOST,
    MADE,
    NO_ANSWER,
    OFFERED,
    OUT,
    TALK,
    UNRETURNED,
    Measure,
)

BOTH_WAYS = (OFFERED, ANSWERED, ABANDONED, LEVEL, MADE, NO_ANSWER, TALK, AVERAGE_TALK)
WHO_CALLED, ANSWER, ENOUGH = "Who called?", "Are we answering?", "Enough lines?"
LAST = Measure(Column("last", "Last call", Kind.MOMENT), ("last",))

WHO = (
    grouped_report(
        "frequent-callers", "Most frequent callers", WHO_CALLED,
        "Numbers that call in most, and whether they were answered.",
        NUMBER, (OFFERED, ANSWERED, ABANDONED, UNRETURNED, TALK, LAST), only=Q(direction="in"), opens=IN,
        sort="-offered", icon="phone-incoming",
    ),
    grouped_report(
        "most-dialled", "Most dialled", WHO_CALLED, "Numbers that are called most, and for how long.",
        NUMBER, (MADE, NO_ANSWER, TALK, AVERAGE_TALK, LAST), only=Q(direction="out"), opens=OUT, sort="-made",
        icon="phone-outgoing", has_course=False,
    ),
    grouped_report(
        "by-account-code", "Calls by account code", WHO_CALLED,
        "Calls and talk of each account code, for charging them on.",
        ACCOUNT, (CALLS, OFFERED, MADE, TALK, HOLD), sort="-calls", icon="hash", has_course=False,
    ),
    grouped_report(
        "by-did", "Calls by DID", WHO_CALLED, "What each of our numbers was called, and how well it was answered.",
        DID, (OFFERED, ANSWERED, ABANDONED, UNRETURNED, LEVEL, ANSWER_TIME, TALK), only=Q(direction="in"), opens=IN,
        sort="-offered", icon="phone",
    ),
)  # fmt: skip
ANSWERING = (
    grouped_report(
        "by-department", "Calls by department", ANSWER, "What each department was offered, answered and made.",
        DEPARTMENT, BOTH_WAYS, sort="-offered", icon="users",
        note="A call counts for the department of whoever handled it, else of the first device.",
    ),
    grouped_report(
        "volume", "Volume over time", ANSWER, "Calls by hour, day or month.",
        WHEN, BOTH_WAYS, order="starts", icon="chart-column",
    ),
    grouped_report(
        "by-hour", "Calls by hour of day", ANSWER, "When in the day calls come and are made.",
        HOUR_OF_DAY, BOTH_WAYS, order="hour", icon="clock",
    ),
    grouped_report(
        "by-weekday", "Calls by weekday", ANSWER, "On which days calls come and are made; hours by weekday above.",
        WEEKDAY, BOTH_WAYS, order="place", icon="calendar",
    ),
)  # fmt: skip
LINES = (
    grouped_report(
        "by-trunk", "Calls by trunk", ENOUGH, "What each trunk carried.",
        TRUNK, (CALLS, OFFERED, ANSWERED_SHARE, MADE, LOST, TALK), sort="-calls", icon="cable",
    ),
)  # fmt: skip
