"""The outside world of a simulated office: who calls, who is called, and from which numbers.

Every number is from a range that regulators keep for drama, so no real subscriber is ever named.
"""

from random import Random
from typing import NamedTuple

CITY_CODES = ("0113", "0114", "0115", "0116", "0117", "0118", "0121", "0131", "0141", "0151", "0161")

COMPANIES = (
    "Ashdown Timber", "Brightwell", "Calder & Sons", "Dunmore Foods", "Eastgate Print", "Fenwick Tools",
    "Greyfriars", "Harbour Glass", "Ivel Motors", "Juniper Café", "Kestrel Ltd", "Larkfield", "Marlow Optics",
    "Northbank", "Oakham Dairy", "Pike|Rowe LLP", "Quarry Stone", "Redruth Marine", "Stanhope", "Thornbury NHS",
    "Upton Lets", "Vale Surveyors", "Wexcombe", "Yarrow Energy",
)  # fmt: skip
FIRST_NAMES = (
    "Amira", "Ben", "Chloë", "Dev", "Elena", "Finn", "Grace", "Hamid", "Isla", "Jonas", "Kirsty", "Leo", "Maya",
    "Niall", "Olga", "Priya", "Quentin", "Ruth", "Sam", "Tessa", "Umar", "Vera", "Will", "Yusuf", "Zoë",
)  # fmt: skip
SURNAMES = (
    "Abbott", "Bailey", "Carver", "Doyle", "Ellison", "Farrow", "Gough", "Hirst", "Ingram", "Jarvis", "Kemp",
    "Lowe", "Mistry", "Nolan", "Okafor", "Pryce", "Reid", "Shah", "Tully", "Usher", "Vance", "Whelan", "Young",
)  # fmt: skip


class Party(NamedTuple):
    """Somebody outside: the number as the PBX shows it ('' is withheld), and the contact name it knows."""

    number: str
    name: str = ""


WITHHELD = Party("")
MASKED = (Party("079XXXXXXXX"), Party("0117XXXXXXX"), Party("0020XXXXXXX"))


def landline(random: Random) -> str:
    kind = random.random()
    if kind < 0.3:
        return f"0207946{random.randrange(1000):04}"
    if kind < 0.45:
        return f"01632960{random.randrange(1000):03}"
    if kind < 0.55:
        return f"0191498{random.randrange(1000):04}"
    return f"{random.choice(CITY_CODES)}496{random.randrange(1000):04}"


def mobile(random: Random) -> str:
    return f"07700900{random.randrange(1000):03}"


def abroad(random: Random) -> str:
    """As dialled from the UK: 00 and the country code."""
    return random.choice(
        (
            f"001202555{random.randrange(100, 200):04}",
            f"00353209{random.randrange(100_000, 200_000)}",
            f"0033199{random.randrange(1_000_000):06}",
            f"004930231{random.randrange(25_000, 26_000)}",
            f"0061255{random.randrange(500_000, 600_000):06}",
        )
    )


def special(random: Random) -> str:
    """Freephone, UK-wide and premium-rate numbers."""
    return random.choice(
        (
            f"08081570{random.randrange(1000):03}",
            f"03069990{random.randrange(1000):03}",
            f"09098790{random.randrange(1000):03}",
        )
    )


class Outside:
    """A seeded circle of regular contacts, and strangers without end."""

    def __init__(self, random: Random) -> None:
        self.random = random
        firms = [Party(landline(random), name) for name in COMPANIES]
        people = [
            Party(mobile(random), f"{random.choice(FIRST_NAMES)} {random.choice(SURNAMES)}"[:14].rstrip())
            for _ in range(24)
        ]
        overseas = [Party(abroad(random), name) for name in ("Aoife Dunne", "Jürgen Kühn", "Côté Export")]
        self.contacts = [*firms, *people, *overseas]

    def caller(self) -> Party:
        kind = self.random.random()
        if kind < 0.06:
            return WITHHELD
        if kind < 0.09:
            return self.random.choice(MASKED)
        return self._somebody()

    def callee(self) -> Party:
        kind = self.random.random()
        if kind < 0.04:
            return Party(special(self.random))
        if kind < 0.06:
            return self.random.choice(MASKED[:2])
        return self._somebody()

    def _somebody(self) -> Party:
        kind = self.random.random()
        if kind < 0.62:
            return self.random.choice(self.contacts)
        if kind < 0.8:
            return Party(mobile(self.random))
        if kind < 0.97:
            return Party(landline(self.random))
        return Party(abroad(self.random))
