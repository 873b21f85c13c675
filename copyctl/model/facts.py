"""Facts: figures that only the broker has, each with the moment for which it holds, and the questions for them.

A step asks (``Ask``) and goes on; the answer is an event of its own (``FactArrived``). What could not be had arrives
as well, with the reason, so that whoever waits for it never waits for ever. ``as_of`` is when the figure was asked
for (ns): what happened before that moment is in it, what happened later may be. A figure that the broker left out is
None, never a guess.
"""

import datetime
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

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


class ProfileWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What may this account do, and until when does its token live? The cheapest question whether a token is taken."""

    account: str


class AddressWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """From which addresses may this account's orders come, and does this very call come from one of them?"""

    account: str


class BrokerKillWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Have the broker's own kill switch of this account turned on: no order is taken from it for the rest of the day.

    The one question that changes an account, so a dry run does not ask it. It stands among the questions because it
    is none of an order and needs nothing else that a request has: it may go twice (on is on), and it is answered once.
    Dhan refuses it (``Lack.NOT_NOW``) while an order is open or a position held. After ``Lack.UNAVAILABLE`` it may be
    on or not: ``BrokerKillStateWanted`` tells.
    """

    account: str


class BrokerKillStateWanted(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Is the broker's own kill switch of this account on? Changes nothing."""

    account: str


AccountQuestion = (
    FundsWanted
    | PositionsWanted
    | MarginWanted
    | ProfileWanted
    | AddressWanted
    | BrokerKillWanted
    | BrokerKillStateWanted
)
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
    """An instrument's price and the limits between which it may trade, in rupees; None where the answer has none.

    As it is kept: ``asked_at``, when a newer one was asked for that has not come yet, ``failed_at``, when one was asked
    for last and was not to be had (ns).
    """

    segment: Segment
    security_id: str
    as_of: int
    last_price: Decimal | None = None
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None
    asked_at: int = 0
    failed_at: int = 0


class MarginNeed(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What the orders of a ``MarginWanted`` need, in rupees. ``insufficient``: what is missing, above 0 where they
    would be refused. The calculator of several orders tells neither ``available`` nor ``insufficient``."""

    as_of: int
    required: Decimal
    available: Decimal | None = None
    insufficient: Decimal | None = None


class Profile(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What an account may do (Dhan API v2, authentication: user profile); None for what the answer leaves out.

    ``ddpi``: may its delivered shares be sold over the API? Without, the owner authorises them anew each day.
    ``mtf``: has it agreed to the margin trading facility? ``data_plan``: has it bought quotes? ``segments``: in the
    broker's words, lower case: equity, derivative, currency, commodity. ``token_until``: until when the token that
    asked lives, ns, told in whole minutes; a token that is minted elsewhere ends it before.
    """

    account: str
    as_of: int
    ddpi: bool | None = None
    mtf: bool | None = None
    data_plan: bool | None = None
    segments: tuple[str, ...] | None = None
    token_until: int | None = None


class Addresses(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """From where an account's orders may come (Dhan API v2, authentication: static IP).

    ``registered``: the primary address before the secondary one, () for none at all, None where the answer does not
    tell or cannot be read. Undocumented, and seen in live answers all the same: ``detected``, the address from which
    the broker saw this very call come, and ``allowed``, its own word on whether orders may come from there. Addresses
    are in their shortest form.
    """

    account: str
    as_of: int
    registered: tuple[str, ...] | None = None
    detected: str | None = None
    allowed: bool | None = None

    def takes_orders(self, source_ip: str | None = None) -> bool | None:
        """Will the broker take orders from where this account's requests come from? None: only an order will tell.

        This is what ``checks.address`` can know at the start. The question is answered whatever address it comes
        from, and leaves by the same way as an order would. In this order: the broker's own word; nothing registered
        is a no; ``detected`` is among the registered ones, or not; where that is not told either, ``source_ip``, the
        local address that requests leave from. One that no network outside knows (10.0.0.5) says only yes, by
        standing there itself: the broker sees the address of the router before it, and that is not known here.
        """
        if self.allowed is not None or self.registered is None:
            return self.allowed
        if not self.registered:
            return False
        if self.detected is not None:
            return self.detected in self.registered
        try:
            seen = address(source_ip or "")
        except ValueError:
            return None
        return str(seen) in self.registered or (False if seen.is_global else None)


def address(written: str) -> IPv4Address | IPv6Address:
    """The address that is written here; one of version 4 in the clothes of version 6 is one of version 4.

    Raises:
        ValueError: it is none.
    """
    found = ip_address(written)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


class BrokerKill(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """The broker's own kill switch of an account (Dhan API v2, trader's control).

    ``active``: is it on? None where ``text``, what the broker said, does not make that clear. To a
    ``BrokerKillWanted`` it is never False: that it was not turned on is a lack.
    """

    account: str
    as_of: int
    active: bool | None = None
    text: str = ""


Fact = Funds | Positions | Quote | MarginNeed | Profile | Addresses | BrokerKill


class Lack(StrEnum):
    """Why a fact could not be had."""

    NO_DATA_PLAN = "no_data_plan"  # quotes are sold apart, and this account has not bought them
    REFUSED = "refused"  # the account's token or address is not accepted
    NOT_KNOWN = "not_known"  # the broker does not know what was asked about: asking again is in vain
    NOT_NOW = "not_now"  # the broker will not do it as things stand: it was not done, and may be asked for again
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
