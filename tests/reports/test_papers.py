"""Every figure of a page is on its paper, and paper says where it stops."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from calls.access import Scope
from calls.directory.models import Access, Department
from reports import bills, paper
from reports.catalogue import REPORTS
from reports.engine import Question
from reports.export import answered
from reports.pages import paper_of
from tests.reports.papers import Paper, text_of, words

pytestmark = pytest.mark.django_db
PERIOD = "since=2026-01-12&until=2026-01-13"
TALL = re.compile('<table class="tb-heat tb-heat-tall">.*?</table>', re.DOTALL)  # the heat map, turned for a phone
ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
FIGURE = re.compile(r"<dd>(.*?)</dd>", re.DOTALL)


def read(client: Client, address: str) -> tuple[list[str], list[str]]:
    """What each row of a page's tables says, heads and heat map included; and the figures above them."""
    page = client.get(address).content.decode()
    main = TALL.sub("", page[page.index("<main") : page.index("</main>")])
    return [words(row) for row in ROW.findall(main)], [words(figure) for figure in FIGURE.findall(main)]


def test_a_report_on_paper_has_every_figure_of_its_page(priced: int, viewer: Client) -> None:
    for slug in ("overview", "by-extension"):
        address = f"/reports/{slug}/?{PERIOD}"
        rows, figures = read(viewer, address)
        text = text_of(viewer.get(f"{address}&format=pdf").content)
        assert (len(rows) > 5, len(figures)) == (True, 8)
        assert not [row for row in (*rows, *figures) if row not in text], slug


def test_a_departments_bill_on_paper_is_its_page(priced: int, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sales = Department.objects.get(name="Sales")
    address = f"/reports/cost-by-department/bills/?{PERIOD}&department={sales.pk}"
    (bill,) = viewer.get(address).context["bills"]
    made = Paper(viewer.get(f"{address}&format=pdf").content)
    text = "".join("".join(run for sheet in made.pages for run in sheet).split())
    rows, figures = read(viewer, address)
    assert len(rows) == bill.rows + 4  # heads and totals
    assert not [row for row in (*rows, *figures) if row not in text]
    assert made.pages[0][0] == "Recharge bill: Sales"
    monkeypatch.setattr(bills, "MOST_ROWS", 2)
    assert f"the first 2 of {bill.parts[0][2]}; the total has all of them" in viewer.get(address).content.decode()
    assert viewer.get(f"{address}&format=xls").status_code == 400


def test_paper_hides_what_its_page_hides_and_says_where_it_stops(loaded: list[dict[str, Any]]) -> None:
    user = User.objects.create_user("limited")
    Access.objects.create(user=user, masked_digits=4).departments.add(sales := Department.objects.get(name="Sales"))
    client = Client()
    client.force_login(user)
    rows, _figures = read(client, f"/reports/frequent-callers/?{PERIOD}")
    head, *shown, total = rows[next(place for place, row in enumerate(rows) if row.startswith("Number")) :]
    asked, scope = QueryDict(PERIOD), Scope(frozenset({sales.pk}), 4)
    document = answered(REPORTS["frequent-callers"], Question(asked, scope, timezone.now()), "", "limited")
    html = paper_of(document, asked, most_rows=25)
    assert "<a " not in html
    text = text_of(paper.pdf(html))
    assert sum("••••" in row for row in shown[:25]) > 20
    assert not [row for row in (head, *shown[:25], total) if row not in text]
    assert shown[25] not in text
    assert words(f"These pages have the first 25 rows of {len(document.answer.rows)}.") in text
    hidden = {call["number_e164"].lstrip("+") for call in loaded if len(call["number_e164"]) > 8}
    assert not [number for number in hidden if number[-10:] in text]


def test_paper_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(paper.NoPaperError, match="took too long"):
        paper.pdf("<html><body>late</body></html>", timeout=0.01)


def test_the_press_says_which_page_it_is_at() -> None:
    said: list[int | None] = []
    made = paper.pdf("<p style='break-after: page'>one</p>" * 3, is_at=said.append)
    *pages, drawing = said
    assert drawing is None
    assert sorted(set(pages)) == list(range(1, len(Paper(made).pages) + 1))
    assert len(set(pages)) >= 3
