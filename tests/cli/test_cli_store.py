"""``audit`` and ``backup``: with every variable unset, beside a run that is alive, and where the journal is damaged."""

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from copyctl.report.moments import IST
from tests.cli.world import Desk, copyctl

TODAY = f"{datetime.now(IST):%Y-%m-%d}"


def tampered(desk: Desk, statement: str) -> None:
    with sqlite3.connect(desk.store / "journal.sqlite") as database:
        database.execute(statement)
    database.close()


def damaged(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    path.write_bytes(raw)


# --- audit --------------------------------------------------------------------------------------------------------


def test_audit_of_an_empty_store_finds_nothing(desk: Desk) -> None:
    done = desk.run("audit", "verify")
    assert (done.returncode, json.loads(done.stdout)["records"]) == (0, 0)
    assert f"there is nothing in the store {desk.store} yet" in done.stderr
    assert not desk.store.exists()


def test_audit_beside_a_run_and_after_it_with_no_variable_set(traded: Desk) -> None:
    said = json.loads(traded.apart("audit", "verify").stdout)
    assert (said["ok"], said["first_bad"], said["not_chained"], said["findings"]) == (True, None, 0, [])
    assert said["records"] == sum(one["rows"] for one in said["tables"].values()) > 10
    assert len(said["tables"]["events"]["head"]) == 64
    assert datetime.fromisoformat(said["tables"]["events"]["last_at"]).utcoffset() == timedelta(hours=5, minutes=30)
    traded.stop()
    assert traded.json("audit", "verify") == said
    table = traded.run("audit", "verify", "--format", "table").stdout
    assert f"{said['records']} rows are as they were written" in table


def test_audit_tells_what_was_found_when_and_what_it_means(traded: Desk) -> None:
    traded.stop()
    tampered(traded, "UPDATE notices SET follower = 'nobody' WHERE seq = 3")
    done = traded.run("audit", "verify", "--format", "json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["first_bad"], said["found"]) == (1, False, 3, 1)
    (finding,) = said["findings"]
    assert (finding["table"], finding["seq"], finding["wrong"]) == ("notices", 3, "changed")
    assert datetime.fromisoformat(finding["at"])
    done = traded.run("audit", "verify", "--format", "table")
    assert done.returncode == 1
    assert finding["at"] in done.stdout
    assert "row 3 is not as it was written" in done.stdout
    assert "something other than copyctl has changed the journal" in done.stdout


def test_audit_of_a_damaged_journal_names_the_way_back(traded: Desk) -> None:
    traded.stop()
    damaged(traded.store / "journal.sqlite")
    done = traded.run("audit", "verify")
    assert (done.returncode, done.stdout) == (4, "")
    assert "copyctl backup restore" in done.stderr


# --- backup -------------------------------------------------------------------------------------------------------


def test_backups_are_made_beside_a_run_listed_and_restored(traded: Desk) -> None:
    assert traded.json("backup", "list") == {"backups": []}
    made = json.loads(traded.apart("backup", "make").stdout)
    assert (made["ok"], made["applied"], made["backup"]["date"]) == (True, "running", TODAY)
    assert traded.json("backup", "list") == {"backups": [made["backup"]]}
    assert TODAY in traded.run("backup", "list", "--format", "table").stdout
    refused = traded.run("backup", "restore")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "another copyctl run" in refused.stderr
    orders = traded.run("orders").stdout
    traded.stop()
    damaged(traded.store / "journal.sqlite")
    for command in ("orders", "status", "events"):
        broken = traded.run(command)
        assert (broken.returncode, broken.stdout) == (4, "")
        assert "copyctl backup restore" in broken.stderr
    said = json.loads(traded.apart("backup", "restore", TODAY).stdout)
    assert (said["ok"], said["applied"]) == (True, "stored")
    assert "recognised by their ids" in said["detail"]
    assert "kill switch" in said["detail"]
    assert Path(said["moved_aside"]).exists()
    assert traded.run("orders").stdout == orders
    assert traded.json("audit", "verify")["ok"] is True
    assert json.loads(traded.run("backup", "make").stdout)["applied"] == "stored"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("make",), 4, "there is no store in"),
        (("restore",), 4, "there is no store in"),
        (("restore", "yesterday"), 2, "'yesterday' is no date"),
        (("list", "2026-11-27"), 2, "takes no date"),
        (("forget",), 2, "forget"),
    ],
)
def test_what_cannot_be_done_says_why(desk: Desk, words: tuple[str, ...], code: int, said: str) -> None:
    done = desk.run("backup", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not desk.store.exists()


def test_restoring_what_is_not_there_says_so(traded: Desk) -> None:
    traded.stop()
    done = traded.run("backup", "restore", "2020-01-01")
    assert (done.returncode, done.stdout) == (4, "")
    assert "there is no backup of 2020-01-01" in done.stderr


def test_orders_and_requests_carry_the_policy_that_made_them(traded: Desk) -> None:
    (loaded, *_) = [row for row in map(json.loads, traded.run("events").stdout.splitlines()) if row.get("policy")]
    alice, bob = traded.json("orders")["copies"]
    assert alice["policy"] == bob["policy"] == loaded["policy"][:12]
    assert len(alice["policy"]) == 12
    (request,) = [row for row in map(json.loads, traded.run("events").stdout.splitlines()) if row["event"] == "request"]
    assert request["policy"] == alice["policy"]


def test_a_rules_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for words in (("audit", "verify"), ("backup", "list")):
        assert copyctl(*words, "--rules", str(tmp_path / "none.yaml")).returncode == 2
