"""The model broker's own tongue: Dhan's frames, rows and answers as JSON (Dhan API v2), its rates and its tokens."""

import json
from collections import deque
from functools import lru_cache
from time import gmtime, strftime
from typing import Any, Final

from tests.simulation.exchange import SECURITIES, Exchange, Placed, Security, Trade, Wish
from tests.simulation.timeline import SECOND, Timeline

IST: Final = 19_800
BY_ID: Final = {one.id: one for one in SECURITIES}
TYPE_LETTERS: Final = {"LIMIT": "LMT", "MARKET": "MKT", "STOP_LOSS": "SL", "STOP_LOSS_MARKET": "SLM"}
PRODUCT_LETTERS: Final = {"INTRADAY": "I", "MARGIN": "M", "CNC": "C"}
REFUSALS: Final = (
    ("DH-906", "RMS:5:You have insufficient funds. Please add Rs.120.50 to trade."),
    ("DH-906", "EXCH:16284:The order price is out of the days price range."),
    ("DH-905", "Missing required fields, bad values for parameters etc."),
    ("DH-906", "RMS:5:Transactions blocked by RMS"),
)

Said = tuple[int, bytes]
"""HTTP status and body."""


@lru_cache(maxsize=65536)
def written(second: int) -> str:
    """A moment (s since the epoch) as Dhan writes it, IST."""
    return strftime("%Y-%m-%d %H:%M:%S", gmtime(second + IST))


def _moment(ns: int) -> str:
    return written(ns // SECOND) if ns else "0001-01-01 00:00:00"


def frame(order: Placed, word: str, last: int) -> bytes:
    """What the order stream tells of a change."""
    wish, one = order.wish, order.security.instrument
    data = {
        "exchange": "NSE", "segment": "E" if order.security.is_share else "D", "source": "N", "orderPlatform": "FAST",
        "securityId": one.security_id, "clientId": order.account, "orderNo": order.order_id,
        "product": PRODUCT_LETTERS[order.product], "txnType": "B" if order.side > 0 else "S",
        "orderType": TYPE_LETTERS[wish.kind], "validity": wish.validity, "discQuantity": 0,
        "remainingQuantity": order.rest, "quantity": wish.quantity, "tradedQty": order.filled,
        "price": wish.price / 100, "triggerPrice": wish.trigger / 100,
        "avgTradedPrice": round(order.value / order.filled / 100, 4) if order.filled else 0.0, "algoOrdNo": "0",
        "offMktFlag": "0", "orderDateTime": _moment(order.created_at), "exchOrderTime": _moment(order.exchange_at),
        "lastUpdatedTime": _moment(order.updated_at), "remarks": "NR", "reasonDescription": order.reason, "legNo": 1,
        "instrument": one.kind or "", "symbol": one.symbol, "productName": order.product, "status": word,
        "lotSize": one.lot_size, "displayName": one.symbol, "refLtp": last / 100, "tickSize": float(one.tick_size),
        "multiplier": 1, "correlationId": order.correlation,
    }  # fmt: skip
    return json.dumps({"Type": "order_alert", "Data": data}).encode()


def row(order: Placed) -> dict[str, Any]:
    """The order in the order book."""
    wish = order.wish
    return {
        "dhanClientId": order.account, "orderId": order.order_id, "correlationId": order.correlation or "NA",
        "orderStatus": order.status, "transactionType": "BUY" if order.side > 0 else "SELL",
        "exchangeSegment": order.security.instrument.segment, "productType": order.product, "orderType": wish.kind,
        "validity": wish.validity, "tradingSymbol": order.security.instrument.symbol, "securityId": order.security.id,
        "quantity": wish.quantity, "disclosedQuantity": 0, "price": wish.price / 100,
        "triggerPrice": wish.trigger / 100, "afterMarketOrder": False, "legName": None,
        "createTime": _moment(order.created_at),
        "updateTime": _moment(order.updated_at), "exchangeTime": _moment(order.exchange_at), "omsErrorCode": None,
        "omsErrorDescription": "CONFIRMED" if order.reason == "TRADE CONFIRMED" else order.reason,
        "remainingQuantity": order.rest, "filledQty": order.filled,
        "averageTradedPrice": round(order.value / order.filled / 100, 4) if order.filled else 0.0,
    }  # fmt: skip


def trade_row(trade: Trade) -> dict[str, Any]:
    """An execution in the trade book."""
    order = trade.order
    return {
        "dhanClientId": order.account, "orderId": order.order_id, "exchangeTradeId": trade.trade_id,
        "transactionType": "BUY" if order.side > 0 else "SELL",
        "exchangeSegment": order.security.instrument.segment, "productType": order.product,
        "orderType": order.wish.kind, "tradingSymbol": order.security.instrument.symbol,
        "securityId": order.security.id, "tradedQuantity": trade.quantity, "tradedPrice": trade.price / 100,
        "createTime": _moment(order.created_at), "updateTime": _moment(trade.at), "exchangeTime": _moment(trade.at),
    }  # fmt: skip


def problem(status: int, code: str, text: str, kind: str = "Order_Error") -> Said:
    """A refusal in Dhan's usual shape."""
    return status, json.dumps({"errorType": kind, "errorCode": code, "errorMessage": text}).encode()


THROTTLED: Final = (
    problem(429, "DH-904", "Too many requests on server from single user breaching rate limits.", "Rate_Limit"),
    (429, json.dumps({"status": "failed", "data": {"805": "Too many requests"}}).encode()),
)
DEAD_TOKEN: Final = (
    problem(401, "DH-901", "Client ID or user generated access token is invalid or expired.", "Invalid_Authentication"),
    problem(400, "DH-906", "Invalid Token"),
)
NOT_FOUND: Final = problem(404, "DH-906", "Incorrect request for order and cannot be processed")


class Bucket:
    """Arrivals in sliding windows. ``limits``: window in seconds and the most that it takes."""

    def __init__(self, limits: tuple[tuple[int, int], ...]) -> None:
        self._windows = [(seconds, most, deque[int]()) for seconds, most in limits]

    def arrives(self, now: int, *, longest: int) -> str:
        """Count an arrival; which limit it breaks of windows of so many seconds at most, "" for none."""
        broken = ""
        for seconds, most, arrivals in self._windows:
            while arrivals and arrivals[0] <= now - seconds * SECOND:
                arrivals.popleft()
            arrivals.append(now)
            if len(arrivals) > most and seconds <= longest:
                broken = f"{len(arrivals)} within {seconds} s where {most} are allowed"
        return broken


class Desk:
    """One account's REST API."""

    def __init__(
        self, account: str, exchange: Exchange, timeline: Timeline, orders: tuple[tuple[int, int], ...]
    ) -> None:
        self.account = account
        self.exchange = exchange
        self.timeline = timeline
        self.token_dead: Said | None = None
        self.killed = False
        self.buckets = {"orders": Bucket(orders), "quotes": Bucket(((1, 1),)), "other": Bucket(((1, 20),))}

    def bucket(self, verb: str, path: str) -> str:
        """Which rate a request counts towards."""
        if path.startswith("/orders") and verb != "GET":
            return "orders"
        return "quotes" if path.startswith("/marketfeed") else "other"

    def answer(self, verb: str, path: str, body: bytes | None) -> Said:
        """What the broker says to a request that has arrived, having done it."""
        if self.token_dead is not None:
            return self.token_dead
        payload = json.loads(body) if body else {}
        match verb, path.partition("?")[0].strip("/").split("/"):
            case "GET", ["orders"]:
                return self._list([row(one) for one in self._mine() if one.seen_from <= self.timeline.now])
            case "GET", ["orders", "external", correlation]:
                return self._find(correlation)
            case "GET", ["super" | "forever", "orders"]:
                return self._list([])
            case "GET", ["trades"]:
                return self._list([trade_row(one) for one in self.exchange.trades if one.order.account == self.account])
            case "POST", ["orders"]:
                return self._place(payload)
            case "PUT", ["orders", order_id]:
                return self._modify(order_id, payload)
            case "DELETE", ["orders", order_id]:
                return self._cancel(order_id)
            case _, words:
                return self._figures(words, payload)

    def _mine(self) -> list[Placed]:
        return [one for one in self.exchange.orders.values() if one.account == self.account]

    @staticmethod
    def _list(rows: list[dict[str, Any]]) -> Said:
        return 200, json.dumps(rows).encode()

    def _find(self, correlation: str) -> Said:
        now = self.timeline.now
        for one in self._mine():
            if one.correlation == correlation and one.found_from <= now and one.status != "TRANSIT":
                return 200, json.dumps(row(one)).encode()
        return NOT_FOUND

    def _done(self, order: Placed) -> Said:
        return 200, json.dumps({"orderId": order.order_id, "orderStatus": order.status}).encode()

    def _refused(self, kind: str) -> Said | None:
        adversary = self.exchange.adversary
        if not adversary.strikes(kind):
            return None
        return problem(400, *adversary.chances[kind].choice(REFUSALS))

    def _place(self, payload: dict[str, Any]) -> Said:
        if self.killed:
            return problem(400, "DH-906", "Transactions blocked by RMS as kill switch is active")
        security = BY_ID[payload["securityId"]]
        if payload["quantity"] <= 0 or payload["quantity"] % security.lot:
            return problem(400, "DH-906", f"RMS:5:Order quantity should be a multiple of the lot size {security.lot}")
        refused = self._refused("rejected at once")
        if refused is not None:
            return refused
        side = 1 if payload["transactionType"] == "BUY" else -1
        correlation, product = payload.get("correlationId") or "", payload["productType"]
        return self._done(
            self.exchange.place(self.account, security, side, _wish(payload), correlation=correlation, product=product)
        )

    def _modify(self, order_id: str, payload: dict[str, Any]) -> Said:
        order = self.exchange.orders.get(order_id)
        if order is None or order.account != self.account:
            return NOT_FOUND
        if not order.open:
            return problem(400, "DH-906", f"Order is {order.status} and cannot be modified")
        if order.status == "TRANSIT":
            return problem(400, "DH-906", "Order is in Transit state")
        if order.changes >= 25:
            return problem(400, "DH-906", "Order modification limit of 25 exceeded")
        if payload["quantity"] <= order.filled:
            return problem(400, "DH-906", f"Modified quantity should be greater than traded quantity {order.filled}")
        refused = self._refused("change refused")
        if refused is not None:
            return refused
        self.exchange.modify(order, _wish(payload))
        return self._done(order)

    def _cancel(self, order_id: str) -> Said:
        order = self.exchange.orders.get(order_id)
        if order is None or order.account != self.account:
            return NOT_FOUND
        if order.status == "TRANSIT":
            return problem(400, "DH-906", "Order is in Transit state")
        if not order.open:
            return problem(400, "DH-906", f"Order is {order.status} and cannot be cancelled")
        self.exchange.cancel(order)
        return 202, b""

    # --- figures --------------------------------------------------------------------------------------------------

    def _figures(self, words: list[str], payload: dict[str, Any]) -> Said:
        match words:
            case ["positions"]:
                return self._list(self._positions())
            case ["holdings"]:
                return problem(500, "DH-1111", "No holdings available", "HOLDING_ERROR")
            case ["fundlimit"]:
                funds = {"dhanClientId": self.account, "availabelBalance": 9e7, "sodLimit": 1e8, "utilizedAmount": 0.0}
                return 200, json.dumps(funds).encode()
            case ["margincalculator"]:
                need = {"totalMargin": 1000.0, "availableBalance": 9e7, "insufficientBalance": 0.0}
                return 200, json.dumps(need).encode()
            case ["margincalculator", "multi"]:
                return 200, json.dumps({"total_margin": "1000.00"}).encode()
            case ["marketfeed", "quote"]:
                return self._quotes(payload)
            case ["profile"]:
                return 200, json.dumps({"dhanClientId": self.account, "ddpi": "Active", "dataPlan": "Active"}).encode()
            case ["ip", "getIP"]:
                return 200, json.dumps({"primaryIP": "10.0.0.5", "ordersAllowed": True}).encode()
            case ["killswitch"]:
                return 200, json.dumps({"dhanClientId": self.account, "killSwitchStatus": "DEACTIVATE"}).encode()
        raise AssertionError(f"the model broker knows no {words}")

    def _positions(self) -> list[dict[str, Any]]:
        rows = []
        for security in SECURITIES:
            traded = [one for one in self.exchange.trades if one.order.account == self.account]
            traded = [one for one in traded if one.order.security is security]
            carried = self.exchange.carried.get((self.account, security.id), 0)
            if traded or carried:
                rows.append(self._position(security, traded, carried))
        return rows

    def _position(self, security: Security, traded: list[Trade], carried: int) -> dict[str, Any]:
        bought = sum(one.quantity for one in traded if one.order.side > 0)
        sold = sum(one.quantity for one in traded if one.order.side < 0)
        net = carried + bought - sold
        return {
            "dhanClientId": self.account, "tradingSymbol": security.instrument.symbol, "securityId": security.id,
            "positionType": "CLOSED" if not net else "LONG" if net > 0 else "SHORT",
            "exchangeSegment": security.instrument.segment, "productType": security.product,
            "buyAvg": security.price / 100, "buyQty": bought + max(0, carried), "sellAvg": security.price / 100,
            "sellQty": sold + max(0, -carried), "netQty": net, "realizedProfit": 0.0, "unrealizedProfit": 0.0,
            "multiplier": 1, "carryForwardBuyQty": max(0, carried), "carryForwardSellQty": max(0, -carried),
            "dayBuyQty": bought, "daySellQty": sold,
        }  # fmt: skip

    def _quotes(self, payload: dict[str, Any]) -> Said:
        found: dict[str, dict[str, Any]] = {}
        for segment, ids in payload.items():
            if isinstance(ids, list):
                found[segment] = {
                    str(one): {
                        "last_price": self.exchange.last[str(one)] / 100,
                        "lower_circuit_limit": 0.05,
                        "upper_circuit_limit": self.exchange.last[str(one)] * 5 / 100,
                    }
                    for one in ids
                    if str(one) in BY_ID
                }
        return 200, json.dumps({"data": found, "status": "success"}).encode()


def _wish(payload: dict[str, Any]) -> Wish:
    return Wish(
        kind=payload["orderType"],
        quantity=payload["quantity"],
        price=round((payload.get("price") or 0) * 100),
        trigger=round((payload.get("triggerPrice") or 0) * 100),
        validity=payload["validity"],
    )
