import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from edge_sample import ACCOUNT, entry

from copyctl.edge.journal import StoreUnusable, open_journal
from copyctl.edge.journal_commands import put_command
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.account import Account
from copyctl.model.events import Started
from copyctl.model.journal import Entry
from copyctl.model.records import TABLES, Change

CHILD = Path(__file__).with_name("journal_child.py")


def test_a_store_that_does_not_exist_yet_is_empty_and_may_come(tmp_path):
    folder = tmp_path / "store"
    reader = JournalReader(folder)
    assert not reader.exists
    assert not reader.running
    assert reader.meta("leader") is None
    assert reader.records() == {name: [] for name in TABLES}
    assert not list(reader.notices())
    assert not folder.exists()
    journal = open_journal(folder, leader="L")
    journal.write([entry(1)])
    assert reader.exists
    assert reader.running
    assert reader.meta("leader") == "L"
    assert [notice.text for _, notice in reader.notices()] == ["frame 1"]
    journal.close()
    assert not reader.running
    reader.close()


def test_a_store_that_is_being_made_is_empty_still(tmp_path):
    (tmp_path / "journal.sqlite").touch()
    reader = JournalReader(tmp_path)
    assert not reader.exists
    put_command(tmp_path, "kill", at=1)
    assert reader.exists
    reader.close()


def test_it_reads_what_a_closed_run_and_a_killed_one_left(tmp_path):
    child = subprocess.Popen([sys.executable, CHILD, tmp_path, "write"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(50)][-1]
    reader = JournalReader(tmp_path)
    assert reader.running
    child.kill()
    child.stdout.close()
    child.wait()
    assert not reader.running
    assert len(list(reader.notices())) >= said
    reader.close()
    open_journal(tmp_path, leader="L").close()
    reader = JournalReader(tmp_path)
    assert len(list(reader.notices())) >= said
    reader.close()


def test_beside_a_writer_it_sees_whole_turns_only(tmp_path):
    child = subprocess.Popen([sys.executable, CHILD, tmp_path, "write"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    reader = JournalReader(tmp_path)
    seen, after = 0, 0
    try:
        for _ in range(200):
            [account] = reader.records()["account"]
            assert isinstance(account, Account)
            assert account.last_frame_at >= seen
            seen = account.last_frame_at
            for seq, notice in list(reader.notices(after)):
                assert notice.text == f"frame {seq}"
                after = seq
            assert after >= seen
            child.stdout.readline()
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
        reader.close()


def test_notices_after_a_number_and_since_a_moment(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(number) for number in range(1, 1501)])
    reader = JournalReader(tmp_path)
    assert [seq for seq, _ in reader.notices()] == list(range(1, 1501))
    assert [seq for seq, _ in reader.notices(1498)] == [1499, 1500]
    assert [notice.at for _, notice in reader.notices(0, 1499)] == [1499, 1500]
    slow = reader.notices()
    next(slow)
    journal.write([entry(1501)])
    assert len(list(slow)) == 1500
    reader.close()
    journal.close()


def test_the_newest_lines_that_hold_a_text_come_first(tmp_path):
    reader = JournalReader(tmp_path)
    assert (reader.newest_line(), reader.newest_turn(), reader.lines_with("frame", 3)) == (0, 0, [])
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(number) for number in range(1, 31)])
    assert [one.text for one in reader.lines_with("frame 1", 3)] == ["frame 19", "frame 18", "frame 17"]
    assert reader.lines_with("frame 31", 3) == []
    assert reader.newest_line() == 30
    reader.close()
    journal.close()


def test_after_the_newest_turn_nothing_is_new_until_something_is(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(1)])
    reader = JournalReader(tmp_path)
    turn = reader.newest_turn()
    assert list(reader.records_since(turn)) == []
    journal.write([entry(2)])
    ((written, table, key, _),) = reader.records_since(turn)
    assert (written, table, key) == (reader.newest_turn(), "account", ACCOUNT)
    reader.close()
    journal.close()


def test_the_past_holds_what_a_run_has_dropped_and_nothing_twice(tmp_path):
    def turn(record: Account | None, table: str = "account") -> Entry:
        return Entry(event=Started(at=1), changes=(Change(table=table, key=ACCOUNT, record=record),))

    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(1)])
    journal.write([turn(None)])
    reader = JournalReader(tmp_path)
    assert reader.records()["account"] == []
    assert reader.records(past=True)["account"] == []
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("INSERT INTO past (tbl, key, body) SELECT 'account', ?, '{\"account\":\"old\"}'", (ACCOUNT,))
    database.close()
    assert reader.records(past=True)["account"] == [Account(account="old")]
    journal.write([entry(2)])
    assert reader.records(past=True)["account"] == [Account(account=ACCOUNT, last_frame_at=2)]
    reader.close()
    journal.close()


def test_a_reader_changes_nothing(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(1)])
    reader = JournalReader(tmp_path)
    with pytest.raises(StoreUnusable, match="readonly"):
        reader._rows("DELETE FROM notices")
    reader.close()
    journal.close()


def test_a_damaged_journal_is_told_with_the_mend(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"not a database at all, not even a little" * 200)
    with pytest.raises(StoreUnusable, match="backup"):
        JournalReader(tmp_path)
