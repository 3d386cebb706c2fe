"""Who sits at a board: what a session or a wall link may see now, asked for many at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from calls.access import Scope, scope_by
from calls.directory.models import Access, WallLink


@dataclass(frozen=True, slots=True)
class Ticket:
    """By what somebody was let in: a session, or a wall link; and the one department that was asked for, if any."""

    session: str = ""
    user: int | None = None
    link: int | None = None
    department: int | None = None


def scopes_now(tickets: Collection[Ticket]) -> dict[Ticket, Scope | None]:
    """As the next request of each would be answered: None for a session or link that is over. A few queries in all."""
    links = WallLink.objects.in_force().filter(pk__in={one.link for one in tickets if one.link is not None})
    linked: dict[int | None, Scope] = {link.pk: scope_by(link) for link in links.prefetch_related("departments")}
    scopes = _scopes_of_users({one.user for one in tickets if one.user is not None})
    sessions = _valid_sessions({one.session for one in tickets if one.session}, scopes)
    found: dict[Ticket, Scope | None] = {}
    for one in tickets:
        if one.link is not None:
            scope = linked.get(one.link)
        else:
            scope = scopes[one.user][1] if one.user in scopes and sessions.get(one.session) == one.user else None
        found[one] = scope if scope is None or one.department is None else scope.narrowed(one.department)
    return found


def _scopes_of_users(keys: set[int]) -> dict[int | None, tuple[User, Scope]]:
    access = {row.user_id: row for row in Access.objects.filter(user__in=keys).prefetch_related("departments")}
    users = User.objects.filter(pk__in=keys, is_active=True)
    return {user.pk: (user, scope_by(access.get(user.pk), everything=user.is_superuser)) for user in users}


def _valid_sessions(keys: set[str], users: dict[int | None, tuple[User, Scope]]) -> dict[str, int]:
    """Session → user, of those that have not ended or expired and still know the user's password."""
    found = {}
    decode = SessionStore().decode
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    for key, data in rows.values_list("session_key", "session_data"):
        content: dict[str, Any] = decode(data)
        user = int(content.get(SESSION_KEY, 0))
        if user in users and constant_time_compare(
            content.get(HASH_SESSION_KEY, ""), users[user][0].get_session_auth_hash()
        ):
            found[key] = user
    return found
