"""Tokens, addresses, rates and the clock."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from simulator_world import Client, Door

from copyctl.simulator import Account, Simulator, account_names


def claims(account: Account) -> dict[str, object]:
    middle = account.access_token.split(".")[1]
    read: dict[str, object] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return read


async def test_client_ids_and_tokens_are_invented_and_look_like_dhans(simulator: Simulator) -> None:
    assert [account.client_id for account in simulator.accounts.values()] == ["1100000001", "1100000002", "1100000003"]
    read = claims(simulator.accounts["leader"])
    assert read["dhanClientId"] == "1100000001"
    assert read["exp"] == simulator.accounts["leader"].token_expires
    assert simulator.accounts["leader"].access_token not in repr(simulator.accounts["leader"])


async def test_ids_and_tokens_can_be_given(client: Callable[[str], Client]) -> None:
    running = Simulator({"leader": ("1200000009", "given-token")})
    await running.start()
    given = Client(running.rest_url, running.accounts["leader"])
    try:
        assert (await given("get_order_list"))["data"] == []
        assert running.accounts["leader"].client_id == "1200000009"
    finally:
        given.http.session.close()
        await running.stop()


@pytest.mark.parametrize(("shape", "status", "code", "message"), [
    ("DH-901", 401, "DH-901", "Client ID or user generated access token is invalid or expired."),
    ("DH-906", 400, "DH-906", "Invalid Token"),
])  # fmt: skip
async def test_a_killed_token_is_refused_in_either_shape(
    door: Door, shape: str, status: int, code: str, message: str
) -> None:
    await door("settings", account="leader", dead_token=shape)
    await door("token", account="leader", action="kill")
    answered, text, _ = await door.raw("leader", "GET", "/orders")
    assert (answered, json.loads(text)["errorCode"], json.loads(text)["errorMessage"]) == (status, code, message)
    await door("token", account="leader", action="revive")
    assert (await door.raw("leader", "GET", "/orders"))[0] == 200


async def test_minting_kills_the_old_token_at_once(leader: Client, door: Door) -> None:
    minted = (await door("token", account="leader", action="mint"))["access_token"]
    assert (await leader("get_order_list"))["remarks"]["error_code"] == "DH-901"
    leader.http.header["access-token"] = minted
    assert (await leader("get_order_list"))["status"] == "success"


async def test_a_token_dies_after_a_day_on_the_brokers_clock(leader: Client, door: Door) -> None:
    await door("clock", offset_seconds=23 * 3600)
    assert (await leader("get_order_list"))["status"] == "success"
    await door("clock", offset_seconds=25 * 3600)
    assert (await leader("get_order_list"))["remarks"]["error_code"] == "DH-901"
    await door("settings", tokens_expire=False)
    assert (await leader("get_order_list"))["status"] == "success"


async def test_a_token_is_renewed_and_generated(simulator: Simulator, door: Door) -> None:
    first = simulator.accounts["leader"].access_token
    _, text, _ = await door.raw("leader", "GET", "/RenewToken")
    second = json.loads(text)["accessToken"]
    assert second != first
    base = simulator.rest_url.removesuffix("/v2")
    query = {"dhanClientId": "1100000001", "pin": "111111", "totp": "123456"}
    third = await door.post(f"{base}/app/generateAccessToken", params=query)
    assert third["accessToken"] == simulator.accounts["leader"].access_token != second
    assert sorted(third) == ["accessToken", "dhanClientId", "dhanClientName", "dhanClientUcc", "expiryTime",
                             "givenPowerOfAttorney"]  # fmt: skip


async def test_a_client_id_of_another_account_is_refused(alice: Client) -> None:
    alice.http.client_id = "1100000001"
    assert (await alice.place())["remarks"]["error_code"] == "DH-901"


async def test_reading_is_free_where_the_address_may_not_trade(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("settings", account="leader", ip_allowed=False)
    for refused in (
        await leader.place(),
        await leader("modify_order", order_id, "LIMIT", None, 65, 91, 0, 0, "DAY"),
        await leader("cancel_order", order_id),
    ):
        assert (refused["remarks"]["error_code"], refused["remarks"]["error_message"]) == ("DH-905", "Invalid IP")
    assert (await leader("get_order_list"))["status"] == "success"
    _, text, _ = await door.raw("leader", "GET", "/ip/getIP")
    assert json.loads(text)["ordersAllowed"] is False


async def test_the_quantity_is_looked_at_before_the_address_and_the_address_before_the_instrument(door: Door) -> None:
    await door("settings", account="leader", ip_addresses=["192.0.2.7"])
    _, text, _ = await door.raw("leader", "POST", "/orders", json={"securityId": "no"})
    assert json.loads(text)["errorMessage"] == "quantity is required"
    _, text, _ = await door.raw("leader", "POST", "/orders", json={"securityId": "no", "quantity": 65})
    assert json.loads(text)["errorMessage"] == "Invalid IP"


async def test_the_address_question_can_be_answered_with_an_error_and_http_200(door: Door) -> None:
    await door("settings", account="leader", ip_answer_error=True)
    status, text, _ = await door.raw("leader", "GET", "/ip/getIP")
    assert (status, json.loads(text)[0]["status"]) == (200, "ERROR")


async def test_the_eleventh_order_of_a_second_is_too_many_for_that_account_alone(
    leader: Client, alice: Client, door: Door
) -> None:
    await door("settings", account="leader", rate_limits={"orders": {"3600": 10}, "other": {"3600": 2}})
    answers = [await leader.place() for _ in range(11)]
    assert [answer["status"] for answer in answers] == ["success"] * 10 + ["failure"]
    assert answers[-1]["remarks"]["error_code"] == "DH-904"
    assert answers[-1]["remarks"]["error_message"].startswith("Too many requests on server from single user")
    assert (await alice.place())["status"] == "success"
    reads = [await door.raw("leader", "GET", "/orders") for _ in range(3)]
    assert [status for status, _, _ in reads] == [200, 200, 429]
    assert "Retry-After" not in reads[-1][2]


async def test_dhans_own_limits_are_the_default(simulator: Simulator) -> None:
    limits = simulator.accounts["leader"].settings.rate_limits
    assert limits["orders"] == {"1": 10, "60": 250, "3600": 1000, "86400": 7000}
    assert (limits["quotes"], limits["other"]) == ({"1": 1}, {"1": 20})


async def test_too_many_can_be_said_in_the_data_family_shape(door: Door) -> None:
    await door("settings", account="leader", rate_limits={"other": {"3600": 0}}, rate_answer="805")
    status, text, _ = await door.raw("leader", "GET", "/orders")
    assert status == 429
    assert list(json.loads(text)["data"]) == ["805"]


async def test_all_times_are_the_brokers_in_ist_and_the_date_header_follows(leader: Client, door: Door) -> None:
    now = datetime.now(UTC)
    target = datetime(2026, 9, 15, 4, 32, tzinfo=UTC)  # 10:02 in India
    await door("settings", tokens_expire=False)
    await door("clock", offset_seconds=(target - now).total_seconds())
    row = await leader.order(await leader.place_id())
    assert row["createTime"].startswith("2026-09-15 10:0")
    assert row["orderId"].startswith("12260915")
    _, _, headers = await door.raw("leader", "GET", "/orders")
    assert parsedate_to_datetime(headers["Date"]).date() == target.date()


async def test_yesterdays_orders_are_not_in_todays_book(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    await leader.becomes(await leader.place_id(price=105), "TRADED")
    await door("clock", offset_seconds=86400)
    assert (await leader("get_order_list"))["data"] == []
    assert (await leader("get_trade_book"))["data"] == []


def test_followers_are_named_by_hand_by_list_and_by_number() -> None:
    assert account_names(3) == ["leader", "alice", "bob"]
    assert account_names(1, ["zoe"]) == ["leader", "zoe"]
    assert account_names(4, ["zoe", "bob"]) == ["leader", "zoe", "bob", "alice"]
    assert len(set(account_names(500))) == 500


async def log_in(simulator: Simulator, door: Door, **query: str) -> dict[str, object]:
    base = simulator.rest_url.removesuffix("/v2")
    asked = {"dhanClientId": "1100000002", "pin": "111111", "totp": "123456", **query}
    said: dict[str, object] = await door.post(f"{base}/app/generateAccessToken", params=asked)
    return said


async def test_a_token_can_be_generated_once_every_two_minutes(simulator: Simulator, door: Door) -> None:
    first = (await log_in(simulator, door))["accessToken"]
    refused = await log_in(simulator, door)
    assert refused == {"status": "error", "message": "Token can be generated once every 2 minutes"}
    assert simulator.accounts["alice"].access_token == first
    assert "accessToken" in await log_in(simulator, door, dhanClientId="1100000003")
    await door("clock", offset_seconds=121)
    assert (await log_in(simulator, door))["accessToken"] == simulator.accounts["alice"].access_token != first


async def test_pin_and_code_are_looked_at_where_the_account_has_any(simulator: Simulator, door: Door) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B
    await door("settings", account="alice", login_pin="4821", login_totp_secret=secret, tokens_expire=False)
    now = datetime.now(UTC).timestamp()
    await door("clock", offset_seconds=1_111_111_111 - now)
    assert (await log_in(simulator, door, totp="050471"))["message"] == "Invalid Pin"
    assert (await log_in(simulator, door, pin="4821", totp="050472"))["message"] == "Invalid TOTP"
    assert "accessToken" in await log_in(simulator, door, pin="4821", totp="050471")


@pytest.mark.parametrize("shape", ["807", "808", "809", "810"])
async def test_a_dead_token_in_the_data_familys_shape_can_be_repeated_to_whoever_sent_it(
    simulator: Simulator, door: Door, shape: str
) -> None:
    await door("settings", account="leader", dead_token=shape, answers_repeat_the_token=True)
    await door("token", account="leader", action="kill")
    status, text, _ = await door.raw("leader", "GET", "/orders")
    assert (status, list(json.loads(text)["data"])) == (401, [shape])
    assert simulator.accounts["leader"].access_token in text


async def test_a_token_can_be_given_so_many_seconds_and_be_one_that_cannot_be_renewed(
    simulator: Simulator, door: Door
) -> None:
    await door("token", account="leader", action="mint", seconds=90)
    await door("settings", account="leader", renewal="refused")
    assert (await door.raw("leader", "GET", "/RenewToken"))[0] == 400
    await door("clock", offset_seconds=91)
    assert (await door.raw("leader", "GET", "/orders"))[0] == 401


async def test_a_wrong_address_can_be_told_by_a_code_of_its_own(door: Door) -> None:
    await door("settings", account="leader", ip_allowed=False, wrong_address="DH-911")
    _, text, _ = await door.raw("leader", "POST", "/orders", json={"securityId": "no", "quantity": 65})
    assert (json.loads(text)["errorCode"], json.loads(text)["errorMessage"]) == ("DH-911", "Invalid IP")
