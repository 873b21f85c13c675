"""Scenarios 7.12 and 4.8: positions that are otherwise than their fills explain, seen twice, and what follows."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.account import Account
from copyctl.model.facts import FactArrived, Holding, Lack, PositionRow, Positions, PositionsWanted, Question
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Segment, Side
from tests.core.building import ALICE, LEADER, OPTION, SECOND, SHARE, Desk, held, report
from tests.core.exits_life import ExitsWorld
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
MARGIN, INTRADAY, CNC = Product.MARGIN, Product.INTRADAY, Product.CNC
SWEEP = 20 * SECOND
DAY = 86_400 * SECOND


class Broker(Desk):
    """A desk whose positions may fail to be read, and which has holdings."""

    def __init__(self, policy: Any = None, **parts: Any) -> None:
        super().__init__(policy, **parts)
        self.fails: set[str] = set()
        self.holdings: dict[str, tuple[Holding, ...]] = {}
        self.bad_rows = 0
        self.reads_of: list[str] = []

    def tell(self, question: Question) -> None:
        if not isinstance(question, PositionsWanted):
            super().tell(question)
            return
        self.reads_of.append(question.account)
        if question.account in self.silent:
            return
        if question.account in self.fails:
            failed = {"why": "HTTP 500", "lack": Lack.UNAVAILABLE}
            self.feed(FactArrived(at=self.now, account=question.account, question=question, **failed))  # type: ignore[arg-type]
            return
        rows = self.held.get(question.account)
        fact = Positions(
            account=question.account,
            as_of=self.now,
            rows=self._as_thought(question.account) if rows is None else rows,
            holdings=self.holdings.get(question.account, ()),
            bad_rows=self.bad_rows,
        )
        self.feed(FactArrived(at=self.now, account=question.account, question=question, fact=fact))

    def shows(self, account: str, *rows: PositionRow) -> None:
        """What the broker says from now on, and a sweep that reads it."""
        self.held[account] = rows
        self.sweep(account)

    def sweep(self, account: str = LEADER) -> None:
        self.books(account, after=SWEEP)

    def position(self, account: str = ALICE, product: Product = MARGIN, instrument: str = "NSE_FNO/43210") -> Position:
        found = self.state.tables["position"][f"{account}/{instrument}/{product}"]
        assert isinstance(found, Position)
        return found

    def rows_of_our_own(self) -> list[Copy]:
        found = self.state.tables["copy"].items()
        return [one for key, one in found if key.startswith("position:") and isinstance(one, Copy)]

    def about(self, text: str) -> list[str]:
        return [one for one in self.alerts() if text in one]


def entered(product: Product = MARGIN, policy: Any = None, units: int = 100, **parts: Any) -> Broker:
    """A leader who has bought, and a follower who holds half of it."""
    desk = Broker(policy, **parts)
    desk.start()
    desk.leader("L1", quantity=units, product=product)
    desk.ack("A1")
    desk.copied("TRADED", filled=units // 2, product=product)
    desk.leader("L1", "TRADED", quantity=units, filled=units, product=product)
    desk.taken()
    desk.alerts()
    return desk


def closing(desk: Desk) -> list[tuple[Side, int, Product]]:
    sent = [one.desired for one in desk.taken() if one.kind is PLACE and one.desired]
    assert all(one.terms.order_type is OrderType.MARKET for one in sent)
    return [(one.side, one.terms.quantity, one.product) for one in sent]


def test_an_exit_of_ours_that_the_book_shows_late_is_no_trade_by_hand() -> None:
    """The positions show its fill at once, the order book some seconds later: it counts once."""
    desk = entered()
    desk.leader("L2", quantity=100, side=Side.SELL, product=MARGIN)
    desk.ack("X2")
    desk.shows(ALICE, held("43210", 0, product=MARGIN, carried=0))
    for _ in range(4):
        desk.books(ALICE, after=SECOND)
    assert desk.position().net == 50
    desk.taken()
    desk.copied("TRADED", order_id="L2", filled=50, product=MARGIN)
    desk.wait(60)
    assert (desk.position().base, desk.position().net, desk.position().copied) == (0, 0, 0)
    assert closing(desk) == []


def test_what_an_open_order_might_explain_counts_once_the_book_has_had_its_time() -> None:
    desk = entered()
    desk.leader("L2", quantity=100, side=Side.SELL, product=MARGIN)
    desk.ack("X2")
    desk.copied("PENDING", order_id="L2", product=MARGIN)
    desk.shows(ALICE, held("43210", 30, product=MARGIN, carried=0))
    desk.sweep(ALICE)
    assert desk.position().net == 30


# --- smaller ---------------------------------------------------------------------------------------------------------


def test_an_exit_that_nobody_saw_is_copied_at_the_market_when_a_second_read_confirms_it() -> None:
    desk = entered()
    desk.shows(LEADER, held("43210", 0, product=MARGIN, carried=0))
    assert desk.taken() == []
    desk.sweep()
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]
    (row,) = desk.rows_of_our_own()
    assert row.leader_order_id == "position:NSE_FNO:43210:MARGIN:2026-09-15:1"
    assert any("the missing exit is copied" in text for text in desk.alerts())
    assert desk.position(LEADER).net == 0


def test_the_share_that_is_missing_is_closed_and_no_more() -> None:
    desk = entered()
    for _ in range(2):
        desk.shows(LEADER, held("43210", 40, product=MARGIN, carried=0))
    assert closing(desk) == [(Side.SELL, 30, MARGIN)]
    assert desk.position().target == 20


def test_one_odd_read_does_nothing() -> None:
    desk = entered()
    desk.shows(LEADER)
    desk.shows(LEADER, held("43210", 100, product=MARGIN, carried=0))
    desk.shows(LEADER)
    assert desk.taken() == []
    assert desk.alerts() == []


def test_two_odd_reads_that_differ_do_nothing() -> None:
    desk = entered()
    desk.shows(LEADER, held("43210", 60, product=MARGIN, carried=0))
    desk.shows(LEADER, held("43210", 50, product=MARGIN, carried=0))
    assert desk.taken() == []
    desk.sweep()
    assert closing(desk) == [(Side.SELL, 25, MARGIN)]


def test_a_second_read_counts_only_after_the_books_were_read_again() -> None:
    desk = entered()
    desk.shows(LEADER)
    assert desk.reads(LEADER)
    for _ in range(3):  # positions again, but no books
        desk.now += SECOND
        desk.tell(PositionsWanted(account=LEADER))
    assert desk.taken() == []
    desk.sweep()
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_the_second_read_follows_the_books_at_once() -> None:
    desk = entered()
    desk.shows(LEADER)
    desk.books(LEADER, after=3 * SECOND)  # asked for since it differs
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_a_trade_between_the_two_reads_begins_anew() -> None:
    desk = entered()
    desk.shows(LEADER, held("43210", 60, product=MARGIN, carried=0))
    desk.leader("L2", "TRADED", side=Side.SELL, quantity=40, filled=40, product=MARGIN, order_type="MARKET")
    assert closing(desk) == [(Side.SELL, 20, MARGIN)]  # it was this one, seen a moment later
    desk.sweep()
    desk.sweep()
    assert desk.taken() == []


def test_what_cannot_be_read_of_the_rows_may_still_be_held() -> None:
    desk = entered()
    desk.bad_rows = 1
    desk.shows(LEADER)
    desk.sweep()
    desk.sweep()
    assert desk.taken() == []


def test_positions_that_cannot_be_read_change_nothing() -> None:
    desk = entered()
    desk.fails = {LEADER}
    for _ in range(4):
        desk.sweep()
    assert desk.taken() == []
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_it_is_seen_at_a_start() -> None:
    desk = entered()
    desk.held[LEADER] = ()
    desk.restart(books=True)
    assert desk.taken() == []
    desk.sweep()
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_an_entry_that_has_not_filled_is_cut_first() -> None:
    desk = Broker()
    desk.start()
    desk.leader("L1", product=MARGIN)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=20, product=MARGIN)
    desk.leader("L1", "TRADED", filled=100, product=MARGIN)
    desk.taken()
    for _ in range(2):
        desk.shows(LEADER)
    kinds = sorted(one.kind for one in desk.taken())
    assert kinds == [CANCEL, PLACE]
    assert desk.copy("L1").cut == 30
    assert desk.rows_of_our_own()[0].due == 20


def test_a_resting_exit_of_the_leader_does_not_close_it_twice() -> None:
    desk = entered()
    desk.leader("L2", side=Side.SELL, price=110, product=MARGIN)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2", product=MARGIN)
    desk.taken()
    for _ in range(2):
        desk.shows(LEADER)
    offered = [one for one in desk.taken() if one.kind is CANCEL]
    assert [one.order_id for one in offered] == ["X1"]
    desk.copied("CANCELLED", order_id="L2", product=MARGIN)
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_his_exit_that_shows_up_after_all_closes_nothing_more() -> None:
    desk = entered()
    for _ in range(2):
        desk.shows(LEADER)
    (request,) = desk.taken()
    desk.ack("X1")
    desk.copied("TRADED", order_id=request.leader_order_id, filled=50, product=MARGIN)
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET", broker_time=1)
    desk.held.pop(LEADER)
    desk.sweep()
    assert desk.taken() == []
    assert desk.position().net == 0


def test_a_short_that_he_bought_back_unseen_is_bought_back() -> None:
    desk = Broker({"exits": {"confirm_short": "never"}})
    desk.start()
    desk.leader("L1", side=Side.SELL, product=MARGIN)
    desk.ack("A1")
    desk.copied("TRADED", filled=50, product=MARGIN)
    desk.leader("L1", "TRADED", side=Side.SELL, filled=100, product=MARGIN)
    desk.taken()
    for _ in range(2):
        desk.shows(LEADER, held("43210", -50, product=MARGIN, carried=0))
    assert closing(desk) == [(Side.BUY, 25, MARGIN)]


def test_outside_hours_it_waits_for_the_next_open() -> None:
    desk = entered()
    desk.now += 5 * 3600 * SECOND  # 17:12
    desk.shows(LEADER)
    for _ in range(5):
        desk.sweep()
    assert desk.taken() == []
    while desk.now < 1_789_530_300 * SECOND:  # 09:15 on Wednesday
        desk.books(LEADER, after=600 * SECOND)
        desk.books(ALICE, after=1)
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_followers_are_closed_each_by_its_own_share_and_capped_by_what_is_there() -> None:
    desk = entered()
    desk.frame(ALICE, "H1", "TRADED", side=Side.SELL, quantity=30, filled=30, product=MARGIN)
    for _ in range(2):
        desk.shows(LEADER)
    assert closing(desk) == [(Side.SELL, 20, MARGIN)]


def test_a_followers_own_square_off_that_the_leader_shares_closes_nothing() -> None:
    desk = entered(INTRADAY)
    desk.books(
        ALICE,
        report(ALICE, "SQ", "TRADED", side=Side.SELL, quantity=50, filled=50, order_type="MARKET"),
    )
    for _ in range(2):
        desk.shows(LEADER)
    assert desk.taken() == []


# --- products --------------------------------------------------------------------------------------------------------


def test_scenario_4_8_a_conversion_is_told_and_not_mirrored_and_the_exit_goes_in_the_product_held() -> None:
    desk = entered(INTRADAY)
    for _ in range(2):
        desk.shows(LEADER, held("43210", 0, product=INTRADAY, carried=0), held("43210", 100, product=MARGIN, carried=0))
    assert desk.taken() == []
    assert desk.about("converted his position") != []
    desk.held.pop(LEADER)
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert closing(desk) == [(Side.SELL, 50, INTRADAY)]


def test_a_trade_in_the_middle_of_a_conversion_makes_no_exit_of_it() -> None:
    desk = entered(INTRADAY)
    desk.shows(LEADER, held("43210", 0, product=INTRADAY, carried=0), held("43210", 100, product=MARGIN, carried=0))
    desk.leader("L2", "TRADED", quantity=10, filled=10, product=MARGIN, order_type="MARKET")
    desk.taken()
    rows = held("43210", 0, product=INTRADAY, carried=0), held("43210", 110, product=MARGIN, carried=0)
    for _ in range(2):
        desk.shows(LEADER, *rows)
    assert desk.taken() == []
    assert desk.about("converted his position") != []


def test_an_exit_in_one_of_two_products_takes_its_share_of_both_together() -> None:
    desk = entered(MARGIN)
    desk.leader("L2", "TRADED", quantity=100, filled=100, product=INTRADAY)
    desk.ack("A2")
    desk.copied("TRADED", order_id="L2", filled=50, product=INTRADAY)
    desk.taken()
    rows = held("43210", 50, product=MARGIN, carried=0), held("43210", 100, product=INTRADAY, carried=0)
    for _ in range(2):
        desk.shows(LEADER, *rows)
    assert closing(desk) == [(Side.SELL, 25, MARGIN)]


def test_a_followers_conversion_takes_what_was_copied_along() -> None:
    desk = entered(INTRADAY)
    for _ in range(2):
        desk.shows(ALICE, held("43210", 0, product=INTRADAY, carried=0), held("43210", 50, product=MARGIN, carried=0))
    assert (desk.position(product=INTRADAY).copied, desk.position(product=MARGIN).copied) == (0, 50)
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=INTRADAY, order_type="MARKET")
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


# --- larger ----------------------------------------------------------------------------------------------------------


def test_what_he_has_more_is_not_copied_and_closed_last() -> None:
    desk = entered()
    for _ in range(2):
        desk.shows(LEADER, held("43210", 300, product=MARGIN, carried=0))
    assert desk.taken() == []
    assert desk.about("handled as under join") != []
    assert desk.position().apart == 200
    desk.held.pop(LEADER)
    desk.leader("L2", "TRADED", side=Side.SELL, quantity=50, filled=50, product=MARGIN, order_type="MARKET")
    assert closing(desk) == [(Side.SELL, 25, MARGIN)]  # half of what he opened since


def test_what_he_has_from_nowhere_is_no_short_when_he_sells_it() -> None:
    desk = entered()
    row = replace_id(held("50000", 100, product=MARGIN, carried=0), "50000")
    desk.shows(LEADER, held("43210", 100, product=MARGIN, carried=0), row)  # one read: not sure yet
    desk.leader("L2", side=Side.SELL, security_id="50000", product=MARGIN, price=10)
    desk.books(LEADER, report(LEADER, "L2", side=Side.SELL, security_id="50000", product=MARGIN, price=10))
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


def replace_id(row: PositionRow, security_id: str) -> PositionRow:
    assert row.security_id == security_id
    return row


def test_a_reversal_that_nobody_saw_closes_what_was_copied_and_opens_nothing() -> None:
    desk = entered()
    for _ in range(2):
        desk.shows(LEADER, held("43210", -40, product=MARGIN, carried=0))
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]
    assert desk.position().apart == 40


# --- shares, holdings ------------------------------------------------------------------------------------------------


def share(exchange: str = "ALL", total: int = 100, security_id: str = SHARE.security_id, **said: Any) -> Holding:
    return Holding(exchange=exchange, security_id=security_id, symbol=SHARE.symbol, isin="INE", total=total, **said)


def with_shares(**said: Any) -> Broker:
    """A leader whose shares were delivered, and a new run on that day."""
    desk = Broker()
    desk.holdings[LEADER] = (share(**said),)
    desk.start()
    return desk


def test_holdings_count_with_what_is_not_delivered_yet() -> None:
    desk = with_shares(t1=40)
    assert desk.position(LEADER, CNC, "NSE_EQ/2885").net == 100
    desk.leader("L1", side=Side.SELL, segment=Segment.NSE_EQ, security_id="2885", product=CNC)
    assert desk.decided("L1") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


@pytest.mark.parametrize("total", [100, 60])
def test_a_sale_of_today_counts_once_whether_holdings_show_it_or_not(total: int) -> None:
    desk = with_shares()
    desk.leader(
        "L1", "TRADED", side=Side.SELL, segment=Segment.NSE_EQ, security_id="2885", product=CNC, quantity=40, filled=40
    )
    desk.holdings[LEADER] = (share(total=total),)
    row = held("2885", -40, segment=Segment.NSE_EQ, product=CNC, carried=0)
    for _ in range(3):
        desk.shows(LEADER, row)
    assert desk.position(LEADER, CNC, "NSE_EQ/2885").net == 60
    assert desk.alerts() == []


def test_shares_bought_on_one_exchange_are_the_holding_of_both() -> None:
    other = Segment.BSE_EQ
    desk = Broker()
    desk.instruments["BSE_EQ/500325"] = SHARE.__class__(
        segment=other, security_id="500325", symbol=SHARE.symbol, kind=SHARE.kind, underlying=SHARE.underlying
    )
    desk.start()
    said: Any = {"segment": other, "security_id": "500325", "product": CNC}
    desk.leader("L1", quantity=10, **said)
    desk.ack("A1")
    desk.copied("TRADED", filled=5, **said)
    desk.leader("L1", "TRADED", quantity=10, filled=10, **said)
    desk.taken()
    desk.now += DAY
    desk.holdings = {LEADER: (share(total=10),), ALICE: (share(total=5),)}
    desk.held = {LEADER: (), ALICE: ()}
    for account in (LEADER, ALICE, LEADER, ALICE, LEADER, ALICE):
        desk.sweep(account)
    assert desk.taken() == []
    assert desk.alerts() == []
    assert desk.position(LEADER, CNC, "BSE_EQ/500325").net == 10


# --- expired ---------------------------------------------------------------------------------------------------------


def expiring(days: int) -> Broker:
    desk = Broker()
    last = date(2026, 9, 15) + timedelta(days=days)
    desk.instruments["NSE_FNO/43210"] = OPTION.__class__(
        segment=OPTION.segment,
        security_id="43210",
        symbol="NIFTY",
        kind=OPTION.kind,
        underlying="NIFTY",
        lot_size=5,
        expiry=last,
    )
    desk.start()
    desk.leader("L1", product=MARGIN)
    desk.ack("A1")
    desk.copied("TRADED", filled=50, product=MARGIN)
    desk.leader("L1", "TRADED", filled=100, product=MARGIN)
    desk.taken()
    desk.alerts()
    return desk


@pytest.mark.parametrize("still_shown", [False, True])
def test_what_expired_is_over_for_both_and_nothing_is_sent(still_shown: bool) -> None:
    desk = expiring(0)
    desk.now += DAY
    rows = (held("43210", 100, product=MARGIN, expiry=date(2026, 9, 15)),) if still_shown else ()
    desk.held = {LEADER: rows, ALICE: rows}
    for account in (LEADER, ALICE) * 3:
        desk.sweep(account)
    assert desk.taken() == []
    assert desk.alerts() == []
    assert [one for one in desk.state.tables["position"].values() if isinstance(one, Position) and one.net] == []


def test_on_its_last_day_it_is_closed_like_any_other() -> None:
    desk = expiring(0)
    for _ in range(2):
        desk.shows(LEADER)
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


# --- what he began with cannot be read -------------------------------------------------------------------------------


def account(desk: Desk, name: str = LEADER) -> Account:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def unread(**policy: Any) -> Broker:
    desk = Broker({"exits": {"confirm_short": "never"}, **policy})
    desk.fails = {LEADER}
    desk.start()
    return desk


def test_while_positions_cannot_be_read_the_fills_count() -> None:
    desk = unread()
    desk.leader("L1", product=MARGIN)
    assert [one.kind for one in desk.taken()] == [PLACE]
    desk.ack("A1")
    desk.copied("TRADED", filled=50, product=MARGIN)
    desk.leader("L1", "TRADED", filled=100, product=MARGIN)
    desk.leader("L2", side=Side.SELL, price=110, product=MARGIN)
    (exit_,) = desk.taken()
    assert exit_.exit


def test_what_would_open_a_short_by_fills_alone_waits_and_goes_on_after_thirty_seconds() -> None:
    desk = unread()
    desk.leader("L1", side=Side.SELL, product=MARGIN)
    assert desk.taken() == []
    assert desk.decided("L1") == (Decision.QUEUED, Reason.CHECKING)
    assert "HTTP 500" in desk.copy("L1").detail
    desk.wait(28)
    assert desk.taken() == []
    desk.wait(2)
    assert [one.desired.side for one in desk.taken() if one.desired] == [Side.SELL]
    assert len(desk.about("cannot be read for 30 s")) == 1


def test_positions_that_failed_are_asked_for_every_two_seconds_for_a_minute() -> None:
    desk = unread()
    desk.reads_of.clear()
    desk.wait(10)
    assert desk.reads_of.count(LEADER) == 5
    desk.wait(600)
    assert desk.reads_of.count(LEADER) == 29


def test_a_sell_that_waits_becomes_an_exit_when_the_positions_say_so() -> None:
    desk = unread()
    desk.leader("L1", side=Side.SELL, product=MARGIN)
    desk.fails = set()
    desk.held[LEADER] = (held("43210", 100, product=MARGIN),)
    desk.wait(3)
    assert desk.taken() == []
    assert desk.decided("L1") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


def test_a_sell_that_waits_goes_as_an_entry_when_the_positions_say_that_it_opens_a_short() -> None:
    desk = unread()
    desk.leader("L1", side=Side.SELL, product=MARGIN)
    desk.fails = set()
    desk.held[LEADER] = ()
    desk.wait(3)
    assert [one.desired.side for one in desk.taken() if one.desired] == [Side.SELL]


def test_a_sell_that_waits_becomes_an_exit_when_a_fill_says_so() -> None:
    desk = unread()
    desk.leader("L2", side=Side.SELL, product=MARGIN, price=110)
    desk.leader("L1", "TRADED", filled=100, product=MARGIN, order_type="MARKET")
    (entry,) = desk.taken()
    assert entry.leader_order_id == "L1"
    desk.ack("A1")
    desk.copied("TRADED", filled=50, product=MARGIN)
    (exit_,) = desk.taken()
    assert (exit_.leader_order_id, exit_.exit) == ("L2", True)


def test_a_cover_that_was_taken_for_an_entry_is_undone_when_the_positions_tell() -> None:
    desk = unread()
    desk.leader("L1", product=MARGIN)
    desk.ack("A1")
    desk.copied("TRADED", filled=50, product=MARGIN)
    desk.leader("L1", "TRADED", filled=100, product=MARGIN)
    desk.taken()
    desk.fails = set()
    desk.held[LEADER] = (held("43210", 0, product=MARGIN, carried=-100),)  # he had sold before, and is flat now
    for _ in range(2):
        desk.sweep()
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_a_first_read_that_does_not_fit_the_book_is_read_twice() -> None:
    desk = Broker()
    desk.held[LEADER] = (
        held("43210", 100, product=MARGIN, carried=0),
    )  # by the row of today, and no order tells of it
    desk.start()
    assert account(desk).positions_at == 0
    desk.wait(3)
    assert account(desk).positions_at
    assert desk.position(LEADER).net == 100


def test_a_fill_between_book_and_positions_is_counted_once() -> None:
    desk = Broker()
    traded = report(LEADER, "L0", "TRADED", quantity=100, filled=100, product=MARGIN, broker_time=1)
    desk.held[LEADER] = (held("43210", 100, product=MARGIN, carried=0),)
    desk.start()
    desk.books(LEADER, traded)
    desk.wait(3)
    assert desk.position(LEADER).net == 100
    assert account(desk).positions_at


# --- the followers' own ----------------------------------------------------------------------------------------------


def carried(policy: Any = None) -> Broker:
    """The day after both bought: what they hold is from yesterday."""
    desk = entered(policy=policy)
    desk.now += DAY - 3600 * SECOND * 2
    return desk


def test_an_exit_of_what_is_carried_waits_until_the_followers_positions_are_read() -> None:
    desk = carried()
    desk.silent = {ALICE}
    desk.sweep()
    desk.sweep(ALICE)
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.QUEUED, Reason.CHECKING)
    desk.silent = set()
    desk.held[ALICE] = (held("43210", 50, product=MARGIN),)
    desk.sweep(ALICE)
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_it_goes_on_with_what_the_fills_say_after_thirty_seconds() -> None:
    desk = carried()
    desk.fails = {ALICE}
    desk.sweep()
    desk.sweep(ALICE)
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert desk.taken() == []
    desk.wait(60)
    assert closing(desk) == [(Side.SELL, 50, MARGIN)]


def test_one_odd_read_of_a_follower_takes_nothing_from_what_was_copied() -> None:
    desk = entered()
    desk.shows(ALICE)
    desk.shows(ALICE, held("43210", 50, product=MARGIN, carried=0))
    assert desk.position().copied == 50
    for _ in range(2):
        desk.shows(ALICE, held("43210", 20, product=MARGIN, carried=0))
    assert desk.position().copied == 20


def test_at_night_no_read_takes_anything_from_what_was_copied() -> None:
    desk = entered()
    desk.now += 12 * 3600 * SECOND  # half past midnight
    for _ in range(4):
        desk.shows(ALICE)
        desk.shows(LEADER)
    assert desk.position().copied == 50
    assert desk.taken() == []


# --- at any moment of any day -----------------------------------------------------------------------------------------


@dataclass
class Truthful(ExitsWorld):
    """A day on which the broker's positions are always as they are, ahead of frames and books that come late."""

    def __post_init__(self) -> None:
        super().__post_init__()
        told = self.desk.tell

        def tell(question: Question) -> None:
            if isinstance(question, PositionsWanted):
                bought, sold = (self._filled(question.account, side) for side in (Side.BUY, Side.SELL))
                row = replace(
                    held("43210", bought - sold, carried=0), buy_quantity=bought, sell_quantity=sold, day_buy=bought
                )
                self.desk.held[question.account] = (row,) if bought or sold else ()
            told(question)

        self.desk.tell = tell  # type: ignore[method-assign]

    def _filled(self, name: str, side: Side) -> int:
        return sum(one.filled for one in self.book.values() if one.account == name and one.side is side)


@tried(60)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.15, 0.4)), st.booleans())
def test_positions_that_run_ahead_of_frames_and_books_never_make_an_exit_of_their_own(
    seed: int, trouble: float, by_hand: bool
) -> None:
    world = Truthful(seed, trouble=trouble, by_hand=by_hand)
    world.day()
    told = [one.text for one in world.desk.notices if one.event == "alert" and "his known orders explain" in one.text]
    assert told == []
    here = world.stake(ALICE)
    assert here is None or here.net == world.net(ALICE)
