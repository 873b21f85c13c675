"""The order-update stream, heard through a real WebSocket client."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
import websockets
from simulator_world import PATIENCE_SECONDS, Client, Door, Listener, until

from copyctl.simulator import Simulator, stream
from copyctl.simulator.stream import PARTNER_ID, PARTNER_SECRET

Listen = Callable[..., Awaitable[Listener]]
FRAME_FIELDS = (
    "exchange segment source orderPlatform securityId clientId exchOrderNo orderNo product txnType orderType validity "
    "discQuantity discQtyRem remainingQuantity quantity tradedQty price triggerPrice tradedPrice avgTradedPrice "
    "algoOrdNo offMktFlag orderDateTime exchOrderTime lastUpdatedTime remarks mktType reasonDescription legNo "
    "instrument symbol productName status lotSize strikePrice expiryDate optType displayName isin series "
    "goodTillDaysDate refLtp tickSize algoId multiplier correlationId"
)


@pytest.fixture
async def ears(listen: Listen) -> Listener:
    return await listen("leader")


async def test_every_change_of_state_is_told_in_camel_case(leader: Client, door: Door, ears: Listener) -> None:
    order_id = await leader.place_id(quantity=130, tag="told")
    await leader.becomes(order_id, "PENDING")
    await leader("modify_order", order_id, "LIMIT", None, 130, 91, 0, 0, "DAY")
    heard = await ears.until(order_id, "Modified")
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90.5)
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90.6)
    heard += await ears.until(order_id, "Traded")
    assert [frame["status"] for frame in heard] == ["Transit", "Pending", "Modified", "Part-Traded", "Traded"]
    assert all(list(frame) == FRAME_FIELDS.split() for frame in heard)
    part, whole = heard[-2:]
    assert (part["tradedQty"], part["remainingQuantity"], part["tradedPrice"]) == (65, 65, 90.5)
    assert (whole["tradedQty"], whole["tradedPrice"], whole["avgTradedPrice"]) == (130, 90.6, 90.55)
    first = heard[0]
    assert (first["exchange"], first["segment"], first["product"], first["txnType"]) == ("NSE", "D", "I", "B")
    assert (first["orderType"], first["optType"], first["correlationId"]) == ("LMT", "CE", "told")
    assert (first["lotSize"], first["clientId"], first["exchOrderNo"]) == (65, "1100000001", "0")


async def test_the_moment_of_every_frame_is_kept_for_benchmarks(leader: Client, door: Door, ears: Listener) -> None:
    order_id = await leader.place_id()
    await ears.until(order_id, "Pending")
    made = (await door("frames", "GET", account="leader"))["frames"]
    arrived = (await door("requests", "GET"))["requests"][0]["monotonic_ns"]
    assert [json.loads(each["frame"])["Data"]["status"] for each in made] == ["Transit", "Pending"]
    assert arrived <= made[0]["monotonic_ns"] <= made[1]["monotonic_ns"]
    assert (await door("frames", "GET", since=made[1]["number"]))["frames"] == []


async def test_the_envelope_is_an_order_alert(leader: Client, ears: Listener) -> None:
    await leader.place()
    frame = json.loads(await ears.next())
    assert list(frame) == ["Type", "Data"]
    assert frame["Type"] == "order_alert"


async def test_a_good_login_is_answered_with_silence(leader: Client, ears: Listener, door: Door) -> None:
    await door("stream", account="leader", action="send", raw="the first thing said")
    assert await ears.next() == "the first thing said"


async def test_a_bad_token_is_torn_without_a_close_frame(listen: Listen) -> None:
    ears = await listen("leader", token="wrong")
    with pytest.raises(websockets.ConnectionClosedError) as torn:
        await ears.next()
    assert torn.value.rcvd is None


async def test_a_bad_token_can_get_five_bytes_first(listen: Listen, door: Door) -> None:
    await door("settings", stream_dead_token="binary")
    ears = await listen("leader", token="wrong")
    told = await ears.next()
    assert isinstance(told, bytes)
    assert len(told) == 5
    with pytest.raises(websockets.ConnectionClosedError):
        await ears.next()


@pytest.mark.parametrize("login", ["{}", "not json", '{"LoginReq": {"MsgCode": 41}, "UserType": "SELF"}', "[]"])
async def test_whatever_is_no_login_is_torn(simulator: Simulator, login: str) -> None:
    async with websockets.connect(simulator.order_update_url, proxy=None) as socket:
        await socket.send(login)
        with pytest.raises(websockets.ConnectionClosedError):
            await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)


async def test_an_account_hears_of_its_own_orders_on_all_its_sockets(
    leader: Client, alice: Client, listen: Listen
) -> None:
    first, second, hers = await listen("leader"), await listen("leader"), await listen("alice")
    await leader.place()
    order_id = await alice.place_id()
    assert (await first.frames(1))[0]["clientId"] == (await second.frames(1))[0]["clientId"] == "1100000001"
    assert (await hers.frames(1))[0]["orderNo"] == order_id


async def test_a_partner_hears_of_everybody(simulator: Simulator, leader: Client, alice: Client) -> None:
    async with websockets.connect(simulator.order_update_url, proxy=None) as socket:
        login = {"MsgCode": 42, "ClientId": PARTNER_ID}
        await socket.send(json.dumps({"LoginReq": login, "UserType": "PARTNER", "Secret": PARTNER_SECRET}))

        async def heard_of() -> bool:
            return bool(simulator.broker.stream.connections)

        await until(heard_of)
        await leader.place()
        await alice.place()
        heard = await Listener(socket).frames(4)
        assert {frame["clientId"] for frame in heard} == {"1100000001", "1100000002"}


async def test_pings_are_answered(ears: Listener) -> None:
    await asyncio.wait_for(await ears.socket.ping(), PATIENCE_SECONDS)


async def test_nothing_is_replayed_after_a_disconnection(
    leader: Client, door: Door, listen: Listen, ears: Listener
) -> None:
    await door("stream", account="leader", action="down")
    with pytest.raises(websockets.ConnectionClosedError) as torn:
        await ears.next()
    assert torn.value.rcvd is None
    lost = await leader.place_id()
    await leader.becomes(lost, "PENDING")
    refused = await listen("leader", token=leader.account.access_token)
    with pytest.raises(websockets.ConnectionClosedError):
        await refused.next()
    await door("stream", account="leader", action="up")
    again = await listen("leader")
    order_id = await leader.place_id()
    heard = await again.until(order_id, "Pending")
    assert {frame["orderNo"] for frame in heard} == {order_id}


async def test_the_whole_stream_can_be_down(simulator: Simulator, door: Door, ears: Listener) -> None:
    assert (await door("stream", action="down"))["connections"] == 1
    with pytest.raises((OSError, websockets.InvalidHandshake, websockets.InvalidMessage)):
        await websockets.connect(simulator.order_update_url, proxy=None)
    await door("stream", action="up")
    async with websockets.connect(simulator.order_update_url, proxy=None):
        pass


async def test_a_socket_can_be_closed_in_order(door: Door, ears: Listener) -> None:
    closing = asyncio.create_task(door("stream", account="leader", action="close", code=1001))
    with pytest.raises(websockets.ConnectionClosedOK) as closed:
        await ears.next()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    await closing


async def test_arbitrary_bytes_can_be_sent(door: Door, ears: Listener) -> None:
    await door("stream", account="leader", action="send", raw_base64="Mg==")
    assert await ears.next() == b"2"


@pytest.mark.parametrize(("case", "key"), [("pascal", "OrderNo"), ("upper", "ORDERNO")])
async def test_keys_come_in_other_cases(leader: Client, door: Door, ears: Listener, case: str, key: str) -> None:
    await door("settings", frame_case=case, frame_status_case="upper")
    order_id = await leader.place_id()
    frame = (await ears.frames(1))[0]
    assert frame[key] == order_id
    assert "TRANSIT" in frame.values()


async def test_keys_come_mixed_twice_and_not_at_all(leader: Client, door: Door, ears: Listener) -> None:
    await door(
        "settings", frame_case="mixed", frame_duplicate_keys=True, frame_missing=["algoId"], frame_nulls=["isin"]
    )
    await leader.place()
    text = str(await ears.next())
    assert text.lower().count('"remarks"') == 2
    frame = json.loads(text)["Data"]
    assert {name[0].isupper() for name in frame} == {True, False}
    assert "algoid" not in {name.lower() for name in frame}
    assert next(value for name, value in frame.items() if name.lower() == "isin") is None


async def test_numbers_come_as_texts_and_blanks_as_na(leader: Client, door: Door, ears: Listener) -> None:
    await door("settings", frame_numbers_as_text=True, frame_empty="NA", frame_padding=100_000)
    await leader.place()
    text = str(await ears.next())
    frame = json.loads(text)["Data"]
    assert (frame["quantity"], frame["price"], frame["series"]) == ("65", "90.0", "NA")
    assert len(text) > 100_000


async def test_statuses_are_worded_otherwise(leader: Client, door: Door, ears: Listener) -> None:
    await door("settings", frame_modified="Pending", frame_part_traded="PART_TRADED", frame_cancelled_rest="open")
    order_id = await leader.place_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await leader("modify_order", order_id, "LIMIT", None, 130, 91, 0, 0, "DAY")
    heard = await ears.frames(3)
    await door("fill", account="leader", order_id=order_id, quantity=65, price=91)
    await leader("cancel_order", order_id)
    heard += await ears.frames(2)
    assert [frame["status"] for frame in heard] == ["Transit", "Pending", "Pending", "PART_TRADED", "Cancelled"]
    assert (heard[2]["price"], heard[-1]["remainingQuantity"]) == (91.0, 65)


async def test_frames_come_many_times(leader: Client, door: Door, ears: Listener) -> None:
    await door("settings", stream_copies=1000)
    await leader.place()
    assert len({json.dumps(frame) for frame in await ears.frames(1000)}) == 1


async def test_frames_come_in_reverse(
    leader: Client, door: Door, ears: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "REORDER_SECONDS", 2.0)  # all three are there by then
    await door("settings", stream_reorder=3)
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("status", account="leader", order_id=order_id, status="CANCELLED")
    assert [frame["status"] for frame in await ears.frames(3)] == ["Cancelled", "Pending", "Transit"]
    await leader.place()  # two frames: fewer than three leave after a while
    assert [frame["status"] for frame in await ears.frames(2)] == ["Pending", "Transit"]


async def test_frames_are_lost_and_late(leader: Client, door: Door, ears: Listener) -> None:
    await door("settings", stream_drop=1)
    await leader.becomes(await leader.place_id(), "PENDING")
    await door("settings", stream_drop=0, stream_drop_statuses=["Transit"], stream_delay_ms=30)
    order_id = await leader.place_id()
    assert [(frame["orderNo"], frame["status"]) for frame in await ears.frames(1)] == [(order_id, "Pending")]


async def test_noise_comes_between_the_good_frames(leader: Client, door: Door, ears: Listener) -> None:
    await door("settings", stream_noise=True)
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    heard = [await ears.next() for _ in range(4)]
    assert heard[0] == b"2"
    assert [json.loads(each)["Data"]["status"] for each in heard[1::2]] == ["Transit", "Pending"]


async def test_a_refused_modification_is_told_with_the_old_terms(leader: Client, door: Door, ears: Listener) -> None:
    order_id = await leader.place_id()
    await ears.until(order_id, "Pending")
    await door("settings", refuse_modification="later")
    await leader("modify_order", order_id, "LIMIT", None, 130, 95, 0, 0, "DAY")
    frame = (await ears.frames(1))[0]
    assert (frame["status"], frame["quantity"], frame["price"]) == ("Pending", 65, 90.0)
    assert "rejected" in frame["reasonDescription"]
