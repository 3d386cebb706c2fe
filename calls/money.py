"""Money as text. It is kept in millionths of a currency, as integers. Pure."""

MILLION = 1_000_000
FEWEST_DIGITS, CALL_DIGITS = 2, 4  # after the point
SIGNS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}


def exact(millionths: int) -> str:
    """Every digit that says something, at least two after the point: 0.12, 0.096, -3.00."""
    sign, digits = _digits(millionths, 6)
    return sign + digits


def shown(millionths: int, currency: str, digits: int = FEWEST_DIGITS) -> str:
    """As people read it: £12.40. Rounded half up to so many digits, of which those past the second may be left out."""
    sign, text = _digits(millionths, digits)
    mark = SIGNS.get(currency, f"{currency} ")
    return f"{sign.replace('-', '−')}{mark.lstrip()}{text}"


def of_a_call(millionths: int, currency: str) -> str:
    """The cost of one call, which may be less than a penny: £0.0234."""
    return shown(millionths, currency, CALL_DIGITS)


def _digits(millionths: int, digits: int) -> tuple[str, str]:
    step = 10 ** (6 - digits)
    units = (abs(millionths) + step // 2) // step
    whole, rest = divmod(units, 10**digits)
    after = f"{rest:0{digits}}".rstrip("0").ljust(FEWEST_DIGITS, "0")
    return "-" if millionths < 0 and units else "", f"{whole:,}.{after}" if digits != 6 else f"{whole}.{after}"
