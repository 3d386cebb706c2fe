"""What the pages of feeds show: a feed's head, its timeline, its outages, its quarantined lines."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q

from calls.access import Scope
from calls.directory.models import Feed, FeedHour, Outage
from calls.directory.outages import BACKLOG, DISCONNECTED, SILENT, WORKER_DOWN
from calls.outage_notes import OutageNote, length, span
from ingest.again import NEVER_TRIED
from ingest.models import QuarantinedLine
from ingest.status import FeedStatus
from ingest.timeline import DAYS, Span, Timeline, sparkline, timeline

LINES_A_PAGE = 50
OUTAGES_A_PAGE = 20
SHOWN_BYTES = 400
HIDDEN = "not for this account"
REASON_WORDS = {
    "overlong": "Too long: no line end within the longest line allowed",
    "unterminated": "The connection ended in the middle of this line",
    "damaged_record": "A record of the journal was damaged",
    "not_stored": "The database refused it",
    "repeated": "The same line again and again on one connection",
}
MEANING = {
    DISCONNECTED: "No connection was open; lines sent meanwhile are gone.",
    SILENT: "Connected, but no line for longer than is usual at this hour.",
    WORKER_DOWN: "No worker listened; lines sent meanwhile are gone.",
    BACKLOG: "Lines were kept, but came late onto the board. None is missing.",
}
GLYPHS = {DISCONNECTED: "lost", SILENT: "silent", WORKER_DOWN: "lost", BACKLOG: "silent"}


@dataclass(frozen=True, slots=True)
class FeedHead:
    """One feed as a page shows it."""

    status: FeedStatus
    timeline: Timeline
    spark: tuple[str, str, str] | None
    sentence: str


def feed_heads(statuses: list[FeedStatus], now: datetime) -> list[FeedHead]:
    """Every one of these feeds, in two queries."""
    zone = ZoneInfo(settings.TIME_ZONE)
    since = now - timedelta(days=DAYS + 1)
    feeds = [status.feed.pk for status in statuses]
    lines: dict[int, list[tuple[datetime, int]]] = {}
    for feed, hour, count in FeedHour.objects.filter(feed__in=feeds, hour__gte=since).values_list(
        "feed", "hour", "lines"
    ):
        lines.setdefault(feed, []).append((hour, count))
    spans: dict[int, list[Span]] = {}
    touching = Outage.objects.filter(Q(ended_at=None) | Q(ended_at__gte=since), feed__in=feeds)
    for row in touching.order_by("began_at"):
        note = OutageNote(row.pk, row.feed_id, "", row.kind, row.began_at, row.ended_at)
        spans.setdefault(row.feed_id, []).append(_span(note, now))
    heads = []
    for status in statuses:
        unwritten = [
            _span(OutageNote(None, status.feed.pk, "", outage.kind, outage.began_at, None), now)
            for outage in status.outages
            if outage.kind not in status.health.written
        ]
        drawn = timeline(
            lines.get(status.feed.pk, []), spans.get(status.feed.pk, []) + unwritten, now.astimezone(zone).date(), zone
        )
        heads.append(FeedHead(status, drawn, sparkline(status.health.recent_lines), _sentence(status, now)))
    return heads


def _span(note: OutageNote, now: datetime) -> Span:
    ended_at = note.ended_at or max(now, note.began_at)
    still = "" if note.ended_at else ", still on"
    title = f"{note.word}: {span(note.began_at, ended_at, now)}, {length(note.lasted(now))}{still}"
    return Span(note.began_at, ended_at, note.kind, title, note.pk)


def _sentence(status: FeedStatus, now: datetime) -> str:
    """What is wrong, in one sentence, or when a silence would be."""
    health = status.health
    if not health.expected:
        return "Nothing sends to this feed. Its lines come from files."
    outage = status.outage
    if outage is not None:
        lasts = length(now - outage.began_at)
        return {
            WORKER_DOWN: f"No worker for {lasts}. Start one: manage.py ingest.",
            DISCONNECTED: f"No connection for {lasts}. Calls shown may have ended.",
            SILENT: f"Silent for {lasts}, which is unusual at this hour.",
            BACKLOG: f"The oldest line has waited for {length(now - outage.began_at)}.",
        }[outage.kind]
    if not health.working:
        return "No worker is at it. Start one: manage.py ingest."
    if not health.connected:
        return "Waiting for a connection."
    if health.silent_at is not None and health.last_line_at is not None:
        usual = length(health.silent_at - health.last_line_at)
        return f"A silence of up to {usual} is usual at this hour."
    return "Connected. Waiting for the first line."


@dataclass(frozen=True, slots=True)
class OutageRow:
    note: OutageNote
    glyph: str
    meaning: str
    lasted: str
    is_chosen: bool


def outage_rows(status: FeedStatus, now: datetime, page: str, chosen: str) -> tuple[list[OutageRow], Page[Outage]]:
    """A page of the feed's outages, the latest first; on the first one also those that no worker has written yet.

    `chosen` is a row's key: its page is shown.
    """
    rows = Outage.objects.filter(feed=status.feed)
    number: str | int = page
    wanted = rows.filter(pk=int(chosen)).first() if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else None
    if wanted is not None and not page:
        later = Q(began_at__gt=wanted.began_at) | Q(began_at=wanted.began_at, pk__gt=wanted.pk)
        number = rows.filter(later).count() // OUTAGES_A_PAGE + 1
    shown = Paginator(rows, OUTAGES_A_PAGE).get_page(number)
    notes = [OutageNote(row.pk, row.feed_id, "", row.kind, row.began_at, row.ended_at) for row in shown]
    if shown.number == 1:
        notes[:0] = [
            OutageNote(None, status.feed.pk, "", outage.kind, outage.began_at, None)
            for outage in status.outages
            if outage.kind not in status.health.written
        ]
    return [
        OutageRow(
            note,
            GLYPHS[note.kind],
            MEANING[note.kind],
            length(note.lasted(now)),
            wanted is not None and note.pk == wanted.pk,
        )
        for note in notes
    ], shown


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    words: str
    count: int
    may_try: bool


def reasons(feed: Feed) -> list[Reason]:
    """Why lines of the feed are in quarantine, and how many for each reason."""
    counted = QuarantinedLine.objects.filter(feed=feed).order_by().values_list("reason").annotate(Count("pk"))
    return [Reason(name, reason_words(name), count, name not in NEVER_TRIED) for name, count in sorted(counted)]


def reason_words(name: str) -> str:
    return REASON_WORDS.get(name) or name.replace("_", " ").capitalize()


def quarantine_row(line: QuarantinedLine, scope: Scope) -> dict[str, Any]:
    """One quarantined line; its bytes hold outside numbers, and are for those who see every call in full."""
    raw = bytes(line.line)
    return {
        "pk": line.pk,
        "received_at": line.received_at,
        "reason": line.reason,
        "words": REASON_WORDS.get(line.reason) or line.detail or reason_words(line.reason),
        "raw": visible(raw[:SHOWN_BYTES]) if scope.sees_raw_lines else [(HIDDEN, True)],
        "cut": scope.sees_raw_lines and len(raw) > SHOWN_BYTES,
        "length": len(raw),
        "may_try": line.reason not in NEVER_TRIED,
    }


def visible(raw: bytes) -> list[tuple[str, bool]]:
    """Bytes as text in pieces: (text, whether it stands for bytes that cannot be seen, such as ␀ or ‹FF›)."""
    pieces: list[tuple[str, bool]] = []
    for byte in raw:
        if byte < 0x20:
            text, odd = chr(0x2400 + byte), True
        elif byte < 0x7F:
            text, odd = chr(byte), False
        else:
            text, odd = f"‹{byte:02X}›", True
        if pieces and pieces[-1][1] == odd:
            pieces[-1] = (pieces[-1][0] + text, odd)
        else:
            pieces.append((text, odd))
    return pieces
