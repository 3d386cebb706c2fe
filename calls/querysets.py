"""Querysets of calls, legs and events. `visible_to` is the way in for everything that shows them."""

from typing import Any, Self

from django.db import connection, models
from django.db.models import F, Q

from calls.access import Scope


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows of one call each; `department_path` and `feed_path` lead to the call's."""

    department_path, feed_path = "department", "feed"

    def visible_to(self, scope: Scope) -> Self:
        if scope.departments is None:
            return self.all()
        if not scope.departments:
            return self.none()
        return self.filter(**{f"{self.department_path}__in": sorted(scope.departments)})

    def of_feeds_by_time(self, *feeds: int) -> Self:
        """Those of these feeds, to be found by when they started.

        SQLite has no numbers of its rows to go by, and would look at every call that a feed ever had.
        """
        if connection.vendor == "postgresql":
            return self.filter(**{f"{self.feed_path}__in": feeds})
        return self.alias(feed_number=F(f"{self.feed_path}_id") + 0).filter(feed_number__in=feeds)


class CallQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        return self.exclude(state="ended")

    def changed_since(self, revisions: dict[int, int]) -> Self:
        """Calls changed after the given revision of their feed."""
        since = Q()
        for feed, revision in revisions.items():
            since |= Q(feed=feed, revision__gt=revision)
        return self.filter(since) if revisions else self.none()


class LegQuerySet(ScopedQuerySet):
    department_path, feed_path = "call__department", "call__feed"


class CallEventQuerySet(ScopedQuerySet):
    department_path, feed_path = "call__department", "call__feed"
