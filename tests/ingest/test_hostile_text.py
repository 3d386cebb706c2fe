"""Hostile text in every element of a line that may hold it: inert wherever it comes out, and exact where it is kept."""

import csv
import io
import json
import logging
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from calls.directory.models import Feed
from calls.directory.spreadsheet import FORMULA, alive, inert
from calls.harmless import DANGEROUS, DANGEROUS_IN_LAYOUT, DANGEROUS_IN_PAGE, json_line, json_shown, visible
from calls.models import Call
from ingest.files import FileLoad
from smdr_site.logs import LineFormatter
from tests.ingest.lines import smdr_line

TEXTS = {
    "script": "<u>&\"'",
    "image": "<q x=1>",
    "template": "{{7*7}}",
    "sql": "';--%_",
    "formula": "=1+1",
    "plus": "+1-1",
    "minus": "-2+3",
    "at": "@A1",
    "escape": "\x1b[2J",
    "csi": "\x9b2J",
    "bell": "\x07\x08\x7f",
    "return": "a\rb",
    "bidi": "\u202eab",
    "isolate": "\u2066a",
    "separator": "a\u2028b",
    "next line": "a\x85b",
    "markup": "[/red]",
    "bar": "a|b",
    "arabic digits": "٣٤٥",
}


def lines_with(text: str, number: int) -> list[bytes]:
    """A call of two events with `text` in each element but stamp, direction and event; then an event named so."""
    elements = {
        "call_id": f"20121124090{number:03}" + f"{text:<8}",
        "trunk": text,
        "extension": text,
        "source_extension": text,
        "number": text,
        "contact_name": text,
        "did": text,
        "did_name": text,
        "account_code": text,
        "encoding": "utf-8",
        "padding": "*",
    }
    stamps = [f"2012-11-24 09:00:{second:02}" for second in range(3)]
    names = ["RINGING", "ANSWERED", text]
    return [smdr_line(stamp=stamp, event=name, **elements) for stamp, name in zip(stamps, names, strict=True)]


@pytest.fixture
def hostile_calls(db) -> dict[str, Call]:
    """A call for each text, by its name, loaded as any file is."""
    feed = Feed.objects.create(name="Office", padding="*", time_zone="Europe/London")
    lines = [line for number, text in enumerate(TEXTS.values()) for line in lines_with(text, number)]
    lines.append(b"\x1b]0;quarantined\x07 <script>alert(1)</script> \xe2\x80\xae")
    loaded = FileLoad(feed).run(io.BytesIO(b"\r\n".join(lines)))
    assert (loaded.events, loaded.quarantined) == (3 * len(TEXTS), 1)
    by_contact = {call.contact_name: call for call in Call.objects.all()}
    return {name: by_contact[text] for name, text in TEXTS.items()}


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("admin"))
    return client


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.inline_scripts = 0
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.inline_scripts += (
            tag == "script" and "src" not in dict(attrs) and ("type", "application/json") not in attrs
        )
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data):
        self.text += data


def body(response) -> str:
    async def collect():
        return b"".join([part async for part in response.streaming_content])

    return (async_to_sync(collect)() if response.streaming else response.content).decode()


def output_of(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.both_databases
def test_elements_are_kept_as_received(hostile_calls):
    for name, call in hostile_calls.items():
        text = TEXTS[name]
        kept = (call.trunk, call.extension, call.number, call.contact_name, call.did, call.did_name, call.account_code)
        assert kept == (text,) * 7, name
        assert "unknown_event" in call.flag_names
        assert call.number_e164 == ""


@pytest.mark.both_databases
def test_pages_show_it_and_run_nothing(hostile_calls, admin):
    pages = ["/", "/calls/?period=any", "/reports/by-extension/?since=2012-11-01&until=2012-11-30", "/feeds/"]
    pages += [f"/feeds/{Feed.objects.get().pk}/", "/directory/extensions/", "/directory/trunks/"]
    pages += [f"/admin/directory/{model}/" for model in ("extension", "trunk")]
    pages += [f"/calls/{call.pk}/" for call in hostile_calls.values()]
    for address in pages:
        response = admin.get(address)
        assert response.status_code == 200, address
        html = body(response)
        page = Page(html)
        assert not DANGEROUS_IN_PAGE.search(html), address
        assert not page.handlers, address
        assert not {"u", "q"} & page.tags.keys(), address
        assert not page.inline_scripts, address
        assert not [link for link in page.links if not link.startswith(("/", "?", "#"))], address
    assert "{{7*7}}" in Page(body(admin.get(f"/calls/{hostile_calls['template'].pk}/"))).text
    listed = Page(body(admin.get("/calls/?period=any"))).text
    for text in TEXTS.values():
        assert visible(text).replace("\\u000d", "\r") in listed


@pytest.mark.both_databases
def test_its_links_find_the_call_again(hostile_calls, admin):
    for name, call in hostile_calls.items():
        page = Page(body(admin.get(f"/calls/{call.pk}/")))
        lookups = [link for link in page.links if "account_code=" in link or "trunk=" in link or "did=" in link]
        assert len(lookups) == 3, name
        for link in lookups:
            rows = admin.get(link).context["table"].rows
            assert [row.record.pk for row in rows] == [call.pk], (name, unquote(link))


@pytest.mark.both_databases
def test_csv_holds_no_formula_and_no_control(hostile_calls, admin):
    sheets = {
        "command": output_of("export_calls", "--format", "csv"),
        "page": body(admin.get("/calls/?period=any&format=csv")),
    }
    for where, sheet in sheets.items():
        rows = list(csv.DictReader(io.StringIO(sheet, newline="")))
        assert len(rows) == len(TEXTS), where
        assert not any(FORMULA.match(cell) and not cell.startswith("'") for row in rows for cell in row.values()), where
    exact = csv.DictReader(io.StringIO(sheets["page"], newline=""))
    assert {alive(row["contact_name"]) for row in exact} == set(TEXTS.values())
    printed = csv.DictReader(io.StringIO(sheets["command"], newline=""))  # for a terminal, too
    assert {alive(row["contact_name"]) for row in printed} == {visible(text) for text in TEXTS.values()}
    assert not DANGEROUS_IN_LAYOUT.search(sheets["command"])


@pytest.mark.both_databases
def test_json_is_exact_on_whole_lines(hostile_calls, admin):
    lines = output_of("export_calls").splitlines()
    assert len(lines) == len(TEXTS)  # str.splitlines would break at U+2028 and 0x85
    assert not any(DANGEROUS.search(line) for line in lines)
    assert {json.loads(line)["contact_name"] for line in lines} == set(TEXTS.values())
    fetched = json.loads(body(admin.get("/calls/?period=any&format=json")))
    assert {record["contact_name"] for record in fetched} == set(TEXTS.values())


@pytest.mark.both_databases
def test_commands_print_it_harmless(hostile_calls):
    period = ("--since", "2012-11-01", "--until", "2012-11-30")
    for form in ("table", "csv", "json"):
        printed = output_of("report", "by-extension", *period, "--format", form)
        assert not DANGEROUS_IN_LAYOUT.search(printed), form
        assert "[/red]" in printed  # no markup of the table's
    Feed.objects.update(name="\x1b[2J[/b]\u202eOffice")
    for arguments in (["ingest_status"], ["ingest_status", "--json"], ["rebuild"], ["journal", "dump"]):
        assert not DANGEROUS_IN_LAYOUT.search(output_of(*arguments)), arguments
    assert "\\u001b[2J[/b]\\u202eOffice" in output_of("ingest_status")
    Call.objects.update(trunk="WRONG")
    assert "\\u001b[2J" in output_of("rebuild")


@pytest.mark.parametrize("text", [*TEXTS.values(), "one\ntimestamp='2026-11-25' level='info' event='forged'"])
def test_a_log_record_is_one_harmless_line(text):
    formatter = LineFormatter()
    record = logging.LogRecord("ingest", logging.INFO, __file__, 1, "a peer said %s", (text,), None)
    record.peer = text
    line = formatter.format(record)
    assert not DANGEROUS.search(line)
    try:
        raise ValueError(text)
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    first, *traceback = formatter.format(record).split("\n")
    assert "a peer said" in first
    assert all(part.startswith("  | ") and not DANGEROUS_IN_LAYOUT.search(part) for part in traceback)


@given(st.text())
def test_what_is_made_inert_comes_back_alive(text):
    assert alive(inert(text)) == text
    assert not FORMULA.match(inert(text)) or inert(text).startswith("'")


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_shown_holds_nothing_dangerous_and_json_stays_exact(text):
    assert not DANGEROUS.search(visible(text))
    assert json.loads(json_line([text])) == [text]
    assert not DANGEROUS.search(json_line([text]))
    shown = json.loads(json_shown([text]))[0]
    assert not DANGEROUS_IN_PAGE.search("".join(character for character in shown if character >= " "))
