"""The four calls of the vendor's page, folded and worked by hand."""

from calls.assembly import fold
from tests.calls.strategies import ended_call, events_of, leg

INBOUND = {
    "number_raw": "0000079XXXXXXXX",
    "number": "79XXXXXXXX",
    "contact_name": "CHRIS R MOBILE",
    "did": "44161XXXXXXX",
    "did_name": "CHRIS DID",
}
OUTBOUND = {
    "direction": "out",
    "trunk": "92808",
    "number_raw": "0000079XXXXXXXX",
    "number": "79XXXXXXXX",
}


def test_inbound():
    # 01:20:40
    events = events_of(
        (0, "RINGING", "1843"),
        (3, "ANSWERED", "1843"),
        (3, "CALLMODIFIED", "1843"),
        (6, "DISCONNECTED", "1843"),
        **INBOUND,
    )
    assert fold(events, {}) == ended_call(
        6,  # :46 − :40
        "answered",
        leg("1843", (0, 6), "answered", answered=3, ring=3, talk=3),
        answered=(3, "1843"),
        ring=3,  # :43 − :40
        talk=3,  # :46 − :43
        billable=3,
        **INBOUND,
    )


def test_outbound():
    # 12:46:59
    events = events_of(
        (0, "RINGING", "1843"),
        (7, "ANSWERED", "1843"),
        (11, "DISCONNECTED", "1843"),
        **OUTBOUND,
    )
    assert fold(events, {}) == ended_call(
        11,  # 12:47:10 − 12:46:59
        "answered",
        leg("1843", (0, 11), "answered", answered=7, ring=7, talk=4),
        answered=(7, "1843"),
        ring=7,  # 12:47:06 − 12:46:59
        talk=4,  # :10 − :06
        billable=4,
        **OUTBOUND,
    )


def test_held_then_retrieved():
    # 01:20:53
    events = events_of(
        (0, "RINGING", "1843"),
        (1, "ANSWERED", "1843"),
        (1, "CALLMODIFIED", "1843"),
        (2, "HOLD", "1843"),
        (5, "CONNECTED", "1843"),
        (7, "DISCONNECTED", "1843"),
        **INBOUND,
    )
    assert fold(events, {}) == ended_call(
        7,  # 01:21:00 − 01:20:53
        "answered",
        leg("1843", (0, 7), "answered", answered=1, ring=1, talk=3, hold=3),
        answered=(1, "1843"),
        ring=1,  # :54 − :53
        talk=3,  # :55 − :54, 21:00 − 20:58
        hold=3,  # :58 − :55
        billable=6,  # 21:00 − 20:54
        holds=1,
        **INBOUND,
    )


def test_transferred():
    # 01:31:15
    events = events_of(
        (0, "RINGING", "1843"),
        (3, "ANSWERED", "1843"),
        (5, "HOLD", "1843"),
        (12, "TRANSFERRED", "2560", "1843"),
        (12, "RINGING", "2560"),
        (12, "CONNECTED", "2560"),
        (14, "DISCONNECTED", "2560"),
        **INBOUND,
    )
    assert fold(events, {}) == ended_call(
        14,  # :29 − :15
        "answered",
        leg("1843", (0, 12), "transferred", answered=3, ring=3, talk=2, hold=7),
        leg("2560", (12, 14), "answered", by="transferred", source="1843", answered=12, talk=2),
        answered=(3, "1843"),
        ring=3,  # :18 − :15
        talk=4,  # :20 − :18, :29 − :27
        hold=7,  # :27 − :20
        billable=11,  # :29 − :18
        source="1843",
        transfers=1,
        holds=1,
        **INBOUND,
    )
