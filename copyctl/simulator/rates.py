"""Has this account asked too much?

Sliding windows for each bucket of an account, as Dhan publishes them. What was refused for its rate does not count.
"""

from collections import deque
from collections.abc import Callable

from copyctl.simulator.settings import Windows


class Rates:
    """The windows of one account."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._times: dict[tuple[str, str], deque[float]] = {}

    def take(self, bucket: str, limits: Windows) -> bool:
        """Count a request; False when a window is full."""
        now = self._monotonic()
        windows = []
        for seconds, allowed in limits.get(bucket, {}).items():
            times = self._times.setdefault((bucket, seconds), deque())
            since = now - float(seconds)
            while times and times[0] <= since:
                times.popleft()
            if len(times) >= allowed:
                return False
            windows.append(times)
        for times in windows:
            times.append(now)
        return True

    def clear(self) -> None:
        self._times.clear()
