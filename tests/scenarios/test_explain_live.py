"""``explain --live``: the broker is asked what only he can tell, and nothing else is done to him."""

import json
from typing import Any

from tests.scenarios.desk import Desk

ORDER = {
    "orderId": "1",
    "orderStatus": "PENDING",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "validity": "DAY",
    "securityId": "43210",
    "quantity": 260,
    "price": 101.5,
}


def explained(desk: Desk, *words: str, **said: Any) -> dict[str, Any]:
    desk.write_rules()
    (desk.folder / "order.json").write_text(json.dumps({**ORDER, **said}))
    done = desk.command("explain", "--order", str(desk.folder / "order.json"), "--format", "json", *words)
    (row,) = json.loads(done.stdout)
    return dict(row)


def outcomes(row: dict[str, Any]) -> dict[str, str]:
    return {one["step"]: one["outcome"] for one in row["trace"]}


def test_margin_and_circuit_limits_are_asked_and_no_order_is_sent(desk: Desk) -> None:
    desk.policy = {"checks": {"margin": True, "price_band": "auto", "address": False}}
    live = explained(desk, "--live")
    assert (live["decision"], live["order"]["quantity"]) == ("copied", 260)
    assert (outcomes(live)["margin"], outcomes(live)["price_band"]) == ("passed", "passed")
    beyond = explained(desk, "--live", price=9999)
    assert (beyond["decision"], beyond["reason"]) == ("refused", "circuit_limit")
    desk.broker.tell("funds", account="alice", available=100)
    poor = explained(desk, "--live")
    assert (poor["decision"], poor["reason"]) == ("refused", "insufficient_margin")
    assert desk.verbs() == []
    assert not desk.store.exists()
