"""Every report says the same from roll-ups as from the calls: its rows, total, distinct calls, and its course."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import product, repeat, takewhile
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from calls import number_rollups
from calls.access import EVERYTHING, Scope
from calls.costing.models import Chargeback, CostingChoice
from calls.costing.versions import install_example
from calls.directory.models import Department, Feed
from calls.models import Call, CallEvent, CallRollup, Grain, LegRollup, NumberRollup
from calls.number_rollups import sum_some
from calls.rollup_building import build_some
from calls.store import CallStore
from reports.catalogue import REPORTS
from reports.course import course
from reports.engine import Answer, Question, Report, ordered
from reports.rolled import parts_of
from tests.calls.factories import ANSWERED, make_feed
from tests.calls.priced import store_call

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
EVERY = 999
MONTHS = "since=2025-12-30&until=2026-02-02"
YEARS = ("since=2025-01-01&until=2025-12-31", "since=2024-11-20&until=2026-02-02", "since=2025-01-01&until=2026-12-31")


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> None:
    """The simulated office, priced and charged by talk, with calls of other months, in progress, of another feed."""
    install_example(date(2025, 1, 1))
    CostingChoice.objects.update_or_create(pk=1, defaults={"is_on": True, "chargeback": Chargeback.TALK})
    request.getfixturevalue("loaded")
    stores = CallStore(Feed.objects.get().pk), CallStore(make_feed("Elsewhere").pk)
    for days in (-13, -12, 0, 19, 20):
        for place, store in enumerate(stores):
            at = datetime(2026, 1, 12, 23, 59, tzinfo=UTC) + timedelta(days=days, minutes=place)
            store_call(store, started_at=at, direction="in" if days % 2 else "out", did="2079460700")
            store_call(store, ANSWERED[:2], started_at=at, direction="in")
            store_call(store, ANSWERED[:1], started_at=at + timedelta(hours=3), direction="in")


def asked(parameters: str, scope: Scope = EVERYTHING, *, of_calls: bool = False) -> Question:
    question = Question(QueryDict(parameters), scope, datetime(2026, 1, 13, 12, tzinfo=UTC))
    assert not question.errors
    if of_calls:
        question.__dict__["rules"] = None
    return question


def said(report: Report, question: Question) -> tuple[Any, ...]:
    answer: Answer = report.run(question)
    lines = sorted(zip(map(plain, answer.rows), answer.keys, strict=True), key=str)
    return lines, plain(answer.total), answer.calls, plain(answer.before or {})


def plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else str(value) for name, value in values.items()}


FILTERED = (
    f"{MONTHS}&outcome=answered&direction=out", f"{MONTHS}&weekday=1&department=null", f"{MONTHS}&hours=9-12&weekday=2",
    f"{MONTHS}&trunk=92108&did=none", "since=2026-01-12&until=2026-01-12&did=none", "period=this-month&trunk=92108",
    "since=2026-01-12T09:00&until=2026-01-13T11:00",
)  # fmt: skip
ROLLED = (
    "overview", "by-account-code", "by-did", "by-extension", "by-department", "volume", "by-hour", "by-weekday",
    "by-destination", "cost-by-department", "by-trunk", "unused",
)  # fmt: skip
SOME = ("overview", "by-extension", "volume", "by-trunk", "cost-by-department")


def test_answers_are_identical(stored: None) -> None:
    """Those of the other reports are of calls, whatever is asked."""
    sales = Department.objects.get(name="Sales").pk
    elsewhere = Feed.objects.get(name="Elsewhere").pk
    asks = [(parameters, EVERYTHING, SOME) for parameters in (*FILTERED, f"{MONTHS}&feed={elsewhere}")]
    asks += [(MONTHS, EVERYTHING, ROLLED), (MONTHS, Scope(frozenset({sales}), 3), ROLLED)]
    asks += [(parameters, EVERYTHING, ["by-extension"]) for parameters in YEARS]
    for parameters, scope, slugs in asks:
        assert course(asked(parameters, scope)) == course(asked(parameters, scope, of_calls=True)), parameters
        for slug in slugs:
            rolled = said(REPORTS[slug], asked(parameters, scope))
            assert rolled == said(REPORTS[slug], asked(parameters, scope, of_calls=True)), (slug, parameters)


def test_those_that_have_to_be_fast_use_them_and_only_as_long_as_their_rules_hold(stored: None) -> None:
    """Emptied roll-ups are seen by the reports that use them."""
    before = REPORTS["overview"].run(asked(MONTHS)).total
    target = Feed.objects.get(name="Head office").answer_target_seconds
    Feed.objects.filter(name="Head office").update(answer_target_seconds=1)
    question = asked(MONTHS)
    assert question.rules is None
    assert REPORTS["overview"].run(question).total["service_level"] < before["service_level"]
    assert asked(f"{MONTHS}&feed={Feed.objects.get(name='Elsewhere').pk}").rules is not None
    Feed.objects.filter(name="Head office").update(answer_target_seconds=target)
    CallRollup.objects.all().delete()
    LegRollup.objects.all().delete()
    live = Call.objects.exclude(state="ended").count()
    for slug in ("by-department", "by-trunk", "by-account-code", "volume", "by-hour", "by-weekday", "by-extension",
                 "cost-by-department"):  # fmt: skip
        for period in (MONTHS, "since=2026-01-01&until=2026-01-31"):
            expected = Call.objects.exclude(state="ended").filter(
                started_at__gte=(question := asked(period)).period.since, started_at__lt=question.period.until
            ).count()  # fmt: skip
            assert REPORTS[slug].run(question).calls == expected, slug
    assert live


BEGINS = {
    Grain.DAY: lambda _day: True,
    Grain.MONTH: lambda day: day.day == 1,
    Grain.YEAR: lambda day: (day.month, day.day) == (1, 1),
}


@given(
    first=st.dates(date(2023, 1, 1), date(2026, 12, 31)),
    days=st.integers(1, 1200),
    coarsest=st.sampled_from([Grain.DAY, Grain.MONTH, Grain.YEAR]),
)
def test_the_parts_of_a_period_are_all_of_it_and_as_coarse_as_can_be(first: date, days: int, coarsest: Grain) -> None:
    end = first + timedelta(days=days)
    parts = parts_of(first, end, coarsest)
    assert [*(begin for _, begin, _ in parts), end] == [first, *(stop for _, _, stop in parts)]
    for grain, begin, stop in parts:
        assert begin < stop
        assert BEGINS[grain](begin)
        assert BEGINS[grain](stop)
        for coarser in range(grain + 1, coarsest + 1):
            inside = [day for day in range((stop - begin).days + 1) if BEGINS[coarser](begin + timedelta(days=day))]
            assert len(inside) < 2


@pytest.mark.parametrize("zone", ["Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_a_long_course_is_on_the_clock_of_the_site(settings: Any, zone: str) -> None:
    """Roll-ups tell month, weekday and hour themselves, on both sides of a change of the clock and of a month."""
    settings.TIME_ZONE = zone
    store = CallStore(make_feed("Head office").pk)
    for text in ("2025-07-31 23:30", "2025-10-05 15:20", "2025-10-05 15:50", "2025-10-26 00:30", "2025-10-26 01:30",
                 "2025-11-30 18:40"):  # fmt: skip
        for place, line in enumerate((ANSWERED, ANSWERED[:2])):
            at = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(minutes=place)
            store_call(store, line, started_at=at, direction="in")
    rolled = asked("since=2025-07-15&until=2025-12-10")
    assert rolled.rules is not None
    found = course(rolled)
    assert found == course(asked("since=2025-07-15&until=2025-12-10", of_calls=True))
    assert sum(calls for row in found.heat for calls, _ in row.cells) == 12


@pytest.mark.parametrize("pieces_summed", [(0, 0), (30, 5), (EVERY, EVERY)])
def test_a_page_has_the_first_rows_of_a_file(
    stored: None, pieces_summed: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database picks them, by any column that it knows; equal rows stand in the order of their numbers.

    From calls, or from sums by number of so many pieces of each feed.
    """
    monkeypatch.setattr(number_rollups, "AT_ONCE", 3)
    shown = 7
    for feed, pieces in zip(Feed.objects.order_by("pk"), pieces_summed, strict=True):
        store = CallStore(feed.pk)
        summed = [True for _ in takewhile(sum_some, repeat(store, pieces))]
        assert len(summed) == pieces or pieces == EVERY
    from_sums: set[tuple[str, str, str]] = set()
    elsewhere = Feed.objects.get(name="Elsewhere").pk
    periods = (
        MONTHS, f"{MONTHS}&feed={elsewhere}", f"{MONTHS}&longer=60&weekday=1", "since=2026-01-09&until=2026-01-20",
        "since=2024-11-30&until=2026-02-02", "since=2025-12-31&until=2026-12-31",
    )  # fmt: skip
    for parameters, hidden, slug in product(periods, (0, 3), ("frequent-callers", "most-dialled", "unrated")):
        names = [column.name for column in REPORTS[slug].columns]
        for sort in ("", *names, *(f"-{name}" for name in names)):
            with CaptureQueriesContext(connection) as asked_of_it:
                compare_first(REPORTS[slug], asked(parameters, Scope(None, hidden)), sort, shown)
            if any("calls_numberrollup" in query["sql"] for query in asked_of_it):
                from_sums.add((slug, parameters, sort.removeprefix("-")))
    assert not pieces_summed[0] or {("most-dialled", MONTHS, name) for name in ("number", "made", "talk")} <= from_sums
    assert all(slug != "unrated" and "weekday" not in parameters for slug, parameters, _ in from_sums)
    assert bool(from_sums) == bool(pieces_summed[0])


@pytest.mark.parametrize("pieces_summed", [24, 99])
def test_a_page_has_the_first_numbers_of_a_year_and_of_what_is_beside_it(
    pieces_summed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averages that are not whole and tied, numbers of which nothing is left, those of the year or beside it alone."""
    monkeypatch.setattr(number_rollups, "AT_ONCE", 4)
    store = CallStore(make_feed().pk)
    random = Random(5)
    first_day = datetime(2024, 12, 1, 9, tzinfo=UTC)
    calls = []
    for place in range(90):
        talk = 30 + random.randrange(4)
        steps = ((0, "RINGING", "1843"), (1, "ANSWERED", "1843"), (1 + talk, "DISCONNECTED", "1843"))
        at = first_day + timedelta(days=5 * place)
        calls.append(store_call(store, steps, started_at=at, number=f"079110000{random.randrange(25):02}"))
    for _ in range(pieces_summed):
        build_some(store)
    moved = [call for call in calls if call.number == calls[0].number or call.number == calls[9].number]
    CallEvent.objects.filter(call__in=moved).update(number="07911000077", number_raw="07911000077")
    store.refold([call.pk for call in moved])
    assert NumberRollup.objects.filter(grain=Grain.YEAR, calls=0).exists()
    of_one: Counter[str] = Counter()
    report = REPORTS["most-dialled"]
    names = [column.name for column in report.columns]
    year, rolling = "since=2025-01-01&until=2025-12-31", "since=2025-02-09&until=2026-02-08"
    for parameters in (year, "since=2024-12-01&until=2026-02-09", rolling):
        for sort in ("", *names, *(f"-{name}" for name in names)):
            for shown in (3, 7, 100):
                with CaptureQueriesContext(connection) as asked_of_it:
                    compare_first(report, asked(parameters), sort, shown)
                of_one[parameters] += any("FROM one" in query["sql"] for query in asked_of_it)
    assert of_one[year] > 30
    assert not of_one[rolling]  # of which the year that goes on has a few days


def compare_first(report: Report, question: Question, sort: str, shown: int) -> None:
    what = report.slug, sort, question.parameters(), question.scope
    first = report.first and report.first(question, report.sorting(sort), shown)
    assert bool(first) == (sort.removeprefix("-") != "name"), what
    if not first:
        return
    whole = ordered(report, report.run(question), sort)
    assert first.row_count == len(whole.rows), what
    assert (plain(first.total), first.calls) == (plain(whole.total), whole.calls), what
    if not question.scope.masked_digits:
        assert list(map(plain, first.rows)) == list(map(plain, whole.rows[:shown])), what
        assert first.keys == whole.keys[:shown], what
    elif sort:
        name = sort.removeprefix("-")
        values = [[row[name] for row in answer.rows[:shown]] for answer in (first, whole)]
        assert values[0] == values[1], what
