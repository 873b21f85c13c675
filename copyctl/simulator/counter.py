"""What does the broker tell an account about itself?

Positions, holdings, money, profile, address, kill switch and tokens over REST.
"""

from datetime import datetime

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import NOTHING, Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import IST
from copyctl.simulator.orders import Terms, Wish, shaped


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
            "dataPlan": "Active" if call.account.settings.data_plan == "active" else "Deactive",
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
