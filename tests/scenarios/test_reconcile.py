"""``copyctl reconcile``: what differs for real, at a real broker, with a run and without, and what --fix does."""

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.desk import PATIENCE_SECONDS, Desk, Row, pick

ROOT = Path(__file__).parent.parent.parent
Drift = list[tuple[Any, ...]]


def said(desk: Desk, *flags: str, code: int = 1) -> Row:
    """What ``reconcile`` says, as a document."""
    done = desk.command("reconcile", "--format", "json", *flags, check=False)
    assert done.returncode == code, (done.stdout, done.stderr, desk.describe())
    document: Row = json.loads(done.stdout)
    assert document["ok"] is (code == 0)
    return document


def drift(desk: Desk, *flags: str, code: int = 1) -> Drift:
    """Kind, leader order, expected and actual of each row."""
    rows = said(desk, *flags, code=code)["drift"]
    return [pick(row, "kind", "leader_order_id", "expected", "actual") for row in rows]


def actions(desk: Desk, *flags: str, code: int = 1) -> list[tuple[str, str]]:
    """Kind and action of each row."""
    return [pick(row, "kind", "action") for row in said(desk, *flags, code=code)["drift"]]  # type: ignore[misc]


def mail(desk: Desk, *flags: str) -> tuple[int, list[str]]:
    """Exit code and lines for a mail from cron."""
    done = desk.command("reconcile", "--format", "table", *flags, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def resting(desk: Desk, **changes: Any) -> str:
    """A leader order with its copy, both resting."""
    order = desk.place(**changes)
    desk.follows(order, follower_status="PENDING")
    return order


def held(desk: Desk, **changes: Any) -> str:
    """A leader order with its copy, both filled at the market."""
    order = desk.place(order_type="MARKET", price=0, **changes)
    desk.follows(order, follower_status="TRADED")
    desk.look_again()
    return order


def own(desk: Desk, order: str) -> str:
    """The order id of alice's copy."""
    return str(desk.copy(order)["follower_order_ids"][-1])


# --- nothing differs --------------------------------------------------------------------------------------------------


def test_a_converged_day_has_no_drift_with_a_run_and_without_one(desk: Desk) -> None:
    desk.start()
    resting(desk)
    held(desk)
    gone = resting(desk, price=89)
    desk.cancel(gone)
    desk.follows(gone, follower_status="CANCELLED")
    assert drift(desk, code=0) == []
    assert mail(desk) == (0, ["copyctl: no differences, 1 follower, 6 orders compared"])
    desk.stop()
    assert drift(desk, code=0) == []


def test_what_whole_lots_cannot_say_of_an_exit_goes_with_the_next_one_and_is_no_drift(desk: Desk) -> None:
    desk.policy["sizing"] = {"strategy": "fixed_ratio", "ratio": 0.25}
    desk.start()
    entry = desk.place(order_type="MARKET", price=0, quantity=260)
    desk.follows(entry, follower_status="TRADED", follower_filled=65)
    first = desk.place(price=105, quantity=130, transaction_type="SELL")
    desk.follows(first, decision="refused", reason="zero_quantity")  # half a lot
    desk.price(106)
    desk.eventually(lambda: desk.order(first)["orderStatus"] == "TRADED")
    last = desk.place(price=110, quantity=130, transaction_type="SELL")
    desk.follows(last, follower_status="PENDING", follower_quantity=65)
    desk.price(111)
    desk.follows(last, follower_status="TRADED", follower_filled=65)
    assert desk.net() == 0
    assert drift(desk, code=0) == []
    assert desk.alerts("drift") == []


def test_beside_a_busy_run_nothing_is_called_drift_that_is_only_on_its_way(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    busy, ended = threading.Event(), threading.Event()

    def trade() -> None:
        with contextlib.suppress(AssertionError):
            for price in range(60, 90):
                if ended.is_set():
                    return
                order = desk.place(price=price)
                desk.modify(order, price=price + 0.5)
                busy.set()
                if price % 3 == 0:
                    desk.cancel(order)
                if price % 5 == 0:
                    desk.place(order_type="MARKET", price=0, quantity=65)

    leader = threading.Thread(target=trade)
    leader.start()
    try:
        assert busy.wait(30)
        for _ in range(3):
            assert drift(desk, code=0) == []
    finally:
        ended.set()
        leader.join()


def test_what_the_policy_did_not_want_is_no_drift(desk: Desk) -> None:
    desk.policy = {"filters": {"default": "skip"}}
    desk.start()
    order = desk.place()
    desk.follows(order, decision="skipped")
    assert drift(desk, code=0) == []
    desk.stop()
    desk.place(price=88)
    assert drift(desk, code=0) == []


def test_a_paused_follower_waits_and_its_rows_are_no_drift(desk: Desk) -> None:
    desk.start()
    desk.command("pause", "--follower", "alice")
    order = desk.place()
    desk.follows(order, decision="queued", reason="follower_paused")
    assert drift(desk, code=0) == []
    desk.stop()
    assert drift(desk, code=0) == []


# --- what a person did is left to him ---------------------------------------------------------------------------------


def test_a_copy_that_was_cancelled_by_hand_is_told_and_left_to_the_person(desk: Desk) -> None:
    desk.start()
    order = resting(desk)
    desk.make("CANCELLED", "alice", own(desk, order))
    desk.follows(order, follower_status="CANCELLED")
    assert drift(desk) == [("status", order, "PENDING", "CANCELLED")]
    ((kind, action),) = actions(desk, "--fix")
    assert kind == "status"
    assert action.startswith("left to you: ended by hand, by the broker or by the exchange")
    desk.heard("place")
    desk.stop()
    assert drift(desk, "--fix") == [("status", order, "PENDING", "CANCELLED")]
    desk.heard("place")


def test_a_changed_price_and_a_changed_quantity_are_told_and_left_to_the_person(desk: Desk) -> None:
    desk.start()
    first, second = resting(desk), resting(desk, price=88)
    desk.modify(own(desk, first), "alice", price=85)
    desk.modify(own(desk, second), "alice", price=88, quantity=65)
    wanted = [("price", first, "LIMIT 90", "LIMIT 85"), ("quantity", second, 130, 65)]
    assert drift(desk) == wanted
    desk.follows(first, drift="changed by hand, by the broker or by the exchange")
    desk.follows(second, drift="changed by hand, by the broker or by the exchange")
    told = actions(desk, "--fix")
    assert [action.split(":")[0] for _, action in told] == ["left to you", "left to you"]
    assert desk.order(own(desk, first), "alice")["price"] == 85


def test_a_position_that_was_traded_by_hand_is_told_beyond_the_tolerance(desk: Desk) -> None:
    desk.start()
    held(desk)
    assert drift(desk, code=0) == []
    desk.by_hand("alice", orderType="MARKET", price=0, quantity=65)
    assert drift(desk) == [("position", None, 130, 195)]
    assert drift(desk, "--tolerance", "1", code=0) == []
    ((_, action),) = actions(desk, "--fix")
    assert action == "left to you: traded by hand, by the broker or from another place"
    assert desk.net() == 195


# --- orders of ours that no copy wants --------------------------------------------------------------------------------


def test_an_order_of_ours_that_no_copy_wants_is_cancelled_by_the_run(desk: Desk) -> None:
    desk.start()
    order = resting(desk)
    name = desk.copy(order)["correlation_id"]
    twice = desk.by_hand("alice", price=88, correlationId=name.removesuffix("0") + "7")
    same = desk.by_hand("alice", price=87, correlationId=name)
    persons = desk.by_hand("alice", price=86)
    another = desk.by_hand("alice", price=85, correlationId="cc0123456789abcdef01-0")
    found = said(desk)["drift"]
    assert {row["kind"] for row in found} == {"orphan_order"}
    assert {row["leader_order_id"] for row in found} == {order, None}
    done = said(desk, "--fix")["drift"]
    assert [pick(row, "leader_order_id", "action")[0] for row in done if row["action"] == "cancelled"] == [order]
    desk.reaches("CANCELLED", order_id=twice)
    desk.reaches("CANCELLED", order_id=same)
    assert desk.order(own(desk, order), "alice")["orderStatus"] == "PENDING"
    assert desk.order(persons, "alice")["orderStatus"] == "PENDING"
    (left,) = said(desk)["drift"]
    assert pick(left, "kind", "leader_order_id", "follower_order_id") == ("orphan_order", None, another)
    assert "another deployment's" in left["action"]
    assert desk.order(another, "alice")["orderStatus"] == "PENDING"
    row = desk.copy(order)
    assert pick(row, "follower_quantity", "follower_status", "wanted_quantity") == (130, "PENDING", 130)


def test_an_orphan_is_cancelled_with_no_run_alive(desk: Desk) -> None:
    desk.start()
    order = resting(desk)
    desk.stop()
    name = desk.copy(order)["correlation_id"]
    orphan = desk.by_hand("alice", price=88, correlationId=name.removesuffix("0") + "3")
    assert drift(desk) == [("orphan_order", order, "nothing", "BUY 130 LIMIT 88")]
    assert actions(desk, "--fix", code=0) == [("orphan_order", "cancelled")]
    assert desk.order(orphan, "alice")["orderStatus"] == "CANCELLED"
    assert desk.order(own(desk, order), "alice")["orderStatus"] == "PENDING"
    assert drift(desk, code=0) == []


# --- while no run was alive -------------------------------------------------------------------------------------------


def test_what_happened_while_no_run_was_alive_is_told_by_its_kind_and_mended(desk: Desk) -> None:
    desk.start()
    cancelled, dearer, larger = (resting(desk, price=price) for price in (90, 89, 88))
    bought = held(desk)
    desk.stop()
    desk.cancel(cancelled)
    desk.modify(dearer, price=91)
    desk.modify(larger, price=88, quantity=195)
    fresh = desk.place(price=84)
    out = desk.place(order_type="MARKET", price=0, transaction_type="SELL")
    assert drift(desk) == [
        ("orphan_order", cancelled, "nothing", "BUY 130 LIMIT 90"),
        ("price", dearer, "LIMIT 91", "LIMIT 89"),
        ("quantity", larger, 195, 130),
        ("missing_copy", fresh, "BUY 130 LIMIT 84", "nothing"),
        ("fill", out, 130, 0),
    ]
    assert sorted(actions(desk, "--fix", code=0)) == [
        ("fill", "placed"),
        ("missing_copy", "placed"),
        ("orphan_order", "cancelled"),
        ("price", "changed"),
        ("quantity", "changed"),
    ]
    assert drift(desk, code=0) == []
    assert desk.net() == 0
    assert pick(desk.copy(dearer), "follower_status", "price") == ("PENDING", 91)
    assert desk.copy(bought)["follower_filled"] == 130
    desk.quiet()
    assert len([row for row in desk.book() if row["orderStatus"] == "PENDING"]) == 3


def test_fills_that_nobody_saw_are_told_and_recorded(desk: Desk) -> None:
    desk.start()
    order = resting(desk)
    desk.stop()
    desk.fill("leader", order, 130, 90)
    desk.fill("alice", own(desk, order), 130, 90)
    assert drift(desk) == [("position", None, 0, 130)]
    assert actions(desk, "--fix", code=0) == [("position", "recorded (fills that the store does not know)")]
    assert desk.copy(order)["follower_filled"] == 130


def test_a_copy_that_fell_short_of_what_the_leader_traded_is_a_fill_beyond_the_tolerance(desk: Desk) -> None:
    desk.start()
    order = resting(desk)
    desk.fill("leader", order, 65, 90)
    desk.follows(order, leader_filled=65)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    assert drift(desk) == [("fill", order, 65, 0)]
    assert drift(desk, "--tolerance", "1", code=0) == []
    ((_, action),) = actions(desk, "--fix")
    assert action.startswith("left to you: filled 0 where")


def test_an_order_of_unknown_fate_is_unresolved(desk: Desk) -> None:
    desk.rules = {"resilience": {"request_timeout": "500ms", "settle": {"absent_for": "60s", "give_up": "60s"}}}
    desk.fault(kind="hang", method="POST", times=1)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="queued", reason="settling")
    ((kind, row, expected, actual),) = drift(desk)
    assert (kind, row, expected) == ("unresolved", order, "a known fate")
    assert actual == f"unknown: {desk.copy(order)['correlation_id']}"
    ((_, action),) = actions(desk, "--fix")
    assert action.startswith("waits: it is looked for on and on")
    desk.stop()
    assert [kind for kind, *_ in drift(desk)] == ["unresolved"]


# --- without a store, and with one that cannot be used ----------------------------------------------------------------


def test_without_a_store_the_accounts_alone_are_compared(desk: Desk) -> None:
    desk.write_rules()
    done = desk.command("reconcile", "--format", "json", check=False)
    assert done.returncode == 0, done.stderr
    assert "there is no store" in done.stderr
    order = desk.place()
    assert drift(desk) == [("missing_copy", order, "BUY 130 LIMIT 90", "nothing")]
    assert not desk.store.exists()
    assert desk.calls("alice") == []


def test_a_lost_store_finds_the_copies_by_their_ids(desk: Desk) -> None:
    desk.start()
    resting(desk)
    held(desk)
    desk.kill()
    for part in desk.store.iterdir():
        if part.is_file():
            part.unlink()
    assert drift(desk, code=0) == []


@pytest.fixture
def newer(desk: Desk) -> Desk:
    """A store that a later version wrote."""
    desk.start()
    desk.stop()
    with contextlib.closing(sqlite3.connect(desk.store / "journal.sqlite")) as database:
        database.execute("UPDATE meta SET value = '999' WHERE key = 'version'")
        database.commit()
    return desk


def test_a_store_of_a_newer_version_is_refused(newer: Desk) -> None:
    done = newer.command("reconcile", check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert "newer" in done.stderr


# --- the broker does not answer, or is asked wrongly ------------------------------------------------------------------


def test_a_broker_that_is_away_is_exit_code_3(desk: Desk) -> None:
    desk.rules = {"broker": {"rest_url": "http://127.0.0.1:9/v2"}}
    desk.write_rules()
    done = desk.command("reconcile", "--format", "json", check=False)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert document["drift"] == []
    assert document["ok"] is False
    assert {row["account"] for row in document["unread"]} == {"leader", "alice"}


def test_a_follower_that_is_refused_is_told_and_the_others_are_compared(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    order = resting(desk)
    desk.make("CANCELLED", "alice", own(desk, order))
    desk.follows(order, follower_status="CANCELLED")
    desk.broker.tell("token", account="bob", action="kill")
    document = said(desk, code=3)
    assert [pick(row, "follower", "kind") for row in document["drift"]] == [("alice", "status")]
    assert [row["account"] for row in document["unread"]] == ["bob"]
    code, lines = mail(desk)
    assert code == 3
    assert lines[0] == "copyctl: cannot read bob; 1 difference at alice (1 status)"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--date", "yesterday"), "is no date"),
        (("--date", "2999-01-01"), "is yet to come"),
        (("--date", "2026-09-07", "--fix"), "cannot be mended"),
        (("--tolerance", "-1"), "tolerance"),
        (("--date", "2026-09-07"), "copyctl backfill"),
    ],
)
def test_a_mistake_is_answered_with_the_way_out(desk: Desk, flags: tuple[str, ...], words: str) -> None:
    desk.write_rules()
    done = desk.command("reconcile", *flags, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_cron_gets_a_subject_and_a_line_for_each_row_and_by_the_line_of_the_page_nothing_where_all_is_well(
    desk: Desk,
) -> None:
    desk.start()
    order = resting(desk)
    done = desk.command("reconcile", "--format", "table")
    assert done.stdout.startswith("copyctl: no differences")
    written = re.search(r"copyctl (-q reconcile .*)", (ROOT / "docs" / "operate.md").read_text())
    assert written is not None
    words = [str(desk.rules_file) if word.endswith(".yaml") else word for word in written[1].split()]
    hushed = subprocess.run(
        [sys.executable, "-m", "copyctl", *words],
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (hushed.returncode, hushed.stdout, hushed.stderr) == (0, "", "")
    desk.make("CANCELLED", "alice", own(desk, order))
    desk.follows(order, follower_status="CANCELLED")
    code, lines = mail(desk)
    assert code == 1
    assert lines[0] == "copyctl: 1 difference at alice (1 status)"
    assert lines[1].startswith("  alice: status NIFTY")
    assert f"of the leader's order {order}" in lines[1]
    assert len(lines) == 2
