"""The legs of one call while its events are taken: which ring since when, and whose the other time is.

Pure. `owner` is the leg whose talk, hold or queue time passes; ringing may go on at several legs at once.
"""

from collections.abc import Mapping

from calls.records import DeviceKind, FoldedLeg, LegOutcome

RING_TOGETHER_SECONDS = 2

# Plain strings: an enum member costs a look-up and a slower comparison at every event.
GROUP = DeviceKind.GROUP.value
ANSWERED = LegOutcome.ANSWERED.value
MISSED = LegOutcome.MISSED.value
ANSWERED_ELSEWHERE = LegOutcome.ANSWERED_ELSEWHERE.value
DIVERTED = LegOutcome.DIVERTED.value
TRANSFERRED = LegOutcome.TRANSFERRED.value
NO_ANSWER = LegOutcome.NO_ANSWER.value
IN_PROGRESS = LegOutcome.IN_PROGRESS.value


class Legs:
    """The legs of a call, in order of their beginning, and what each is doing."""

    __slots__ = ("kinds", "legs", "owner", "ringing", "unalerted", "unnamed")

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.legs: list[FoldedLeg] = []
        self.owner: FoldedLeg | None = None
        self.ringing: dict[int, int] = {}  # position of a ringing leg → since when
        self.unalerted: FoldedLeg | None = None  # begun by DIVERTED or TRANSFERRED, its RINGING still to come
        self.unnamed: FoldedLeg | None = None  # begun by an event that did not say for sure where

    def _begin(self, at: int, device: str, began_by: str, source: str = "") -> FoldedLeg:
        leg = FoldedLeg(device, len(self.legs), began_by, source, at, None, None, 0, 0, 0, 0, IN_PROGRESS)
        self.legs.append(leg)
        if not device:
            self.unnamed = leg
        return leg

    def _open_leg(self, device: str) -> FoldedLeg | None:
        """The device's leg that has not ended; an unnamed one is that of the first device to ask, and gets its name.

        It is not that of a device that had the call, or rang, elsewhere while the unnamed one did.
        """
        unnamed = self.unnamed
        for leg in self.legs:
            if leg.extension == device and leg.outcome == IN_PROGRESS:
                break
        else:
            if unnamed is None or self._was_elsewhere(device, unnamed):
                return None
            leg = unnamed
        if leg is unnamed and device:
            leg.extension = device
            self.unnamed = None
        return leg

    def _was_elsewhere(self, device: str, unnamed: FoldedLeg) -> bool:
        return any(
            leg.extension == device
            and leg.ended_at is not None
            and (leg.ended_at > unnamed.started_at or leg.position > unnamed.position)
            for leg in self.legs
        )

    def _ring(self, leg: FoldedLeg, at: int) -> None:
        self.ringing.setdefault(leg.position, at)

    def _stop_ringing(self, leg: FoldedLeg, at: int) -> None:
        since = self.ringing.pop(leg.position, None)
        if since is not None:
            leg.ring_seconds += at - since

    def _close(self, leg: FoldedLeg, at: int, outcome: str) -> None:
        """The call leaves the device. A leg that had the call was `answered`, unless its user passed the call on."""
        self._stop_ringing(leg, at)
        leg.ended_at = at
        leg.outcome = outcome if leg.answered_at is None or outcome == TRANSFERRED else ANSWERED
        if leg is self.owner:
            self.owner = None
        if leg is self.unnamed:
            self.unnamed = None

    def _alert(self, at: int, leg: FoldedLeg) -> None:
        """RINGING at the leg's device: it rings together with what began to ring within 2 seconds, or instead of it.

        RINGING repeated at a device that rings says nothing new. After DIVERTED or TRANSFERRED a leg rings already
        when its own RINGING comes.
        """
        ringing, position = self.ringing, leg.position
        if position in ringing:
            if leg is not self.unalerted:
                return
            self.unalerted = None
        if ringing:
            first = min((since for other, since in ringing.items() if other != position), default=at)
            if at - first > RING_TOGETHER_SECONDS:
                self._end_ringing(at, spare=leg)
        ringing.setdefault(position, at)

    def _end_ringing(self, at: int, spare: FoldedLeg | None) -> None:
        """Whatever rings has missed the call; only a group's leg stays open, for its members."""
        for position in list(self.ringing):
            leg = self.legs[position]
            if leg is spare:
                continue
            if self.kinds.get(leg.extension) == GROUP:
                self._stop_ringing(leg, at)
            else:
                self._close(leg, at, MISSED)

    def _take(self, at: int, taker: FoldedLeg) -> None:
        """The taker has the call from now on, and nobody else."""
        self._stop_ringing(taker, at)
        if taker.answered_at is None:
            taker.answered_at = at
        for leg in self.legs:
            if leg is not taker and leg.outcome == IN_PROGRESS:
                self._close(leg, at, ANSWERED_ELSEWHERE)
        self.owner = taker

    def _withdraw(self, at: int, spare: FoldedLeg | None) -> None:
        """A user passed the call on: it rings and waits nowhere else any more."""
        for leg in self.legs:
            if leg is not spare and leg.outcome == IN_PROGRESS:
                self._close(leg, at, DIVERTED if self.kinds.get(leg.extension) == GROUP else MISSED)
        self.owner = None

    def _clear(self, at: int, *, first_was_no_answer: bool) -> None:
        """The call ends everywhere."""
        for leg in self.legs:
            if leg.outcome == IN_PROGRESS:
                self._close(leg, at, NO_ANSWER if first_was_no_answer and leg.position == 0 else MISSED)
