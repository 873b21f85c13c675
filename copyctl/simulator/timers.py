"""What happens later, unless it is called off?"""

import asyncio
from collections.abc import Callable


class Timers:
    """Things that happen later; all of them can be called off."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle | asyncio.Handle] = set()

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def happen() -> None:
            self._handles.discard(handle)
            what()

        handle = loop.call_later(seconds, happen) if seconds > 0 else loop.call_soon(happen)
        self._handles.add(handle)

    def call_off(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
