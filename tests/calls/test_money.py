import pytest

from calls import money


@pytest.mark.parametrize(
    ("millionths", "exact", "call", "total"),
    [
        (0, "0.00", "£0.00", "£0.00"),
        (12_400_000, "12.40", "£12.40", "£12.40"),
        (96_000, "0.096", "£0.096", "£0.10"),
        (23_450, "0.02345", "£0.0235", "£0.02"),
        (1, "0.000001", "£0.00", "£0.00"),
        (-18_204_999, "-18.204999", "−£18.205", "−£18.20"),
        (-4_999, "-0.004999", "−£0.005", "£0.00"),
        (1_234_567_890_000, "1234567.89", "£1,234,567.89", "£1,234,567.89"),
    ],
)
def test_money_as_text(millionths, exact, call, total):
    assert money.exact(millionths) == exact
    assert money.of_a_call(millionths, "GBP") == call
    assert money.shown(millionths, "GBP") == total


def test_a_currency_without_a_sign_is_named():
    assert money.shown(12_400_000, "CHF") == "CHF 12.40"
    assert money.shown(12_400_000, "") == "12.40"
