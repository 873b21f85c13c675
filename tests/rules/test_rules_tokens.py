"""Renewal: what it needs, and where a new token goes."""

from pathlib import Path
from typing import Any

import pytest
from rules_sample import small, write

from copyctl.model.secret import SourceKind
from copyctl.rules import RulesRefused, Severity, lint, load, read

TOKENS = {"LEADER_ACCESS_TOKEN": "lt", "ALICE_ACCESS_TOKEN": "at"}


def with_alice(tmp_path: Path, **keys: Any) -> Path:
    write(tmp_path, "a-token", "alice.token")
    alice = {"name": "alice", "client_id": "2", "access_token": "${file:alice.token}", **keys}
    return write(tmp_path, small(followers=[alice]))


def test_totp_with_pin_secret_and_a_file_is_whole(tmp_path: Path) -> None:
    path = with_alice(tmp_path, renew="totp", pin="${PIN}", totp_secret="${SECRET}")
    assert [one.code for one in lint([path])] == []
    rules = load(path, {**TOKENS, "PIN": "1234", "SECRET": "JBSWY3DP"})
    assert (rules.followers[0].renew.value, rules.followers[0].pin.reveal()) == ("totp", "1234")


def test_totp_without_its_pin_cannot_work(tmp_path: Path) -> None:
    path = with_alice(tmp_path, renew="totp", totp_secret="${SECRET}")
    (found,) = lint([path])
    assert (found.code, found.severity, found.path) == ("R204", Severity.ERROR, "followers[0].pin")


def test_a_pin_that_its_variable_leaves_empty_is_none_for_a_run(tmp_path: Path) -> None:
    path = with_alice(tmp_path, renew="totp", pin="${PIN:-}", totp_secret="${SECRET:-}")
    assert lint([path]) == []
    with pytest.raises(RulesRefused) as caught:
        load(path, TOKENS)
    assert [(one.code, one.path) for one in caught.value.findings] == [
        ("R204", "followers[0].pin"),
        ("R204", "followers[0].totp_secret"),
    ]


@pytest.mark.parametrize("token", ["${ALICE_ACCESS_TOKEN}", "${file:a}${file:b}"])
@pytest.mark.parametrize("renew", ["renew", "totp"])
def test_a_new_token_that_can_be_kept_nowhere_is_warned_of(tmp_path: Path, token: str, renew: str) -> None:
    path = with_alice(tmp_path, access_token=token, renew=renew, pin="${PIN}", totp_secret="${SECRET}")
    (found,) = lint([path])
    assert (found.code, found.severity, found.path) == ("R230", Severity.WARNING, "followers[0].renew")
    assert "file:PATH" in str(found.hint)


def test_the_sandbox_renews_nothing(tmp_path: Path) -> None:
    content = small(broker={"adapter": "dhan", "environment": "sandbox"})
    content["leader"]["renew"] = "renew"
    found = [one for one in lint([write(tmp_path, content)]) if one.code == "R230"]
    assert [(one.severity, one.path) for one in found] == [(Severity.ERROR, "leader.renew")]


def test_where_a_token_would_stand_is_known_before_its_file_is_there(tmp_path: Path) -> None:
    path = with_alice(tmp_path)
    (tmp_path / "alice.token").unlink()
    with pytest.raises(RulesRefused):
        load(path, TOKENS)
    alice = read(path, TOKENS, lenient=True).rules.followers[0]
    assert not alice.access_token
    assert alice.access_token.source is not None
    assert (alice.access_token.source.kind, alice.access_token.source.name) == (
        SourceKind.FILE,
        str(tmp_path / "alice.token"),
    )
