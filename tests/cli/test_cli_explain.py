"""``explain``: what would be done with one order and why; what every reason code means."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from copyctl.core.hours import IST
from copyctl.model.reasons import Reason
from copyctl.model.terms import Decision
from tests.cli.world import POLICY, Desk, copyctl, document, process

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"


def test_every_code_with_its_decision_and_its_sentence() -> None:
    done = process("explain", "--codes", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)["codes"]
    assert {frozenset(row) for row in rows} == {frozenset(("code", "decision", "sentence"))}
    assert {row["code"] for row in rows} >= {*Reason, "rejected_margin", "limit_max_order_lots"}
    assert {row["decision"] for row in rows} == set(Decision)
    assert copyctl("explain", "--codes").stdout == done.stdout


def test_for_people_it_is_a_table() -> None:
    lines = copyctl("explain", "--codes", "--format", "table").stdout.splitlines()
    assert lines[0].split() == ["decision", "code", "what", "it", "says"]
    assert any(line.split()[:2] == ["dead", "rejected_margin"] for line in lines)
    assert any(line.strip().split(maxsplit=2)[1:] == ["market_closed", "waits for the next open"] for line in lines)


def test_as_markdown_it_is_the_page() -> None:
    assert copyctl("explain", "--codes", "--format", "markdown").stdout == PAGE.read_text()


ORDER: dict[str, Any] = {
    "dhanClientId": "1100000001",
    "orderId": "122611300002790",
    "orderStatus": "PENDING",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "validity": "DAY",
    "securityId": "43210",
    "quantity": 260,
    "price": 101.5,
    "createTime": "2026-11-30 11:46:11",
    "updateTime": "2026-11-30 11:46:11",
}
FRAME = {
    "Type": "order_alert",
    "Data": {
        "exchange": "NSE",
        "segment": "D",
        "securityId": "43210",
        "clientId": "1100000001",
        "orderNo": "122611300002790",
        "product": "I",
        "txnType": "B",
        "orderType": "LMT",
        "validity": "DAY",
        "quantity": 260,
        "price": 101.5,
        "lotSize": 65,
        "tickSize": 0.05,
        "symbol": "NIFTY",
        "instrument": "OPTIDX",
        "status": "Pending",
        "orderDateTime": "2026-11-30 11:46:11",
        "exchOrderTime": "2026-11-30 11:46:11",
        "lastUpdatedTime": "2026-11-30 11:46:11",
    },
}
MASTER = "\n".join(
    (
        "EXCH_ID,SEGMENT,SECURITY_ID,ISIN,INSTRUMENT,UNDERLYING_SECURITY_ID,UNDERLYING_SYMBOL,SYMBOL_NAME,"
        "DISPLAY_NAME,INSTRUMENT_TYPE,SERIES,LOT_SIZE,SM_EXPIRY_DATE,STRIKE_PRICE,OPTION_TYPE,TICK_SIZE",
        "NSE,D,43210,NA,OPTIDX,13,NIFTY,NIFTY-Dec2026-24500-CE,NIFTY CALL,OP,NA,65,2026-12-29,24500,CE,0.05",
        "",
    )
)


def explained(folder: Path, order: Any = ORDER, *more: str, **changes: Any) -> list[dict[str, Any]]:
    """The answer for an order under rules of that folder, with an instrument list at hand."""
    (folder / "master.csv").write_text(MASTER)
    broker = {"adapter": "dhan", "instruments": str(folder / "master.csv")}
    rules = folder / "rules.yaml"
    rules.write_text(json.dumps(document(broker=broker, store={"path": str(folder / "store")}, **changes)))
    (folder / "order.json").write_text(json.dumps(order))
    done = copyctl("explain", "--rules", str(rules), "--order", str(folder / "order.json"), "--format", "json", *more)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def steps(row: dict[str, Any]) -> dict[str, str]:
    return {one["step"]: one["outcome"] for one in row["trace"]}


def detail(row: dict[str, Any], step: str) -> str:
    return next(str(one["detail"]) for one in row["trace"] if one["step"] == step)


@pytest.mark.parametrize("order", [ORDER, [ORDER], FRAME])
def test_an_order_is_explained_for_every_follower_with_nothing_set(tmp_path: Path, order: Any) -> None:
    alice, bob = explained(tmp_path, order)
    assert (alice["follower"], alice["decision"], alice["reason"]) == ("alice", "copied", None)
    assert alice["order"] == {
        "security_id": "43210",
        "exchange_segment": "NSE_FNO",
        "side": "BUY",
        "quantity": 130,
        "order_type": "LIMIT",
        "product": "INTRADAY",
        "validity": "DAY",
        "price": 101.5,
        "trigger_price": 0.0,
        "disclosed_quantity": 0,
        "after_market": False,
    }
    assert detail(alice, "sizing") == "0.5 x 260 = 130, in lots of 65 rounded down: 2 = 130 units"
    assert (bob["decision"], bob["reason"], bob["order"]) == ("refused", "zero_quantity", None)
    assert set(alice) >= {"follower", "decision", "reason", "detail", "rule", "order", "trace"}
    assert {frozenset(one) for one in alice["trace"]} == {frozenset(("step", "outcome", "detail"))}
    assert not (tmp_path / "store").exists()


def test_each_rule_that_was_tried_says_why_it_does_not_match(tmp_path: Path) -> None:
    rules = [
        {"name": "banknifty", "match": {"underlying": "BANKNIFTY"}, "action": "copy"},
        {"name": "cheap", "match": {"price": {"below": 200}, "side": "BUY"}, "action": "skip"},
        {"name": "never tried", "match": {"side": "BUY"}, "action": "copy"},
    ]
    (alice,) = explained(tmp_path, ORDER, "--follower", "alice", policy={**POLICY, "filters": {"rules": rules}})
    assert (alice["decision"], alice["reason"], alice["rule"]) == ("skipped", "filtered", "cheap")
    found = steps(alice)
    assert (found["filters.banknifty"], found["filters.cheap"]) == ("no match", "matched")
    assert "filters.never tried" not in found
    assert "sizing" not in found
    assert detail(alice, "filters.banknifty") == "underlying does not fit: the order's is NIFTY"


def test_each_limit_stands_there_with_its_figure_and_what_only_the_broker_knows_is_not_asked(tmp_path: Path) -> None:
    limits = {"max_order_lots": 3, "max_order_value": 13_000}
    checks = {**POLICY["checks"], "margin": True, "price_band": "auto"}
    (alice,) = explained(tmp_path, ORDER, "--follower", "alice", policy={**POLICY, "limits": limits, "checks": checks})
    assert (alice["decision"], alice["reason"]) == ("refused", "limit_max_order_value")
    assert "2 lots" in detail(alice, "limits.max_order_lots")
    assert "max_order_lots is 3" in detail(alice, "limits.max_order_lots")
    assert "13195" in detail(alice, "limits.max_order_value")
    assert steps(alice)["price_band"] == "not asked"
    assert steps(alice)["limits"] == "refused (limit_max_order_value)"
    assert "margin" not in steps(alice)  # the limits have objected before
    (alice,) = explained(tmp_path, ORDER, "--follower", "alice", policy={**POLICY, "checks": checks})
    assert (alice["decision"], steps(alice)["margin"]) == ("copied", "not asked")


def test_it_is_told_as_of_the_order_or_as_of_another_time(tmp_path: Path) -> None:
    hours = {**POLICY, "market_hours": {"enforce": True}}
    (alice,) = explained(tmp_path, ORDER, "--follower", "alice", policy=hours)
    assert (alice["decision"], alice["at"][:19]) == ("copied", "2026-11-30T11:46:11")
    (late,) = explained(tmp_path, ORDER, "--follower", "alice", "--at", "18:00", policy=hours)
    assert (late["decision"], late["reason"]) == ("refused", "market_closed")
    assert late["at"][:19] == "2026-11-30T18:00:00"


def test_the_followers_stand_as_the_store_has_them(traded: Desk, tmp_path: Path) -> None:
    order = {**ORDER, "orderId": "2", "transactionType": "SELL", "quantity": 100, "orderType": "MARKET", "price": 0}
    order |= {"exchangeSegment": "NSE_EQ", "securityId": "2885"}
    (tmp_path / "order.json").write_text(json.dumps(order))
    events = len(traded.json("orders")["copies"])
    noon = datetime.now(IST).replace(hour=12)  # late in the day an exit may be the doing of a broker
    alice, bob = traded.json("explain", "--order", str(tmp_path / "order.json"), "--at", noon.isoformat())
    assert (alice["decision"], alice["order"]["side"], alice["order"]["quantity"]) == ("copied", "SELL", 50)
    assert steps(alice)["intent"] == "exit"
    assert detail(alice, "exit").startswith("closes 50")
    assert (bob["decision"], bob["reason"]) == ("refused", "exit_without_position")
    assert len(traded.json("orders")["copies"]) == events


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "it is not JSON"),
        ("[]", "it holds no order"),
        ("{}", "orderId or orderStatus is missing"),
        ('{"Data": {"orderNo": "1"}}', "an order without a type"),
    ],
)
def test_a_file_that_holds_no_order_is_told(tmp_path: Path, text: str, says: str) -> None:
    rules, order = tmp_path / "rules.yaml", tmp_path / "order.json"
    rules.write_text(json.dumps(document()))
    order.write_text(text)
    done = copyctl("explain", "--rules", str(rules), "--order", str(order))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize("words", [(), ("--format", "json"), ("--rules", "x.yaml"), ("--codes", "--alerts")])
def test_what_is_missing_on_the_command_line_is_told(words: tuple[str, ...]) -> None:
    done = copyctl("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--codes" in done.stderr
