"""What goes wrong on the way, and whether the order exists after it."""

import asyncio
import json

import aiohttp
import pytest
from simulator_world import PATIENCE_SECONDS, Client, Door, until

from copyctl.simulator import Simulator


async def book(leader: Client) -> list[str]:
    return [row["correlationId"] for row in (await leader("get_order_list"))["data"]]


async def until_received(simulator: Simulator) -> None:
    async def received() -> bool:
        return bool(simulator.broker.received)

    await until(received)


@pytest.mark.parametrize(("kind", "accepted"), [("reset_before", False), ("reset_after", True)])
async def test_a_torn_connection_leaves_an_order_only_when_torn_after(
    leader: Client, door: Door, kind: str, accepted: bool
) -> None:
    await door("faults", kind=kind, method="POST", path="^/orders$", times=1)
    answer = await leader.place(tag="torn")
    assert (answer["status"], type(answer["remarks"])) == ("failure", str)
    assert await book(leader) == (["torn"] if accepted else [])
    noted = (await door("requests", "GET"))["requests"][0]
    assert (noted["status"], noted["fault"]) == (None, kind)
    assert (await leader.place())["status"] == "success"


@pytest.mark.parametrize(("kind", "accepted"), [("delay_before", False), ("delay_after", True)])
async def test_a_late_answer_outlives_the_clients_patience(
    leader: Client, simulator: Simulator, kind: str, accepted: bool
) -> None:
    simulator.broker.faults.add({"kind": kind, "method": "POST", "seconds": 3600, "times": 1})
    leader.http.timeout = 0.05
    assert "timed out" in (await leader.place(tag="late"))["remarks"]
    leader.http.timeout = PATIENCE_SECONDS
    assert await book(leader) == (["late"] if accepted else [])


@pytest.mark.parametrize(
    ("rule", "status", "body"),
    [
        ({"kind": "html502"}, 502, "502 Bad Gateway"),
        ({"kind": "dh908"}, 500, "DH-908"),
        ({"kind": "too_many"}, 429, "DH-904"),
        ({"kind": "empty"}, 200, ""),
        ({"kind": "empty", "status": 202}, 202, ""),
        ({"kind": "status", "status": 403, "body": "<html>CloudFront</html>"}, 403, "CloudFront"),
        ({"kind": "status", "status": 418, "body": {"errorCode": None}}, 418, '{"errorCode":null}'),
    ],
)
async def test_an_answer_can_be_another(door: Door, rule: dict[str, object], status: int, body: str) -> None:
    await door("faults", **rule)
    answered, text, _ = await door.raw("leader", "GET", "/orders")
    assert answered == status
    assert body in text.replace(" ", "") if "{" in body else body in text


async def test_a_redirect_can_be_answered(door: Door, simulator: Simulator) -> None:
    await door("faults", kind="status", status=301, headers={"Location": simulator.rest_url + "/orders"}, times=1)
    status, _, headers = await door.raw("leader", "GET", "/trades", allow_redirects=False)
    assert (status, headers["Location"]) == (301, simulator.rest_url + "/orders")


async def test_truncated_json_is_half_of_the_answer_to_an_order_that_exists(leader: Client, door: Door) -> None:
    await door("faults", kind="truncated", method="POST", times=1)
    assert isinstance((await leader.place(tag="half"))["remarks"], str)
    assert await book(leader) == ["half"]


async def test_a_body_can_be_cut_off(door: Door) -> None:
    await door("faults", kind="cut", times=1)
    with pytest.raises(aiohttp.ClientError):
        await door.raw("leader", "GET", "/fundlimit")


async def test_any_kind_can_be_made_to_have_accepted_the_order(leader: Client, door: Door) -> None:
    await door("faults", kind="html502", method="POST", accepted=True, times=1)
    await leader.place(tag="there")
    assert await book(leader) == ["there"]


async def test_a_hanging_call_ends_when_the_broker_closes() -> None:
    running = Simulator(("leader",), faults=[{"kind": "hang"}])
    await running.start()
    token = running.accounts["leader"].access_token
    async with aiohttp.ClientSession(headers={"access-token": token}) as session:
        call = asyncio.create_task(session.get(f"{running.rest_url}/orders"))
        await until_received(running)
        await running.stop()
        with pytest.raises(aiohttp.ClientError):
            await call


async def test_rules_pick_requests_by_account_path_body_and_count(leader: Client, alice: Client, door: Door) -> None:
    await door("faults", faults=[
        {"kind": "too_many", "account": "alice", "method": "post", "path": "^/orders$", "nth": [2, 3]},
        {"kind": "dh908", "contains": "poison", "times": 1},
    ])  # fmt: skip
    assert [(await alice.place())["status"] for _ in range(4)] == ["success", "failure", "failure", "success"]
    assert [(await leader.place(tag="poison"))["status"] for _ in range(2)] == ["failure", "success"]
    struck = (await door("faults", "GET"))["faults"]
    assert [(rule["seen"], rule["struck"]) for rule in struck] == [(4, 2), (2, 1)]
    await door("faults", "DELETE")
    assert (await door("faults", "GET"))["faults"] == []


async def test_chance_is_seeded() -> None:
    outcomes = []
    for _ in range(2):
        running = Simulator(("leader",), seed=5, faults=[{"kind": "dh908", "probability": 0.5}])
        strikes = [running.broker.faults.strike("leader", "GET", "/orders", "") for _ in range(50)]
        outcomes.append([strike is not None for strike in strikes])
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0])) == 2


async def test_one_slow_account_delays_no_other(leader: Client, alice: Client, simulator: Simulator) -> None:
    simulator.broker.faults.add({"kind": "hang", "account": "leader"})
    stuck = asyncio.create_task(leader.place())
    await until_received(simulator)
    assert (await alice.place())["status"] == "success"
    assert not stuck.done()
    await simulator.stop()
    assert (await stuck)["status"] == "failure"


async def test_a_dead_token_counts_for_nobody(door: Door, simulator: Simulator) -> None:
    async with (
        aiohttp.ClientSession(headers={"access-token": "nobodys"}) as session,
        session.get(f"{simulator.rest_url}/orders") as response,
    ):
        assert response.status == 401
        assert json.loads(await response.text())["errorCode"] == "DH-901"
    assert (await door("requests", "GET"))["requests"][0]["account"] is None
