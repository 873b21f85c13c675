"""How do tests say what an account owns, holds and may do?"""

from copyctl.simulator import conversion, named, refusals, terms, trader_control
from copyctl.simulator.asked import Asked
from copyctl.simulator.broker import Broker
from copyctl.simulator.ledger import Holding, Position


def funds(broker: Broker, asked: Asked) -> object:
    """Exactly so much is `available` now, the `collateral` among it."""
    account = named.account(broker, asked)
    account.told_funds = None
    if asked.get("collateral") is not None:
        account.ledger.collateral = asked.decimal("collateral")
    account.ledger.set_available(asked.decimal("available"))
    return {"ok": True}


def position(broker: Broker, asked: Asked) -> object:
    """The account holds exactly this: `quantity` is negative when sold; carried over unless `carried` is false.

    0 leaves a CLOSED row, null no row at all.
    """
    account = named.account(broker, asked)
    instrument = broker.exchange.markets[named.key(broker, asked)].instrument
    product = asked.text("product")
    if "quantity" in asked and asked["quantity"] is None:
        account.ledger.positions.pop((*instrument.key, product), None)
        return {"ok": True}
    quantity = asked.integer("quantity")
    paid = asked.decimal("price") if asked.get("price") is not None else broker.last_price(instrument)
    held = Position(instrument=instrument, product=product)
    value = paid * abs(quantity)
    if not asked.flag("carried", True):
        if quantity:
            held.trade(terms.BUY if quantity > 0 else terms.SELL, abs(quantity), paid)
    elif quantity > 0:
        held.carry_bought, held.carry_buy_value = quantity, value
    else:
        held.carry_sold, held.carry_sell_value = -quantity, value
    account.ledger.positions[(*instrument.key, product)] = held
    return {"ok": True}


def holding(broker: Broker, asked: Asked) -> object:
    """`quantity` shares, 0 for none; of them `t1` not delivered yet, `collateral` pledged, `available` for sale."""
    account = named.account(broker, asked)
    instrument = broker.exchange.markets[named.key(broker, asked)].instrument
    quantity = asked.integer("quantity")
    if quantity == 0:
        account.ledger.holdings.pop(instrument.key, None)
        return {"ok": True}
    paid = asked.decimal("price") if asked.get("price") is not None else broker.last_price(instrument)
    parts = {name: asked.optional_integer(name) or 0 for name in ("t1", "collateral", "mtf")}
    account.ledger.holdings[instrument.key] = Holding(
        instrument=instrument, quantity=quantity, average=paid, available=asked.optional_integer("available"), **parts
    )
    return {"ok": True}


def history(broker: Broker, asked: Asked) -> object:
    """Trades of earlier days: `trades`, rows as the trade history gives them."""
    named.account(broker, asked).history.extend(asked.rows("trades"))
    return {"ok": True}


def convert(broker: Broker, asked: Asked) -> object:
    """A person converts a position in the app: from product `from` to `to`, `quantity` of it or all."""
    account = named.account(broker, asked)
    try:
        held = conversion.find(account, named.key(broker, asked), asked.text("from"))
        quantity = asked.integer("quantity") if asked.get("quantity") is not None else abs(held.net)
        conversion.convert(account, held, asked.text("to"), quantity)
    except refusals.Refusal as refused:
        raise ValueError(str(refused)) from None
    return {"ok": True, "converted": quantity}


def kill_switch(broker: Broker, asked: Asked) -> object:
    """ACTIVATE or DEACTIVATE as `status`, whatever is open or held."""
    wanted = asked.text("status").upper()
    if wanted not in trader_control.SWITCH:
        raise ValueError(f"status: {wanted} is none of {', '.join(trader_control.SWITCH)}")
    for account in named.accounts(broker, asked):
        account.kill_switch = wanted == "ACTIVATE"
    return {"ok": True}
