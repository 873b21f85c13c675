"""From the leader's frame to our request: the last minute against the budget."""

from collections import deque

from copyctl.report.figures import milliseconds, percentile
from copyctl.report.moments import SECOND

WINDOW = 60 * SECOND
SHARE = 99


class LatencyWindow:
    """The placements of the last minute."""

    def __init__(self) -> None:
        self._taken: deque[tuple[int, int]] = deque()

    def add(self, left_at: int, took: int) -> None:
        """A placement that left then, so long after the leader's frame (ns)."""
        self._taken.append((left_at, took))

    def above(self, budget: int, now: int) -> str:
        """The figures, where the 99th percentile of the last minute is above the budget (ns); else ""."""
        while self._taken and self._taken[0][0] <= now - WINDOW:
            self._taken.popleft()
        took = [one for _, one in self._taken]
        slow = percentile(took, SHARE)
        if slow is None or slow <= budget:
            return ""
        middle, worst = milliseconds(percentile(took, 50)), milliseconds(max(took))
        return (
            f"frame to request took {milliseconds(slow)} ms (p99) over the last minute, alerts.latency_budget is "
            f"{milliseconds(budget)} ms: {len(took)} placements, median {middle} ms, slowest {worst} ms"
        )
