"""Scenarios 5.4, 5.7, 8.6 and 8.7, self trade and delivery: what an entry must not be, and what becomes of it then."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.model.facts import FundsWanted, PositionsWanted, Quote, QuoteWanted
from copyctl.model.reasons import Category, Reason
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import Decision, Product, Segment, Side
from copyctl.rules import rules_of
from tests.core.bank import BANK, CALL, BankDesk
from tests.core.building import ALICE, BOB, LEADER, NOON, SECOND, held, report, rules

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
CHECKING = (Decision.QUEUED, Reason.CHECKING)
UNAVAILABLE = (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)
COPIED = (Decision.COPIED, None)
REDUCED = (Decision.COPIED, Reason.REDUCED)
SHARE = {"segment": Segment.NSE_EQ, "security_id": "2885"}


def desk_with(limits: dict[str, Any] | None = None, **parts: Any) -> BankDesk:
    """A desk with these limits and neither margin nor price checks, unless told."""
    checks = {"margin": False, "price_band": "none", **parts.pop("checks", {})}
    policy = {"limits": limits or {}, "checks": checks, "exits": {"confirm_short": "never"}, **parts.pop("policy", {})}
    return BankDesk(policy, **parts)


def refused(key: str) -> tuple[Decision, str]:
    return Decision.REFUSED, f"limit_{key}"


def bought(desk: BankDesk, order_id: str, quantity: int, **said: Any) -> None:
    """The leader buys and has it; so has the follower what it copies of it."""
    desk.buys(order_id, quantity, **said)
    desk.fills(order_id)
    desk.buys(order_id, quantity, status="TRADED", filled=quantity, **said)


def quoted(desk: BankDesk, security_id: str, price: Any, segment: Segment = Segment.NSE_FNO) -> None:
    desk.quotes[security_id] = Quote(segment=segment, security_id=security_id, as_of=NOON, last_price=Decimal(price))


# --- 5.7: each limit --------------------------------------------------------------------------------------------------

# key, limit, what is copied in full (units of the leader's), what is not, what is left of that with `reduce`
SIZES: list[tuple[str, Any, int, int, int]] = [
    ("max_order_quantity", 50, 100, 110, 50),
    ("max_order_quantity", 52, 100, 110, 50),
    ("max_order_lots", 10, 100, 110, 50),
    ("max_order_value", 5000, 100, 110, 50),
    ("max_position_quantity", 50, 100, 110, 50),
    ("max_position_value", 5000, 100, 110, 50),
    ("max_gross_exposure", 5000, 100, 110, 50),
    ("max_underlying_lots", {"NIFTY": 10}, 100, 110, 50),
    ("max_underlying_lots", {"*": 10}, 100, 110, 50),
    ("max_concentration_pct", 0.05, 100, 110, 50),
]


@pytest.mark.parametrize(("key", "limit", "fits", "too_much", "left"), SIZES)
def test_scenario_5_7_a_limit_may_be_reached_and_not_passed(
    key: str, limit: Any, fits: int, too_much: int, left: int
) -> None:
    desk = desk_with({key: limit}).start()
    desk.buys("L1", too_much)
    assert desk.decided("L1") == refused(key)
    assert f"{key} is" in desk.detail("L1")
    desk.buys("L2", fits)
    assert desk.decided("L2") == COPIED
    assert desk.units("L2") == left


@pytest.mark.parametrize(("key", "limit", "fits", "too_much", "left"), SIZES)
def test_scenario_5_7_or_the_entry_is_reduced_to_what_the_limit_allows(
    key: str, limit: Any, fits: int, too_much: int, left: int
) -> None:
    desk = desk_with({key: limit, "on_breach": "reduce"}).start()
    desk.buys("L1", too_much)
    assert desk.decided("L1") == REDUCED
    assert desk.asked() == [(PLACE, left, Decimal(100))]
    assert f"limit_{key}: " in desk.detail("L1")
    assert f"{key} is" in desk.detail("L1")
    assert f"cut to {left}" in desk.detail("L1")
    assert fits


@pytest.mark.parametrize("key", ["max_position_quantity", "max_position_value", "max_gross_exposure"])
def test_scenario_5_7_everything_counts_as_if_it_had_filled(key: str) -> None:
    limit = 50 if key == "max_position_quantity" else 5000
    desk = desk_with({key: limit}).start()
    desk.buys("L1", 80)  # rests at the leader and here
    desk.buys("L2", 40)
    assert desk.decided("L2") == refused(key)
    desk.buys("L3", 20)
    assert desk.decided("L3") == COPIED
    desk.ack("A", request=desk.waiting[0])
    bought(desk, "L1", 80)
    desk.buys("L4", 10)
    assert desk.decided("L4") == refused(key)


def test_scenario_5_7_of_what_is_being_made_smaller_all_counts_until_the_broker_shows_it() -> None:
    desk = desk_with({"max_position_quantity": 60}).start()
    desk.buys("L1", 100)
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.buys("L1", 20)  # the change is on its way
    desk.buys("L2", 40)
    assert desk.decided("L2") == refused("max_position_quantity")
    desk.ack("A1", request=next(one for one in desk.waiting if one.kind is MODIFY))
    desk.copied("PENDING", order_id="L1")
    desk.buys("L3", 40)
    assert desk.decided("L3") == COPIED


@pytest.mark.parametrize("key", ["max_position_quantity", "max_underlying_lots", "max_gross_exposure"])
def test_scenario_9_5_what_the_follower_holds_by_his_own_hand_counts(key: str) -> None:
    limit = {"max_position_quantity": 50, "max_underlying_lots": {"NIFTY": 10}, "max_gross_exposure": 5000}[key]
    desk = desk_with({key: limit})
    row = held("43210" if key == "max_position_quantity" else CALL.security_id, 30, product=Product.MARGIN)
    desk.held = {ALICE: (replace(row, buy_average=Decimal(100)),)}
    desk.start()
    desk.buys("L1", 50)
    assert desk.decided("L1") == refused(key)
    desk.buys("L2", 40)
    assert desk.decided("L2") == COPIED


def test_scenario_5_7_the_number_of_positions_counts_only_new_ones() -> None:
    desk = desk_with({"max_open_positions": 2}).start()
    bought(desk, "L1", 20)
    desk.buys("L2", 20, security_id=CALL.security_id)
    desk.buys("L3", 20, security_id=BANK.security_id)
    assert desk.decided("L3") == refused("max_open_positions")
    desk.buys("L4", 20)
    desk.buys("L5", 20, security_id=CALL.security_id)
    assert (desk.decided("L4"), desk.decided("L5")) == (COPIED, COPIED)


def test_scenario_5_7_other_underlyings_count_for_themselves() -> None:
    desk = desk_with({"max_underlying_lots": {"NIFTY": 2, "*": 1}}).start()
    desk.buys("L1", 20)
    desk.buys("L2", 10, security_id=CALL.security_id)
    assert desk.decided("L2") == refused("max_underlying_lots")
    desk.buys("L3", 20, security_id=BANK.security_id)
    desk.buys("L4", 2, **SHARE)
    assert (desk.decided("L3"), desk.decided("L4")) == (COPIED, COPIED)


def test_scenario_5_7_open_orders_are_counted_entries_and_exits() -> None:
    desk = desk_with({"max_open_orders": 3}).start()
    bought(desk, "L1", 100)
    desk.sells("L2", 100, price=120)
    desk.buys("L3", 20, security_id=CALL.security_id)
    desk.buys("L4", 20, security_id=CALL.security_id)
    desk.buys("L5", 20, security_id=CALL.security_id)
    assert desk.decided("L5") == refused("max_open_orders")
    desk.fills("L3")
    desk.buys("L6", 20, security_id=CALL.security_id)
    assert desk.decided("L6") == COPIED


def test_scenario_5_7_a_price_change_is_no_order_more() -> None:
    desk = desk_with({"max_open_orders": 1, "max_orders_per_minute": 1, "max_orders_per_day": 1}).start()
    desk.buys("L1", 20)
    desk.ack("A1")
    desk.taken()
    desk.buys("L1", 20, price=101)
    desk.buys("L1", 40, price=101)
    desk.ack("A1")
    assert desk.asked() == [(MODIFY, 10, Decimal(101)), (MODIFY, 20, Decimal(101))]


# --- 5.7: counters ----------------------------------------------------------------------------------------------------


def test_scenario_5_7_orders_per_minute_slide_on() -> None:
    desk = desk_with({"max_orders_per_minute": 3}).start()
    for number in range(4):
        desk.buys(f"L{number}", 10)
    assert desk.decided("L3") == refused("max_orders_per_minute")
    assert "4 orders would be placed within a minute" in desk.detail("L3")
    desk.now += 56 * SECOND  # a minute after the first
    desk.buys("L4", 10)
    desk.now -= SECOND // 2
    desk.buys("L5", 10)
    assert (desk.decided("L4"), desk.decided("L5")) == (COPIED, refused("max_orders_per_minute"))


def test_scenario_5_7_orders_seen_at_once_are_counted_one_by_one() -> None:
    for key in ("max_orders_per_minute", "max_orders_per_day", "max_open_orders"):
        desk = desk_with({key: 2}).start()
        desk.books(LEADER, *(report(LEADER, f"L{number}", quantity=10, price=100) for number in range(4)))
        decided = [desk.decided(f"L{number}") for number in range(4)]
        assert decided == [COPIED, COPIED, refused(key), refused(key)]
        assert len(desk.taken()) == 2


def test_scenario_5_7_what_waits_for_room_is_counted_as_placed() -> None:
    desk = desk_with({"max_orders_per_day": 2}, rate_limits={"orders": {"per_second": 1}}).start()
    desk.pace = SECOND // 100
    for number in range(3):
        desk.buys(f"L{number}", 10)
    desk.wait(5)
    assert desk.decided("L2") == refused("max_orders_per_day")
    assert len(desk.taken()) == 2


def test_scenario_5_7_orders_per_day_outlive_a_restart_and_end_with_the_day() -> None:
    desk = desk_with({"max_orders_per_day": 2}).start()
    for number in range(2):
        desk.buys(f"L{number}", 10)
        desk.ack(f"A{number}")
        desk.copied("TRADED", order_id=f"L{number}", filled=5)
    desk.restart(books=True)
    desk.buys("L2", 10)
    assert desk.decided("L2") == refused("max_orders_per_day")
    desk.now += 86_400 * SECOND
    desk.buys("L3", 10)
    assert desk.decided("L3") == COPIED


def test_scenario_5_7_exits_count_as_placements_and_pass() -> None:
    desk = desk_with({"max_orders_per_day": 2, "max_orders_per_minute": 2}).start()
    bought(desk, "L1", 100)
    desk.sells("L2", 50, price=110)
    desk.sells("L3", 100, status="TRADED", price=110, filled=100)
    assert desk.copy("L3").exit
    desk.buys("L4", 10)
    assert desk.decided("L4") == refused("max_orders_per_minute")


def test_copy_on_traded_counts_each_part_as_an_order() -> None:
    desk = desk_with({"max_orders_per_day": 2}, policy={"copy_on": "traded"}).start()
    for filled in (20, 40, 60):
        desk.buys("L1", 100, status="PART_TRADED", filled=filled)
    assert desk.asked() == [(PLACE, 10, Decimal(100)), (PLACE, 10, Decimal(100))]
    assert "3 orders would be placed today" in desk.copy("L1").stuck


# --- 5.7: the day's loss and profit -----------------------------------------------------------------------------------


def test_scenario_5_7_a_loss_that_reaches_its_limit_refuses_and_trips_the_kill_switch() -> None:
    desk = desk_with({"max_daily_loss": 1000}).start()
    desk.profit = Decimal(-999)
    desk.sweep()
    desk.buys("L1", 10)
    assert desk.decided("L1") == COPIED
    desk.profit = Decimal(-1000)
    desk.sweep()
    assert any("kill switch on: the account has lost 1000 rupees today" in text for text in desk.alerts())
    desk.buys("L2", 10)
    assert desk.decided("L2")[0] is Decision.REFUSED
    assert desk.decided("L2")[1] in (Reason.KILL_SWITCH, "limit_max_daily_loss")


def test_scenario_5_7_a_profit_that_reaches_its_limit_lets_only_exits_go() -> None:
    desk = desk_with({"max_daily_profit": 1000}).start()
    bought(desk, "L1", 100)
    desk.profit = Decimal(1000)
    desk.sweep()
    desk.taken()
    desk.buys("L2", 10)
    assert desk.decided("L2") == refused("max_daily_profit")
    reached = [text for text in desk.alerts() if "no entry any more today" in text]
    assert reached == ["no entry any more today: the account has made 1000 rupees today, max_daily_profit is 1000"]
    desk.sells("L3", 100, price=120)
    assert desk.asked() == [(PLACE, 50, Decimal(120))]
    desk.profit = Decimal(999)
    desk.sweep()
    desk.buys("L4", 10)
    assert desk.decided("L4") == COPIED


@pytest.mark.parametrize("key", ["max_daily_loss", "max_daily_profit"])
def test_scenario_5_7_a_profit_that_is_not_known_yet_is_waited_for_without_a_storm(key: str) -> None:
    desk = desk_with({key: 1000})
    desk.start()
    desk.slow = (PositionsWanted,)
    desk.now += 86_400 * SECOND
    desk.buys("L1", 10)
    assert desk.decided("L1") == CHECKING
    assert len(desk.questions) < 20
    desk.reply()
    assert desk.decided("L1") == COPIED


# --- 5.7: figures that are not known ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["max_order_value", "max_position_value", "max_gross_exposure"])
def test_scenario_5_7_a_market_orders_value_waits_for_a_quote(key: str) -> None:
    desk = desk_with({key: 5000})
    desk.slow = (QuoteWanted,)
    desk.start()
    for number in range(3):
        desk.buys(f"L{number}", 80, order_type="MARKET", security_id=CALL.security_id if number else "43210")
    assert desk.decided("L0") == CHECKING
    assert desk.asked_for(QuoteWanted) == 2
    quoted(desk, "43210", 126)
    desk.reply()
    assert desk.decided("L0") == refused(key)
    assert "5040" in desk.detail("L0")


@pytest.mark.parametrize(("how", "decided"), [("refuse", UNAVAILABLE), ("pass", COPIED)])
def test_scenario_5_7_without_any_price_the_rules_decide(how: str, decided: tuple[Decision, Any]) -> None:
    desk = desk_with({"max_order_value": 5000}, checks={"unavailable": how}).start()
    desk.buys("L1", 80, order_type="MARKET")
    assert desk.decided("L1") == decided
    desk.buys("L2", 80, order_type="MARKET")
    assert desk.asked_for(QuoteWanted) == 1


def test_scenario_5_7_the_price_of_another_holding_is_asked_for_where_that_is_what_lacks() -> None:
    desk = desk_with({"max_gross_exposure": 100_000})
    desk.held = {ALICE: (held(CALL.security_id, 30),)}
    desk.slow = (QuoteWanted,)
    desk.start()
    desk.buys("L1", 20)
    assert desk.decided("L1") == CHECKING
    (question,) = [one for one in desk.questions if isinstance(one, QuoteWanted) and one.security_id != "43210"]
    assert question.security_id == CALL.security_id
    quoted(desk, CALL.security_id, 50)
    desk.reply()
    assert desk.decided("L1") == COPIED


def test_scenario_5_7_concentration_waits_for_the_capital() -> None:
    desk = desk_with({"max_concentration_pct": 10})
    desk.slow = (FundsWanted,)
    desk.money = {ALICE: Decimal(10_000)}
    desk.start()
    desk.buys("L1", 30)
    assert desk.decided("L1") == CHECKING
    desk.reply()
    assert desk.decided("L1") == refused("max_concentration_pct")
    assert "15 % of the capital" in desk.detail("L1")


@pytest.mark.parametrize(("how", "decided"), [("refuse", UNAVAILABLE), ("pass", COPIED)])
def test_scenario_5_7_without_the_capital_the_rules_decide(how: str, decided: tuple[Decision, Any]) -> None:
    desk = desk_with({"max_concentration_pct": 10}, checks={"unavailable": how})
    desk.failing = {FundsWanted: "502"}
    desk.start()
    desk.buys("L1", 30)
    assert desk.decided("L1") == decided


def test_scenario_5_7_a_limit_that_cannot_be_checked_is_not_forgotten_over_one_that_reduces() -> None:
    desk = desk_with({"max_order_quantity": 10, "max_order_value": 1, "on_breach": "reduce"}).start()
    desk.buys("L1", 80, order_type="MARKET")
    assert desk.decided("L1") == UNAVAILABLE


# --- 5.7: reduced -----------------------------------------------------------------------------------------------------


def reduced(desk: BankDesk, order_id: str = "L1") -> None:
    desk.ack(f"A-{order_id}", request=_place(desk, order_id))
    desk.copied("PENDING", order_id=order_id)
    desk.taken()


def _place(desk: BankDesk, order_id: str) -> Request:
    return next(one for one in desk.waiting if one.leader_order_id == order_id and one.kind is PLACE)


def test_scenario_5_7_a_reduced_copy_does_not_grow_by_itself() -> None:
    desk = desk_with({"max_position_quantity": 60, "on_breach": "reduce"}).start()
    desk.buys("L1", 80)
    desk.buys("L2", 80)
    assert (desk.units("L1"), desk.units("L2")) == (40, 20)
    reduced(desk, "L1")
    reduced(desk, "L2")
    desk.buys("L1", 80, status="CANCELLED")
    desk.ack()
    desk.copied("CANCELLED", order_id="L1")
    desk.taken()
    desk.sweep()
    desk.buys("L2", 80, price=101)  # there is room by now, and he asks for no more
    assert desk.asked() == [(MODIFY, 20, Decimal(101))]
    desk.ack("A-L2")
    desk.buys("L2", 90, price=101)
    assert desk.asked() == [(MODIFY, 45, Decimal(101))]
    desk.ack("A-L2")
    desk.buys("L2", 84, price=101)  # nothing of what a limit once took is remembered
    assert desk.asked() == [(MODIFY, 40, Decimal(101))]
    desk.ack("A-L2")
    desk.buys("L2", 80, price=102)
    assert desk.asked() == [(MODIFY, 40, Decimal(102))]


def test_scenario_5_7_the_leaders_later_growth_is_cut_again() -> None:
    desk = desk_with({"max_order_quantity": 40, "on_breach": "reduce"}).start()
    desk.buys("L1", 60)
    assert desk.asked() == [(PLACE, 30, Decimal(100))]
    reduced(desk)
    desk.buys("L1", 100)
    assert desk.asked() == [(MODIFY, 40, Decimal(100))]
    assert "max_order_quantity is 40" in desk.copy("L1").sized
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.buys("L1", 200)
    assert desk.taken() == []
    desk.buys("L1", 50)
    assert desk.asked() == [(MODIFY, 25, Decimal(100))]
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.buys("L1", 60)
    assert desk.asked() == [(MODIFY, 30, Decimal(100))]


def test_scenario_5_7_a_reduced_copy_that_has_filled_is_done() -> None:
    desk = desk_with({"max_position_quantity": 20, "on_breach": "reduce"}).start()
    desk.buys("L1", 80)
    desk.fills("L1")
    desk.taken()
    desk.alerts()
    for _ in range(3):
        desk.buys("L1", 80, status="PART_TRADED", filled=20)
        desk.sweep()
    desk.buys("L1", 80, status="TRADED", filled=80)
    desk.sweep()
    assert desk.taken() == []
    assert desk.alerts() == []
    assert desk.decided("L1") == REDUCED


def test_copy_on_traded_with_a_reduced_copy_is_quiet() -> None:
    desk = desk_with({"max_position_quantity": 20, "on_breach": "reduce"}, policy={"copy_on": "traded"}).start()
    desk.buys("L1", 100, status="PART_TRADED", filled=60)
    assert desk.asked() == [(PLACE, 20, Decimal(100))]
    desk.fills("L1")
    before = desk.copy("L1")
    desk.alerts()
    for _ in range(3):
        desk.sweep()
        desk.buys("L1", 100, status="PART_TRADED", filled=60)
    assert desk.taken() == []
    assert desk.alerts() == []
    assert desk.copy("L1") == before
    assert "limit_max_position_quantity: " in desk.detail("L1")


def test_scenario_5_7_less_than_a_lot_left_is_refused() -> None:
    desk = desk_with({"max_order_quantity": 4, "on_breach": "reduce"}).start()
    desk.buys("L1", 100)
    assert desk.decided("L1") == refused("max_order_quantity")


def test_scenario_2_9_an_entry_refused_by_a_limit_is_decided_again_when_what_it_hangs_on_changes() -> None:
    desk = desk_with({"max_order_quantity": 40}).start()
    desk.buys("L1", 100)
    desk.buys("L1", 100, price=90)
    assert desk.decided("L1") == refused("max_order_quantity")
    desk.buys("L1", 80, price=90)
    assert desk.asked() == [(PLACE, 40, Decimal(90))]
    desk = desk_with({"max_order_value": 4500}).start()
    desk.buys("L1", 100)
    desk.buys("L1", 100, price=90)
    assert desk.asked() == [(PLACE, 50, Decimal(90))]


def test_scenario_5_7_a_raise_beyond_a_limit_leaves_the_copy_as_it_is() -> None:
    desk = desk_with({"max_order_quantity": 50}).start()
    desk.buys("L1", 100)
    reduced(desk)
    desk.alerts()
    desk.buys("L1", 120)
    assert desk.taken() == []
    assert any("max_order_quantity is 50" in text for text in desk.alerts())
    desk.buys("L1", 80)
    assert desk.asked() == [(MODIFY, 40, Decimal(100))]


def test_scenario_5_7_limits_are_asked_once_more_as_what_waited_leaves() -> None:
    desk = desk_with({"max_position_quantity": 50}).start()
    desk.buys("L1", 80)
    desk.reject(Category.CONNECTIVITY)
    assert desk.decided("L1") == (Decision.QUEUED, Reason.RETRYING)
    desk.taken()
    desk.pace = SECOND // 100
    desk.frame(ALICE, "H1", "TRADED", quantity=30, filled=30)  # by hand, meanwhile
    desk.wait(5)
    assert desk.taken() == []
    assert desk.decided("L1") == refused("max_position_quantity")


@pytest.mark.parametrize(
    ("key", "limit"),
    [
        ("max_order_quantity", 5),
        ("max_order_lots", 1),
        ("max_order_value", 1),
        ("max_open_orders", 0),
        ("max_position_quantity", 0),
        ("max_gross_exposure", 1),
        ("max_underlying_lots", {"*": 0}),
        ("max_concentration_pct", 0.0001),
        ("max_orders_per_minute", 0),
        ("max_orders_per_day", 0),
    ],
)
def test_scenario_5_7_exits_pass_every_limit(key: str, limit: Any) -> None:
    desk = desk_with().start()
    bought(desk, "L1", 100)
    desk.rules = rules({"limits": {key: limit}, "checks": {"margin": False, "price_band": "none"}})
    desk.restart(books=True)
    desk.taken()
    desk.sells("L2", 100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    desk.buys("L3", 100)
    assert desk.decided("L3") == refused(key)


# --- 5.4, 8.6, 8.7 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("check", "decided"), [(True, (Decision.REFUSED, Reason.UNKNOWN_INSTRUMENT)), (False, COPIED)])
def test_scenario_5_4_an_unknown_security_id_is_refused_where_the_rules_check_it(
    check: bool, decided: tuple[Decision, Any]
) -> None:
    desk = desk_with(checks={"instrument": check}).start()
    desk.buys("L1", 100, security_id="777")
    assert desk.decided("L1") == decided
    if check:
        assert "777" in desk.detail("L1")
        assert desk.taken() == []


def test_scenario_8_6_without_any_master_it_passes_by_what_the_frame_tells_with_an_alert() -> None:
    desk = desk_with()
    desk.master = False
    desk.start()
    desk.buys("L1", 100, **SHARE)
    assert desk.decided("L1") == COPIED
    assert any("no instrument master" in text for text in desk.alerts())


def test_scenario_8_7_a_size_of_nothing_is_refused_with_the_numbers() -> None:
    desk = desk_with().start()
    desk.buys("L1", 9)
    assert desk.decided("L1") == (Decision.REFUSED, Reason.ZERO_QUANTITY)
    assert "0.5 x 9 = 4.5, in lots of 5 rounded down: 0 = 0 units" in desk.detail("L1")


# --- self trade -------------------------------------------------------------------------------------------------------


def by_hand(desk: BankDesk, account: str, side: Side, **said: Any) -> None:
    desk.frame(account, f"H{desk.now}", side=side, quantity=10, **said)


SELF = (Decision.REFUSED, Reason.SELF_TRADE)


@pytest.mark.parametrize(("how", "decided"), [("refuse", SELF), ("warn", COPIED), ("off", COPIED)])
def test_an_entry_that_could_meet_a_resting_order_by_hand(how: str, decided: tuple[Decision, Any]) -> None:
    desk = desk_with(checks={"self_trade": how}).start()
    by_hand(desk, ALICE, Side.SELL, price=101)
    desk.alerts()
    desk.buys("L1", 100, price=101)
    assert desk.decided("L1") == decided
    told = [text for text in desk.alerts() if "could trade with SELL LIMIT at 101" in text]
    assert len(told) == (1 if how == "warn" else 0)
    if how == "refuse":
        assert "could trade with SELL LIMIT at 101 for 10 units" in desk.detail("L1")


def test_an_entry_below_the_resting_offer_goes() -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    by_hand(desk, ALICE, Side.SELL, price=101)
    desk.buys("L1", 100, price=100)
    assert desk.decided("L1") == COPIED


def test_an_entry_refused_for_self_trade_is_decided_again_at_another_price() -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    by_hand(desk, ALICE, Side.SELL, price=101)
    desk.buys("L1", 100, price=101)
    desk.buys("L1", 100, price=100)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_an_order_that_is_over_meets_nothing() -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    desk.frame(ALICE, "H1", side=Side.SELL, quantity=10, price=101)
    desk.frame(ALICE, "H1", "CANCELLED", side=Side.SELL, quantity=10, price=101)
    desk.buys("L1", 100, price=101)
    assert desk.decided("L1") == COPIED


def test_accounts_without_a_label_are_strangers_and_with_one_they_are_not() -> None:
    for label, decided in ((None, COPIED), ("anna", SELF)):
        followers = [
            {"name": "alice", "client_id": ALICE, "access_token": "x", "person": label},
            {"name": "bob", "client_id": BOB, "access_token": "x", "person": label},
        ]
        desk = desk_with(checks={"self_trade": "refuse"})
        desk.rules = _with_followers(desk, followers, None)
        desk.start()
        by_hand(desk, BOB, Side.SELL, price=101)
        desk.buys("L1", 100, price=101)
        assert desk.decided("L1", ALICE) == decided
        assert desk.decided("L1", BOB) == SELF  # his own order


@pytest.mark.parametrize(("label", "decided"), [("anna", SELF), ("lea", COPIED)])
def test_the_leaders_resting_orders_count_where_he_is_the_same_person(
    label: str, decided: tuple[Decision, Any]
) -> None:
    followers = [{"name": "alice", "client_id": ALICE, "access_token": "x", "person": "anna"}]
    desk = desk_with(checks={"self_trade": "refuse"})
    desk.rules = _with_followers(desk, followers, label)
    desk.held = {LEADER: (held("43210", 100),)}
    desk.start()
    desk.sells("L1", 100, price=105)  # his own target; the follower has nothing to close
    desk.buys("L2", 100, price=106)
    assert desk.decided("L2") == decided


def _with_followers(desk: BankDesk, followers: list[dict[str, Any]], leaders: str | None) -> Any:
    leader = {"client_id": LEADER, "access_token": "x", "person": leaders}
    checks = {"margin": False, "price_band": "none", "self_trade": "refuse"}
    return rules_of(
        {
            "version": 1,
            "name": "core",
            "broker": {"adapter": "dhan"},
            "leader": leader,
            "followers": followers,
            "policy": {
                "sizing": {"strategy": "fixed_ratio", "ratio": 0.5},
                "checks": checks,
                "exits": {"confirm_short": "never"},
            },
        }
    )


def test_an_entry_does_not_meet_the_exit_of_its_own_position_unless_it_pays_as_much() -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    bought(desk, "L1", 100)
    desk.sells("L2", 100, price=120)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.buys("L3", 100, price=119)
    desk.buys("L4", 100, price=120)
    desk.buys("L5", 100, order_type="MARKET")
    assert [desk.decided(one) for one in ("L3", "L4", "L5")] == [COPIED, SELF, SELF]


def test_an_entry_does_not_meet_the_stop_that_protects_its_position() -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    bought(desk, "L1", 100)
    desk.sells("L2", 100, order_type="STOP_LOSS", price=89, trigger=90)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.buys("L3", 100, order_type="MARKET")
    assert desk.decided("L3") == COPIED


@pytest.mark.parametrize("answered", [False, True])
def test_what_was_sent_and_no_book_shows_yet_counts(answered: bool) -> None:
    desk = desk_with(checks={"self_trade": "refuse"}).start()
    bought(desk, "L1", 100)
    desk.sells("L2", 100, price=102)
    if answered:
        desk.ack("X1")
    desk.buys("L3", 100, price=103)
    assert desk.decided("L3") == SELF


def exits_against(how: str = "refuse", price: Any = 110, slow: tuple[type, ...] = (), **said: Any) -> BankDesk:
    """A follower who has bought, a bid of his own that rests at 110, and the leader's exit."""
    desk = desk_with(checks={"self_trade": how}, policy={"fills": {"lag_deadline": "30s"}}).start()
    desk.slow = slow
    bought(desk, "L1", 100)
    desk.frame(ALICE, "H1", side=Side.BUY, quantity=10, price=110)
    desk.taken()
    desk.alerts()
    desk.sells("L2", 100, price=price, **said)
    return desk


def test_an_exit_waits_for_a_resting_order_of_the_same_person_until_it_is_gone() -> None:
    desk = exits_against()
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.QUEUED, Reason.SELF_TRADE)
    assert "could trade with BUY LIMIT at 110" in desk.detail("L2")
    desk.wait(10)
    assert desk.taken() == []
    desk.frame(ALICE, "H1", "CANCELLED", side=Side.BUY, quantity=10, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    assert desk.decided("L2") == COPIED


def test_an_exit_waits_no_longer_than_the_deadline() -> None:
    desk = exits_against()
    desk.wait(29.9)
    assert desk.taken() == []
    desk.wait(0.2)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


@pytest.mark.parametrize(("how", "told"), [("warn", 1), ("off", 0)])
def test_an_exit_does_not_wait_where_self_trade_is_only_told(how: str, told: int) -> None:
    desk = exits_against(how)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    assert len([text for text in desk.alerts() if "could trade with" in text]) == told


def test_an_exit_that_rests_elsewhere_or_at_its_stop_goes_at_once() -> None:
    assert len(exits_against(price=111).taken()) == 1
    assert len(exits_against(price=89, order_type="STOP_LOSS", trigger=90).taken()) == 1


def test_a_market_exit_waits_only_for_what_is_near_the_market() -> None:
    for last, waits in ((None, True), (100, True), (110, True), (112, False)):
        desk = desk_with(checks={"self_trade": "refuse"}).start()
        bought(desk, "L1", 100)
        desk.frame(ALICE, "H1", side=Side.BUY, quantity=10, price=110)
        if last is not None:
            quoted(desk, "43210", last)
            desk.sweep(after=1)
            desk.tell(QuoteWanted(account=LEADER, segment=Segment.NSE_FNO, security_id="43210"))
            desk.quotes["43210"] = replace(desk.quotes["43210"], as_of=desk.now)
            desk.tell(QuoteWanted(account=LEADER, segment=Segment.NSE_FNO, security_id="43210"))
        desk.taken()
        desk.sells("L2", 100, order_type="MARKET")
        assert (desk.taken() == []) is waits, last


@pytest.mark.parametrize(("last", "goes"), [(100, False), (112, True)])
def test_a_market_exit_that_waits_has_the_price_asked_for_that_may_free_it(last: int, goes: bool) -> None:
    desk = exits_against(order_type="MARKET", slow=(QuoteWanted,))
    assert desk.taken() == []
    assert desk.asked_for(QuoteWanted) == 1
    quoted(desk, "43210", last)
    desk.reply()
    assert (desk.taken() != []) is goes


def test_an_exit_that_waits_outlives_a_restart_and_a_cancel_takes_it_back() -> None:
    desk = exits_against()
    desk.restart(books=True)
    assert desk.taken() == []
    desk.sells("L2", 100, status="CANCELLED")
    desk.wait(60)
    assert desk.taken() == []


# --- delivery ---------------------------------------------------------------------------------------------------------

NO_DDPI = (Decision.REFUSED, Reason.DELIVERY_NOT_ALLOWED)


@pytest.mark.parametrize(("how", "decided"), [("refuse", NO_DDPI), ("warn", COPIED), ("off", COPIED)])
def test_a_delivery_buy_for_an_account_without_ddpi(how: str, decided: tuple[Decision, Any]) -> None:
    desk = desk_with(checks={"delivery": how})
    desk.ddpi = False
    desk.start()
    desk.buys("L1", 100, product=Product.CNC, **SHARE)
    assert desk.decided("L1") == decided
    assert len([text for text in desk.alerts() if "no DDPI" in text]) == (1 if how == "warn" else 0)
    desk.buys("L2", 100, product=Product.INTRADAY, **SHARE)
    assert desk.decided("L2") == COPIED


@pytest.mark.parametrize("ddpi", [True, None])
def test_a_delivery_buy_goes_where_ddpi_is_there_or_not_known(ddpi: bool | None) -> None:
    desk = desk_with(checks={"delivery": "refuse"})
    desk.ddpi = ddpi
    desk.start()
    desk.buys("L1", 100, product=Product.CNC, **SHARE)
    assert desk.decided("L1") == COPIED
