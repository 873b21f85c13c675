"""Reading with whatever is there: what must act now does without the secrets that are missing."""

from pathlib import Path
from typing import Any

import pytest
from rules_sample import small, write

from copyctl.rules import Loaded, RulesRefused, Severity, read


def accounts(name: str, token: str) -> dict[str, Any]:
    return {"name": name, "client_id": f"${{{name.upper()}_CLIENT_ID}}", "access_token": token}


def several(folder: Path) -> Path:
    """A leader and three followers: tokens from variables and from a file."""
    leader = {"client_id": "${LEADER_CLIENT_ID}", "access_token": "${LEADER_ACCESS_TOKEN}"}
    followers = [
        accounts("alice", "${ALICE_ACCESS_TOKEN}"),
        accounts("bob", "${file:bob.token}"),
        accounts("carol", "${CAROL_ACCESS_TOKEN}"),
    ]
    return write(folder, small(leader=leader, followers=followers))


def warnings(loaded: Loaded) -> dict[str, str]:
    return {one.path: one.code for one in loaded.findings if one.severity is Severity.WARNING}


def test_secrets_and_client_ids_that_are_not_there_are_warnings(tmp_path: Path) -> None:
    loaded = read(several(tmp_path), {"ALICE_ACCESS_TOKEN": "at", "CAROL_ACCESS_TOKEN": ""}, lenient=True)
    assert loaded.rules.leader.client_id == "${LEADER_CLIENT_ID}"
    assert not loaded.rules.leader.access_token
    alice, bob, carol = loaded.rules.followers
    assert (alice.client_id, alice.access_token.reveal()) == ("${ALICE_CLIENT_ID}", "at")
    assert not bob.access_token
    assert not carol.access_token
    found = warnings(loaded)
    assert found["leader.access_token"] == found["followers[0].client_id"] == "R301"
    assert found["followers[1].access_token"] == "R302"
    assert "followers[2].access_token" in found
    assert "followers[0].access_token" not in found


def test_what_else_is_missing_or_wrong_is_refused_still(tmp_path: Path) -> None:
    policy = {"sizing": {"strategy": "fixed_ratio", "ratio": "${RATIO}"}}
    with pytest.raises(RulesRefused) as caught:
        read(write(tmp_path, small(policy=policy)), {}, lenient=True)
    errors = [one.path for one in caught.value.findings if one.severity is Severity.ERROR]
    assert errors == ["policy.sizing.ratio"]


def test_a_run_goes_without_none_of_them(tmp_path: Path) -> None:
    with pytest.raises(RulesRefused):
        read(several(tmp_path), {})
