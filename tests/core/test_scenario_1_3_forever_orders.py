"""Forever orders (GTT): their own list, polled; armed, changed, triggered, cancelled (scenario 1.3.3)."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.model.events import BooksRead, FrameRead
from copyctl.model.order import ExecutionReport, SecondLeg, Terms
from copyctl.model.request import Fate, RequestKind
from copyctl.model.terms import Book, Decision, Leg, OrderType, Product, Side, Source, Validity
from tests.core.building import ALICE, LEADER, SECOND, SHARE, Desk, report

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
ARMED = Terms(
    order_type=OrderType.LIMIT,
    validity=Validity.FOREVER,
    quantity=100,
    price=Decimal(100),
    trigger_price=Decimal(101),
)
STOP = SecondLeg(quantity=100, price=Decimal(90), trigger_price=Decimal(91))
BOTH = replace(ARMED, price=Decimal(120), trigger_price=Decimal(119), second=STOP)


class Lists(Desk):
    """A desk with words for forever orders, of shares for delivery."""

    def armed(self, account: str, order_id: str, terms: Terms = ARMED, **said: Any) -> ExecutionReport:
        values = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC, **said}
        one = report(account, order_id, values.pop("status", "PENDING"), as_of=self.now, leg=Leg.TARGET, **values)
        return replace(one, terms=terms, source=Source.BOOK)

    def child(self, account: str, order_id: str, status: str = "PENDING", **said: Any) -> ExecutionReport:
        values = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC, **said}
        return report(account, order_id, status, **{"as_of": self.now, **values})

    def listed(self, account: str, *rows: ExecutionReport, day: tuple[ExecutionReport, ...] = ()) -> None:
        """A read of all books: these are in the list, those of ``day`` in the order book."""
        self.now += SECOND
        told = tuple(replace(row, as_of=self.now, source=Source.BOOK) for row in (*rows, *day))
        ids = tuple(row.order_id for row in rows)
        self.feed(BooksRead(at=self.now, account=account, asked_at=self.now, orders=told, armed=ids, super_read=True))

    def told(self, one: ExecutionReport) -> None:
        self.now += SECOND
        one = replace(one, as_of=self.now, broker_time=self.now // SECOND * SECOND, source=Source.STREAM)
        self.feed(FrameRead(at=self.now, account=one.account, raw=b"", reports=(one,)))


def half(terms: Terms) -> Terms:
    second = replace(terms.second, quantity=50) if terms.second is not None else None
    return replace(terms, quantity=50, second=second)


def listing(terms: Terms = ARMED, policy: dict[str, Any] | None = None, **said: Any) -> Lists:
    desk = Lists(policy).start()
    desk.listed(LEADER, desk.armed(LEADER, "G1", terms, **said))
    return desk


def both_armed(terms: Terms = ARMED, policy: dict[str, Any] | None = None, **said: Any) -> Lists:
    desk = listing(terms, policy, **said)
    desk.ack("B1")
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(terms), **said))
    desk.taken()
    return desk


def kinds(desk: Desk) -> list[tuple[RequestKind, Book, Leg, str]]:
    return [(one.kind, one.book, one.leg, one.number or one.order_id) for one in desk.taken()]


def test_scenario_1_3_3_an_armed_order_is_armed_for_the_follower() -> None:
    desk = listing()
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms, request.desired.product) == (Book.FOREVER, half(ARMED), Product.CNC)
    assert desk.decided("G1") == (Decision.COPIED, None)


def test_scenario_1_3_3_one_of_two_is_armed_with_both_legs() -> None:
    desk = listing(BOTH)
    (request,) = desk.taken()
    assert request.desired is not None
    assert request.desired.terms == half(BOTH)


def test_scenario_1_3_3_skipped_by_mapping() -> None:
    desk = listing(policy={"mapping": {"validity": {"FOREVER": "skip"}}})
    assert (desk.taken(), desk.decided("G1")) == ([], (Decision.REFUSED, "unsupported_validity"))


def test_scenario_1_3_3_intraday_has_none() -> None:
    desk = listing(policy={"mapping": {"product": {"CNC": "INTRADAY"}}})
    assert (desk.taken(), desk.decided("G1")) == ([], (Decision.REFUSED, "unsupported_validity"))


@pytest.mark.parametrize("name", [Leg.TARGET, Leg.ENTRY, Leg.STOP_LOSS])
def test_scenario_2_2_changed_by_the_name_that_the_list_gives_its_leg(name: Leg) -> None:
    desk = listing()
    desk.ack("B1")
    desk.listed(ALICE, replace(desk.armed(ALICE, "B1", half(ARMED)), leg=name))
    desk.taken()
    desk.listed(LEADER, desk.armed(LEADER, "G1", replace(ARMED, price=Decimal(99), quantity=80)))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.kind, request.book, request.leg, request.order_id) == (MODIFY, Book.FOREVER, name, "B1")
    assert (request.desired.terms.price, request.desired.terms.quantity) == (99, 40)


def test_scenario_2_both_legs_of_one_of_two_are_changed_one_after_the_other() -> None:
    desk = both_armed(BOTH)
    second = SecondLeg(quantity=100, price=Decimal(88), trigger_price=Decimal(89))
    desk.listed(LEADER, desk.armed(LEADER, "G1", replace(BOTH, price=Decimal(125), second=second)))
    (first,) = desk.taken()
    assert (first.leg, first.desired and first.desired.terms.price) == (Leg.TARGET, 125)
    desk.ack()
    (then,) = desk.taken()
    assert then.desired is not None
    assert then.desired.terms.second is not None
    assert (then.leg, then.desired.terms.second.price) == (Leg.STOP_LOSS, 88)


def test_scenario_3_1_gone_from_his_list_it_is_cancelled_by_the_calls_of_its_own() -> None:
    desk = both_armed()
    desk.listed(LEADER)
    assert desk.taken() == []  # the books of one read are not of one moment
    desk.listed(LEADER)
    assert kinds(desk) == [(CANCEL, Book.FOREVER, Leg.TARGET, "B1")]
    desk.ack()
    desk.listed(ALICE)
    desk.listed(ALICE)
    assert (desk.taken(), desk.alerts()) == ([], [])


def test_one_read_without_it_is_no_end() -> None:
    desk = both_armed()
    desk.listed(LEADER)
    desk.listed(LEADER, desk.armed(LEADER, "G1"))
    desk.listed(LEADER)
    desk.listed(LEADER, desk.armed(LEADER, "G1"))
    assert desk.taken() == []


def test_scenario_1_3_3_both_trigger_and_nothing_is_copied_twice() -> None:
    desk = both_armed()
    for account, parent, order_id, units in ((LEADER, "G1", "C1", 100), (ALICE, "B1", "D1", 50)):
        said = {"of_forever": True, "parent_id": parent, "quantity": units}
        desk.told(desk.child(account, order_id, **said))
        desk.told(desk.child(account, order_id, "TRADED", filled=units, **said))
        desk.listed(account, day=(desk.child(account, order_id, "TRADED", quantity=units, filled=units),))
    desk.wait(120)
    assert (desk.taken(), desk.alerts()) == ([], [])
    assert desk.copy("G1").filled == 50
    assert len(desk.state.tables["copy"]) == 1


def test_scenario_7_2_both_trigger_while_nobody_looks() -> None:
    desk = both_armed()
    desk.listed(LEADER, day=(desk.child(LEADER, "C1", "TRADED", quantity=100, filled=100, created_time=desk.now),))
    desk.listed(ALICE, day=(desk.child(ALICE, "D1", "TRADED", quantity=50, filled=50, created_time=desk.now),))
    desk.wait(120)
    assert (desk.taken(), desk.alerts()) == ([], [])
    assert (desk.copy("G1").filled, len(desk.state.tables["copy"])) == (50, 1)


def test_scenario_4_5_his_has_traded_and_ours_waits_for_its_trigger() -> None:
    desk = both_armed(policy={"fills": {"lag_action": "market", "lag_deadline": "10s"}})
    desk.told(desk.child(LEADER, "C1", "TRADED", of_forever=True, parent_id="G1", quantity=100, filled=100))
    desk.wait(15)
    assert kinds(desk) == [(CANCEL, Book.FOREVER, Leg.TARGET, "B1")]
    desk.ack()
    desk.listed(ALICE)
    desk.listed(ALICE)
    goes_to_the_market(desk)


def test_scenario_3_a_triggered_order_is_cancelled_as_an_order_of_the_day() -> None:
    desk = both_armed()
    desk.told(desk.child(LEADER, "C1", of_forever=True, parent_id="G1", quantity=100))
    desk.told(desk.child(ALICE, "D1", of_forever=True, parent_id="B1", quantity=50))
    desk.told(desk.child(LEADER, "C1", "CANCELLED", of_forever=True, parent_id="G1", quantity=100))
    assert kinds(desk) == [(CANCEL, Book.DAY, Leg.ENTRY, "D1")]


def test_scenario_5_2_taken_and_refused_a_moment_later() -> None:
    desk = listing()
    desk.ack("B1")
    desk.taken()
    for _ in range(5):
        desk.listed(ALICE)
    assert desk.decided("G1") == (Decision.DEAD, "rejected_unknown")
    assert desk.taken() == []


def test_scenario_7_9_of_unknown_fate_it_is_found_by_what_it_is() -> None:
    desk = listing()
    desk.answer(Fate.UNKNOWN)
    desk.taken()
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(ARMED), created_time=desk.now))
    desk.wait(60)
    assert (desk.taken(), desk.slot(order_id="G1").order_id) == ([], "B1")


def test_scenario_7_9_of_unknown_fate_and_absent_for_long_enough_it_is_placed_anew() -> None:
    desk = listing()
    desk.answer(Fate.UNKNOWN)
    desk.taken()
    for _ in range(10):
        desk.listed(ALICE)
        desk.now += SECOND
    (again,) = desk.taken()
    assert (again.kind, again.book, again.revision) == (PLACE, Book.FOREVER, 1)


def test_scenario_7_11_after_the_store_was_lost_it_is_not_armed_twice() -> None:
    desk = Lists().start()
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(ARMED), created_time=desk.now))
    desk.listed(LEADER, desk.armed(LEADER, "G1", created_time=desk.now - SECOND))
    assert desk.taken() == []
    assert desk.slot(order_id="G1").order_id == "B1"


# --- exits ------------------------------------------------------------------------------------------------------------


def holding(policy: dict[str, Any] | None = None) -> Lists:
    """The leader and alice hold shares: he 100, she 50 by a copy of today."""
    desk = Lists(policy).start()
    said = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC}
    desk.leader("L1", "TRADED", filled=100, **said)
    desk.ack("A1")
    desk.copied("TRADED", filled=50, **said)
    desk.taken()
    return desk


SOLD = {"side": Side.SELL}


def guarded() -> Lists:
    """What both hold has a stop and a target, armed."""
    desk = holding()
    desk.listed(LEADER, desk.armed(LEADER, "G1", BOTH, **SOLD))
    desk.ack("B1")
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(BOTH), **SOLD))
    desk.taken()
    return desk


def goes_to_the_market(desk: Lists) -> None:
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.order_type, request.desired.terms.quantity) == (
        Book.DAY,
        OrderType.MARKET,
        50,
    )


def test_scenario_4_6_a_stop_and_target_for_what_is_held_rest_as_one_forever_order() -> None:
    desk = holding()
    desk.listed(LEADER, desk.armed(LEADER, "G1", BOTH, **SOLD))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.exit, request.book, request.desired.terms) == (True, Book.FOREVER, half(BOTH))


def test_scenario_4_13_his_leg_has_triggered_and_ours_waits() -> None:
    desk = guarded()
    desk.told(
        desk.child(LEADER, "C1", "TRADED", of_forever=True, parent_id="G1", quantity=100, filled=100, price=90, **SOLD)
    )
    desk.wait(30)
    assert (CANCEL, Book.FOREVER, Leg.TARGET, "B1") in kinds(desk)
    desk.listed(ALICE)
    desk.listed(ALICE)
    goes_to_the_market(desk)


def test_scenario_7_2_one_leg_of_two_triggers_while_disconnected() -> None:
    desk = guarded()
    said = {"price": 90, "created_time": desk.now, **SOLD}
    desk.listed(LEADER, day=(desk.child(LEADER, "C1", "TRADED", quantity=100, filled=100, **said),))
    desk.listed(ALICE, day=(desk.child(ALICE, "D1", "TRADED", quantity=50, filled=50, **said),))
    desk.wait(120)
    assert desk.taken() == []
    assert desk.copy("G1").filled == 50


def test_scenario_4_6_not_mapped_it_is_closed_when_his_triggers() -> None:
    desk = holding({"mapping": {"validity": {"FOREVER": "skip"}}})
    desk.listed(LEADER, desk.armed(LEADER, "G1", BOTH, **SOLD))
    assert desk.taken() == []
    desk.told(
        desk.child(LEADER, "C1", "TRADED", of_forever=True, parent_id="G1", quantity=100, filled=100, price=90, **SOLD)
    )
    goes_to_the_market(desk)


def test_scenario_4_10_sold_by_hand_the_armed_order_goes() -> None:
    desk = guarded()
    said = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC, **SOLD}
    desk.frame(ALICE, "H1", "TRADED", quantity=50, filled=50, **said)
    assert kinds(desk) == [(CANCEL, Book.FOREVER, Leg.TARGET, "B1")]


# --- mapped otherwise -------------------------------------------------------------------------------------------------


def test_scenario_1_3_mapped_to_the_day_it_is_copied_when_it_triggers() -> None:
    desk = listing(policy={"mapping": {"validity": {"FOREVER": "DAY"}}})
    assert desk.taken() == []
    desk.told(desk.child(LEADER, "C1", of_forever=True, parent_id="G1", quantity=100))
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.validity, request.desired.terms.price) == (
        Book.DAY,
        Validity.DAY,
        100,
    )


def test_scenario_1_3_a_stop_of_the_day_mapped_to_forever() -> None:
    desk = Desk({"mapping": {"validity": {"DAY": "FOREVER"}}}).start()
    said = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC}
    desk.leader("L1", order_type="STOP_LOSS", trigger=101, price=102, **said)
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.book, request.desired.terms.order_type) == (Book.FOREVER, OrderType.LIMIT)
    desk.leader("L2", **said)
    assert desk.decided("L2") == (Decision.REFUSED, "unsupported_validity")


def test_a_frame_of_a_forever_order_only_has_the_list_read() -> None:
    desk = Lists().start()
    desk.effects.clear()
    desk.told(desk.armed(LEADER, "G1"))
    assert desk.taken() == []
    assert any(getattr(one, "special", False) for one in desk.effects)


@pytest.mark.parametrize("leg", [Leg.TARGET, Leg.STOP_LOSS, Leg.ENTRY])
@pytest.mark.parametrize("status", ["PENDING", "TRANSIT", "CANCELLED"])
@pytest.mark.parametrize("account", [LEADER, ALICE])
def test_scenario_1_3_3_what_frames_tell_of_an_armed_order_is_told_by_its_list(
    leg: Leg, status: str, account: str
) -> None:
    """Such frames name the leg, say DAY, and come before the answer or after it: taken for a leg of an entry of that
    id, the copy of it would be cancelled as one that closes nothing."""
    desk = listing()
    desk.ack("B1")
    desk.taken()
    name = "G1" if account == LEADER else "B1"
    desk.told(replace(desk.child(account, name, status, correlation_id="cc"), leg=leg))
    assert kinds(desk) == []
    desk.listed(LEADER, desk.armed(LEADER, "G1"))
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(ARMED)))
    assert kinds(desk) == []
    assert desk.decided("G1") == (Decision.COPIED, None)


def test_scenario_9_9_it_outlives_the_day() -> None:
    desk = both_armed()
    desk.held[LEADER] = desk.held[ALICE] = ()
    desk.wait(24 * 3600)
    desk.listed(LEADER, desk.armed(LEADER, "G1"))
    desk.listed(ALICE, desk.armed(ALICE, "B1", half(ARMED)))
    assert desk.taken() == []
    desk.listed(LEADER, desk.armed(LEADER, "G1", replace(ARMED, price=Decimal(98))))
    assert kinds(desk) == [(MODIFY, Book.FOREVER, Leg.TARGET, "B1")]
