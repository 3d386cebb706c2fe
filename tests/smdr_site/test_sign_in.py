"""Signing in and out, the first administrator, and who is kept out for a while."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from calls.costing.models import CostingChoice, Tariff
from smdr_site import demo
from smdr_site.first_run import first_run_path, token_path

PASSWORD = "a long pass phrase 42"


@pytest.fixture
def priya(db: None) -> User:
    return User.objects.create_user("priya", password=PASSWORD)


def try_to_sign_in(client: Client, password: str = PASSWORD, username: str = "priya", **more: Any) -> Any:
    return client.post("/accounts/login/", {"username": username, "password": password}, **more)


def test_in_and_out(client: Client, priya: User) -> None:
    assert priya.password.startswith("argon2$")
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
    assert try_to_sign_in(client)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.get("/accounts/logout/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/").status_code == 302


def test_another_password(client: Client, priya: User) -> None:
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(priya)
    form = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert "too short" in client.post("/accounts/password/", form).content.decode()
    form = {"old_password": PASSWORD, "new_password1": "other words 77", "new_password2": "other words 77"}
    assert client.post("/accounts/password/", form)["Location"] == "/accounts/password/done/"
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    priya.refresh_from_db()
    assert priya.check_password("other words 77")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_leads_nowhere_else(client: Client, priya: User, elsewhere: str) -> None:
    answer = client.post("/accounts/login/", {"username": "priya", "password": PASSWORD, "next": elsewhere})
    assert answer["Location"] == "/"


def test_next_that_is_the_sign_in_page_itself_is_no_loop(client: Client, priya: User) -> None:
    client.force_login(priya)
    assert client.get("/accounts/login/?next=/accounts/login/")["Location"] == "/"
    assert client.get("/accounts/login/?next=/calls/")["Location"] == "/calls/"


def test_ten_wrong_passwords_pause_this_name_from_this_address_only(client: Client, priya: User) -> None:
    User.objects.create_user("tom", password=PASSWORD)
    with time_machine.travel(datetime(2026, 11, 24, 9, tzinfo=UTC), tick=False) as clock:
        answers = [try_to_sign_in(client, "wrong") for _ in range(10)]
        assert [answer.status_code for answer in answers] == [200] * 9 + [429]
        paused = try_to_sign_in(client)
        assert paused.status_code == 429
        assert "Too many tries" in paused.content.decode()
        assert client.get("/").status_code == 302
        assert try_to_sign_in(Client(), username="tom").status_code == 302
        assert try_to_sign_in(Client(), REMOTE_ADDR="192.0.2.7").status_code == 302
        assert try_to_sign_in(Client(), HTTP_X_FORWARDED_FOR="192.0.2.9").status_code == 429
        clock.shift(timedelta(minutes=16))
        assert try_to_sign_in(client).status_code == 302


FORM = {"username": "priya", "password1": PASSWORD, "password2": PASSWORD}


@pytest.mark.django_db
def test_the_first_run_link_works_once(client: Client) -> None:
    link = first_run_path()
    assert link
    assert first_run_path() == link
    assert token_path().stat().st_mode & 0o777 == 0o600
    assert client.get("/first-run/wrong/").status_code == 404
    assert client.post("/first-run/wrong/", FORM).status_code == 404
    assert client.post(link, {**FORM, "password2": "else"}).status_code == 200
    assert not User.objects.exists()
    assert client.post(link, FORM)["Location"] == "/set-up/costing/"
    root = User.objects.get()
    assert (root.username, root.is_staff, root.is_superuser) == ("priya", True, True)
    assert client.get("/feeds/").status_code == 200
    assert first_run_path() is None
    assert not token_path().exists()
    for answer in (Client().get(link), Client().post(link, FORM | {"username": "eve"})):
        assert answer.status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "is_on", "tariffs"), [("none", False, 0), ("example", True, 1)])
def test_the_second_step_asks_once_whether_calls_are_priced(
    client: Client, answer: str, is_on: bool, tariffs: int
) -> None:
    link = first_run_path()
    assert link
    client.post(link, FORM)
    assert client.get("/set-up/costing/").status_code == 200
    assert client.post("/set-up/costing/", {"costing": answer})["Location"] == "/feeds/"
    assert CostingChoice.objects.get().is_on is is_on
    assert Tariff.objects.filter(is_example=True).count() == tariffs
    assert client.get("/set-up/costing/")["Location"] == "/tariffs/"


@pytest.mark.django_db
def test_the_demo_is_priced_on_the_example(client: Client) -> None:
    demo.prepare()
    demo.prepare()
    assert Tariff.objects.get().is_example
    link = first_run_path()
    assert link
    assert client.post(link, FORM)["Location"] == "/"


@pytest.mark.django_db
def test_the_link_is_gone_when_there_is_a_user_whatever_file_is_left(client: Client) -> None:
    link = first_run_path()
    assert link
    User.objects.create_user("anybody")
    assert token_path().exists()
    assert client.get(link).status_code == 404
    assert client.post(link, FORM).status_code == 404


@pytest.mark.django_db
def test_a_token_that_was_never_written_is_made_anew(client: Client) -> None:
    token_path().touch()
    link = first_run_path()
    assert link
    assert client.get(link).status_code == 200


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_make_one_administrator() -> None:
    link = first_run_path()
    assert link
    start, codes = threading.Barrier(4), []

    def post(name: str) -> None:
        start.wait()
        codes.append(Client().post(link, FORM | {"username": name}).status_code)
        connection.close()

    tabs = [threading.Thread(target=post, args=[f"tab{number}"]) for number in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(codes) == [302, 404, 404, 404]
    assert User.objects.count() == 1
