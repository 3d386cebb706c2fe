"""SMDR lines as a PBX writes them, for tests: one byte a character, without the line end."""

DOCUMENT_EXAMPLE = (
    b"2012-03-09 12:46:59 |OUT| 2012030900465982190047 0092808 0001843 0000000 0000079XXXXXXXX |              |"
    b" 000000000000000              000000000000 |RINGING     |"
)
"""The vendor's own example of an outgoing call, at its full 162 characters."""


def smdr_line(
    *,
    stamp: str = "2012-03-09 13:20:40",
    direction: str = "IN",
    call_id: str = "2012030913204052070264",
    trunk: str = "92108",
    extension: str = "1843",
    source_extension: str = "",
    number: str = "02079460712",
    contact_name: str = "",
    did: str = "441614960001",
    did_name: str | None = "",
    account_code: str = "",
    event: str = "RINGING",
    padding: str = "0",
    encoding: str = "cp1252",
) -> bytes:
    """A line of 162 characters; `did_name` None gives the 149 of an outgoing call that leaves the element out.

    Elements are padded to their widths and never cut, so that too long a value makes a malformed line.
    """
    did_element = "" if did_name is None else f"|{did_name:<10}| "
    if direction == "OUT" and did_name == "":
        did_element = " " * 13
    return (
        f"{stamp} |{direction:<3}| {call_id} {trunk.rjust(7, padding)} {extension.rjust(7, padding)}"
        f" {source_extension.rjust(7, padding)} {number.rjust(15, padding)} |{contact_name:<14}|"
        f" {did.rjust(15, padding)} {did_element}{account_code.rjust(12, padding)} |{event:<12}|"
    ).encode(encoding)
