"""The simulator as its users meet it: over real sockets, with the official client and a real WebSocket."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import pytest
import websockets
from simulator_world import Client, Door, Listener, until

from copyctl.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    running = Simulator(("leader", "alice", "bob"), seed=7)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def door(simulator: Simulator) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession() as session:
        yield Door(simulator, session)


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Callable[[str], Client]]:
    made: dict[str, Client] = {}

    def of(name: str) -> Client:
        if name not in made:
            made[name] = Client(simulator.rest_url, simulator.accounts[name])
        return made[name]

    yield of
    for each in made.values():
        each.http.session.close()


@pytest.fixture
def leader(client: Callable[[str], Client]) -> Client:
    return client("leader")


@pytest.fixture
def alice(client: Callable[[str], Client]) -> Client:
    return client("alice")


@pytest.fixture
async def listen(simulator: Simulator) -> AsyncIterator[Callable[..., Awaitable[Listener]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def to(name: str, token: str | None = None) -> Listener:
            account = simulator.accounts[name]
            before = len(simulator.broker.stream.connections)
            socket = await stack.enter_async_context(
                websockets.connect(simulator.order_update_url, proxy=None, max_queue=None)
            )
            login = {"MsgCode": 42, "ClientId": account.client_id, "Token": token or account.access_token}
            await socket.send(json.dumps({"LoginReq": login, "UserType": "SELF"}))
            if token is None:  # a good login is answered with silence

                async def heard_of() -> bool:
                    return len(simulator.broker.stream.connections) > before

                await until(heard_of)
            return Listener(socket)

        yield to
