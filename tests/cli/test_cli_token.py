"""``copyctl token``: made or renewed by hand, kept where the rules file reads it from, and never seen."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.world import BARE, Said, process
from tests.scenarios.desk import Broker

PIN = "482193"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
BY_CODE = {"pin": "${PIN}", "totp_secret": "${TOTP}"}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    running = Broker(followers=2)
    yield running
    running.stop()


class Deployment:
    """A rules file whose accounts are the simulator's; every token in a file of its own."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        broker.tell("reset")
        self.broker, self.folder = broker, folder
        self.said = ""
        for name in broker.accounts:
            self.file(name).write_text(self.mint(name))

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.token"

    def mint(self, name: str, **how: Any) -> str:
        return str(self.broker.tell("token", account=name, action="mint", **how)["access_token"])

    def write(self, broker: dict[str, Any] | None = None, **accounts: dict[str, Any]) -> None:
        def account(name: str) -> dict[str, Any]:
            plain = {"client_id": self.broker.accounts[name]["client_id"], "access_token": f"${{file:{name}.token}}"}
            return {**plain, **accounts.get(name, {})}

        ready = self.broker.ready
        document = {
            "version": 1,
            "name": "tokens",
            "broker": {
                "adapter": "dhan",
                "rest_url": ready["rest_url"],
                "order_update_url": ready["order_update_url"],
                **(broker or {}),
            },
            "store": {"path": str(self.folder / "store")},
            "leader": account("leader"),
            "followers": [{"name": name, **account(name)} for name in ("alice", "bob")],
            "policy": {"sizing": {"strategy": "fixed_ratio", "ratio": 1}},
            "resilience": {"request_timeout": "1s"},
        }
        (self.folder / "rules.yaml").write_text(yaml.safe_dump(document))

    def token(self, *words: str, code: int = 0, **environment: str) -> dict[str, Any]:
        done = self.run(*words, **environment)
        assert done.returncode == code, done
        return dict(json.loads(done.stdout))

    def run(self, *words: str, **environment: str) -> Said:
        done = process(
            *("token", "--rules", str(self.folder / "rules.yaml"), "--format", "json", *words),
            environment={**BARE, "PIN": PIN, "TOTP": SECRET, **environment},
        )
        self.said += done.stdout + done.stderr
        return done

    def asked(self, name: str, path: str) -> int:
        rows = self.broker.ask("requests", account=name)["requests"]
        return sum(1 for row in rows if row["path"] == path)


@pytest.fixture
def tokens(broker: Broker, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(broker, tmp_path)
    yield made
    for secret in (PIN, SECRET, *(path.read_text().strip() for path in tmp_path.glob("*.token"))):
        assert not secret or secret not in made.said


LOGIN = "/app/generateAccessToken"


def test_a_dead_token_is_replaced_by_pin_and_code(tokens: Deployment) -> None:
    tokens.write(alice=BY_CODE)
    tokens.broker.tell("settings", account="alice", login_pin=PIN, login_totp_secret=SECRET)
    tokens.broker.tell("token", account="alice", action="kill")
    before = tokens.file("alice").read_text()
    said = tokens.token("--account", "alice")
    assert (said["ok"], said["applied"]) == (True, "stored")
    assert said["accounts"][0]["until"].endswith("+05:30")
    assert tokens.file("alice").read_text() != before
    assert stat.S_IMODE(tokens.file("alice").stat().st_mode) == 0o600
    assert tokens.asked("alice", LOGIN) == 1
    assert tokens.asked("alice", "/profile") == 2  # the old one, and the new one


def test_a_good_token_is_replaced_only_by_force(tokens: Deployment) -> None:
    tokens.write(alice=BY_CODE)
    before = tokens.file("alice").read_text()
    said = tokens.token("--account", "alice", code=2)
    assert not said["ok"]
    assert "--force" in said["detail"]
    assert tokens.token()["accounts"][0]["detail"].endswith("stays")
    assert tokens.file("alice").read_text() == before
    assert tokens.asked("alice", LOGIN) == 0
    assert tokens.token("--account", "alice", "--force")["ok"]
    assert tokens.file("alice").read_text() != before
    again = tokens.token("--account", "alice", "--force", code=3)
    assert "once every 2 minutes" in again["detail"]


def test_the_first_token_needs_no_file_to_be_there(tokens: Deployment) -> None:
    tokens.write(alice=BY_CODE)
    tokens.file("alice").unlink()
    assert tokens.token("--account", "alice")["ok"]
    assert tokens.file("alice").read_text().strip()


def test_renew_renews_a_good_one_and_says_so_of_a_dead_one(tokens: Deployment) -> None:
    tokens.write(leader={"renew": "renew"})
    before = tokens.file("leader").read_text()
    assert [row["account"] for row in tokens.token()["accounts"]] == ["leader"]
    assert tokens.file("leader").read_text() != before
    assert tokens.asked("leader", "/RenewToken") == 1
    tokens.broker.tell("settings", account="leader", renewal="refused")
    assert "cannot be renewed" in tokens.token("--account", "leader", code=3)["detail"]
    tokens.broker.tell("token", account="leader", action="kill")
    assert "only a good one can be renewed" in tokens.token("--account", "leader", code=3)["detail"]


def test_a_token_of_a_variable_is_refused_with_the_way_out_before_dhan_is_asked(tokens: Deployment) -> None:
    tokens.write(alice={**BY_CODE, "access_token": "${ALICE_ACCESS_TOKEN}"}, bob={**BY_CODE, "access_token": "literal"})
    tokens.broker.tell("token", account="alice", action="kill")
    said = tokens.token("--account", "alice", code=2, ALICE_ACCESS_TOKEN="x")
    assert "variable ALICE_ACCESS_TOKEN" in said["detail"]
    assert "${file:alice.token}" in said["detail"]
    assert "the rules file" in tokens.token("--account", "bob", "--force", code=2)["detail"]
    tokens.write(alice={**BY_CODE, "access_token": "${file:nowhere/alice.token}"})
    assert "could not be kept" in tokens.token("--account", "alice", code=2)["detail"]
    assert tokens.asked("alice", LOGIN) == tokens.asked("bob", LOGIN) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"login_pin": "999999"}, "Invalid Pin"), ({"login_totp_secret": "JBSWY3DPEHPK3PXP"}, "Invalid TOTP")],
)
def test_what_dhan_refuses_is_exit_code_3(tokens: Deployment, settings: dict[str, str], words: str) -> None:
    tokens.write(alice=BY_CODE)
    tokens.broker.tell("settings", account="alice", **settings)
    tokens.broker.tell("token", account="alice", action="kill")
    assert words in tokens.token("--account", "alice", code=3)["detail"]


def test_an_unknown_end_says_that_the_present_token_may_be_dead(tokens: Deployment) -> None:
    tokens.write(alice=BY_CODE)
    tokens.broker.tell("token", account="alice", action="kill")
    tokens.broker.tell("faults", kind="hang", accepted=True, account="alice", path="^/app/", seconds=3)
    said = tokens.token("--account", "alice", code=3)
    assert "Wait two minutes" in said["detail"]
    assert tokens.asked("alice", LOGIN) == 1
    tokens.broker.forget("faults")


def test_a_secret_that_is_no_base32_is_told_without_it(tokens: Deployment) -> None:
    tokens.write(alice=BY_CODE)
    tokens.broker.tell("token", account="alice", action="kill")
    assert "base32" in tokens.token("--account", "alice", code=3, TOTP="not-base32!")["detail"]
    assert "not-base32!" not in tokens.said


def test_who_cannot_have_one_is_told_how(tokens: Deployment) -> None:
    tokens.write()
    for words in ((), ("--account", "alice")):
        done = tokens.run(*words)
        assert done.returncode == 2
        assert "totp_secret" in done.stderr
    assert "there are leader, alice, bob" in tokens.run("--account", "carol").stderr
    tokens.write(broker={"adapter": "simulator"}, alice=BY_CODE)
    done = tokens.run("--account", "alice")
    assert done.returncode == 2
    assert "no broker outside of the run" in done.stderr


def test_a_broker_that_is_not_there_is_exit_code_3(tokens: Deployment) -> None:
    tokens.write(broker={"rest_url": "http://127.0.0.1:9/v2"}, alice=BY_CODE)
    assert "could not be asked" in tokens.token("--account", "alice", code=3)["detail"]
    assert "could not be reached" in tokens.token("--account", "alice", "--force", code=3)["detail"]
