"""Our time: integer nanoseconds since the epoch, UTC, that never step back."""

import time


class SystemClock:
    """The machine's clock as it was at the start, moved on by the monotonic clock: a correction of the machine's time
    during a run neither repeats nor skips anything (scenario 7.13)."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return time.monotonic_ns() + self._offset

    def drift(self) -> int:
        """How far the machine's clock was moved since the start, ns; positive: forward."""
        return time.time_ns() - self.now()
