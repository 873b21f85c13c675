"""The shortest story: the same seed with fewer turns of the leader and fewer faults, breaking the same law."""

from tests.simulation.adversary import FAULTS
from tests.simulation.day import TURNS, Day, Result


def shortest(
    seed: int, off: frozenset[str] = frozenset(), uncounted: frozenset[str] = frozenset()
) -> tuple[Result, frozenset[str], frozenset[int]]:
    """The smallest day of this seed that still breaks the law that it breaks, with what was left out of it: faults
    that are off, and turns."""
    without: frozenset[int] = frozenset()
    best = Day(seed, off=off, uncounted=uncounted).run()
    if best.broke is None:
        return best, off, without
    law = best.broke.law
    for kind in FAULTS:
        tried = Day(seed, off=off | {kind}, without=without, uncounted=uncounted).run()
        if tried.broke is not None and tried.broke.law == law:
            best, off = tried, off | {kind}
    for number in range(TURNS):
        tried = Day(seed, off=off, without=without | {number}, uncounted=uncounted).run()
        if tried.broke is not None and tried.broke.law == law:
            best, without = tried, without | {number}
    return best, off, without
