"""What does the broker tell an account about itself?

Positions, holdings, money, profile, address and tokens over REST.
"""

from datetime import datetime

from copyctl.simulator import conversion, intake, refusals
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import NOTHING, Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import IST
from copyctl.simulator.orders import shaped


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
    intake.check_fields(body, intake.CONVERT)
    quantity = body["convertQty"]
    if not isinstance(quantity, int):
        raise refusals.bad_input()
    held = conversion.find(call.account, (str(body["exchangeSegment"]), str(body["securityId"])),
                           str(body["fromProductType"]), str(body["positionType"]))  # fmt: skip
    conversion.convert(call.account, held, str(body["toProductType"]), quantity)
    return NOTHING


def holdings(broker: Broker, call: Call) -> Answer:
    """GET /holdings: none at all is answered as an error."""
    account = call.account
    if not account.ledger.holdings:
        raise refusals.refusal(500, "DH-1111", refusals.NO_HOLDINGS)
    rows = [each.row(broker.last_price(each.instrument)) for each in account.ledger.holdings.values()]
    return answer([shaped(row, account.settings) for row in rows])


def edis(broker: Broker, call: Call) -> Answer:
    """GET /edis/inquire/{isin}: what of these shares is authorised for sale today."""
    account, isin = call.account, call.parts[2]
    held = [each for each in account.ledger.holdings.values() if isin in {"ALL", each.instrument.isin}]
    known = {"ALL", isin} & {*account.settings.edis_approved}
    total = sum(each.quantity for each in held)
    return answer(
        {
            "clientId": account.client_id,
            "isin": isin,
            "totalQty": total,
            "aprvdQty": total if known else 0,
            "status": "SUCCESS",
            "remarks": "eDIS transaction done successfully" if known else "eDIS not authorised",
        }
    )


def funds(broker: Broker, call: Call) -> Answer:
    """GET /fundlimit."""
    account = call.account
    told = account.told_funds
    return answer(shaped(dict(told) if told is not None else account.ledger.row(account.client_id), account.settings))


# ---- the client itself ----------------------------------------------------------------------------------------------


def profile(broker: Broker, call: Call) -> Answer:
    """GET /profile: the cheapest check of a token."""
    settings = call.account.settings
    row: dict[str, object] = {
        "dhanClientId": call.account.client_id,
        "tokenValidity": _validity(call.account),
        "activeSegment": settings.active_segment,
        "ddpi": settings.ddpi,
        "mtf": settings.mtf,
        "dataPlan": "Active" if settings.data_plan == "active" else "Deactive",
        "dataValidity": "2099-12-31 23:59:59.0",
    }
    return answer(shaped(row, settings))


def _validity(account: Account) -> str:
    if account.token_expires is None:
        return "31/12/2099 23:59"
    return datetime.fromtimestamp(account.token_expires, IST).strftime("%d/%m/%Y %H:%M")


def renew_token(broker: Broker, call: Call) -> Answer:
    """GET /RenewToken: a new token, the old one is dead. Only one that was made on the broker's site can be renewed."""
    if call.account.settings.renewal == "refused":
        raise refusals.refusal(400, "DH-905", refusals.NOT_RENEWABLE)
    broker.accounts.mint(call.account)
    return answer(token_fields(call.account))


def token_fields(account: Account) -> dict[str, object]:
    """What every token flow gives back."""
    expires = datetime.fromtimestamp(account.token_expires or 0, IST)
    return {
        "dhanClientId": account.client_id,
        "dhanClientName": account.name.upper(),
        "dhanClientUcc": f"CLNT{account.client_id[-4:]}",
        "givenPowerOfAttorney": account.settings.ddpi == "Active",
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
    row: dict[str, object] = {
        "ip": primary,
        "primaryIP": primary,
        "secondaryIP": secondary,
        "modifyDatePrimary": "2026-04-01",
        "modifyDateSecondary": None,
        "detectedIP": call.remote,
        "ipMatchStatus": "MATCH" if allowed else "MISMATCH",
        "ordersAllowed": allowed,
    }
    return answer(shaped(row, settings))
