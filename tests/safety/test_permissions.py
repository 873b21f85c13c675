"""What copyctl writes of money and secrets is for its owner alone, whatever the umask says."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from copyctl.simulator import Simulator, write_environment
from tests.scenarios.desk import HALF, Desk

pytestmark = [pytest.mark.fresh, pytest.mark.usefixtures("careless")]

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def open_to_others(folder: Path) -> dict[str, str]:
    """Everything in a folder, itself included, that is not for its owner alone, with its mode."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode != (PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE):
            found[str(path.relative_to(folder))] = oct(mode)
    return found


def a_day(desk: Desk) -> None:
    """Some orders of every fate, and a shadow beside the run."""
    desk.policy = {"sizing": HALF}
    desk.write_rules()
    other = desk.folder / "other.yaml"
    other.write_text(desk.rules_file.read_text().replace("0.5", "0.25"))
    desk.start("--shadow", str(other))
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    filled = desk.place(order_type="MARKET", price=0)
    desk.follows(filled, follower_status="TRADED")
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")


def test_every_file_of_the_store_is_for_its_owner_alone(desk: Desk) -> None:
    a_day(desk)
    today = datetime.now(UTC).date().isoformat()
    answers = desk.folder / "answers"
    answers.mkdir(PRIVATE_FOLDER)
    desk.command("backfill", "--from", today)
    desk.command("backup", "make")
    desk.command("reconcile", check=False)
    for words in (
        ("status",),
        ("positions",),
        ("query", "SELECT count(*) FROM fills"),
        ("export", str(answers / "tables")),
    ):
        desk.look(*words)
    for form in ("html", "parquet", "csv"):
        desk.look("report", "fills", "--output", str(answers / f"fills.{form}"))
    desk.command("pause", "--follower", "alice")
    seen = {path.name for path in desk.store.rglob("*")}
    wanted = {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "run.lock", "pulse.json", "copyctl.duckdb"}
    assert wanted | {"history.sqlite", "backups"} <= seen, sorted(seen)
    assert len(list((desk.store / "backups").iterdir())) == 2
    assert open_to_others(desk.store) == {}  # while the run is alive
    assert desk.stop() == 0
    desk.command("backup", "restore")
    desk.command("audit", "verify", check=False)
    assert open_to_others(desk.store) == {}
    assert open_to_others(answers) == {}
    shadows = [path for path in desk.folder.iterdir() if path.is_dir() and path not in (desk.store, answers)]
    assert [open_to_others(path) for path in shadows] == [{}] * len(shadows)


def test_an_output_that_is_there_keeps_its_mode(desk: Desk) -> None:
    desk.write_rules()
    output = desk.folder / "fills.csv"
    output.write_text("of yesterday")
    output.chmod(0o640)
    desk.command("report", "fills", "--output", str(output))
    assert "of yesterday" not in output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def test_the_simulators_accounts_and_a_renewed_token_are_for_their_owner_alone(desk: Desk) -> None:
    token = desk.folder / "tokens" / "alice"
    token.parent.mkdir(PRIVATE_FOLDER)
    account = desk.broker.accounts["alice"]
    token.write_text(account["access_token"])
    desk.rules = {"followers": [{"name": "alice", "client_id": account["client_id"],
                                 "access_token": f"${{file:{token}}}", "renew": "renew"}]}  # fmt: skip
    desk.write_rules()
    desk.command("token", "--account", "alice", "--force")
    assert token.read_text().strip() != account["access_token"]
    account["access_token"] = desk.broker.tell("token", account="alice", action="mint")["access_token"]
    assert open_to_others(token.parent) == {}


def test_a_tape_and_the_simulators_accounts_are_for_their_owner_alone(desk: Desk) -> None:
    desk.write_rules()
    made = desk.folder / "made"
    made.mkdir(PRIVATE_FOLDER)
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    desk.command("tape", "record", str(made / "day.jsonl"), "--until", soon)
    assert (made / "day.jsonl").stat().st_size
    (made / "sim.env.new").write_text("left by somebody")
    (made / "sim.env.new").chmod(0o666)
    write_environment(made / "sim.env", Simulator().accounts)
    assert "LEADER_ACCESS_TOKEN=" in (made / "sim.env").read_text()
    assert open_to_others(made) == {}
