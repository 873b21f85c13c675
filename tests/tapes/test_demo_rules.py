"""rules/demo.yaml: clean, accepted by a run, and with something to do for every rule on the demo's tape."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from copyctl.core import filters, sizing
from copyctl.core.book import fold
from copyctl.core.wish import first_wish
from copyctl.model.policy import Follower, Rules
from copyctl.model.terms import OrderStatus
from copyctl.rules import lint, load, read
from copyctl.wire.dhan import Dhan
from tests.tapes.leader_day import DEMO, TAPE, the_day

DAY = the_day()
NOW = 1_800_000_000_000_000_000


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load(DEMO, {})


def follower(rules: Rules, name: str) -> Follower:
    return next(one for one in rules.followers if one.name == name)


def test_it_is_clean_and_needs_no_variable() -> None:
    assert lint([DEMO]) == []
    assert read(DEMO, {}).findings == ()


def test_it_plays_the_tape_at_the_simulator(rules: Rules) -> None:
    assert rules.broker.adapter == "simulator"
    assert Path(rules.broker.simulator.tape or "").resolve() == TAPE
    assert rules.leader.client_id == DAY.header["client_id"]
    tokens = [account.access_token.reveal() for account in (rules.leader, *rules.followers)]
    assert len(set(tokens)) == 3
    assert all(tokens)


def decided(rules: Rules, name: str) -> Counter[str]:
    """What becomes of each of the leader's orders by rule and size alone."""
    found: Counter[str] = Counter()
    account = follower(rules, name)
    for order in DAY.orders.values():
        (report,) = Dhan().read_frame(order.told[0].text.encode(), rules.leader.client_id, 1).reports
        seen, instrument = fold(None, report), report.instrument
        assert seen.terms is not None
        assert instrument is not None
        wish = first_wish(seen, seen.terms)
        rule = filters.first_match(account.policy.filters, seen, wish, instrument, NOW)
        found[rule.name if rule else "no rule"] += 1
        if rule is None or rule.action == "copy":
            fixed = sizing.fix((rule and rule.sizing) or account.policy.sizing, None, instrument.lot_size)
            found["sized" if sizing.size(fixed, wish.quantity).quantity else "too small"] += 1
    return found


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_every_rule_has_work(rules: Rules, name: str) -> None:
    found = decided(rules, name)
    for rule in follower(rules, name).policy.filters.rules:
        assert found[rule.name] >= 2, rule.name
    assert found["no rule"] > 50
    assert found["too small"] >= 2
    assert found["sized"] > 100


def test_bob_is_half_of_alice(rules: Rules) -> None:
    alice, bob = (follower(rules, name).policy.sizing for name in ("alice", "bob"))
    assert alice.ratio is not None
    assert bob.ratio == alice.ratio / 2
    assert bob == replace(alice, ratio=bob.ratio)


def test_a_penny_order_is_skipped_in_and_out(rules: Rules) -> None:
    penny = [order for order in DAY.orders.values() if order.key[1] in {"41230", "41231"}]
    assert {order.sign for order in penny} == {1, -1}
    policy = follower(rules, "alice").policy
    for order in penny:
        (report,) = Dhan().read_frame(order.told[0].text.encode(), rules.leader.client_id, 1).reports
        seen = fold(None, report)
        assert seen.terms is not None
        assert seen.status is OrderStatus.TRANSIT
        assert report.instrument is not None
        rule = filters.first_match(policy.filters, seen, first_wish(seen, seen.terms), report.instrument, NOW)
        assert rule is not None
        assert (rule.name, rule.action) == ("no penny options", "skip")


def test_a_run_accepts_it(tmp_path: Path) -> None:
    own = tmp_path / "demo.yaml"
    own.write_text(f"version: 1\nname: demo\nextends: {DEMO}\nstore: {{path: ./store}}\n")
    run = subprocess.run(
        [sys.executable, "-m", "copyctl", "run", "--once", "--rules", str(own)],
        env={key: value for key, value in os.environ.items() if key in {"PATH", "HOME"}},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "store").is_dir()
