"""What happens in a conversation, from the answer to the end: holds, recalls, transfers, account codes."""

from ingest.simulator.played import PlayedCall
from ingest.simulator.reaching import UNANSWERED, Story, Taking, camp_on, hunt, take, voicemail
from ingest.simulator.staff import Group, Person

MOST_PASSES = 3


def talk(call: PlayedCall, person: Person) -> Story:
    """From the answer to the end, through every hold and transfer."""
    office = call.office
    holder: Person | None = person
    passes = 0
    while holder:
        yield office.talk_time()
        act = office.roll()
        if act < 0.14:
            yield from _hold_and_retrieve(call, holder)
        elif act < 0.17:
            holder = yield from _hold_and_recall(call, holder)
        elif act < 0.185:
            yield from _lost_on_hold(call, holder)
            return
        elif act < 0.33 and passes < MOST_PASSES:
            passes += 1
            holder = yield from _pass_on(call, holder)
        elif act < 0.38:
            call.modify(account_code=office.account_code())
        else:
            holder.busy = False
            call.hang_up()
            return


def _hold_and_retrieve(call: PlayedCall, holder: Person) -> Story:
    call.hold(holder.number)
    yield call.office.wait(3, 40)
    call.connect(holder.number)


def _hold_and_recall(call: PlayedCall, holder: Person) -> Taking:
    """Forgotten on hold, the call recalls its holder; some callers have had enough by then."""
    office = call.office
    call.hold(holder.number)
    yield office.wait(30, 60)
    call.ring(holder.number)
    yield office.wait(2, 15)
    if office.chance(0.25):
        holder.busy = False
        call.hang_up()
        return None
    call.connect(holder.number)
    return holder


def _lost_on_hold(call: PlayedCall, holder: Person) -> Story:
    call.hold(holder.number)
    yield call.office.wait(10, 70)
    holder.busy = False
    call.hang_up()


def _pass_on(call: PlayedCall, holder: Person) -> Taking:
    """A transfer, if there is somebody to transfer to; else the talk goes on."""
    office = call.office
    kind = office.roll()
    if kind < 0.2:
        group = office.open_group()
        return (yield from _transfer_to_queue(call, holder, group)) if group else holder
    if kind < 0.3:
        target = office.someone_busy()
        return (yield from _transfer_to_busy(call, holder, target)) if target and target is not holder else holder
    target = office.someone_free()
    if target is None:
        return holder
    if kind < 0.65:
        return (yield from _announced_transfer(call, holder, target))
    return (yield from _blind_transfer(call, holder, target))


def _announced_transfer(call: PlayedCall, holder: Person, target: Person) -> Taking:
    """The caller is held while the two of them speak; an internal call, so the feed is silent about it."""
    office = call.office
    target.busy = True
    call.hold(holder.number)
    yield office.wait(4, 25)
    if office.chance(0.15):
        target.busy = False
        call.connect(holder.number)
        return holder
    call.transfer(holder.number, target.number)
    if office.chance(0.6):
        call.ring(target.number)
    call.connect(target.number)
    holder.busy = False
    return target


def _blind_transfer(call: PlayedCall, holder: Person, target: Person) -> Taking:
    """The target rings with nobody asking first: answered, lost, diverted to voicemail, or back to the holder."""
    office = call.office
    target.busy = True
    if office.chance(0.3):
        call.hold(holder.number)
        yield office.wait(1, 3)
    call.transfer(holder.number, target.number)
    call.ring(target.number)
    ending = office.roll()
    if ending < 0.7:
        holder.busy = False
        yield office.wait(2, 12)
        return take(call, target)
    if ending < 0.85:
        holder.busy = False
        yield office.wait(4, 25)
        target.busy = False
        call.hang_up()
        return None
    yield office.wait(15, 25, least=UNANSWERED)
    target.busy = False
    if ending < 0.93:
        holder.busy = False
        call.divert(target.number, office.staff.voicemail)
        yield from voicemail(call)
        return None
    call.stop_ringing(target.number)
    call.ring(holder.number)
    yield office.wait(1, 8)
    return take(call, holder)


def _transfer_to_queue(call: PlayedCall, holder: Person, group: Group) -> Taking:
    office = call.office
    if office.chance(0.4):
        call.hold(holder.number)
        yield office.wait(1, 4)
    holder.busy = False
    call.transfer(holder.number, group.number)
    call.queue(group.number)
    return (yield from hunt(call, group))


def _transfer_to_busy(call: PlayedCall, holder: Person, target: Person) -> Taking:
    """The target is on another call: the caller camps on."""
    holder.busy = False
    call.transfer(holder.number, target.number)
    call.queue(target.number)
    return (yield from camp_on(call, target))
