"""The one privacy rule: what a viewer may see of calls (docs/architecture.md, Privacy).

Views, exports, the board and the API take a Scope, and only ever query ``visible_to(scope)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

if TYPE_CHECKING:
    from calls.directory.models import Access, WallLink

MASK = "•"
FEWEST_DIGITS_OF_A_NUMBER = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """Departments whose calls are seen (None: every call), and how many digits of outside numbers are hidden.

    Hashable: viewers of equal scope share one query and one message of the board.
    """

    departments: frozenset[int] | None = frozenset()
    masked_digits: int = 0

    @property
    def sees_nothing(self) -> bool:
        return self.departments is not None and not self.departments

    @property
    def sees_raw_lines(self) -> bool:
        """Lines that belong to no call, and what is kept of outside numbers apart from calls, cannot be scoped."""
        return self.departments is None and not self.masked_digits

    def narrowed(self, department: int) -> "Scope":
        """Only one of its departments; nothing if it is none of them."""
        if self.departments is not None and department not in self.departments:
            return NOTHING
        return Scope(frozenset({department}), self.masked_digits)

    def mask(self, number: str) -> str:
        """`number` with its last digits hidden; separators stay."""
        return self._hide_last(number, str.isalnum)

    def mask_name(self, name: str) -> str:
        """A name may hold a number: its last digits are hidden like the number's, whatever stands beside them."""
        is_number = sum(character.isdigit() for character in name) >= FEWEST_DIGITS_OF_A_NUMBER
        return self._hide_last(name, str.isdigit) if is_number else name

    def _hide_last(self, text: str, is_hidden: Callable[[str], bool]) -> str:
        if self.masked_digits and is_hidden(end := text[-self.masked_digits :]):
            return text[: -self.masked_digits] + MASK * len(end)
        left, shown = self.masked_digits, list(text)
        for place in range(len(shown) - 1, -1, -1):
            if left and is_hidden(shown[place]):
                shown[place] = MASK
                left -= 1
        return "".join(shown)


EVERYTHING = Scope(departments=None)
NOTHING = Scope()


def scope_of(user: AbstractBaseUser | AnonymousUser) -> Scope:
    """The scope of a signed-in user: all for a superuser, nothing for whoever has no Access row."""
    from calls.directory.models import Access  # noqa: PLC0415 - importable before the apps are loaded

    if not user.is_authenticated or not user.is_active:
        return NOTHING
    access = Access.objects.filter(user_id=user.pk).first()
    return scope_by(access, everything=bool(getattr(user, "is_superuser", False)))


def scope_by(access: "Access | WallLink | None", *, everything: bool = False) -> Scope:
    """The scope that an Access row or a wall link gives, or its want; `everything` for a superuser."""
    masked = access.masked_digits if access else 0
    if everything or (access and access.all_departments):
        return Scope(departments=None, masked_digits=masked)
    if access is None:
        return NOTHING
    return Scope(departments=frozenset(department.pk for department in access.departments.all()), masked_digits=masked)
