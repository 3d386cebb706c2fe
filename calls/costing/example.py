"""The example tariff that is shipped with Tollbook: real kinds of UK number, invented prices. Pure Python."""

from functools import cache
from pathlib import Path

from calls.costing.document import load
from calls.costing.terms import Document

PATH = Path(__file__).parent / "data" / "example.json"


@cache
def example() -> Document:
    return load(PATH.read_bytes())
