"""In which words does the broker say no?

A Refusal is an HTTP answer. The texts are those seen at Dhan where one was seen; the others follow its form:
`RMS:<order>:<text>` from the broker's risk desk, `EXCH:<code>:<text>` from the exchange, plain text from the gateway.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

GENERIC_INPUT = "Missing required fields, bad values for parameters etc."
QUANTITY_REQUIRED = "quantity is required"
INVALID_IP = "Invalid IP"
INVALID_SECURITY = "Invalid SecurityId"
INVALID_TOKEN = "Invalid Token"  # noqa: S105 - a sentence, no secret
DEAD_TOKEN = "Client ID or user generated access token is invalid or expired."  # noqa: S105 - likewise
NOT_RENEWABLE = "Token cannot be renewed"  # Dhan's own words were not captured
TOO_MANY = "Too many requests on server from single user breaching rate limits. Try throttling API calls."
UNKNOWN_ORDER = "Incorrect request for order and cannot be processed"
IN_TRANSIT = "Order is in Transit state"
TRIGGER_ABOVE_PRICE = "Trigger Price should be greater than Price"
TRIGGER_BELOW_PRICE = "Trigger Price should be less than Price"
# What Dhan says of exits on the wrong side was not captured; the form is that of a stop's trigger.
TARGET_BELOW_PRICE = "Target Price should be greater than Price"
TARGET_ABOVE_PRICE = "Target Price should be less than Price"
STOP_ABOVE_PRICE = "Stop Loss Price should be less than Price"
STOP_BELOW_PRICE = "Stop Loss Price should be greater than Price"
LEG_GONE = "Leg {leg} was cancelled and cannot be added again"
NO_HOLDINGS = "No holdings available"
NO_DATA_PLAN = ("User has not subscribed to Data APIs or does not have access to Trading APIs. "
                "Kindly subscribe to Data APIs to be able to fetch Data.")  # fmt: skip
INTERNAL = "Internal Server Error"
BLOCKED = "Transactions blocked by RMS as kill switch is active"
KILL_SWITCH_BUSY = "Kill Switch cannot be activated while positions or pending orders are open"
NO_EXIT_RULE = "No P&L based exit is active"

FINISHED = "Order is {status} and cannot be {verb}"
TOO_MANY_MODIFICATIONS = "Order modification limit of {limit} exceeded"
BELOW_TRADED = "Modified quantity should be greater than traded quantity {filled}"

NO_FUNDS = "RMS:{order}:You have insufficient funds. Please add Rs.{missing} to trade."
NO_FUNDS_TO_CONVERT = "You have insufficient funds. Please add Rs.{missing} to convert."
NOT_AUTHORISED = "Validate Qty from CDSL"
NOT_A_LOT = "RMS:{order}:Order quantity should be a multiple of the lot size {lot}"
PRODUCT_OFF = "Client not enabled on the product"
WRONG_PRODUCT = f"RMS:{{order}}:{PRODUCT_OFF}"
WRONG_SEGMENT = "RMS:{order}:Exchange not enabled for this account"
ABOVE_FREEZE = "EXCH:16327:Order quantity exceeds the quantity limit. Check freeze quantity for {symbol}"
OFF_TICK = "EXCH:16283:The order price is not multiple of tick size."
CLOSED = "EXCH:16052 - Function Not Available"
EXPIRED_CONTRACT = "EXCH:16387:Security is not allowed to trade in this market."
DISCLOSED_INVALID = "EXCH:16419:Invalid combination of MF/AON/DQ"
DISCLOSED_TOO_BIG = "RMS:{order}:Disclosed quantity is greater than original quantity"
IOC_CANCELLED = "EXCH:16388:The order is cancelled by the system"
CANCELLED_BY_USER = "CANCELLED BY USER"
CANCELLED_BY_BROKER = "RMS:Auto Square Off"
OTHER_LEG_TRADED = "CANCELLED BY SYSTEM AS OTHER LEG TRADED"
EXPIRED_AT_CLOSE = "ORDER EXPIRED"
MODIFICATION_REFUSED = "EXCH:16115:Modification rejected"

# What one refusal was seen to say at different times; settings.Settings says which of them an account hears.
FUNDS_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "rupees": NO_FUNDS,
        "short": "Fund Limit Insufficient",
        "long": "RMS:{order}:{segment},{kind},{symbol},FUND LIMIT INSUFFICIENT,AVAILABLE FUND={available},"
        "ADDITIONAL REQUIRED FUND={missing},CALCULATED MARGIN FOR ORDER={margin}",
    }
)
HOLDINGS_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "more_than_held": "RMS:{order}:You are trying to sell more than the quantity you currently hold.",
        "insufficient": "RMS:{order}:Insufficient Holding Quantity",
        "scrip_limit": "RMS:{order}:Scrip limit insufficient",
    }
)
BAND_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "ckt": "RMS:{order}:Rate Not Within Ckt Limit {low} To {high}",
        "freeze": "RMS:{order}:Order rejected, Stock in circuit freeze. Place order within {low} to {high}.",
        "limits": "RMS:{order}:Order Price needs to be Circuit Limits of {low} to {high}",
        "exchange": "EXCH:16284:The order price is out of the days price range.",
    }
)
INTRADAY_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "closed": "RMS:{order}:Intraday orders cannot be placed at this time.",
        "blocked": "RMS:{order}:Auto Square Off Block",
    }
)
SAME_DAY_SALE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "edis": NOT_AUTHORISED,
        "exchange": "EXCH:16387:Security is not allowed to trade in this market.",
    }
)

ERROR_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "DH-901": "Invalid_Authentication",
        "DH-902": "Invalid_Access",
        "DH-903": "User_Account",
        "DH-904": "Rate_Limit",
        "DH-905": "Input_Exception",
        "DH-906": "Order_Error",
        "DH-907": "Data_Error",
        "DH-908": "Internal_Server_Error",
        "DH-911": "Invalid_IP",
        "DH-1111": "HOLDING_ERROR",
    }
)


DEAD_TOKENS: Mapping[str, tuple[int, object]] = MappingProxyType(
    {
        "DH-901": (401, {"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": DEAD_TOKEN}),
        "DH-906": (400, {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": INVALID_TOKEN}),
        "807": (401, {"status": "failed", "data": {"807": "Access token is expired"}}),
        "808": (
            401,
            {"status": "failed", "data": {"808": "Authentication Failed - Client ID or Access Token invalid"}},
        ),
        "809": (401, {"status": "failed", "data": {"809": "Access token is invalid"}}),
        "810": (401, {"status": "failed", "data": {"810": "Client ID is invalid"}}),
    }
)
"""How a dead token is refused: HTTP status and body."""


class Refusal(Exception):
    """The broker refuses the request with this HTTP status and body."""

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(str(payload))
        self.status = status
        self.payload = payload


def refusal(status: int, code: str, message: str) -> Refusal:
    """A refusal in Dhan's usual shape."""
    return Refusal(status, {"errorType": ERROR_TYPES[code], "errorCode": code, "errorMessage": message})


def dead_token(shape: str, token: str = "") -> Refusal:
    """A dead token, in one of its shapes; ``token``: it is repeated in the sentence."""
    status, payload = DEAD_TOKENS[shape]
    if token:
        payload = json.loads(json.dumps(payload).replace('"}', f' ({token})"}}', 1))
    return Refusal(status, payload)


def worded(text: str, **facts: object) -> str:
    """The text with its {names} filled in; other braces stay as they are."""
    for name, fact in facts.items():
        text = text.replace(f"{{{name}}}", str(fact))
    return text


def bad_input(message: str = GENERIC_INPUT) -> Refusal:
    return refusal(400, "DH-905", message)


def no_data() -> Refusal:
    """There is nothing there, told as a failure."""
    text = "System is unable to fetch data due to incorrect parameters or no data present"
    return refusal(400, "DH-907", text)


def order_error(message: str, status: int = 400) -> Refusal:
    return refusal(status, "DH-906", message)
