"""What a page or report says of the outages that its period touches: one rule and one wording for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from calls.directory.health import health_of_feeds
from calls.directory.models import Outage
from calls.directory.outages import BACKLOG
from calls.export import utc_text

MOST_SHOWN_ONE_BY_ONE = 2
MOST_READ = 1_000
KIND_WORDS = {"disconnected": "No connection", "silent": "Silent", "worker_down": "No worker", "backlog": "Backlog"}
WAS = {
    "disconnected": ("was not connected", "has not been connected"),
    "silent": ("was silent", "has been silent"),
    "worker_down": ("had no worker", "has had no worker"),
    "backlog": ("was behind", "has been behind"),
}


@dataclass(frozen=True, slots=True)
class OutageNote:
    """One outage of a feed; `pk` is None while no worker has written it, `ended_at` while it is on."""

    pk: int | None
    feed_id: int
    feed: str
    kind: str
    began_at: datetime
    ended_at: datetime | None

    @property
    def url(self) -> str:
        query, anchor = (f"?outage={self.pk}", f"outage-{self.pk}") if self.pk else ("", "outages")
        return f"{reverse('feeds:detail', args=[self.feed_id])}{query}#{anchor}"

    @property
    def word(self) -> str:
        return KIND_WORDS[self.kind]

    def lasted(self, now: datetime) -> timedelta:
        return (self.ended_at or max(now, self.began_at)) - self.began_at

    def as_json(self) -> dict[str, Any]:
        return {
            "feed": self.feed,
            "kind": self.kind,
            "began_at": utc_text(self.began_at),
            "ended_at": utc_text(self.ended_at),
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner: what happened, what it means for the figures, and where more of it is."""

    what: str
    so_what: str
    url: str
    link: str

    def __str__(self) -> str:
        return f"{self.what} {self.so_what}"


def outages_between(
    since: datetime | None, until: datetime | None, now: datetime, feed: int | None = None
) -> list[OutageNote]:
    """The outages that touch a period (None: without an end), the oldest first, at most 1,000.

    Those that are on are in it, also where no worker has written them. A backlog that is over made nothing incomplete.
    """
    rows = Outage.objects.filter(ended_at__isnull=False).exclude(kind=BACKLOG)
    if feed is not None:
        rows = rows.filter(feed=feed)
    if since is not None:
        rows = rows.filter(Q(ended_at__gt=since))
    if until is not None:
        rows = rows.filter(began_at__lt=until)
    notes = [
        OutageNote(row.pk, row.feed_id, row.feed.name, row.kind, row.began_at, row.ended_at)
        for row in rows.select_related("feed").order_by("-began_at", "-pk")[:MOST_READ]
    ]
    if since is None or since <= now:
        notes += [note for note in outages_on_now(now, feed) if until is None or note.began_at < until]
    return sorted(notes, key=lambda note: (note.began_at, note.feed_id, note.kind))


def outages_on_now(now: datetime, feed: int | None = None) -> list[OutageNote]:
    """Every outage that is on."""
    return [
        OutageNote(health.written.get(kind), found.pk, found.name, kind, began_at, None)
        for found, health in health_of_feeds(now, feed)
        for kind, began_at in health.outages.items()
    ]


def warnings(
    notes: list[OutageNote], now: datetime, since: datetime | None = None, until: datetime | None = None
) -> list[Notice]:
    """Banners for a page of a period: one an outage, or one for all of them where they are many."""
    if len(notes) <= MOST_SHOWN_ONE_BY_ONE:
        return [_one(note, now, since, until) for note in notes]
    feeds = {note.feed_id: note.feed for note in notes}
    of = f" of feed “{notes[0].feed}”" if len(feeds) == 1 else f" of {len(feeds)} feeds"
    on = sum(note.ended_at is None for note in notes)
    still = "" if not on else " One of them is still on." if on == 1 else f" {on} of them are still on."
    url = f"{reverse('feeds:detail', args=[notes[0].feed_id])}#outages" if len(feeds) == 1 else reverse("feeds:index")
    many = f"{len(notes)}{' or more' if len(notes) >= MOST_READ else ''}"
    lasted = length(_together(notes, now, since, until))
    return [
        Notice(
            f"{many} outages{of} touch this period, {lasted} in all.{still}",
            "Calls in those times may be missing.",
            url,
            "See the outages",
        )
    ]


def _one(note: OutageNote, now: datetime, since: datetime | None, until: datetime | None) -> Notice:
    was, has_been = WAS[note.kind]
    if note.ended_at is None:
        what = f"Feed “{note.feed}” {has_been} since {_moment(note.began_at, now)}."
        so_what = f"Calls since then may be {'late' if note.kind == BACKLOG else 'missing'}."
    else:
        what = f"Feed “{note.feed}” {was} on {span(note.began_at, note.ended_at, now)}."
        so_what = f"Calls in those {length(_together([note], now, since, until), long=True)} may be missing."
    return Notice(what, so_what, note.url, "See the outage")


def _together(notes: Iterable[OutageNote], now: datetime, since: datetime | None, until: datetime | None) -> timedelta:
    """How long within the period, those of one feed that overlap counted once."""
    total = timedelta()
    ends: dict[int, datetime] = {}
    for note in sorted(notes, key=lambda note: note.began_at):
        began = max(filter(None, [note.began_at, since, ends.get(note.feed_id)]))
        ended = min(filter(None, [note.ended_at or now, until]))
        if ended > began:
            total += ended - began
            ends[note.feed_id] = ended
    return total


def length(lasted: timedelta, *, long: bool = False) -> str:
    """A length of time in its two largest units: 40 s, 13 min, 1 h 12 min, 2 d 4 h; `long` spells small ones out."""
    seconds = int(lasted.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 100:
        return f"{seconds} {'seconds' if long else 's'}"
    if minutes < 100:
        return f"{minutes} {'minutes' if long else 'min'}"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def span(began_at: datetime, ended_at: datetime, now: datetime) -> str:
    """Tue 24 Nov, 12:31 to 12:44; seconds where minutes would be equal."""
    zone = ZoneInfo(settings.TIME_ZONE)
    began, ended = began_at.astimezone(zone), ended_at.astimezone(zone)
    form = "%H:%M:%S" if f"{began:%d %H:%M}" == f"{ended:%d %H:%M}" else "%H:%M"
    if began.date() == ended.date():
        return f"{_day(began, now)}, {began.strftime(form)} to {ended.strftime(form)}"
    return f"{_day(began, now)}, {began:%H:%M} to {_day(ended, now)}, {ended:%H:%M}"


def _moment(instant: datetime, now: datetime) -> str:
    zone = ZoneInfo(settings.TIME_ZONE)
    local = instant.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{_day(local, now)}, {local:%H:%M}"


def _day(local: datetime, now: datetime) -> str:
    year = f" {local.year}" if local.year != now.astimezone(local.tzinfo).year else ""
    return f"{local:%a} {local.day} {local:%b}{year}"
