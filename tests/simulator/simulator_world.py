"""Who meets the simulator in these tests: the official client, a real WebSocket, the control door."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import websockets
from dhanhq import DhanContext, dhanhq

from copyctl.simulator import Account, Simulator

NIFTY_CALL = ("NSE_FNO", "43210")
PATIENCE_SECONDS = 20.0  # a bound for what must happen, not a measure of it

Row = dict[str, Any]


class Client:
    """The official client of one account; its calls block, so they run in threads."""

    def __init__(self, rest_url: str, account: Account) -> None:
        self.account = account
        context = DhanContext(account.client_id, account.access_token)
        context.dhan_http.base_url = rest_url
        context.dhan_http.timeout = PATIENCE_SECONDS
        self.http = context.dhan_http
        self.dhan = dhanhq(context)

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Row:
        answer: Row = await asyncio.to_thread(getattr(self.dhan, name), *args, **kwargs)
        return answer

    async def place(self, **changes: Any) -> Row:
        """A BUY LIMIT of one lot far below the market, unless told otherwise."""
        wanted = {
            "security_id": "43210",
            "exchange_segment": "NSE_FNO",
            "transaction_type": "BUY",
            "quantity": 65,
            "order_type": "LIMIT",
            "product_type": "INTRADAY",
            "price": 90,
            **changes,
        }
        return await self("place_order", **wanted)

    async def place_id(self, **changes: Any) -> str:
        answer = await self.place(**changes)
        assert answer["status"] == "success", answer
        return str(answer["data"]["orderId"])

    async def super_id(self, **changes: Any) -> str:
        """A super order: BUY one lot at 100, target 110, stop 95, unless told otherwise; its number."""
        wanted = {
            "security_id": "43210",
            "exchange_segment": "NSE_FNO",
            "transaction_type": "BUY",
            "quantity": 65,
            "order_type": "LIMIT",
            "product_type": "INTRADAY",
            "price": 100.0,
            "targetPrice": 110.0,
            "stopLossPrice": 95.0,
            **changes,
        }
        answer = await self("place_super_order", **wanted)
        assert answer["status"] == "success", answer
        return str(answer["data"]["orderId"])

    async def super_row(self, order_id: str) -> Row:
        """The super order as its list tells it, with its legs by name under `legs`."""
        rows = (await self("get_super_order_list"))["data"]
        (row,) = [each for each in rows if each["orderId"] == order_id]
        return {**row, "legs": {leg["legName"]: leg for leg in row["legDetails"]}}

    async def place_forever(self, **changes: Any) -> Row:
        """A SINGLE forever order: SELL one lot at 90 when 91 is reached, unless told otherwise."""
        wanted = {
            "security_id": "43210",
            "exchange_segment": "NSE_FNO",
            "transaction_type": "SELL",
            "product_type": "MARGIN",
            "order_type": "LIMIT",
            "quantity": 65,
            "price": 90.0,
            "trigger_Price": 91.0,
            **changes,
        }
        return await self("place_forever", **wanted)

    async def forever_id(self, **changes: Any) -> str:
        answer = await self.place_forever(**changes)
        assert answer["status"] == "success", answer
        return str(answer["data"]["orderId"])

    async def armed(self, **changes: Any) -> str:
        """A forever order that waits for its price."""
        order_id = await self.forever_id(**changes)

        async def confirmed() -> bool:
            return self.account.forevers[order_id].status == "CONFIRM"

        await until(confirmed)
        return order_id

    async def forever_rows(self) -> list[Row]:
        rows: list[Row] = (await self("get_forever"))["data"]
        return rows

    async def child_of(self, forever_id: str) -> str:
        """The number of the order that a forever order became."""

        async def born() -> str | None:
            found = [each.order_id for each in self.account.orders.values() if each.algo_order == forever_id]
            return found[0] if found else None

        return str(await until(born))

    async def order(self, order_id: str) -> Row:
        row: Row = (await self("get_order_by_id", order_id))["data"]
        return row

    async def becomes(self, order_id: str, status: str) -> Row:
        """The order's row once it has this status."""

        async def reached() -> bool:  # seen from inside: polling over REST would eat the account's rate
            return self.account.orders[order_id].status == status

        await until(reached)
        return await self.order(order_id)


class Door:
    """The control API, and REST as it is on the wire."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self._simulator = simulator
        self._session = session

    async def __call__(self, command: str, method: str = "POST", **fields: Any) -> Row:
        url = f"{self._simulator.control_url}/{command}"
        sent: Row = {"params": fields} if method == "GET" else {"json": fields}
        async with self._session.request(method, url, **sent) as response:
            answer: Row = await response.json()
            assert response.status == 200, answer
            return answer

    async def raw(self, name: str, method: str, path: str, **sent: Any) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of a REST call by an account."""
        headers = {"access-token": self._simulator.accounts[name].access_token, "client-id": "x"}
        async with self._session.request(method, self._simulator.rest_url + path, headers=headers, **sent) as response:
            return response.status, await response.text(), dict(response.headers)

    async def post(self, url: str, **sent: Any) -> Row:
        async with self._session.post(url, **sent) as response:
            answer: Row = await response.json()
            return answer

    async def text(self, path: str) -> str:
        async with self._session.get(self._simulator.rest_url.removesuffix("/v2") + path) as response:
            assert response.status == 200
            return await response.text()

    async def price(self, last_price: float, key: tuple[str, str] = NIFTY_CALL) -> None:
        await self("price", exchange_segment=key[0], security_id=key[1], last_price=last_price)


class Listener:
    """A logged-in socket that keeps what it hears."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket

    async def frames(self, count: int) -> list[Row]:
        """The next so many order frames' data."""
        return [json.loads(await self.next())["Data"] for _ in range(count)]

    async def next(self) -> str | bytes:
        return await asyncio.wait_for(self.socket.recv(), PATIENCE_SECONDS)

    async def until(self, order_id: str, status: str) -> list[Row]:
        """All frames up to the one that gives this order this status."""
        heard: list[Row] = []
        while not heard or (heard[-1]["orderNo"], heard[-1]["status"]) != (order_id, status):
            heard += await self.frames(1)
        return heard


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, once it finds something."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.005)


async def entered(client: Client, door: Door, **changes: Any) -> tuple[str, str, str]:
    """A super order whose entry has traded, with the numbers of its target and of its stop."""
    order_id = await client.super_id(**changes)
    await client.becomes(order_id, "PENDING")
    await door("fill", account=client.account.name, order_id=order_id)
    legs = (await client.super_row(order_id))["legs"]
    return order_id, legs["TARGET_LEG"]["orderId"], legs["STOP_LOSS_LEG"]["orderId"]


def leg_statuses(row: Row) -> tuple[str, str, str]:
    """How a super order's entry, target and stop stand."""
    legs = row["legs"]
    return row["orderStatus"], legs["TARGET_LEG"]["orderStatus"], legs["STOP_LOSS_LEG"]["orderStatus"]
