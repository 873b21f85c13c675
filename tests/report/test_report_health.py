"""When a run is well, and when its latency is told."""

from dataclasses import replace as with_fields
from typing import Any

import pytest

from copyctl.model.account import Account
from copyctl.model.policy import Rules
from copyctl.report.health import Vitals, troubles
from copyctl.report.latency import LatencyWindow
from copyctl.rules import rules_of
from tests.report.world import ALICE, LEADER

SECOND = 1_000_000_000
MS = 1_000_000
NOW = 1_789_454_531 * SECOND
WELL = {"ready": True, "books_at": NOW - SECOND, "stream_up": True, "connected_at": NOW - 100 * SECOND}
VITALS = Vitals(now=NOW, turned_at=NOW - SECOND)


def rules() -> Rules:
    follower = {"name": "alice", "client_id": ALICE, "access_token": "x"}
    leader = {"client_id": LEADER, "access_token": "x"}
    head = {"version": 1, "name": "x", "broker": {"adapter": "dhan"}}
    sizing = {"sizing": {"strategy": "fixed_ratio", "ratio": 1}}
    return rules_of({**head, "leader": leader, "followers": [follower], "policy": sizing})


def told(
    leader: dict[str, Any] | None = None, alice: dict[str, Any] | None = None, vitals: Vitals = VITALS
) -> list[str]:
    accounts = {
        LEADER: Account(account=LEADER, **{**WELL, **(leader or {})}),
        ALICE: Account(account=ALICE, **{**WELL, **(alice or {})}),
    }
    return troubles(accounts, rules(), vitals)


def test_a_run_that_reads_and_hears_is_well() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("leader", "alice", "said"),
    [
        ({"stream_up": False, "down_at": NOW - 31 * SECOND}, {}, ["the leader's order stream is down for 31 s"]),
        ({"stream_up": False, "down_at": NOW - 29 * SECOND}, {}, []),
        ({}, {"stream_up": False, "down_at": NOW - 999 * SECOND}, []),
        ({"books_at": NOW - 61 * SECOND}, {}, ["leader's books were last read 61 s ago"]),
        ({}, {"books_at": NOW - 61 * SECOND}, ["alice's books were last read 61 s ago"]),
        ({}, {"books_at": NOW - 59 * SECOND}, []),
        ({}, {"ready": False}, ["alice's books have not been read yet"]),
        ({"refused_token": "DH-901"}, {}, ["the broker refuses the leader's token or address"]),
        ({}, {"refused_token": "DH-901"}, []),
        ({}, {"held": "x"}, ["alice is held: an event failed for it alone"]),
        ({}, {"killed_at": NOW}, []),
    ],
)
def test_what_keeps_a_run_from_being_well(leader: dict[str, Any], alice: dict[str, Any], said: list[str]) -> None:
    assert told(leader, alice) == said


def test_the_process_itself_may_be_in_trouble() -> None:
    assert told(vitals=with_fields(VITALS, store_trouble="disk full")) == ["the store cannot be written"]
    assert told(vitals=with_fields(VITALS, turned_at=NOW - 6 * SECOND)) == ["the event loop has not turned for 6 s"]
    assert told(vitals=with_fields(VITALS, turned_at=0)) == ["the run is not copying: it begins, or ends"]


def test_latency_is_told_with_its_figures_while_the_last_minute_is_above_the_budget() -> None:
    window = LatencyWindow()
    assert window.above(250 * MS, NOW) == ""
    for number in range(9):
        window.add(NOW - number * SECOND, 10 * MS)
    assert window.above(250 * MS, NOW) == ""
    window.add(NOW, 300 * MS)
    said = window.above(250 * MS, NOW)
    assert said == (
        "frame to request took 300.0 ms (p99) over the last minute, alerts.latency_budget is 250.0 ms: "
        "10 placements, median 10.0 ms, slowest 300.0 ms"
    )
    assert window.above(300 * MS, NOW) == ""
    assert window.above(250 * MS, NOW + 60 * SECOND) == ""
