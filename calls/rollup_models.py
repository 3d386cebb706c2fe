"""Sums of ended calls by hour, day, month and year, so that a report need not read the calls (calls/rollups.py)."""

from enum import IntEnum
from typing import ClassVar

from django.db import models


class Grain(IntEnum):
    """How much time a row sums up. Days and more are the site's; an hour is a step of `calls.rollups.Rules`."""

    HOUR = 1
    DAY = 2
    MONTH = 3
    YEAR = 4  # of legs and numbers: most of those there are have some in every month


class Facet(IntEnum):
    """What a row is of, beside its feed, direction and time. In days and months all have outcome and currency, too."""

    WHOLE = 0  # hours only
    DEPARTMENT = 1  # the only one that knows the department
    TRUNK = 2
    DID = 3
    ACCOUNT = 4
    DESTINATION = 5


class CallRollup(models.Model):
    """Sums over ended calls. `name` is the trunk, DID, account code or destination's key; what is not known is empty.

    Counts are of calls, times in seconds, money in millionths. `department` is 0 for none, and where a facet has none.
    """

    pk = models.CompositePrimaryKey(
        "grain", "facet", "start", "feed_id", "name", "direction", "outcome", "department", "currency"
    )
    grain = models.SmallIntegerField()
    facet = models.SmallIntegerField()
    start = models.DateTimeField()
    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=20, blank=True)
    direction = models.CharField(max_length=3)
    outcome = models.CharField(max_length=11, blank=True)
    department = models.BigIntegerField()
    currency = models.CharField(max_length=3, blank=True)
    calls = models.BigIntegerField()
    unknown = models.BigIntegerField()
    answered = models.BigIntegerField()  # either way
    lost = models.BigIntegerField()
    talk = models.BigIntegerField()
    ring = models.BigIntegerField()
    queue = models.BigIntegerField()
    hold = models.BigIntegerField()
    in_time = models.BigIntegerField()
    short_abandoned = models.BigIntegerField()
    handled = models.BigIntegerField()
    to_answer = models.BigIntegerField()
    to_person = models.BigIntegerField()
    cost = models.BigIntegerField()
    recharge = models.BigIntegerField()
    unrated = models.BigIntegerField()

    KEY: ClassVar = ("grain", "facet", "start", "feed_id", "name", "direction", "outcome", "department", "currency")

    def __str__(self) -> str:
        return f"{Facet(self.facet).name.lower()} {self.name} from {self.start:%Y-%m-%d %H:%M}"


class LegRollup(models.Model):
    """Sums over the legs of ended calls, by device. `outcome`, `department` and `currency` are the call's.

    `charged` is what the device is charged of the calls' cost by the site's rule (calls/chargeback.py).
    """

    pk = models.CompositePrimaryKey(
        "grain", "start", "feed_id", "extension", "direction", "outcome", "department", "currency"
    )
    grain = models.SmallIntegerField()
    start = models.DateTimeField()
    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="+", db_index=False)
    extension = models.CharField(max_length=7, blank=True)
    direction = models.CharField(max_length=3)
    outcome = models.CharField(max_length=11)
    department = models.BigIntegerField()
    currency = models.CharField(max_length=3, blank=True)
    legs = models.BigIntegerField()
    firsts = models.BigIntegerField()  # a call's first leg: their sum is of calls
    talks = models.BigIntegerField()
    missed = models.BigIntegerField()
    ring = models.BigIntegerField()
    talk = models.BigIntegerField()
    hold = models.BigIntegerField()
    charged = models.BigIntegerField()

    KEY: ClassVar = ("grain", "start", "feed_id", "extension", "direction", "outcome", "department", "currency")

    def __str__(self) -> str:
        return f"{self.extension} from {self.start:%Y-%m-%d %H:%M}"


class NumberRollup(models.Model):
    """Sums over ended calls by number, month and year, of the days that are over: before FeedState.numbered_until.

    `number` is the one in international form, else as it was read; empty where none was shown.
    """

    pk = models.CompositePrimaryKey("grain", "start", "feed_id", "direction", "number")
    grain = models.SmallIntegerField()
    start = models.DateTimeField()
    feed = models.ForeignKey("directory.Feed", models.CASCADE, related_name="+", db_index=False)
    direction = models.CharField(max_length=3)
    number = models.CharField(max_length=16, blank=True)
    calls = models.IntegerField()
    unknown = models.IntegerField()
    answered = models.IntegerField()
    talk = models.BigIntegerField()

    KEY: ClassVar = ("grain", "start", "feed_id", "direction", "number")

    def __str__(self) -> str:
        return f"{self.number} {self.direction} from {self.start:%Y-%m}"
