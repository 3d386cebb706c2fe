"""Wall links: let a screen on which nobody signs in show the board of some departments."""

import secrets
from hashlib import sha256
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

TOKEN_BYTES = 32  # as much as a hash holds, so that no slow hash is needed


class WallLinkQuerySet(models.QuerySet["WallLink"]):
    def in_force(self) -> Self:
        return self.filter(revoked_at=None)

    def of_token(self, token: str) -> "WallLink | None":
        return self.in_force().filter(token_hash=_hash(token)).first() if token else None


class WallLink(models.Model):
    """Who has the token sees these departments' board, and nothing else. Only the token's hash is kept."""

    name = models.CharField(max_length=80, help_text="Where the screen hangs, such as “Support, by the door”.")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    all_departments = models.BooleanField(default=False, help_text="Also calls of no department.")
    departments = models.ManyToManyField("directory.Department", blank=True)
    masked_digits = models.PositiveSmallIntegerField(
        "hidden digits", default=4, validators=[MaxValueValidator(15)],
        help_text="So many last digits of outside numbers are hidden.",
    )  # fmt: skip
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="wall_links")
    made_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    objects = WallLinkQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def new_token(cls, link: "WallLink") -> str:
        """Give a link that is not stored yet its token. It is told here, once, and cannot be found out again."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link.token_hash = _hash(token)
        return token

    def revoke(self) -> None:
        """For good; screens that show it go dark within seconds."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])

    def note_use(self) -> None:
        """Not an edit, so past the audit log."""
        type(self).objects.filter(pk=self.pk).update(used_at=timezone.now())


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
