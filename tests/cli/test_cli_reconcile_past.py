"""``reconcile --date``: a day that is over, by the trades that ``backfill`` fetched."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from copyctl.edge.history import History
from copyctl.model.history import Days, PastTrade, Progress
from tests.cli.world import ENVIRONMENT, Desk, process
from tests.store.test_store_history import trade
from tests.store.world import ALICE, BOB, TEN, whole_day, written

DAY = date(2026, 9, 7)
FIRST = trade("70001", "21", 65, "100.5")
SECOND = trade("70001", "31", 65, "101")
HERS = trade("80001", "41", 65, "101", account=BOB)


@pytest.fixture
def past(desk: Desk) -> Desk:
    """A store of one day on which alice's and bob's copies of one order filled."""
    written(desk.store, *whole_day())
    return desk


def fetched(desk: Desk, trades: Sequence[PastTrade], *, accounts: Sequence[str] = (ALICE, BOB)) -> None:
    """Have the history of that day as a backfill leaves it."""
    days = Days(first=DAY, last=DAY)
    history = History(desk.store)
    history.keep(trades=trades)
    for account in accounts:
        history.keep(progress=Progress(account=account, days=days, next_page=1, finished=True, at=TEN))
        history.complete(account, [days])
    history.close()


def reconciled(desk: Desk, code: int, *flags: str) -> dict[str, Any]:
    words = ("reconcile", "--rules", str(desk.rules_file), "--date", str(DAY), "--format", "json", *flags)
    done = process(*words, environment=ENVIRONMENT)
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout)) if done.stdout else {"why": done.stderr}


def test_a_day_whose_trades_are_those_of_the_store_has_no_drift(past: Desk) -> None:
    fetched(past, [FIRST, SECOND, HERS])
    said = reconciled(past, 0)
    assert (said["ok"], said["drift"], said["followers"]) == (True, [], 2)


def test_a_fill_that_the_store_does_not_have_and_one_that_only_the_store_has_are_drift(past: Desk) -> None:
    fetched(past, [FIRST, SECOND, trade("70001", "51", 130, "102")])
    rows = [(row["follower"], row["kind"], row["expected"], row["actual"]) for row in reconciled(past, 1)["drift"]]
    assert rows == [("alice", "fill", 260, 130), ("bob", "fill", 0, 65)]
    assert reconciled(past, 0, "--tolerance", "2")["drift"] == []


def test_trades_by_hand_in_what_was_copied_are_told(past: Desk) -> None:
    fetched(past, [FIRST, SECOND, HERS, trade("79999", "61", 65, "99")])
    rows = [(row["follower"], row["kind"], row["actual"]) for row in reconciled(past, 1)["drift"]]
    assert rows == [("alice", "position", 65)]


def test_a_day_that_was_not_fetched_of_somebody_is_not_judged(past: Desk) -> None:
    fetched(past, [FIRST, SECOND], accounts=[ALICE])
    why = reconciled(past, 2)["why"]
    assert "bob: its trades of 2026-09-07 are not in the store" in why
    assert "copyctl backfill --from 2026-09-07" in why
