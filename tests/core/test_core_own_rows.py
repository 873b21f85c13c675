"""Rows of our own: what is closed without an order of the leader's, the same care taken as for his exits."""

from decimal import Decimal
from typing import Any

from copyctl.core import exits
from copyctl.core.correlation import correlation_id
from copyctl.core.state import Draft
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy, Position
from copyctl.model.terms import Decision, OrderType, Product, Segment, Side
from tests.core.building import ALICE, LEADER, SHARE, Desk, report
from tests.core.exits_desk import (
    CANCEL,
    MODIFY,
    OWN,
    PLACE,
    entered,
    enters,
    fills,
    kinds,
    own_row,
    price_of,
    rests,
    said_of,
    sells,
    stake,
)

MARKET = OrderType.MARKET
FLATTEN: dict[str, Any] = {"kill_switch": {"actions": ["stop_copying", "cancel_open_orders", "flatten"]}}


def owed(desk: Desk, here: Position, units: int, why: str = "a test", note: Reason | None = None) -> Copy | None:
    """``exits.owe`` as a step of its own; what follows from it comes with the next event."""
    draft = Draft(desk.state, desk.now)
    row = exits.owe(draft, desk.rules.followers[0], here, units, why, note=note)
    desk.state.apply(draft.changes())
    return row


def killed(units: int = 100, **policy: Any) -> Desk:
    """A position that the kill switch flattens."""
    desk = Desk(policy or None, **FLATTEN).start()
    enters(desk, "L1", units)
    desk.kill()
    return desk


# --- the row --------------------------------------------------------------------------------------------------------


def test_a_row_is_named_after_the_position_and_counts_up() -> None:
    desk = entered()
    first = owed(desk, stake(desk), 10)
    second = owed(desk, stake(desk), 15, note=Reason.LATE_COPIED)
    assert first is not None
    assert second is not None
    assert (first.leader_order_id, second.leader_order_id) == (f"{OWN}1", f"{OWN}2")
    assert (first.exit, first.due, first.urgent, second.note) == (True, 10, "a test", Reason.LATE_COPIED)
    assert second.wanted is not None
    assert (second.wanted.side, second.wanted.product, second.wanted.terms.order_type) == (
        Side.SELL,
        Product.INTRADAY,
        MARKET,
    )


def test_a_row_lowers_what_ought_to_stay_and_never_below_nothing() -> None:
    desk = entered()
    owed(desk, stake(desk), 20)
    assert stake(desk).target == 30
    owed(desk, stake(desk), 100)
    assert (stake(desk).target, stake(desk).copied) == (0, 50)


def test_where_nothing_is_copied_there_is_nothing_to_close() -> None:
    desk = entered()
    fills_all = stake(desk)
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    desk.ack("X2")
    fills(desk, "L2", filled=50)
    assert owed(desk, fills_all, 10) is None


def test_a_name_whose_orders_the_broker_knows_already_is_taken() -> None:
    desk = entered()
    old = correlation_id(leader=LEADER, follower=ALICE, leader_order_id=f"{OWN}1", revision=0)
    desk.books(ALICE, report(ALICE, "OLD", "TRADED", side=Side.SELL, quantity=5, filled=5, correlation_id=old))
    row = owed(desk, stake(desk), 10)
    assert row is not None
    assert row.leader_order_id == f"{OWN}2"


# --- its orders -----------------------------------------------------------------------------------------------------


def test_the_kill_switch_flattens_what_was_copied_and_nothing_else() -> None:
    desk = killed()
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
    row = own_row(desk)
    assert (row.decision, row.exit) == (Decision.COPIED, True)
    desk.ack("X1")
    desk.copied("TRADED", order_id=f"{OWN}1", filled=50)
    assert (stake(desk).copied, stake(desk).target, stake(desk).net) == (0, 0, 0)
    desk.wait(120)
    assert kinds(desk) == []


def test_a_row_that_dies_is_sent_again_every_five_seconds_until_it_is_done() -> None:
    desk = killed()
    for _ in range(3):
        assert len(desk.taken()) == 1
        desk.reject(Category.UNKNOWN)
        assert own_row(desk).decision is Decision.QUEUED
        desk.wait(6)
    desk.ack("X1")
    desk.copied("TRADED", order_id=f"{OWN}1", filled=50)
    desk.taken()
    desk.wait(60)
    assert kinds(desk) == []


def test_a_row_never_closes_more_than_is_there() -> None:
    desk = killed()
    desk.taken()
    desk.ack("X1")
    desk.copied("PENDING", order_id=f"{OWN}1")
    desk.frame(ALICE, "H1", "TRADED", side=Side.SELL, quantity=30, filled=30)
    assert [said_of(one) for one in desk.taken()] == [(MODIFY, Side.SELL, MARKET, 20)]
    desk.ack("X1")
    desk.frame(ALICE, "H2", "TRADED", side=Side.SELL, quantity=20, filled=20)
    assert kinds(desk) == [CANCEL]


def test_a_row_is_priced_by_the_emergency_distance_and_anew_with_every_deadline() -> None:
    desk = Desk({"price_guard": {"exit_bps": 100, "emergency_bps": 300}}, **FLATTEN).start()
    enters(desk, "L1", 100, last_price=Decimal(100))
    desk.kill()
    (placed,) = desk.taken()
    assert price_of(placed) == 97
    desk.ack("X1")
    desk.copied("PENDING", order_id=f"{OWN}1")
    desk.wait(25)
    assert kinds(desk) == []
    desk.wait(6)
    assert kinds(desk) == [MODIFY]


def test_a_row_of_a_short_buys() -> None:
    desk = Desk(None, **FLATTEN).start()
    desk.leader("L1", quantity=100, side=Side.SELL)
    desk.books(LEADER)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.taken()
    desk.kill()
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.BUY, MARKET, 50)]


def test_what_was_sold_is_closed_first() -> None:
    desk = Desk(None, **FLATTEN).start()
    enters(desk, "L1", 100)
    share = {"segment": Segment.NSE_EQ, "security_id": SHARE.security_id}
    desk.leader("L2", quantity=10, side=Side.SELL, **share)
    desk.books(LEADER)
    desk.ack("A2")
    desk.copied("TRADED", order_id="L2", filled=5, **share)
    desk.taken()
    desk.kill()
    (buys,) = desk.taken()
    assert said_of(buys) == (PLACE, Side.BUY, MARKET, 5)
    desk.copied("TRADED", order_id=buys.leader_order_id, filled=5, **share)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]


def test_an_exit_that_rests_makes_room_for_what_has_to_go_now() -> None:
    desk = Desk(None, **FLATTEN).start()
    enters(desk, "L1", 100)
    rests(desk, "L2", quantity=100, price=120)
    desk.kill()
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2")
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]


def test_a_row_goes_on_after_a_restart() -> None:
    desk = killed()
    desk.reject(Category.UNKNOWN)
    desk.taken()
    desk.restart(books=True)
    desk.wait(6)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
    desk.ack("X1")
    desk.copied("TRADED", order_id=f"{OWN}1", filled=50)
    assert stake(desk).copied == 0


def test_what_is_owed_and_no_exit_of_the_leaders_asks_for_gets_a_row_of_its_own() -> None:
    desk = entered()
    here = stake(desk)
    from msgspec.structs import replace

    desk.state.tables["position"][f"{ALICE}/NSE_FNO/43210/INTRADAY"] = replace(here, target=Decimal(30))
    rests(desk, "L2", quantity=50, price=120)
    assert own_row(desk).due == 20
    assert sum(slot.asked.quantity for slot in own_row(desk).slots) == 20
