"""Virtual time: what happens outside the process, in order, and an event loop that jumps from one moment to the next.

Nothing sleeps, and nothing runs beside anything else. While the process has something to do, time stands still; when it
waits, time jumps to whatever comes first: a timer of the process, or a happening outside.
"""

import asyncio
import heapq
import math
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

SECOND = 1_000_000_000
MS = SECOND // 1000


class Timeline:
    """Happenings outside the process. ``now``: nanoseconds since the epoch, UTC, as the broker's clock has them."""

    def __init__(self, now: int) -> None:
        self.began = self.now = now
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, moment: int, what: Callable[[], None]) -> None:
        """Have this happen then, or now where that is past; what was asked for first happens first."""
        self._count += 1
        heapq.heappush(self._heap, (max(moment, self.now), self._count, what))

    def later(self, delay: int, what: Callable[[], None]) -> None:
        """Have this happen so many ns from now."""
        self.at(self.now + delay, what)

    @property
    def first(self) -> int | None:
        """When the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Go to the next happening, and let it happen."""
        moment, _, what = heapq.heappop(self._heap)
        self.now = max(self.now, moment)
        what()

    def run_until(self, moment: int) -> None:
        """Let everything happen until then, with no process about."""
        while self._heap and self._heap[0][0] <= moment:
            self.step()
        self.now = max(self.now, moment)


class Standstill(Exception):
    """Nobody waits for anything any more: the process would wait for ever."""


class _Jump:
    """Stands where a loop has its selector: waiting is a jump in time."""

    def __init__(self, timeline: Timeline, is_ready: Callable[[], bool]) -> None:
        self._timeline = timeline
        self._is_ready = is_ready

    def select(self, timeout: float | None) -> list[Any]:
        timeline = self._timeline
        if timeout is not None and timeout <= 0:
            return []
        until = None if timeout is None else timeline.now + math.ceil(timeout * SECOND)
        while not self._is_ready():
            first = timeline.first
            if first is None and until is None:
                raise Standstill
            if first is None or (until is not None and first > until):
                timeline.now = max(timeline.now, until or 0)
                return []
            timeline.step()
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop on a timeline: no sockets, no threads, no sleep. Work for a thread is done at once."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline
        self._selector = _Jump(timeline, lambda: bool(self._ready))  # type: ignore[attr-defined]
        self._clock_resolution = 1e-9
        self.set_exception_handler(lambda _loop, context: None)

    def time(self) -> float:
        return (self._timeline.now - self._timeline.began) / SECOND

    def run_in_executor(self, _executor: Executor | None, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def _process_events(self, _events: list[Any]) -> None:
        return

    def _write_to_self(self) -> None:
        return
