"""Who sits in the simulated office: departments, their hunt groups, people with direct lines, machines, trunks."""

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from ingest.simulator.outside import CITY_CODES, FIRST_NAMES, SURNAMES

BLOCK = 30
"""Extensions to a set of departments; a larger office has several sets."""

ALL_AT_ONCE_LIMIT = 5
FOUR_DIGIT_EXTENSIONS = 4_900
FEWEST_EXTENSIONS = 5
MOST_EXTENSIONS = 40_000
MOST_TRUNKS = 9_000


class DirectoryEntry(NamedTuple):
    """A device as a directory would have it. `kind`: person, group, attendant or voicemail (of no department)."""

    number: str
    name: str
    kind: str
    department: str


@dataclass(slots=True, eq=False)
class Person:
    number: str
    name: str
    department: str
    did: str
    did_name: str
    busy: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """A hunt group. `all_at_once`: every free member rings; else one after another."""

    number: str
    name: str
    department: str
    did: str
    all_at_once: bool
    members: list[Person] = field(default_factory=list)

    def free_members(self) -> list[Person]:
        return [person for person in self.members if not person.busy]


@dataclass(frozen=True, slots=True)
class Team:
    department: str
    share: float  # of a block's extensions
    all_at_once: bool | None  # None: no hunt group


TEAMS = (
    Team("Reception", 0.1, all_at_once=True),
    Team("Sales", 0.3, all_at_once=True),
    Team("Support", 0.3, all_at_once=False),
    Team("Accounts", 0.15, all_at_once=False),
    Team("Management", 0.15, all_at_once=None),
)


class Staff:
    """Numbers and names, the same for the same seed. People 2001…, groups 7001…, machines 7900 and 7999."""

    def __init__(self, random: Random, extensions: int, trunks: int) -> None:
        wide = extensions > FOUR_DIGIT_EXTENSIONS
        self._first_person, self._first_group = (20_001, 70_001) if wide else (2001, 7001)
        self.attendant, self.voicemail = ("79000", "79999") if wide else ("7900", "7999")
        self.people: list[Person] = []
        self.groups: list[Group] = []
        self.trunks = [str(92_101 + n) if trunks < 800 else str(900_001 + n) for n in range(trunks)]
        blocks = -(-extensions // BLOCK)
        for block in range(blocks):
            size = (extensions - len(self.people)) // (blocks - block)
            self._seat(random, size, "" if block == 0 else f" {block + 1}")

    def _seat(self, random: Random, size: int, suffix: str) -> None:
        left = size
        for team in TEAMS:
            wanted = left if team is TEAMS[-1] else min(left, max(1, round(size * team.share)))
            left -= wanted
            department = team.department + suffix
            people = [self._person(random, department) for _ in range(wanted)]
            if team.all_at_once is not None and people:
                number = str(self._first_group + len(self.groups))
                did = _did(len(self.groups), "498")
                members = people[:ALL_AT_ONCE_LIMIT] if team.all_at_once else people
                self.groups.append(Group(number, department, department, did, team.all_at_once, members))

    def _person(self, random: Random, department: str) -> Person:
        index = len(self.people)
        first = random.choice(FIRST_NAMES)
        person = Person(
            number=str(self._first_person + index),
            name=f"{first} {random.choice(SURNAMES)}",
            department=department,
            did=_did(index, "496"),
            did_name=first,
        )
        self.people.append(person)
        return person


def _did(index: int, exchange: str) -> str:
    """A UK number of a drama range, in full: 44 117 496 0nnn."""
    thousand, within = divmod(index, 1000)
    city = "0191" if exchange == "498" else CITY_CODES[(thousand + 4) % len(CITY_CODES)]
    return f"44{city[1:]}{exchange}{within:04}"
