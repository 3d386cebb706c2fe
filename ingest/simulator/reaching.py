"""How a caller reaches somebody: hunt groups, direct lines, forwarding, camp-on, voicemail.

Told as generators that yield seconds to wait. A person is `busy` from the first ring until they are out of the call,
so nobody is ever in two talks. Waits whose end the reader of the feed must tell apart from ring-all (devices that ring
within 2 seconds of each other ring together) last at least `UNANSWERED` seconds, at any tempo.
"""

from collections.abc import Generator

from ingest.simulator.played import PlayedCall
from ingest.simulator.staff import Group, Person

Story = Generator[int, None, None]
Taking = Generator[int, None, Person | None]
"""A story that ends with the person who has the call, or None when it is over or with a machine."""

UNANSWERED = 3


def hunt(call: PlayedCall, group: Group) -> Taking:
    """The caller is queued at `group`: its free members ring, or the caller waits for one."""
    office = call.office
    yield office.wait(0, 3)
    patience = office.wait(15, 100)
    while not (members := group.free_members()):
        if patience <= 0:
            return (yield from _out_of_patience(call, group))
        pause = office.wait(2, 5, least=1)
        patience -= pause
        yield pause
    if group.all_at_once:
        return (yield from _ring_all(call, group, members))
    return (yield from _ring_in_turn(call, group, office.shuffled(members)))


def _out_of_patience(call: PlayedCall, group: Group) -> Taking:
    """Nobody came free: the queue overflows to another group or to voicemail, or the caller gives up."""
    office = call.office
    ending = office.roll()
    other = office.open_group()
    if ending < 0.2 and other and other is not group and not call.diversions:
        call.divert(group.number, other.number)
        call.queue(other.number)
        return (yield from hunt(call, other))
    if ending < 0.4:
        call.divert(group.number, office.staff.voicemail)
        yield office.wait(0, 2)
        yield from voicemail(call)
        return None
    call.hang_up(names_device=office.chance(0.9))
    return None


def _ring_all(call: PlayedCall, group: Group, members: list[Person]) -> Taking:
    office = call.office
    for person in members:
        person.busy = True
    call.ring(members[0].number)
    if len(members) > 1 and office.chance(0.4):
        yield 1
    for person in members[1:]:
        call.ring(person.number)
    ending = office.roll()
    if ending < 0.08:
        yield office.wait(3, 25)
        _release(members)
        call.hang_up()
        return None
    if ending < 0.14:
        yield office.wait(18, 30, least=UNANSWERED)
        _release(members)
        call.divert(group.number, office.staff.voicemail)
        yield from voicemail(call)
        return None
    yield office.wait(2, 12)
    _release(members)
    taker = office.someone_free() if ending > 0.93 else None
    return take(call, taker or office.shuffled(members)[0])


def _ring_in_turn(call: PlayedCall, group: Group, members: list[Person]) -> Taking:
    office = call.office
    ringing: Person | None = None
    for person in members:
        if person.busy:
            continue
        if ringing:
            ringing.busy = False
            call.stop_ringing(ringing.number)
        ringing = person
        person.busy = True
        call.ring(person.number)
        ending = office.roll()
        if ending < 0.68:
            yield office.wait(2, 11)
            return take(call, person)
        if ending < 0.75:
            yield office.wait(2, 14)
            person.busy = False
            call.hang_up()
            return None
        yield office.wait(10, 16, least=UNANSWERED)
    if ringing:
        ringing.busy = False
    call.divert(group.number, office.staff.voicemail)
    yield from voicemail(call)
    return None


def ring_person(call: PlayedCall, person: Person) -> Taking:
    office = call.office
    person.busy = True
    call.ring(person.number)
    ending = office.roll()
    if ending < 0.66:
        yield office.wait(2, 14)
        return take(call, person)
    if ending < 0.76:
        yield office.wait(3, 25)
        person.busy = False
        call.hang_up()
        return None
    if ending < 0.81:
        yield office.wait(4, 15)
        person.busy = False
        return take(call, office.someone_free() or person)
    yield office.wait(16, 24, least=UNANSWERED)
    person.busy = False
    colleague = office.someone_free() if ending < 0.88 else None
    if colleague and colleague is not person:
        call.divert(person.number, colleague.number)
        return (yield from _ring_colleague(call, colleague))
    call.divert(person.number, office.staff.voicemail)
    yield from voicemail(call)
    return None


def forwarded(call: PlayedCall, person: Person) -> Taking:
    """The person forwards all calls to a colleague."""
    colleague = call.office.someone_free()
    if colleague is None or colleague is person:
        call.divert(person.number, call.office.staff.voicemail)
        yield from voicemail(call)
        return None
    call.divert(person.number, colleague.number)
    return (yield from _ring_colleague(call, colleague))


def _ring_colleague(call: PlayedCall, colleague: Person) -> Taking:
    """A call that was diverted rings here; unanswered, the caller gives up."""
    office = call.office
    colleague.busy = True
    call.ring(colleague.number)
    if office.chance(0.2):
        yield office.wait(5, 25)
        colleague.busy = False
        call.hang_up()
        return None
    yield office.wait(2, 12)
    return take(call, colleague)


def find_busy(call: PlayedCall, person: Person) -> Taking:
    """The direct line is engaged: camp on, or go to voicemail at once."""
    office = call.office
    if person.number in office.named and office.chance(0.5):
        call.queue(person.number)
        return (yield from camp_on(call, person))
    call.divert(person.number, office.staff.voicemail)
    yield from voicemail(call)
    return None


def camp_on(call: PlayedCall, person: Person) -> Taking:
    """The caller waits at a busy extension and rings as soon as it is free."""
    office = call.office
    patience = office.wait(10, 60)
    while person.busy:
        if patience <= 0:
            call.hang_up()
            return None
        pause = office.wait(1, 4, least=1)
        patience -= pause
        yield pause
    person.busy = True
    call.ring(person.number)
    yield office.wait(1, 6)
    return take(call, person)


def voicemail(call: PlayedCall) -> Story:
    """The call was diverted to voicemail, which answers after a ring; some callers leave no message."""
    office = call.office
    voicemail = office.staff.voicemail
    call.ring(voicemail)
    yield office.wait(0, 3)
    if office.chance(0.12):
        call.hang_up()
        return
    call.connect(voicemail)
    yield office.wait(4, 40)
    call.hang_up()


def take(call: PlayedCall, person: Person) -> Person:
    office = call.office
    person.busy = True
    first = call.answered_at is None
    call.connect(person.number)
    if first and call.direction == "in" and office.chance(0.35):
        learned = office.outside.caller() if not call.number and office.chance(0.3) else None
        call.modify(party=learned)
    return person


def _release(people: list[Person]) -> None:
    for person in people:
        person.busy = False
