"""Records as a journal holds them, for reports: one leader, two followers, one instrument."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from copyctl.model.deployment import OrderRates, Rate, RateLimits
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import TABLES, Copy, LeaderOrder, Position, Record
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Segment, Side, Validity
from copyctl.report.moments import IST, nanoseconds

LEADER, ALICE, BOB = "1001", "1002", "1003"
NAMES = {ALICE: "alice", BOB: "bob"}
SEGMENT, SECURITY = Segment.NSE_FNO, "43210"


def at(text: str) -> int:
    """A time of 2026-09-07 on the Indian clock, or any ISO 8601 time, in ns."""
    given = datetime.fromisoformat(text if "-" in text else f"2026-09-07T{text}")
    return nanoseconds(given if given.tzinfo else given.replace(tzinfo=IST))


NINE = at("09:20:00")
RATES = RateLimits(
    orders=OrderRates(per_second=10, per_minute=250, per_hour=1000, per_day=7000),
    data=Rate(per_second=5),
    quotes=Rate(per_second=1),
    other=Rate(per_second=20),
    modifications_per_order=25,
    reserve_pct=Decimal(20),
)


def terms(quantity: int = 100, price: str = "100") -> Terms:
    return Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=quantity, price=Decimal(price))


def order(account: str, order_id: str, status: OrderStatus, **changes: Any) -> Order:
    quantity, price = changes.pop("quantity", 100), changes.pop("price", "100")
    average = Decimal(changes.pop("average", "0"))
    return Order(
        account=account,
        order_id=order_id,
        status=status,
        terms=terms(quantity, price),
        average_price=average,
        **{"side": Side.BUY, "segment": SEGMENT, "security_id": SECURITY, "product": Product.INTRADAY, **changes},
    )


def lead(order_id: str, seen_at: int = NINE, quantity: int = 100) -> LeaderOrder:
    wish = terms(quantity)
    return LeaderOrder(order_id=order_id, wish=wish, seen=wish, first_seen_at=seen_at, unseen_for=0, filled_at_first=0)


def slot(revision: int, standing: Standing, **changes: Any) -> Slot:
    return Slot(
        revision=revision,
        correlation_id=f"cc{revision}",
        asked=terms(changes.pop("quantity", 100)),
        standing=standing,
        average_price=Decimal(changes.pop("average", "0")),
        **changes,
    )


def asked(quantity: int, side: Side = Side.BUY, order_terms: Terms | None = None) -> Desired:
    return Desired(
        side=side,
        segment=SEGMENT,
        security_id=SECURITY,
        product=Product.INTRADAY,
        terms=order_terms or terms(quantity),
    )


def copy(order_id: str, *slots: Slot, wanted: int | None = 100, **changes: Any) -> Copy:
    desired = asked(wanted or 0, changes.pop("side", Side.BUY))
    created_at = changes.pop("created_at", NINE)
    return Copy(
        leader_order_id=order_id,
        created_at=created_at,
        updated_at=changes.pop("updated_at", created_at),
        slots=slots,
        wanted=None if wanted is None else changes.pop("desired", desired),
        **{"follower": ALICE, "decision": Decision.COPIED, **changes},
    )


def fill(account: str, order_id: str, trade_id: str, quantity: int, price: str, traded_at: int = NINE) -> Fill:
    return Fill(
        account=account,
        order_id=order_id,
        trade_id=trade_id,
        segment=SEGMENT,
        security_id=SECURITY,
        side=Side.BUY,
        product=Product.INTRADAY,
        quantity=quantity,
        price=Decimal(price),
        traded_at=traded_at,
    )


def position(account: str, traded: int = 0, **changes: Any) -> Position:
    target = Decimal(str(changes.pop("target", 0)))
    where = {"segment": SEGMENT, "security_id": SECURITY, "product": Product.INTRADAY, **changes}
    return Position(account=account, traded=traded, target=target, **where)


def instrument(multiplier: int = 1) -> Instrument:
    return Instrument(segment=SEGMENT, security_id=SECURITY, symbol="NIFTY 24500 CE", multiplier=multiplier)


def records(*rows: Record) -> dict[str, Sequence[Record]]:
    """The rows by table; accounts that are not given are left out."""
    return {name: [row for row in rows if isinstance(row, kind)] for name, kind in TABLES.items()}
