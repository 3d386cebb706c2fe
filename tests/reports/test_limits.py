"""What a report is not asked for: it says so, is stopped in time, and never answers more than was asked."""

from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from pytest_django import Settings

from calls.access import EVERYTHING
from calls.costing.models import Holiday, HolidayCalendar
from calls.filters import Selection
from reports.catalogue import REPORTS
from reports.limits import TooLongError, for_a_file, in_time, within_time
from tests.calls.factories import make_call, make_feed

pytestmark = pytest.mark.django_db
FOR_LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 1000000000)",
}


@pytest.mark.both_databases
def test_a_statement_is_stopped_when_the_time_is_over(settings: Settings) -> None:
    settings.REPORT_SECONDS = 0.1

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(FOR_LONG[connection.vendor])

    with pytest.raises(TooLongError, match=r"longer than 0\.1 seconds"):
        within_time(work)()
    settings.REPORT_SECONDS = 20
    with connection.cursor() as cursor:
        assert within_time(lambda: cursor.execute("SELECT 1").fetchone())() == (1,)
    settings.REPORT_SECONDS = 0
    with pytest.raises(TooLongError):
        within_time(lambda: list(in_time([1])))()
    settings.EXPORT_SECONDS = 20
    with for_a_file():
        assert within_time(lambda: list(in_time([1])))() == [1]


def test_page_files_and_command_say_that_it_took_too_long(viewer: Client, settings: Settings) -> None:
    make_call()
    settings.REPORT_SECONDS = 0
    for slug in ("by-extension", "trunk-traffic"):
        page = viewer.get(f"/reports/{slug}/")
        assert (page.status_code, page.context["answer"].rows) == (200, [])
        assert "it was stopped. Ask for a shorter period" in page.content.decode()
        assert viewer.get(f"/reports/{slug}/?format=csv").status_code == 503
        with pytest.raises(CommandError, match="it was stopped"):
            call_command("report", slug)


BAD = {
    "since=2026-02-01&until=2026-01-01": "End is before start",
    "since=0001-01-01": "out of range",
    "since=2026-01-01&until=9999-12-31": "out of range",
    "since=-1": "not a date",
    "period=decade": "not a period",
    "deparment=1": "“deparment” is not a filter",
    "talk_seconds__gt=5": "“talk_seconds__gt” is not a filter",
    "started_at__year=2026": "“started_at__year” is not a filter",
    "department=99999": "Department",
    "direction=in%27%20OR%201=1": "Direction",
    "hours=25-99": "no span",
    "longer=;--": "not a length of time",
    "number=%27)--": "number",
    "holidays=all": "Holidays",
}


@pytest.mark.parametrize(("asked", "words"), BAD.items())
def test_what_cannot_be_read_is_said_by_every_report_and_list(viewer: Client, asked: str, words: str) -> None:
    make_call()
    for slug in REPORTS:
        answer = viewer.get(f"/reports/{slug}/?{asked}&format=json")
        assert (answer.status_code, words in answer.content.decode()) == (400, True), (slug, answer.content)
    page = viewer.get(f"/reports/overview/?{asked}")
    assert (page.status_code, page.context["answer"].rows) == (200, [])
    listed = viewer.get(f"/calls/?{asked}")
    assert (listed.status_code, len(listed.context["table"].rows)) == (200, 0)


@pytest.mark.parametrize("asked", ["since=1980-01-01&until=2199-12-31", "since=1990-01-01&trunk=%27%20OR%20%271"])
def test_centuries_and_periods_without_calls_are_answered(viewer: Client, asked: str) -> None:
    make_call()
    for slug in REPORTS:
        assert viewer.get(f"/reports/{slug}/?{asked}").status_code == 200, slug
    with pytest.raises(CommandError):
        call_command("report", "overview", since="2026-01-02", until="2026-01-01")
    assert viewer.get("/reports/overview/x/").status_code == 404


@pytest.mark.both_databases
def test_calls_of_holidays_are_chosen_by_the_local_day() -> None:
    feed = make_feed()
    calendar = HolidayCalendar.objects.create(name="England")
    for day in (date(2026, 5, 4), date(2026, 5, 25), date(2026, 8, 31)):
        Holiday.objects.create(calendar=calendar, day=day)
    last = make_call(feed=feed, started_at=datetime(2026, 5, 4, 22, 59, tzinfo=UTC))
    after = make_call(feed=feed, started_at=datetime(2026, 5, 4, 23, 0, tzinfo=UTC))

    def chosen(asked: str) -> list[int]:
        return list(Selection(QueryDict(asked), EVERYTHING).calls.order_by("pk").values_list("pk", flat=True))

    for period in ("period=any", "since=2026-05-04&until=2026-05-05"):
        assert chosen(f"{period}&holidays=only") == [last.pk]
        assert chosen(f"{period}&holidays=without") == [after.pk]
    assert chosen("since=2026-01-01&until=2026-05-03&holidays=only") == []
