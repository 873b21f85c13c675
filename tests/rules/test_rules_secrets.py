"""A planted secret is never seen: in no finding, document, printed value or exception, however wrong the file is."""

import copy
import json
import pickle
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rules_sample import small, write

from copyctl.model.secret import Secret
from copyctl.rules import RulesRefused, document, errors, lint, read, render, show

PLANTED = "Tr0ub4dor-and-3"
LONG = "eyJhbGciOiJIUzUxMiJ9.Tr0ub4dor-and-3.sig"

HEAD = """version: 1
name: planted
broker: {adapter: dhan}
leader: {client_id: "1", access_token: "${LT}"}
policy: {sizing: {strategy: fixed_ratio, ratio: 1}}
"""
FOLLOWER = 'followers: [{name: alice, client_id: "2", access_token: "${AT}"}]\n'
LEADER = 'leader: {client_id: "1", access_token: "${LT}"}\n'

# Ways to write a secret into a file; in most of them something is wrong on the same line.
WRITTEN = {
    "plain": 'followers: [{name: alice, client_id: "2", access_token: %s, x: 1}]',
    "quoted": 'followers: [{name: alice, client_id: "2", access_token: "%s", x: 1}]',
    "before the fault": 'followers: [{access_token: %s, nam: alice, client_id: "2"}]',
    "block text": 'followers:\n  - {name: 1a/, client_id: "2"}\n  - access_token: |\n      %s\n    x: 1',
    "folded": 'followers:\n  - access_token: "%s\n      more"\n    x: 1',
    "default": 'followers: [{name: alice, client_id: "2", access_token: "${AT:-%s}", x: 1}]',
    "partly": 'followers: [{name: alice, client_id: "2", access_token: "%s${AT}", x: 1}]',
    "list": "followers: [{name: alice, access_token: [%s]}]",
    "map": "followers: [{name: alice, access_token: {a: %s}}]",
    "twice": "followers: [{name: alice, access_token: %s, access_token: x}]",
    "mistyped key": 'followers: [{name: alice, client_id: "2", acces_tokn: %s}]',
    "token": 'followers: [{name: alice, client_id: "2", token: %s}]',
    "password": "password: %s",
    "pin": FOLLOWER + 'leader: {client_id: "1", access_token: "${LT}", pin: %s, x: 1}',
    "totp": FOLLOWER + 'leader: {client_id: "1", access_token: "${LT}", totp_secret: {b: %s}}',
    "urls": FOLLOWER + "alerts: {urls: [1, %s], x: 1}",
    "url": FOLLOWER + "alerts: {url: [1, %s], x: 1}",
    "urls as text": FOLLOWER + "alerts: {urls: %s}",
    "heartbeat": FOLLOWER + "alerts: {heartbeat_url: [%s]}",
    "syntax error": 'followers: [{access_token: %s, name: "a}]',
    "syntax error after": "followers: [{access_token: %s\nx: {",
    "tab": "followers:\n\t- {access_token: %s}",
    "tag": 'followers: [{name: alice, client_id: "2", access_token: !!binary %s}]',
    "wrong place": "policy: {access_token: %s}",
}


def seen(*things: Any) -> str:
    return " ".join(f"{thing!s} {thing!r}" for thing in things)


@pytest.mark.parametrize("secret", [PLANTED, LONG])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_lint_never_shows_a_secret(written: str, secret: str, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + written % secret + "\n")
    found = lint([path])
    assert found
    assert PLANTED not in seen(*found, render(found))
    with pytest.raises(RulesRefused) as caught:
        read(path, {"LT": "x", "AT": "y"})
    assert PLANTED not in seen(caught.value, *caught.value.findings, *traceback.format_exception(caught.value))


def test_a_secret_from_outside_is_never_shown(tmp_path: Path) -> None:
    write(tmp_path, PLANTED, "token")
    alice = {"name": "alice", "client_id": "2", "access_token": "${file:token}", "renew": "none", "pin": "${EMPTY:-}"}
    path = write(tmp_path, small(leader={"client_id": "1", "access_token": "${LT}"}, followers=[alice]))
    environment = {"LT": PLANTED}
    loaded = read(path, environment)
    assert loaded.rules.leader.access_token.reveal() == PLANTED
    assert loaded.rules.followers[0].access_token.reveal() == PLANTED
    printed = seen(loaded, loaded.rules, asdict(loaded.rules), loaded.document.text, loaded.findings)
    shown = json.dumps([show(path, environment=environment), document(path, environment).content])
    assert PLANTED not in printed + shown


@pytest.mark.parametrize(
    "change",
    [
        {"name": "${LT}/"},
        {"kill_switch": {"on_unresolved_orders": "${LT}"}},
        {"logging": {"level": "${LT}"}},
        {"policy": {"sizing": {"strategy": "fixed_ratio", "ratio": "${LT}"}, "late": {"max_age": "${LT}"}}},
        {"followers": [{"name": "a", "client_id": "2", "access_token": "t", "source_ip": "${LT}"}]},
        {"policy": {"sizing": {"strategy": "fixed_lots", "lots": 1}, "market_hours": {"holidays": ["${LT}"]}}},
    ],
)
def test_a_variable_in_the_wrong_place_is_told_by_its_name(change: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, small(leader={"client_id": "1", "access_token": "${LT}"}, **change))
    with pytest.raises(RulesRefused) as caught:
        read(path, {"LT": PLANTED, "ALICE_ACCESS_TOKEN": "y"})
    assert errors(caught.value.findings)
    assert PLANTED not in seen(caught.value, *caught.value.findings, render(caught.value.findings))


def test_what_an_unreadable_secret_file_holds_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff" + PLANTED.encode())
    path = write(tmp_path, small(leader={"client_id": "1", "access_token": "${file:token}"}))
    with pytest.raises(RulesRefused) as caught:
        read(path, {"ALICE_ACCESS_TOKEN": "y"})
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("key", "scheme"), [("rest_url", "https"), ("order_update_url", "wss"), ("instruments", "http")]
)
@pytest.mark.parametrize("is_variable", [True, False])
def test_an_address_of_the_broker_holds_no_password(key: str, scheme: str, is_variable: bool, tmp_path: Path) -> None:
    url = f"{scheme}://me:{PLANTED}@broker.example/x"
    path = write(tmp_path, small(broker={"adapter": "dhan", key: "${URL}" if is_variable else url}))
    with pytest.raises(RulesRefused) as caught:
        show(path, environment={"URL": url})
    assert [(one.code, one.path) for one in errors(caught.value.findings)] == [("R206", f"broker.{key}")]
    assert PLANTED not in seen(caught.value, *caught.value.findings, render(caught.value.findings))


def test_a_secret_cannot_be_printed_or_written() -> None:
    secret = Secret(PLANTED)
    assert PLANTED not in f"{secret} {secret!r} {secret:>30} {[secret]} %s" % secret
    for encode in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps):
        with pytest.raises(TypeError) as caught:
            encode(secret)
        assert PLANTED not in str(caught.value)
    with pytest.raises(AttributeError):
        secret.text = "x"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        del secret._text
    assert copy.deepcopy(secret) == copy.copy(secret) == secret == Secret(PLANTED)
    assert hash(secret) == hash(Secret(PLANTED))
    assert secret != Secret("other")
    assert bool(secret)
    assert not Secret()
