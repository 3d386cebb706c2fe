from django.db import migrations
from django.db.models import Exists, OuterRef


def note_who_was_heard(apps, schema_editor):
    number, feed = OuterRef("number"), OuterRef("feed")
    legs = apps.get_model("calls", "Leg").objects.filter(
        extension=number, call__feed=feed, call__events__extension=number
    )
    apps.get_model("directory", "Extension").objects.filter(Exists(legs)).update(is_heard=True)


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0006_spoken_with'),
        ('directory', '0007_extension_is_heard'),
    ]

    operations = [migrations.RunPython(note_who_was_heard, migrations.RunPython.noop)]
