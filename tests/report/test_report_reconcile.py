"""What stands and what is only moving, what is told of each difference, and a day whose order books are gone."""

from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.cli.reconcile import text
from copyctl.model.order import Fill
from copyctl.model.placement import Standing
from copyctl.model.records import Record
from copyctl.model.terms import Side
from copyctl.report.picture import Picture
from copyctl.report.reconcile import MOST_LOOKS, Difference, Kind, Remedy, action, rows, steady
from copyctl.report.reconcile_day import day_differences
from tests.report.reconciled import told
from tests.report.world import ALICE, BOB, NAMES, at, copy, fill, instrument, records, slot


def differs(order: str = "L1", actual: int = 50, kind: Kind = Kind.QUANTITY, **said: Any) -> Difference:
    return Difference(account=ALICE, kind=kind, leader_order_id=order, expected=100, actual=actual, **said)


# --- what stands ------------------------------------------------------------------------------------------------------


def test_what_one_look_alone_has_shown_is_told_to_nobody() -> None:
    assert steady([[differs()]]) == ([], [differs()])


def test_what_two_looks_have_shown_alike_stands() -> None:
    assert steady([[differs()], [differs()]]) == ([differs()], [])


def test_what_is_gone_at_the_second_look_is_no_difference() -> None:
    assert steady([[differs()], []]) == ([], [])


def test_what_has_moved_between_two_looks_is_looked_at_again() -> None:
    moved = differs(actual=60)
    assert steady([[differs()], [moved]]) == ([], [moved])
    assert steady([[differs()], [moved, differs("L2")], [moved, differs("L3")]]) == ([moved], [differs("L3")])


def test_what_every_look_has_shown_stands_however_it_moves() -> None:
    looks = [[differs(actual=at), differs(f"L{at}")] for at in range(2, 2 + MOST_LOOKS)]
    last = 1 + MOST_LOOKS
    assert steady(looks) == ([differs(actual=last)], [differs(f"L{last}")])


# --- what is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_says_what_was_or_can_be_done(remedy: Remedy) -> None:
    one = differs(remedy=remedy, why="because")
    said = {action(one, **how) for how in ({}, {"running": True}, {"tried": True}, {"fixed": True, "tried": True})}
    assert all("because" in sentence for sentence in said)
    assert len(said) == (4 if remedy.can_be_done else 1)


def test_a_row_is_the_contracts() -> None:
    one = differs(follower_order_id="F1", security_id="43210", symbol="NIFTY 24500 CE")
    (row,) = rows([one], NAMES, ["left to you"])
    wanted = ("follower", "kind", "leader_order_id", "follower_order_id", "security_id", "symbol", "expected", "actual")
    assert [row[key] for key in (*wanted, "action")] == [
        *("alice", "quantity", "L1", "F1", "43210", "NIFTY 24500 CE", 100, 50, "left to you")
    ]


def lines(*found: Difference, mended: int = 0, unread: dict[str, str] | None = None, followers: int = 3) -> list[str]:
    told = rows(found, NAMES, [action(one) for one in found])
    return text(told, [place < mended for place in range(len(found))], unread or {}, (followers, 41))


def test_the_first_line_is_the_subject_of_a_mail() -> None:
    bobs = Difference(account=BOB, kind=Kind.POSITION, security_id="1", expected=0, actual=5)
    assert lines() == ["copyctl: no differences, 3 followers, 41 orders compared"]
    assert lines(differs())[0] == "copyctl: 1 difference at alice (1 quantity)"
    assert lines(differs(), bobs, differs("L2"))[0] == "copyctl: 3 differences at alice, bob (2 quantity, 1 position)"
    assert lines(differs(), bobs, mended=1)[0] == "copyctl: 1 difference at bob (1 position), 1 mended"
    assert lines(differs(), mended=1)[0] == "copyctl: no differences, 3 followers, 41 orders compared, 1 mended"
    assert lines(unread={"leader": "502"}, followers=0) == [
        "copyctl: cannot read leader",
        "  leader cannot be read: 502",
    ]


def test_a_line_obeys_no_terminal() -> None:
    assert "\x1b" not in "".join(lines(differs(symbol="\x1b[2J", why="\x1b[1m")))


# --- a day that is past -----------------------------------------------------------------------------------------------

DAY = {"begins": at("00:00:00"), "ends": at("2026-09-08T00:00:00")}
COPY = copy("L1", slot(0, Standing.ENDED, order_id="F1", filled=100))


def past(history: list[Fill], *kept: Record, tolerance: int = 0) -> list[tuple[Any, ...]]:
    picture = Picture(records(COPY, replace(instrument(), lot_size=25), *kept))
    return told(day_differences(picture, NAMES, {ALICE: history}, tolerance=tolerance, **DAY))


def test_a_past_day_that_agrees_has_no_difference() -> None:
    kept = [fill(ALICE, "F1", "T1", 60, "100"), fill(ALICE, "F1", "T2", 40, "101")]
    assert past(kept, *kept) == []
    assert past([*kept, kept[0]], *kept) == []  # told twice it is one trade
    assert past([], replace(kept[0], traded_at=at("2026-09-06T12:00:00"))) == []


def test_a_fill_that_either_side_lacks_is_told_beyond_the_tolerance() -> None:
    first, second = fill(ALICE, "F1", "T1", 75, "100"), fill(ALICE, "F1", "T2", 25, "101")
    assert past([first, second], first) == [("fill", "L1", 100, 75)]
    assert past([first], first, second) == [("fill", "L1", 75, 100)]
    assert past([first, second], first, tolerance=1) == []


def test_trades_of_nobodys_in_what_was_copied_that_day_are_a_position() -> None:
    mine = fill(ALICE, "F1", "T1", 100, "100")
    by_hand = replace(fill(ALICE, "X", "T9", 25, "100"), side=Side.SELL)
    elsewhere = replace(by_hand, security_id="999", trade_id="T8")
    assert past([mine, by_hand, elsewhere], mine) == [("position", None, 0, -25)]
    assert past([by_hand]) == []  # nothing of it was copied that day


def test_an_account_of_which_no_history_was_fetched_is_not_compared() -> None:
    mine = fill(BOB, "F1", "T1", 100, "100")
    assert day_differences(Picture(records(mine)), NAMES, {}, **DAY) == []
