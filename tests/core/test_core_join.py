"""Join: what a follower makes of positions that the leader has when it comes, and of a store that is lost."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from copyctl.core.state import State
from copyctl.model.account import Account
from copyctl.model.facts import PositionRow
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Position
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, Desk, held, report

PLACE, CANCEL = RequestKind.PLACE, RequestKind.CANCEL
MARGIN = Product.MARGIN
SELLS: dict[str, Any] = {"side": Side.SELL, "product": MARGIN, "order_type": "MARKET"}


def came(join: str | None, his: int = 100, mine: int = 0, policy: Any = None, start: bool = True, **parts: Any) -> Desk:
    """A first start: the leader has so much from earlier days, the follower so much."""
    desk = Desk({**({"join": join} if join else {}), **(policy or {})}, **parts)
    desk.held = {LEADER: carried(his), ALICE: carried(mine)}
    return desk.start() if start else desk


def carried(units: int) -> tuple[PositionRow, ...]:
    return (held("43210", units, product=MARGIN),) if units else ()


def stake(desk: Desk, name: str = ALICE) -> Position:
    found = desk.state.tables["position"][f"{name}/NSE_FNO/43210/{MARGIN}"]
    assert isinstance(found, Position)
    return found


def figures(desk: Desk) -> tuple[int, int, int]:
    """What is copied of the stake, what ought to be, and what of the leader's is kept apart."""
    here = stake(desk)
    return here.copied, int(here.target), here.apart


def settled(desk: Desk) -> None:
    """From now on the broker shows what the fills say."""
    desk.held = {}


def buys(desk: Desk, order_id: str = "L1", units: int = 100) -> None:
    """The leader buys, and the copy fills."""
    desk.leader(order_id, quantity=units, product=MARGIN)
    desk.ack(f"A-{order_id}")
    desk.copied("TRADED", order_id=order_id, filled=units // 2, product=MARGIN)
    desk.leader(order_id, "TRADED", quantity=units, filled=units, product=MARGIN)
    desk.taken()


def sells(desk: Desk, units: int, order_id: str = "X1") -> list[int]:
    """The leader sells at the market; what is closed of the follower's, all of it filled at once."""
    desk.leader(order_id, "TRADED", quantity=units, filled=units, **SELLS)
    sent = desk.taken()
    for one in sent:
        assert one.desired is not None
        assert one.exit
        desk.ack(f"E{one.correlation_id}", request=one)
        desk.copied("TRADED", order_id=one.leader_order_id, filled=one.desired.terms.quantity, product=MARGIN)
    return [one.desired.terms.quantity for one in sent if one.desired]


# --- new_only --------------------------------------------------------------------------------------------------------


def test_new_only_what_he_had_is_not_copied_and_not_closed() -> None:
    desk = came(None)
    assert desk.asked() == []
    assert stake(desk).apart == 100
    settled(desk)
    assert sells(desk, 40) == []
    assert desk.decided("X1") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)
    assert stake(desk).apart == 60


def test_new_only_he_closes_last_what_he_had() -> None:
    desk = came(None)
    settled(desk)
    buys(desk)
    assert sells(desk, 40, "X1") == [20]
    assert sells(desk, 60, "X2") == [30]
    assert stake(desk).copied == 0
    assert sells(desk, 50, "X3") == []
    assert stake(desk).apart == 50
    buys(desk, "L2")
    assert sells(desk, 100, "X4") == [50]


def test_new_only_a_resting_exit_is_offered_of_what_was_copied() -> None:
    desk = came(None)
    settled(desk)
    buys(desk)
    desk.leader("X1", quantity=100, price=110, side=Side.SELL, product=MARGIN)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_new_only_where_both_hold_it_a_person_is_told_and_nothing_is_sold() -> None:
    desk = came("new_only", mine=50)
    (told,) = [text for text in desk.alerts() if "both hold" in text]
    assert "join: shared" in told
    assert "the leader 100, this follower 50" in told
    settled(desk)
    assert sells(desk, 100) == []


def test_new_only_what_is_kept_apart_stays_so_on_the_next_day() -> None:
    desk = came(None)
    settled(desk)
    desk.now += 86_400 * SECOND
    for account in (LEADER, ALICE):
        desk.books(account)
    assert stake(desk).apart == 100
    buys(desk)
    assert sells(desk, 100) == [50]


# --- shared ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mine", "counts"), [(50, 50), (80, 50), (20, 20), (0, 0), (-30, 0)])
def test_shared_counts_what_both_hold_on_one_side_up_to_what_the_sizing_gives(mine: int, counts: int) -> None:
    desk = came("shared", mine=mine)
    assert desk.asked() == []
    if counts:
        assert figures(desk) == (counts, counts, 0)
    else:
        assert stake(desk).apart == 100
    settled(desk)
    assert sells(desk, 50) == [closed for closed in (counts // 2 // 5 * 5,) if closed]


def test_shared_of_shorts() -> None:
    desk = came("shared", his=-100, mine=-50)
    assert figures(desk) == (-50, -50, 0)


def test_shared_asks_for_the_instrument_that_it_needs() -> None:
    desk = came("shared", mine=50, start=False)
    assert "NSE_FNO/43210" not in desk.state.tables["instrument"]
    desk.start()
    assert "NSE_FNO/43210" in desk.state.tables["instrument"]
    assert stake(desk).copied == 50


def test_shared_waits_for_the_money_that_it_is_sized_by() -> None:
    sizing = {"strategy": "capital_proportional", "capital": {"basis": "start_of_day"}}
    desk = came("shared", mine=50, policy={"sizing": sizing}, start=False)
    desk.money = {LEADER: Decimal(200_000), ALICE: Decimal(100_000)}
    desk.silent = {"funds"}
    desk.start()
    assert not joined(desk)
    desk.silent = set()
    desk.wait(30)
    desk.books(LEADER, after=20 * SECOND)
    desk.books(ALICE)
    assert joined(desk)
    assert stake(desk).copied == 50


def joined(desk: Desk, name: str = ALICE) -> bool:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found.joined


def test_shared_leaves_out_what_a_filter_skips() -> None:
    rules = {"filters": {"rules": [{"name": "none", "match": {"underlying": ["NIFTY"]}, "action": "skip"}]}}
    desk = came("shared", mine=50, policy=rules)
    assert (stake(desk).copied, stake(desk).apart) == (0, 100)


# --- positions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mine", "bought"), [(0, [50]), (20, [30]), (50, []), (47, []), (80, [])])
def test_positions_buys_what_is_missing_by_a_row_of_its_own(mine: int, bought: list[int]) -> None:
    desk = came("positions", mine=mine)
    sent = [one.desired for one in desk.taken() if one.desired]
    assert [one.terms.quantity for one in sent] == bought
    if bought:
        assert all(one.side is Side.BUY and one.terms.order_type is OrderType.MARKET for one in sent)
        row = "position:NSE_FNO:43210:MARGIN:2026-09-15:0"
        assert desk.decided(row) == (Decision.COPIED, None)
        settled(desk)
        desk.ack("P1")
        desk.copied("TRADED", order_id=row, filled=bought[0], product=MARGIN)
    assert (stake(desk).copied, stake(desk).apart) == (min(50, mine + sum(bought)), 0)
    settled(desk)
    assert sells(desk, 100) == [stake_before(mine, bought)]
    assert stake(desk).copied == 0 or mine % 5


def stake_before(mine: int, bought: list[int]) -> int:
    return min(50, mine + sum(bought)) // 5 * 5


def test_positions_is_decided_like_any_entry() -> None:
    desk = came("positions", policy={"limits": {"max_order_lots": 3}})
    assert desk.asked() == []
    assert desk.decided("position:NSE_FNO:43210:MARGIN:2026-09-15:0") == (Decision.REFUSED, "limit_max_order_lots")


def test_positions_with_fixed_lots_buys_no_more_than_they_are() -> None:
    desk = came("positions", mine=5, policy={"sizing": {"strategy": "fixed_lots", "lots": 2}})
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [5]


def test_positions_concerns_the_followers_who_want_it_alone() -> None:
    desk = Desk({"join": "new_only"}, followers=2, alice={"policy": {"join": "positions"}})
    desk.held = {LEADER: carried(100), ALICE: (), BOB: ()}
    desk.start()
    assert [one.account for one in desk.taken()] == [ALICE]
    desk.ack("P1")
    desk.held.pop(ALICE)
    desk.restart(books=True)
    desk.wait(10)
    assert desk.taken() == []
    assert stake(desk, BOB).apart == 100


def test_an_exit_of_the_leader_takes_from_a_join_that_has_not_filled() -> None:
    desk = came("positions")
    desk.ack("P1")
    settled(desk)
    desk.taken()
    desk.leader("X1", "TRADED", quantity=100, filled=100, **SELLS)
    assert [one.kind for one in desk.taken()] == [CANCEL]


def test_positions_is_not_bought_twice_after_a_restart() -> None:
    desk = came("positions")
    desk.taken()
    desk.ack("P1")
    row = "position:NSE_FNO:43210:MARGIN:2026-09-15:0"
    desk.copied("TRADED", order_id=row, filled=50, product=MARGIN)
    settled(desk)
    desk.restart(books=True)
    desk.wait(60)
    assert desk.taken() == []


# --- once ------------------------------------------------------------------------------------------------------------


def test_it_is_looked_at_on_the_first_start_only() -> None:
    desk = came("positions", his=0)
    settled(desk)
    desk.leader("L1", quantity=100, product=MARGIN)
    desk.reject(Category.MARGIN)
    desk.leader("L1", "TRADED", quantity=100, filled=100, product=MARGIN)
    desk.taken()
    desk.restart(books=True)
    desk.wait(60)
    assert [one for one in desk.state.tables["copy"] if one.startswith("position:")] == []


def test_it_waits_for_the_books_and_the_positions_of_both() -> None:
    desk = came("shared", mine=50, start=False)
    desk.start(books=False)
    assert not joined(desk)
    desk.books(ALICE)
    assert not joined(desk)
    desk.books(LEADER)
    assert joined(desk)


def test_what_expired_is_left_out() -> None:
    desk = came("positions", start=False)
    expired = held("43210", 100, product=MARGIN, expiry=date(2026, 9, 8))
    desk.held[LEADER] = (expired,)
    desk.start()
    assert desk.asked() == []


# --- a lost store (7.11) ---------------------------------------------------------------------------------------------


def lost(desk: Desk, his: tuple[Any, ...], mine: tuple[Any, ...]) -> None:
    """The store is gone; what the broker has of both is what there is."""
    desk.state = State()
    desk.now += 60 * SECOND
    desk.start(books=False)
    desk.books(LEADER, *his)
    desk.books(ALICE, *mine)
    desk.books(LEADER, *his, after=3 * SECOND)
    desk.books(ALICE, *mine)


def test_scenario_7_11_todays_copies_are_recognised_and_closed_with_the_leader() -> None:
    desk = came("new_only", his=0)
    settled(desk)
    buys(desk)
    mine = desk.row("TRADED", filled=50, product=MARGIN)
    his = report(LEADER, "L1", "TRADED", quantity=100, filled=100, product=MARGIN)
    desk.held = {
        LEADER: (held("43210", 100, product=MARGIN, carried=0),),
        ALICE: (held("43210", 50, product=MARGIN, carried=0),),
    }
    lost(desk, (his,), (mine,))
    assert desk.asked() == []
    assert [text for text in desk.alerts() if "both hold" in text] == []
    assert figures(desk) == (50, 50, 0)
    settled(desk)
    assert sells(desk, 100) == [50]


def test_scenario_7_11_positions_of_earlier_days_that_both_hold_are_named_and_not_sold() -> None:
    desk = came("new_only", his=0)
    desk.held = {LEADER: carried(100), ALICE: carried(50)}
    lost(desk, (), ())
    (told,) = [text for text in desk.alerts() if "both hold" in text]
    assert "NSE_FNO/43210" in told
    assert "join: shared" in told
    settled(desk)
    assert sells(desk, 100) == []


def test_scenario_7_11_a_round_trip_of_today_is_neither_told_as_excess_nor_closed_again() -> None:
    desk = came("new_only", his=0, policy={"fills": {"excess": "close"}})
    settled(desk)
    buys(desk)
    assert sells(desk, 60) == [30]
    exit_slot = desk.copy("X1").slots[0]
    mine = (
        desk.row("TRADED", filled=50, product=MARGIN),
        report(
            ALICE,
            exit_slot.order_id,
            "TRADED",
            side=Side.SELL,
            quantity=30,
            filled=30,
            product=MARGIN,
            order_type="MARKET",
            correlation_id=exit_slot.correlation_id,
        ),
    )
    his = (
        report(LEADER, "L1", "TRADED", quantity=100, filled=100, product=MARGIN, created_time=1),
        report(LEADER, "X1", "TRADED", quantity=60, filled=60, created_time=2, **SELLS),
    )
    desk.held = {
        LEADER: (held("43210", 40, product=MARGIN, carried=0),),
        ALICE: (held("43210", 20, product=MARGIN, carried=0),),
    }
    lost(desk, his, mine)
    assert desk.asked() == []
    assert [text for text in desk.alerts() if "beyond" in text or "both hold" in text] == []
    assert figures(desk) == (20, 20, 0)
    settled(desk)
    assert sells(desk, 20, "X2") == [10]


def test_scenario_7_11_an_exit_that_was_not_copied_before_the_store_was_lost_is_caught_up() -> None:
    desk = came("new_only", his=0)
    settled(desk)
    buys(desk)
    mine = desk.row("TRADED", filled=50, product=MARGIN)
    his = (
        report(LEADER, "L1", "TRADED", quantity=100, filled=100, product=MARGIN, created_time=1),
        report(LEADER, "X1", "TRADED", quantity=60, filled=60, created_time=2, **SELLS),
    )
    desk.held = {
        LEADER: (held("43210", 40, product=MARGIN, carried=0),),
        ALICE: (held("43210", 50, product=MARGIN, carried=0),),
    }
    lost(desk, his, (mine,))
    sent = [one.desired for one in desk.taken() if one.desired]
    assert [(one.side, one.terms.quantity) for one in sent] == [(Side.SELL, 30)]
