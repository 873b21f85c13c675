"""Short words for what a leader and a follower do with a position that both have."""

from decimal import Decimal
from typing import Any

from copyctl.model.facts import Quote
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import OrderType, Product, Segment, Side
from tests.core.building import ALICE, NOON, Desk

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
OWN = "position:NSE_FNO:43210:INTRADAY:2026-09-15:"


def stake(desk: Desk, account: str = ALICE, product: Product = Product.INTRADAY) -> Position:
    found = desk.state.tables["position"][f"{account}/NSE_FNO/43210/{product}"]
    assert isinstance(found, Position)
    return found


def lead(desk: Desk, order_id: str) -> LeaderOrder:
    found = desk.state.tables["leader_order"][order_id]
    assert isinstance(found, LeaderOrder)
    return found


def entered(units: int = 100, quote: tuple[Any, ...] = (), **policy: Any) -> Desk:
    """A leader who has bought, and a follower who holds half of it."""
    desk = Desk(policy or None)
    if quote:
        quoted(desk, *quote)
    desk.start()
    enters(desk, "L1", units)
    return desk


def enters(desk: Desk, order_id: str, units: int, side: Side = Side.BUY, **said: Any) -> None:
    """An entry of the leader, and of the follower, from the first frame to the last fill."""
    traded = str(desk.rules.policy.copy_on) == "traded"
    desk.leader(order_id, "TRADED" if traded else "PENDING", quantity=units, side=side, filled=units * traded, **said)
    filled = desk.last.desired.terms.quantity if desk.last and desk.last.desired else 0
    desk.ack(f"A-{order_id}")
    desk.copied(
        "TRADED", order_id=order_id, filled=filled, **({"product": said["product"]} if "product" in said else {})
    )
    desk.leader(order_id, "TRADED", quantity=units, side=side, filled=units, **said)
    desk.taken()


def sells(desk: Desk, order_id: str = "L2", status: str = "PENDING", **said: Any) -> None:
    desk.leader(order_id, status, side=Side.SELL, **said)


def rests(desk: Desk, order_id: str = "L2", name: str = "", **said: Any) -> None:
    """An exit of the leader's that rests, and the follower's as well."""
    sells(desk, order_id, **said)
    desk.ack(name or f"X-{order_id}")
    desk.copied("PENDING", order_id=order_id)
    desk.taken()


def fills(desk: Desk, order_id: str = "L2", status: str = "TRADED", **said: Any) -> None:
    desk.copied(status, order_id=order_id, **said)


def by_hand(desk: Desk, units: int, side: Side = Side.SELL) -> None:
    desk.frame(ALICE, f"H{desk.now}", "TRADED", side=side, quantity=units, filled=units)


def quoted(desk: Desk, last: Any, lower: Any = None, upper: Any = None) -> None:
    """From now on the instrument has this price, and trades between these limits."""
    desk.quotes["43210"] = Quote(
        segment=Segment.NSE_FNO,
        security_id="43210",
        as_of=NOON,
        last_price=Decimal(str(last)),
        lower_circuit=None if lower is None else Decimal(str(lower)),
        upper_circuit=None if upper is None else Decimal(str(upper)),
    )


def said_of(request: Request) -> tuple[RequestKind, Side, OrderType, int]:
    assert request.desired is not None
    terms = request.desired.terms
    return request.kind, request.desired.side, terms.order_type, terms.quantity


def price_of(request: Request) -> Decimal:
    assert request.desired is not None
    return request.desired.terms.price


def own_row(desk: Desk, number: int = 1, account: str = ALICE) -> Copy:
    return desk.copy(f"{OWN}{number}", account)


def kinds(desk: Desk) -> list[RequestKind]:
    return [one.kind for one in desk.taken()]
