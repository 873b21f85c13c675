"""What trades, for the leader and for the follower, and what is rejected."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.alerts import Alert
from copyctl.model.events import CredentialsChanged, TokenTold
from copyctl.model.order import Fill
from copyctl.model.placement import Standing
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, RequestKind
from copyctl.model.terms import Decision, Level, OrderType, Product, Segment, Side
from tests.core.building import ALICE, LEADER, SECOND, Desk

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
TRADED = {"copy_on": "traded"}


def resting(policy: dict[str, Any] | None = None, parts: dict[str, Any] | None = None, **said: Any) -> Desk:
    desk = Desk(policy, **(parts or {})).start()
    desk.leader(**said)
    desk.ack("A1")
    desk.copied()
    desk.taken()
    return desk


def fill(trade_id: str, quantity: int, price: str, order_id: str = "A1", account: str = ALICE) -> Fill:
    return Fill(
        account=account,
        order_id=order_id,
        trade_id=trade_id,
        segment=Segment.NSE_FNO,
        security_id="43210",
        side=Side.BUY,
        product=Product.INTRADAY,
        quantity=quantity,
        price=Decimal(price),
        traded_at=1,
    )


def test_scenario_4_1_both_fill() -> None:
    desk = resting()
    desk.leader(status="TRADED", filled=100)
    desk.effects.clear()
    desk.copied("TRADED", filled=50, average_price="101")
    assert desk.reads(ALICE)  # for the trades
    assert (desk.copy().filled, desk.slot().average_price, desk.copy().drift) == (50, Decimal(101), "")
    assert desk.slot().standing is Standing.ENDED


def test_scenario_4_3_each_fill_is_kept_once_and_the_average_is_the_brokers() -> None:
    desk = resting()
    rows = (desk.row("PART_TRADED", filled=25, average_price="100.5"),)
    for _ in range(3):
        desk.books(ALICE, *rows, fills=(fill("T1", 20, "100"), fill("T2", 5, "102.5")))
    assert len(desk.state.tables["fill"]) == 2
    told = [notice for notice in desk.notices if notice.event == "fill"]
    assert [(one.text, one.leader_order_id, one.follower) for one in told] == [
        ("BUY 20 at 100", "L1", ALICE),
        ("BUY 5 at 102.5", "L1", ALICE),
    ]
    assert desk.slot().average_price == Decimal("100.5")


def test_scenario_4_2_traded_copies_what_trades_as_it_trades() -> None:
    desk = Desk(TRADED).start()
    desk.leader()
    assert desk.asked() == []
    desk.leader(status="PART_TRADED", filled=6)
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "zero_quantity")
    desk.leader(status="PART_TRADED", filled=30)
    assert desk.asked() == [(PLACE, 15, 100)]
    assert desk.decided() == (Decision.COPIED, None)
    desk.ack("A1")
    desk.leader(status="PART_TRADED", filled=35)
    assert desk.asked() == []
    desk.leader(status="TRADED", filled=100)
    assert desk.asked() == [(PLACE, 35, 100)]
    desk.ack("A2")
    assert desk.copy().detail == "0.5 x 100 = 50, in lots of 5 rounded down: 10 = 50 units"
    desk.copied("TRADED", number=0, filled=15)
    desk.copied("TRADED", number=1, filled=35)
    desk.wait(60)
    assert (desk.asked(), desk.copy().drift) == ([], "")


def test_scenario_4_2_a_stop_that_traded_is_a_stop_no_more() -> None:
    desk = Desk(TRADED).start()
    desk.leader(order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    desk.leader(status="PART_TRADED", order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL, filled=40)
    (request,) = desk.taken()
    assert request.desired is not None
    terms = request.desired.terms
    assert (terms.order_type, terms.price, terms.trigger_price, terms.quantity) == (OrderType.LIMIT, 94, 0, 20)


def test_scenario_4_2_what_is_owed_survives_the_leaders_cancel() -> None:
    desk = Desk(TRADED).start()
    desk.leader(status="PART_TRADED", filled=40)
    desk.ack("A1")
    desk.leader(status="CANCELLED", filled=60)
    assert desk.asked() == [(PLACE, 20, 100), (PLACE, 10, 100)]
    desk.ack("A2")
    desk.wait(60)
    assert desk.asked() == []


def test_scenario_5_2_a_rejection_says_its_category_and_is_not_repeated() -> None:
    desk = Desk().start()
    desk.leader()
    desk.reject(Category.MARGIN, "RMS: insufficient funds")
    assert desk.decided() == (Decision.DEAD, "rejected_margin")
    assert desk.copy().detail == "RMS: insufficient funds"
    assert desk.alerts() == ["the broker rejected a copy (margin): RMS: insufficient funds"]
    desk.taken()
    desk.wait(60)
    assert (desk.asked(), desk.waiting, desk.due_at) == ([], [], 0)


def test_scenario_5_2_a_rejection_may_come_after_the_acknowledgement() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied("REJECTED", text="RMS: insufficient funds", category=Category.MARGIN)
    assert desk.decided() == (Decision.DEAD, "rejected_margin")
    desk.books(ALICE, desk.row("REJECTED", text="RMS: insufficient funds", category=Category.MARGIN))
    assert desk.decided() == (Decision.DEAD, "rejected_margin")


def test_a_rejection_on_the_stream_that_the_order_outlives_is_taken_back() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied("REJECTED", text="no", category=Category.TICK)
    desk.copied("PENDING")
    assert desk.decided() == (Decision.COPIED, None)
    assert desk.slot().standing is Standing.WORKING


def test_scenario_5_2_a_transient_rejection_is_retried_and_then_dead() -> None:
    desk, category = Desk().start(), Category.CONNECTIVITY
    desk.leader()
    first = desk.taken()[0].request_id
    for attempt in range(1, 5):
        desk.reject(category, "later")
        assert desk.decided() == (Decision.QUEUED, "retrying")
        assert desk.asked() == []
        desk.wait(0.25 * 2 ** (attempt - 1))
        assert [one.request_id for one in desk.taken()] == [first]
        assert desk.decided() == (Decision.COPIED, None)
    desk.reject(category, "later")
    desk.wait(60)
    assert desk.asked() == []
    assert desk.decided() == (Decision.DEAD, f"rejected_{category}")


def test_a_retry_is_dropped_when_the_order_turns_out_to_be_there() -> None:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.reject(Category.THROTTLED)
    desk.copied("PENDING")
    assert desk.decided() == (Decision.COPIED, None)
    desk.wait(60)
    assert (desk.asked(), desk.waiting) == ([], [])


def test_an_order_that_the_stream_showed_is_not_sent_again_whatever_the_answer_says() -> None:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.copied("PENDING")
    desk.reject(Category.THROTTLED)
    desk.wait(60)
    assert (desk.asked(), desk.waiting) == ([], [])
    assert desk.decided() == (Decision.COPIED, None)


@pytest.mark.parametrize("status", ["TRADED", "REJECTED", "CANCELLED"])
def test_what_the_stream_told_before_the_id_was_known_counts(status: str) -> None:
    """The frame carries no correlation id, so that only the answer tells whose it was."""
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.frame(ALICE, "A1", status, quantity=50, filled=50 if status == "TRADED" else 0)
    desk.ack("A1")
    assert not desk.slot().live
    assert desk.copy().filled == (50 if status == "TRADED" else 0)


def test_scenario_8_3_the_follower_may_fill_first() -> None:
    desk = resting()
    desk.copied("TRADED", filled=50)
    assert [one.facts["alert"] for one in desk.notices if one.event == "alert"] == ["early_fill"]
    account = desk.state.tables["account"][ALICE]
    assert getattr(account, "early_fills", 0) == 1
    desk.leader(status="TRADED", filled=100)
    assert (desk.asked(), desk.copy().drift) == ([], "")


def test_scenario_5_8_an_unauthenticated_follower_waits_and_the_others_go_on() -> None:
    desk = Desk(followers=2).start()
    desk.leader()
    mine, other = desk.taken()
    desk.shut_out.add(ALICE)
    desk.reject(Category.AUTHENTICATION, "Invalid Token", request=mine)
    desk.ack("B1", request=other)
    assert desk.decided() == (Decision.QUEUED, "follower_unauthenticated")
    desk.shut_out.clear()
    desk.wait(14)
    assert desk.asked() == []
    desk.wait(2)
    desk.books(ALICE)
    assert [one.request_id for one in desk.taken()] == [mine.request_id]
    desk.ack("A1")
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_5_8_another_token_is_tried_at_once_for_its_account_alone() -> None:
    desk = Desk(followers=2).start()
    desk.leader()
    mine, other = desk.taken()
    desk.shut_out.update((mine.account, other.account))
    for request in (mine, other):
        desk.reject(Category.AUTHENTICATION, "Invalid Token", request=request)
    assert desk.asked() == []
    desk.shut_out.clear()
    desk.feed(CredentialsChanged(at=desk.now, account=mine.account))
    desk.books(mine.account)
    desk.wait(5)
    assert [one.request_id for one in desk.taken()] == [mine.request_id]
    desk.ack("A1")
    accounts = desk.state.tables["account"]
    assert getattr(accounts[mine.account], "refused_token", "") == ""
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_5_8_what_is_to_be_known_of_a_token_is_an_alert() -> None:
    desk = Desk().start()
    desk.feed(TokenTold(at=desk.now, account=ALICE, what=Alert.TOKEN_DEAD, text="it died at 11:00 IST"))
    (told,) = [one for one in desk.notices if one.event == "alert"]
    assert (told.text, told.level, told.follower) == ("it died at 11:00 IST", Level.CRITICAL, ALICE)
    assert told.facts["alert"] == "token_dead"


def test_a_placement_that_did_not_leave_is_sent_again_under_its_id() -> None:
    desk = Desk().start()
    desk.leader()
    (first,) = desk.taken()
    desk.answer(Fate.NOT_LEFT, text="refused connection")
    desk.wait(1)
    (second,) = desk.taken()
    assert (second.correlation_id, second.attempts) == (first.correlation_id, 2)


def test_scenario_9_10_cancelled_by_hand_it_is_told_and_not_placed_again_until_the_leader_changes_it() -> None:
    desk = resting()
    desk.alerts()
    desk.copied("CANCELLED")
    (alert,) = desk.alerts()
    assert alert.endswith("was cancelled by hand, by the broker or by the exchange")
    assert desk.copy().drift == "ended by hand, by the broker or by the exchange with 0 filled"
    desk.leader(status="PART_TRADED", filled=10)
    desk.books(LEADER)
    desk.wait(60)
    assert desk.asked() == []
    desk.leader(status="PART_TRADED", filled=10, price=101)
    assert desk.asked() == [(PLACE, 50, 101)]


def test_scenario_9_10_changed_by_hand_it_is_told_and_left_until_the_leader_changes_it() -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), after=5 * SECOND)
    desk.alerts()
    for _ in range(3):
        desk.books(ALICE, desk.row(price=90, quantity=50), after=15 * SECOND)
    (alert,) = desk.alerts()
    assert alert.endswith("was changed by hand, by the broker or by the exchange")
    assert desk.copy().drift == "changed by hand, by the broker or by the exchange"
    desk.wait(60)
    assert desk.asked() == []
    desk.leader(price=101)
    assert desk.asked() == [(MODIFY, 50, 101)]
    assert desk.copy().drift == ""


def test_scenario_9_10_changed_back_by_hand_it_is_as_it_was() -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), after=5 * SECOND)
    desk.books(ALICE, desk.row(price=90, quantity=50), after=15 * SECOND)
    desk.books(ALICE, desk.row(price=100, quantity=50), after=15 * SECOND)
    assert desk.copy().drift == ""


ONLY_STOP = {"kill_switch": {"actions": ["stop_copying"]}}


def test_the_kill_switch_refuses_placements_for_good_and_cancels_follow() -> None:
    desk = resting(parts=ONLY_STOP)
    desk.kill()
    desk.leader("L2")
    assert desk.decided("L2") == (Decision.REFUSED, "kill_switch")
    assert desk.asked() == []
    desk.leader(status="CANCELLED")
    assert desk.asked() == [(CANCEL,)]
    desk.kill("resume")
    desk.leader("L2", quantity=200, price=90)
    assert desk.asked() == []
    desk.leader("L3")
    assert desk.asked() == [(PLACE, 50, 100)]


def test_the_kill_switch_takes_back_what_waits() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    for order_id in ("L1", "L2"):
        desk.leader(order_id)
        desk.now -= SECOND
    desk.taken()
    desk.kill()
    desk.wait(5)
    assert desk.asked() == []
    assert desk.decided("L2") == (Decision.REFUSED, "kill_switch")


@pytest.mark.parametrize(("change", "asked"), [({"quantity": 60}, (MODIFY, 30, 100)), ({"price": 99}, (CANCEL,))])
def test_the_kill_switch_cancels_what_the_leader_changes_unless_he_only_lessens_it(change: Any, asked: Any) -> None:
    desk = resting(parts=ONLY_STOP)
    desk.kill()
    desk.leader(**change)
    assert desk.asked() == [asked]


def test_what_the_kill_switch_cancelled_stays_away_after_it() -> None:
    desk = resting()
    desk.kill()
    desk.leader(price=99)
    desk.ack()
    desk.copied("CANCELLED", filled=10)
    assert desk.copy().drift == "cancelled under the kill switch with 10 filled"
    desk.kill("resume")
    desk.taken()
    desk.leader(price=98, quantity=500)
    desk.wait(60)
    assert desk.asked() == []


def test_a_change_that_waits_when_the_kill_switch_comes_does_not_leave() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader()
    desk.ack("A1")
    desk.now -= SECOND
    desk.leader(quantity=200)
    desk.taken()
    desk.now -= SECOND
    desk.kill()
    desk.wait(5)
    assert desk.asked() == [(CANCEL,)]
