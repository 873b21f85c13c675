"""``positions``, and orders that are more, or less, than the copy of one leader order."""

import json
from decimal import Decimal
from typing import Any

from copyctl.model.account import Account
from copyctl.model.effects import Notice
from copyctl.model.order import Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy, LeaderOrder, Position, Record
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Segment, Side, Validity
from copyctl.report.moments import day_of
from tests.cli.world import ALICE, LEADER, Desk

COLUMNS = ("leader", "wanted", "copied", "by_hand", "actual")


def test_positions_of_a_live_run(traded: Desk) -> None:
    alice, bob = json.loads(traded.apart("positions").stdout)["positions"]
    assert {key: alice[key] for key in ("follower", "exchange_segment", "security_id", "symbol", "product")} == {
        "follower": "alice",
        "exchange_segment": "NSE_EQ",
        "security_id": "2885",
        "symbol": None,
        "product": "INTRADAY",
    }
    assert [alice[key] for key in COLUMNS] == [100, 50, 50, 0, 50]
    assert (bob["follower"], [bob[key] for key in COLUMNS]) == ("bob", [100, 0, 0, 0, 0])


def test_positions_are_the_same_when_the_run_is_over_and_the_variables_are_set(traded: Desk) -> None:
    alive = traded.run("positions")
    assert (alive.returncode, alive.stderr) == (0, "")
    traded.stop()
    assert traded.run("positions") == alive
    assert traded.run("positions", environment={"ALICE_CLIENT_ID": ALICE}) == alive


def test_positions_of_one_follower(traded: Desk) -> None:
    assert [row["follower"] for row in traded.json("positions", "--follower", "bob")["positions"]] == ["bob"]
    done = traded.run("positions", "--follower", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are alice, bob" in done.stderr


def test_positions_of_a_dry_run_are_apart(traded: Desk) -> None:
    assert traded.json("positions", "--dry-run") == {"positions": []}


def test_positions_for_people_stand_in_columns(traded: Desk) -> None:
    head, alice, bob = traded.run("positions", "--format", "table").stdout.splitlines()
    assert head.split() == [
        "follower",
        "instrument",
        "segment",
        "product",
        *("leader", "wanted", "copied", "by", "hand", "actual"),
    ]
    assert alice.split() == ["alice", "2885", "NSE_EQ", "INTRADAY", "100", "50", "50", "0", "50"]
    assert bob.split()[-5:] == ["100", "0", "0", "0", "0"]
    assert {len(line.rstrip()) for line in (head, alice, bob)} == {len(head.rstrip())}  # numbers end where heads do


def test_a_reader_is_told_what_is_old_or_not_known(desk: Desk) -> None:
    today = day_of(desk.clock.now())
    desk.keep(
        Account(account=LEADER, day=today, positions_at=1),
        Account(account=ALICE, day=today, positions_why="HTTP 500"),
        Position(account=ALICE, segment=Segment.NSE_EQ, security_id="2885", product=Product.CNC, base=-3),
    )
    done = desk.run("positions")
    assert [row["by_hand"] for row in json.loads(done.stdout)["positions"]] == [-3]
    assert done.stderr == (
        "positions: what alice began the day with was not read yet (HTTP 500): today's fills alone count\n"
    )


# --- reversals, and rows of copyctl's own --------------------------------------------------------------------------

OURS = "position:NSE_FNO:43210:INTRADAY:2026-09-07:1"


def terms(quantity: int, order_type: OrderType = OrderType.LIMIT) -> Terms:
    price = Decimal("101.5") if order_type.has_price else Decimal(0)
    return Terms(order_type=order_type, validity=Validity.DAY, quantity=quantity, price=price)


def copy(row: str, order_id: str, quantity: int, **changes: Any) -> Copy:
    wanted = changes.pop("terms", terms(quantity))
    slot = Slot(revision=0, correlation_id=f"cc-{order_id}", asked=wanted, standing=Standing.WORKING, order_id=order_id)
    return Copy(
        leader_order_id=row,
        follower=ALICE,
        decision=Decision.COPIED,
        wanted=Desired(
            side=Side.SELL, segment=Segment.NSE_FNO, security_id="43210", product=Product.INTRADAY, terms=wanted
        ),
        slots=(slot,),
        created_at=1,
        updated_at=1,
        **changes,
    )


def reversal() -> tuple[Record, ...]:
    wish = terms(150)
    return (
        LeaderOrder(order_id="L1", wish=wish, seen=wish, first_seen_at=1, unseen_for=0, filled_at_first=0, exits=100),
        Order(
            account=LEADER,
            order_id="L1",
            status=OrderStatus.PENDING,
            side=Side.SELL,
            segment=Segment.NSE_FNO,
            security_id="43210",
            product=Product.INTRADAY,
            terms=wish,
        ),
        copy("L1", "F1", 50, exit=True, detail="closes 50"),
        copy("L1#entry", "F2", 25, detail="0.5 x 50 = 25"),
    )


def test_a_reversal_is_one_row_of_orders_and_two_orders_at_the_broker(desk: Desk) -> None:
    desk.keep(*reversal())
    (row,) = desk.json("orders")["copies"]
    assert (row["leader_order_id"], row["leader_quantity"], row["wanted_quantity"]) == ("L1", 150, 75)
    assert (row["follower_order_ids"], row["follower_quantity"]) == (["F1", "F2"], 75)
    assert row["detail"] == "exit: closes 50; entry: 0.5 x 50 = 25"
    assert desk.json("orders", "--leader-order", "L1")["copies"] == [row]
    assert desk.json("status")["followers"][0]["open_orders"] == 2
    (line,) = desk.run("orders", "--format", "table").stdout.splitlines()[1:]
    assert "SELL 150 43210 LIMIT 101.5, PENDING 0 filled" in line


def test_a_row_of_our_own_reads_like_one(desk: Desk) -> None:
    market = terms(50, OrderType.MARKET)
    desk.keep(copy(OURS, "F9", 50, terms=market, exit=True, detail="kill switch: flatten"))
    (row,) = desk.json("orders")["copies"]
    assert (row["leader_order_id"], row["leader_status"], row["leader_quantity"]) == (OURS, None, None)
    (line,) = desk.run("orders", "--format", "table").stdout.splitlines()[1:]
    assert "copyctl's own: SELL 50 43210 MARKET" in line
    assert "kill switch: flatten" in line


def test_events_name_the_leaders_order_and_the_part(desk: Desk) -> None:
    told = [
        Notice(at=n, event="decision", text="copied", leader_order_id=row, follower=ALICE, facts={"decision": "copied"})
        for n, row in enumerate(("L1", "L1#entry", OURS), start=1)
    ]
    desk.keep(notices=tuple(told))
    lines = [json.loads(line) for line in desk.run("events").stdout.splitlines()]
    assert [(one["leader_order_id"], one["part"]) for one in lines] == [("L1", None), ("L1", "entry"), (OURS, None)]
    shown = [line.rsplit("  ", 1)[1].strip() for line in desk.run("events", "--format", "table").stdout.splitlines()]
    assert shown == ["[L1]", "[L1, entry]", f"[{OURS}]"]
