"""Scenario 7.8: backups of a journal, and the way back to one."""

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
from edge_sample import ACCOUNT, entry

from copyctl.edge import journal_backup
from copyctl.edge.journal import StoreLocked, StoreRefused, StoreUnusable, open_journal
from copyctl.edge.journal_audit import audit
from copyctl.edge.journal_backup import BackupFailed, backups, make, path_of, restore
from copyctl.edge.journal_commands import put_command
from copyctl.model.account import Account
from copyctl.model.events import Started
from copyctl.model.journal import Entry
from copyctl.model.records import Change

CHILD = Path(__file__).with_name("journal_child.py")
DAY = date(2026, 11, 27)
NOW = 1_795_752_000_000_000_000  # 2026-11-27, UTC


def filled(folder: Path, rows: int = 300) -> None:
    journal = open_journal(folder, leader="L")
    journal.write([entry(number) for number in range(1, rows + 1)])
    journal.close()


def newest(folder: Path) -> int:
    """The number of the last entry that a journal knows."""
    journal = open_journal(folder, leader="L")
    [account] = journal.records()["account"]
    journal.close()
    assert isinstance(account, Account)
    return account.last_frame_at


# --- making one ---------------------------------------------------------------------------------------------------


def test_a_backup_is_one_whole_file_for_its_owner_alone(tmp_path):
    store = tmp_path / "store"
    filled(store)
    made = make(store, DAY)
    assert made.path == store / "backups" / "journal-2026-11-27.sqlite"
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert made.size == made.path.stat().st_size > 10_000
    assert backups(store) == [made]
    (tmp_path / "alone").mkdir()
    shutil.copy(made.path, tmp_path / "alone" / "journal.sqlite")
    assert (audit(tmp_path / "alone").many, audit(tmp_path / "alone").rows) == (0, 600)
    assert newest(tmp_path / "alone") == 300


def test_a_backup_beside_a_run_that_never_rests_is_one_picture_and_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_backup, "PAGES_AT_ONCE", 1)
    filled(tmp_path, 3000)
    child = subprocess.Popen([sys.executable, CHILD, tmp_path, "write"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [int(child.stdout.readline())]
    reader = threading.Thread(target=lambda: said.extend(map(int, child.stdout)))  # type: ignore[arg-type]
    reader.start()
    before = said[-1]
    made = make(tmp_path, DAY)
    during = said[-1]
    child.send_signal(signal.SIGTERM)
    child.wait()
    reader.join()
    child.stdout.close()
    assert during > before + 10
    (tmp_path / "alone").mkdir()
    shutil.copy(made.path, tmp_path / "alone" / "journal.sqlite")
    assert audit(tmp_path / "alone").many == 0
    assert before - 1 <= newest(tmp_path / "alone") <= during
    assert audit(tmp_path).many == 0


def test_the_head_in_a_backup_finds_what_is_cut_off_its_end(tmp_path):
    journal = open_journal(tmp_path / "store", leader="L")
    journal.write([entry(number) for number in range(1, 30)])
    made = make(tmp_path / "store", DAY)  # the run has moved no log yet: its own head is that of its start
    journal.close()
    (tmp_path / "alone").mkdir()
    shutil.copy(made.path, tmp_path / "alone" / "journal.sqlite")
    with contextlib.closing(sqlite3.connect(tmp_path / "alone" / "journal.sqlite")) as database, database:
        database.execute("DELETE FROM events WHERE seq > 27")
    database.close()
    [found] = audit(tmp_path / "alone").found
    assert (found.table, found.seq) == ("events", 28)


def test_the_newest_backup_of_a_day_stands_and_those_of_fourteen_days_are_kept(tmp_path):
    filled(tmp_path)
    for back in (40, 30, 20):
        make(tmp_path, DAY - timedelta(days=back))
    assert [one.day for one in backups(tmp_path)] == [DAY - timedelta(days=back) for back in (20, 30, 40)]
    for back in range(16, -1, -1):
        make(tmp_path, DAY - timedelta(days=back))
    assert [one.day for one in backups(tmp_path)] == [DAY - timedelta(days=back) for back in range(14)]
    filled(tmp_path, 500)
    make(tmp_path, DAY)
    assert len(backups(tmp_path)) == 14
    restore(tmp_path, None, NOW)
    assert newest(tmp_path) == 500


def test_what_is_no_backup_is_none(tmp_path):
    filled(tmp_path)
    make(tmp_path, DAY)
    folder = tmp_path / "backups"
    for name in ("journal-2026-11-28.sqlite.77.part", "journal-old.sqlite", "notes.txt"):
        (folder / name).touch()
    assert [one.day for one in backups(tmp_path)] == [DAY]
    os.utime(folder / "journal-2026-11-28.sqlite.77.part", (0, 0))
    make(tmp_path, DAY)
    assert sorted(path.name for path in folder.iterdir()) == [
        "journal-2026-11-27.sqlite",
        "journal-old.sqlite",
        "notes.txt",
    ]


def test_a_damaged_journal_makes_no_backup_and_the_last_good_one_stays(tmp_path):
    filled(tmp_path, 2000)
    good = make(tmp_path, DAY)
    path = tmp_path / "journal.sqlite"
    raw = bytearray(path.read_bytes())
    for page in range(3, len(raw) // 4096, 2):
        raw[page * 4096 : page * 4096 + 512] = b"\xa5" * 512
    path.write_bytes(raw)
    with pytest.raises(BackupFailed, match=r"was not backed up: .*copyctl backup restore"):
        make(tmp_path, DAY)
    assert backups(tmp_path) == [good]
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_backup_takes_no_last_room_and_one_that_is_stopped_leaves_nothing(tmp_path, monkeypatch):
    filled(tmp_path)
    with pytest.raises(BackupFailed, match="it was stopped"):
        make(tmp_path, DAY, lambda: True)
    assert list((tmp_path / "backups").iterdir()) == []
    monkeypatch.setattr(journal_backup, "LEFT_FREE", 2**62)
    with pytest.raises(BackupFailed, match=r"would leave \d+ MB of the disk"):
        make(tmp_path, DAY)


def test_a_run_makes_one_a_day_and_lets_go_when_it_ends(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(1)])
    assert journal.back_up(DAY) == str(path_of(tmp_path, DAY))
    assert journal.back_up(DAY) == ""
    journal.close()
    with pytest.raises(BackupFailed, match="it was stopped"):
        journal.back_up(DAY + timedelta(days=1))


# --- going back to one --------------------------------------------------------------------------------------------


def test_restoring_moves_the_damaged_journal_aside_and_loses_nothing_of_it(tmp_path):
    filled(tmp_path)
    make(tmp_path, DAY)
    child = subprocess.Popen([sys.executable, CHILD, tmp_path, "write"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(20):
        child.stdout.readline()
    child.kill()  # leaves a log beside the file
    child.stdout.close()
    child.wait()
    before = {part: (tmp_path / f"journal.sqlite{part}").read_bytes() for part in ("", "-wal")}
    done = restore(tmp_path, DAY, NOW)
    assert done.aside == tmp_path / "journal.sqlite.damaged-20261127T040000Z"
    assert {part: Path(f"{done.aside}{part}").read_bytes() for part in before} == before
    assert stat.S_IMODE((tmp_path / "journal.sqlite").stat().st_mode) == 0o600
    assert newest(tmp_path) == 300
    assert audit(tmp_path).many == 0
    for part in ("", "-wal", "-shm"):
        shutil.move(f"{done.aside}{part}", tmp_path / f"journal.sqlite{part}")
    assert newest(tmp_path) >= 320


def test_a_journal_that_is_gone_is_restored_too(tmp_path):
    filled(tmp_path)
    make(tmp_path, DAY)
    (tmp_path / "journal.sqlite").unlink()
    assert restore(tmp_path, None, NOW).aside is None
    assert newest(tmp_path) == 300


def test_restoring_is_refused_while_a_run_is_alive_or_without_a_sound_backup(tmp_path):
    filled(tmp_path)
    with pytest.raises(StoreRefused, match="there is no backup in"):
        restore(tmp_path, None, NOW)
    made = make(tmp_path, DAY)
    with pytest.raises(StoreRefused, match="there is no backup of 2026-11-26"):
        restore(tmp_path, DAY - timedelta(days=1), NOW)
    journal = open_journal(tmp_path, leader="L")
    with pytest.raises(StoreLocked):
        restore(tmp_path, DAY, NOW)
    journal.write([entry(301)])
    journal.close()
    whole = made.path.read_bytes()
    spoiled = whole.replace(
        b'"account":"1100000001","last_frame_at":300', b'"account":"1100000001","last_frame_at":xxx'
    )
    assert spoiled != whole
    for bad in (whole[: len(whole) // 2], b"nothing" * 1000, b"", spoiled):
        made.path.write_bytes(bad)
        with pytest.raises(StoreUnusable, match=r"cannot be used: .* Take an earlier one"):
            restore(tmp_path, DAY, NOW)
    assert newest(tmp_path) == 301
    assert not list(tmp_path.glob("*.damaged*"))


def test_a_kill_switch_that_is_on_stays_on_over_a_restore_where_it_can_be_read(tmp_path):
    filled(tmp_path)
    make(tmp_path, DAY)
    assert restore(tmp_path, DAY, NOW).killed == ()
    journal = open_journal(tmp_path, leader="L")
    for name, halted in (("2", False), ("3", True)):
        record = Account(account=name, killed_at=5, killed_reason="losses", halted=halted)
        change = Change(table="account", key=name, record=record)
        journal.write([Entry(event=Started(at=5), changes=(change,))])
    journal.close()
    assert restore(tmp_path, DAY, NOW + 10**9).killed == ("2", "3")
    journal = open_journal(tmp_path, leader="L")
    told = [(one.command, one.account, one.actions) for one in journal.commands()]
    assert told == [("kill", "2", ()), ("kill", "3", ("halt",))]
    assert journal.commands()[0].reason == "losses (it was on when a backup was restored)"
    journal.close()
    path = tmp_path / "journal.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 8192)
    assert restore(tmp_path, DAY, NOW + 2 * 10**9).killed is None


def test_commands_that_wait_in_a_backup_are_not_done_again_but_for_a_kill_that_stops(tmp_path):
    filled(tmp_path)
    for command in ("resume", "kill", "unpause"):
        put_command(tmp_path, command, account=ACCOUNT, actions=["flatten"] if command == "kill" else (), at=1)
    make(tmp_path, DAY)
    restore(tmp_path, DAY, NOW)
    journal = open_journal(tmp_path, leader="L")
    assert [(one.command, one.actions) for one in journal.commands()] == [("kill", ())]
    journal.close()
