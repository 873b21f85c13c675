"""What does the broker tell an account about itself?

Positions, holdings, money, margin, profile, address, kill switch, tokens and quotes over REST.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import NOTHING, Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import IST
from copyctl.simulator.exchange import Market
from copyctl.simulator.ledger import PAISA, SPAN_SHARE, unit_margin
from copyctl.simulator.orders import ZERO, Terms, Wish, shaped

HEDGED_SHARE = Decimal("0.30")  # of a sold option's margin while a bought one covers it
BAND_PERCENT = Decimal("0.10")  # of the price, where an instrument has no circuit limits of its own
UNSEEN = "01/01/1980 00:00:00"


def positions(broker: Broker, call: Call) -> Answer:
    """GET /positions."""
    account = call.account
    rows = [
        each.row(account.client_id, broker.last_price(each.instrument)) for each in account.ledger.positions.values()
    ]
    return answer([shaped(row, account.settings) for row in rows])


def convert(broker: Broker, call: Call) -> Answer:
    """POST /positions/convert: 202 and no body."""
    body = intake.read_body(call.raw)
    intake.check_address(call.account, call.remote)
    segment, security_id = str(body.get("exchangeSegment")), str(body.get("securityId"))
    product, wanted, quantity = body.get("fromProductType"), body.get("toProductType"), body.get("convertQty")
    source = call.account.ledger.positions.get((segment, security_id, str(product)))
    if source is None or wanted not in terms.PRODUCTS or type(quantity) is not int:
        raise refusals.bad_input()
    if not 0 < quantity <= abs(source.net):
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    target = call.account.ledger.position(source.instrument, str(wanted))
    cost, out = source.cost, terms.SELL if source.net > 0 else terms.BUY
    source.trade(out, quantity, cost)
    target.trade(terms.BUY if out == terms.SELL else terms.SELL, quantity, cost)
    return NOTHING


def exit_all(broker: Broker, call: Call) -> Answer:
    """DELETE /positions: cancels what is open and closes what is held."""
    intake.check_address(call.account, call.remote)
    account = call.account
    for order in list(account.open_orders.values()):
        broker.exchange.finish(account, order, terms.CANCELLED, refusals.CANCELLED_BY_USER)
    for position in list(account.ledger.positions.values()):
        if position.net:
            side = terms.SELL if position.net > 0 else terms.BUY
            wanted = Terms(order_type=terms.MARKET, validity=terms.DAY, quantity=abs(position.net))
            wish = Wish(instrument=position.instrument, side=side, product=position.product, terms=wanted)
            broker.exchange.place(account, wish)
    return NOTHING


def holdings(broker: Broker, call: Call) -> Answer:
    """GET /holdings: none at all is answered as an error."""
    account = call.account
    if not account.ledger.holdings:
        raise refusals.refusal(500, "DH-1111", refusals.NO_HOLDINGS)
    rows = [each.row(broker.last_price(each.instrument)) for each in account.ledger.holdings.values()]
    return answer([shaped(row, account.settings) for row in rows])


def funds(broker: Broker, call: Call) -> Answer:
    """GET /fundlimit."""
    account = call.account
    told = account.told_funds
    return answer(shaped(dict(told) if told is not None else account.ledger.row(account.client_id), account.settings))


# ---- margin ---------------------------------------------------------------------------------------------------------


def margin(broker: Broker, call: Call) -> Answer:
    """POST /margincalculator."""
    body = intake.read_body(call.raw)
    total, value = _leg(broker, body)
    available = call.account.ledger.available
    span = total * SPAN_SHARE
    return answer(
        {
            "totalMargin": _rupees(total),
            "spanMargin": _rupees(span),
            "exposureMargin": _rupees(total - span),
            "availableBalance": _rupees(available),
            "variableMargin": 0.0,
            "insufficientBalance": _rupees(max(ZERO, total - available)),
            "brokerage": 20.0,
            "leverage": f"{value / total:.2f}" if total else "1.00",
        }
    )


def margin_of_many(broker: Broker, call: Call) -> Answer:
    """POST /margincalculator/multi, in both dialects of request and answer."""
    body = intake.read_body(call.raw)
    scripts = body.get("scripList") or body.get("scripts")
    if not isinstance(scripts, list) or not all(isinstance(each, dict) for each in scripts):
        raise refusals.bad_input()
    covered = sum(_units(each) for each in scripts if _is_option_leg(broker, each, terms.BUY))
    total, benefit = ZERO, ZERO
    for script in scripts:
        needed, _ = _leg(broker, script)
        total += needed
        if _is_option_leg(broker, script, terms.SELL):
            hedged = min(covered, _units(script))
            covered -= hedged
            benefit += needed * hedged / _units(script) * (1 - HEDGED_SHARE)
    total -= benefit
    span = total * SPAN_SHARE
    if call.account.settings.margin_dialect == "snake":
        figures = {"total_margin": total, "span_margin": span, "exposure_margin": total - span, "equity_margin": ZERO,
                   "fo_margin": total, "commodity_margin": ZERO, "currency": ZERO,
                   "hedge_benefit": benefit}  # fmt: skip
        return answer({name: f"{figure:.2f}" for name, figure in figures.items()})
    camel = {"totalMargin": total, "spanMargin": span, "exposure": total - span, "equityMargin": ZERO,
             "foMargin": total, "commodity": ZERO, "currency": ZERO}  # fmt: skip
    return answer(
        {"clientId": call.account.client_id, **{name: _rupees(figure) for name, figure in camel.items()}},
    )


def _leg(broker: Broker, body: Mapping[str, object]) -> tuple[Decimal, Decimal]:
    """Margin and value of one order."""
    market = _market(broker, body)
    side, product, quantity = body.get("transactionType"), body.get("productType"), body.get("quantity")
    if side not in terms.SIDES or product not in terms.PRODUCTS or type(quantity) is not int or quantity <= 0:
        raise refusals.bad_input()
    price = Decimal(str(body.get("price") or 0)) or market.last_price
    needed = unit_margin(market.instrument, str(product), str(side), price) * quantity
    return needed, price * quantity * market.instrument.multiplier


def _market(broker: Broker, body: Mapping[str, object]) -> Market:
    market = broker.exchange.markets.get((str(body.get("exchangeSegment")), str(body.get("securityId"))))
    if market is None:
        raise refusals.bad_input(refusals.INVALID_SECURITY)
    return market


def _units(script: Mapping[str, object]) -> int:
    quantity = script.get("quantity")
    return quantity if isinstance(quantity, int) else 0


def _is_option_leg(broker: Broker, script: Mapping[str, object], side: str) -> bool:
    return script.get("transactionType") == side and _market(broker, script).instrument.is_option


# ---- the client itself ----------------------------------------------------------------------------------------------


def profile(broker: Broker, call: Call) -> Answer:
    """GET /profile: the cheapest check of a token."""
    return answer(
        {
            "dhanClientId": call.account.client_id,
            "tokenValidity": _validity(call.account),
            "activeSegment": "Equity, Derivative, Currency, Commodity",
            "ddpi": "Active",
            "mtf": "Active",
            "dataPlan": "Active",
            "dataValidity": "2099-12-31 23:59:59.0",
        }
    )


def _validity(account: Account) -> str:
    if account.token_expires is None:
        return "31/12/2099 23:59"
    return datetime.fromtimestamp(account.token_expires, IST).strftime("%d/%m/%Y %H:%M")


def renew_token(broker: Broker, call: Call) -> Answer:
    """GET /RenewToken: a new token, the old one is dead."""
    broker.accounts.mint(call.account)
    return answer(token_fields(call.account))


def token_fields(account: Account) -> dict[str, object]:
    """What every token flow gives back."""
    expires = datetime.fromtimestamp(account.token_expires or 0, IST)
    return {
        "dhanClientId": account.client_id,
        "dhanClientName": account.name.upper(),
        "dhanClientUcc": f"CLNT{account.client_id[-4:]}",
        "givenPowerOfAttorney": True,
        "accessToken": account.access_token,
        "expiryTime": expires.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def own_address(broker: Broker, call: Call) -> Answer:
    """GET /ip/getIP: which address may trade, and whether this one does."""
    settings = call.account.settings
    if settings.ip_answer_error:
        return answer([{"message": "No IP found for the user", "status": "ERROR"}])
    allowed = settings.ip_allowed and (not settings.ip_addresses or call.remote in settings.ip_addresses)
    primary = settings.ip_addresses[0] if settings.ip_addresses else call.remote if settings.ip_allowed else "192.0.2.1"
    secondary = settings.ip_addresses[1] if len(settings.ip_addresses) > 1 else None
    return answer(
        {
            "ip": primary,
            "primaryIP": primary,
            "secondaryIP": secondary,
            "modifyDatePrimary": "2026-04-01",
            "modifyDateSecondary": None,
            "detectedIP": call.remote,
            "ipMatchStatus": "MATCH" if allowed else "MISMATCH",
            "ordersAllowed": allowed,
        }
    )


def kill_switch(broker: Broker, call: Call) -> Answer:
    """GET /killswitch."""
    word = "ACTIVATE" if call.account.kill_switch else "DEACTIVATE"
    return answer({"dhanClientId": call.account.client_id, "killSwitchStatus": word})


def set_kill_switch(broker: Broker, call: Call) -> Answer:
    """POST /killswitch?killSwitchStatus=: only while nothing is open or held."""
    intake.check_address(call.account, call.remote)
    wanted = call.query.get("killSwitchStatus")
    if wanted not in {"ACTIVATE", "DEACTIVATE"}:
        raise refusals.bad_input()
    account = call.account
    busy = account.open_orders or any(each.net for each in account.ledger.positions.values())
    if wanted == "ACTIVATE" and busy:
        raise refusals.order_error("Kill Switch cannot be activated while positions or pending orders are open")
    account.kill_switch = wanted == "ACTIVATE"
    sentence = f"Kill Switch has been successfully {'activated' if account.kill_switch else 'deactivated'}"
    return answer({"dhanClientId": account.client_id, "killSwitchStatus": sentence})


def nothing_there(broker: Broker, call: Call) -> Answer:
    """GET of a book that is always empty here."""
    return answer([])


# ---- quotes ---------------------------------------------------------------------------------------------------------


def last_prices(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/ltp."""
    return _quotes(broker, call, lambda market: {"last_price": float(market.last_price)})


def open_high_low_close(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/ohlc."""
    return _quotes(broker, call, lambda market: {"last_price": float(market.last_price), "ohlc": _ohlc(market)})


def full_quotes(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/quote: the only place that tells circuit limits."""
    return _quotes(broker, call, _full_quote)


def _quotes(broker: Broker, call: Call, tell: Callable[[Market], dict[str, object]]) -> Answer:
    if not call.headers.get("client-id"):
        return answer({"status": "failed", "data": {"810": "Client ID is invalid"}}, status=401)
    asked = intake.read_body(call.raw)
    found: dict[str, dict[str, object]] = {}
    for segment, ids in asked.items():
        if segment not in terms.SEGMENTS or not isinstance(ids, list):
            continue
        markets = {str(each): broker.exchange.markets.get((segment, str(each))) for each in ids}
        # Unknown ids are left out without a word.
        found[segment] = {each: tell(market) for each, market in markets.items() if market is not None}
    return answer({"data": found, "status": "success"})


def _ohlc(market: Market) -> dict[str, float]:
    first, last = float(market.instrument.last_price), float(market.last_price)
    return {"open": first, "close": first, "high": max(first, last), "low": min(first, last)}


def _full_quote(market: Market) -> dict[str, object]:
    last, tick = market.last_price, market.instrument.tick_size
    low = market.instrument.lower_circuit or (last * (1 - BAND_PERCENT)).quantize(PAISA)
    high = market.instrument.upper_circuit or (last * (1 + BAND_PERCENT)).quantize(PAISA)
    levels = range(1, 6)
    return {
        "last_price": float(last),
        "average_price": float(last),
        "buy_quantity": 0 if market.available == 0 else 1200,
        "sell_quantity": 0 if market.available == 0 else 900,
        "depth": {
            "buy": [{"quantity": 10 * step, "orders": step, "price": float(last - tick * step)} for step in levels],
            "sell": [{"quantity": 10 * step, "orders": step, "price": float(last + tick * step)} for step in levels],
        },
        "last_quantity": 0,
        "last_trade_time": UNSEEN,
        "lower_circuit_limit": float(low),
        "upper_circuit_limit": float(high),
        "net_change": float(last - market.instrument.last_price),
        "ohlc": _ohlc(market),
        "oi": 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "volume": 0,
    }


def _rupees(value: Decimal) -> float:
    return float(value.quantize(PAISA))
