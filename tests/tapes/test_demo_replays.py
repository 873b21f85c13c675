"""The demo's day replayed: through its own rules to the same decisions, through others to what they would have made."""

import json
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jsonschema import Draft202012Validator

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.order import Fill
from copyctl.model.records import Copy
from copyctl.model.terms import Side
from copyctl.report.analysis.pnl import pnl
from copyctl.report.analysis.tracking import tracking
from copyctl.report.moments import SECOND, date_of, day_of
from copyctl.report.span import Span
from copyctl.store.opening import FILE
from tests.report.analysis.queues import Trade, books
from tests.tapes.conftest import copyctl
from tests.tapes.leader_day import DEMO, TAPE

pytestmark = pytest.mark.xdist_group("demo")  # one process plays the day for all

TEN_MINUTES = 600


def replayed(*words: str) -> dict[str, Any]:
    return dict(json.loads(copyctl("replay", *words, "--format", "json")))


@pytest.mark.timeout(TEN_MINUTES)
def test_through_the_rules_that_it_ran_with_it_reproduces_every_decision(demo: Path) -> None:
    journal = JournalReader(demo.parent / "store")
    kept = [one for one in journal.records(past=True)["copy"] if isinstance(one, Copy)]
    journal.close()
    document = replayed("--rules", str(demo), "--store")
    names = {"1100000002": "alice", "1100000003": "bob"}
    as_kept = {(one.leader_order_id, names[one.follower]): (one.decision, one.reason, one.detail) for one in kept}
    told = {
        (row["leader_order_id"], row["follower"]): (row["decision"], row["reason"], row["detail"])
        for row in document["decisions"]
    }
    assert told == as_kept
    assert len(told) > 300
    assert sum(document["totals"].values()) == len(told)
    assert sum(one.filled for one in kept) == sum(row["quantity"] for row in document["by_reason"])


@pytest.mark.timeout(TEN_MINUTES)
def test_other_rules_on_the_same_store_change_what_they_are_about(demo: Path) -> None:
    other = demo.with_name("other.yaml")
    other.write_text(demo.read_text().replace("{below: 2}", "{below: 105}"))
    same = replayed("--rules", str(demo), "--store", "--against", str(demo))
    assert same["changes"] == []
    changed = replayed("--rules", str(other), "--store", "--against", str(demo))["changes"]
    both = [one for one in changed if one["from"] and one["to"]]
    assert "filtered" in {one["to"]["reason"] for one in both if one["from"]["decision"] == "copied"}
    assert {one["follower"] for one in both} == {"alice", "bob"}


def test_the_same_tape_and_rules_give_the_same_bytes() -> None:
    first, second = (copyctl("replay", "--rules", str(DEMO), "--tape", str(TAPE), "--format", "json") for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert document["totals"]["copied"] > 250
    assert set(document) >= {"decisions", "totals", "changes"}
    trade = next(row for row in document["decisions"] if row["decision"] == "copied")
    assert set(trade) >= {"leader_order_id", "at", "follower", "decision", "reason", "detail", "rule", "order", "trace"}
    assert trade["at"].startswith("2026-07-14T09:15")


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tape = tmp_path / "day.jsonl"
    tape.write_text("\n".join(TAPE.read_text().splitlines()[:20]) + '\n{"at": "2026-07-14T09:15:00", "stream": "up"}\n')
    done = subprocess.run(
        [sys.executable, "-m", "copyctl", "replay", "--rules", str(DEMO), "--tape", str(tape)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 21: 2026-07-14T09:15:00: a time needs its offset" in done.stderr


def test_the_schema_of_tapes_takes_every_line_of_the_demo_and_no_other() -> None:
    schema = json.loads(copyctl("schema", "tape"))
    takes = Draft202012Validator(schema).is_valid
    lines = [json.loads(line) for line in TAPE.read_text().splitlines()]
    kinds = {next(key for key in line if key not in ("at", "account")): line for line in lines}
    assert set(kinds) >= {"tape", "frame", "price", "stream"}
    assert all(takes(line) for line in kinds.values())
    head, price = lines[0], kinds["price"]
    wrong = [
        {},
        {**head, "tape": 2},
        {key: value for key, value in price.items() if key != "at"},
        {**price, "at": "2026-07-14T09:15:00"},
        {**price, "stream": "up"},
        {**price, "price": {**price["price"], "last_price": 0}},
        {"at": price["at"], "stream": "sideways"},
        {"at": price["at"]},
    ]
    assert not any(takes(line) for line in wrong)


LEADER = "1100000001"
NAMES = {LEADER: "leader", "1100000002": "alice", "1100000003": "bob"}


def traded(demo: Path) -> list[Trade]:
    """Every trade that the records tell of."""
    journal = JournalReader(demo.parent / "store")
    kept = journal.records(past=True)
    journal.close()
    placed = {(one.follower, slot.order_id) for one in kept["copy"] if isinstance(one, Copy) for slot in one.slots}
    return [
        Trade(
            number=int(one.trade_id),
            account=one.account,
            security_id=f"{one.segment} {one.security_id}",
            units=one.quantity if one.side is Side.BUY else -one.quantity,
            product=str(one.product),
            price=one.price,
            day=date_of(day_of(one.traded_at)),
            second=one.traded_at // SECOND,
            copied=one.account == LEADER or (one.account, one.order_id) in placed,
        )
        for one in kept["fill"]
        if isinstance(one, Fill)
    ]


@pytest.mark.timeout(TEN_MINUTES)
def test_the_profit_that_the_store_tells_is_the_one_that_the_records_make(demo: Path) -> None:
    trades = traded(demo)
    after = books(trades)
    realised: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for closed in after.closed:
        assert closed.realised is not None
        realised[NAMES[closed.item[0]]] += closed.realised
    for _, lot in after.open:
        assert lot.price is not None
        paid[NAMES[lot.account]] += lot.units * lot.price
    copyctl("query", "--rules", str(demo), "SHOW TABLES")
    with duckdb.connect(str(demo.parent / "store" / FILE), read_only=True) as store:
        store.execute("SET TimeZone = 'Asia/Kolkata'")
        told = {row["follower"]: row for row in pnl(store, Span(), ["follower"])}
        worth = dict(
            store.execute(
                """
                SELECT follower, sum(if(side = 'BUY', quantity, -quantity) * price)
                FROM fifo_matches AS m JOIN (
                    SELECT exchange_segment, security_id, arg_max(price, told_at) AS price FROM last_prices GROUP BY ALL
                ) USING (exchange_segment, security_id)
                WHERE m.day IS NULL GROUP BY follower
                """
            ).fetchall()
        )
        tracked = {row["follower"]: row for row in tracking(store, Span(), ["follower"])}
    assert len(trades) > 100
    assert set(told) == {NAMES[one.account] for one in trades}
    for name, row in told.items():
        assert (row["realised"], row["unrealised"]) == (realised[name], worth.get(name, 0) - paid[name])
    assert {row["unpriced"] + row["unvalued"] for row in told.values()} == {0}
    for name, row in tracked.items():
        assert row["profit"] == (told[name]["net"] if name in told else 0)
        assert row["tracking_error_pct"] is not None
