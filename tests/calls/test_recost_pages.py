"""New prices for past calls, in the browser: who may, what is shown of whose calls, and what each button does."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls import recosting
from calls.costing.models import CostingChoice
from calls.directory.models import Department
from calls.models import Call, Recost, RecostChange
from calls.recosting import SILENCE, work
from calls.store import CallStore
from tests.calls.factories import make_feed
from tests.calls.live import make_user, signed_in
from tests.calls.priced import published, store_call
from tests.calls.test_recost import Prices

pytestmark = pytest.mark.django_db

DAY = "2026-11-24"


def clerk(*departments: Department, may: str = "view change", masked_digits: int = 0) -> Client:
    user = make_user(*departments, masked_digits=masked_digits)
    names = [f"{action}_tariff" for action in may.split()]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return signed_in(user)


@pytest.fixture
def dearer() -> Prices:
    """Seven calls of that day which the newest version prices 5 pence dearer."""
    prices = Prices()
    prices.supersede(connection_charge="0.05")
    return prices


def post(client: Client, name: str, *args: Any, **data: Any) -> str:
    response = client.post(reverse(name, args=args), data, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def looked_at(client: Client, **asked: Any) -> Recost:
    """A job of that day, as its process leaves it for the page."""
    post(client, "recosts", first=DAY, last=DAY, **asked)
    job = Recost.objects.first()
    assert job is not None
    work(job)
    return job


def page(client: Client, job: Recost, **asked: Any) -> str:
    return str(client.get(reverse("recost", args=[job.pk]), asked).content.decode())


def test_a_range_is_looked_at_applied_and_its_old_figures_kept(
    dearer: Prices, django_capture_on_commit_callbacks: Any
) -> None:
    client = clerk()
    with django_capture_on_commit_callbacks() as started:
        post(client, "recosts", first=DAY, last=DAY)
    job = Recost.objects.get()
    assert [start.func.__name__ for start in started] == ["start"]
    response = client.get(reverse("recost", args=[job.pk]))
    assert response["Refresh"] == "1"
    assert '<progress value="0" max="8"' in response.content.decode()
    work(job)
    shown = page(client, job)
    assert "Apply new prices to 7 calls: £0.35 more" in shown
    assert [shown.count(text) for text in ("£0.12<", "£0.17<", "+£0.05<")] == [7, 7, 7]
    assert f'href="/calls/{dearer.calls[0].pk}/"' in shown
    assert "Refresh" not in client.get(reverse("recost", args=[job.pk]))
    with django_capture_on_commit_callbacks() as started:
        post(client, "recost-apply", job.pk)
    assert [start.func.__name__ for start in started] == ["start"]
    assert set(Call.objects.exclude(cost=None).values_list("cost", flat=True)) == {120_000}
    job.refresh_from_db()
    work(job)
    shown = page(client, job)
    assert "Old figures, kept" in shown
    assert "£0.35 more" in shown
    assert "Apply new prices" not in shown
    user = User.objects.get()
    assert (job.created_by, job.applied_by, job.changed) == (user, user, 7)
    entries = LogEntry.objects.get_for_object(job).filter(changes__prices__isnull=False)
    assert [(entry.actor, entry.changes) for entry in entries] == [(user, {"prices": ["", "7 calls: £0.35 more"]})]
    assert "7 calls: £0.35 more" in client.get(reverse("recosts")).content.decode()
    post(client, "recost-forget", job.pk)
    assert RecostChange.objects.count() == 7


def test_a_job_whose_process_died_has_a_button_that_goes_on(
    dearer: Prices, django_capture_on_commit_callbacks: Any
) -> None:
    client = clerk()
    post(client, "recosts", first=DAY, last=DAY)
    job = Recost.objects.get()
    Recost.objects.update(worked_at=timezone.now() - 2 * SILENCE)
    shown = page(client, job)
    assert "Nothing was heard of it since" in shown
    assert "Go on</button>" in shown
    with django_capture_on_commit_callbacks() as started:
        post(client, "recost-go-on", job.pk)
    assert [start.args for start in started] == [(job,)]


def test_it_is_for_those_who_may_change_tariffs(dearer: Prices) -> None:
    job = looked_at(clerk())
    watcher, stranger = clerk(may="view"), clerk(may="")
    assert "Apply new prices" not in page(watcher, job)
    assert "See what would change" not in watcher.get(reverse("recosts")).content.decode()
    for client in (watcher, stranger):
        assert client.post(reverse("recosts"), {"first": DAY, "last": DAY}).status_code == 403
        for name in ("recost-apply", "recost-go-on", "recost-forget"):
            assert client.post(reverse(name, args=[job.pk])).status_code == 403
            assert client.get(reverse(name, args=[job.pk])).status_code == 405
    assert stranger.get(reverse("recost", args=[job.pk])).status_code == 403
    assert Recost.objects.get().state == Recost.State.READY


def test_a_job_is_of_the_calls_that_who_began_it_may_see(dearer: Prices) -> None:
    sales, support = (Department.objects.create(name=name) for name in ("Sales", "Support"))
    Call.objects.filter(pk=dearer.calls[0].pk).update(department=sales)
    Call.objects.filter(pk=dearer.calls[1].pk).update(department=support)
    of_sales, of_support = clerk(sales), clerk(support)
    everyones, job = looked_at(clerk()), looked_at(of_sales)
    assert (everyones.would_change, job.would_change, job.total) == (7, 1, 1)
    assert of_sales.get(reverse("recost", args=[everyones.pk])).status_code == 404
    assert of_support.get(reverse("recost", args=[job.pk])).status_code == 404
    assert of_support.post(reverse("recost-apply", args=[job.pk])).status_code == 404
    assert "more" not in of_support.get(reverse("recosts")).content.decode().partition("<main")[2]
    recosting.apply(job)
    work(job)
    assert set(Call.objects.filter(cost=170_000)) == {dearer.calls[0]}
    assert clerk(may="view change").get(reverse("recost", args=[job.pk])).status_code == 200


def test_numbers_are_masked(dearer: Prices) -> None:
    client = clerk(masked_digits=4)
    job = looked_at(client)
    before = page(client, job)
    recosting.apply(job)
    work(job)
    for shown in (before, page(client, job)):
        assert "••••" in shown
        assert "123456" not in shown


def test_it_can_be_of_one_tariff_and_one_feed(dearer: Prices) -> None:
    incoming = published({"rate": "0.3"}, "Freephone", direction="in")
    store = CallStore(make_feed("Branch").pk)
    Call.objects.filter(pk=store_call(store, direction="in").pk).update(cost=1)
    client, branch = clerk(), make_feed("Branch")
    assert looked_at(client).would_change == 8
    assert looked_at(client, tariff=incoming.tariff_id).would_change == 1
    assert looked_at(client, tariff=dearer.first.tariff_id).would_change == 7
    assert looked_at(client, tariff=dearer.first.tariff_id, feed=branch.pk).would_change == 3
    assert Recost.objects.count() == 4


def test_a_range_that_cannot_be_is_told_in_the_form(dearer: Prices) -> None:
    client = clerk()
    assert "End is before start" in post(client, "recosts", first=DAY, last="2026-11-23")
    CostingChoice.objects.update(is_on=False)
    assert "switch prices on first" in post(client, "recosts", first=DAY, last=DAY)
    assert not Recost.objects.exists()
