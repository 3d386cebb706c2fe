import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.access import Scope
from calls.models import Call
from calls.number_search import NotANumberError, number_condition
from tests.calls.factories import make_call

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def london():
    return make_call(number="2079460712", e164="+442079460712")


@pytest.fixture
def others(london):
    return [
        make_call(number="1614960018", e164="+441614960018"),
        make_call(number="12125550123", e164="+12125550123"),
        make_call(number="", e164=""),
    ]


@pytest.mark.parametrize(
    "typed",
    [
        "020 7946 0712",
        "+44 20 7946 0712",
        "0044 20 7946 0712",
        "+44 (0)20 7946 0712",
        "2079460712",
        "442079460712",
        "020 7946",
        "+44 20",
        "0207",
        "(020) 7946-0712",
    ],
)
def test_a_number_is_found_however_it_is_typed(typed, london, others):
    assert list(Call.objects.filter(number_condition(typed, "GB"))) == [london]


def test_a_number_abroad_is_found_by_its_own_prefix(london, others):
    for typed in ("+1 212", "001 212", "1212"):
        assert list(Call.objects.filter(number_condition(typed, "GB"))) == [others[1]]
    assert list(Call.objects.filter(number_condition("212-555", "US"))) == [others[1]]
    assert list(Call.objects.filter(number_condition("011 44 20", "US"))) == [london]


def test_a_number_without_e164_is_found_as_it_came(others):
    masked = make_call(number="79XXXXXXXX", e164="")
    for typed in ("079XX", "79X", "79XXXXXXXX"):
        assert list(Call.objects.filter(number_condition(typed, "GB"))) == [masked]


@pytest.mark.parametrize("typed", ["", " ", "020%", "a'b", "1" * 21, "+", "\x00", "０２０"])
def test_what_is_no_number_is_refused(typed):
    with pytest.raises(NotANumberError):
        number_condition(typed, "GB")


def test_hidden_digits_select_nothing(london, others):
    assert list(Call.objects.filter(number_condition("020 7946", "GB", masked_digits=4))) == [london]
    for guess in ("020 7946 0", "+44 20 7946 07", "2079460", "20794607"):
        assert not Call.objects.filter(number_condition(guess, "GB", masked_digits=4)).exists()


def test_a_whole_number_selects_all_that_look_the_same(london):
    twin = make_call(number="2079460999", e164="+442079460999")
    found = Call.objects.filter(number_condition("020 7946 0712", "GB", masked_digits=4))
    assert set(found) == {london, twin}


@given(st.text("0123456789+ ", min_size=1, max_size=14), st.integers(1, 12))
def test_two_numbers_that_look_the_same_are_never_told_apart(typed, masked_digits):
    scope = Scope(departments=None, masked_digits=masked_digits)
    numbers = [("2079460712", "+442079460712"), ("2079460799", "+442079460799"), ("2079468888", "+442079468888")]
    try:
        condition = number_condition(typed, "GB", masked_digits)
    except NotANumberError:
        return
    seen: dict[str, set[bool]] = {}
    for number, e164 in numbers:
        seen.setdefault(scope.mask(e164), set()).add(condition.check({"number": number, "number_e164": e164}))
    assert all(len(answers) == 1 for answers in seen.values())


@given(st.integers(1, 12), st.sampled_from(["99999999999", "79XXXXXXXX", "1999*5", "2079460712"]))
def test_every_beginning_of_a_number_finds_it(length, number):
    e164 = f"+{number}" if number.isdigit() else ""
    prefix = number[:length]
    assert number_condition(prefix, "GB").check({"number": number, "number_e164": e164})
    if e164:
        assert number_condition(f"+{prefix}", "GB").check({"number": "", "number_e164": e164})
