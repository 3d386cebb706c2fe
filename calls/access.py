"""The one privacy rule: what a viewer may see of calls (docs/architecture.md, Privacy).

Views, exports, the board and the API take a Scope, and only ever query ``visible_to(scope)``.
"""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

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

    def mask(self, number: str) -> str:
        """`number` with its last digits hidden; separators stay."""
        if not self.masked_digits:
            return number
        left = self.masked_digits
        shown = list(number)
        for place in range(len(shown) - 1, -1, -1):
            if left and shown[place].isalnum():
                shown[place] = MASK
                left -= 1
        return "".join(shown)

    def mask_name(self, name: str) -> str:
        """A PBX may send a number as the name: its digits are hidden like the number's."""
        is_number = sum(character.isdigit() for character in name) >= FEWEST_DIGITS_OF_A_NUMBER
        return self.mask(name) if is_number else name


EVERYTHING = Scope(departments=None)
NOTHING = Scope()


def scope_of(user: AbstractBaseUser | AnonymousUser) -> Scope:
    """The scope of a signed-in user: all for a superuser, nothing for whoever has no Access row."""
    from calls.directory.models import Access  # noqa: PLC0415 - importable before the apps are loaded

    if not user.is_authenticated or not user.is_active:
        return NOTHING
    access = Access.objects.filter(user_id=user.pk).first()
    if getattr(user, "is_superuser", False):
        return Scope(departments=None, masked_digits=access.masked_digits if access else 0)
    if access is None:
        return NOTHING
    if access.all_departments:
        return Scope(departments=None, masked_digits=access.masked_digits)
    return Scope(
        departments=frozenset(access.departments.values_list("pk", flat=True)),
        masked_digits=access.masked_digits,
    )
