"""Pages of a list in the order of time or of an amount, the newest or greatest first, by key instead of by offset.

A page begins after (or before) a row it knows, so calls that arrive meanwhile move nothing, and the last page of ten
million calls costs what the first one does. The order ends in the primary key: rows of one second keep their places.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
COUNT_CAP = 10_000


class BadCursorError(ValueError):
    """Text that names no place in a list."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of one row: its time or amount, and its primary key."""

    at: datetime | int
    pk: int

    def __str__(self) -> str:
        return f"{self.at if isinstance(self.at, int) else (self.at - EPOCH) // MICROSECOND}-{self.pk}"

    @classmethod
    def parse(cls, text: str, *, is_time: bool = True) -> "Cursor":
        at, _dash, pk = text.partition("-")
        try:
            if not (text.isascii() and at.isdigit() and pk.isdigit() and int(pk) < 2**63):
                raise BadCursorError(text)
            if int(at) >= 2**63:
                raise BadCursorError(text)
            return cls(EPOCH + int(at) * MICROSECOND if is_time else int(at), int(pk))
        except (OverflowError, ValueError):
            raise BadCursorError(text) from None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows newest first; `newer` and `older` are cursors for the pages beside it, None at an end."""

    rows: list[Any]
    newer: Cursor | None
    older: Cursor | None


class Keyset:
    """Pages of `rows` by (`field`, primary key), newest first. The field is a time or an integer, and never null."""

    def __init__(self, rows: QuerySet[Any], field: str = "started_at", size: int = 50) -> None:
        self.rows = rows
        self.field = field
        self.size = size
        self.is_time = isinstance(rows.model._meta.get_field(field), DateTimeField)

    def newest(self) -> Page:
        return self._page(self._found(None, newer=False))

    def older_than(self, cursor: Cursor) -> Page:
        page = self._page(self._found(cursor, newer=False))
        newer = self._cursor(page.rows[0]) if page.rows else cursor
        return Page(page.rows, newer, page.older)

    def newer_than(self, cursor: Cursor) -> Page:
        """The rows just before `cursor`; the newest page, and a full one, where fewer than a page are left."""
        found = self._found(cursor, newer=True)
        if len(found) <= self.size:
            return self.newest()
        rows = found[: self.size][::-1]
        return Page(rows, self._cursor(rows[0]), self._cursor(rows[-1]))

    def page(self, newer_than: str = "", older_than: str = "") -> Page:
        """The page that an address asks for. Raises BadCursorError."""
        if newer_than:
            return self.newer_than(Cursor.parse(newer_than, is_time=self.is_time))
        if older_than:
            return self.older_than(Cursor.parse(older_than, is_time=self.is_time))
        return self.newest()

    def _found(self, beyond: Cursor | None, *, newer: bool) -> list[Any]:
        """A page's rows and one more: those newer than `beyond`, the oldest of them first, or those older."""
        return list(_beyond(self.rows, self.field, "pk", beyond, newer=newer)[: self.size + 1])

    def _page(self, rows: list[Any]) -> Page:
        older = self._cursor(rows[self.size - 1]) if len(rows) > self.size else None
        return Page(rows[: self.size], None, older)

    def _cursor(self, row: Any) -> Cursor:
        return Cursor(getattr(row, self.field), row.pk)


class LegKeyset(Keyset):
    """Pages of the calls that have one of `legs`, and are among `among`; `rows` says the same in one query.

    A device may have had a hundred thousand calls: all of them would be looked up and put in order for each page. Its
    legs are in order already, so the calls of a few hundred are looked up. Where other filters leave next to nothing of
    those, the one query is quicker.
    """

    CHUNKS: tuple[int, ...] = (4, 20, 100)  # pages

    PLACE = ("call_started_at", "call_id")

    def __init__(self, rows: QuerySet[Any], legs: QuerySet[Any], among: QuerySet[Any], size: int = 50) -> None:
        super().__init__(rows, size=size)
        self.places = legs
        self.among = among

    def _found(self, beyond: Cursor | None, *, newer: bool) -> list[Any]:
        found: list[Any] = []
        place = beyond
        for pages in self.CHUNKS:
            places = _beyond(self.places, *self.PLACE, place, newer=newer)
            keys = list(places.values_list(*self.PLACE)[: pages * (self.size + 1)])
            calls = _beyond(self.among.filter(pk__in={key for _, key in keys}), self.field, "pk", beyond, newer=newer)
            found += calls[: self.size + 1 - len(found)]
            if len(found) > self.size or len(keys) < pages * (self.size + 1):
                return found
            place = Cursor(*keys[-1])
        return super()._found(beyond, newer=newer)


class NearKeyset(LegKeyset):
    """Pages of `rows`, of which there may be a great many or next to none among `calls`: the nearest are looked at.

    For SQLite, which does not know how many calls have a number that begins so. It would look up all of them for each
    page, and put them in order; or else go through all calls in their order, in search of one.
    """

    CHUNKS = (20, 80)
    PLACE = ("started_at", "pk")

    def __init__(self, rows: QuerySet[Any], calls: QuerySet[Any], size: int = 50) -> None:
        super().__init__(rows, calls, rows, size)


def _beyond(rows: QuerySet[Any], field: str, key: str, cursor: Cursor | None, *, newer: bool) -> QuerySet[Any]:
    """Rows by field and key from the cursor on, in one direction.

    The bound on the first column alone lets the index on both start at the right place.
    """
    rows = rows.order_by(field, key) if newer else rows.order_by(f"-{field}", f"-{key}")
    if cursor is None:
        return rows
    way = "gt" if newer else "lt"
    beside = Q(**{f"{field}__{way}": cursor.at}) | Q(**{f"{key}__{way}": cursor.pk})
    return rows.filter(Q(**{f"{field}__{way}e": cursor.at}) & beside)


def capped_count(rows: QuerySet[Any], cap: int = COUNT_CAP) -> int:
    """How many rows, exactly up to `cap`; `cap` + 1 stands for more."""
    return rows.order_by()[: cap + 1].count()


def count_words(count: int, noun: str = "call", cap: int = COUNT_CAP) -> str:
    """“1 call”, “1,170 calls”, “more than 10,000 calls”."""
    shown = f"more than {cap:,}" if count > cap else f"{count:,}"
    return f"{shown} {noun}{'' if count == 1 else 's'}"
