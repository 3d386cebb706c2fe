"""The simulated office: its present second, its people and trunks, and the calls that are going on.

Calls are told by `scenarios` as generators that yield seconds to wait; the office resumes them in time order, so
lines come out in time order too. The same arguments give the same bytes.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import count, islice
from math import exp
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from ingest.simulator import scenarios
from ingest.simulator.lines import Elements, LocalClock
from ingest.simulator.outside import Outside
from ingest.simulator.played import PlayedCall
from ingest.simulator.reaching import Story
from ingest.simulator.staff import DirectoryEntry, Group, Person, Staff

Account = dict[str, Any]

LINES_PER_CALL = 5.3
"""On average; checked by a test."""

EXTENSION_SECONDS_PER_CALL = 100
TRUNK_SECONDS_PER_CALL = 80
"""What a call takes of the office, waits and idle time included."""

OPENING_CALLS = 8
"""The day begins with these close together, so that something is seen at once."""

OPENING_WAIT_S = 2
IDS_PER_SECOND = 1_000_000


class Office:
    """One seeded office with one feed. Plays once.

    `clock`: hours of the stamps, 12 or 24. `zone`: IANA name of the PBX's local time. `padding`: the feed's padding
    character. `tempo`: how much faster than in a real office everything happens. `every`: mean seconds between
    calls at tempo 1; by default what the people and trunks can carry. `kinds`: the account takes voicemail and
    auto-attendant for what they are; otherwise for persons, as a feed does that nobody has named yet.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        extensions: int = 20,
        trunks: int = 16,
        clock: int = 12,
        zone: str = "Europe/London",
        padding: str = "0",
        tempo: float = 1.0,
        every: float | None = None,
        kinds: bool = False,
    ) -> None:
        self._random = Random(seed)  # noqa: S311 - play, not secrets
        self.staff = Staff(self._random, extensions, trunks)
        self.outside = Outside(self._random)
        self.elements = Elements(padding)
        self.zone = ZoneInfo(zone)
        self.tempo = tempo
        self.every = every or calls_every(extensions, trunks)
        self.now = 0
        self.named: set[str] = set()
        self.in_progress: dict[str, PlayedCall] = {}
        self._clock = LocalClock(self.zone, clock)
        self._machines = {self.staff.attendant, self.staff.voicemail} if kinds else set()
        self._free_trunks = list(self.staff.trunks)
        self._id_serial = self._random.randrange(IDS_PER_SECOND)
        self._lines: deque[bytes] = deque()
        self._agenda: list[tuple[int, int, Story]] = []
        self._turn = count()
        self._write_account: Callable[[Account], None] | None = None

    # For those who watch

    def play(
        self, *, start: datetime, calls: int | None = None, account: Callable[[Account], None] | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Every line, CR LF included, with its UTC second, in time order; endless unless `calls` are counted.

        `start` without a time zone is in the office's. `account` is handed each call's account as the call ends,
        before its last line.
        """
        local = start if start.tzinfo else start.replace(tzinfo=self.zone)
        self.now = int(local.timestamp())
        self._write_account = account
        self._begin(self.now, self._day(calls))
        lines = self._lines
        while self._agenda:
            self.now, _, story = heappop(self._agenda)
            pause = next(story, None)
            if pause is not None:
                self._begin(self.now + pause, story)
            while lines:
                yield self.now, lines.popleft()

    def rest(self) -> bytes:
        """What this second still has to say, for one who stops in the middle of a play.

        With it, every event that `accounts_in_progress` knows of has been said.
        """
        rest = b"".join(self._lines)
        self._lines.clear()
        return rest

    def accounts_in_progress(self) -> list[Account]:
        """The calls that have begun and not ended, each up to its last event."""
        return [call.account() for call in self.in_progress.values()]

    def directory(self) -> list[DirectoryEntry]:
        """Every device."""
        staff = self.staff
        return [
            *(DirectoryEntry(person.number, person.name, "person", person.department) for person in staff.people),
            *(DirectoryEntry(group.number, group.name, "group", group.department) for group in staff.groups),
            DirectoryEntry(staff.attendant, "Auto attendant", "attendant", ""),
            DirectoryEntry(staff.voicemail, "Voicemail", "voicemail", ""),
        ]

    def trunk_directory(self) -> list[tuple[str, str]]:
        """Every trunk: number and name."""
        return [(number, f"SIP trunk {index}") for index, number in enumerate(self.staff.trunks, 1)]

    def did_directory(self) -> list[tuple[str, str, str]]:
        """Every direct number as sent: number, name, and the device it rings."""
        return [
            *((group.did, group.name, group.number) for group in self.staff.groups),
            *((person.did, person.did_name, person.number) for person in self.staff.people),
        ]

    # For the calls

    def stamp(self) -> bytes:
        return self._clock.stamp(self.now)

    def send(self, line: bytes) -> None:
        self._lines.append(line)

    def new_call_id(self) -> str:
        """22 digits: the local start, hundredths and a running number. Some trunks are seized a second before."""
        self._id_serial = (self._id_serial + 1) % IDS_PER_SECOND
        seized = self.now - (1 if self.chance(0.05) else 0)
        return f"{self._clock.id_start(seized)}{int(self._random.random() * 100):02}{self._id_serial:06}"

    def call_began(self, call: PlayedCall) -> None:
        self.in_progress[call.call_id] = call

    def call_ended(self, call: PlayedCall) -> None:
        self._free_trunks.append(call.trunk)
        del self.in_progress[call.call_id]
        if self._write_account is not None:
            self._write_account(call.account())

    def is_person(self, device: str) -> bool:
        return device not in self._machines

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def roll(self) -> float:
        return self._random.random()

    def wait(self, low: float, high: float, *, least: int = 0) -> int:
        """Whole seconds between `low` and `high`, faster with the tempo but never under `least`."""
        seconds = (low + (high - low) * self._random.random()) / self.tempo
        return max(least, int(seconds + self._random.random()))

    def talk_time(self) -> int:
        """Seconds until something happens in a conversation: many short, few long."""
        seconds = min(600.0, 24 * exp(self._random.gauss(0, 0.8)))
        return int(seconds / self.tempo + self._random.random())

    def someone_free(self) -> Person | None:
        """A person who is on no call. Looks a few times, as a colleague would."""
        for _ in range(6):
            person = self._random.choice(self.staff.people)
            if not person.busy:
                return person
        return None

    def someone_busy(self) -> Person | None:
        """A person on a call, and known to the feed: an extension first seen QUEUED would look like a hunt group."""
        for _ in range(6):
            person = self._random.choice(self.staff.people)
            if person.busy and person.number in self.named:
                return person
        return None

    def someone(self) -> Person:
        return self._random.choice(self.staff.people)

    def open_group(self) -> Group | None:
        """A hunt group that the feed has seen QUEUED, and so knows for a group."""
        group = self._random.choice(self.staff.groups)
        return group if group.number in self.named else None

    def any_group(self) -> Group:
        return self._random.choice(self.staff.groups)

    def shuffled(self, people: list[Person]) -> list[Person]:
        return self._random.sample(people, len(people))

    def account_code(self) -> str:
        return f"{self._random.randrange(1, 40) * 25 + 4000}"

    # Arrivals

    def _begin(self, at: int, story: Story) -> None:
        heappush(self._agenda, (at, next(self._turn), story))

    def _day(self, calls: int | None) -> Story:
        """Calls arrive. The first ones are for each hunt group in turn, so that each is first seen QUEUED."""
        groups = iter(self.staff.groups)
        for index in islice(count(), calls):
            while not self._free_trunks:
                yield 1
            group = next(groups, None)
            self._begin(self.now, scenarios.to_group(self, group) if group else scenarios.any_call(self))
            pause = self._random.expovariate(1.0) * self.every / self.tempo
            if index < OPENING_CALLS:
                pause = min(pause, OPENING_WAIT_S)
            yield int(pause + self._random.random())

    def seize_trunk(self) -> str:
        """A free trunk; there is one whenever a call arrives."""
        return self._free_trunks.pop(int(self._random.random() * len(self._free_trunks)))


def calls_every(extensions: int, trunks: int) -> float:
    """Mean seconds between calls that so many people and trunks can carry."""
    return max(EXTENSION_SECONDS_PER_CALL / extensions, TRUNK_SECONDS_PER_CALL / trunks)
