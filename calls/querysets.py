"""Querysets of calls, legs and events. `visible_to` is the way in for everything that shows them."""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from calls.access import Scope


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows of one call each; `department_path` leads to the call's department."""

    department_path = "department"

    def visible_to(self, scope: Scope) -> Self:
        if scope.departments is None:
            return self.all()
        if not scope.departments:
            return self.none()
        return self.filter(**{f"{self.department_path}__in": sorted(scope.departments)})


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
    department_path = "call__department"


class CallEventQuerySet(ScopedQuerySet):
    department_path = "call__department"
