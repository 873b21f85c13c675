"""Orphans: what ``copyctl reconcile --fix`` has cancelled, and what it may never touch."""

from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.core.orphans import ORPHAN, is_ours_by_form, stems
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.events import CommandGiven
from copyctl.model.order import ExecutionReport
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, Source
from tests.core.building import ALICE, LEADER, SECOND, Desk, report

CANCEL = RequestKind.CANCEL


def resting() -> Desk:
    """A copy that rests."""
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.books(ALICE, desk.row())
    desk.taken()
    return desk


def beside(desk: Desk, **said: Any) -> ExecutionReport:
    """An order of the follower's that carries an id of the same copy's, as another store would have placed it."""
    values = {"correlation_id": f"{desk.slot().correlation_id[:-1]}4", "source": Source.BOOK, "as_of": desk.now, **said}
    return report(ALICE, "X1", quantity=50, **values)


def says(desk: Desk, order_id: str = "X1", account: str = ALICE) -> Notice:
    """The command given, and what came of it."""
    desk.now += SECOND
    desk.feed(CommandGiven(at=desk.now, command_id=7, command="reconcile", account=account, reason=order_id))
    return next(one for one in reversed(desk.notices) if one.facts.get("command") == 7)


def orphan_row(desk: Desk) -> Copy:
    return desk.copy(f"L1{ORPHAN}")


def test_an_order_of_ours_that_no_copy_follows_is_cancelled_in_a_row_of_its_own() -> None:
    desk = resting()
    before = desk.copy()
    desk.books(ALICE, desk.row(), beside(desk))
    assert says(desk).facts["ok"] is True
    (cancel,) = desk.taken()
    assert (cancel.kind, cancel.order_id) == (CANCEL, "X1")
    assert desk.copy() == before
    desk.ack()
    desk.books(ALICE, desk.row(), beside(desk, status="CANCELLED"))
    assert desk.waiting == []
    assert orphan_row(desk).decision is Decision.SKIPPED
    assert [slot.live for slot in orphan_row(desk).slots] == [False]
    desk.wait(60)
    desk.leader(price=101)
    assert [one.kind for one in desk.taken()] == [RequestKind.MODIFY]  # the copy goes on as ever


def test_several_with_the_very_id_of_the_copy_are_cancelled_and_the_copy_is_not() -> None:
    desk = resting()
    name = desk.slot().correlation_id
    twins = (beside(desk, correlation_id=name), replace(beside(desk, correlation_id=name), order_id="X2"))
    desk.books(ALICE, desk.row(), *twins)
    assert says(desk, "X1").facts["ok"] is True
    assert says(desk, "X2").facts["ok"] is True
    assert says(desk, "A1").text.endswith("a copy follows it")
    assert [(one.kind, one.order_id) for one in desk.taken()] == [(CANCEL, "X1"), (CANCEL, "X2")]
    assert len({one.request_id for one in desk.waiting}) == 2


def test_what_an_orphan_has_traded_is_copied_and_is_closed_when_the_leader_closes() -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), beside(desk, filled=20, status="PART_TRADED"))
    says(desk)
    (held,) = (one for one in desk.state.tables["position"].values() if one.account == ALICE)  # type: ignore[union-attr]
    assert (held.copied, held.target, held.traded) == (20, 20, 20)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"correlation_id": ""}, "may be another deployment's"),
        ({"correlation_id": "my-own-order"}, "may be another deployment's"),
        ({"correlation_id": "cc0123456789abcdef01-0"}, "may be another deployment's"),
        ({"status": "TRADED", "filled": 50}, "it is over (TRADED)"),
    ],
)
def test_nobody_elses_order_is_touched(said: dict[str, Any], why: str) -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), beside(desk, **said))
    answer = says(desk)
    assert (answer.facts["ok"], answer.text.endswith(why)) == (False, True), answer.text
    assert desk.taken() == []


def test_an_order_that_was_not_seen_and_an_account_that_is_no_followers_are_told() -> None:
    desk = resting()
    assert says(desk, "X9").text.endswith("the run has not seen it yet")
    assert says(desk, "L1", LEADER).text.endswith("its account is no follower's in the rules")


def test_under_a_pause_the_cancel_waits() -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), beside(desk))
    desk.now += SECOND
    desk.feed(CommandGiven(at=desk.now, command_id=1, command="pause", account=ALICE))
    desk.taken()
    says(desk)
    assert desk.taken() == []
    desk.kill("unpause", ALICE)
    desk.books(ALICE, desk.row(), beside(desk))
    assert [(one.kind, one.order_id) for one in desk.taken()] == [(CANCEL, "X1")]


def test_without_an_order_all_books_are_read() -> None:
    desk = resting()
    desk.effects = []
    desk.feed(CommandGiven(at=desk.now, command_id=1, command="reconcile"))
    assert {one.account for one in desk.effects if isinstance(one, ReadBooks) and one.special} == {LEADER, ALICE}
    assert desk.taken() == []


def test_ids_are_known_by_their_form_and_belong_to_a_row_only_where_that_gives_them() -> None:
    desk = resting()
    name = desk.slot().correlation_id
    assert is_ours_by_form(name)
    assert not is_ours_by_form("NA")
    assert not is_ours_by_form(f"{name}x")
    assert stems(LEADER, ALICE, ["L1"])[name[:20]] == "L1"
    assert set(stems(LEADER, ALICE, ["L1"]).values()) == {"L1", "L1#entry"}
