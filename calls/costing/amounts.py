"""Exact amounts in words, and the one place where a call's cost is rounded. Pure Python: integers and Decimal only."""

from decimal import Decimal
from fractions import Fraction

from calls.costing.terms import Rounding

SHOWN = 1_000_000  # a trace shows amounts to a millionth
KEPT_DP = 6  # a call's stored cost is in millionths
UNENDING_DP = 20  # digits kept of a cost that no decimal number is equal to, where it is not to be rounded


def rounded(numerator: int, denominator: int, rounding: Rounding) -> Decimal:
    """`numerator` / `denominator` (0 or more), with exactly the rounding's digits after the point.

    Half up and up round away from zero. Without rounding: all digits if they end, else the first 20, half up.
    """
    if rounding.method == "none":
        exact = Fraction(numerator, denominator)
        dp = _ending_dp(exact.denominator)
        return _decimal(*_half_up(exact.numerator, exact.denominator, UNENDING_DP if dp is None else dp))
    scale: int = 10**rounding.dp
    if rounding.method == "half_up":
        return _decimal(*_half_up(numerator, denominator, rounding.dp))
    units, rest = divmod(numerator * scale, denominator)
    return _decimal(units + 1 if rest and rounding.method == "up" else units, rounding.dp)


def in_millionths(numerator: int, denominator: int, rounding: Rounding) -> int:
    """`numerator` / `denominator` (0 or more) as it is kept: rounded once.

    Where the rounding asks for more digits than a millionth has, or for all of them, it is to the millionth; half up
    where no method is named.
    """
    dp = KEPT_DP if rounding.method == "none" else min(rounding.dp, KEPT_DP)
    if rounding.method in {"none", "half_up"}:
        units, _ = _half_up(numerator, denominator, dp)
    else:
        units, rest = divmod(numerator * 10**dp, denominator)
        if rest and rounding.method == "up":
            units += 1
    return int(units * 10 ** (KEPT_DP - dp))


def plain(amount: Decimal) -> str:
    """An amount as people write it, without an exponent."""
    return f"{amount:f}"


def amount_text(numerator: int, denominator: int) -> str:
    """An exact amount for reading: at least two digits after the point, and “…” where a millionth is not the end."""
    millionths, rest = divmod(numerator * SHOWN, denominator)
    digits = f"{millionths:07}"
    text = f"{digits[:-6]}.{digits[-6:]}"
    if rest:
        return text + "…"
    return text[:-4] + text[-4:].rstrip("0")


def _half_up(numerator: int, denominator: int, dp: int) -> tuple[int, int]:
    return (2 * numerator * 10**dp + denominator) // (2 * denominator), dp


def _decimal(units: int, dp: int) -> Decimal:
    if not dp:
        return Decimal(units)
    scale = 10**dp
    return Decimal(f"{units // scale}.{units % scale:0{dp}}")


def _ending_dp(denominator: int) -> int | None:
    """How many digits after the point a fraction in lowest terms has, or None if they never end."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    return max(twos, fives) if denominator == 1 else None
