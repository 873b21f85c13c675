"""``query`` and ``export``: the analytical store, asked by people and programs."""

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from copyctl.store import schema
from copyctl.store.page import queries
from tests.cli.world import Desk, copyctl, process


def asked(desk: Desk, *words: str, code: int = 0) -> tuple[str, str]:
    done = desk.apart("query", *words)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_a_query_answers_with_columns_and_rows(traded: Desk) -> None:
    said, _ = asked(
        traded, "SELECT follower, decision, count(*) AS orders FROM copied_orders GROUP BY ALL ORDER BY ALL"
    )
    document = json.loads(said)
    assert document["columns"] == ["follower", "decision", "orders"]
    assert ["alice", "copied"] in [row[:2] for row in document["rows"]]


def test_it_sees_what_a_run_has_written_a_moment_ago(traded: Desk) -> None:
    before = json.loads(asked(traded, "SELECT count(*) FROM leader_orders")[0])["rows"][0][0]
    orders = {row["leader_order_id"] for row in json.loads(traded.apart("orders").stdout)["copies"]}
    assert before >= len(orders) > 0


def test_csv_can_be_read_back_and_a_table_by_people(traded: Desk) -> None:
    said, _ = asked(traded, "--format", "csv", "SELECT 'a,\"b' AS text, NULL AS none, 1.5::DECIMAL(9, 2) AS number")
    assert list(csv.reader(io.StringIO(said))) == [["text", "none", "number"], ['a,"b', "", "1.5"]]
    said, _ = asked(traded, "--format", "table", "SELECT 1234567.5 AS number, 'x' AS text")
    assert "1,234,567.5" in said


def test_a_query_may_come_from_a_file(traded: Desk) -> None:
    done = process("query", "--rules", str(traded.rules_file), "-", given="-- a remark\nSELECT 7 AS seven;")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"columns": ["seven"], "rows": [[7]]})


def test_every_query_of_the_page_answers(traded: Desk) -> None:
    for question in queries().values():
        said, _ = asked(traded, question)
        assert json.loads(said)["columns"], question


REFUSED = [
    ("DELETE FROM copies", "reading alone"),
    ("SELECT 1; DELETE FROM copies", "reading alone"),
    ("CREATE TABLE x AS SELECT 1", "reading alone"),
    ("COPY copies TO 'x.csv'", "reading alone"),
    ("ATTACH 'x.duckdb'", "reading alone"),
    ("SET enable_external_access = true", "reading alone"),
    ("PRAGMA database_list", "reading alone"),
    ("INSTALL httpfs", "reading alone"),
    ("", "reading alone"),
    ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
    ("FROM '/etc/hostname'", "cannot be answered"),
    ("SELEC 1", "syntax error"),
    ("SELECT nothing FROM copies", "nothing"),
    ("FROM copy", "cannot be answered"),
]


@pytest.mark.timeout(300)
def test_whatever_is_no_reading_of_the_store_is_refused_with_exit_code_2(traded: Desk) -> None:
    for statement, says in REFUSED:
        said, why = asked(traded, statement, code=2)
        assert (said, says in why, "Traceback" in why) == ("", True, False), (statement, why)


def test_a_store_that_is_not_there_yet_is_empty(desk: Desk) -> None:
    done = copyctl("query", "--rules", str(desk.rules_file), "SELECT count(*) FROM copies")
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, [[0]])
    assert "no store" in done.stderr
    assert not desk.store.exists()


def test_an_analytical_store_of_a_newer_version_is_exit_code_4(traded: Desk) -> None:
    asked(traded, "SELECT 1")
    with duckdb.connect(str(traded.store / "copyctl.duckdb")) as database:
        database.execute("UPDATE kept SET value = '99' WHERE key = 'version'")
    said, why = asked(traded, "SELECT 1", code=4)
    assert (said, "newer copyctl" in why) == ("", True)
    (traded.store / "copyctl.duckdb").unlink()


def test_export_writes_every_table_as_parquet(traded: Desk, tmp_path: Path) -> None:
    for _ in range(2):  # files of an earlier export are replaced
        done = traded.apart("export", str(tmp_path / "out"))
        assert done.returncode == 0, done.stderr
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        f"{name}.parquet" for name in (*schema.tables(), *schema.views())
    }
    copies = duckdb.read_parquet(str(tmp_path / "out" / "copies.parquet")).fetchall()
    held = json.loads(asked(traded, "SELECT count(*) FROM copies")[0])["rows"][0][0]
    assert len(copies) == held > 0


def test_a_folder_that_cannot_be_written_is_exit_code_2(traded: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = traded.apart("export", str(tmp_path / "file"))
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True)
