"""The arithmetic of exits, and the orders of one exit: never more than there is, whatever is not known yet."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.core.exit_orders import Offer, Wish, plan_exit
from copyctl.core.exit_plan import Item, Portion, allocate, in_lots, trimmed
from copyctl.core.plan import Alter, Begin, End, Plan, Working
from copyctl.model.order import Terms
from copyctl.model.terms import OrderType, Validity
from tests.core.building import terms
from tests.properties import tried

ZERO = Decimal(0)
MOST = 25
LIMIT = terms(0, 110)
NOW = Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=0)


def item(key: str, due: object = 0, filled: int = 0, **said: object) -> Item:
    return Item(key=key, due=Decimal(str(due)), filled=filled, **said)  # type: ignore[arg-type]


def share(
    *items: Item, cap: int, target: object, lot: int = 5, several: bool = False
) -> tuple[dict[str, Portion], int]:
    return allocate(items, cap=cap, target=Decimal(str(target)), lot=lot, several=several)


# --- lots -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "lot", "whole"), [("24.99", 25, 0), ("25", 25, 25), ("74", 25, 50), ("-3", 5, 0)])
def test_units_are_rounded_down_to_lots(units: str, lot: int, whole: int) -> None:
    assert in_lots(Decimal(units), lot) == whole


def test_a_third_of_three_thirds_is_a_whole_lot() -> None:
    a_third = Decimal("24.99999999999999999999999999")  # of 75, which has no end in decimals
    assert in_lots(a_third, 25) == 25


# --- what each exit gets --------------------------------------------------------------------------------------------


def test_what_was_traded_is_owed_and_what_rests_is_offered() -> None:
    portions, left = share(item("A", 25, offers=Decimal(10), traded=True), cap=50, target=25)
    assert portions == {"A": Portion(owed=25, rest=10)}
    assert left == 0


def test_of_one_position_stops_are_served_first_and_nothing_rests_twice() -> None:
    target = item("target", offers=Decimal(50), whole=True)
    stop = item("stop", offers=Decimal(50), whole=True, stop=True)
    portions, _ = share(target, stop, cap=50, target=50)
    assert (portions["stop"].rest, portions["target"].rest) == (50, 0)


def test_with_all_alternatives_each_rests_for_the_whole() -> None:
    target = item("target", offers=Decimal(50), whole=True)
    stop = item("stop", offers=Decimal(50), whole=True, stop=True)
    portions, _ = share(target, stop, cap=50, target=50, several=True)
    assert (portions["stop"].rest, portions["target"].rest) == (50, 50)


def test_what_filled_ahead_of_the_leader_is_offered_no_more() -> None:
    portions, _ = share(item("A", filled=20, offers=Decimal(50), whole=True), cap=30, target=50)
    assert portions["A"] == Portion(owed=0, rest=30)


def test_what_rounding_left_goes_with_the_newest_exit() -> None:
    portions, left = share(item("old", "17.5", 15, traded=True), item("new", "17.5", traded=True), cap=20, target=0)
    assert portions["new"].owed + portions["old"].owed == 20
    assert left == 0


def test_what_is_owed_and_no_exit_asks_for_is_left_over() -> None:
    portions, left = share(item("resting", offers=Decimal(10)), cap=30, target=10)
    assert portions["resting"] == Portion(owed=0, rest=10)
    assert left == 20


def test_nobody_closes_again_what_a_person_closed() -> None:
    items = [item("old", 20, 5), item("new", 30)]
    assert trimmed(items, Decimal(20)) == {"new": Decimal(5)}
    assert trimmed(items, Decimal(45)) == {}
    assert trimmed(items, ZERO) == {"new": ZERO, "old": Decimal(5)}


PARTS = st.integers(0, 40).map(Decimal)
ITEMS = st.lists(
    st.builds(
        Item,
        key=st.uuids().map(str),
        due=PARTS,
        filled=st.integers(0, 8).map(lambda lots: 5 * lots),
        offers=PARTS,
        whole=st.booleans(),
        traded=st.booleans(),
        stop=st.booleans(),
    ),
    max_size=5,
)


@given(ITEMS, st.integers(0, 60), st.integers(0, 60).map(Decimal), st.booleans())
def test_no_more_than_there_is_is_closed_or_offered(
    items: list[Item], cap: int, target: Decimal, several: bool
) -> None:
    portions, left = allocate(items, cap=cap, target=target, lot=5, several=several)
    owed = sum(one.owed for one in portions.values())
    assert owed + left == min(in_lots(Decimal(cap), 5), in_lots(cap - target, 5))
    assert all(one.owed % 5 == 0 and one.rest % 5 == 0 for one in portions.values())
    if not several:
        assert owed + sum(one.rest for one in portions.values()) <= cap
    assert all(owed + one.rest <= cap for one in portions.values())


# --- the orders of one exit -----------------------------------------------------------------------------------------


def wish(rest: int = 0, urgent: int = 0, **said: object) -> Wish:
    values: dict[str, object] = {"terms": LIMIT, "now": NOW, "again": True, "now_again": True, **said}
    return Wish(rest=rest, urgent=urgent, **values)  # type: ignore[arg-type]


def offer(
    quantity: int, *, most: int | None = None, urgent: bool = False, refused: bool = False, **said: object
) -> Offer:
    asked = replace(NOW if urgent else LIMIT, quantity=quantity)
    working = Working(revision=0, asked=asked, live=True, **said)  # type: ignore[arg-type]
    left = quantity - working.filled
    return Offer(working=working, most=left if most is None else most, urgent=urgent, refused=refused, shown=asked)


def planned(wanted: Wish, *offers: Offer, room: int = 0) -> Plan:
    return plan_exit(wanted, offers, room=room, most_modifications=MOST)[0]


def test_an_order_is_placed_only_for_as_much_as_there_is_room() -> None:
    assert planned(wish(50), room=20).actions == (Begin(terms=replace(LIMIT, quantity=20)),)
    assert planned(wish(50)).actions == ()


def test_an_order_is_raised_only_for_as_much_as_there_is_room() -> None:
    (change,) = planned(wish(50), offer(20), room=10).actions
    assert change == Alter(revision=0, terms=replace(LIMIT, quantity=30))


def test_raising_what_a_cut_that_is_not_confirmed_has_left_takes_no_room() -> None:
    made, taken = plan_exit(wish(50), [offer(20, most=50)], room=0, most_modifications=MOST)
    assert made.actions == (Alter(revision=0, terms=replace(LIMIT, quantity=50)),)
    assert taken == 0


def test_what_may_be_larger_than_was_asked_is_raised_only_as_far_as_the_others_leave() -> None:
    raised = plan_exit(wish(45), [offer(25, most=45)], room=-10, most_modifications=MOST)
    assert raised[0].actions == (Alter(revision=0, terms=replace(LIMIT, quantity=35)),)
    assert raised[1] == 0
    assert planned(wish(45), offer(25, most=45), room=-20).actions == ()
    assert planned(wish(45), offer(25, most=45), room=-40).actions == ()


def test_what_has_to_trade_now_turns_the_order_that_rests() -> None:
    assert planned(wish(urgent=50), offer(50)).actions == (
        Alter(revision=0, terms=replace(NOW, quantity=50), urgent=True),
    )


def test_where_the_broker_refuses_to_turn_it_it_is_placed_anew() -> None:
    turned = offer(50, urgent=True, refused=True)
    assert planned(wish(urgent=50), turned).actions == (End(revision=0, anew=True),)


def test_what_rests_beside_what_has_to_trade_now_is_cut_first() -> None:
    made = planned(wish(30, urgent=20), offer(50))
    assert made.actions == (Alter(revision=0, terms=replace(LIMIT, quantity=30)),)
    assert planned(wish(30, urgent=20), offer(30), room=20).actions == (
        Begin(terms=replace(NOW, quantity=20), urgent=True),
    )


def test_a_cut_that_was_refused_ends_the_order() -> None:
    assert planned(wish(20), offer(20, most=50, refused=True)).actions == (End(revision=0, anew=True),)


def test_another_change_that_was_refused_is_not_tried_again() -> None:
    assert planned(wish(50), offer(50, refused=True)).actions == ()


def test_an_order_that_somebody_changed_is_only_cut_and_keeps_his_terms() -> None:
    mine = offer(50, left_alone=True)
    his = replace(LIMIT, quantity=50, price=Decimal(120))
    changed = Offer(working=mine.working, most=50, shown=his)
    assert planned(wish(50), changed).actions == ()
    assert planned(wish(30), changed).actions == (Alter(revision=0, terms=replace(his, quantity=30)),)
    assert planned(wish(0), changed).actions == (End(revision=0),)


def test_it_follows_the_leader_again_once_he_changes_his() -> None:
    assert planned(wish(50, anew=True), offer(50, left_alone=True), room=0).actions == ()
    newer = replace(LIMIT, price=Decimal(111))
    (change,) = planned(wish(50, anew=True, terms=newer), offer(50, left_alone=True)).actions
    assert change == Alter(revision=0, terms=replace(newer, quantity=50))


def test_an_order_without_an_id_is_waited_for() -> None:
    assert planned(wish(0), offer(50, placing=True)) == Plan(waits=True)
    assert planned(wish(urgent=50), offer(50, placing=True)) == Plan(waits=True)


def test_after_the_last_modification_it_is_placed_anew() -> None:
    assert planned(wish(20), offer(50, modifications=MOST)).actions == (End(revision=0, anew=True),)
    assert planned(wish(urgent=50), offer(50, modifications=MOST)).actions == (End(revision=0, anew=True),)


def test_what_has_to_trade_now_is_asked_for_again_at_another_price_when_that_is_due() -> None:
    priced = replace(NOW, order_type=OrderType.LIMIT, price=Decimal(90))
    hurried = offer(50, urgent=True)
    assert planned(wish(urgent=50, now=priced), hurried).actions == ()
    (change,) = planned(wish(urgent=50, now=priced, reprice=True), hurried).actions
    assert change == Alter(revision=0, terms=replace(priced, quantity=50), urgent=True)


def test_more_to_trade_now_is_another_order_and_less_cuts_the_newest() -> None:
    assert planned(wish(urgent=70), offer(50, urgent=True), room=20).actions == (
        Begin(terms=replace(NOW, quantity=20), urgent=True),
    )
    (change,) = planned(wish(urgent=30), offer(50, urgent=True)).actions
    assert change == Alter(revision=0, terms=replace(NOW, quantity=30), urgent=True)


# --- whatever happens -----------------------------------------------------------------------------------------------


@dataclass
class Broker:
    """The orders of one exit at a broker that takes some changes, refuses others, and says so late."""

    orders: list[Working] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    urgent: list[bool] = field(default_factory=list)

    def offers(self) -> list[Offer]:
        return [
            Offer(working=one, most=self.most[one.revision] - one.filled, urgent=self.urgent[one.revision])
            for one in self.orders
            if one.live
        ]

    def take(self, plan: Plan, chance: list[bool]) -> None:
        for action in plan.actions:
            match action:
                case Begin():
                    self.orders.append(Working(revision=len(self.orders), asked=action.terms, live=True))
                    self.truth.append(action.terms.quantity)
                    self.most.append(action.terms.quantity)
                    self.urgent.append(action.urgent)
                case Alter():
                    before = self.orders[action.revision]
                    self.orders[action.revision] = _with(before, asked=action.terms)
                    self.most[action.revision] = max(self.most[action.revision], action.terms.quantity)
                    if chance and chance.pop() and action.terms.quantity > before.filled:
                        self.truth[action.revision] = action.terms.quantity
                    self.urgent[action.revision] |= action.urgent
                case End():
                    self.orders[action.revision] = _with(self.orders[action.revision], ending=True)

    def confirm(self, revision: int) -> None:
        one = self.orders[revision]
        if one.ending:
            self.orders[revision] = _with(one, live=False)
        else:
            self.most[revision] = max(self.truth[revision], one.filled)

    @property
    def leaves(self) -> int:
        return sum(self.truth[one.revision] - one.filled for one in self.orders if one.live)

    @property
    def filled(self) -> int:
        return sum(one.filled for one in self.orders)


def _with(one: Working, **changes: object) -> Working:
    values = {name: getattr(one, name) for name in Working.__slots__}
    return Working(**{**values, **changes})  # type: ignore[arg-type]


STEPS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.lists(st.booleans(), max_size=6)), max_size=12)


@tried(200)
@given(st.integers(1, 10), STEPS)
@example(6, [(1, 0, []), (3, 1, [True, False, True]), (0, 3, [True, False]), (2, 1, [True])])
def test_the_orders_of_an_exit_never_offer_more_than_there_is(
    lots: int, steps: list[tuple[int, int, list[bool]]]
) -> None:
    broker, built = Broker(), 5 * lots
    for rest, urgent, chance in steps:
        cap = built - broker.filled
        owed = min(5 * urgent, cap)
        wanted = wish(min(5 * rest, cap - owed), owed)
        offered = sum(one.most for one in broker.offers())
        made, _ = plan_exit(wanted, broker.offers(), room=cap - offered, most_modifications=MOST)
        broker.take(made, chance)
        assert broker.filled + broker.leaves <= built
        for one in list(broker.orders):
            if chance and chance.pop():
                broker.confirm(one.revision)
            if chance and chance.pop() and one.live and broker.truth[one.revision] > one.filled:
                broker.orders[one.revision] = _with(broker.orders[one.revision], filled=broker.truth[one.revision])
        assert broker.filled <= built
