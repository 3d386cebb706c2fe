"""Every route of the site, as the resolver knows them: who is let in, and that nobody sees what is not theirs.

A new route is walked without being named here; one that needs values says which in VALUES.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from calls.costing.versions import install_example
from calls.directory.models import Access, Contact, Department, Extension
from calls.directory.spreadsheet import SHEETS
from calls.models import Call, Recost, RecostChange
from ingest.models import QuarantinedLine
from reports.catalogue import REPORTS
from tests.calls.factories import NINE, make_call, make_feed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)
OPEN_TO_ALL = {"healthz", "login", "first-run", "admin:login", "wall"}
OURS, THEIRS = "442079460711", "441614960018"
THEIR_CONTACT = "Harbour Dental"
FORMATS = ("", "?period=any&format=csv", "?period=any&format=json")


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Full names and patterns, the admin's included."""

    def walk(patterns: Any, spaces: tuple[str, ...], prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for entry in patterns:
            if isinstance(entry, URLResolver):
                inner = (*spaces, entry.namespace) if entry.namespace else spaces
                yield from walk(entry.url_patterns, inner, prefix + str(entry.pattern))
            else:
                yield ":".join((*spaces, entry.name or f"unnamed {prefix}{entry.pattern}")), entry

    yield from walk(get_resolver().url_patterns, (), "")


ROUTES = dict(routes())
SITES_OWN = [name for name in ROUTES if not name.startswith("admin:")]


def addresses(name: str, **known: Any) -> list[str]:
    """The route's addresses with every value that its parameters may have here."""
    if name.startswith("admin:unnamed"):
        return ["/admin/nothing-of-the-kind/"]
    wanted = ROUTES[name].pattern.converters
    if name.startswith("reports:") and "slug" in wanted:
        return [reverse(name, args=[slug]) for slug in REPORTS]
    if "section" in wanted:
        return [
            reverse(name, kwargs={"section": section} | ({"pk": 1} if "pk" in wanted else {})) for section in SHEETS
        ]
    values = {
        "pk": known.get(name.split(":", maxsplit=1)[0], 1),
        "row": 1,
        "token": "0" * 32,
        "object_id": "1",
        "app_label": "directory",
    }
    values |= {"id": "1", "content_type_id": "1"}
    pattern = ROUTES[name].pattern
    kwargs = {key: values[key] for key in wanted}
    if name == "admin:view_on_site":
        return [reverse(name, args=["1", "1"])]
    if not wanted and pattern.regex.groups:
        return [reverse(name, args=["directory"])]
    return [reverse(name, kwargs=kwargs)]


def body(response: Any) -> str:
    async def collect() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    if not response.streaming:
        return str(response.content.decode())
    if response.is_async:
        return async_to_sync(collect)().decode()
    return b"".join(response.streaming_content).decode()


@pytest.fixture(autouse=True)
def in_the_afternoon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def office() -> dict[str, Any]:
    """A call of ours and one of theirs, a contact, a line that could not be read."""
    feed = make_feed()
    ours, theirs = Department.objects.create(name="Sales"), Department.objects.create(name="Support")
    for number, department in (("1843", ours), ("1850", theirs)):
        Extension.objects.create(feed=feed, number=number, name=f"Device {number}", department=department)
    mine = make_call(feed=feed, number=OURS, e164=f"+{OURS}", call_fields={"department": ours})
    yours = make_call(
        (0, "RINGING", "1850"), (4, "CALLMODIFIED", "1850"), (9, "DISCONNECTED", "1850"),
        feed=feed, started_at=NINE.replace(minute=5), number=THEIRS, e164=f"+{THEIRS}", contact_name=THEIR_CONTACT,
        did="441617150000", call_fields={"department": theirs},
    )  # fmt: skip
    Contact.objects.create(number_e164=f"+{OURS}", name=f"Call back {OURS} soon")
    QuarantinedLine.objects.create(
        feed=feed, received_at=NOW, journal=1, sequence=1, connection=1, n=1, origin=0, fault=0,
        line=f"garbled {THEIRS} garbled {OURS}".encode(), reason="wrong_length",
    )  # fmt: skip
    tariff = install_example(NOW.date())
    for entry in (mine, yours):
        Call.objects.filter(pk=entry.pk).update(tariff_version=tariff, recharge=1, currency="GBP")
    figures = {"old": None, "old_currency": "", "old_status": "unrated", "new": 1, "new_currency": "GBP"}
    recost = Recost.objects.create(
        pk=1, since=NINE, until=NOW, state=Recost.State.READY, would_change=2,
        largest=[{"call": entry.pk, **figures, "new_status": "rated"} for entry in (mine, yours)],
    )  # fmt: skip
    RecostChange.objects.create(recost=recost, call=yours, old_status="unrated", new_cost=1, new_currency="GBP")
    return {"feed": feed, "ours": ours, "mine": mine, "yours": yours}


def sign_in(*departments: Department, masked_digits: int = 0, access: bool = True, everything: bool = False) -> Client:
    """Somebody with the directory's and feeds' permissions to look, and only this access to calls."""
    user = User.objects.create_user(f"user{User.objects.count()}")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=["directory", "costing"]))
    if access:
        row = Access.objects.create(user=user, masked_digits=masked_digits, all_departments=everything)
        row.departments.set(departments)
    client = Client()
    client.force_login(user)
    return client


def pages(client: Client, office: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Address and text of everything that a person can get."""
    for name in SITES_OWN:
        for call in (office["mine"], office["yours"])[: 2 if name == "calls:detail" else 1]:
            for address in addresses(name, calls=call.pk, feeds=office["feed"].pk):
                for asked in FORMATS if name in {"calls:list", "reports:report"} else FORMATS[:1]:
                    response = client.get(address + asked)
                    assert response.status_code < 500, address
                    yield address + asked, body(response)


def test_the_walk_knows_the_site() -> None:
    assert {
        "board",
        "board-wall",
        "calls:list",
        "calls:detail",
        "reports:report",
        "feeds:detail",
        "tariffs:version",
        "tariffs-compare",
        "recost",
    } <= set(SITES_OWN)
    assert len([name for name in ROUTES if name.startswith("admin:")]) > 50


def test_strangers_are_sent_to_sign_in(client: Client, office: dict[str, Any]) -> None:
    for name in ROUTES:
        for address in addresses(name, calls=office["mine"].pk, feeds=office["feed"].pk)[:2]:
            for answer in (client.get(address), client.post(address)):
                if name in OPEN_TO_ALL:
                    assert answer.status_code in {200, 404, 405}, address
                    assert OURS not in body(answer)
                elif answer.status_code != 405:
                    assert answer.status_code == 302, address
                    assert answer["Location"].startswith(("/accounts/login/", "/admin/login/")), address


def test_without_access_nothing_of_any_call_is_seen(office: dict[str, Any]) -> None:
    client = sign_in(access=False)
    for address, text in pages(client, office):
        for call in (office["mine"], office["yours"]):
            assert call.call_id not in text, address
        assert THEIRS[-7:] not in text.replace(" ", ""), address
        assert THEIR_CONTACT not in text, address
    assert client.get(f"/calls/{office['mine'].pk}/").status_code == 404
    assert client.get("/reports/by-extension/?format=json").status_code == 403


def test_a_department_sees_its_own_calls_and_no_others(office: dict[str, Any]) -> None:
    client = sign_in(office["ours"])
    seen = ""
    for address, text in pages(client, office):
        assert office["yours"].call_id not in text, address
        assert f"/calls/{office['yours'].pk}/" not in text.replace(address, ""), address
        assert THEIRS[-7:] not in text.replace(" ", ""), address
        assert THEIR_CONTACT not in text, address
        seen += text
    assert office["mine"].call_id in seen
    report = client.get("/reports/by-extension/?period=today&format=json").json()
    assert [row["extension"] for row in report["rows"]] == ["1843"]
    assert client.get(f"/calls/?department={office['yours'].department_id}&format=csv").status_code == 400
    theirs = client.get(f"/reports/by-extension/?department={office['yours'].department_id}")
    assert (theirs.context["answer"].rows, len(theirs.context["question"].errors)) == ([], 1)
    assert client.get("/calls/?department=null&format=csv").status_code == 400


def test_hidden_digits_are_nowhere(office: dict[str, Any]) -> None:
    client = sign_in(everything=True, masked_digits=4)
    masked = 0
    for address, text in pages(client, office):
        for number in (OURS, THEIRS):
            shown = text.replace(" ", "")
            assert number[-10:] not in shown, address
            assert number[-8:] not in shown, address
        masked += "••••" in text
    assert masked > 5
    assert client.get("/directory/contacts/").status_code == 403
    assert client.get("/directory/contacts/export.csv").status_code == 403
    assert "Contacts" not in client.get("/directory/extensions/").content.decode()


def test_hidden_digits_are_not_in_the_administration_either(office: dict[str, Any]) -> None:
    client = sign_in(everything=True, masked_digits=4)
    User.objects.update(is_staff=True)
    contact = Contact.objects.get()
    for address in ("/admin/directory/contact/", f"/admin/directory/contact/{contact.pk}/change/"):
        assert client.get(address).status_code == 403
        assert OURS not in client.get(address).content.decode()
    assert client.get("/admin/directory/extension/").status_code == 200
    Access.objects.update(masked_digits=0)
    assert client.get("/admin/directory/contact/").status_code == 200


def test_raw_quarantined_lines_are_for_those_who_see_every_call(office: dict[str, Any]) -> None:
    address = f"/feeds/{office['feed'].pk}/"
    for client, shown in ((sign_in(everything=True), True), (sign_in(office["ours"]), False)):
        text = client.get(address).content.decode()
        assert ("garbled" in text) is shown
        assert "wrong_length" in text


def test_every_page_of_the_site_has_the_security_headers(office: dict[str, Any]) -> None:
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    walked = 0
    for name in ROUTES:
        if name in {"logout", "first-run"}:
            continue
        for address in addresses(name, calls=office["mine"].pk, feeds=office["feed"].pk)[:2]:
            for who in (client, Client()):
                response = who.get(address)
                policy = response["Content-Security-Policy"]
                assert "default-src 'self'" in policy, address
                assert "unsafe" not in policy, address
                assert "frame-ancestors 'none'" in policy, address
                assert "object-src 'none'" in policy, address
                assert response["X-Frame-Options"] == "DENY", address
                assert response["X-Content-Type-Options"] == "nosniff", address
                assert response["Referrer-Policy"] == "same-origin", address
                text = body(response)
                if "html" in response["Content-Type"]:
                    assert not inline_scripts(text), address
                walked += 1
    assert walked > 150


def inline_scripts(text: str) -> list[str]:
    """Scripts without src (data in JSON apart), and handlers in attributes: what the policy would refuse to run."""
    from html.parser import HTMLParser

    found: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            if tag == "script" and "src" not in named and named.get("type") != "application/json":
                found.append(self.get_starttag_text() or "")
            found.extend(f"{tag} {name}" for name in named if name.startswith("on") or name == "style")
            if str(named.get("href") or "").lower().startswith("javascript:"):
                found.append(str(named["href"]))

    Parser().feed(text)
    return found


BAD = ("%00", "-1", "9" * 5_000, "%F0%9F%98%80", "'<script>'", "null", "none", "2026-13-45", "0001-01-01", "--x")
PARAMETERS = (
    "page", "q", "since", "until", "period", "feed", "department", "sort", "format", "older", "newer", "number",
    "extension", "leg", "counted", "longer", "unnamed", "next", "seconds", "answered_at", "version",
)  # fmt: skip


def test_bad_parameters_never_break_a_page(office: dict[str, Any]) -> None:
    client = sign_in(everything=True)
    asked = [f"{reverse('calls:list')}?{name}={value}" for name in PARAMETERS for value in BAD[:3]]
    asked += [
        f"{reverse('reports:report', args=['by-extension'])}?{n}={value}" for n in PARAMETERS for value in BAD[:3]
    ]
    for name in SITES_OWN:
        for address in addresses(name, calls=office["mine"].pk, feeds=office["feed"].pk)[:2]:
            asked += [f"{address}?{'&'.join(f'{parameter}={value}' for parameter in PARAMETERS)}" for value in BAD[::3]]
    for address in asked:
        response = client.get(address)
        assert response.status_code < 500, address[:80]
        assert "'<script>'" not in body(response) or "html" not in response["Content-Type"], address[:80]
