"""Who sits at a board: what a session or a wall link may see now, asked for many at once."""

import asyncio
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
from calls.threads import DatabaseThread


@dataclass(frozen=True, slots=True)
class Ticket:
    """By what somebody was let in: a session, or a wall link; and the one department that was asked for, if any."""

    session: str = ""
    link: int | None = None
    department: int | None = None


class Door:
    """Answers for tickets from a thread of its own. Those shown while it looks at others are looked at together.

    So after a restart hundreds of boards that come back at once cost a few queries, not a few each.
    """

    def __init__(self) -> None:
        self._thread = DatabaseThread("board-door")
        self._shown: dict[Ticket, asyncio.Future[Scope | None]] = {}
        self._keeper: asyncio.Task[None] | None = None

    async def scope_of(self, ticket: Ticket) -> Scope | None:
        if ticket not in self._shown:
            self._shown[ticket] = asyncio.get_running_loop().create_future()
        answer = self._shown[ticket]
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="board-door")
        return await asyncio.shield(answer)

    async def look(self, tickets: Collection[Ticket]) -> dict[Ticket, Scope | None]:
        return dict(await self._thread.run(scopes_now, tickets))

    def close(self) -> None:
        self._thread.close()

    async def _keep(self) -> None:
        while self._shown:
            shown, self._shown = self._shown, {}
            try:
                scopes = await self.look(shown.keys())
            except Exception as error:
                for answer in shown.values():
                    answer.set_exception(error)
            else:
                for ticket, answer in shown.items():
                    answer.set_result(scopes[ticket])
        self._keeper = None


def scopes_now(tickets: Collection[Ticket]) -> dict[Ticket, Scope | None]:
    """As the next request of each would be answered: None for a session or link that is over. A few queries in all."""
    links = WallLink.objects.in_force().filter(pk__in={one.link for one in tickets if one.link is not None})
    linked: dict[int | None, Scope] = {link.pk: scope_by(link) for link in links.prefetch_related("departments")}
    sessions = _scopes_of_sessions({one.session for one in tickets if one.session})
    found: dict[Ticket, Scope | None] = {}
    for one in tickets:
        scope = sessions.get(one.session) if one.link is None else linked.get(one.link)
        found[one] = scope if scope is None or one.department is None else scope.narrowed(one.department)
    return found


def _scopes_of_sessions(keys: set[str]) -> dict[str, Scope]:
    """Of those that have not ended or expired and still know the password of a user who may sign in."""
    decode = SessionStore().decode
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    contents: dict[str, dict[str, Any]] = {
        key: decode(data) for key, data in rows.values_list("session_key", "session_data")
    }
    wanted = {int(content.get(SESSION_KEY, 0)) for content in contents.values()}
    users = {user.pk: user for user in User.objects.filter(pk__in=wanted, is_active=True)}
    access = {row.user_id: row for row in Access.objects.filter(user__in=users).prefetch_related("departments")}
    found = {}
    for key, content in contents.items():
        user = users.get(int(content.get(SESSION_KEY, 0)))
        known = content.get(HASH_SESSION_KEY, "")
        if user is not None and constant_time_compare(known, user.get_session_auth_hash()):
            found[key] = scope_by(access.get(user.pk), everything=user.is_superuser)
    return found
