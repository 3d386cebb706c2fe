"""A wall link: what it shows and hides, that its token is nowhere, and that it ends when it is revoked."""

import logging
from collections.abc import Iterator

import pytest
from auditlog.models import LogEntry
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from calls import hub as hub_module
from calls.directory.models import Access, Department, Extension, WallLink
from calls.hub import close_hub
from smdr_site.asgi import application
from tests.calls.factories import make_feed
from tests.calls.live import Board, Office, in_database, make_user, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def maker(*departments: Department, masked_digits: int = 0) -> Client:
    user = make_user(*departments, masked_digits=masked_digits)
    user.user_permissions.add(Permission.objects.get(codename="add_walllink"))
    return signed_in(user)


def made(client: Client, **fields: object) -> str:
    """The token of a new link."""
    answer = client.post(reverse("wall-links"), {"name": "By the door", "masked_digits": 4, **fields})
    address = answer.context["address"]
    assert address.startswith("http://testserver/wall/#")
    return str(address.partition("#")[2])


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


async def test_a_screen_sees_its_departments_masked_until_the_link_is_revoked(
    monkeypatch: pytest.MonkeyPatch, records: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub_module, "ACCESS_EVERY_SECONDS", 0.1)
    office = Office(await in_database(make_feed)())

    def prepare() -> tuple[Client, str, Client]:
        sales, support = (Department.objects.create(name=name) for name in ("Sales", "Support"))
        Extension.objects.create(feed=office.feed, number="1843", name="Chris Reid", department=sales)
        Extension.objects.create(feed=office.feed, number="1850", name="Maya Singh", department=support)
        owner = maker()
        token = made(owner, departments=[sales.pk])
        screen = Client()
        assert screen.get("/wall/").status_code == 200  # asks for the link, shows nothing
        assert screen.post("/wall/", {"token": token})["Location"] == "/wall/"
        page = screen.get("/wall/").content.decode()
        assert "Chris Reid" in page
        assert "Maya Singh" not in page
        assert "/calls/" not in page
        assert screen.get("/").status_code == 302
        return owner, token, screen

    owner, token, screen = await in_database(prepare)()
    assert screen.cookies["tollbook_wall"]["httponly"]
    assert screen.cookies["tollbook_wall"]["samesite"] == "Strict"
    board = Board(Client())
    board.socket = WebsocketCommunicator(
        application, "/ws/wall/",
        headers=[
            (b"host", b"localhost"), (b"origin", b"http://localhost"), (b"cookie", f"tollbook_wall={token}".encode()),
        ],
    )  # fmt: skip
    await board.open()
    ours = await in_database(office.call(number="2079460712").happen)((0, "RINGING", "1843"))
    theirs = await in_database(office.call(number="1614960018").happen)((0, "RINGING", "1850"))
    assert (await board.delta_of(ours))["number"] == "207946••••"
    await board.socket.send_to('{"type": "resync"}')
    again = await board.until(lambda told: told["type"] == "snapshot")
    assert [call["id"] for call in again["calls"]] == [ours.pk]
    assert all(theirs.pk != call["id"] for told in board.told for call in told.get("changed", ()))

    link = await WallLink.objects.aget()
    assert token not in str(await in_database(WallLink.objects.values().get)())
    await in_database(owner.post)(reverse("wall-revoke", args=[link.pk]))
    assert await board.closed() == 4401
    assert (await in_database(screen.get)("/wall/")).status_code == 403
    await close_hub()

    assert token not in records.text
    entries = await in_database(lambda: list(LogEntry.objects.get_for_model(WallLink).order_by("pk")))()
    assert {entry.action for entry in entries} == {LogEntry.Action.CREATE, LogEntry.Action.UPDATE}
    assert "revoked_at" in str(entries[-1].changes)
    assert all(token not in str(entry.changes) and "token_hash" not in str(entry.changes) for entry in entries)


async def test_a_wrong_token_is_let_in_nowhere() -> None:
    assert (await in_database(Client().post)("/wall/", {"token": "no such token"})).status_code == 403
    for cookie in (b"tollbook_wall=no-such-token", b"tollbook_wall=", b"other=1"):
        headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"cookie", cookie)]
        connected, _ = await WebsocketCommunicator(application, "/ws/wall/", headers=headers).connect()
        assert not connected


def test_nobody_makes_a_link_that_shows_more_than_they_see() -> None:
    sales, support = (Department.objects.create(name=name) for name in ("Sales", "Support"))
    client = maker(sales, masked_digits=4)
    page = reverse("wall-links")
    for fields in (
        {"departments": [support.pk], "masked_digits": 4},
        {"departments": [sales.pk], "masked_digits": 3},
        {"all_departments": "on", "masked_digits": 4},
        {"masked_digits": 4},
    ):
        client.post(page, {"name": "Wall", **fields})
        assert not WallLink.objects.exists()
    made(client, departments=[sales.pk])

    other = maker(sales)
    assert "By the door" not in other.get(page).content.decode()
    assert other.post(reverse("wall-revoke", args=[WallLink.objects.get().pk])).status_code == 403
    assert signed_in(make_user()).get(page).status_code == 403
    Access.objects.all().delete()
    User.objects.all().delete()
    assert WallLink.objects.get().revoked_at is None
