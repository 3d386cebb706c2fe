"""On SQLite roll-ups of legs and numbers stand in the order of their key (docs/decisions/0019-roll-ups-stand-by-their-key.md)."""

from django.db import migrations

TABLES = ("calls_legrollup", "calls_numberrollup")
BY_KEY = " WITHOUT ROWID"
REFERENCES = {"feed_id": ' REFERENCES "directory_feed" ("id") DEFERRABLE INITIALLY DEFERRED'}


def stand_by_key(apps, schema_editor):
    _make_anew(schema_editor, BY_KEY)


def stand_as_written(apps, schema_editor):
    _make_anew(schema_editor, "")


def _make_anew(schema_editor, ending):
    """The tables, with all that is in them. Django makes a primary key of several columns, but beside the table.

    The columns of the key come first: SQLite's integrity_check takes others for missing (3.40).
    """
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'PRAGMA table_info("{table}")')  # place, name, type, is not null, default, place in the key
            columns = sorted(cursor.fetchall(), key=lambda column: (not column[5], column[5], column[0]))
            made = ", ".join(f'"{name}" {of_type} NOT NULL{REFERENCES.get(name, "")}' for _, name, of_type, *_ in columns)
            names = ", ".join(f'"{name}"' for _, name, *_ in columns)
            key = ", ".join(f'"{name}"' for *_, name, _, _, _, place in columns if place)
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_before"')
            cursor.execute(f'CREATE TABLE "{table}" ({made}, PRIMARY KEY ({key})){ending}')
            cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {names} FROM "{table}_before" ORDER BY {key}')
            cursor.execute(f'DROP TABLE "{table}_before"')


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0011_years_of_legs'),
    ]

    operations = [
        migrations.RunPython(stand_by_key, stand_as_written),
    ]
