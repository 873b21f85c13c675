"""What is in the store: all that the journal tells, once, however often and in whatever pieces it is taken in."""

import os
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.journal import Entry
from copyctl.model.records import Change
from copyctl.model.terms import Decision, OrderStatus
from tests.properties import tried
from tests.store.world import (
    ALICE,
    BOB,
    LEADER,
    SECOND,
    TEN,
    change,
    contents,
    copy,
    decided,
    fill,
    journal,
    order,
    report,
    rows,
    slot,
    store,
    whole_day,
    written,
)

DAY = 86_400 * SECOND


def test_a_fill_stands_beside_the_leaders_average(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    told = rows(
        tmp_path, "SELECT account, quantity, price, reference, cost, delay_ms, underlying FROM slippage ORDER BY ALL"
    )
    assert told == [
        (ALICE, 65, Decimal("100.5"), Decimal("100.5"), 0, 3.0, "NIFTY"),
        (ALICE, 65, Decimal(101), Decimal("100.5"), Decimal("32.5"), 3.0, "NIFTY"),
        (BOB, 65, Decimal(101), Decimal("100.5"), Decimal("32.5"), 3.0, "NIFTY"),
    ]


def test_what_the_trade_book_has_not_told_yet_is_taken_from_the_orders_average(tmp_path: Path) -> None:
    placed, filled, traded = whole_day()
    half = Entry(event=traded.event, changes=(traded.changes[1],))
    written(tmp_path, placed, filled, half)
    told = "SELECT trade_id, quantity, price FROM slippage WHERE account = ? ORDER BY trade_id"
    with store(tmp_path) as it:
        assert it.database.execute(told, [ALICE]).fetchall() == [("21", 65, Decimal("100.5")), (None, 65, Decimal(101))]
    with journal(tmp_path) as again:
        again.write([traded])
    with store(tmp_path) as it:
        assert it.database.execute(told, [ALICE]).fetchall() == [("21", 65, Decimal("100.5")), ("31", 65, Decimal(101))]


def test_a_copied_order_is_one_row_for_each_follower(tmp_path: Path) -> None:
    exit_part = copy("90001", ALICE, [slot("x", "1", 65, 65, "100")], exit=True)
    entry_part = copy("90001#entry", ALICE, [slot("y", "2", 130, 65, "103")])
    own = copy("position:NSE_FNO/43210", ALICE, [slot("z", "3", 65, 65, "100")])
    orphan = copy("90001#orphan", ALICE, [slot("o", "4", 65, 0, "0")], decision=Decision.SKIPPED)
    made = (exit_part, entry_part, own, orphan)
    changes = (change(order(LEADER, "90001", 390, 260, "100")), *map(change, made))
    written(tmp_path, Entry(event=whole_day()[0].event, changes=changes))
    told = rows(
        tmp_path,
        "SELECT leader_order_id, follower, wanted_quantity, follower_filled, follower_average_price FROM copied_orders",
    )
    assert told == [("90001", "alice", 195, 130, Decimal("101.5"))]
    assert rows(tmp_path, "SELECT count(*) FROM copies WHERE leader_order_id IS NULL") == [(1,)]


def test_taking_in_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    with store(tmp_path, versions=True) as it:
        before = contents(it.database)
    with store(tmp_path, versions=True) as it:
        assert contents(it.database) == before
    assert before["order_versions"]


TURN = st.sampled_from(range(9))


@tried(60)
@given(pieces=st.lists(st.lists(TURN, max_size=4), max_size=6))
def test_in_pieces_or_at_once_it_is_the_same(pieces: list[list[int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("store")
    turns = [turn for day in (1, 2, 3) for turn in whole_day(day, at=TEN + day * DAY)]
    for piece in pieces:
        written(folder, *(turns[number] for number in piece))
        with store(folder, versions=True):
            pass
    with store(folder, versions=True) as it:
        grown = contents(it.database)
    for file in folder.glob("copyctl.duckdb*"):
        file.unlink()
    with store(folder, versions=True) as it:
        assert contents(it.database) == grown
    shutil.rmtree(folder)


def test_a_record_that_a_run_dropped_stays_and_one_that_is_gone_goes(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    assert rows(tmp_path, "SELECT count(*) FROM copies") == [(2,)]
    with journal(tmp_path) as it:
        dropped = Change(table="copy", key=f"90001/{ALICE}", record=None)
        it.write([Entry(event=whole_day()[0].event, changes=(dropped,))])
    assert rows(tmp_path, "SELECT count(*) FROM copies") == [(2,)]
    shutil.copytree(tmp_path, tmp_path / "anew", ignore=shutil.ignore_patterns("*.duckdb*", "anew"))
    assert rows(tmp_path / "anew", "SELECT count(*) FROM copies") == [(2,)]


def test_exchanges_count_their_trades_anew_each_day_and_both_stay(tmp_path: Path) -> None:
    first, second = fill(ALICE, "70001", "1", 65, "100"), fill(ALICE, "70002", "1", 130, "103", at=TEN + DAY)
    gone = Change(table="fill", key=change(first).key, record=None)
    event = whole_day()[0].event
    written(tmp_path, *(Entry(event=event, changes=(one,)) for one in (change(first), gone, change(second), gone)))
    assert rows(tmp_path, "SELECT order_id, quantity FROM fills ORDER BY ALL") == [("70001", 65), ("70002", 130)]


def test_what_a_run_writes_after_a_restart_is_taken_in_although_its_newest_record_is_gone(tmp_path: Path) -> None:
    event = whole_day()[0].event
    written(tmp_path, Entry(event=event, changes=(change(order(ALICE, "1", 65, 0, "0")),)))
    assert rows(tmp_path, "SELECT order_id FROM follower_orders") == [("1",)]
    written(tmp_path, Entry(event=event, changes=(change(order(ALICE, "2", 65, 0, "0")),)))
    assert rows(tmp_path, "SELECT order_id FROM follower_orders ORDER BY ALL") == [("1",), ("2",)]


def test_decisions_are_told_step_by_step(tmp_path: Path) -> None:
    event = whole_day()[0].event
    steps = ("queued", "copied")
    written(tmp_path, *(Entry(event=event, notices=(decided("90001", ALICE, one),)) for one in steps))
    assert rows(tmp_path, "SELECT decision FROM decisions ORDER BY seq") == [("queued",), ("copied",)]


def test_versions_of_an_order_are_told_once_each_and_only_where_they_are_named(tmp_path: Path) -> None:
    written(tmp_path, *whole_day(), whole_day()[1])
    told = "SELECT version, status, filled FROM order_versions ORDER BY version"
    assert rows(tmp_path, told) == []
    assert rows(tmp_path, told, versions=True) == [(1, "PENDING", 0), (2, "TRADED", 260)]
    late = Entry(
        event=whole_day()[0].event.__class__(
            at=TEN, account=LEADER, asked_at=TEN, orders=(report("90001", OrderStatus.TRADED, 260, 260, at=TEN),)
        )
    )
    written(tmp_path, late)
    assert len(rows(tmp_path, told, versions=True)) == 2


def test_a_dead_copy_and_a_refused_one_are_there_without_placements(tmp_path: Path) -> None:
    refused = copy("90001", ALICE, decision=Decision.REFUSED, reason="zero_quantity")
    written(tmp_path, Entry(event=whole_day()[0].event, changes=(change(refused),)))
    assert rows(tmp_path, "SELECT decision, reason, wanted_quantity FROM copies") == [("refused", "zero_quantity", 0)]


def test_an_account_is_called_as_it_is_called_now(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    renamed = {LEADER: "leader", ALICE: "anna", BOB: "bob"}
    assert rows(tmp_path, "SELECT DISTINCT follower FROM copied_orders ORDER BY 1", names=renamed) == [
        ("anna",),
        ("bob",),
    ]
    assert rows(tmp_path, "SELECT DISTINCT follower FROM copied_orders ORDER BY 1") == [("alice",), ("bob",)]


CHILD = """
import sys
from pathlib import Path
from tests.store.world import store
while True:
    with store(Path(sys.argv[1]), versions=True):
        print("once", flush=True)
"""


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_refresh_that_is_killed_leaves_nothing_half_done(after: int, tmp_path: Path) -> None:
    for day in range(1, 6):
        written(tmp_path, *whole_day(day, at=TEN + day * DAY))
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for day in range(6, 6 + after):
        assert child.stdout.readline() == "once\n"
        written(tmp_path, *whole_day(day, at=TEN + day * DAY))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with store(tmp_path, versions=True) as it:
        found = contents(it.database)
    assert len(found["slippage"]) == 3 * (5 + after)
    assert len(found["fills"]) == 4 * (5 + after)
    assert len(found["order_versions"]) == 2 * (5 + after)


def test_a_journal_of_an_earlier_version_is_read_whole_each_time(tmp_path: Path) -> None:
    import sqlite3

    written(tmp_path, *whole_day())
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("DROP INDEX past_turns")
        for table in ("past", "records"):
            database.execute(f"ALTER TABLE {table} DROP COLUMN turn")
        database.execute("UPDATE meta SET value = '2' WHERE key = 'version'")
    database.close()
    for _ in range(2):
        assert rows(tmp_path, "SELECT count(*) FROM slippage") == [(3,)]
    written(tmp_path, *whole_day(2, at=TEN + DAY))  # a run of this version goes on with it
    assert rows(tmp_path, "SELECT count(*) FROM slippage") == [(6,)]
    reader = JournalReader(tmp_path)
    assert {turn > 0 for turn, *_ in reader.records_since(-1)} == {False, True}
    reader.close()
