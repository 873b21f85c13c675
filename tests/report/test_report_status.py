"""How the replicator stands."""

import json
from typing import Any

import pytest

from copyctl.model.account import Account
from copyctl.model.journal import Command
from copyctl.model.placement import Standing
from copyctl.model.pulse import Pulse, Reads
from copyctl.model.records import Record, Spent
from copyctl.model.terms import Decision
from copyctl.report.budget import budgets
from copyctl.report.moments import SECOND, day_of
from copyctl.report.status import PAUSED, Member, Run, status
from tests.report.world import ALICE, BOB, LEADER, NINE, RATES, at, copy, lead, records, slot

FULL = {"orders": {"second": 10, "minute": 250, "hour": 1000, "day": 7000}, "data": 5, "quotes": 1, "other": 20}
NOW = at("10:00:00")
MEMBERS = (Member(name="alice", account=ALICE), Member(name="bob", account=BOB, enabled=False))
UP = {"stream_up": True, "connected_at": NINE}


def told(*rows: Record, **about: Any) -> dict[str, Any]:
    run = Run(**{"running": True, "now": NOW, "since": NINE, "leader": LEADER, **about})
    document = status(records(*rows), run, MEMBERS, RATES)
    assert json.loads(json.dumps(document)) == document
    return document


def alice(*rows: Record, **about: Any) -> dict[str, Any]:
    found: dict[str, Any] = told(*rows, **about)["followers"][0]
    return found


def test_an_empty_store_is_a_stopped_run() -> None:
    document = told(running=False, since=0)
    assert (document["state"], document["since"]) == ("stopped", None)
    assert document["leader"]["connected"] is False
    assert [one["name"] for one in document["followers"]] == ["alice", "bob"]
    assert document["kill_switch"] == {"on": False, "reason": None, "since": None, "followers": []}
    assert document["latency_ms"] == {"p50": None, "p99": None}
    assert document["anomalies"] == {"unreadable": 0, "unknown_status": 0, "early_fills": 0}


def test_a_run_that_listens_says_since_when() -> None:
    leader = Account(account=LEADER, last_frame_at=at("09:59:58"), **UP)
    document = told(leader, Account(account=ALICE, **UP), Account(account=BOB, **UP), lead("L1"), lead("L2", NINE - 1))
    assert (document["state"], document["since"]) == ("running", "2026-09-07T09:20:00.000+05:30")
    assert document["leader"]["connected"] is True
    assert document["leader"]["last_frame_at"] == "2026-09-07T09:59:58.000+05:30"
    assert document["streams_up"] is True


def test_orders_of_today_are_those_of_the_indian_day() -> None:
    document = told(lead("L1", at("00:00:00")), lead("L2", at("2026-09-06T23:59:59")))
    assert document["leader"]["orders_today"] == 1


@pytest.mark.parametrize(
    "leader",
    [
        Account(account=LEADER, stream_up=False, stream_text="connection refused"),
        Account(account=LEADER, refused_token="DH-901", **UP),
        Account(account=LEADER, stream_up=True, connected_at=NINE - SECOND),
    ],
    ids=["stream down", "token refused", "left behind by an earlier run"],
)
def test_a_leader_whose_stream_is_not_there_is_not_connected(leader: Account) -> None:
    assert told(leader)["leader"]["connected"] is False


@pytest.mark.parametrize(
    ("account", "state", "detail"),
    [
        (Account(account=ALICE, **UP), "active", ""),
        (Account(account=ALICE, stream_text="timed out"), "active", "order stream is down: timed out"),
        (
            Account(account=ALICE, refused_token="Invalid Token"),
            "unauthenticated",
            "token refused: Invalid Token; it is tried again every 15 s",
        ),
        (Account(account=ALICE, paused_at=NINE, refused_token="x"), "paused", PAUSED),
        (
            Account(account=ALICE, killed_at=NINE, killed_reason="x", paused_at=NINE),
            "killed",
            f"kill switch: x; {PAUSED}",
        ),
        (
            Account(account=ALICE, killed_at=NINE, killed_reason="by command", refused_token="DH-901"),
            "killed",
            "kill switch: by command",
        ),
    ],
)
def test_a_followers_state_is_the_first_that_holds(account: Account, state: str, detail: str) -> None:
    follower = alice(account)
    assert (follower["state"], follower["detail"]) == (state, detail)


def test_a_disabled_follower_is_leaving_unless_it_is_killed() -> None:
    assert told()["followers"][1]["state"] == "leaving"
    assert told(Account(account=BOB, killed_at=NINE, killed_reason="x"))["followers"][1]["state"] == "killed"


def test_a_follower_counts_its_own_copies() -> None:
    follower = alice(
        copy("L1", slot(0, Standing.WORKING, order_id="F1")),
        copy("L2", slot(0, Standing.WAITING), decision=Decision.QUEUED, reason="rate_limit"),
        copy("L3", slot(0, Standing.REJECTED), decision=Decision.DEAD, reason="rejected_margin"),
        copy("L4", slot(0, Standing.WAITING), decision=Decision.DEAD, reason="unresolved"),
        copy("L5", slot(0, Standing.WORKING, order_id="F5"), follower=BOB),
    )
    counted = {name: follower[name] for name in ("open_orders", "queued", "dead_letters", "unresolved")}
    assert counted == {"open_orders": 1, "queued": 1, "dead_letters": 2, "unresolved": 1}
    assert follower["realised_pnl"] is None


def test_the_kill_switch_names_whom_it_holds_since_when_and_why() -> None:
    document = told(
        Account(account=ALICE, killed_at=at("09:40:00"), killed_reason="later"),
        Account(account=BOB, killed_at=at("09:30:00"), killed_reason="news"),
    )
    assert document["kill_switch"] == {
        "on": True,
        "reason": "news",
        "since": "2026-09-07T09:30:00.000+05:30",
        "followers": ["alice", "bob"],
    }


def test_a_command_that_waits_for_the_next_run_is_told_as_if_it_were_taken_in() -> None:
    kill = Command(command_id=1, given_at=NINE, command="kill", reason="news")
    resume_bob = Command(command_id=2, given_at=NINE + 1, command="resume", account=BOB)
    document = told(running=False, waiting=[kill, resume_bob])
    assert document["kill_switch"]["followers"] == ["alice"]
    assert document["kill_switch"]["reason"] == "news"
    assert [one["state"] for one in document["followers"]] == ["killed", "leaving"]


def spent(*moments: int, account: str = ALICE) -> list[Spent]:
    """The records of requests that arrived at these moments."""
    minutes: dict[int, list[int]] = {}
    for moment in sorted(moments):
        minutes.setdefault(moment // (60 * SECOND), []).append(moment % (60 * SECOND) // 1_000_000)
    return [Spent(account=account, minute=minute, moments=tuple(some)) for minute, some in minutes.items()]


def test_the_rate_budget_is_what_our_own_requests_have_left() -> None:
    earlier = [NOW - 30 * SECOND, NOW - 61 * SECOND, NOW - 1800 * SECOND, NOW - 3601 * SECOND]
    recent = (NOW - SECOND // 2, NOW + SECOND // 2)
    account = Account(account=ALICE, sent=(NOW - 2 * SECOND, *recent), spent_today=7, day=day_of(NOW))
    budget = alice(account, *spent(*earlier, *recent), *spent(NOW, account=BOB))["rate_budget"]
    assert budget == FULL | {"orders": {"second": 8, "minute": 247, "hour": 995, "day": 6993}, "rests_until": None}


def test_the_budget_of_an_account_that_has_sent_nothing_is_full() -> None:
    assert alice()["rate_budget"] == FULL | {"rests_until": None}
    assert alice(Account(account=ALICE, spent_today=9, day=day_of(NOW) - 1))["rate_budget"]["orders"]["day"] == 7000


def test_a_rate_budget_is_never_negative() -> None:
    account = Account(account=ALICE, sent=(NOW,) * 12, spent_today=8000, day=day_of(NOW))
    orders = alice(account, *spent(*[NOW - SECOND] * 300))["rate_budget"]["orders"]
    assert orders == {"second": 0, "minute": 0, "hour": 700, "day": 0}


@pytest.mark.parametrize(
    ("running", "age", "reads"), [(True, SECOND, (4, 0, 3)), (True, 6 * SECOND, (5, 1, 20)), (False, 0, (5, 1, 20))]
)
def test_what_is_left_for_reads_is_what_a_living_run_says(running: bool, age: int, reads: tuple[int, int, int]) -> None:
    pulse = Pulse(at=NOW - age, accounts={ALICE: Reads(data=4, quotes=0, other=3)})
    budget = alice(Account(account=ALICE), running=running, pulse=pulse)["rate_budget"]
    assert (budget["data"], budget["quotes"], budget["other"]) == reads


def test_an_account_that_rests_says_until_when() -> None:
    until = at("10:00:32")
    resting = alice(Account(account=ALICE, rests_until=until, rested=32 * SECOND, **UP))
    assert resting["detail"] == "rests until 10:00:32: the broker says that it is asked too much"
    assert resting["rate_budget"]["rests_until"] == "2026-09-07T10:00:32.000+05:30"
    over = alice(Account(account=ALICE, rests_until=NOW, rested=SECOND, **UP))
    assert (over["detail"], over["rate_budget"]["rests_until"]) == ("", None)


def test_budgets_of_accounts_that_no_record_knows_are_full() -> None:
    left = budgets(records(Account(account=ALICE, sent=(NOW,))), NOW, RATES)
    assert (left[ALICE].orders["second"], left[BOB].orders["second"]) == (9, 10)


def test_latency_is_from_the_leaders_frame_to_our_request_of_today() -> None:
    def took(order_id: str, milliseconds: int, frame_at: int = NINE) -> Record:
        left_at = frame_at + milliseconds * 1_000_000
        return copy(order_id, slot(0, Standing.WORKING, order_id="F", frame_at=frame_at, left_at=left_at))

    today = [took(f"L{number}", number) for number in range(1, 101)]
    yesterday = took("L0", 9999, at("2026-09-06T15:00:00"))
    unknown = copy("L101", slot(0, Standing.WAITING, frame_at=NINE))
    assert told(*today, yesterday, unknown)["latency_ms"] == {"p50": 50.0, "p99": 99.0}


def test_anomalies_are_added_up_over_all_accounts() -> None:
    document = told(
        Account(account=LEADER, unreadable=2, unknown_status=1), Account(account=ALICE, unreadable=1, early_fills=4)
    )
    assert document["anomalies"] == {"unreadable": 3, "unknown_status": 1, "early_fills": 4}
