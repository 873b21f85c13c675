"""What backfill fetched: in the store beside what a run saw, and matched to the copies that it belongs to."""

from decimal import Decimal
from pathlib import Path

from copyctl.edge.history import History
from copyctl.model.history import Charges, PastTrade
from copyctl.model.journal import Entry
from copyctl.model.order import ExecutionReport
from copyctl.model.terms import Leg, OrderStatus, Product, Side, Source
from tests.store.world import (
    ALICE,
    BOB,
    LEADER,
    SECOND,
    SECURITY,
    SEGMENT,
    TEN,
    change,
    copy,
    order,
    rows,
    slot,
    terms,
    whole_day,
    written,
)

DAY = 86_400 * SECOND
MATCHES = "SELECT follower, order_id, copy_id, matched_by FROM history_matches ORDER BY ALL"


def trade(
    order_id: str, trade_id: str, quantity: int, price: str, *, account: str = ALICE, at: int = TEN, **more: Charges
) -> PastTrade:
    return PastTrade(
        account=account,
        order_id=order_id,
        trade_id=trade_id,
        segment=SEGMENT,
        security_id=SECURITY,
        side=Side.BUY,
        product=Product.INTRADAY,
        quantity=quantity,
        price=Decimal(price),
        traded_at=at,
        symbol="NIFTY 24500 CE",
        charges=more.get("charges"),
    )


def past_order(order_id: str, correlation_id: str = "", *, leg: Leg = Leg.ENTRY, filled: int = 65) -> ExecutionReport:
    return ExecutionReport(
        account=ALICE,
        order_id=order_id,
        leg=leg,
        source=Source.BOOK,
        as_of=TEN,
        created_time=TEN,
        status=OrderStatus.TRADED,
        side=Side.BUY,
        segment=SEGMENT,
        security_id=SECURITY,
        terms=terms(65),
        filled=filled,
        average_price=Decimal(101),
        correlation_id=correlation_id,
    )


def kept(folder: Path, *trades: PastTrade, orders: tuple[ExecutionReport, ...] = ()) -> None:
    history = History(folder)
    history.keep(trades=trades, orders=orders)
    history.close()


def test_a_trade_that_run_and_backfill_both_know_is_one_and_has_its_charges(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    kept(tmp_path, trade("70001", "21", 65, "100.5", charges=Charges(brokerage=Decimal(20), stt=Decimal("1.25"))))
    told = "SELECT trade_id, source, charges FROM trades WHERE account = ? ORDER BY trade_id".replace("?", f"'{ALICE}'")
    assert rows(tmp_path, told) == [("21", "run", Decimal("21.25")), ("31", "run", None)]


def test_charges_that_come_later_take_the_place_of_none(tmp_path: Path) -> None:
    kept(tmp_path, trade("70001", "21", 65, "100.5"))
    written(tmp_path, *whole_day())
    told = "SELECT charges FROM trade_history"
    assert rows(tmp_path, told) == [(None,)]
    kept(tmp_path, trade("70001", "21", 65, "100.5", charges=Charges(gst=Decimal("3.6"))))
    assert rows(tmp_path, told) == [(Decimal("3.6"),)]


def test_exchanges_count_their_trades_anew_each_day_and_both_stay(tmp_path: Path) -> None:
    kept(tmp_path, trade("70001", "1", 65, "100"), trade("70002", "1", 65, "103", at=TEN + DAY))
    assert rows(tmp_path, "SELECT order_id FROM trade_history ORDER BY 1") == [("70001",), ("70002",)]


def test_a_fill_that_no_run_saw_costs_what_history_says(tmp_path: Path) -> None:
    placed, filled, _ = whole_day()
    unseen = change(copy("90001", ALICE, [slot("cca1", "70001", 130, 0, "0")]))
    order_only = change(order(ALICE, "70001", 130, 0, "0"))
    written(tmp_path, placed, Entry(event=filled.event, changes=(filled.changes[0], order_only, unseen)))
    told = "SELECT quantity, price, cost FROM slippage"
    assert rows(tmp_path, told) == []
    kept(tmp_path, trade("70001", "21", 130, "102"))
    assert rows(tmp_path, told) == [(130, Decimal(102), Decimal(195))]


def test_history_is_matched_by_order_then_by_correlation_id_then_by_likeness(tmp_path: Path) -> None:
    known = copy("90001", ALICE, [slot("cca1", "70001", 65, 65, "100")])
    lost = copy("90002", ALICE, [slot("cca2", "", 65, 0, "0")])
    unnamed = copy("90003", ALICE, [slot("cca3", "", 130, 0, "0")])
    written(tmp_path, Entry(event=whole_day()[0].event, changes=tuple(change(one) for one in (known, lost, unnamed))))
    kept(
        tmp_path,
        trade("70001", "1", 65, "100"),
        trade("70002", "2", 65, "100"),
        trade("70003", "3", 130, "100", at=TEN + 5 * SECOND),
        trade("70004", "4", 130, "100", at=TEN + 900 * SECOND),
        trade("80001", "5", 65, "100", account=BOB),
        trade("90001", "6", 260, "100", account=LEADER),
        orders=(past_order("70002", "cca2"), past_order("70002", leg=Leg.TARGET)),
    )
    assert rows(tmp_path, MATCHES) == [
        ("alice", "70001", "90001", "order_id"),
        ("alice", "70002", "90002", "correlation_id"),
        ("alice", "70003", "90003", "likeness"),
        ("alice", "70004", None, None),
        ("bob", "80001", None, None),
    ]


def test_another_history_in_its_place_is_seen(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    kept(tmp_path, trade("70001", "1", 65, "100"), trade("70001", "2", 65, "100"))
    assert rows(tmp_path, "SELECT count(*) FROM trade_history") == [(2,)]
    for file in tmp_path.glob("history.sqlite*"):
        file.unlink()
    kept(tmp_path, trade("70001", "3", 65, "100"))
    assert rows(tmp_path, "SELECT trade_id FROM trade_history") == [("3",)]
