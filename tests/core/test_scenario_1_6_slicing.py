"""A copy above the freeze quantity: several orders at the exchange, one copy for whoever asks (scenario 1.6)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copyctl.core.freeze import Freeze
from copyctl.core.plan import Alter, Begin, End, Working, plan
from copyctl.model.events import Answered
from copyctl.model.freeze import FREEZE_AS_OF, FREEZE_QUANTITIES
from copyctl.model.order import ExecutionReport
from copyctl.model.placement import Standing
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, Outcome, RequestKind
from copyctl.model.terms import Decision, Side
from tests.core.building import ALICE, SECOND, Desk, report, terms

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
MANY = 18_000
"""Units of the leader's: half of them are five orders of NIFTY's freeze quantity, 1800."""


def slicing(policy: dict[str, Any] | None = None, quantity: int = MANY, **said: Any) -> Desk:
    desk = Desk(policy, rate_limits={"orders": {"per_second": 100}} if policy is None else {}).start()
    desk.leader(quantity=quantity, **said)
    return desk


def named(desk: Desk, *order_ids: str) -> None:
    """The answer to the last placement names these orders."""
    assert desk.last is not None
    outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=order_ids, left_at=desk.now)
    desk.now += SECOND // 100
    desk.feed(Answered(at=desk.now, request_id=desk.last.request_id, outcome=outcome))


def sliced(policy: dict[str, Any] | None = None, **said: Any) -> Desk:
    """Five slices that rest."""
    desk = slicing(policy, **said)
    named(desk, *FIVE)
    desk.books(ALICE, *(row(desk, one) for one in FIVE), after=3 * SECOND)
    desk.taken()
    return desk


FIVE = ("S1", "S2", "S3", "S4", "S5")


def row(desk: Desk, order_id: str, status: str = "PENDING", **said: Any) -> ExecutionReport:
    slot = next((one for one in desk.copy().slots if one.order_id == order_id), desk.copy().slots[0])
    side = desk.copy().wanted.side if desk.copy().wanted else Side.BUY
    values = {"terms": slot.asked, "correlation_id": slot.correlation_id, "as_of": desk.now, "side": side, **said}
    if "quantity" in said:
        values["terms"] = terms(said.pop("quantity"))
        values.pop("quantity")
    return report(ALICE, order_id, status, **values)


def sizes(desk: Desk) -> list[tuple[str, int]]:
    return [(one.order_id, one.asked.quantity) for one in desk.copy().slots if one.live]


def test_scenario_1_6_one_call_for_all_of_it_and_the_copy_says_so() -> None:
    desk = slicing()
    (request,) = desk.taken()
    assert (request.kind, request.slices) == (PLACE, 5)
    assert request.desired is not None
    assert request.desired.terms.quantity == 9_000
    assert desk.decided() == (Decision.COPIED, "sliced")


def test_scenario_1_6_at_the_freeze_quantity_it_is_one_order() -> None:
    desk = slicing(quantity=3_600)
    (request,) = desk.taken()
    assert request.slices == 0
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_1_6_the_answer_names_all_of_them() -> None:
    desk = slicing()
    named(desk, *FIVE)
    assert sizes(desk) == [(one, 1_800) for one in FIVE]
    assert desk.copy().wanted is not None
    assert not any(slot.unseen for slot in desk.copy().slots)


def test_scenario_1_6_the_answer_names_one_and_the_book_shows_the_others() -> None:
    desk = slicing()
    named(desk, "S1")
    assert desk.reads(ALICE)
    assert sizes(desk) == [("S1", 1_800), ("", 7_200)]
    desk.books(ALICE, *(row(desk, one, quantity=1_800) for one in FIVE))
    assert sizes(desk) == [(one, 1_800) for one in FIVE]


def test_scenario_1_6_frames_come_before_the_answer() -> None:
    desk = slicing()
    desk.frame(ALICE, "S2", quantity=1_800, correlation_id=desk.slot().correlation_id)
    desk.frame(ALICE, "S1", quantity=1_800, correlation_id=desk.slot().correlation_id)
    named(desk, *FIVE)
    assert sorted(sizes(desk)) == [(one, 1_800) for one in FIVE]
    assert desk.taken()[1:] == []


def test_scenario_1_6_slices_without_our_id_are_known_by_the_answer() -> None:
    desk = slicing()
    named(desk, *FIVE)
    for one in FIVE[1:]:
        desk.frame(ALICE, one, "TRADED", quantity=1_800, filled=1_800, correlation_id="NA")
    assert desk.copy().filled == 4 * 1_800


def test_scenario_1_6_the_broker_cuts_as_it_likes() -> None:
    desk = slicing()
    named(desk, "S1", "S2")
    desk.books(ALICE, row(desk, "S1", quantity=6_000), row(desk, "S2", quantity=3_000))
    assert sizes(desk) == [("S1", 6_000), ("S2", 3_000)]
    desk.wait(60)
    assert (desk.taken()[1:], desk.alerts()) == ([], [])


def test_scenario_1_6_parts_that_nobody_finds_are_not_sent_again() -> None:
    desk = slicing()
    named(desk, "S1")
    desk.taken()
    for _ in range(8):
        desk.books(ALICE, row(desk, "S1", quantity=1_800), after=2 * SECOND)
    (told,) = desk.alerts()
    assert told.startswith("7200 units of ")
    assert (desk.taken(), sizes(desk)) == ([], [("S1", 1_800)])


def test_scenario_1_6_a_changed_price_goes_to_all() -> None:
    desk = sliced()
    desk.leader(quantity=MANY, price=101)
    assert desk.asked() == [(MODIFY, 1_800, Decimal(101))] * 5


def test_scenario_1_6_less_ends_the_newest_and_cuts_one() -> None:
    desk = sliced()
    desk.leader(quantity=8_000)
    changes = desk.taken()
    assert [(one.kind, one.order_id) for one in changes] == [(CANCEL, "S4"), (CANCEL, "S5"), (MODIFY, "S3")]
    assert changes[-1].desired is not None
    assert changes[-1].desired.terms.quantity == 400


def test_scenario_1_6_more_is_placed_beside_them() -> None:
    desk = sliced()
    desk.leader(quantity=MANY + 400)
    (request,) = desk.taken()
    assert (request.kind, request.slices) == (PLACE, 0)
    assert request.desired is not None
    assert request.desired.terms.quantity == 200


def test_scenario_3_1_all_slices_are_cancelled() -> None:
    desk = sliced()
    desk.leader(status="CANCELLED", quantity=MANY)
    assert [(one.kind, one.order_id) for one in desk.taken()] == [(CANCEL, one) for one in FIVE]


def test_scenario_1_6_the_third_slice_is_rejected_and_the_others_stand() -> None:
    desk = sliced()
    desk.books(ALICE, row(desk, "S3", "REJECTED", category=Category.MARGIN, text="no funds"))
    assert desk.decided() == (Decision.COPIED, "sliced")
    assert desk.copy().drift == "1800 of 9000 units were rejected (margin)"
    (told,) = desk.alerts()
    assert told.startswith("the broker rejected 1800 of 9000 units of a sliced copy (margin)")
    assert desk.taken() == []
    desk.leader(quantity=MANY, price=101)
    assert desk.asked() == [(MODIFY, 1_800, Decimal(101))] * 4
    for one in ("S1", "S2", "S4", "S5"):
        desk.frame(ALICE, one, "TRADED", quantity=1_800, price=101, filled=1_800)
    desk.wait(60)
    assert (desk.copy().filled, desk.taken()) == (7_200, [])


def test_scenario_1_6_all_slices_rejected_is_a_dead_letter() -> None:
    desk = sliced()
    for one in FIVE:
        desk.books(ALICE, row(desk, one, "REJECTED", category=Category.MARGIN, text="no funds"))
    assert desk.decided() == (Decision.DEAD, "rejected_margin")
    assert desk.taken() == []


def test_scenario_7_9_a_sliced_placement_of_unknown_fate_is_settled_by_looking() -> None:
    desk = slicing()
    desk.answer(Fate.UNKNOWN)
    desk.taken()
    desk.books(ALICE, *(row(desk, one, quantity=1_800) for one in FIVE))
    assert sizes(desk) == [(one, 1_800) for one in FIVE]
    desk.wait(60)
    assert desk.taken() == []


def test_scenario_7_11_slices_are_recognised_after_the_store_was_lost() -> None:
    desk = sliced()
    rows = [row(desk, one) for one in FIVE]
    again = Desk(rate_limits={"orders": {"per_second": 100}})
    again.now = desk.now
    again.start(books=False)
    again.books(ALICE, *rows)
    again.books("1100000001")
    again.leader(quantity=MANY)
    again.leader(quantity=MANY, price=101)
    assert again.asked() == [(MODIFY, 1_800, Decimal(101))] * 5


@pytest.mark.parametrize("policy", [{"freeze_quantity": {"NIFTY": 1_000}}, {"freeze_quantity": {"*": 1_000}}])
def test_scenario_1_6_where_the_files_value_is_smaller_copyctl_cuts(policy: dict[str, Any]) -> None:
    desk = slicing({"mapping": policy}, quantity=5_000)
    assert [(one.slices, one.desired and one.desired.terms.quantity) for one in desk.taken()] == [
        (0, 1_000),
        (0, 1_000),
        (0, 500),
    ]
    assert len({one.correlation_id for one in desk.copy().slots}) == 3


def test_scenario_1_6_a_file_may_say_that_there_is_no_freeze_quantity() -> None:
    desk = slicing({"mapping": {"freeze_quantity": {"NIFTY": None}}})
    assert [one.slices for one in desk.taken()] == [0]


def test_scenario_1_6_slicing_never_refuses_an_entry() -> None:
    desk = slicing({"mapping": {"slicing": "never"}})
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, "freeze_quantity")
    desk.leader(quantity=3_000)
    assert desk.asked() == [(PLACE, 1_500, Decimal(100))]


# --- exits ------------------------------------------------------------------------------------------------------------


def holding(policy: dict[str, Any] | None = None) -> Desk:
    """The leader and alice have bought: he 18000, she 9000 in five slices."""
    desk = sliced(policy)
    desk.leader(status="TRADED", quantity=MANY, filled=MANY)
    for one in FIVE:
        desk.frame(ALICE, one, "TRADED", quantity=1_800, filled=1_800)
    assert desk.copy().filled == 9_000
    desk.taken()
    return desk


def test_scenario_4_6_an_exit_above_the_freeze_quantity_is_sliced() -> None:
    desk = holding()
    desk.leader("L2", quantity=MANY, side=Side.SELL, order_type="MARKET")
    (request,) = desk.taken()
    assert (request.slices, request.desired and request.desired.terms.quantity) == (5, 9_000)
    assert desk.decided("L2") == (Decision.COPIED, "sliced")


def test_scenario_4_6_an_exit_is_never_refused_for_its_size() -> None:
    desk = Desk({"mapping": {"slicing": "never"}}).start()
    for number in range(3):
        desk.leader(f"E{number}", quantity=3_600)
        desk.ack(f"A{number}")
        desk.leader(f"E{number}", "TRADED", quantity=3_600, filled=3_600)
        desk.frame(ALICE, f"A{number}", "TRADED", quantity=1_800, filled=1_800)
    desk.taken()
    desk.leader("L2", quantity=10_800, side=Side.SELL, order_type="MARKET")
    assert [one.desired and one.desired.terms.quantity for one in desk.taken()] == [1_800] * 3


def test_scenario_4_6_a_sliced_exit_is_cut_and_turned_as_one() -> None:
    desk = holding()
    desk.leader("L2", quantity=MANY, side=Side.SELL, price=120)
    named(desk, *(f"X{one}" for one in range(1, 6)))
    desk.taken()
    for number in range(1, 6):
        slot = desk.copy("L2").slots[number - 1]
        desk.frame(ALICE, slot.order_id, quantity=1_800, price=120, side=Side.SELL, correlation_id=slot.correlation_id)
    desk.leader("L2", quantity=8_000, side=Side.SELL, price=120)
    asked = desk.taken()
    assert sorted(one.order_id for one in asked if one.kind is CANCEL) == ["X4", "X5"]
    assert [(one.order_id, one.desired and one.desired.terms.quantity) for one in asked if one.kind is MODIFY] == [
        ("X3", 400)
    ]


def test_scenario_4_13_a_sliced_exit_that_lags_goes_to_the_market_as_one() -> None:
    desk = holding()
    desk.leader("L2", quantity=MANY, side=Side.SELL, price=120)
    named(desk, *(f"X{one}" for one in range(1, 6)))
    for number in range(1, 6):
        slot = desk.copy("L2").slots[number - 1]
        desk.frame(ALICE, slot.order_id, quantity=1_800, price=120, side=Side.SELL, correlation_id=slot.correlation_id)
    desk.taken()
    desk.leader("L2", "TRADED", quantity=MANY, filled=MANY, side=Side.SELL, price=120)
    desk.wait(60)
    turned = [one for one in desk.taken() if one.kind is MODIFY]
    assert [(one.order_id, one.desired and one.desired.terms.order_type) for one in turned[:5]] == [
        (f"X{one}", "MARKET") for one in range(1, 6)
    ]


# --- laws -------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    wanted=st.integers(0, 60),
    freeze=st.sampled_from([0, 5, 10]),
    ours=st.booleans(),
    changed=st.booleans(),
    parts=st.lists(
        st.tuples(st.integers(1, 10), st.integers(0, 10), st.sampled_from(["live", "ending", "over", "owed", "lost"])),
        max_size=6,
    ),
)
def test_scenario_1_6_what_is_open_never_exceeds_what_is_wanted(
    wanted: int, freeze: int, ours: bool, changed: bool, parts: list[tuple[int, int, str]]
) -> None:
    slots = []
    for number, (drawn, traded, kind) in enumerate(parts):
        size = drawn if not freeze else min(drawn, freeze)
        filled = min(size, traded)
        slots.append(
            Working(
                revision=number,
                asked=terms(size * 5),
                filled=filled * 5,
                live=kind in ("live", "ending"),
                ending=kind == "ending",
                done=filled == size,
                owed=kind == "owed" and filled < size,
                lost=kind == "lost" and filled < size,
            )
        )
    limit = Freeze(most=freeze * 5, ours=ours)
    made = plan(terms(wanted * 5), slots, changed=changed, closing=False, most_modifications=25, freeze=limit)
    sizes = {one.revision: one.asked.quantity for one in slots if one.live}
    ended = {one.revision for one in made.actions if isinstance(one, End)}
    for action in made.actions:
        if isinstance(action, Alter):
            assert sizes[action.revision] != action.terms.quantity
            sizes[action.revision] = action.terms.quantity
    begun = [one for one in made.actions if isinstance(one, Begin)]
    filled_of = {one.revision: one.filled for one in slots}
    total = sum(filled_of.values())
    staying = sum(
        max(0, size - filled_of[number])
        for number, size in sizes.items()
        if number not in ended and not slots[number].ending
    )
    ending = sum(one.leaves for one in slots if one.live and one.ending)
    placed = sum(one.terms.quantity for one in begun)
    assert total + staying + placed <= max(wanted * 5, total)
    assert not placed or total + staying + ending + placed <= wanted * 5
    if limit.most:
        assert all(one.cut == limit.most or one.terms.quantity <= limit.most for one in begun)


def test_scenario_1_6_a_withdrawn_slice_leaves_nothing_behind() -> None:
    desk = Desk({"mapping": {"freeze_quantity": {"NIFTY": 1_000}}}, rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader(quantity=4_000)
    desk.leader(status="CANCELLED", quantity=4_000)
    sent = [one.kind for one in desk.taken()]
    assert sent.count(PLACE) == 1
    standings = [slot.standing for slot in desk.copy().slots]
    assert standings[1:] == [Standing.WITHDRAWN]


def test_scenario_1_6_the_table_that_ships_is_told_to_traders() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "policy.md").read_text().split())
    assert f"those of {FREEZE_AS_OF}, in units: {', '.join(f'{n} {u}' for n, u in FREEZE_QUANTITIES.items())}." in page


def test_scenario_7_5_each_slice_counts_until_it_is_known_that_they_do_not() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 6}}).start()
    desk.leader("L1", quantity=MANY)
    assert [one.slices for one in desk.taken()] == [5]
    desk.leader("L2", quantity=MANY)
    assert (desk.taken(), desk.decided("L2")) == ([], (Decision.QUEUED, "rate_limit"))
    desk.wait(5)
    assert [one.slices for one in desk.taken()] == [5]
