"""``copyctl simulator``: a broker to try things with."""

import http.client
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.world import BARE, copyctl


@contextmanager
def simulator(*words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "copyctl", "simulator", *words],
        env=BARE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_serves_until_it_is_stopped(number: signal.Signals) -> None:
    with simulator() as (process, said):
        assert said["rest_url"].startswith("http://127.0.0.1:")
        assert said["order_update_url"].startswith("ws://127.0.0.1:")
        assert [one["name"] for one in said["accounts"]] == ["leader", "alice", "bob"]
        leader = said["accounts"][0]
        connection = http.client.HTTPConnection(urlsplit(said["rest_url"]).netloc, timeout=30)
        connection.request("GET", "/v2/orders", headers={"access-token": leader["access_token"]})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, [])
        connection.close()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_followers_are_as_many_and_called_as_asked() -> None:
    with simulator("--follower", "zoe", "--accounts", "4") as (_, said):
        assert [one["name"] for one in said["accounts"]] == ["leader", "zoe", "alice", "bob"]


def test_env_writes_what_a_rules_file_reads_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "sim.env"
    with simulator("--follower", "alice", "--env", str(file)) as (_, said):
        pairs = dict(line.split("=", 1) for line in file.read_text().splitlines())
        leader, alice = said["accounts"]
        assert pairs["LEADER_CLIENT_ID"] == leader["client_id"]
        assert pairs["ALICE_ACCESS_TOKEN"] == alice["access_token"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": [], "settings": {}}))
    with simulator("--faults", str(file)) as (_, said):
        assert said["rest_url"]


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("--tape",), None),
        (("--tape",), "no tape"),
        (("--faults",), None),
        (("--faults",), "{not json"),
        (("--faults",), '[{"bogus": 1}]'),
        (("--faults",), '"a word"'),
    ],
)
def test_files_that_cannot_be_read_are_wrong_usage(tmp_path: Path, words: tuple[str, ...], content: str | None) -> None:
    file = tmp_path / "given"
    if content is not None:
        file.write_text(content)
    done = copyctl("simulator", *words, str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("copyctl: the simulator cannot start: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [("--accounts", "2", "--follower", "a", "--follower", "b"), ("--follower", "leader"), ("--host", "x.invalid")],
)
def test_accounts_and_addresses_that_cannot_be_are_wrong_usage(words: tuple[str, ...]) -> None:
    done = copyctl("simulator", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = copyctl("simulator", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert "choose another --port" in done.stderr
