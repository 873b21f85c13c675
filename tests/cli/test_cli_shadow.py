"""A shadow's rules, its store behind a run's journal, and what is said of both; the processes are in the scenarios."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from copyctl.cli import shadow_process
from copyctl.cli.shadow import SINCE, Given, differences, how_to_see, in_words, policy_of
from copyctl.cli.shadow_process import Pursuit
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.events import FrameRead
from copyctl.model.records import Copy
from copyctl.rules import read
from copyctl.wire.dhan.dialect import Dhan
from tests.bench.engine import frame
from tests.cli.world import ALICE, BOB, ENVIRONMENT, LEADER, Desk

WHOLE = {"sizing": {"ratio": 1}}
CAROL = {"name": "carol", "client_id": "1100000007", "access_token": "${CAROL_ACCESS_TOKEN}"}
MINUTE = 60_000_000_000


def new_rules(desk: Desk, **changes: Any) -> Path:
    path = desk.folder / "new.yaml"
    path.write_text(yaml.safe_dump({"extends": "rules.yaml", "policy": WHOLE, **changes}))
    return path


def pursuit(desk: Desk, after: int = 0, digest: str = "") -> Pursuit:
    policy = policy_of(new_rules(desk), read(desk.rules_file, ENVIRONMENT))
    given = Given(
        live=str(desk.store),
        store=str(desk.store / "shadow"),
        leader=LEADER,
        digest=digest or policy.digest,
        document=policy.document,
        after=after,
        since=7,
    )
    return Pursuit(given)


def told(desk: Desk, status: str, filled: int = 0) -> None:
    """A frame as the stream has it: the leader buys 130 of an option, two lots, at 100."""
    now = desk.clock.now()
    raw = frame(10**14, status, moment=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now / 1e9 + 19_800)))
    raw = raw.replace(b'"tradedQty": 0', b'"tradedQty": %d' % filled).replace(
        b'"avgTradedPrice": 0.0', b'"avgTradedPrice": 100.0'
    )
    desk.post(FrameRead(at=now, account=LEADER, raw=raw, reports=Dhan().read_frame(raw, LEADER, now).reports))


def trade(desk: Desk) -> None:
    """His order trades; alice copies half of it, the share of bob is too small for a lot."""
    told(desk, "Pending")
    desk.acknowledge("F1")
    told(desk, "Traded", filled=130)


def copies(folder: Path) -> dict[str, Copy]:
    with closing(JournalReader(folder)) as reader:
        return {one.follower: one for one in reader.records()["copy"] if isinstance(one, Copy)}


def newest(desk: Desk) -> int:
    with closing(JournalReader(desk.store)) as reader:
        return reader.newest().seq


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"leader": {"client_id": "1100000009"}}, "has another leader.client_id than the run"),
        ({"store": {"path": "elsewhere"}}, "has another store.path than the run"),
        ({"followers": [CAROL]}, "has another set of followers than the run"),
        ({"policy": {"sizing": {"ratio": -1}}}, "the rules of the shadow cannot be used"),
    ],
)
def test_a_shadow_of_other_accounts_or_another_store_is_refused_at_the_start(
    desk: Desk, changes: Mapping[str, Any], why: str
) -> None:
    done = desk.run("run", "--shadow", str(new_rules(desk, **changes)), environment=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert not desk.store.exists()


def test_a_shadow_needs_no_secret_and_takes_its_accounts_from_the_run(desk: Desk, monkeypatch: Any) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    policy = policy_of(new_rules(desk), read(desk.rules_file, ENVIRONMENT))
    assert all(account in policy.document for account in (LEADER, ALICE, BOB))
    assert "${LEADER_CLIENT_ID}" not in policy.document


def test_it_follows_the_journal_decides_by_its_own_rules_and_leaves_the_journal_as_it_is(desk: Desk) -> None:
    desk.start()
    trade(desk)
    before = (desk.store / "journal.sqlite").stat().st_size, newest(desk)
    shadow = pursuit(desk)
    assert not shadow.turn(desk.clock.now() + MINUTE)
    shadow.close()
    assert ((desk.store / "journal.sqlite").stat().st_size, newest(desk)) == before
    decided = copies(desk.store / "shadow")
    assert {name: one.filled for name, one in decided.items()} == {ALICE: 130, BOB: 0}
    found = differences(desk.store)
    assert {name: tuple(one) for name, one in found.items()} == {ALICE: (1, 1), BOB: (1, 0)}
    assert in_words(found) == "1 of 2 decisions differ from those of the run"
    assert desk.run("orders", "--shadow").stderr.strip() == in_words(found)
    (row,) = desk.json("orders", "--shadow", "--follower", "alice")["copies"]
    assert (row["decision"], row["follower_quantity"], row["follower_filled"]) == ("copied", 130, 130)
    assert desk.json("positions", "--shadow", "--follower", "alice")["positions"][0]["copied"] == 130
    assert desk.json("status", "--shadow")["state"] == "stopped"
    assert '"decision"' in desk.run("events", "--shadow").stdout


def test_what_it_took_in_twice_is_decided_once(desk: Desk, monkeypatch: Any) -> None:
    desk.start()
    shadow = pursuit(desk)
    shadow.turn(desk.clock.now())
    trade(desk)
    with monkeypatch.context() as dying:  # after it has written, before it notes how far it came
        dying.setattr(shadow._journal, "mark", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            shadow.turn(desk.clock.now())
    shadow.close()
    first = copies(desk.store / "shadow")[ALICE]
    again = pursuit(desk)
    again.turn(desk.clock.now())
    again.close()
    second = copies(desk.store / "shadow")[ALICE]
    assert (second.filled, len(second.slots), second.created_at) == (130, 1, first.created_at)


@pytest.mark.parametrize("cause", ["other rules", "another journal"])
def test_other_rules_or_another_journal_begin_anew_and_the_old_store_is_kept_aside(desk: Desk, cause: str) -> None:
    desk.start()
    trade(desk)
    first = pursuit(desk)
    first.turn(desk.clock.now())
    first.close()
    if cause == "another journal":
        desk.stop()
        for one in desk.store.glob("journal.sqlite*"):
            one.unlink()
        desk.start()
    second = pursuit(desk, after=newest(desk), digest="of other rules" if cause == "other rules" else "")
    assert not second.turn(desk.clock.now())
    second.close()
    (aside,) = desk.store.glob("shadow-until-*")
    assert copies(aside)[ALICE].filled == 130
    assert copies(desk.store / "shadow") == {}
    with closing(JournalReader(desk.store / "shadow")) as reader:
        assert reader.meta(SINCE) == "7"


def test_a_long_way_is_taken_in_pieces(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(shadow_process, "MOST_AT_ONCE", 2)
    desk.start()
    told(desk, "Pending")
    shadow = pursuit(desk)
    turns = 1
    while shadow.turn(desk.clock.now()):
        turns += 1
    shadow.close()
    assert turns > 2
    assert copies(desk.store / "shadow")[ALICE].decision == "copied"


def test_the_commands_that_tell_which_decisions_differ_can_be_copied(desk: Desk) -> None:
    policy = policy_of(new_rules(desk), read(desk.rules_file, ENVIRONMENT))
    live, dry = (how_to_see(policy, Path("my rules.yaml"), dry=one) for one in (False, True))
    assert "--store --against 'my rules.yaml', or copyctl orders --rules 'my rules.yaml' --shadow" in live
    assert dry == "copyctl orders --rules 'my rules.yaml' --dry-run --shadow"
