"""Numbers as an SMDR line gives them (docs/feed.md, Numbers), where there are any from ranges kept for drama."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from calls.numbers import (
    NumberReading,
    display,
    is_short_number,
    may_be_valid,
    read_did,
    read_number,
    short_number,
    unallotted_number,
)
from calls.records import Flag

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def read(
    number: str, region: str = "GB", *, direction: str = "in", padding: str = "0", prefix: str = "", area: str = ""
) -> NumberReading:
    """A number as it was sent, its own leading zeros included."""
    raw = number.rjust(15, padding)
    return read_number(
        raw,
        number=raw.lstrip(padding),
        direction=direction,
        region=region,
        padding=padding,
        outside_prefix=prefix,
        area_code=area,
    )


def e164(number: str, region: str = "GB", **kwargs: str) -> str:
    return read(number, region, **kwargs).e164


@pytest.mark.parametrize("padding", ["0", " ", "*"])
@pytest.mark.parametrize(
    ("region", "sent", "expected"),
    [
        ("GB", "02079460712", "+442079460712"),
        ("GB", "07911123456", "+447911123456"),
        ("GB", "08081570123", "+448081570123"),
        ("GB", "442079460712", "+442079460712"),
        ("GB", "00442079460712", "+442079460712"),
        ("GB", "0012025550123", "+12025550123"),
        ("GB", "00112125550123", "+12125550123"),  # with the 1 that is dialled within America
        ("GB", "12025550123", "+12025550123"),
        ("GB", "0033199000012", "+33199000012"),
        ("US", "2125550123", "+12125550123"),
        ("US", "12125550123", "+12125550123"),
        ("US", "011442079460712", "+442079460712"),
        ("US", "442079460712", "+442079460712"),
        ("DE", "03023125123", "+493023125123"),
        ("FR", "0199000012", "+33199000012"),
        ("IT", "0612345678", "+390612345678"),
        ("AU", "0255500123", "+61255500123"),
    ],
)
def test_valid_numbers_whatever_the_padding(padding, region, sent, expected):
    assert e164(sent, region, padding=padding) == expected


@pytest.mark.parametrize("padding", ["0", " "])
@pytest.mark.parametrize("region", REGIONS)
def test_every_regions_example_number_as_dialled_within_it(region, padding):
    example = phonenumbers.example_number(region)
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    dialled = "".join(filter(str.isdigit, written))

    assert e164(dialled, region, padding=padding) == phonenumbers.format_number(
        example, phonenumbers.PhoneNumberFormat.E164
    )


@pytest.mark.parametrize(
    "sent",
    ["", "79XXXXXXXX", "079XXXXXXXX", "00044161XXXXXXX", "XXXXXXXXXXX", "anonymous", "SIP/1843", "+442079460712",
     "٠٢٠٧٩٤٦٠٧١٢", "０２０７９４６０７１２", "207946 0712", "²"],
)  # fmt: skip
@pytest.mark.parametrize("padding", ["0", " "])
def test_rule_1_withheld_masked_or_no_digits_has_no_e164(sent, padding):
    assert e164(sent, padding=padding, area="020", prefix="9", direction="out") == ""


@pytest.mark.parametrize("padding", ["0", " "])
@pytest.mark.parametrize(
    ("region", "sent"),
    [("GB", "999"), ("GB", "112"), ("GB", "101"), ("GB", "118118"), ("GB", "116123"), ("US", "911"), ("US", "411"),
     ("US", "112"), ("FR", "15"), ("DE", "110")],
)  # fmt: skip
def test_rule_2_short_and_emergency_numbers_have_no_e164_even_where_a_local_number_would(region, sent, padding):
    assert is_short_number(sent, region)
    for area in ("", "01234", "030"):
        assert read(sent, region, padding=padding, area=area, direction="out") == ("", 0)


def test_rule_2_after_the_outside_prefix_too():
    assert e164("118118", direction="out", area="01234") == ""
    assert e164("9118118", direction="out", area="01234", prefix="9") == ""


@pytest.mark.parametrize(
    ("number", "region"), [("9999", "GB"), ("0118118", "GB"), ("0", "GB"), ("000", "GB"), ("911", "FR"), ("1", "US")]
)
def test_rule_2_exactly(number, region):
    assert not is_short_number(number, region)


def test_rule_2_a_number_of_zeros_only():
    assert is_short_number("000", "AU")


@pytest.mark.parametrize("padding", ["0", " "])
@pytest.mark.parametrize(
    ("sent", "prefix", "region", "expected"),
    [
        ("902079460712", "9", "GB", "+442079460712"),
        ("90012025550123", "9", "GB", "+12025550123"),
        ("912125550123", "9", "US", "+12125550123"),
        ("92125550123", "9", "US", "+12125550123"),
        ("02079460712", "9", "GB", "+442079460712"),
        ("909098790123", "9", "GB", "+449098790123"),
        ("9909098790123", "9", "GB", ""),
        ("002079460712", "0", "GB", "+442079460712"),
        ("79460712", "9", "GB", ""),
        ("9", "9", "GB", ""),
    ],
)
def test_rule_3_an_outgoing_calls_outside_prefix_is_taken_off_once(padding, sent, prefix, region, expected):
    assert e164(sent, region, direction="out", padding=padding, prefix=prefix) == expected


def test_rule_3_is_for_outgoing_calls():
    assert e164("902079460712", direction="in", padding=" ", prefix="9") == ""


def test_rule_3_zeros_before_the_outside_prefix_are_no_part_of_the_number():
    digits = "1133199000012"

    assert read_number(f"00{digits}", number=digits, direction="out", region="US").e164 == "+33199000012"
    assert read_number(f"09{digits}", number=f"9{digits}", direction="out", region="US", outside_prefix="9").e164 == ""


@pytest.mark.parametrize(
    ("sent", "padding", "expected", "flags"),
    [
        ("02030230275", "0", "+442030230275", Flag.NUMBER_AMBIGUOUS),  # +20 30230275 would be in Egypt
        ("02030230275", " ", "+442030230275", Flag(0)),
        ("2030230275", " ", "+442030230275", Flag.NUMBER_AMBIGUOUS),
        ("02079460712", "0", "+442079460712", Flag(0)),
        ("442079460712", "0", "+442079460712", Flag(0)),
    ],
)
def test_rule_4_of_two_valid_readings_the_national_one_flagged(sent, padding, expected, flags):
    assert read(sent, padding=padding) == (expected, flags)


def test_rule_4_a_padding_other_than_zero_tells_national_from_abroad():
    assert e164("02030230275", padding=" ") == "+442030230275"
    assert e164("002030230275", padding=" ") == "+2030230275"
    assert e164("00442030230275", padding=" ") == "+442030230275"


@pytest.mark.parametrize(
    ("sent", "region", "padding"),
    [
        ("0442079460712", "GB", " "),  # one more 0 would make it 0044…
        ("049302312500001", "GB", " "),
        ("1012025550123", "RU", "0"),  # Russia's trunk prefix is 8, and 810 goes abroad
    ],
)
def test_rule_4_no_digit_is_put_back_that_leads_abroad(sent, region, padding):
    assert e164(sent, region, padding=padding) == ""


def test_rule_4_no_more_zeros_than_the_element_had():
    digits = "11442079460712"

    assert read_number("0" + digits, number=digits, direction="out", region="US").e164 == "+442079460712"
    assert read_number(digits, number=digits, direction="out", region="US").e164 == ""


@pytest.mark.parametrize("padding", ["0", " "])
@pytest.mark.parametrize(
    ("sent", "region", "area", "expected"),
    [
        ("79460712", "GB", "020", "+442079460712"),
        ("79460712", "GB", "20", "+442079460712"),
        ("79460712", "GB", "", ""),
        ("5550123", "US", "212", "+12125550123"),
        ("5550123", "US", "", ""),
        ("4960123", "GB", "0113", "+441134960123"),
        ("23", "GB", "0113", ""),
    ],
)
def test_rule_5_a_local_number_with_the_trunks_area_code(padding, sent, region, area, expected):
    assert e164(sent, region, area=area, padding=padding, direction="out") == expected
    assert e164(sent, region, area=area, padding=padding, direction="in") == expected


@pytest.mark.parametrize("sent", ["07700900123", "00447700900123", "1", "12345", "01632960123", "099999999999999"])
def test_rule_6_what_no_plan_knows_has_no_e164(sent):
    """The plan calls the mobile range kept for drama, and Britain's area code for drama, invalid."""
    assert e164(sent) == ""


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        ("123456789012345", Flag.NUMBER_FULL_WIDTH),
        ("XXXXXXXXXXXXXXX", Flag.NUMBER_FULL_WIDTH),
        ("12345678901234", Flag(0)),
    ],
)
def test_a_number_in_all_fifteen_places_may_be_cut(sent, flags):
    assert read(sent).flags == flags


def test_a_full_width_number_that_is_valid_is_read_and_flagged():
    assert read("011442079460712", "US", padding=" ") == ("+442079460712", Flag.NUMBER_FULL_WIDTH)


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("441614960001", "GB", "+441614960001"),
        ("1614960001", "GB", "+441614960001"),
        ("01614960001", "GB", "+441614960001"),
        ("2125550123", "US", "+12125550123"),
        ("12125550123", "GB", "+12125550123"),
        ("44161XXXXXXX", "GB", ""),
        ("5001", "GB", ""),
        ("", "GB", ""),
    ],
)
def test_a_did_is_international_if_valid_else_national_else_text(number, region, expected):
    assert read_did(number, region) == expected


@pytest.mark.parametrize(
    ("number", "e164", "region", "shown"),
    [
        ("2079460712", "+442079460712", "GB", "020 7946 0712"),
        ("442079460712", "+442079460712", "US", "+44 20 7946 0712"),
        ("2125550123", "+12125550123", "US", "(212) 555-0123"),
        ("12125550123", "+12125550123", "GB", "+1 212-555-0123"),
        ("79XXXXXXXX", "", "GB", "79XXXXXXXX"),
        ("07700900363", "", "GB", "07700 900363"),  # of a range that nobody has
        ("07700900363", "", "US", "07700900363"),
        ("00353209162569", "", "GB", "00353209162569"),
        ("0800", "", "GB", "0800"),
        ("999", "", "GB", "999"),
        ("", "", "GB", ""),
    ],
)
def test_as_people_write_it(number, e164, region, shown):
    assert display(number, e164, region) == shown


@settings(max_examples=300, deadline=None)
@given(
    raw=st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=15),
        st.text("0123456789", max_size=15).map(lambda digits: digits.rjust(15, "0")),
    ),
    direction=st.sampled_from(["in", "out"]),
    region=st.sampled_from(["GB", "US", "DE", "AU", "RU", "SM", "ZZ", ""]),
    padding=st.sampled_from(["0", " ", "X"]),
    prefix=st.sampled_from(["", "9", "0", "00"]),
    area=st.sampled_from(["", "020", "212", "x", "+44"]),
)
def test_any_text_is_read_without_failing(raw, direction, region, padding, prefix, area):
    number = raw.lstrip(padding)

    reading = read_number(
        raw, number=number, direction=direction, region=region, padding=padding, outside_prefix=prefix, area_code=area
    )

    if reading.e164:
        assert phonenumbers.is_valid_number(phonenumbers.parse(reading.e164))
        assert len(reading.e164) <= 16
    assert isinstance(display(number, reading.e164, region), str)
    assert isinstance(display(number, read_did(number, region), region), str)


@pytest.mark.parametrize("region", REGIONS)
def test_no_valid_reading_is_passed_over(region):
    """`may_be_valid` spares the library work; what the library takes for valid, it must let through."""
    home = str(phonenumbers.country_code_for_region(region))
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        national = phonenumbers.national_significant_number(example)
        prefixes = (
            "",
            "0",
            "00",
            "1",
            "8",
            "011",
            home,
            f"00{home}",
            f"0{home}",
            f"{home}0",
            f"{home}00",
            f"000{home}",
        )
        for prefix in prefixes:
            for text, read_in in ((prefix + national, region), (f"+{prefix}{national}", None)):
                if library_says_valid(text, read_in):
                    assert may_be_valid(text, read_in), (text, read_in)


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.text("0123456789", min_size=1, max_size=17),
    st.booleans(),
)
def test_no_valid_digits_are_passed_over(region, digits, is_international):
    text, read_in = (f"+{digits}", None) if is_international else (digits, region)
    assert may_be_valid(text, read_in) or not library_says_valid(text, read_in)


def library_says_valid(text: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("7700900123", "GB", "447700900123"),  # kept for films
        ("07700900123", "GB", "447700900123"),
        ("1632960123", "GB", "441632960123"),
        ("79460712", "GB", ""),  # local: which town?
        ("2040", "GB", ""),
        ("353201234567", "GB", ""),  # may be abroad
        ("4930123456", "GB", ""),
        ("7911XXXXXX", "GB", ""),
        ("", "GB", ""),
        ("5550100123", "US", ""),  # just as long as a number of Brazil
        ("0612345678", "IT", ""),  # lengths differ there, and the zero stays
    ],
)
def test_a_number_that_no_plan_knows_is_only_read_where_it_can_be_nothing_else(number, region, expected):
    assert unallotted_number(number, region) == expected


@pytest.mark.parametrize(
    ("number", "prefix", "expected"),
    [("999", "", "999"), ("9999", "9", "999"), ("999", "9", "999"), ("9118500", "9", "118500"), ("2040", "9", ""),
     ("9", "9", ""), ("99X", "", "")],
)  # fmt: skip
def test_short_numbers_with_and_without_the_outside_line_prefix(number, prefix, expected):
    assert short_number(number, direction="out", region="GB", outside_prefix=prefix) == expected
