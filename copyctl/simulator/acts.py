"""How do tests let a person trade, and the broker and the exchange act by themselves?"""

from copyctl.simulator import closing, named, overnight, refusals, terms
from copyctl.simulator.asked import Asked
from copyctl.simulator.bars import KINDS, Bar
from copyctl.simulator.broker import Broker
from copyctl.simulator.market import Key
from copyctl.simulator.orders import ZERO, Terms, Wish


def trade(broker: Broker, asked: Asked) -> object:
    """A MARKET order of a person that fills at once, at `price` or the last one; no risk desk, no liquidity asked."""
    account = named.account(broker, asked)
    market = broker.exchange.markets[named.key(broker, asked)]
    side, quantity = asked.text("side").upper(), asked.integer("quantity")
    product = str(asked.get("product") or "INTRADAY").upper()
    if side not in terms.SIDES or product not in terms.PRODUCTS or quantity <= 0:
        raise ValueError("a trade wants side BUY or SELL, a product of Dhan's, a quantity above 0")
    paid = asked.decimal("price") if asked.get("price") is not None else market.last_price
    wish = Wish(
        instrument=market.instrument,
        side=side,
        product=product,
        terms=Terms(order_type=terms.MARKET, validity=terms.DAY, quantity=quantity),
        source=str(asked.get("source") or "N"),
        platform=str(asked.get("platform") or "FAST"),
        unchecked=True,
    )
    if account.kill_switch:
        raise ValueError(refusals.BLOCKED)
    order = broker.exchange.place(account, wish)
    done = broker.exchange.fill(account, order, quantity, paid)
    return {"ok": True, "order_id": order.order_id, "exchange_trade_id": done.exchange_trade_id, "price": float(paid)}


def square_off(broker: Broker, asked: Asked) -> object:
    """The broker closes positions: `products` (INTRADAY, CO and BO unless told otherwise), of one instrument or of all.

    What rests in those products is cancelled first, unless `cancel` is false.
    """
    products = asked.texts("products") if "products" in asked else terms.DAY_PRODUCTS
    key = named.key(broker, asked) if "security_id" in asked else None
    done = [
        closing.close_positions(broker.exchange, account, products, key=key, cancel=asked.flag("cancel", True))
        for account in named.accounts(broker, asked)
    ]
    return {
        "ok": True,
        "order_ids": [order.order_id for each in done for order in each.placed],
        "cancelled": [order.order_id for each in done for order in each.cancelled],
    }


def day_change(broker: Broker, asked: Asked) -> object:
    """The night passes; `days` moves the broker's clock on by so many, 0 unless told otherwise."""
    days = asked.optional_integer("days") or 0
    return {"ok": True, **overnight.change_day(broker, named.accounts(broker, asked), days)}


def bar(broker: Broker, asked: Asked) -> object:
    """An instrument is barred from trading, `kind` says how, for `account` or for all; `text`, `low`, `high`."""
    key, kind = named.key(broker, asked), asked.text("kind")
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of bar: {', '.join(KINDS)}")
    low, high = (asked.decimal(name) if asked.get(name) is not None else ZERO for name in ("low", "high"))
    text = str(asked.get("text") or KINDS[kind].text)
    for account in named.accounts(broker, asked):
        account.bars[key] = Bar(kind=kind, text=text, low=low, high=high)
    if asked.get("account") is None:
        _halt(broker, key, KINDS[kind].halts)
    return {"ok": True}


def lift_bars(broker: Broker, asked: Asked) -> object:
    """Lift the bars of one instrument or of all, for `account` or for all; a market that was halted trades again."""
    keys = [named.key(broker, asked)] if "security_id" in asked else list(broker.exchange.markets)
    lifted = 0
    for account in named.accounts(broker, asked):
        lifted += sum(1 for key in keys if account.bars.pop(key, None) is not None)
    for key in keys if asked.get("account") is None else []:
        _halt(broker, key, False)
    return {"ok": True, "lifted": lifted}


def _halt(broker: Broker, key: Key, halted: bool) -> None:
    market = broker.exchange.markets[key]
    over = market.halted and not halted
    market.halted = halted
    if over:
        broker.exchange.match(market)
        broker.exchange.priced(market)
