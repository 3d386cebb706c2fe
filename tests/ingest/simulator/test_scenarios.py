"""Everything that can happen in the office does happen in 5,000 calls."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tests.ingest.simulator.conftest import PlayedDay

Account = dict[str, Any]
GROUPS = {"7001", "7002", "7003", "7004"}
VOICEMAIL = "7999"
ATTENDANT = "7900"


def story(account: Account) -> list[tuple[str, str]]:
    return [(leg["began_by"], leg["outcome"]) for leg in account["legs"]]


def devices(account: Account) -> list[str]:
    return [leg["extension"] for leg in account["legs"]]


def rang_together(account: Account) -> bool:
    return sum(leg["outcome"] == "answered_elsewhere" for leg in account["legs"]) >= 3


SCENARIOS: dict[str, Callable[[Account], bool]] = {
    "hunt group, ring-all": rang_together,
    "hunt group, one after another": lambda a: (
        story(a)[:3] == [("initial", "answered_elsewhere"), ("alerted", "missed"), ("alerted", "answered")]
    ),
    "abandoned in the queue": lambda a: a["outcome"] == "abandoned" and story(a) == [("initial", "missed")]
    and a["extension"] in GROUPS,
    "abandoned while members ring": lambda a: a["outcome"] == "abandoned" and a["extension"] in GROUPS
    and a["ring_seconds"] > 0 and not a["diversions"],
    "abandoned while ringing": lambda a: a["outcome"] == "abandoned" and a["queue_seconds"] == 0
    and story(a) == [("initial", "missed")],
    "queue overflows to another group": lambda a: a["extension"] in GROUPS
    and any(leg["began_by"] == "diverted" and leg["extension"] in GROUPS for leg in a["legs"]),
    "group's voicemail": lambda a: a["extension"] in GROUPS and VOICEMAIL in devices(a) and not a["transfers"],
    "no answer, voicemail": lambda a: story(a) == [("initial", "diverted"), ("diverted", "answered")]
    and a["last_extension"] == VOICEMAIL and a["legs"][0]["ring_seconds"] > 0,
    "no answer, a colleague": lambda a: story(a)[:2] == [("initial", "diverted"), ("diverted", "answered")]
    and a["last_extension"] != VOICEMAIL and a["legs"][0]["ring_seconds"] > 0,
    "forwarded at once": lambda a: story(a)[0] == ("initial", "diverted") and a["extension"] not in GROUPS
    and a["legs"][0]["started_at"] == a["legs"][0]["ended_at"],
    "picked up by a colleague": lambda a: ("picked_up", "answered") in story(a),
    "camped on": lambda a: a["extension"] not in GROUPS and a["legs"][0]["queue_seconds"] > 0
    and story(a)[0] == ("initial", "answered"),
    "auto attendant": lambda a: a["answered_by"] == ATTENDANT and a["transfers"] > 0,
    "outgoing, answered": lambda a: a["direction"] == "out" and a["outcome"] == "answered",
    "outgoing, no answer": lambda a: a["outcome"] == "no_answer" and story(a) == [("initial", "no_answer")],
    "outgoing, transferred": lambda a: a["direction"] == "out" and a["transfers"] > 0,
    "account code": lambda a: a["account_code"] != "",
    "held and retrieved": lambda a: a["holds"] > 0 and a["hold_seconds"] > 0 and not a["transfers"]
    and not a["lost_on_hold"],
    "hold recall": lambda a: len(a["legs"]) == 1 and a["holds"] > 0
    and a["ring_seconds"] > (a["time_to_answer_seconds"] or 0),
    "lost on hold": lambda a: a["lost_on_hold"],
    "transferred": lambda a: ("transferred", "answered") in story(a),
    "transferred twice": lambda a: a["transfers"] > 1,
    "transferred to a queue": lambda a: any(
        leg["began_by"] == "transferred" and leg["extension"] in GROUPS and leg["from_extension"] != ATTENDANT
        for leg in a["legs"]
    ),
    "camped on after a transfer": lambda a: any(
        leg["began_by"] == "transferred" and leg["extension"] not in GROUPS and leg["queue_seconds"]
        for leg in a["legs"]
    ),
    "transfer comes back": lambda a: ("transferred", "missed") in story(a) and story(a)[-1] == ("alerted", "answered"),
    "transfer ends in voicemail": lambda a: ("transferred", "diverted") in story(a),
    "lost in transfer": lambda a: a["lost_in_transfer"],
    "withheld": lambda a: a["number"] == "",
    "masked": lambda a: "X" in a["number"],
    "abroad": lambda a: a["number"].startswith(("1202555", "353", "33199")),
    "no DID": lambda a: a["direction"] == "in" and not a["did"],
    "a bar in the contact name": lambda a: "|" in a["contact_name"],
    "beyond ASCII": lambda a: not a["contact_name"].isascii(),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_happens(day: PlayedDay, name: str) -> None:
    assert any(SCENARIOS[name](account) for account in day.accounts)


def test_both_kinds_of_transfer_happen(day: PlayedDay) -> None:
    names: dict[bytes, list[tuple[int, bytes]]] = defaultdict(list)
    for at, line in day.lines:
        names[line[26:48]].append((at, line[-15:-3].strip()))
    after = Counter()
    for events in names.values():
        for (_, before), (at, name), (next_at, following) in zip(events, events[1:], events[2:], strict=False):
            if name == b"TRANSFERRED":
                after[before == b"HOLD", at == next_at, following] += 1
    announced_without_a_ring = {(True, True, b"CONNECTED"), (True, True, b"CALLCONNECTE")}
    blind = {(False, True, b"RINGING"), (False, True, b"QUEUED")}
    assert after.keys() >= announced_without_a_ring | blind | {(True, True, b"RINGING")}


def test_the_wire_shows_every_form(day: PlayedDay) -> None:
    forms = Counter((len(line), line[21:24]) for _, line in day.lines)
    assert forms.keys() == {(164, b"IN "), (164, b"OUT"), (151, b"OUT")}
    connected = Counter(line[-15:-3] for _, line in day.lines)
    assert connected[b"CALLCONNECTE"] > 0
    assert connected[b"CONNECTED   "] > connected[b"CALLCONNECTE"]
    assert any(line[57:64] == b"0000000" for _, line in day.lines)  # a clear-down that names no device
    seconds = Counter((at, line[26:48]) for at, line in day.lines)
    assert max(seconds.values()) >= 4


def test_a_call_may_learn_its_number_late(day: PlayedDay) -> None:
    first: dict[str, bytes] = {}
    for _, line in day.lines:
        first.setdefault(line[26:48].decode(), line[73:88])
    assert any(account["number"] and first[account["call_id"]] == b"0" * 15 for account in day.accounts)
