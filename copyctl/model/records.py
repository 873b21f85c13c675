"""Records: the state of a run, in pieces that are kept and replaced one by one.

The journal holds the newest of each, so that a start reads them and goes on. All are frozen: a change is a new one.
"""

from decimal import Decimal

from msgspec import Struct

from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.facts import Funds, Quote
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.request import Desired, Request
from copyctl.model.terms import Decision, Product, Segment


class LeaderOrder(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the leader asked for with one order, less what the exchange made of it.

    ``wish``: the terms that he gave last. ``seen``: the terms that the broker showed last; they differ from the
    wish once a stop has triggered or a market order rests as a protected limit. ``unseen_for``: how long ago it had
    happened when it was first seen (ns), 0 where it was seen as it happened. ``filled_at_first``: what had traded
    when it was first seen. ``instrument``: its key. ``classified``: is it known how much of it closes his position:
    ``exits`` units (0: an entry, all: an exit, between: a reversal through flat). ``counted``: units of its fills
    that are in his position. ``undone``: units that had traded unseen and that he had closed again by the time that
    we saw them; ``netted``: units with which it did that. ``recently``: he had traded or ordered the same instrument
    shortly before.
    """

    order_id: str
    wish: Terms
    seen: Terms
    first_seen_at: int
    unseen_for: int
    filled_at_first: int
    instrument: str = ""
    classified: bool = False
    exits: int = 0
    counted: int = 0
    undone: int = 0
    netted: int = 0
    recently: bool = False

    def undone_whole(self, filled: int) -> bool:
        """Had he closed again all that had traded of it (``filled``: what is left of that) before we saw it?"""
        return bool(self.undone) and filled <= 0


class FixedSizing(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The sizing of a copy, fixed at its first decision. Exactly one of ratio, lots, quantity and units is set.

    ``ratio``: follower's units for one of the leader's. ``lots``, ``quantity`` (units) and ``units`` (not rounded yet)
    are wanted whatever the leader's quantity is. ``carried``: units that rounding took from earlier entries in that
    instrument and side and that this one gets on top, negative where rounding had given too many. ``basis``: how
    ratio or units came about, with the numbers; "" where the rules file says them outright.
    """

    rule: str | None
    lot_size: int
    rounding: str
    minimum_lots: int
    maximum_lots: int | None
    ratio: Decimal | None = None
    lots: int | None = None
    quantity: int | None = None
    units: Decimal | None = None
    carried: Decimal = Decimal(0)
    basis: str = ""

    def __post_init__(self) -> None:
        if sum(number is not None for number in (self.ratio, self.lots, self.quantity, self.units)) != 1:
            raise ValueError("a fixed sizing has exactly one of ratio, lots, quantity and units")


class Copy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one leader order for one follower.

    ``wanted``: the order that the rules want now. ``pursued``: the one that the placements so far were made for;
    while both are equal nothing is placed again, whatever others did to the copy. ``closing``: what is still open
    of it is to be cancelled. ``decided_on``: the leader's terms behind the decision. ``note``: the reason code that
    it has once it is copied, ``sized``: the arithmetic of its size. ``missed``: units that the leader had traded
    before a late first sight, not wanted. ``for_filled``: decided when the leader's order was over, for what it had
    traded. ``stopped``: cancelled under the kill switch, never taken up again;
    ``given_up``: likewise for another reason, which it says. ``stuck``: why the leader's newest
    change cannot be copied. ``drift``: "" or in what the follower differs from what the rules want, and why.
    ``exit``: it closes what copies built. ``due``: units that the leader's trades of it ask to be closed, in parts of
    a unit; ``shaped``: the terms that the prices of the day were laid upon, and what came of it; ``hurried``: the terms
    of what has to trade now, priced at ``hurried_at``; ``owed_since``: since when some of that is still open (ns).
    ``cut``: units of an entry that an exit took away before they filled. ``excess``: units filled beyond what the
    leader has. ``checked``: the terms that the checks have passed. ``reduced``: the quantity that was asked for
    when a limit last cut it, and what the limit left. ``hold``: the margin held for it in rupees since ``hold_at``, 0
    once the account's funds show it. ``basket``: the first leg of its basket, ``unwound``: units that were closed again
    since another leg of it failed. ``urgent``: why it has to trade now, "" for not. ``waits``: a change of it waits
    for a figure. ``wanted_since``: when it was decided once more that it is to be copied, 0 for when it was made;
    ``kept``: it has waited for its market to open. ``due_at``: when it is looked at again whatever happens (ns), 0
    for never. ``told``: alerts given of it. ``dead_at``: when it became a dead letter (ns). ``dropped``: a person has
    taken it off the list of dead letters; ``insisted``: or asked for it once more, so that no late rule holds.
    ``policy``: how the digest of the rules that decided it begins.
    """

    leader_order_id: str
    follower: str
    decision: Decision
    reason: str | None = None
    detail: str = ""
    note: str | None = None
    rule: str | None = None
    sizing: FixedSizing | None = None
    decided_on: Terms | None = None
    wanted: Desired | None = None
    pursued: Desired | None = None
    closing: bool = False
    missed: int = 0
    sized: str = ""
    for_filled: bool = False
    stopped: bool = False
    given_up: str = ""
    stuck: str = ""
    slots: tuple[Slot, ...] = ()
    drift: str = ""
    exit: bool = False
    due: Decimal = Decimal(0)
    shaped: tuple[Terms, Terms] | None = None
    hurried: Terms | None = None
    hurried_at: int = 0
    owed_since: int = 0
    cut: int = 0
    excess: int = 0
    checked: Terms | None = None
    reduced: tuple[int, int] | None = None
    hold: Decimal = Decimal(0)
    hold_at: int = 0
    basket: str = ""
    unwound: int = 0
    urgent: str = ""
    waits: bool = False
    wanted_since: int = 0
    kept: bool = False
    due_at: int = 0
    told: tuple[str, ...] = ()
    dead_at: int = 0
    dropped: bool = False
    insisted: bool = False
    policy: str = ""
    created_at: int
    updated_at: int

    @property
    def filled(self) -> int:
        """Units traded by all its placements."""
        return sum(slot.filled for slot in self.slots)

    @property
    def at_broker(self) -> bool:
        """Has the broker taken any of its placements?"""
        return any(slot.at_broker for slot in self.slots)

    @property
    def is_dead_letter(self) -> bool:
        """Is it given up, and has nobody dropped it?"""
        return self.decision is Decision.DEAD and not self.dropped


class Position(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an account has in one instrument and product, as its fills say; units, negative for what is sold.

    ``base``: what earlier days left, with holdings, as the broker's positions told it; ``traded``: all of today's
    fills. Of a follower: ``copied`` is what its copies built and nobody has taken away since; ``target`` what of that
    ought to be there, in parts of a unit (scenario 4.6); ``apart``: units that the leader had before this follower
    came, not copied. ``price``: the last that it traded at, in rupees, 0 for none. ``odd``: another net that a read
    of the positions showed, and ``odd_at`` when: it counts when a second read confirms it.
    """

    account: str
    segment: Segment
    security_id: str
    product: Product
    base: int = 0
    traded: int = 0
    copied: int = 0
    target: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    apart: int = 0
    odd: int | None = None
    odd_at: int = 0

    @property
    def net(self) -> int:
        """What is there now."""
        return self.base + self.traded


class BasketRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Entries in derivatives of one underlying that came within one window (``multi_leg``), for one follower.

    ``name``: the row of the first. Times in ns. ``failed``: the legs that broke and why, as it was told last, and
    ``failed_at`` since when. ``held``: the units of each leg whose margin was found enough for all of them together;
    ``lacks``: why it was not.
    """

    follower: str
    name: str
    underlying: str
    opened_at: int
    closes_at: int
    failed: str = ""
    failed_at: int = 0
    held: tuple[tuple[str, int], ...] = ()
    lacks: str = ""


class Spent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Requests that changed an account, by the minute (of the Unix epoch) in which they arrived at the broker at the
    latest. ``moments``: these, in ms since the minute began, rising."""

    account: str
    minute: int
    moments: tuple[int, ...]


class Halt(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An instrument that does not trade, as a rejection told one follower (scenario 6.6). ``since`` and ``tried_at``,
    when it was last tried: ns; ``text``: the broker's words."""

    account: str
    segment: Segment
    security_id: str
    since: int
    tried_at: int
    text: str


class Blocked(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the margin calculator said: ``units`` at ``price``, with ``basis`` held, block ``required`` rupees more.

    ``free``: what the broker said the account has for it, where it said that this is not enough. ``why``: why there
    is no answer. ``as_of``: when it was asked for (ns).
    """

    as_of: int
    units: int
    price: Decimal
    basis: str
    required: Decimal = Decimal(0)
    free: Decimal | None = None
    why: str = ""


class Needed(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the margin calculator is asked of one account, instrument, product and side, and what it said last.

    Question ``number`` was asked at ``asked_at`` (0: it is answered) for ``units`` at ``price`` with what was held
    (``basis``); rupees. ``together``: with what is held, ``alone``: that alone, where there is any (``legs``), both
    None until they are told.
    """

    key: str
    account: str
    units: int
    price: Decimal
    basis: str
    asked_at: int
    number: int = 0
    legs: bool = False
    together: Decimal | None = None
    alone: Decimal | None = None
    free: Decimal | None = None
    told: Blocked | None = None


Record = (
    Order
    | LeaderOrder
    | Copy
    | Request
    | Account
    | Instrument
    | Fill
    | Position
    | Funds
    | Quote
    | TradingDays
    | Needed
    | BasketRecord
    | Spent
    | Halt
)
"""One of the pieces that the state is made of."""

TABLES: dict[str, type[Record]] = {
    "order": Order,
    "leader_order": LeaderOrder,
    "copy": Copy,
    "request": Request,
    "account": Account,
    "instrument": Instrument,
    "fill": Fill,
    "position": Position,
    "funds": Funds,
    "quote": Quote,
    "days": TradingDays,
    "margin": Needed,
    "basket": BasketRecord,
    "spent": Spent,
    "halt": Halt,
}
"""Every kind of record by the name that it is journalled under."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record that is new or replaced, or (None) gone. ``key`` is unique within ``table``, one of TABLES."""

    table: str
    key: str
    record: Record | None
