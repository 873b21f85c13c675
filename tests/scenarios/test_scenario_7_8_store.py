"""The store is locked, full, taken away, damaged: nothing is sent that could not be recorded, and it mends itself."""

import contextlib
import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.desk import Desk

STOPS_WITHIN_SECONDS = 10.0


@contextlib.contextmanager
def another_writer(desk: Desk) -> Iterator[sqlite3.Connection]:
    """Somebody who holds the journal for writing while the block lasts."""
    with contextlib.closing(sqlite3.connect(desk.store / "journal.sqlite", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield database
        if database.in_transaction:
            database.execute("ROLLBACK")


def nothing_is_sent(desk: Desk, why: str) -> str:
    """The leader places an order while the store cannot be written; its id."""
    before = len(desk.calls())
    order = desk.place()
    desk.eventually(lambda: "the store cannot be written" in desk.output(), "it is told")
    assert why in desk.output()
    desk.quiet()
    assert len(desk.calls()) == before
    return order


def goes_on(desk: Desk, order: str) -> None:
    """What waited is done, once, by itself."""
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert "the store can be written again" in desk.output()
    desk.heard("place")
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")


def audited(desk: Desk) -> Any:
    return json.loads(desk.command("audit", "verify", "--format", "json", check=False).stdout)


def garbled(path: Path, start: int = 4096) -> None:
    """Garbage over a file from a place on, without its length changing."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (size - start))


# --- trouble that goes away ---------------------------------------------------------------------------------------


def test_scenario_7_8_another_program_holds_the_store_for_long(desk: Desk) -> None:
    desk.start()
    with another_writer(desk):
        order = nothing_is_sent(desk, "is held by another program")
        assert desk.status()["state"] == "running"
        time.sleep(2)
        assert desk.verbs() == []
    goes_on(desk, order)


def test_scenario_7_8_what_had_filled_while_the_store_took_nothing_is_late(desk: Desk) -> None:
    desk.policy = {"late": {"max_age": "3s"}}
    desk.start()
    with another_writer(desk):
        resting = nothing_is_sent(desk, "is held by another program")
        filled = desk.place(order_type="MARKET", price=0)
        cancelled = desk.place(price=88)
        desk.reaches("TRADED", "leader", filled)
        desk.reaches("PENDING", "leader", cancelled)
        desk.cancel(cancelled)
        time.sleep(6)
        just_now = desk.place(price=89)
    desk.follows(resting, decision="copied", follower_status="PENDING")
    desk.follows(just_now, decision="copied", reason=None, follower_status="PENDING")
    desk.follows(filled, decision="skipped", reason="late")
    desk.eventually(lambda: desk.copy(cancelled)["follower_status"] in (None, "CANCELLED"))
    desk.quiet()
    assert not [row for row in desk.book() if row["orderType"] == "MARKET"]
    assert sorted(row["price"] for row in desk.book() if row["orderStatus"] == "PENDING") == [89, 90]


def test_scenario_7_8_what_the_leader_closed_while_the_store_took_nothing_is_closed(desk: Desk) -> None:
    desk.policy = {"late": {"max_age": "3s"}}
    desk.start()
    bought = desk.place(order_type="MARKET", price=0)
    desk.follows(bought, follower_status="TRADED")
    desk.eventually(lambda: (desk.net("leader"), desk.net("alice")) == (130, 130))
    with another_writer(desk):
        sold = desk.place(transaction_type="SELL", order_type="MARKET", price=0)
        desk.reaches("TRADED", "leader", sold)
        desk.eventually(lambda: "the store cannot be written" in desk.output())
        time.sleep(5)
        assert desk.net("alice") == 130
    desk.eventually(lambda: desk.net("alice") == 0)
    desk.quiet()
    assert (desk.net("leader"), desk.net("alice")) == (0, 0)
    desk.heard("place", "place")


def test_scenario_7_8_a_run_ends_in_time_while_another_program_holds_the_store(desk: Desk) -> None:
    desk.start()
    with another_writer(desk):
        order = nothing_is_sent(desk, "is held by another program")
        began = time.monotonic()
        assert desk.stop() == 0
        assert time.monotonic() - began < 2 * STOPS_WITHIN_SECONDS  # with time for a busy machine
    assert desk.verbs() == []
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_7_8_the_disk_is_full(desk: Desk) -> None:
    desk.start()
    assert desk.process is not None
    soft, hard = resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE)
    size = (desk.store / "journal.sqlite-wal").stat().st_size
    resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE, (size, hard))
    order = nothing_is_sent(desk, "Give store.path a folder that this user may write, with room")
    assert desk.status()["state"] == "running"
    resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    goes_on(desk, order)
    assert audited(desk)["ok"] is True


def test_scenario_7_8_the_journal_is_taken_away_and_put_back(desk: Desk) -> None:
    desk.start()
    path = desk.store / "journal.sqlite"
    path.rename(desk.folder / "elsewhere")
    order = desk.place()
    desk.eventually(lambda: "was taken away or replaced under the run" in desk.output())
    path.write_bytes((desk.folder / "elsewhere").read_bytes())  # another file of the same content is not it
    desk.quiet()
    assert desk.verbs() == []
    path.unlink()
    assert desk.status()["leader"]["connected"] is False  # there is no store to look into
    (desk.folder / "elsewhere").rename(path)
    goes_on(desk, order)


# --- damage -------------------------------------------------------------------------------------------------------


def test_scenario_7_8_a_journal_that_is_damaged_under_a_run_lets_nothing_leave_and_is_refused_afterwards(
    desk: Desk,
) -> None:
    desk.start()
    with another_writer(desk) as database:  # who writes makes the run look into the file again
        database.execute("UPDATE meta SET value = value || ' ' WHERE key = 'followers'")
        garbled(desk.store / "journal.sqlite")
        garbled(desk.store / "journal.sqlite-wal", 32)
        database.execute("COMMIT")
    nothing_is_sent(desk, "copyctl backup restore")
    for command in ("status", "orders", "events"):
        said = desk.command(command, check=False)
        assert said.returncode == 4
        assert "copyctl backup restore" in said.stderr
    desk.kill()
    desk.start(ready=False)
    assert desk.ended() == 4
    assert desk.verbs() == []


@pytest.mark.parametrize("damage", ["pages", "a record"])
def test_scenario_7_8_a_damaged_journal_is_refused_and_restored_from_a_backup(desk: Desk, damage: str) -> None:
    desk.start()
    kept, modified, cancelled = [desk.place(price=price) for price in (80, 81, 82)]
    for order in (kept, modified, cancelled):
        desk.follows(order, follower_status="PENDING")
    desk.command("backup", "make")
    later = desk.place(price=83)
    desk.follows(later, follower_status="PENDING")
    desk.stop()
    path = desk.store / "journal.sqlite"
    if damage == "pages":
        garbled(path)
    else:
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE records SET body = '{' WHERE id = (SELECT max(id) FROM records WHERE tbl = 'copy')"
            )
    desk.start(ready=False)
    assert desk.ended() == 4
    assert "copyctl backup restore" in desk.output()
    for command in ("status", "orders"):
        said = desk.command(command, check=False)
        assert said.returncode == 4
        assert "copyctl backup restore" in said.stderr
    restored = json.loads(desk.command("backup", "restore").stdout)
    assert Path(restored["moved_aside"]).exists()
    desk.modify(modified, price=79)
    desk.cancel(cancelled)
    desk.start()
    desk.follows(cancelled, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.follows(modified, price=79, decision="copied", follower_status="PENDING")
    for order in (kept, later):
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.cancel(later)
    desk.follows(later, follower_status="CANCELLED")
    desk.quiet()
    assert sorted(desk.verbs()) == ["cancel", "cancel", "modify", *["place"] * 4]
    assert audited(desk)["ok"] is True


# --- backups and the audit ----------------------------------------------------------------------------------------


def test_a_run_backs_its_journal_up_by_itself_and_says_so(desk: Desk) -> None:
    desk.start()
    desk.eventually(lambda: [row for row in desk.events("state") if "was backed up" in row["text"]])
    assert len(json.loads(desk.look("backup", "list"))["backups"]) == 1
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")


def test_a_backup_that_fails_is_an_alert_and_nothing_else(desk: Desk) -> None:
    desk.store.mkdir(mode=0o700)
    (desk.store / "backups").write_text("in the way")
    desk.start()
    desk.eventually(lambda: desk.alerts("was not backed up"))
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    assert desk.stop() == 0


def test_scenario_8_10_what_is_changed_is_found_beside_a_run_and_after_a_kill(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    assert audited(desk)["ok"] is True
    desk.kill()
    sound = audited(desk)
    assert (sound["ok"], sound["first_bad"]) == (True, None)
    with contextlib.closing(sqlite3.connect(desk.store / "journal.sqlite")) as database, database:
        database.execute("UPDATE events SET body = replace(body, '90', '95') WHERE seq = 4")
    done = desk.command("audit", "verify", check=False)
    assert (done.returncode, json.loads(done.stdout)["first_bad"]) == (1, 4)
    desk.start()
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    found = audited(desk)
    assert (found["ok"], found["first_bad"], found["found"]) == (False, 4, 1)
