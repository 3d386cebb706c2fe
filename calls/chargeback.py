"""To whom within the company a call's cost is charged: the first device, the last, or each by its talk. Pure.

The parts of a cost are whole millionths and always add up to it: what does not divide goes to the largest remainders.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """One device's leg of a call, in the order of the call."""

    extension: str
    talk_seconds: int


def shares(rule: str, extension: str, last_extension: str, parts: Sequence[Part]) -> dict[str, int]:
    """Each device's weight in a call's cost, by `rule`: first, last or talk. At least one, and not all of them 0.

    By talk, a call in which nobody talked is the first device's. A device without a number is "".
    """
    if rule == "last":
        return {last_extension or extension: 1}
    if rule == "talk":
        weights: dict[str, int] = {}
        for part in parts:
            if part.talk_seconds > 0:
                weights[part.extension] = weights.get(part.extension, 0) + part.talk_seconds
        if weights:
            return weights
    return {extension: 1}


def allocated(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`amount` parted by `weights`, by the largest remainder; equal remainders in the order of the names."""
    total = sum(weights.values())
    exact = {name: divmod(amount * weight, total) for name, weight in weights.items()}
    parts = {name: whole for name, (whole, _) in exact.items()}
    left = amount - sum(parts.values())
    for name in sorted(exact, key=lambda name: (-exact[name][1], name))[:left]:
        parts[name] += 1
    return parts
