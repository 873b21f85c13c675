"""Super orders: an entry with the target and stop that the broker keeps, mirrored as one (scenario 1.2)."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.core.native_legs import leg_name
from copyctl.model.events import BooksRead, CommandGiven, FrameRead
from copyctl.model.order import Bracket, ExecutionReport
from copyctl.model.request import RequestKind
from copyctl.model.terms import Book, Decision, Leg, OrderType, Product, Side, Source
from tests.core.building import ALICE, LEADER, SECOND, Desk, report

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
TARGET, STOP = Leg.TARGET, Leg.STOP_LOSS
KEPT = Bracket(target=Decimal(110), stop=Decimal(95))


class Supers(Desk):
    """A desk with words for super orders. ``own``: legs carry ids of their own."""

    own = True

    def entry(self, account: str, order_id: str, status: str = "PENDING", **said: Any) -> ExecutionReport:
        values: dict[str, Any] = {"super_order": True, "as_of": self.now, "bracket": KEPT, **said}
        return report(account, order_id, status, **values)

    def leg(self, account: str, entry: str, leg: Leg, status: str = "PENDING", **said: Any) -> ExecutionReport:
        stop = {"order_type": "STOP_LOSS_MARKET", "trigger": 95, "price": 0}
        shape = {"price": 110} if leg is TARGET else stop
        number = f"{entry}-{leg[:4]}" if self.own else entry
        values = {**shape, "side": Side.SELL, "leg": leg, "parent_id": entry, "super_order": True, **said}
        return report(account, number, status, **{"as_of": self.now, **values})

    def shown(self, account: str, *rows: ExecutionReport) -> None:
        """A read of the account's books, the special ones among them."""
        self.now += SECOND
        told = tuple(replace(row, as_of=self.now, source=Source.BOOK) for row in rows)
        at = {"at": self.now, "asked_at": self.now}
        self.feed(BooksRead(account=account, orders=told, armed=(), super_read=True, **at))

    def told(self, *rows: ExecutionReport) -> None:
        """Frames, a second later; none of them tells a bracket."""
        self.now += SECOND
        for row in rows:
            one = replace(row, as_of=self.now, broker_time=self.now // SECOND * SECOND, bracket=None)
            self.feed(FrameRead(at=self.now, account=row.account, raw=b"", reports=(one,)))


def opened(policy: dict[str, Any] | None = None, *, own: bool = True, bracket: Bracket = KEPT, **said: Any) -> Supers:
    """The leader's super order is seen, its exits are read, and the copy is acknowledged."""
    desk = Supers(policy)
    desk.own = own
    desk.start()
    desk.told(desk.entry(LEADER, "L1", **said))
    desk.shown(LEADER, desk.entry(LEADER, "L1", bracket=bracket, **said))
    return desk


def filled(policy: dict[str, Any] | None = None, *, own: bool = True, bracket: Bracket = KEPT) -> Supers:
    """Both have filled, and both have their legs."""
    desk = opened(policy, own=own, bracket=bracket)
    desk.ack("A1")
    desk.taken()
    for account, order_id, units in ((LEADER, "L1", 100), (ALICE, "A1", 50)):
        correlation = {"correlation_id": desk.slot().correlation_id} if account == ALICE else {}
        entry = desk.entry(account, order_id, "TRADED", quantity=units, filled=units, bracket=bracket, **correlation)
        desk.told(entry, *(desk.leg(account, order_id, leg, quantity=units) for leg in (STOP, TARGET)))
    assert desk.taken() == []
    return desk


def legs_of(desk: Desk) -> dict[Leg, bool]:
    """Which of alice's legs may trade."""
    rows = {leg: desk.copy(leg_name("L1", leg)) for leg in (STOP, TARGET)}
    return {leg: any(slot.live and slot.native for slot in copy.slots) for leg, copy in rows.items()}


def kinds(desk: Desk) -> list[tuple[RequestKind, Book, Leg, str]]:
    return [(one.kind, one.book, one.leg, one.number or one.order_id) for one in desk.taken()]


# --- placing ----------------------------------------------------------------------------------------------------------


def test_scenario_1_2_its_exits_are_read_before_it_is_copied() -> None:
    desk = Supers().start()
    desk.told(desk.entry(LEADER, "L1"))
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, "checking")
    desk.shown(LEADER, desk.entry(LEADER, "L1"))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.bracket) == (Book.SUPER, KEPT)
    assert request.desired.terms.quantity == 50


def test_scenario_1_2_first_seen_in_its_book() -> None:
    desk = Supers().start()
    desk.shown(LEADER, desk.entry(LEADER, "L1", order_type="MARKET"))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.order_type) == (Book.SUPER, OrderType.MARKET)


def test_scenario_1_2_skipped_by_mapping() -> None:
    desk = opened({"mapping": {"super_order": "skip"}})
    assert desk.decided() == (Decision.REFUSED, "unsupported_product")
    assert desk.taken() == []


def test_scenario_1_2_an_entry_that_is_shifted_past_its_exits_is_refused() -> None:
    desk = opened({"mapping": {"price": {"mode": "offset", "ticks": 300}}})
    assert desk.decided() == (Decision.REFUSED, "invalid_trigger")


# --- the entry --------------------------------------------------------------------------------------------------------


def test_scenario_2_an_open_entry_is_changed_whole() -> None:
    desk = opened()
    desk.ack("A1")
    desk.taken()
    changed = Bracket(target=Decimal(112), stop=Decimal(96), trail=Decimal(1))
    desk.shown(LEADER, desk.entry(LEADER, "L1", price=101, bracket=changed))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.kind, request.book, request.leg) == (MODIFY, Book.SUPER, Leg.ENTRY)
    assert (request.desired.terms.price, request.desired.terms.bracket) == (101, changed)


def test_scenario_3_1_an_unfilled_entry_is_cancelled_with_all_that_hangs_on_it() -> None:
    desk = opened()
    desk.ack("A1")
    desk.taken()
    desk.told(desk.entry(LEADER, "L1", "CANCELLED"))
    assert kinds(desk) == [(CANCEL, Book.SUPER, Leg.ENTRY, "A1")]


def test_a_frame_without_the_exits_changes_nothing() -> None:
    desk = opened()
    desk.ack("A1")
    desk.taken()
    for _ in range(3):
        desk.told(desk.entry(LEADER, "L1"))
    assert desk.taken() == []


# --- the legs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
def test_scenario_1_2_the_legs_come_with_the_entry_and_nothing_is_sent(own: bool) -> None:
    desk = filled(own=own)
    assert legs_of(desk) == {STOP: True, TARGET: True}
    assert [desk.decided(leg_name("L1", leg)) for leg in (STOP, TARGET)] == [(Decision.COPIED, None)] * 2
    desk.wait(60)
    assert desk.taken() == []


@pytest.mark.parametrize("own", [True, False])
def test_scenario_2_3_the_leaders_stop_moves_and_the_followers_follows(own: bool) -> None:
    desk = filled(own=own)
    desk.told(desk.leg(LEADER, "L1", STOP, trigger=97, quantity=100))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.kind, request.book, request.leg, request.number) == (MODIFY, Book.SUPER, STOP, "A1")
    assert request.desired.terms.bracket == Bracket(stop=Decimal(97))


def test_scenario_2_2_the_leaders_target_moves() -> None:
    desk = filled()
    desk.told(desk.leg(LEADER, "L1", TARGET, price=115, quantity=100))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.leg, request.desired.terms.bracket) == (TARGET, Bracket(target=Decimal(115)))


def test_scenario_2_3_a_stop_that_trails_ten_times_sends_nothing() -> None:
    desk = filled(bracket=replace(KEPT, trail=Decimal(1)))
    for step in range(1, 11):
        desk.told(desk.leg(LEADER, "L1", STOP, trigger=95 + step, quantity=100))
        desk.told(desk.leg(ALICE, "A1", STOP, trigger=95 + step, quantity=50))
    assert (desk.taken(), desk.alerts()) == ([], [])
    desk.told(desk.leg(LEADER, "L1", STOP, trigger=100, quantity=100))
    (request,) = desk.taken()
    assert request.desired is not None
    assert request.desired.terms.bracket == Bracket(stop=Decimal(100), trail=Decimal(1))


def test_scenario_3_4_the_leader_cancels_his_target_alone() -> None:
    desk = filled()
    desk.told(desk.leg(LEADER, "L1", TARGET, "CANCELLED", quantity=100))
    assert desk.taken() == []  # his broker may have done it, his stop having traded: his book is read
    gone = desk.leg(LEADER, "L1", TARGET, "CANCELLED", quantity=100)
    desk.shown(LEADER, desk.entry(LEADER, "L1", "TRADED", filled=100), gone, desk.leg(LEADER, "L1", STOP, quantity=100))
    desk.wait(1)
    assert kinds(desk) == [(CANCEL, Book.SUPER, TARGET, "A1")]


@pytest.mark.parametrize("hit", [STOP, TARGET])
def test_scenario_4_6_his_leg_trades_ours_does_the_same_and_nothing_is_sent(hit: Leg) -> None:
    desk = filled()
    other = TARGET if hit is STOP else STOP
    for account, order_id, units in ((LEADER, "L1", 100), (ALICE, "A1", 50)):
        desk.told(
            desk.leg(account, order_id, hit, "TRADED", quantity=units, filled=units),
            desk.leg(account, order_id, other, "CANCELLED", quantity=units),
        )
    desk.wait(120)
    assert (desk.taken(), desk.alerts()) == ([], [])
    assert desk.copy(leg_name("L1", hit)).filled == 50
    assert legs_of(desk) == {STOP: False, TARGET: False}


def test_scenario_8_3_the_target_is_hit_on_the_follower_first() -> None:
    desk = filled()
    desk.told(
        desk.leg(ALICE, "A1", TARGET, "TRADED", quantity=50, filled=50),
        desk.leg(ALICE, "A1", STOP, "CANCELLED", quantity=50),
    )
    desk.told(
        desk.leg(LEADER, "L1", TARGET, "TRADED", quantity=100, filled=100),
        desk.leg(LEADER, "L1", STOP, "CANCELLED", quantity=100),
    )
    desk.wait(120)
    assert desk.taken() == []
    assert desk.copy(leg_name("L1", TARGET)).drift == ""


def test_scenario_4_13_his_stop_has_traded_and_ours_has_not() -> None:
    desk = filled()
    desk.told(
        desk.leg(LEADER, "L1", STOP, "TRADED", quantity=100, filled=100),
        desk.leg(LEADER, "L1", TARGET, "CANCELLED", quantity=100),
    )
    assert desk.taken() == []
    desk.wait(30)
    assert sorted(kinds(desk)) == [(CANCEL, Book.SUPER, STOP, "A1"), (CANCEL, Book.SUPER, TARGET, "A1")]
    for leg in (STOP, TARGET):
        desk.told(desk.leg(ALICE, "A1", leg, "CANCELLED", quantity=50))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.kind, request.book, request.desired.terms.order_type) == (PLACE, Book.DAY, OrderType.MARKET)
    assert (request.desired.terms.quantity, request.desired.side) == (50, Side.SELL)


def test_scenario_4_6_he_closes_by_another_order_and_no_leg_of_ours_is_left() -> None:
    desk = filled()
    desk.leader("L2", "TRADED", side=Side.SELL, order_type="MARKET", quantity=100, filled=100)
    assert sorted(kinds(desk)) == [(CANCEL, Book.SUPER, STOP, "A1"), (CANCEL, Book.SUPER, TARGET, "A1")]
    for leg in (STOP, TARGET):
        desk.told(desk.leg(ALICE, "A1", leg, "CANCELLED", quantity=50))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.leader_order_id, request.desired.terms.quantity) == ("L2", 50)
    assert desk.alerts() == []


def test_scenario_4_10_closed_by_hand_the_legs_go_before_they_open_anything() -> None:
    desk = filled()
    desk.frame(ALICE, "H1", "TRADED", side=Side.SELL, quantity=50, filled=50)
    assert sorted(kinds(desk)) == [(CANCEL, Book.SUPER, STOP, "A1"), (CANCEL, Book.SUPER, TARGET, "A1")]


def test_scenario_4_10_half_closed_by_hand_the_rest_is_protected_by_an_order_of_the_day() -> None:
    desk = filled()
    desk.frame(ALICE, "H1", "TRADED", side=Side.SELL, quantity=25, filled=25)
    assert sorted(kinds(desk)) == [(CANCEL, Book.SUPER, STOP, "A1"), (CANCEL, Book.SUPER, TARGET, "A1")]
    for leg in (STOP, TARGET):
        desk.told(desk.leg(ALICE, "A1", leg, "CANCELLED", quantity=50))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.quantity) == (Book.DAY, 25)
    assert request.desired.terms.trigger_price == 95


def test_a_leg_that_a_person_cancels_is_told_and_left_alone() -> None:
    desk = filled()
    desk.told(desk.leg(ALICE, "A1", STOP, "CANCELLED", quantity=50))
    (told,) = desk.alerts()
    assert "cancelled by hand" in told


def test_scenario_4_2_a_part_of_the_entry_has_its_legs_and_grows() -> None:
    desk = opened()
    desk.ack("A1")
    correlation = desk.slot().correlation_id
    desk.taken()
    for units in (20, 100):
        for account, order_id, mine in ((LEADER, "L1", units), (ALICE, "A1", units // 2)):
            whole = 100 if account == LEADER else 50
            status = "TRADED" if mine == whole else "PART_TRADED"
            said = {"correlation_id": correlation} if account == ALICE else {}
            entry = desk.entry(account, order_id, status, quantity=whole, filled=mine, **said)
            desk.told(entry, *(desk.leg(account, order_id, leg, quantity=mine) for leg in (STOP, TARGET)))
    desk.wait(30)
    assert (desk.taken(), desk.alerts()) == ([], [])
    assert legs_of(desk) == {STOP: True, TARGET: True}


def test_scenario_8_3_the_follower_has_legs_before_the_leader() -> None:
    desk = opened()
    desk.ack("A1")
    desk.taken()
    desk.told(
        desk.entry(ALICE, "A1", "TRADED", quantity=50, filled=50, correlation_id=desk.slot().correlation_id),
        desk.leg(ALICE, "A1", STOP, quantity=50),
        desk.leg(ALICE, "A1", TARGET, quantity=50),
    )
    assert desk.taken() == []
    desk.told(
        desk.entry(LEADER, "L1", "TRADED", quantity=100, filled=100),
        desk.leg(LEADER, "L1", STOP, quantity=100),
        desk.leg(LEADER, "L1", TARGET, quantity=100),
    )
    desk.wait(60)
    assert desk.taken() == []


def test_scenario_9_1_flatten_ends_the_legs_first() -> None:
    desk = filled()
    desk.now += SECOND
    desk.feed(CommandGiven(at=desk.now, command_id=1, command="kill", actions=("flatten",)))
    assert sorted(kinds(desk)) == [(CANCEL, Book.SUPER, STOP, "A1"), (CANCEL, Book.SUPER, TARGET, "A1")]
    for leg in (STOP, TARGET):
        desk.told(desk.leg(ALICE, "A1", leg, "CANCELLED", quantity=50))
    (request,) = desk.taken()
    assert (request.book, request.exit, request.desired and request.desired.terms.quantity) == (Book.DAY, True, 50)


# --- turned into a plain order ----------------------------------------------------------------------------------------


def test_scenario_1_2_entry_only_his_legs_count_as_exits_of_his() -> None:
    desk = opened({"mapping": {"super_order": "entry_only"}})
    (request,) = desk.taken()
    assert (request.book, request.desired and request.desired.terms.bracket) == (Book.DAY, None)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.told(
        desk.entry(LEADER, "L1", "TRADED", quantity=100, filled=100),
        desk.leg(LEADER, "L1", STOP, quantity=100),
        desk.leg(LEADER, "L1", TARGET, quantity=100),
    )
    (stop,) = desk.taken()
    assert stop.desired is not None
    assert (stop.book, stop.desired.terms.trigger_price, stop.desired.terms.quantity) == (Book.DAY, 95, 50)
    assert desk.decided(leg_name("L1", TARGET)) == (Decision.QUEUED, "exit_alternative")
    desk.ack("A2")
    row = desk.copy(leg_name("L1", STOP))
    desk.frame(
        ALICE, "A2", side=Side.SELL, correlation_id=row.slots[0].correlation_id, order_type="STOP_LOSS", trigger=95,
        price=row.slots[0].asked.price, quantity=50,
    )  # fmt: skip
    for step in range(1, 11):
        desk.told(desk.leg(LEADER, "L1", STOP, trigger=95 + step, quantity=100))
        for one in desk.taken():
            desk.ack(request=one)
    assert desk.copy(leg_name("L1", STOP)).slots[0].asked.trigger_price == 105


@pytest.mark.parametrize("product", ["CO", "BO"])
def test_scenario_1_2_cover_and_bracket_orders_turned_into_a_plain_one(product: str) -> None:
    desk = Supers({"mapping": {"product": {product: "INTRADAY"}}}).start()
    desk.leader(product=Product(product))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.desired.product, request.desired.terms.bracket) == (Product.INTRADAY, None)


def test_two_of_the_same_at_once_are_two() -> None:
    desk = opened()
    desk.told(desk.entry(LEADER, "L2"))
    desk.shown(ALICE, desk.entry(ALICE, "A1", quantity=50, correlation_id="NA", created_time=desk.now))
    desk.shown(LEADER, desk.entry(LEADER, "L1"), desk.entry(LEADER, "L2"))
    assert [one.leader_order_id for one in desk.taken()] == ["L1", "L2"]


# --- CO and BO: the same, with an order of the day as their entry -----------------------------------------------------


@pytest.mark.parametrize("product", [Product.CO, Product.BO])
def test_scenario_1_2_cover_and_bracket_orders_have_legs_of_their_own(product: Product) -> None:
    kept = Bracket(stop=Decimal(95)) if product is Product.CO else Bracket(
        target=Decimal(10), stop=Decimal(5), distances=True
    )  # fmt: skip
    said: dict[str, Any] = {"product": product, "super_order": False, "bracket": kept}
    desk = Supers().start()
    desk.told(desk.entry(LEADER, "L1", **said))
    assert desk.decided() == (Decision.QUEUED, "checking")
    desk.shown(LEADER, desk.entry(LEADER, "L1", **said))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.product, request.desired.terms.bracket) == (Book.DAY, product, kept)
    desk.ack("A1")
    correlation = desk.slot().correlation_id
    for account, order_id, units in ((LEADER, "L1", 100), (ALICE, "A1", 50)):
        entry = desk.entry(
            account, order_id, "TRADED", quantity=units, filled=units, **said,
            **({"correlation_id": correlation} if account == ALICE else {}),
        )  # fmt: skip
        desk.told(entry, desk.leg(account, order_id, STOP, quantity=units, product=product, super_order=False))
    assert desk.taken() == []
    desk.told(desk.leg(LEADER, "L1", STOP, trigger=97, quantity=100, product=product, super_order=False))
    (request,) = desk.taken()
    assert (request.kind, request.book, request.leg, request.number) == (MODIFY, Book.DAY, STOP, "A1-STOP")
    assert request.desired is not None
    assert request.desired.terms.trigger_price == 97
    for account, order_id, units in ((LEADER, "L1", 100), (ALICE, "A1", 50)):
        leg = {"quantity": units, "filled": units, "trigger": 97, "product": product, "super_order": False}
        desk.told(desk.leg(account, order_id, STOP, "TRADED", **leg))
    desk.wait(60)
    assert desk.taken() == []
