"""Reads of an account within what the broker allows: one pace for all of them, and a rest where that was too much."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from copyctl.core.state import State
from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.engine.books import BookReader
from copyctl.engine.pace import Pace, Paces
from copyctl.model.events import BooksRead, BooksUnreadable, Event, Looked
from copyctl.simulator import Simulator
from copyctl.wire.dhan import Dhan

CLOCK = SystemClock()
SECOND = 1_000_000_000
PATIENCE_SECONDS = 20.0


@dataclass
class World:
    """A broker, one account's books there, and what they said."""

    simulator: Simulator
    pace: Pace
    reader: BookReader = field(init=False)
    said: list[Event] = field(default_factory=list)

    def asked(self) -> list[int]:
        """When each question arrived at the broker (monotonic ns)."""
        return [row.monotonic_ns for row in self.simulator.broker.received if row.method == "GET"]


@contextlib.asynccontextmanager
async def opened(per_second: int, **limits: Any) -> AsyncIterator[World]:
    simulator = Simulator(("leader", "alice"), seed=7)
    await simulator.start()
    account = simulator.accounts["alice"]
    account.settings.change({"rate_limits": limits})
    gateway = DhanGateway(
        simulator.rest_url, account.client_id, lambda: account.access_token, timeout_seconds=5, clock=CLOCK
    )
    made = World(simulator=simulator, pace=Pace(per_second, CLOCK))
    made.reader = BookReader(
        account.client_id,
        gateway=gateway,
        wire=Dhan(),
        clock=CLOCK,
        pace=made.pace,
        state=State,
        post=made.said.append,
    )
    try:
        yield made
    finally:
        await gateway.close()
        await simulator.stop()


async def test_books_and_looks_share_the_pace_and_leave_half_of_it_to_questions() -> None:
    async with opened(8, other={"1": 8}) as world:
        looks = [world.reader.look(f"r{number}", f"c{number}") for number in range(5)]
        await asyncio.wait_for(asyncio.gather(world.reader.read(), *looks), PATIENCE_SECONDS)
        moments = world.asked()
        assert len(moments) == 12
        assert max(sum(begin <= one < begin + SECOND for one in moments) for begin in moments) <= 4
        assert {type(one) for one in world.said} == {BooksRead, Looked}
        assert all(one.readable for one in world.said if isinstance(one, Looked))


async def test_books_that_were_asked_for_too_often_rest_and_so_does_all_that_shares_their_pace() -> None:
    async with opened(20, other={"1": 0}) as world:
        assert not await world.reader.read()
        (unreadable,) = world.said
        assert isinstance(unreadable, BooksUnreadable)
        assert not unreadable.refused
        assert world.pace.left == 0
        world.simulator.accounts["alice"].settings.change({"rate_limits": {}})
        began = CLOCK.now()
        assert await asyncio.wait_for(world.reader.read(), PATIENCE_SECONDS)
        assert CLOCK.now() - began > SECOND


async def test_a_look_for_an_order_that_waits_for_room_is_made_once() -> None:
    async with opened(20) as world:
        world.pace.slow_down()
        looks = [world.reader.look("r1", "c1") for _ in range(5)]
        await asyncio.wait_for(asyncio.gather(*looks), PATIENCE_SECONDS)
        assert len(world.said) == 1


async def test_what_is_left_of_a_pace_is_what_may_leave_now() -> None:
    pace = Pace(3, CLOCK)
    assert pace.left == 3
    for _ in range(2):
        await pace.room()
        pace.leaves()
    assert pace.left == 1
    pace.ended()
    assert pace.left == 1  # it counts for a second still
    pace.slow_down()
    assert pace.left == 0


@pytest.mark.parametrize("spare", [1, 3, 10])
async def test_places_that_are_spared_are_there_for_others(spare: int) -> None:
    pace = Pace(4, CLOCK)
    allowed = max(1, 4 - spare)
    for _ in range(allowed):
        await pace.room(spare=spare)
        pace.leaves()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pace.room(spare=spare), 0.05)
    if allowed < 4:
        await asyncio.wait_for(pace.room(), 1)


async def test_it_tells_what_is_left() -> None:
    paces = Paces(quotes=Pace(1, CLOCK), other=Pace(20, CLOCK))
    paces.quotes.leaves()
    assert (paces.quotes.left, paces.other.left) == (0, 20)
