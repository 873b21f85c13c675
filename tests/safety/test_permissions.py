"""What copyctl writes of money and secrets is for its owner alone, whatever the umask says."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from copyctl.simulator import Simulator, write_environment
from tests.safety import watched
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


@pytest.mark.skipif(not watched.can_trace(), reason="processes cannot be traced here")
def test_no_file_is_open_to_others_even_for_a_moment(desk: Desk) -> None:
    a_day(desk)
    today = datetime.now(UTC).date().isoformat()
    output = str(desk.folder / "pnl.html")
    commands = (
        ("query", "SELECT 1"), ("backfill", "--from", today), ("backup", "make"),
        ("report", "pnl", "--output", output), ("export", str(desk.folder / "tables")), ("backup", "list"),
    )  # fmt: skip
    desk.stop()
    for words in commands:
        traced = [sys.executable, "-m", "copyctl", *words, "--rules", str(desk.rules_file)]
        made = watched.made(traced, desk.folder, desk.environment)
        assert {path: mode for path, mode in made.items() if mode & 0o077} == {}
        assert bool(made) == (words[-1] != "list"), words


def test_a_file_that_is_open_to_others_for_a_moment_is_seen(tmp_path: Path) -> None:
    code = "import os; os.close(os.open('x', os.O_WRONLY | os.O_CREAT, 0o640)); os.chmod('x', 0o600); os.umask(0o77)"
    code += "; open('y', 'w').close(); os.umask(0); os.mkdir('z', 0o750)"
    if watched.can_trace():
        made = watched.made([sys.executable, "-c", code], tmp_path, os.environ)
        assert made == {str(tmp_path / "x"): 0o640, str(tmp_path / "y"): 0o600, str(tmp_path / "z"): 0o750}


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
    tape = made / "day.jsonl"
    words = [sys.executable, "-m", "copyctl", "tape", "record", str(tape), "--rules", str(desk.rules_file)]
    with subprocess.Popen(words, env=desk.environment, stderr=subprocess.DEVNULL) as recording:
        desk.eventually(lambda: tape.exists() and tape.stat().st_size, "something is recorded")
        recording.terminate()
    (made / "sim.env.new").write_text("left by somebody")
    (made / "sim.env.new").chmod(0o666)
    write_environment(made / "sim.env", Simulator().accounts)
    assert "LEADER_ACCESS_TOKEN=" in (made / "sim.env").read_text()
    assert open_to_others(made) == {}
