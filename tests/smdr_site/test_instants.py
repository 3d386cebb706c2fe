"""What the database gives back of an instant, to the microsecond, in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import DateTimeField, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

OFFSETS = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 30), timezones=OFFSETS)


def given_back(at: datetime) -> datetime:
    return Group.objects.annotate(at=Value(at, output_field=DateTimeField())).values_list("at", flat=True).get()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(INSTANTS)
def test_an_instant_comes_back_as_it_was_in_utc(at: datetime) -> None:
    Group.objects.get_or_create(name="One")
    assert given_back(at) == at
    assert given_back(at).tzinfo is UTC


def test_a_server_that_writes_instants_its_own_way_is_told_of_and_nothing_is_misread() -> None:
    Group.objects.create(name="One")
    if connection.vendor != "postgresql":
        assert given_back(datetime(2026, 3, 1, tzinfo=UTC)) == datetime(2026, 3, 1, tzinfo=UTC)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL datestyle TO 'SQL, DMY'")
    with pytest.raises(NotImplementedError, match="DateStyle"):
        given_back(datetime(2026, 3, 1, tzinfo=UTC))
