"""The simulator as a process of its own, as end-to-end tests use it."""

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from simulator_world import PATIENCE_SECONDS

from copyctl.simulator import Simulator, write_environment

Start = Callable[..., tuple["subprocess.Popen[str]", dict[str, Any]]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
        command = [sys.executable, "-W", "error", "-m", "copyctl.simulator", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_it_says_where_it_is_and_ends_on_sigterm(start: Start, tmp_path: Path) -> None:
    environment = tmp_path / "simulator.env"
    process, ready = start("--accounts", "3", "--follower", "zoe-1", "--env", str(environment))
    assert [account["name"] for account in ready["accounts"]] == ["leader", "zoe-1", "alice"]
    async with aiohttp.ClientSession(headers={"access-token": ready["accounts"][0]["access_token"]}) as session:
        async with session.get(ready["rest_url"] + "/orders") as response:
            assert await response.json() == []
        async with session.ws_connect(ready["order_update_url"]):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
    written = dict(line.split("=", 1) for line in environment.read_text().splitlines())
    assert written["ZOE_1_CLIENT_ID"] == ready["accounts"][1]["client_id"]
    assert written["LEADER_ACCESS_TOKEN"] == ready["accounts"][0]["access_token"]
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    assert process.communicate()[1] == ""


async def test_faults_and_settings_come_from_a_file(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps({"faults": [{"kind": "html502"}], "settings": {"place_answer": "PENDING"}}))
    _, ready = start("--faults", str(path))
    async with aiohttp.ClientSession(headers={"access-token": ready["accounts"][0]["access_token"]}) as session:
        async with session.get(ready["rest_url"] + "/orders") as response:
            assert response.status == 502
        async with session.get(ready["control_url"] + "/settings?account=leader") as response:
            assert (await response.json())["place_answer"] == "PENDING"


@pytest.mark.parametrize("arguments", [["--tape", "nowhere.jsonl"], ["--faults", "nowhere.json"]])
def test_a_file_that_is_not_there_is_a_wrong_usage(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "copyctl.simulator", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 2
    assert "nowhere" in ended.stderr
    assert ended.stdout == ""


async def test_an_environment_file_is_replaced_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "private.env"
    path.write_text("open to all")
    path.chmod(0o644)
    write_environment(path, Simulator(("leader",)).accounts)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("LEADER_CLIENT_ID=1100000001\n")


def test_it_knows_no_other_room_of_the_program() -> None:
    script = "import sys, copyctl.simulator; print(*[n for n in sys.modules if n.startswith('copyctl.')])"
    known = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {name.split(".")[1] for name in known.stdout.split()} == {"simulator"}
