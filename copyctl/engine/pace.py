"""Pace: so many reads of an account in a second and no more, as the broker counts them."""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from copyctl.engine.ports import Clock
from copyctl.model.deployment import RateLimits

SECOND = 1_000_000_000
WINDOW = SECOND + SECOND // 50
FIRST_REST = 2 * SECOND
LONGEST_REST = 32 * SECOND


class Pace:
    """Room for ``per_second`` requests in any second, or in any longer ``window`` (ns). Who asks says that it
    ``leaves`` as soon as there is room, with nothing awaited between; so several may share one.

    The broker counts requests as they arrive, and on the way to it they may bunch up. One that was answered has
    arrived by then, so a request holds its place while it is on its way and for a second after its end. Who was told
    that it asks too much rests, longer each time, for the broker blocks those who go on (Dhan API v2, code 805).
    ``spent``: so many may have been asked in the second in which this process begins, by the one before it.
    """

    def __init__(self, per_second: int, clock: Clock, *, spent: int = 0, window: int = WINDOW) -> None:
        self.allow(per_second)
        self._window = window
        self._clock = clock
        self._on_their_way = 0
        self._ended = deque([clock.now()] * spent)
        self._rests_until = 0
        self._rest = 0
        self._one_ended = asyncio.Event()

    def allow(self, per_second: int) -> None:
        """From now on so many."""
        self._per_second = max(1, per_second)

    @property
    def per_second(self) -> int:
        """How many may leave in a second."""
        return self._per_second

    @property
    def left(self) -> int:
        """How many may leave now."""
        now = self._clock.now()
        if now < self._rests_until:
            return 0
        self._forget(now)
        return max(0, self._per_second - self._on_their_way - len(self._ended))

    async def room(self, *, spare: int = 0) -> None:
        """Until one more may leave, with so many places ``spare`` for others, where there are more than these."""
        allowed = max(1, self._per_second - spare)
        while (wait := self._wait(allowed)) != 0:
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

    def _wait(self, allowed: int) -> int | None:
        """How long until there is room, ns; None: until one on its way has ended."""
        now = self._clock.now()
        if now < self._rests_until:
            return self._rests_until - now
        self._forget(now)
        if self._on_their_way + len(self._ended) < allowed:
            return 0
        return max(1, self._ended[0] + self._window - now) if self._ended else None

    def _forget(self, now: int) -> None:
        while self._ended and now - self._ended[0] >= self._window:
            self._ended.popleft()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """The paces of one account's reads: quotes, and whatever else changes nothing (books, look-ups, funds, margins)."""

    quotes: Pace
    other: Pace

    def allow(self, limits: RateLimits) -> None:
        """From now on so much."""
        self.quotes.allow(limits.quotes.per_second)
        self.other.allow(limits.other.per_second)


def paces_of(limits: RateLimits, clock: Clock) -> Paces:
    """The paces of an account that may ask so much."""
    quotes, other = limits.quotes.per_second, limits.other.per_second
    return Paces(quotes=Pace(quotes, clock, spent=quotes), other=Pace(other, clock))
