"""Lengths of time as the rules file writes them: ``250ms``, ``5s``, ``2m``, ``1h``, ``1d``."""

import re
from typing import Annotated, Final, TypeAlias

Nanoseconds: TypeAlias = Annotated[int, "nanoseconds"]

UNITS: Final[dict[str, int]] = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
}

_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,8})(ms|[smhd])", re.ASCII)


def duration(text: str) -> Nanoseconds:
    """Read one length of time, a whole number and a unit (ms, s, m, h, d), as nanoseconds.

    Raises ValueError when ``text`` is anything else.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a length of time such as 250ms, 5s, 2m, 1h or 1d")
    return int(found[1]) * UNITS[found[2]]


def duration_text(length: Nanoseconds) -> str:
    """Write a length of time in the largest unit that holds it whole: 120000000000 is ``2m``.

    Raises ValueError for one that is negative or no whole number of milliseconds.
    """
    if length == 0:
        return "0s"
    for unit, size in UNITS.items():
        if length > 0 and length % size == 0:
            return f"{length // size}{unit}"
    raise ValueError(f"{length} ns is not a whole number of milliseconds")
