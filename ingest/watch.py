"""What a worker remembers of one feed between its looks: since when connected or not, what waits, how fast lines come.

Pure Python, no Django. It is told once a second how things are.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SAMPLES_KEPT = 1_024
BUCKET = timedelta(seconds=10)
BUCKETS_KEPT = 30


@dataclass(slots=True)
class FeedWatch:
    """`recent_lines` counts lines of ten seconds each, the newest last; instants are aware."""

    grace: timedelta = timedelta(seconds=5)  # a connection that is back within it was not lost
    connected_since: datetime | None = None
    lost_at: datetime | None = None
    recent_lines: list[int] = field(default_factory=list)
    _seen_at: datetime | None = None
    _run_began: datetime | None = None
    _last_peer: float | None = None
    _waiting: deque[tuple[datetime, int]] = field(
        default_factory=deque
    )  # when each count of accepted lines was reached
    _bucket_began: datetime | None = None
    _accepted: int = 0

    def look(
        self, now: datetime, *, oldest_peer: float | None, has_sent: bool = False, accepted: int, loaded: int
    ) -> None:
        """`oldest_peer` is when the oldest open connection began (epoch seconds), None without one.

        `has_sent` says whether any open connection has sent a line; `accepted` and `loaded` count lines from the start
        of the worker.
        """
        self._connection(now, oldest_peer, has_sent=has_sent)
        self._wait(now, accepted, loaded)
        self._rate(now, accepted)
        self._seen_at = now

    @property
    def waiting_since(self) -> datetime | None:
        """When the oldest line was accepted that is not loaded."""
        return self._waiting[0][0] if self._waiting else None

    def _connection(self, now: datetime, oldest_peer: float | None, *, has_sent: bool) -> None:
        """A new connection counts once it has sent a line or is seen twice: one that is refused at once is none."""
        is_known, self._last_peer = oldest_peer == self._last_peer, oldest_peer
        if oldest_peer is None:
            if self.connected_since is not None:
                self.lost_at = self._seen_at or now
                self._run_began, self.connected_since = self.connected_since, None
            return
        if self.connected_since is None:
            if not (is_known or has_sent):
                return
            began = datetime.fromtimestamp(oldest_peer, UTC)
            again = self.lost_at is not None and began - self.lost_at <= self.grace
            self.connected_since = (self._run_began if again else None) or began
        self.lost_at = None

    def _wait(self, now: datetime, accepted: int, loaded: int) -> None:
        last = self._waiting[-1][1] if self._waiting else self._accepted
        if accepted > last:
            self._waiting.append((now, accepted))
        while self._waiting and self._waiting[0][1] <= loaded:
            self._waiting.popleft()
        if len(self._waiting) > SAMPLES_KEPT:  # a long outage of the database: every second one, the oldest stays
            kept = list(self._waiting)
            self._waiting = deque([kept[0], *kept[2:-1:2], kept[-1]])

    def _rate(self, now: datetime, accepted: int) -> None:
        if self._bucket_began is None:
            self._bucket_began, self._accepted = now, accepted
            self.recent_lines = [0]
        while now - self._bucket_began >= BUCKET:
            self.recent_lines.append(0)
            self._bucket_began += BUCKET
            if len(self.recent_lines) > BUCKETS_KEPT and now - self._bucket_began > BUCKET * BUCKETS_KEPT:
                self._bucket_began = now - BUCKET * BUCKETS_KEPT
        self.recent_lines[-1] += accepted - self._accepted
        del self.recent_lines[:-BUCKETS_KEPT]
        self._accepted = accepted
