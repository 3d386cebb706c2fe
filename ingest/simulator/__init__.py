"""A simulated PBX: a seeded, believable office that plays calls as IP SMDR lines and keeps its own account of them.

It shares nothing with the product's own reading of lines and assembly of calls, so that each can check the other.
"""

from ingest.simulator.office import Office

__all__ = ["Office"]
