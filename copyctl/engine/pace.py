"""Pace: so many requests a second and no more, as the broker counts them."""

import asyncio
import contextlib
from collections import deque

from copyctl.engine.ports import Clock

SECOND = 1_000_000_000
WINDOW = SECOND + SECOND // 50
FIRST_REST = 2 * SECOND
LONGEST_REST = 32 * SECOND


class Pace:
    """Room for ``per_second`` requests in any second; for one user, who asks for room before each request.

    The broker counts requests as they arrive, and on the way to it they may bunch up. One that was answered has
    arrived by then, so a request holds its place while it is on its way and for a second after its end. Who was told
    that it asks too much rests, longer each time, for the broker blocks those who go on (Dhan API v2, code 805).
    ``spent``: the process before this one may have used the second in which this one begins.
    """

    def __init__(self, per_second: int, clock: Clock, *, spent: bool = False) -> None:
        self.allow(per_second)
        self._clock = clock
        self._on_their_way = 0
        self._ended = deque([clock.now()] * self._per_second if spent else ())
        self._rests_until = 0
        self._rest = 0
        self._one_ended = asyncio.Event()

    def allow(self, per_second: int) -> None:
        """From now on so many."""
        self._per_second = max(1, per_second)

    async def room(self) -> None:
        """Until one more may leave."""
        while (wait := self._wait()) != 0:
            self._one_ended.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wait is None else wait / SECOND):
                    await self._one_ended.wait()

    def leaves(self) -> None:
        """One is on its way."""
        self._on_their_way += 1

    def ended(self) -> None:
        """One was answered, or never will be."""
        self._on_their_way -= 1
        self._ended.append(self._clock.now())
        self._one_ended.set()

    def slow_down(self) -> None:
        """The broker said that these are too many; those that it says it of at once count once."""
        now = self._clock.now()
        if now >= self._rests_until:
            self._rest = min(self._rest * 2 or FIRST_REST, LONGEST_REST)
            self._rests_until = now + self._rest

    def speed_up(self) -> None:
        """The broker answers again."""
        self._rest = 0

    def _wait(self) -> int | None:
        """How long until there is room, ns; None: until one on its way has ended."""
        now = self._clock.now()
        if now < self._rests_until:
            return self._rests_until - now
        while self._ended and now - self._ended[0] >= WINDOW:
            self._ended.popleft()
        if self._on_their_way + len(self._ended) < self._per_second:
            return 0
        return max(1, self._ended[0] + WINDOW - now) if self._ended else None
