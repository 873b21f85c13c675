"""Opening the store: many at once, beside a run, and when something is wrong with the file."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from copyctl.edge.journal_reader import JournalReader
from copyctl.store import schema
from copyctl.store.opening import FILE, StoreTooNew, StoreUnwritable
from tests.store.world import LEADER, SECOND, TEN, journal, rows, whole_day, written

DAY = 86_400 * SECOND
COUNT = "SELECT count(*) FROM slippage"


def test_a_folder_that_is_not_there_is_an_empty_store(tmp_path: Path) -> None:
    assert rows(tmp_path / "none", COUNT) == [(0,)]
    assert not (tmp_path / "none").exists()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    rows(tmp_path, COUNT)
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("copyctl.duckdb*")} == {0o600}


ASKING = """
import sys
from pathlib import Path
from copyctl.edge.journal_reader import JournalReader
from tests.store.world import store
folder = Path(sys.argv[1])
for _ in range(8):
    reader = JournalReader(folder)
    (before, _), _ = reader.newest(), reader.close()
    with store(folder) as it:
        assert not it.behind, it.behind
        (seen,) = it.database.execute("SELECT value FROM kept WHERE key = 'event'").fetchone()
        assert int(seen) >= before, (seen, before)
        held, fills = it.database.execute(
            "SELECT (SELECT count(*) FROM slippage), (SELECT count(*) FROM fills)").fetchone()
        assert held * 4 == fills * 3, (held, fills)
"""


def test_several_commands_at_once_beside_a_run_all_answer_and_see_what_was_before_them(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    asking = [
        subprocess.Popen([sys.executable, "-c", ASKING, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    day = 1
    with journal(tmp_path) as it:
        while any(one.poll() is None for one in asking):
            day += 1
            it.write(list(whole_day(day, at=TEN + day * DAY)))
            threading.Event().wait(0.01)
    for one in asking:
        _, said = one.communicate()
        assert one.returncode == 0, said
    assert rows(tmp_path, COUNT) == [(3 * day,)]


def test_another_journal_in_its_place_is_seen_and_the_store_made_anew(tmp_path: Path) -> None:
    written(tmp_path, *whole_day(), *whole_day(2, at=TEN + DAY))
    backup = tmp_path / "backup"
    shutil.copytree(tmp_path, backup, ignore=shutil.ignore_patterns("backup"))
    written(tmp_path, *whole_day(3, at=TEN + 2 * DAY))
    assert rows(tmp_path, COUNT) == [(9,)]
    for file in tmp_path.glob("journal.sqlite*"):
        file.unlink()
    for file in backup.glob("journal.sqlite*"):
        shutil.copy(file, tmp_path)
    assert rows(tmp_path, COUNT) == [(6,)]
    written(tmp_path, *whole_day(4, at=TEN + 3 * DAY))
    assert rows(tmp_path, "SELECT DISTINCT leader_order_id FROM slippage ORDER BY 1") == [
        ("90001",),
        ("90002",),
        ("90004",),
    ]


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"\0" * 20_000])
def test_a_damaged_file_is_put_aside_and_made_anew(damage: bytes, tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    (tmp_path / FILE).write_bytes(damage)
    assert rows(tmp_path, COUNT) == [(3,)]
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == damage


@pytest.mark.parametrize("begins", [4_096, 12_288, 300_000])
def test_a_file_damaged_in_the_middle_is_made_anew(begins: int, tmp_path: Path) -> None:
    for day in range(1, 30):
        written(tmp_path, *whole_day(day, at=TEN + day * DAY))
    rows(tmp_path, COUNT)
    path = tmp_path / FILE
    body = path.read_bytes()
    path.write_bytes(body[:begins] + b"\xff" * (len(body) - begins))
    written(tmp_path, *whole_day(30, at=TEN + 30 * DAY))
    assert rows(tmp_path, COUNT) == [(90,)]


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    rows(tmp_path, COUNT)
    with duckdb.connect(str(tmp_path / FILE)) as database:
        database.execute("UPDATE kept SET value = '99' WHERE key = 'version'")
    with pytest.raises(StoreTooNew, match="newer copyctl"):
        rows(tmp_path, COUNT)
    with duckdb.connect(str(tmp_path / FILE)) as database:
        assert database.execute("SELECT value FROM kept WHERE key = 'version'").fetchall() == [("99",)]


def test_a_store_that_cannot_be_written_answers_from_the_last_refresh_and_says_so(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    rows(tmp_path, COUNT)
    written(tmp_path, *whole_day(2, at=TEN + DAY))
    holder = duckdb.connect(str(tmp_path / FILE), read_only=True)
    try:
        with subprocess.Popen(
            [sys.executable, "-c", BEHIND, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as other:
            said, _ = other.communicate()
    finally:
        holder.close()
    assert said == "other commands read it [(3,)]\n"
    assert rows(tmp_path, COUNT) == [(6,)]


BEHIND = f"""
import sys
from pathlib import Path
from tests.store.world import store
with store(Path(sys.argv[1]), patience=0.3) as it:
    print(it.behind, it.database.execute("{COUNT}").fetchall())
"""


def test_migrations_bring_an_older_store_up_to_date_step_by_step(tmp_path: Path) -> None:
    steps: Mapping[int, str] = {
        2: "ALTER TABLE fills ADD COLUMN venue VARCHAR DEFAULT 'NSE'",
        3: "UPDATE fills SET venue = 'BSE' WHERE exchange_segment = 'BSE_FNO'",
    }
    written(tmp_path, *whole_day())
    rows(tmp_path, COUNT)
    with duckdb.connect(str(tmp_path / FILE)) as database:
        schema.migrate(database, 1, steps)
        assert database.execute("SELECT DISTINCT venue FROM fills").fetchall() == [("NSE",)]
        assert database.execute("SELECT value FROM kept WHERE key = 'version'").fetchall() == [("3",)]
        schema.migrate(database, 3, steps)  # nothing is done twice


def test_views_of_an_earlier_version_are_made_anew(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    before = rows(tmp_path, "SELECT count(*) FROM copied_orders")
    with duckdb.connect(str(tmp_path / FILE)) as database:
        database.execute("CREATE OR REPLACE VIEW copied_orders AS SELECT 1 AS other LIMIT 0")
        database.execute("UPDATE kept SET value = 'of an earlier version' WHERE key = 'views'")
    assert rows(tmp_path, "SELECT count(*) FROM copied_orders") == before == [(2,)]


def test_migrations_are_read_by_their_number(tmp_path: Path) -> None:
    (tmp_path / "0003-later.sql").write_text("SELECT 3")
    (tmp_path / "0002-sooner.sql").write_text("SELECT 2")
    assert schema.migrations(tmp_path) == {2: "SELECT 2", 3: "SELECT 3"}
    assert schema.version() == max(schema.migrations(), default=schema.FIRST_VERSION)


def test_a_run_that_writes_is_not_held_up_by_a_reader_of_one_moment(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    reader = JournalReader(tmp_path)
    with reader.one_moment():
        before = reader.newest()
        written(tmp_path, *whole_day(2, at=TEN + DAY))
        assert reader.newest() == before
    assert reader.newest() != before
    assert reader.meta("leader") == LEADER
    reader.close()
    assert os.listdir(tmp_path)


def test_no_room_for_temporary_files_is_told_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, *whole_day())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    with pytest.raises(StoreUnwritable, match="temporary files"):
        rows(tmp_path, COUNT)
