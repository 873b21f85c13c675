"""Who holds what: one row per follower, instrument and product."""

import json
from typing import Any

import pytest

from copyctl.model.account import Account
from copyctl.model.records import Position, Record
from copyctl.model.terms import Product
from copyctl.report.moments import day_of
from copyctl.report.positions import doubts, positions
from tests.report.world import ALICE, BOB, LEADER, NAMES, NINE, at, instrument, position, records


def rows(*kept: Record, **asked: Any) -> list[dict[str, Any]]:
    return positions(records(*kept), NAMES, leader=LEADER, **asked)


def test_a_row_is_the_contracts_and_json() -> None:
    (row,) = rows(
        instrument(), position(LEADER, 100), position(ALICE, 60, target=37.5, copied=50, base=5), follower="alice"
    )
    assert row == {
        "follower": "alice",
        "exchange_segment": "NSE_FNO",
        "security_id": "43210",
        "symbol": "NIFTY 24500 CE",
        "product": "INTRADAY",
        "leader": 100,
        "wanted": 37.5,
        "actual": 65,
        "copied": 50,
        "by_hand": 15,
    }
    assert json.loads(json.dumps(row)) == row


def test_what_is_sold_is_negative() -> None:
    (row,) = rows(position(LEADER, -100), position(ALICE, -60, target=-50, copied=-50), follower="alice")
    assert [row[key] for key in ("leader", "wanted", "actual", "copied", "by_hand")] == [-100, -50, -60, -50, -10]


def test_what_a_person_sold_of_his_own_shows_by_hand() -> None:
    (row,) = rows(position(ALICE, 40, target=50, copied=50))
    assert (row["actual"], row["copied"], row["by_hand"]) == (40, 50, -10)


def test_what_only_the_leader_holds_is_a_row_of_zeros_for_every_follower() -> None:
    told = rows(position(LEADER, 100))
    assert [(row["follower"], row["leader"]) for row in told] == [("alice", 100), ("bob", 100)]
    assert {row[key] for row in told for key in ("wanted", "actual", "copied", "by_hand")} == {0}


@pytest.mark.parametrize(
    "mine",
    [position(ALICE, 100), position(ALICE, base=100), position(ALICE, copied=5), position(ALICE, target=0.5)],
    ids=["net", "carried", "copied", "wanted"],
)
def test_whatever_is_not_zero_makes_a_row(mine: Position) -> None:
    assert [row["follower"] for row in rows(mine)] == ["alice"]


def test_flat_is_no_row() -> None:
    assert rows(position(LEADER), position(ALICE, traded=-50, base=50)) == []


def test_products_are_apart_as_the_broker_keeps_them() -> None:
    told = rows(position(LEADER, 100, product=Product.MTF), position(ALICE, 50, copied=50, product=Product.CNC))
    assert [(row["follower"], row["product"], row["leader"], row["actual"]) for row in told] == [
        ("alice", "CNC", 0, 50),
        ("alice", "MTF", 100, 0),
        ("bob", "MTF", 100, 0),
    ]


def test_rows_stand_by_follower_and_then_by_instrument() -> None:
    told = rows(
        position(BOB, 1), position(ALICE, 1, security_id="9"), position(ALICE, 1, security_id="10"), position(ALICE, 1)
    )
    assert [(row["follower"], row["security_id"]) for row in told] == [
        ("alice", "10"),
        ("alice", "43210"),
        ("alice", "9"),
        ("bob", "43210"),
    ]


def test_an_account_that_nobody_names_is_told_by_its_number() -> None:
    assert [row["follower"] for row in rows(position("1099", 1))] == ["1099"]


def test_an_instrument_that_the_journal_does_not_know_has_no_symbol() -> None:
    assert rows(position(ALICE, 1))[0]["symbol"] is None


def test_wanted_is_told_to_six_places() -> None:
    assert rows(position(ALICE, target="16.66666666666666666666666667"))[0]["wanted"] == 16.666667


TODAY = day_of(NINE)
SURE = Account(account=ALICE, day=TODAY, positions_at=NINE)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (SURE, []),
        (Account(account=ALICE, day=TODAY - 1, positions_at=1), ["alice's are of 2026-09-06: no run has looked since"]),
        (
            Account(account=ALICE, day=TODAY, positions_why="HTTP 500"),
            ["what alice began the day with was not read yet (HTTP 500): today's fills alone count"],
        ),
        (Account(account="1099", day=TODAY), []),
    ],
    ids=["known", "yesterday's", "not read", "a stranger"],
)
def test_what_a_reader_must_know_besides(account: Account, said: list[str]) -> None:
    assert doubts(records(account), NAMES, now=at("10:00:00")) == said
