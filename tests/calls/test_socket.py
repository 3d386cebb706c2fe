"""The board's socket against the real ASGI application: what a browser is told, and who is told at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from pytest_django import Settings

from calls import hub as hub_module
from calls.directory.models import Access, Department, Extension, WorkerStatus
from calls.doorbell import Doorbell
from calls.hub import close_hub
from calls.models import Call
from tests.calls.factories import make_feed, name_devices
from tests.calls.live import Board, Office, in_database, make_user, signed_in
from tests.services import free_port

pytestmark = pytest.mark.django_db(transaction=True)

CALL_FIELDS = {
    "id", "call_id", "feed", "direction", "state", "state_since", "started_at", "answered_at", "ended_at", "outcome",
    "extension", "extension_name", "device", "device_name", "from_extension", "trunk", "trunk_name", "number",
    "number_display", "contact_name", "did", "did_name", "account_code",
}  # fmt: skip
FEED_FIELDS = {"name", "connected", "last_line_at", "state", "usual_seconds", "error"}

OpenBoard = Callable[..., Awaitable[tuple[Board, dict[str, Any]]]]


@pytest.fixture
def office() -> Office:
    feed = make_feed()
    name_devices(feed, x1843="Chris Reid")
    return Office(feed)


@pytest.fixture
async def open_board() -> AsyncIterator[OpenBoard]:
    """Opens a signed-in user's board: (board, snapshot). All are closed at the end."""
    boards: list[Board] = []

    async def open_one(user: User | None = None) -> tuple[Board, dict[str, Any]]:
        viewer = user or await in_database(make_user)()
        board = Board(await in_database(signed_in)(viewer))
        boards.append(board)
        return board, await board.open()

    yield open_one
    for board in boards:
        await board.close()
    await close_hub()


@pytest.fixture
def quick_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "ACCESS_EVERY_SECONDS", 0.1)


async def test_snapshot_first_with_every_field(office: Office, open_board: OpenBoard) -> None:
    ringing = office.call(did="441614960018", did_name="Main line", contact_name="Harbour Dental")
    call = await in_database(ringing.happen)((0, "RINGING", "1843"))
    before = datetime.now(UTC)
    _, snapshot = await open_board()
    assert {"type", "seq", "server_time", "calls", "totals", "feeds"} <= snapshot.keys()
    assert snapshot["type"] == "snapshot"
    assert before.replace(microsecond=0) <= datetime.fromisoformat(snapshot["server_time"]) <= datetime.now(UTC)
    (told,) = snapshot["calls"]
    assert told.keys() >= CALL_FIELDS
    assert {name: told[name] for name in ("id", "call_id", "feed", "direction", "state", "outcome")} == {
        "id": call.pk, "call_id": ringing.call_id, "feed": "Head office", "direction": "in", "state": "ringing",
        "outcome": "in_progress",
    }  # fmt: skip
    assert (told["extension"], told["extension_name"], told["device"], told["device_name"]) == (
        "1843", "Chris Reid", "1843", "Chris Reid",
    )  # fmt: skip
    assert told["started_at"] == ringing.started_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (told["answered_at"], told["ended_at"]) == (None, None)
    assert (told["number"], told["number_display"]) == ("2079460712", "020 7946 0712")
    assert (told["contact_name"], told["did"], told["did_name"]) == ("Harbour Dental", "441614960018", "Main line")
    (feed,) = snapshot["feeds"]
    assert feed == {
        "name": "Head office",
        "connected": False,
        "last_line_at": None,
        "state": "lost",
        "usual_seconds": None,
        "error": "",
    }


async def test_a_call_from_ring_to_end(office: Office, open_board: OpenBoard) -> None:
    board, snapshot = await open_board()
    assert snapshot["calls"] == []
    live = office.call()
    call = await in_database(live.happen)((0, "RINGING", "1843"))
    assert (await board.delta_of(call))["state"] == "ringing"
    await in_database(live.happen)((5, "ANSWERED", "1843"))
    answered = await board.delta_of(call)
    assert (answered["state"], answered["outcome"]) == ("talking", "in_progress")
    await in_database(live.happen)((12, "TRANSFERRED", "1840", "1843"))
    moved = await board.delta_of(call)
    assert (moved["extension"], moved["device"], moved["from_extension"]) == ("1843", "1840", "1843")
    await in_database(live.happen)((14, "CONNECTED", "1840"), (18, "DISCONNECTED", "1840"))
    ended = await board.delta_of(call)
    assert (ended["state"], ended["outcome"]) == ("ended", "answered")
    assert datetime.fromisoformat(ended["ended_at"]) == call.started_at + timedelta(seconds=18)

    other = await in_database(office.call().happen)((0, "RINGING", "1843"))
    await board.delta_of(other)
    await board.socket.send_to('{"type": "resync"}')
    again = await board.until(lambda told: told["type"] == "snapshot")
    assert [one["id"] for one in again["calls"]] == [other.pk]

    deltas = [message for message in board.told if message["type"] == "delta"]
    assert [message["seq"] for message in deltas] == list(range(snapshot["seq"] + 1, snapshot["seq"] + 1 + len(deltas)))
    assert again["seq"] == deltas[-1]["seq"]
    assert sum(one["id"] == call.pk and one["state"] == "ended" for m in deltas for one in m["changed"]) == 1
    assert all(message["removed"] == [] for message in deltas)


async def test_totals_count_today_and_what_is_in_progress(office: Office, open_board: OpenBoard) -> None:
    await in_database(office.call().happen)((0, "RINGING", "1843"), (9, "DISCONNECTED", "1843"))
    board, snapshot = await open_board()
    today = {"offered": 1, "answered": 0, "abandoned": 1, "made": 0, "no_answer": 0, "unknown": 0, "answered_in": 0}
    today |= {"unreturned": 1, "service_level": 0.0, "seconds_to_answer": None}
    calm = {"queued": 0, "ringing": 0, "talking": 0, "held": 0}
    assert snapshot["totals"] == {**today, "in_progress": calm}
    await in_database(office.call().happen)((0, "RINGING", "1843"), (3, "ANSWERED", "1843"))
    moved = await board.until(lambda told: told["totals"]["offered"] == 2)
    assert (moved["totals"]["answered"], moved["totals"]["in_progress"]["talking"]) == (1, 1)


async def test_a_new_name_is_in_the_next_delta(office: Office, open_board: OpenBoard) -> None:
    call = await in_database(office.call().happen)((0, "RINGING", "1843"), (3, "ANSWERED", "1843"))
    board, _ = await open_board()

    def rename() -> None:
        extension = Extension.objects.get(number="1843")
        extension.name = "Christine Reid"
        extension.save()

    await in_database(rename)()
    assert (await board.delta_of(call))["device_name"] == "Christine Reid"


async def test_a_feed_renamed_while_all_is_quiet_is_told(office: Office, open_board: OpenBoard) -> None:
    board, snapshot = await open_board()
    assert [feed["name"] for feed in snapshot["feeds"]] == ["Head office"]

    def rename() -> None:
        office.feed.name = "Main office"
        office.feed.save()

    await in_database(rename)()
    told = await board.until(lambda told: told["type"] == "delta")
    assert [feed["name"] for feed in told["feeds"]] == ["Main office"]


async def test_a_call_over_between_two_looks_is_told_though_a_name_changed_too(
    office: Office, open_board: OpenBoard
) -> None:
    board, _ = await open_board()
    brief = office.call()
    # its extension is unknown, so that the directory's revision moves in the same transaction
    call = await in_database(brief.happen)((0, "RINGING", "1999"), (9, "DISCONNECTED", "1999"))
    assert (await board.delta_of(call))["state"] == "ended"


async def test_feeds_say_how_they_are(office: Office, open_board: OpenBoard) -> None:
    board, snapshot = await open_board()
    assert snapshot["feeds"][0]["state"] == "lost"

    def heard(**fields: Any) -> None:
        now = datetime.now(UTC)
        WorkerStatus.objects.update_or_create(
            feed=office.feed,
            worker="test:1",
            defaults={"heartbeat_at": now, "started_at": now, "connections": 1, "connected_since": now, **fields},
        )

    masked, _ = await open_board(await in_database(make_user)(masked_digits=4))
    full = "The journal cannot be written: No space left on device."
    await in_database(heard)(last_line_at=datetime.now(UTC), error=full)
    assert (await board.until(lambda told: told["feeds"][0]["error"]))["feeds"][0]["error"] == full
    held_up = await masked.until(lambda told: told["feeds"][0]["error"])
    assert "journal" not in held_up["feeds"][0]["error"]
    await in_database(heard)(error="")
    told = await board.until(lambda told: not told["feeds"][0]["error"])
    assert told["feeds"][0]["state"] == "live"
    assert told["feeds"][0].keys() == FEED_FIELDS
    assert told["feeds"][0]["connected"] is True
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    await in_database(heard)(last_line_at=long_ago, connected_since=long_ago)
    await board.until(lambda told: told["feeds"][0]["state"] == "silent")
    await in_database(heard)(connections=0)
    await board.until(lambda told: told["feeds"][0]["state"] == "lost")


async def test_each_scope_is_told_its_own(office: Office, open_board: OpenBoard) -> None:
    def departments() -> tuple[User, User, User, User]:
        sales, support = (Department.objects.create(name=name) for name in ("Sales", "Support"))
        Extension.objects.filter(number="1843").update(department=sales)
        Extension.objects.create(feed=office.feed, number="1850", name="Maya Singh", department=support)
        return make_user(sales), make_user(support), make_user(masked_digits=4), make_user(access=False)

    sales, support, masked, nobody = await in_database(departments)()
    boards = [(await open_board(user))[0] for user in (sales, support, masked, nobody)]
    live = office.call(number="1614960018")
    call = await in_database(live.happen)((0, "RINGING", "1843"))
    assert (await boards[0].delta_of(call))["number"] == "1614960018"
    assert (await boards[2].delta_of(call))["number"] == "161496••••"
    # the handling device's department is the call's: it leaves one scope and enters the other
    await in_database(live.happen)((4, "DIVERTED", "1850", "1843"), (9, "ANSWERED", "1850"))
    gone = await boards[0].until(lambda told: told["removed"])
    assert gone["removed"] == [call.pk]
    assert gone["changed"] == []
    assert (await boards[1].delta_of(call))["device_name"] == "Maya Singh"
    await in_database(live.happen)((15, "DISCONNECTED", "1850"))
    assert (await boards[1].delta_of(call))["state"] == "ended"
    for board in boards[:2]:
        seen = [message["totals"]["offered"] for message in board.told]
        assert max(seen) <= 1
    await boards[3].socket.send_to('{"type": "resync"}')
    await boards[3].until(lambda told: told["type"] == "snapshot")
    assert live.call_id not in json.dumps(boards[3].told)
    assert "0018" not in json.dumps(boards[2].told).replace(live.call_id, "")


@pytest.mark.parametrize(
    "origin",
    [None, "http://elsewhere.example", "http://localhost.evil.example", "http://localhost:81", "null", "http://["],
)
async def test_foreign_origins_are_refused(origin: str | None) -> None:
    board = Board(await in_database(signed_in)(await in_database(make_user)()), origin)
    connected, _ = await board.socket.connect()
    assert not connected


async def test_strangers_and_the_inactive_are_refused() -> None:
    strangers = [None, await in_database(make_user)()]
    clients = [await in_database(signed_in)(user) for user in strangers]
    await in_database(lambda: User.objects.update(is_active=False))()
    for client in clients:
        connected, _ = await Board(client).socket.connect()
        assert not connected


def sign_out(client: Any, user: User) -> None:
    client.post("/accounts/logout/")


def deactivate(client: Any, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def another_password(client: Any, user: User) -> None:
    user.set_unusable_password()
    user.save()


def expire(client: Any, user: User) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.update(expire_date=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("happening", [sign_out, deactivate, another_password, expire])
@pytest.mark.usefixtures("quick_access")
async def test_a_session_that_is_over_closes_its_socket(office: Office, happening: Any, open_board: OpenBoard) -> None:
    other, _ = await open_board()
    user = await in_database(make_user)()
    client = await in_database(signed_in)(user)
    board = Board(client)
    await board.open()
    await in_database(happening)(client, user)
    assert await board.closed() == 4401
    if happening is not expire:
        call = await in_database(office.call().happen)((0, "RINGING", "1843"))
        assert (await other.delta_of(call))["state"] == "ringing"


@pytest.mark.usefixtures("quick_access")
async def test_changed_access_moves_an_open_socket(office: Office, open_board: OpenBoard) -> None:
    call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    user = await in_database(make_user)()
    board, snapshot = await open_board(user)
    assert [one["id"] for one in snapshot["calls"]] == [call.pk]
    await in_database(lambda: Access.objects.filter(user=user).update(masked_digits=4))()
    masked = await board.until(lambda told: told["type"] == "snapshot")
    assert masked["calls"][0]["number"] == "207946••••"
    await in_database(lambda: Access.objects.filter(user=user).delete())()
    nothing = await board.until(lambda told: told["type"] == "snapshot")
    assert nothing["calls"] == []
    assert nothing["totals"]["offered"] == 0


async def test_nonsense_is_ignored(office: Office, open_board: OpenBoard) -> None:
    board, _ = await open_board()
    for nonsense in (" ", "{", "[" * 1_000, '"resync"', '{"type": "else"}', "[]", "x" * 5_000, '{"type": {"a": 1}}'):
        await board.socket.send_to(text_data=nonsense)
    await board.socket.send_to(bytes_data=b'{"type": "resync"}')
    call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    assert (await board.delta_of(call))["state"] == "ringing"
    assert all(message["type"] != "snapshot" for message in board.told[1:])


async def test_leaving_and_coming_at_once_leaves_nobody_in_the_dark(office: Office, open_board: OpenBoard) -> None:
    for _ in range(5):
        first, _ = await open_board()
        second = Board(await in_database(signed_in)(await in_database(make_user)()))
        _, snapshot = await asyncio.gather(first.close(), second.open())
        assert snapshot["type"] == "snapshot"
        call = await in_database(office.call().happen)((0, "RINGING", "1843"))
        await second.delta_of(call)
        await second.close()


async def test_over_valkey_the_doorbell_is_heard(
    office: Office, open_board: OpenBoard, settings: Settings, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": valkey_url, "socket_timeout": 30}], "prefix": "tollbook"},
        }
    }
    monkeypatch.setattr(hub_module, "LOOK_SECONDS", 3_600.0)  # so that only the doorbell can tell
    board, _ = await open_board()
    call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    doorbell = Doorbell()
    await doorbell.start()

    async def keep_ringing() -> None:
        while True:
            doorbell.ring(office.feed.pk, 1)
            await asyncio.sleep(0.05)

    ringing = asyncio.create_task(keep_ringing())
    try:
        assert (await board.delta_of(call))["state"] == "ringing"
    finally:
        ringing.cancel()
        await doorbell.stop()
        await close_hub()
        await get_channel_layer().flush()


async def test_over_valkey_a_lost_ring_costs_a_second(
    office: Office, open_board: OpenBoard, settings: Settings, valkey_url: str
) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": valkey_url, "socket_timeout": 30}], "prefix": "tollbook"},
        }
    }
    board, _ = await open_board()
    call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    assert (await board.delta_of(call))["state"] == "ringing"
    await close_hub()
    await get_channel_layer().flush()


async def test_a_board_opens_and_moves_while_redis_is_gone(
    office: Office, open_board: OpenBoard, settings: Settings
) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [f"redis://127.0.0.1:{free_port()}"], "prefix": "tollbook"},
        }
    }
    board, _ = await open_board()
    call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    assert (await board.delta_of(call))["state"] == "ringing"


async def test_there_is_a_sign_of_life_while_nothing_happens(
    office: Office, open_board: OpenBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BEAT_SECONDS", 0.1)
    board, snapshot = await open_board()
    for seq in (1, 2, 3):
        beat = await board.next()
        assert (beat["type"], beat["seq"], beat["changed"]) == ("delta", snapshot["seq"] + seq, [])


async def test_a_look_that_fails_is_made_good(
    office: Office, open_board: OpenBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away in the middle of a look: the call taken in then is told as soon as it is back."""
    board, snapshot = await open_board()
    from django.db import OperationalError

    from calls.board import Room

    said = Room.news_of_panels
    failures = iter([True])

    def fails_once(self: Room) -> dict[str, Any]:
        if next(failures, False):
            raise OperationalError("the server closed the connection unexpectedly")
        return said(self)

    monkeypatch.setattr(Room, "news_of_panels", fails_once)
    call: Call = await in_database(office.call().happen)((0, "RINGING", "1843"))
    message = await board.until(lambda told: told["type"] == "delta")
    if message["seq"] > snapshot["seq"] + 1:
        await board.socket.send_to('{"type": "resync"}')
        message = await board.until(lambda told: told["type"] == "snapshot")
    assert [one["id"] for one in message.get("calls", message.get("changed"))] == [call.pk]
