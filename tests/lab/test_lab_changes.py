"""A plan shows what a reload then does to the open copies, no more and no less, on real states."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from copyctl.core.state import State
from copyctl.lab.changes import Action, Change
from copyctl.lab.planned import Planned, is_hash, moved_on, planned
from copyctl.model.account import Account
from copyctl.model.effects import Send
from copyctl.model.events import PolicyLoaded, StreamChanged
from copyctl.model.facts import Funds
from copyctl.model.policy import Rules
from copyctl.model.records import Change as Record
from copyctl.model.request import RequestKind
from copyctl.model.terms import OrderType
from tests.core.building import ALICE, BOB, HALF, LEADER, NOON, SECOND, SHARE, Desk, rules

BASE: Mapping[str, Any] = {"checks": {"margin": False, "price_band": "none"}, "market_hours": {"enforce": False}}
OLD, NEW = "a" * 64, "b" * 64


def of_file(policy: Mapping[str, Any] | None = None, digest: str = NEW, **parts: Any) -> Rules:
    return replace(rules({**BASE, **(policy or {})}, **parts), digest=digest)


def started(policy: Mapping[str, Any] | None = None, **parts: Any) -> Desk:
    desk = Desk()
    desk.rules = of_file(policy, OLD, **parts)
    return desk.start()


def resting(desk: Desk, order_id: str = "L1", **said: Any) -> Desk:
    """A copy of 50 rests at the broker as A1."""
    desk.leader(order_id, **said)
    desk.ack("A1")
    desk.copied("PENDING")
    return desk


def lagging(desk: Desk) -> Desk:
    """The leader's order has filled five seconds ago, alice's copy of it has not."""
    resting(desk).leader("L1", "TRADED", filled=100)
    desk.wait(5)
    return desk


def plan(desk: Desk, policy: Mapping[str, Any] | None = None, **parts: Any) -> Planned:
    return planned(desk.state, of_file(policy, **parts), desk.now)


def only(made: Planned) -> Change:
    (one,) = made.changes
    return one


def reload(desk: Desk, policy: Mapping[str, Any] | None = None, **parts: Any) -> list[tuple[RequestKind, str, Any]]:
    """What the same rules then have asked of the broker."""
    loaded = PolicyLoaded(at=desk.now, digest=NEW, document="{}", rules=of_file(policy, **parts))
    made = desk.feed(loaded)
    sent = [one.approved.request for one in made.effects if isinstance(one, Send)]
    return [(one.kind, one.account, one.desired.terms if one.desired else None) for one in sent]


def test_a_copy_that_keeps_its_decision_stays_as_it_is() -> None:
    desk = resting(started())
    one = only(plan(desk, {"sizing": {"strategy": "fixed_ratio", "ratio": 1}}))
    assert (one.action, one.follower, one.leader_order_id, one.order_id) == (Action.NONE, ALICE, "L1", "A1")
    assert one.before == one.after
    assert one.before is not None
    assert one.before.terms is not None
    assert one.before.terms.quantity == 50
    assert "keeps the decision" in one.reason
    assert reload(desk, {"sizing": {"strategy": "fixed_ratio", "ratio": 1}}) == []


def test_what_is_changed_is_what_the_reload_then_changes() -> None:
    desk = lagging(started())
    policy = {"fills": {"lag_action": "market", "lag_deadline": "2s"}}
    one = only(plan(desk, policy))
    assert one.action is Action.MODIFY
    assert one.after is not None
    assert one.after.terms is not None
    assert one.after.terms.order_type is OrderType.MARKET
    assert "fills.lag_action: market" in one.reason
    assert reload(desk, policy) == [(RequestKind.MODIFY, ALICE, one.after.terms)]


def test_what_is_cancelled_is_what_the_reload_then_cancels() -> None:
    desk = lagging(started())
    policy = {"fills": {"lag_action": "cancel", "lag_deadline": "2s"}}
    one = only(plan(desk, policy))
    assert (one.action, one.after) == (Action.CANCEL, None)
    assert reload(desk, policy) == [(RequestKind.CANCEL, ALICE, None)]


def test_what_waits_and_may_go_under_the_new_rules_is_changed_only_where_it_is_another_order() -> None:
    night = {"market_hours": {"outside": "queue", "holidays": ["2026-09-15"]}}
    desk = started(night)
    desk.leader("L1")
    assert desk.sent == []
    one = only(plan(desk))
    assert (one.action, one.revision) == (Action.NONE, 0)
    assert one.reason.startswith("copied")
    ((kind, account, terms),) = reload(desk)
    assert (kind, account) == (RequestKind.PLACE, ALICE)
    assert one.after is not None
    assert terms == one.after.terms


def test_what_waits_and_is_refused_by_the_new_rules_is_cancelled() -> None:
    night = {"outside": "queue", "holidays": ["2026-09-15"]}
    desk = started({"market_hours": night})
    desk.leader("L1")
    one = only(plan(desk, {"market_hours": night, "limits": {"max_order_quantity": 10}}))
    assert one.action is Action.NONE  # limits are asked when its market opens
    one = only(plan(desk, {"market_hours": {**night, "outside": "reject"}}))
    assert (one.action, one.after) == (Action.CANCEL, None)
    assert one.reason.startswith("refused (market_holiday)")


def test_a_kill_by_a_loss_that_the_new_limit_does_not_bear_cancels_open_entries() -> None:
    desk = resting(started())
    account = desk.state.tables["account"][ALICE]
    assert isinstance(account, Account)
    lost = structs.replace(account, profit=Decimal(-5000))
    desk.state.apply([Record(table="account", key=ALICE, record=lost)])
    policy = {"limits": {"max_daily_loss": 1000}}
    made = plan(desk, policy)
    one = only(made)
    assert one.action is Action.CANCEL
    assert one.reason.startswith("kill switch: the account has lost 5000 rupees")
    (limit,) = made.exceeded
    assert (limit.follower, limit.limit, limit.value, limit.allowed) == (ALICE, "max_daily_loss", 5000, 1000)
    assert reload(desk, policy) == [(RequestKind.CANCEL, ALICE, None)]


def test_what_would_be_done_anyway_at_this_moment_is_no_change_of_the_rules() -> None:
    lag = {"fills": {"lag_action": "cancel", "lag_deadline": "2s"}}
    desk = resting(started(lag))
    desk.leader("L1", "TRADED", filled=100)
    desk.now += 3 * SECOND
    assert plan(desk, {**lag, "sizing": {**HALF, "ratio": 1}}).changes == ()


def test_of_a_follower_that_would_be_new_nothing_is_guessed() -> None:
    desk = resting(started())
    made = plan(desk, followers=2)
    assert (made.added, made.removed, made.unread) == ((BOB,), (), (BOB,))
    assert {one.follower for one in made.changes} == {ALICE}


def test_a_follower_that_goes_and_one_that_is_changed_are_named() -> None:
    desk = started(followers=2)
    made = plan(
        desk, {"limits": {"max_open_orders": 3}}, alice={"enabled": False}, kill_switch={"actions": ["flatten"]}
    )
    assert (made.added, made.removed) == ((), (BOB,))
    assert [(one.follower, one.keys) for one in made.changed] == [(ALICE, ("enabled", "policy.limits"))]
    assert made.settings == ("kill_switch",)


def test_planning_changes_nothing_of_the_state() -> None:
    desk = lagging(started())
    before = {name: dict(rows) for name, rows in desk.state.tables.items()}
    plan(desk, {"fills": {"lag_action": "cancel", "lag_deadline": "2s"}})
    assert desk.state.tables == before
    assert desk.state.rules is desk.rules


# --- limits -----------------------------------------------------------------------------------------------------------


def broken(desk: Desk, **limits: Any) -> dict[str, tuple[Any, Any]]:
    found = plan(desk, {"limits": limits}).exceeded
    assert {one.follower for one in found} <= {ALICE}
    return {one.limit: (one.value, one.allowed) for one in found}


def bought() -> Desk:
    """Alice has bought 50 and 50 more rest."""
    desk = resting(started())
    desk.leader("L1", "TRADED", filled=100)
    desk.copied("TRADED", filled=50)
    desk.leader("L2")
    desk.ack("A2")
    desk.copied("PENDING", order_id="L2")
    return desk


@pytest.mark.parametrize(
    ("limit", "reached", "below"),
    [
        ("max_order_quantity", 50, 49),
        ("max_order_lots", 10, 9),
        ("max_order_value", 5000, 4999),
        ("max_open_orders", 1, None),
        ("max_position_quantity", 100, 99),
        ("max_position_value", 10000, 9999),
        ("max_open_positions", 1, None),
        ("max_gross_exposure", 10000, 9999),
        ("max_concentration_pct", 1, 0.5),
    ],
)
def test_a_limit_is_exceeded_only_beyond_it(limit: str, reached: int, below: float | None) -> None:
    desk = bought()
    capital = Decimal(1_000_000)
    told = Funds(account=ALICE, as_of=desk.now, available=capital, start_of_day=capital)
    desk.state.apply([Record(table="funds", key=ALICE, record=told)])
    assert broken(desk, **{limit: reached}) == {}
    if below is not None:
        assert broken(desk, **{limit: below}) == {limit: (reached, Decimal(str(below)))}


def test_more_orders_or_positions_than_may_be_open_are_told() -> None:
    desk = bought()
    desk.leader("L3", segment=SHARE.segment, security_id=SHARE.security_id)
    desk.ack("A3")
    assert broken(desk, max_open_orders=1, max_open_positions=1) == {
        "max_open_orders": (2, 1),
        "max_open_positions": (2, 1),
    }


def test_lots_of_an_underlying_count_together() -> None:
    desk = bought()
    assert broken(desk, max_underlying_lots={"NIFTY": 20}) == {}
    assert broken(desk, max_underlying_lots={"NIFTY": 19}) == {"max_underlying_lots": (20, 19)}
    assert broken(desk, max_underlying_lots={"*": 19}) == {"max_underlying_lots": (20, 19)}
    assert broken(desk, max_underlying_lots={"BANKNIFTY": 1}) == {}


def test_orders_of_a_day_are_reached_not_exceeded() -> None:
    desk = bought()
    assert broken(desk, max_orders_per_day=3) == {}
    assert broken(desk, max_orders_per_day=2) == {"max_orders_per_day": (2, 2)}


# --- the hash ---------------------------------------------------------------------------------------------------------

LAG = {"fills": {"lag_action": "cancel", "lag_deadline": "2s"}}


def test_the_hash_is_the_same_for_a_state_that_is_read_from_its_records() -> None:
    desk = lagging(started())
    made = plan(desk, LAG)
    read = State({name: list(rows.values()) for name, rows in reversed(desk.state.tables.items())})
    read.rules = desk.rules
    assert planned(read, of_file(LAG), desk.now + SECOND).hash == made.hash
    assert is_hash(made.hash)
    assert moved_on(made.hash, made) == ""


def test_a_sweep_a_quote_and_the_time_do_not_change_the_hash() -> None:
    desk = lagging(started())
    before = plan(desk, LAG).hash
    desk.books(ALICE, desk.row("PENDING"))
    desk.books(LEADER)
    for account, up in ((LEADER, False), (LEADER, True), (ALICE, False)):
        desk.feed(StreamChanged(at=desk.now, account=account, up=up))
    desk.now += 60 * SECOND
    assert plan(desk, LAG).hash == before


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda desk: desk.copied("PENDING", filled=10), "what is open or held has changed"),
        (lambda desk: desk.leader("L9"), "what is open or held has changed"),
        (lambda desk: desk.kill(), "what is open or held has changed"),
        (lambda desk: setattr(desk.state, "rules", of_file(digest="c" * 64)), "other rules are in force by now"),
    ],
)
def test_what_moved_is_told(what: Any, words: str) -> None:
    desk = lagging(started())
    before = plan(desk, LAG).hash
    what(desk)
    said = moved_on(before, plan(desk, LAG))
    assert said == f"the state moved on since the plan: {words}. Make a new one: copyctl plan"


def test_another_file_is_told_and_so_is_what_only_time_has_brought() -> None:
    desk = resting(started())
    desk.leader("L1", "TRADED", filled=100)
    before = plan(desk, LAG).hash
    assert "the rules file that the run reads" in moved_on(
        before, planned(desk.state, of_file(LAG, "d" * 64), desk.now)
    )
    desk.now += 3 * SECOND
    assert "would do something else by now" in moved_on(before, plan(desk, LAG))


def test_with_no_rules_in_force_everybody_is_new_and_nothing_changes() -> None:
    made = planned(State(), of_file(), NOON)
    assert (made.changes, made.added, made.settings) == ((), (ALICE,), ())
