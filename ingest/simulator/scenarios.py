"""What happens to calls in the simulated office, by how they begin: told as generators that yield seconds to wait."""

from typing import TYPE_CHECKING

from ingest.simulator.conversation import talk
from ingest.simulator.played import PlayedCall
from ingest.simulator.reaching import Story, find_busy, forwarded, hunt, ring_person
from ingest.simulator.staff import Group

if TYPE_CHECKING:
    from ingest.simulator.office import Office


def any_call(office: "Office") -> Story:
    kind = office.roll()
    if kind < 0.38:
        return to_group(office, office.any_group())
    if kind < 0.62:
        return to_person(office)
    if kind < 0.7:
        return to_attendant(office)
    return outgoing(office)


def to_group(office: "Office", group: Group) -> Story:
    """A caller dials a department and waits at its hunt group."""
    has_did = office.chance(0.95)
    call = PlayedCall(
        office,
        "in",
        office.seize_trunk(),
        office.outside.caller(),
        group.did if has_did else "",
        group.name if has_did else "",
    )
    call.queue(group.number)
    taker = yield from hunt(call, group)
    if taker:
        yield from talk(call, taker)


def to_person(office: "Office") -> Story:
    """A caller dials somebody's direct line."""
    person = office.someone()
    call = PlayedCall(office, "in", office.seize_trunk(), office.outside.caller(), person.did, person.did_name)
    if person.busy:
        taker = yield from find_busy(call, person)
    elif office.chance(0.06):
        taker = yield from forwarded(call, person)
    else:
        taker = yield from ring_person(call, person)
    if taker:
        yield from talk(call, taker)


def to_attendant(office: "Office") -> Story:
    """The auto attendant answers, plays its menu and passes the caller on to a department."""
    attendant = office.staff.attendant
    group = office.any_group()
    call = PlayedCall(office, "in", office.seize_trunk(), office.outside.caller(), group.did, "Main line")
    call.ring(attendant)
    yield office.wait(0, 2)
    call.connect(attendant)
    yield office.wait(5, 14)
    if group.number not in office.named or office.chance(0.1):
        call.hang_up()
        return
    call.transfer(attendant, group.number)
    call.queue(group.number)
    taker = yield from hunt(call, group)
    if taker:
        yield from talk(call, taker)


def outgoing(office: "Office") -> Story:
    """Somebody in the office dials out; when nobody is free, a call comes in instead."""
    person = office.someone_free()
    if person is None:
        yield from to_group(office, office.any_group())
        return
    person.busy = True
    call = PlayedCall(office, "out", office.seize_trunk(), office.outside.callee())
    call.ring(person.number)
    if office.chance(0.2):
        yield office.wait(8, 35)
        person.busy = False
        call.hang_up()
        return
    yield office.wait(2, 16)
    call.connect(person.number)
    if office.chance(0.4):
        yield office.wait(1, 8)
        call.modify(account_code=office.account_code())
        if office.chance(0.1):
            yield office.wait(1, 8)
            call.modify(account_code=office.account_code())
    yield from talk(call, person)
