"""Views of the board that people keep under a name: its own address, for oneself or for everybody."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class SavedBoardQuerySet(models.QuerySet["SavedBoard"]):
    def seen_by(self, user: int | None) -> Self:
        return self.filter(Q(owner=user) | Q(shared=True)) if user else self.none()


class SavedBoard(models.Model):
    """It is an address and grants nothing: whoever opens it sees what they may see."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_boards")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=300, blank=True)
    shared = models.BooleanField("for everybody", default=False)

    objects = SavedBoardQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="saved_board_name_unique")]

    def __str__(self) -> str:
        return self.name
