from collections import defaultdict
from datetime import date
from zoneinfo import ZoneInfo

from django.db import migrations
from django.db.models import Sum

from calls.periods import day_start

MONTH, YEAR = 3, 4
KEY = ("feed_id", "extension", "direction", "outcome", "department", "currency")
SUMS = ("legs", "firsts", "talks", "missed", "ring", "talk", "hold", "charged")


def sum_up_years(apps, schema_editor):
    """A year's rows are the sums of its months'; those that a newer worker, come too early, has begun are made anew."""
    rollups = apps.get_model("calls", "LegRollup").objects
    states = apps.get_model("directory", "FeedState").objects
    list(states.select_for_update().values_list("pk"))  # no worker writes meanwhile
    rollups.filter(grain=YEAR).delete()
    for feed, rules in states.exclude(rolled_by="").values_list("feed_id", "rolled_by"):
        zone = ZoneInfo(rules.partition("|")[0])
        months = rollups.filter(grain=MONTH, feed_id=feed).order_by()
        of_years = defaultdict(list)
        for start in months.values_list("start", flat=True).distinct():
            of_years[start.astimezone(zone).year].append(start)
        for year, starts in of_years.items():
            sums = {f"m_{name}": Sum(name) for name in SUMS}
            found = months.filter(start__in=starts).values_list(*KEY).annotate(**sums)
            first = day_start(date(year, 1, 1), zone)
            rollups.bulk_create(
                [
                    rollups.model(grain=YEAR, start=first, **dict(zip((*KEY, *SUMS), row, strict=True)))
                    for row in found
                ],
                batch_size=1000,
            )


def forget_years(apps, schema_editor):
    apps.get_model("calls", "LegRollup").objects.filter(grain=YEAR).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0010_number_rollups'),
    ]

    operations = [
        migrations.RunPython(sum_up_years, forget_years),
    ]
