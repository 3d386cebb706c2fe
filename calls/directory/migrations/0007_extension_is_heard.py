from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0006_rollups'),
    ]

    operations = [
        migrations.AddField(
            model_name='extension',
            name='is_heard',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='It had an event of its own.'),
        ),
    ]
