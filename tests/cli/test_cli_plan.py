"""What ``copyctl plan`` says of a store that a run has written, and what ``reload --plan`` makes of its hash."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from copyctl.edge.journal import open_journal
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.events import PolicyLoaded
from copyctl.model.terms import OrderStatus
from copyctl.rules import read
from tests.cli.world import ALICE, ENVIRONMENT, LEADER, POLICY, Desk, copyctl, document

LAG = {"fills": {"lag_action": "market", "lag_deadline": "1ms", "lag_alert": "1ms"}}


@pytest.fixture
def lagging(desk: Desk) -> Desk:
    """A run that is alive: the leader's order has filled, alice's copy of 50 rests."""
    desk.start()
    desk.report(LEADER, "L1", OrderStatus.PENDING)
    desk.acknowledge("F1")
    desk.report(ALICE, "F1", OrderStatus.PENDING, quantity=50)
    desk.report(LEADER, "L1", OrderStatus.TRADED, filled=100, average="1400")
    return desk


def write(desk: Desk, name: str = "rules.yaml", policy: dict[str, Any] | None = None, **changes: Any) -> Path:
    file = desk.folder / name
    file.write_text(yaml.safe_dump(document(policy={**POLICY, **(policy or {})}, **changes), sort_keys=False))
    return file


def followers(*names: str, **own: dict[str, Any]) -> list[dict[str, Any]]:
    known = {one["name"]: one for one in document()["followers"]}
    carol = {**known["bob"], "name": "carol", "client_id": "1100000004"}
    return [{**copy.deepcopy({**known, "carol": carol}[name]), **own.get(name, {})} for name in names]


def test_the_file_that_is_in_force_changes_nothing(lagging: Desk) -> None:
    said = lagging.json("plan")
    (row,) = said["changes"]
    assert row == {
        "follower": "alice",
        "leader_order_id": "L1",
        "follower_order_id": "F1",
        "symbol": "2885",
        "action": "none",
        "from": row["to"],
        "to": {
            "security_id": "2885",
            "exchange_segment": "NSE_EQ",
            "side": "BUY",
            "quantity": 50,
            "order_type": "LIMIT",
            "product": "INTRADAY",
            "validity": "DAY",
            "price": 1400,
            "trigger_price": 0,
            "disclosed_quantity": 0,
            "after_market": False,
        },
        "reason": "it keeps the decision that it was made with",
    }
    assert said["limits_exceeded"] == said["settings"] == []
    assert said["followers"] == {"added": [], "removed": [], "changed": [], "unread": []}


def test_it_shows_what_would_be_changed_and_the_command_that_does_it(lagging: Desk) -> None:
    write(lagging, policy=LAG | {"limits": {"max_order_quantity": 10}})
    said = lagging.json("plan")
    (row,) = said["changes"]
    assert (row["action"], row["from"]["order_type"], row["to"]["order_type"]) == ("modify", "LIMIT", "MARKET")
    assert "fills.lag_action: market" in row["reason"]
    assert said["limits_exceeded"] == [
        {
            "follower": "alice",
            "limit": "max_order_quantity",
            "value": 50,
            "allowed": 10,
            "detail": "the copy of L1 (2885) has 50 units, max_order_quantity is 10",
        }
    ]
    assert [one["follower"] for one in said["followers"]["changed"]] == ["alice", "bob"]
    page = lagging.run("plan", "--format", "table").stdout
    assert "orders of open copies: 1 changed" in page
    assert "BUY 50 LIMIT 1400" in page
    assert "alice changes: policy.fills, policy.limits" in page
    assert f"copyctl reload --rules {lagging.rules_file} --plan {said['hash']}" in page


def test_what_stays_is_shown_in_the_table_only_when_it_is_asked_for(lagging: Desk) -> None:
    assert "BUY 50" not in lagging.run("plan", "--format", "table").stdout
    assert "BUY 50" in lagging.run("plan", "--format", "table", "--all").stdout


def test_planning_writes_nothing(lagging: Desk) -> None:
    write(lagging, policy=LAG)
    before = {one.name: one.read_bytes() for one in lagging.store.iterdir()}
    lagging.json("plan")
    after = {one.name: one.read_bytes() for one in lagging.store.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} <= {"journal.sqlite-shm"}  # the readers' own marks


def test_the_hash_hangs_on_no_variable_nor_process_nor_moment(lagging: Desk) -> None:
    write(lagging, policy=LAG)
    first = lagging.json("plan")["hash"]
    apart = lagging.apart("plan", "--format", "json", environment=ENVIRONMENT)
    assert f'"hash": "{first}"' in apart.stdout
    other = write(lagging, "other.yaml", policy={**LAG, "limits": {"max_order_lots": 5}})
    assert copyctl("plan", "--rules", str(other)).stdout.split('"')[3] != first


def test_what_happens_meanwhile_makes_it_another_plan(lagging: Desk) -> None:
    write(lagging, policy=LAG)
    first = lagging.json("plan")["hash"]
    lagging.report(ALICE, "F1", OrderStatus.PENDING, quantity=50, filled=20, average="1400")
    assert lagging.json("plan")["hash"] != first


def test_two_files_are_compared_on_the_same_state(lagging: Desk) -> None:
    old = write(lagging, "old.yaml", policy=LAG)
    new = write(lagging, "new.yaml", policy=LAG | {"limits": {"max_open_orders": 1}})
    said = copyctl("plan", "--rules", str(new), "--against", str(old), "--format", "table").stdout
    assert "orders of open copies: 1 left as they are" in said
    assert "alice changes: policy.limits" in said
    assert copyctl("plan", "--rules", str(new), "--against", str(lagging.folder / "none.yaml")).returncode == 2


def test_what_the_page_on_the_policy_shows_runs(lagging: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
    shown = re.findall(r"^\$ copyctl (plan .*?) +#", page, re.MULTILINE)
    assert len(shown) == 2
    monkeypatch.chdir(lagging.folder)
    for name in ("prod.yaml", "old.yaml", "new.yaml"):
        write(lagging, name, policy=LAG if name == "new.yaml" else {})
    said = [copyctl(*line.split(), "--format", "table").stdout for line in shown]
    assert ["1 left as they are" in one for one in said] == [True, False]
    assert "1 changed" in said[1]


def test_followers_who_come_and_go_are_named_and_the_new_one_is_not_guessed_at(lagging: Desk) -> None:
    write(lagging, followers=followers("alice", "carol", alice={"enabled": False}))
    said = lagging.json("plan")["followers"]
    assert (said["added"], said["removed"], said["unread"]) == (["carol"], ["bob"], ["carol"])
    assert said["changed"] == [{"follower": "alice", "keys": ["enabled"]}]
    page = lagging.run("plan", "--format", "table").stdout
    assert "followers added: carol" in page
    assert "followers removed: bob" in page
    assert "not known yet for carol" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"store": {"path": "store"}, "leader": {"client_id": "1109", "access_token": "${T}"}},
            "leader.client_id cannot",
        ),
        ({"followers": followers("alice", alice={"client_id": "1109"})}, "the client_id of follower alice cannot"),
        ({"followers": followers("bob")}, "open copies"),
    ],
)
def test_what_a_reload_would_refuse_the_plan_refuses(lagging: Desk, changes: dict[str, Any], words: str) -> None:
    write(lagging, **changes)
    said = lagging.run("plan")
    assert (said.returncode, said.stdout) == (2, "")
    assert words in said.stderr


def test_a_client_id_that_nothing_tells_is_said(lagging: Desk) -> None:
    write(lagging, followers=followers("alice", "bob", "carol", carol={"client_id": "${CAROL_CLIENT_ID}"}))
    said = lagging.run("plan")
    assert said.returncode == 0
    assert "${CAROL_CLIENT_ID}" in said.stderr


def test_with_no_run_alive_it_tells_how_things_stood_and_a_plan_cannot_be_done(lagging: Desk) -> None:
    write(lagging, policy=LAG)
    live = lagging.json("plan")
    lagging.stop()
    said = lagging.run("plan", "--format", "json")
    assert live["hash"] in said.stdout
    assert "no run is alive" in said.stderr
    assert "copyctl reload" not in lagging.run("plan", "--format", "table").stdout
    refused = lagging.run("reload", "--plan", live["hash"])
    assert refused.returncode == 2
    assert "nothing has changed: no run is alive" in refused.stdout
    assert not JournalReader(lagging.store).commands()


def test_a_store_that_is_not_there_yet_is_empty(desk: Desk) -> None:
    said = desk.run("plan")
    assert said.returncode == 0
    assert "there is no store" in said.stderr
    assert '"changes": []' in said.stdout
    assert not desk.store.exists()


def test_what_is_no_hash_is_refused(lagging: Desk) -> None:
    said = lagging.run("reload", "--plan", "abc")
    assert said.returncode == 2
    assert "no hash of a plan" in said.stderr


def test_rules_that_were_refused_are_not_taken_for_those_in_force(lagging: Desk) -> None:
    in_force = read(lagging.rules_file, ENVIRONMENT).document
    write(lagging, followers=followers("bob"))
    loaded = read(lagging.rules_file, ENVIRONMENT)
    refused = PolicyLoaded(
        at=lagging.clock.now(), digest=loaded.document.digest, document=loaded.document.text, rules=loaded.rules
    )
    lagging.post(refused)  # alice would be left behind
    reader = JournalReader(lagging.store)
    kept = reader.rules_in_force()
    reader.close()
    assert kept is not None
    assert (kept.digest, kept.document) == (in_force.digest, in_force.text)


def test_a_store_without_rules_has_none_in_force(tmp_path: Path) -> None:
    open_journal(tmp_path, leader="L").close()
    reader = JournalReader(tmp_path)
    assert reader.rules_in_force() is None
    reader.close()
