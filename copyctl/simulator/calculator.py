"""What margin would these orders need?

The calculator of one order knows nothing of positions. The calculator of several counts what covers what, and, when
it is asked to and `margin_includes` says so, what the account holds and has open.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.ledger import PAISA
from copyctl.simulator.margin import SPAN_SHARE, Leg, Together, together
from copyctl.simulator.orders import ZERO, shaped

MOST_SCRIPTS = 50


def margin(broker: Broker, call: Call) -> Answer:
    """POST /margincalculator."""
    leg = _leg(broker, intake.read_body(call.raw))
    total = leg.unit_margin * abs(leg.units)
    value = leg.price * abs(leg.units) * leg.instrument.multiplier
    available = call.account.ledger.available
    span = total * SPAN_SHARE
    row: dict[str, object] = {
        "totalMargin": _rupees(total),
        "spanMargin": _rupees(span),
        "exposureMargin": _rupees(total - span),
        "availableBalance": _rupees(available),
        "variableMargin": 0.0,
        "insufficientBalance": _rupees(max(ZERO, total - available)),
        "brokerage": 20.0,
        "leverage": f"{value / total:.2f}" if total else "1.00",
    }
    return answer(shaped(row, call.account.settings))


def margin_of_many(broker: Broker, call: Call) -> Answer:
    """POST /margincalculator/multi, in both dialects of request and answer."""
    body, account = intake.read_body(call.raw), call.account
    scripts = body.get("scripList") or body.get("scripts")
    if not isinstance(scripts, list) or not all(isinstance(each, dict) for each in scripts):
        raise refusals.bad_input()
    if not 0 < len(scripts) <= MOST_SCRIPTS:
        raise refusals.bad_input()
    legs = [_leg(broker, each) for each in scripts]
    told = _of_all(account, legs, list(_there_already(broker, account, body)))
    span = told.needed * SPAN_SHARE
    shares = all(not leg.instrument.is_derivative for leg in legs)
    equity, derivative = (told.needed, ZERO) if shares else (ZERO, told.needed)
    if account.settings.margin_dialect == "snake":
        figures = {"total_margin": told.needed, "span_margin": span, "exposure_margin": told.needed - span,
                   "equity_margin": equity, "fo_margin": derivative, "commodity_margin": ZERO, "currency": ZERO,
                   "hedge_benefit": told.benefit}  # fmt: skip
        return answer(shaped({name: f"{figure:.2f}" for name, figure in figures.items()}, account.settings))
    camel = {"totalMargin": told.needed, "spanMargin": span, "exposure": told.needed - span, "equityMargin": equity,
             "foMargin": derivative, "commodity": ZERO, "currency": ZERO, "hedgeBenefit": ZERO}  # fmt: skip
    row = {"clientId": account.client_id, **{name: _rupees(figure) for name, figure in camel.items()}}
    return answer(shaped(row, account.settings))


def _of_all(account: Account, legs: list[Leg], there: list[Leg]) -> Together:
    """What the orders need beside what is there: on top of it, with it, or as if it were not there."""
    if account.settings.margin_includes == "nothing":
        return together(legs)
    whole = together([*there, *legs])
    if account.settings.margin_includes == "total":
        return whole
    before = together(there)
    needed = max(ZERO, whole.needed - before.needed)
    apart = max(needed, whole.apart - before.apart)
    return Together(apart, apart - needed)


def _there_already(broker: Broker, account: Account, body: Mapping[str, object]) -> Iterator[Leg]:
    """What the account holds and has open, as far as it is asked to be counted."""
    if body.get("includePosition") is True:
        yield from account.ledger.legs()
    if body.get("includeOrder") is True or body.get("includeOrders") is True:
        for order in account.open_orders.values():
            units = min(order.opening, order.remaining)
            price = order.terms.price or order.terms.trigger_price or broker.last_price(order.instrument)
            if units:
                yield Leg(order.instrument, order.product, units if order.side == terms.BUY else -units, price)


def _leg(broker: Broker, script: Mapping[str, object]) -> Leg:
    """One order, priced at the market where it names no price. Raises Refusal."""
    intake.check_fields(script, intake.MARGIN)
    market = broker.exchange.markets.get((str(script["exchangeSegment"]), str(script["securityId"])))
    if market is None:
        raise refusals.bad_input(refusals.INVALID_SECURITY)
    quantity = script["quantity"]
    if not isinstance(quantity, int) or quantity % market.instrument.lot_size:
        raise refusals.bad_input()
    price = next(_positive(script.get(name) for name in ("price", "triggerPrice")), market.last_price)
    units = quantity if script["transactionType"] == terms.BUY else -quantity
    return Leg(market.instrument, str(script["productType"]), units, price)


def _positive(values: Iterable[object]) -> Iterator[Decimal]:
    for value in values:
        price = Decimal(str(value or 0))
        if price:
            yield price


def _rupees(value: Decimal) -> float:
    return float(value.quantize(PAISA))
