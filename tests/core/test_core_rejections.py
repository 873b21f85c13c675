"""The table of rejections covers every category, and what it says is done."""

from typing import Any

import pytest

from copyctl.model.reasons import Category, rejected
from copyctl.model.rejections import HANDLING, TREATMENTS, Treatment
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision
from tests.core.building import ALICE, Desk
from tests.core.clocked import Clocked

SOME = [one for one in Category if HANDLING[one].entry is Treatment.LETTER]
NOT_LETTERS = [one for one in Category if HANDLING[one].entry is not Treatment.LETTER]


def test_every_category_is_handled_and_every_word_explained() -> None:
    assert set(HANDLING) == set(Category)
    assert set(TREATMENTS) == set(Treatment)


@pytest.mark.parametrize("category", SOME)
@pytest.mark.parametrize("how", ["at_once", "later"])
def test_scenario_5_2_a_final_rejection_of_an_entry_is_a_dead_letter_that_counts(category: Category, how: str) -> None:
    desk = Desk(kill_switch={"on_consecutive_rejections": 2}).start()
    for order_id in ("L1", "L2"):
        desk.leader(order_id)
        if how == "at_once":
            desk.reject(category, "no")
        else:
            desk.ack(f"A-{order_id}")
            desk.copied("REJECTED", order_id=order_id, category=category, text="no")
        assert desk.decided(order_id) == (Decision.DEAD, rejected(category))
    desk.taken()
    desk.wait(600)
    assert desk.taken() == []
    assert desk.state.tables["account"][ALICE].killed_at  # type: ignore[union-attr]


@pytest.mark.parametrize("category", NOT_LETTERS)
def test_scenario_5_2_no_halt_throttle_connectivity_session_or_authentication_counts(category: Category) -> None:
    desk = Desk(kill_switch={"on_consecutive_rejections": 1}).start()
    desk.leader()
    desk.reject(category, "no")
    desk.wait(30)
    assert not desk.state.tables["account"][ALICE].killed_at  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "category", [one for one in Category if HANDLING[one].change in (Treatment.KEEP, Treatment.LOOK)]
)
def test_scenario_2_7_a_modification_that_is_refused_for_good_leaves_the_copy_as_it_is(category: Category) -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.leader(price=101)
    desk.reject(category, "no")
    desk.taken()
    desk.wait(60)
    assert desk.taken() == []
    assert desk.copy().drift == "a modification was refused: no"


@pytest.mark.parametrize("category", list(Category))
def test_scenario_3_1_a_cancel_is_never_given_up(category: Category) -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.taken()
    desk.leader(status="CANCELLED")
    for _ in range(8):
        assert [one.kind for one in desk.taken()] == [RequestKind.CANCEL]
        desk.reject(category, "no")
        desk.wait(90)
        desk.books(ALICE, desk.row())


# --- session, inside trading hours and outside ----------------------------------------------------------------------


def session(desk: Desk, how: str) -> Any:
    request = desk.taken()[-1]
    if how == "at_once":
        desk.reject(Category.SESSION, "EXCH:16052 - Function Not Available", request=request)
    else:
        desk.ack(f"A-{request.correlation_id}", request=request)
        desk.copied("REJECTED", category=Category.SESSION, text="EXCH:16052 - Function Not Available")
    return request


@pytest.mark.parametrize("how", ["at_once", "later"])
def test_scenario_5_2_function_not_available_inside_trading_hours_is_tried_again_some_times(how: str) -> None:
    desk = Clocked("12:12:11").start()
    desk.leader()
    for _ in range(4):
        session(desk, how)
        assert desk.decided() == (Decision.QUEUED, "retrying")
        desk.wait(6)
    session(desk, how)
    desk.wait(60)
    assert desk.taken() == []
    assert desk.decided() == (Decision.DEAD, "rejected_session")


@pytest.mark.parametrize("how", ["at_once", "later"])
def test_scenario_5_2_where_nobody_knows_the_hours_it_is_a_dead_letter_at_once(how: str) -> None:
    desk = Clocked("12:12:11", {"market_hours": {"enforce": False}}).start()
    desk.leader()
    session(desk, how)
    assert desk.decided() == (Decision.DEAD, "rejected_session")


def test_scenario_5_2_a_late_refusal_for_want_of_connectivity_is_placed_anew() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.taken()
    desk.copied("REJECTED", category=Category.CONNECTIVITY, text="Exchange Connectivity is not established")
    assert desk.decided() == (Decision.QUEUED, "retrying")
    desk.wait(6)
    (anew,) = desk.taken()
    assert anew.correlation_id.endswith("-1")
    desk.ack("A2")
    desk.copied("PENDING")
    assert desk.decided() == (Decision.COPIED, None)
