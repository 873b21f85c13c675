"""Our time: integer nanoseconds since the epoch, UTC, that never step back."""

import time
from collections.abc import Callable
from typing import Final


class SystemClock:
    """The machine's clock (``wall``, ns) as it was at the start, moved on by a steady one: a correction of the
    machine's time during a run neither repeats nor skips anything (scenario 7.13). A machine that slept has aged."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._wall = wall
        self._offset = wall() - _steady()

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return _steady() + self._offset

    def drift(self) -> int:
        """How far the machine's clock was moved since the start, ns; positive: forward."""
        return self._wall() - self.now()


_STEADY: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> int:
    """Nanoseconds since some moment, counted through sleep where the system can."""
    return time.clock_gettime_ns(_STEADY)
