"""What is used of the limits that fill up over a day."""

from decimal import Decimal
from typing import Any

from copyctl.model.account import Account
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Limits
from copyctl.model.records import Copy
from copyctl.model.terms import Decision
from copyctl.report.limits import limits_used
from copyctl.report.moments import day_of
from copyctl.rules import rules_of
from tests.report.world import ALICE, LEADER, NINE, terms

TODAY = day_of(NINE)


def limits(**wanted: Any) -> Limits:
    follower = {"name": "alice", "client_id": ALICE, "access_token": "x"}
    policy = {"sizing": {"strategy": "fixed_ratio", "ratio": 1}, "limits": wanted}
    head = {"version": 1, "name": "x", "broker": {"adapter": "dhan"}}
    leader = {"client_id": LEADER, "access_token": "x"}
    (ruled,) = rules_of({**head, "leader": leader, "followers": [follower], "policy": policy}).followers
    return ruled.policy.limits


def copy(*slots: Slot) -> Copy:
    return Copy(
        leader_order_id="L1", follower=ALICE, decision=Decision.COPIED, slots=slots, created_at=NINE, updated_at=NINE
    )


def used(account: Account, *copies: Copy, **wanted: Any) -> dict[str, Any]:
    return {row["key"]: (row["used"], row["limit"]) for row in limits_used(limits(**wanted), account, copies, NINE)}


def test_only_limits_that_the_rules_set_are_told() -> None:
    assert used(Account(account=ALICE)) == {}
    assert list(used(Account(account=ALICE), max_open_orders=3)) == ["max_open_orders"]


def test_a_loss_is_told_as_used_a_profit_uses_nothing_and_an_unknown_one_is_none() -> None:
    lost = Account(account=ALICE, day=TODAY, profit=Decimal("-1200.50"))
    for account, told in (
        (lost, 1200.5),
        (Account(account=ALICE, day=TODAY, profit=Decimal(7)), 0),
        (Account(account=ALICE, day=TODAY), None),
        (Account(account=ALICE, day=TODAY - 1, profit=Decimal(-9)), None),
    ):
        assert used(account, max_daily_loss=5000) == {"max_daily_loss": (told, 5000)}


def test_orders_that_were_sent_and_may_still_trade_are_open() -> None:
    slot = Slot(revision=0, correlation_id="c", asked=terms(), standing=Standing.WORKING, sent=True)
    waiting = Slot(revision=0, correlation_id="w", asked=terms())
    ended = Slot(revision=0, correlation_id="e", asked=terms(), standing=Standing.ENDED, sent=True)
    account = Account(account=ALICE)
    assert used(account, copy(slot, waiting, ended), copy(slot), max_open_orders=10) == {"max_open_orders": (2, 10)}


def test_orders_of_another_day_do_not_count() -> None:
    placed = Account(account=ALICE, day=TODAY, placed_today=7)
    before = Account(account=ALICE, day=TODAY - 1, placed_today=7)
    assert used(placed, max_orders_per_day=200) == {"max_orders_per_day": (7, 200)}
    assert used(before, max_orders_per_day=200) == {"max_orders_per_day": (0, 200)}
