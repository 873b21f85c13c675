"""Facts: figures that only the broker has, each with the moment for which it holds, and the questions for them.

A step asks (``Ask``) and goes on; the answer is an event of its own (``FactArrived``). What could not be had arrives
as well, with the reason, so that whoever waits for it never waits for ever. ``as_of`` is when the figure was asked
for (ns): what happened before that moment is in it, what happened later may be. A figure that the broker left out is
None, never a guess.
"""

import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from copyctl.model.terms import Product, Segment, Side

# ---- questions ------------------------------------------------------------------------------------------------------


class FundsWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What money has this account?"""

    account: str


class PositionsWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What does this account hold, positions and holdings together?"""

    account: str


class QuoteWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What is this instrument's price, and between which limits may it trade? Asked with this account's data plan."""

    account: str
    segment: Segment
    security_id: str


class MarginOrder(Struct, frozen=True, kw_only=True, gc=False):
    """One order as the margin calculator sees it. ``quantity`` in the unit of an order; a price of 0 is none, and
    the broker then takes the market's."""

    side: Side
    segment: Segment
    security_id: str
    product: Product
    quantity: int
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)


class MarginWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What margin do these orders need together? ``key`` says for which request the answer is.

    ``include_positions`` asks the broker to count what the account holds. Whether its answer is then the need of all
    of it or of these orders alone is undocumented, and the flag was seen to change nothing (live, September 2026):
    who must be sure lists the positions among the orders, and asks once with and once without the new ones.
    """

    account: str
    key: str
    orders: tuple[MarginOrder, ...]
    include_positions: bool = False


AccountQuestion = FundsWanted | PositionsWanted | MarginWanted
"""Questions that are calls of their own."""

Question = AccountQuestion | QuoteWanted
"""Everything that can be asked. Quotes of many instruments are one call."""


# ---- facts ----------------------------------------------------------------------------------------------------------


class Funds(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """An account's money in rupees (Dhan API v2, funds). ``available``: what may still be blocked, ``collateral``
    included; negative for a debt. ``utilised``: blocked by positions and open orders."""

    account: str
    as_of: int
    available: Decimal
    start_of_day: Decimal | None = None
    collateral: Decimal | None = None
    utilised: Decimal | None = None


class PositionRow(Struct, frozen=True, kw_only=True, gc=False):
    """What is held in one instrument and product (Dhan API v2, portfolio); closed ones stay all day, ``net`` 0.

    Quantities in the unit of an order, negative ``net`` and ``carried`` for what is sold; on MCX and in currencies
    the size is ``net`` times ``multiplier``. ``carried``: net from earlier days. Averages in rupees, 0 for none;
    profits in rupees as the broker counts them.
    """

    segment: Segment
    security_id: str
    product: Product
    symbol: str
    net: int
    buy_quantity: int
    sell_quantity: int
    carried: int
    day_buy: int
    day_sell: int
    buy_average: Decimal
    sell_average: Decimal
    realised: Decimal | None = None
    unrealised: Decimal | None = None
    multiplier: int = 1
    expiry: datetime.date | None = None


class Holding(Struct, frozen=True, kw_only=True, gc=False):
    """Delivered shares (Dhan API v2, portfolio). ``exchange`` is mostly ``ALL``: one holding for both exchanges.

    ``total`` holds ``t1``, what was bought and is not delivered yet, and may lag behind today's sales, which show
    as a negative position. ``available``: what may be sold. ``mtf``, ``mtf_t1``: of the margin trading facility.
    """

    exchange: str
    security_id: str
    symbol: str
    isin: str
    total: int
    available: int | None = None
    delivered: int = 0
    t1: int = 0
    mtf: int = 0
    mtf_t1: int = 0
    collateral: int = 0
    average: Decimal = Decimal(0)
    last_price: Decimal | None = None


class Positions(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """All that an account holds. ``bad_rows``: how many rows could not be read; while there are any, what is not
    here may still be held."""

    account: str
    as_of: int
    rows: tuple[PositionRow, ...] = ()
    holdings: tuple[Holding, ...] = ()
    bad_rows: int = 0


class Quote(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """An instrument's price and the limits between which it may trade, in rupees; None where the answer has none."""

    segment: Segment
    security_id: str
    as_of: int
    last_price: Decimal | None = None
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None


class MarginNeed(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What the orders of a ``MarginWanted`` need, in rupees. ``insufficient``: what is missing, above 0 where they
    would be refused. The calculator of several orders tells neither ``available`` nor ``insufficient``."""

    as_of: int
    required: Decimal
    available: Decimal | None = None
    insufficient: Decimal | None = None


Fact = Funds | Positions | Quote | MarginNeed


class Lack(StrEnum):
    """Why a fact could not be had."""

    NO_DATA_PLAN = "no_data_plan"  # quotes are sold apart, and this account has not bought them
    REFUSED = "refused"  # the account's token or address is not accepted
    NOT_KNOWN = "not_known"  # the broker does not know what was asked about: asking again is in vain
    THROTTLED = "throttled"  # too many questions
    UNAVAILABLE = "unavailable"  # no answer, or none that can be read: it may be had later


class FactReading(Struct, frozen=True, kw_only=True, gc=False):
    """What an answer says: the fact, or ``why`` there is none and what that means."""

    fact: Fact | None = None
    why: str = ""
    lack: Lack | None = None


# ---- asking and hearing ---------------------------------------------------------------------------------------------


class Ask(Struct, frozen=True, kw_only=True):
    """An effect: have this question answered."""

    question: Question


class FactArrived(Struct, frozen=True, kw_only=True):
    """An event: the answer to a question. ``fact`` is None where it cannot be had; then ``lack`` and ``why`` say it."""

    at: int
    account: str
    question: Question
    fact: Fact | None = None
    why: str = ""
    lack: Lack | None = None
