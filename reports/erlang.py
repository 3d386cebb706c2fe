"""How many trunks a traffic needs: Erlang's B formula (A. K. Erlang, 1917; ITU-T E.501 and the Teletraffic Handbook).

Pure. Traffic is in erlangs: trunk-seconds over the seconds in which they were taken.
"""

MOST_TRUNKS = 10_000


def blocking(erlangs: float, trunks: int) -> float:
    """The probability that a call finds all of `trunks` busy, 0 to 1; without trunks it is 1."""
    if erlangs < 0 or trunks < 0:
        raise ValueError("Traffic and trunks are 0 or more.")
    if not erlangs:
        return 0.0 if trunks else 1.0
    found = 1.0
    for trunk in range(1, trunks + 1):
        found = erlangs * found / (trunk + erlangs * found)
    return found


def trunks_needed(erlangs: float, grade_of_service: float) -> int:
    """The fewest trunks with which no more than `grade_of_service` of the calls are blocked, such as 0.01."""
    if not 0 < grade_of_service < 1:
        raise ValueError("A grade of service is more than 0 and less than 1.")
    found, trunks = 1.0, 0
    while erlangs and found > grade_of_service and trunks < MOST_TRUNKS:
        trunks += 1
        found = erlangs * found / (trunks + erlangs * found)
    return trunks
