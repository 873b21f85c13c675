"""The files under ``rules/`` as they ship, in real runs: each does what its comments say.

Only the addresses of the broker, the hours (the tests run at any) and the waits are laid over a file.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from copyctl.cli.main import app
from copyctl.rules import load
from tests.scenarios.desk import CALL, PUT, SHARE, Broker, Desk, pick

RULES = Path(__file__).parents[2] / "rules"
FARTHER_CALL = {"exchange_segment": "NSE_FNO", "security_id": "43212"}  # a strike above CALL, as near its expiry
SELL = {"transaction_type": "SELL"}
REFUSED = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "blocked by the risk desk"}
MARKET = {"order_type": "MARKET", "price": 0}
ALL_DAY = {
    "calendar": "24/7",
    "sessions": [{"segment": segment, "regular": "00:00-23:59:59"} for segment in ("NSE_EQ", "NSE_FNO")],
    "square_off": "23:59:59",
}


@dataclass
class Shipped(Desk):
    """A desk at which a shipped file runs."""

    file: str = ""

    def write_rules(self) -> None:
        ready = self.broker.ready
        laid_over: dict[str, Any] = {
            "extends": str(RULES / self.file),
            "broker": {
                **{key: ready[key] for key in ("rest_url", "order_update_url")},
                "instruments": ready["instruments_url"],
            },
            "store": {"path": str(self.store)},
            "policy": {"market_hours": ALL_DAY, "late": {"max_age": "1m"}, **self.policy},
            "resilience": {"sweep": "1s"},
        }
        self.rules_file.write_text(yaml.safe_dump(laid_over))

    @property
    def environment(self) -> dict[str, str]:
        said = dict(os.environ)
        for name, row in self.broker.accounts.items():
            prefix = re.sub(r"\W", "_", name).upper()
            said |= {f"{prefix}_CLIENT_ID": row["client_id"], f"{prefix}_ACCESS_TOKEN": row["access_token"]}
        return said


@pytest.fixture
def shipped(desk: Desk) -> Iterator[Shipped]:
    made = Shipped(broker=desk.broker, folder=desk.folder)
    yield made
    made.close()


def test_intraday_only_leaves_out_what_may_be_held_and_follows_every_exit(shipped: Shipped) -> None:
    shipped.file = "intraday-only.yaml"
    shipped.start()
    overnight = shipped.place(product_type="MARGIN", quantity=260)
    row = shipped.follows(overnight, decision="skipped", reason="filtered")
    assert pick(row, "rule", "detail") == (None, "filters.default: skip")
    entry = shipped.place(**MARKET, quantity=260)
    row = shipped.follows(entry, decision="copied", follower_filled=130)
    assert row["rule"] == "intraday"
    shipped.follows(shipped.place(**MARKET, **SELL, quantity=260), decision="copied", follower_filled=130)
    assert shipped.net() == 0
    assert {body["productType"] for body in shipped.bodies()} == {"INTRADAY"}


def test_intraday_only_opens_nothing_in_the_last_minutes() -> None:
    rules = load(RULES / "intraday-only.yaml", {}, offline=True)
    assert {str(time) for time in dict(rules.policy.market_hours.square_off.pairs).values()} == {"15:05:00"}


def test_conservative_refuses_with_the_figure_and_stops_by_itself(shipped: Shipped) -> None:
    shipped.file = "conservative.yaml"
    shipped.start()
    sold = shipped.place(**PUT, **SELL, quantity=1300, price=110)
    assert shipped.follows(sold, decision="skipped", reason="filtered")["rule"] == "no sold options"
    small = shipped.place(quantity=585)
    shipped.follows(small, decision="refused", reason="zero_quantity")
    large = shipped.place(quantity=1755, price=80)
    shipped.follows(large, decision="copied", wanted_quantity=130)
    rich = shipped.place(**SHARE, quantity=1000, price=1390)
    row = shipped.follows(rich, decision="refused", reason="limit_max_order_value")
    assert {"139000", "50000"} <= set(row["detail"].replace(",", "").split()), row["detail"]
    shipped.fault("status", status=400, body=REFUSED, times=3)
    for price in (81, 82, 83):
        shipped.follows(shipped.place(quantity=1300, price=price), decision="dead")
    shipped.eventually(lambda: shipped.status()["followers"][0]["state"] == "killed", "the switch has tripped")
    shipped.mend()
    shipped.follows(shipped.place(quantity=1300, price=84), decision="refused", reason="kill_switch")
    shipped.follows(large, follower_status="CANCELLED")


def test_hedged_baskets_buys_the_hedge_before_it_sells(shipped: Shipped) -> None:
    shipped.file = "hedged-baskets.yaml"
    shipped.start()
    sold = shipped.place(**CALL, **MARKET, **SELL)
    hedge = shipped.place(**FARTHER_CALL, price=20)
    (bought,) = shipped.follows(hedge, decision="copied", follower_status="PENDING")["follower_order_ids"]
    shipped.quiet()
    assert pick(shipped.copy(sold), "decision", "reason") == ("queued", "basket")
    shipped.fill("alice", bought, 130, 20)
    shipped.follows(sold, decision="copied", follower_filled=130)
    assert [pick(body, "transactionType", "securityId") for body in shipped.bodies()] == [
        ("BUY", FARTHER_CALL["security_id"]),
        ("SELL", CALL["security_id"]),
    ]


def test_hedged_baskets_closes_what_filled_when_a_leg_fails(shipped: Shipped) -> None:
    shipped.file = "hedged-baskets.yaml"
    shipped.start()
    shipped.fault("status", status=400, body=REFUSED, contains=f'"{CALL["security_id"]}"', times=1)
    sold = shipped.place(**CALL, **MARKET, **SELL)
    shipped.place(**FARTHER_CALL, **MARKET)
    shipped.follows(sold, decision="dead")
    shipped.eventually(lambda: len(shipped.bodies()) == 3, "the hedge is sold again")
    shipped.eventually(lambda: shipped.net(security_id=FARTHER_CALL["security_id"]) == 0, "nothing is left of it")
    assert shipped.net() == 0


def test_family_sizes_each_by_its_capital_and_lets_one_leave(tmp_path: Path) -> None:
    names = ("ravi-savings", "anita", "mother", "arjun")
    broker = Broker(0, *(word for name in names for word in ("--follower", name)))
    family = Shipped(broker=broker, folder=tmp_path, file="family.yaml", followers=names)
    try:
        for name, lakh in (("leader", 20), ("ravi-savings", 10), ("anita", 5), ("mother", 30), ("arjun", 20)):
            broker.tell("funds", account=name, available=lakh * 100_000)
        family.start()
        held = family.place(product_type="MARGIN", quantity=520)
        for name, units in (("ravi-savings", 260), ("anita", 130), ("mother", 65)):
            family.follows(held, name, decision="copied", follower_quantity=units)
        family.follows(held, "arjun", decision="refused", reason="follower_leaving")
        of_the_day = family.place(quantity=520, price=80)
        family.follows(of_the_day, "mother", decision="refused", reason="unsupported_product")
        family.follows(of_the_day, "anita", decision="copied", follower_quantity=130)
        states = {row["name"]: row["state"] for row in family.status()["followers"]}
        assert states == {**dict.fromkeys(names, "active"), "arjun": "leaving"}
    finally:
        family.close()
        broker.stop()


def test_what_init_writes_copies_at_once(shipped: Shipped) -> None:
    folder = shipped.folder / "made"
    made = CliRunner().invoke(app, ["init", str(folder), "--name", "desk", "--yes"])
    assert made.exit_code == 0, made.stderr
    shipped.file = str(folder / "desk.yaml")
    shipped.start()
    shipped.follows(shipped.place(quantity=260), decision="copied", follower_quantity=130)
    penny = shipped.place(price=1.5)
    assert shipped.follows(penny, decision="skipped", reason="filtered")["rule"] == "no penny options"
