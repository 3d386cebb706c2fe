from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0004_forgotten_devices'),
    ]

    operations = [
        migrations.RemoveField(model_name='workerstatus', name='backlog'),
        migrations.AddField(
            model_name='workerstatus',
            name='journal',
            field=models.BigIntegerField(default=0),
        ),
    ]
