"""``report``: bad input with its mend, and every format read back."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from copyctl.report.analysis.reports import REPORTS
from copyctl.report.span import KEYS
from tests.cli.world import Desk, copyctl
from tests.store.world import ALICE, BOB, SECOND, journal, whole_day, written

MONDAY = "2026-09-07"


@pytest.fixture
def sunday(desk: Desk) -> Desk:
    """Two days of trading lie behind: a Monday long ago, and today."""
    now = int(datetime.now(UTC).timestamp()) * SECOND
    written(desk.store, *whole_day(1), *whole_day(2, at=now))
    with journal(desk.store) as it:
        it.mark("followers", json.dumps({ALICE: "alice", BOB: "bob"}))
    return desk


def asked(desk: Desk, *words: str, code: int = 0) -> tuple[str, str]:
    done = copyctl("report", "--rules", str(desk.rules_file), *words)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def rows(desk: Desk, *words: str) -> list[dict[str, Any]]:
    return list(json.loads(asked(desk, *words)[0])["rows"])


def test_json_has_rows_and_days(sunday: Desk) -> None:
    document = json.loads(asked(sunday, "slippage", "--from", MONDAY, "--to", MONDAY, "--by", "day,follower")[0])
    assert (document["from"], document["to"]) == (MONDAY, MONDAY)
    alice, bob = document["rows"]
    assert (alice["day"], alice["follower"], alice["fills"], alice["cost"]) == (MONDAY, "alice", 2, 32.5)
    assert (bob["day"], bob["follower"], bob["fills"], bob["cost"]) == (MONDAY, "bob", 1, 32.5)
    assert set(alice) >= {"fills", "quantity", "mean_bps", "median_bps", "p95_bps", "cost", "mean_delay_ms"}
    whole = json.loads(asked(sunday, "slippage")[0])
    assert (whole["from"], whole["to"], [row["fills"] for row in whole["rows"]]) == (None, None, [4, 2])


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_the_columns_that_its_table_names_in_every_format(
    sunday: Desk, name: str, tmp_path: Path
) -> None:
    expected = [*(REPORTS[name].by or ()), *REPORTS[name].figures]
    told = rows(sunday, name)
    assert all(list(row) == expected for row in told)
    lines = list(csv.DictReader(io.StringIO(asked(sunday, name, "--format", "csv")[0])))
    assert len(lines) == len(told)
    for line, row in zip(lines, told, strict=True):
        assert line == {key: "" if value is None else str(value) for key, value in row.items()}
    asked(sunday, name, "--output", str(tmp_path / "told.parquet"))
    read = duckdb.read_parquet(str(tmp_path / "told.parquet"))
    assert read.columns == expected
    assert len(read.fetchall()) == len(told)
    head, *body = asked(sunday, name, "--format", "table")[0].splitlines()
    if REPORTS[name].many:
        assert [head.split()[0], *(line.split()[0] for line in body)] == expected
        assert len(head.split()) == len(told) + 1
    else:
        assert head.split() == expected
        assert len(body) == len(told)


def test_parquet_has_exact_money_and_goes_into_a_pipe(sunday: Desk, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "copyctl", "report", "fills", "--rules", str(sunday.rules_file), "--format", "parquet"],
        capture_output=True,
        check=True,
    )
    (tmp_path / "fills.parquet").write_bytes(done.stdout)
    read = duckdb.read_parquet(str(tmp_path / "fills.parquet"))
    kinds = dict(zip(read.columns, map(str, read.types), strict=True))
    assert (kinds["cost"], kinds["traded_at"]) == ("DECIMAL(28,4)", "TIMESTAMP WITH TIME ZONE")
    assert [str(cost) for (cost,) in read.project("cost").order("cost").fetchall()] == ["0.0000"] * 2 + ["32.5000"] * 4


@pytest.mark.parametrize("form", ["parquet", "html"])
def test_what_is_no_good_on_a_terminal_is_refused_there(sunday: Desk, form: str) -> None:
    ours, its = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "copyctl", "report", "fills", "--rules", str(sunday.rules_file), "--format", form],
        stdout=its,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(its)
    os.close(ours)
    assert done.returncode == 2
    assert f"--output report.{form}" in done.stderr


def test_a_table_shows_rupees_with_two_decimals_and_short_times(sunday: Desk) -> None:
    said, _ = asked(sunday, "fills", "--format", "table", "--to", MONDAY)
    assert said.splitlines()[2].split()[:2] == ["09-07", "10:00:00"]
    assert " 32.50 " in said


@pytest.mark.parametrize(
    ("first", "last", "fills"),
    [
        (MONDAY, MONDAY, 3),
        ("today", "today", 3),
        ("yesterday", None, 3),
        ("1d", "0d", 3),
        (None, "yesterday", 3),
        ("9999d", "today", 6),
        ("2020-01-01", "2020-12-31", 0),
    ],
)
def test_days_are_given_as_people_say_them(sunday: Desk, first: str | None, last: str | None, fills: int) -> None:
    words = [*(("--from", first) if first else ()), *(("--to", last) if last else ())]
    assert len(rows(sunday, "fills", *words)) == fills


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("slipage",), "did you mean slippage?"),
        (("everything",), "slippage, latency, fills, rejections"),
        (("slippage", "--by", "folower"), "did you mean follower?"),
        (("slippage", "--by", "follower,"), "'' is no key"),
        (("latency", "--by", "stage"), ", ".join(KEYS)),
        (("fills", "--by", "day"), "no groups"),
        (("pnl", "--by", "hour"), "pnl cannot be grouped by hour, only by day"),
        (("slippage", "--check"), "copyctl report summary --check"),
        (("slippage", "--from", "7-9-2026"), "use 2026-09-07, today, yesterday, or 7d"),
        (("slippage", "--to", "2026-13-01"), "--to: '2026-13-01' is no day"),
        (("slippage", "--from", "2026-09-08", "--to", "2026-09-07"), "exchange them"),
        (("slippage", "--from", "today", "--to", "yesterday"), "exchange them"),
        (("slippage", "--format", "xml"), "xml"),
        (("slippage", "--output", "told.doc"), "--format json, csv, parquet or html"),
        (("slippage", "--format", "table", "-o", "told.txt"), "a table is for reading here"),
        (("slippage", "--output", "no/such/folder/x.csv"), "cannot be written"),
    ],
)
def test_bad_input_is_exit_code_2_with_the_mend(sunday: Desk, words: tuple[str, ...], says: str) -> None:
    said, why = asked(sunday, *words, code=2)
    assert said == ""
    assert says in why
    assert "Traceback" not in why


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("form", ["json", "csv", "table", "html"])
def test_where_nothing_has_happened_there_are_no_rows_and_no_error(desk: Desk, name: str, form: str) -> None:
    said, why = asked(desk, name, "--format", form)
    assert "there is no store" in why
    assert "no rows: nothing of this is known yet" in why
    if form == "json":
        assert json.loads(said) == {"rows": [], "from": None, "to": None}
    assert ("No rows" in said) is (form == "html")
    assert not desk.store.exists()


@pytest.mark.parametrize(
    ("objectives", "code", "says"),
    [
        ({"copied_pct": 99, "slippage_p95_bps": 60}, 0, ""),
        ({"slippage_p95_bps": 10}, 1, "alice: slippage_p95_bps is 49.751244, the objective is at most 10"),
        ({"tracking_error_pct": 2}, 0, ""),
        (None, 2, "the rules file names no objectives"),
    ],
)
def test_a_summary_is_checked_against_the_objectives(
    sunday: Desk, objectives: dict[str, int] | None, code: int, says: str
) -> None:
    document = yaml.safe_load(sunday.rules_file.read_text())
    sunday.rules_file.write_text(yaml.safe_dump(document | ({"objectives": objectives} if objectives else {})))
    said, why = asked(sunday, "summary", "--check", code=code)
    assert says in why
    assert [row["follower"] for row in json.loads(said)["rows"]] == ["alice", "bob"]


def test_days_without_anything_have_no_rows_and_typed_columns(sunday: Desk, tmp_path: Path) -> None:
    _, why = asked(sunday, "fills", "--to", "2020-12-31", "-o", str(tmp_path / "none.parquet"))
    assert "nothing of this is known of the beginning to 2020-12-31" in why
    read = duckdb.read_parquet(str(tmp_path / "none.parquet"))
    assert dict(zip(read.columns, map(str, read.types), strict=True))["cost"] == "DECIMAL(28,4)"
    assert read.fetchall() == []


def test_an_analytical_store_of_a_newer_version_is_exit_code_4(sunday: Desk) -> None:
    asked(sunday, "slippage")
    with duckdb.connect(str(sunday.store / "copyctl.duckdb")) as database:
        database.execute("UPDATE kept SET value = '99' WHERE key = 'version'")
    said, why = asked(sunday, "slippage", code=4)
    assert (said, "newer copyctl" in why) == ("", True)


def test_help_names_every_report_and_every_key() -> None:
    said = copyctl("report", "--help").stdout
    assert all(f"\n  {name} " in said for name in REPORTS)
    assert all(key in said for key in KEYS)
