"""A simulated office's calls, stored by the real loader, and somebody who sees them all."""

import io
from datetime import date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum
from django.test import Client

from calls.access import EVERYTHING
from calls.costing.models import CostingChoice
from calls.costing.versions import install_example
from calls.directory.models import Department, Extension
from calls.export import call_record, in_call_id_order
from calls.models import Call
from ingest.files import FileLoad
from ingest.simulator import Office
from tests.calls.factories import make_feed


@pytest.fixture
def loaded() -> list[dict[str, Any]]:
    """300 calls of a simulated office, stored by the real loader; every one as exported."""
    feed = make_feed(padding="*")
    departments = [Department.objects.create(name=name) for name in ("Sales", "Support")]
    office = Office(seed=5, extensions=12, trunks=8, clock=24, padding="*")
    for place, (number, name, kind, _department) in enumerate(office.directory()):
        Extension.objects.create(feed=feed, number=number, name=name, kind=kind, department=departments[place % 2])
    lines = b"".join(line for _, line in office.play(start=datetime(2026, 1, 12, 8, 30), calls=300))
    FileLoad(feed, "24").run(io.BytesIO(lines))
    calls = [call_record(call) for call in in_call_id_order(Call.objects.visible_to(EVERYTHING))]
    assert len(calls) == 300
    return calls


@pytest.fixture
def priced(request: pytest.FixtureRequest) -> int:
    """The simulated office, its calls priced on the example tariff as they were loaded; their cost in millionths."""
    install_example(date(2026, 1, 1))
    CostingChoice.objects.update_or_create(pk=1, defaults={"is_on": True})
    request.getfixturevalue("loaded")
    cost = Call.objects.aggregate(all=Sum("cost"))["all"]
    assert isinstance(cost, int)
    assert cost > 0
    return cost


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client
