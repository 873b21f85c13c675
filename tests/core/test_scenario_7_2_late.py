"""Scenario 7.2 and ``late``: entries that were first seen after they had happened, and entries that waited here until
the leader's were done."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.events import StreamChanged
from copyctl.model.facts import Lack
from copyctl.model.reasons import Category, Reason
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Side
from tests.core.building import ALICE, LEADER, SECOND, report
from tests.core.clocked import CANCEL, MODIFY, PLACE, Clocked

SKIPPED = (Decision.SKIPPED, Reason.LATE)
COPIED = (Decision.COPIED, Reason.LATE_COPIED)
REFUSED = (Decision.REFUSED, Reason.LATE_PRICE)


def away(seconds: int = 60, *, lost: bool = False, parts: Any = None, quote: Any = None, **policy: Any) -> Clocked:
    """The leader's stream was away for so long, and is there again."""
    desk = Clocked("12:12:11", policy, lost=lost, **(parts or {}))
    if quote is not None:
        desk.quoted(*quote)
    desk.start()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False, why="reset"))
    desk.now += seconds * SECOND
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    desk.questions.clear()
    return desk


def missed(desk: Clocked, status: str = "TRADED", *, ago: int = 30, order_id: str = "L1", **said: Any) -> None:
    """The leader's book tells of an order as it became while nobody looked."""
    if status == "TRADED":
        said = {"filled": said.get("quantity", 100), **said}
    when = (desk.now - ago * SECOND) // SECOND * SECOND
    desk.books(LEADER, report(LEADER, order_id, status, broker_time=when, **said))


def late(how: str, **keys: Any) -> dict[str, Any]:
    return {"late": {"filled": how, **keys}, "checks": {"price_band": "none"}}


# --- first seen after it had traded -----------------------------------------------------------------------------------


def test_scenario_7_2_skip_wants_none_that_had_traded() -> None:
    desk = away(**late("skip"), quote=(100,))
    missed(desk)
    assert desk.taken() == []
    assert desk.decided() == SKIPPED
    assert desk.quotes_asked() == []


def test_scenario_7_2_market_goes_at_the_market_while_the_price_is_near() -> None:
    desk = away(**late("market"), quote=("100.50",))
    missed(desk, price=101, order_type="LIMIT")
    order = desk.placed()
    assert (order.terms.order_type, order.terms.quantity, order.terms.price) == (OrderType.MARKET, 50, Decimal(0))
    assert desk.decided() == COPIED
    assert desk.quotes_asked() == [LEADER]


def test_scenario_7_2_limit_goes_at_the_leaders_average_price() -> None:
    desk = away(**late("limit"), quote=(100,))
    missed(desk, price=101, average_price="99.80")
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal("99.80"))
    assert desk.decided() == COPIED


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.70"), (Side.SELL, "100.65")])
def test_scenario_7_2_the_average_of_several_fills_goes_to_the_tick_towards_being_filled(
    side: Side, price: str
) -> None:
    desk = away(**late("limit"), quote=("100.70",), exits={"confirm_short": "never"})
    missed(desk, price="100.50", average_price=Decimal("100.6833"), side=side)
    assert desk.asked() == [(PLACE, 50, Decimal(price))]


@pytest.mark.parametrize("how", ["market", "limit"])
@pytest.mark.parametrize(
    ("side", "last", "goes"),
    [
        (Side.BUY, "100.50", True),
        (Side.BUY, "100.55", False),
        (Side.BUY, "80", True),
        (Side.SELL, "99.50", True),
        (Side.SELL, "99.45", False),
        (Side.SELL, "120", True),
    ],
)
def test_scenario_7_2_only_while_the_price_costs_no_more_than_max_slippage_bps(
    how: str, side: Side, last: str, goes: bool
) -> None:
    desk = away(**late(how), quote=(last,))
    missed(desk, side=side)
    assert bool(desk.taken()) is goes
    assert desk.decided() == (COPIED if goes else REFUSED)


def test_scenario_7_2_the_refusal_names_both_prices_and_the_key() -> None:
    desk = away(**late("market", max_slippage_bps=20), quote=("100.60",))
    missed(desk)
    assert all(word in desk.detail() for word in ("100.60", "100;", "late.max_slippage_bps", "20"))


def test_scenario_7_2_a_refusal_for_a_late_price_stays() -> None:
    desk = away(**late("market"), quote=(105,))
    missed(desk)
    desk.quoted(100)
    desk.now += 120 * SECOND
    missed(desk, ago=151, price=101)
    assert (desk.taken(), desk.decided()) == ([], REFUSED)


@pytest.mark.parametrize(
    ("how", "decided"), [("refuse", (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)), ("pass", COPIED)]
)
def test_scenario_7_2_where_no_price_is_to_be_had(how: str, decided: Any) -> None:
    policy = late("market")
    policy["checks"]["unavailable"] = how
    desk = away(**policy)
    desk.lacks = {LEADER: Lack.NO_DATA_PLAN, ALICE: Lack.NO_DATA_PLAN}
    missed(desk)
    assert desk.decided() == decided
    assert desk.quotes_asked() == [LEADER, ALICE]


def test_scenario_7_2_it_waits_for_the_price_and_nobody_asks_twice() -> None:
    desk = away(**late("market"), quote=(100,), lost=True)
    missed(desk)
    for _ in range(8):
        missed(desk, ago=40)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    assert len(desk.quotes_asked()) == 1
    desk.lost = False
    desk.wait(10)
    assert desk.asked() == [(PLACE, 50, Decimal(0))]


def test_scenario_7_2_the_price_guard_holds_for_it_too() -> None:
    desk = away(**late("market"), price_guard={"entry_bps": 30}, quote=("100.20",))
    missed(desk)
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal("100.30"))


def test_scenario_7_2_and_so_does_a_mapping_of_market_orders() -> None:
    mapping = {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 30}}
    desk = away(**late("market"), mapping=mapping, quote=("100.20",))
    missed(desk)
    assert desk.placed().terms.price == Decimal("100.55")  # 100.5006, to the tick towards being filled


@pytest.mark.parametrize(("ago", "is_late"), [(8, False), (9, False), (10, True)])
def test_scenario_7_2_max_age_is_the_bound(ago: int, is_late: bool) -> None:
    desk = away(**late("skip"))
    missed(desk, ago=ago)  # the book comes a second later
    assert (desk.decided() == SKIPPED) is is_late


def test_scenario_7_2_a_frame_is_not_late_when_his_own_time_in_it_is_after_the_last_connect_less_two_seconds() -> None:
    for before, decided in ((1, (Decision.COPIED, None)), (2, (Decision.COPIED, None)), (4, SKIPPED)):
        desk = away(**late("skip", max_age="0s"))
        connected = desk.now // SECOND * SECOND
        desk.leader(status="TRADED", filled=100, broker_time=connected - (before - 1) * SECOND)
        assert (desk.decided() == decided) or (before == 2 and desk.decided() == SKIPPED), before


def test_scenario_7_2_an_order_that_rests_is_placed_however_old_it_is() -> None:
    for how in ("skip", "market", "limit"):
        desk = away(**late(how), quote=(500,))
        missed(desk, "PENDING", ago=3000)
        assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_7_2_what_trades_while_we_look_is_not_late() -> None:
    desk = away(**late("skip"))
    desk.silent = {ALICE}
    missed(desk, "PENDING", ago=3000)
    desk.taken()
    desk.leader(status="TRADED", filled=100)
    assert desk.decided() != SKIPPED


def test_scenario_7_2_cancels_and_changes_that_were_missed_are_caught_up() -> None:
    desk = Clocked("12:12:11", late("skip")).start()
    for number in (1, 2):
        desk.leader(f"L{number}")
        desk.ack(f"A{number}")
    desk.taken()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False))
    desk.now += 600 * SECOND
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    when = desk.now // SECOND * SECOND - 300 * SECOND
    desk.books(
        LEADER,
        report(LEADER, "L1", "CANCELLED", broker_time=when),
        report(LEADER, "L2", price=101, broker_time=when),
    )
    assert desk.asked() == [(CANCEL,), (MODIFY, 50, Decimal(101))]


# --- waited here ------------------------------------------------------------------------------------------------------


def not_taken(how: str = "skip", **policy: Any) -> Clocked:
    """A placement that the broker does not take just now, over and over again."""
    parts: dict[str, Any] = {"resilience": {"retries": {"attempts": 50, "initial": "6s", "maximum": "6s"}}}
    desk = Clocked("12:12:11", {**late(how), **policy}, **parts).start()
    desk.leader()
    desk.reject(Category.CONNECTIVITY, "not just now")
    desk.taken()
    assert desk.decided() == (Decision.QUEUED, Reason.RETRYING)
    return desk


def test_late_a_placement_that_waited_longer_than_max_age_is_skipped_once_the_leaders_has_traded() -> None:
    desk = not_taken("skip")
    desk.leader(status="TRADED", filled=100)
    desk.wait(5)
    assert [one.kind for one in desk.taken()] == [PLACE]  # six seconds: not late yet
    desk.reject(Category.CONNECTIVITY, "not just now")
    desk.wait(10)
    assert desk.taken() == []
    assert desk.decided() == SKIPPED


def test_late_one_whose_leaders_order_still_rests_goes_however_long_it_waited() -> None:
    desk = not_taken("skip")
    for _ in range(5):
        desk.wait(7)
        (request,) = desk.taken()
        assert request.kind is RequestKind.PLACE
        desk.reject(Category.CONNECTIVITY, "not just now")
    desk.wait(7)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


@pytest.mark.parametrize(
    ("how", "last", "terms"),
    [
        ("market", "100.20", (PLACE, 50, Decimal(0))),
        ("limit", "100.20", (PLACE, 50, Decimal("99.90"))),
        ("market", "101", None),
        ("limit", "101", None),
    ],
)
def test_late_filled_holds_for_what_waited_here_too(how: str, last: str, terms: Any) -> None:
    desk = not_taken(how)
    desk.quoted(last)
    desk.leader(status="TRADED", filled=100, average_price="99.90")
    desk.wait(5)
    desk.taken()
    desk.reject(Category.CONNECTIVITY, "not just now")
    desk.wait(10)
    assert desk.asked() == ([terms] if terms else [])
    assert desk.decided() == (COPIED if terms else REFUSED)


def test_late_filled_waits_for_the_price_and_does_not_leave_before_it_came() -> None:
    desk = not_taken("market")
    desk.lost = True
    desk.leader(status="TRADED", filled=100)
    desk.wait(5)
    desk.taken()
    desk.reject(Category.CONNECTIVITY, "not just now")
    desk.wait(10)
    assert (desk.taken(), desk.decided()) == ([], (Decision.QUEUED, Reason.CHECKING))
    desk.lost = False
    desk.quoted(100)
    desk.wait(10)
    assert desk.asked() == [(PLACE, 50, Decimal(0))]


def test_late_a_queue_of_entries_under_the_rate_limit() -> None:
    desk = Clocked("12:12:11", late("skip"), rate_limits={"orders": {"per_second": 1}}).start()
    for number in range(1, 16):
        desk.now -= SECOND  # all within a moment
        desk.leader(f"L{number}")
    for number in range(1, 16):
        desk.now -= SECOND
        desk.leader(f"L{number}", "TRADED" if number % 2 else "PENDING", filled=100 if number % 2 else 0)
    desk.wait(40)
    sent = {one.leader_order_id for one in desk.taken()}
    skipped = {f"L{number}" for number in range(1, 16) if desk.decided(f"L{number}") == SKIPPED}
    assert sent | skipped == {f"L{number}" for number in range(1, 16)}
    assert not sent & skipped
    assert skipped == {"L7", "L9", "L11", "L13", "L15"}  # unanswered, one leaves in two seconds


def test_late_an_entry_that_waited_for_a_figure_is_late_too() -> None:
    policy = late("skip")
    policy["checks"] = {"price_band": "circuit"}
    desk = Clocked("12:12:11", policy, lost=True).quoted(100, 90, 110)
    desk.start()
    desk.leader()
    desk.leader(status="TRADED", filled=100)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    desk.wait(12)
    desk.lost = False
    desk.wait(10)
    assert desk.taken() == []
    assert desk.decided() == SKIPPED


def test_late_a_token_that_is_refused_for_a_while() -> None:
    desk = Clocked("12:12:11", late("skip")).start()
    desk.leader()
    desk.shut_out.add(ALICE)
    desk.reject(Category.AUTHENTICATION, "token")
    desk.taken()
    desk.leader(status="TRADED", filled=100)
    desk.shut_out.clear()
    desk.wait(20)
    desk.books(ALICE)
    assert desk.taken() == []
    assert desk.decided() == SKIPPED


def test_late_what_waited_survives_a_restart() -> None:
    desk = not_taken("skip")
    desk.leader(status="TRADED", filled=100)
    desk.now += 60 * SECOND
    desk.restart(books=True)
    assert desk.taken() == []
    assert desk.decided() == SKIPPED


def test_late_a_cancel_of_the_leader_after_part_of_it_traded_leaves_that_part() -> None:
    desk = Clocked("12:12:11", late("limit"), rate_limits={"orders": {"per_second": 1}}).quoted(100)
    desk.start()
    desk.leader("L1")
    desk.now -= SECOND
    desk.leader("L2")
    desk.taken()
    desk.now -= SECOND
    desk.leader("L2", "CANCELLED", filled=40)
    desk.wait(3)
    assert desk.asked() == [(PLACE, 20, Decimal(100))]


def test_late_the_entry_part_of_a_reversal_is_late_like_any_entry() -> None:
    desk = Clocked("12:12:11", late("skip")).start()
    desk.leader("L1", quantity=100, product=Product.INTRADAY)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    desk.leader("L2", side=Side.SELL, quantity=160, price=110)
    desk.books(LEADER, report(LEADER, "L2", side=Side.SELL, quantity=160, price=110))
    desk.ack("X1")
    desk.taken()
    desk.leader("L2", "TRADED", side=Side.SELL, quantity=160, price=110, filled=160)
    desk.now += 60 * SECOND
    desk.copied("TRADED", order_id="L2", filled=50)
    assert desk.decided("L2#entry") == SKIPPED
    assert not any(one.leader_order_id == "L2#entry" for one in desk.taken())
