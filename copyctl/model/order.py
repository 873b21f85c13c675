"""Orders: what was seen of one, and what is known of it by now."""

from decimal import Decimal

from msgspec import Struct

from copyctl.model.instrument import Instrument
from copyctl.model.reasons import Category
from copyctl.model.terms import AmoTime, Leg, OrderStatus, OrderType, Product, Segment, Side, Source, Validity

ZERO = Decimal(0)


class Bracket(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The exits that the broker keeps for what an entry fills (super orders, BO and CO); 0: there is none of that kind.

    ``target`` and ``stop`` are prices in rupees, with ``distances`` (BO) how far they lie from the entry's price.
    ``trail``: the stop follows the market in steps of so many rupees.
    """

    target: Decimal = ZERO
    stop: Decimal = ZERO
    trail: Decimal = ZERO
    distances: bool = False


class SecondLeg(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The second leg of a forever order that is one of two (OCO): its stop, where the first is its target."""

    quantity: int
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The part of an order that a modification may change. ``quantity`` is the total, not what is left (Dhan API
    v2, modify order). A price that the type does not have is 0. A forever order (validity FOREVER) has a trigger
    whatever its type."""

    order_type: OrderType
    validity: Validity
    quantity: int
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    disclosed_quantity: int = 0
    bracket: Bracket | None = None
    second: SecondLeg | None = None


class ExecutionReport(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One observation of one order, from the stream or from a book.

    ``as_of``: our time; of a frame when it arrived, of a book's row when the book was asked for (the row is at
    least that new). ``broker_time``: the broker's own time of the last change, whole seconds, 0 when it gives none.
    What a frame left out is None. ``category``: what the text of a rejection means. ``status`` is None for a word
    that we do not know: it is kept in ``status_text``, never acted on. ``filled`` is cumulative.

    ``leg``: which part of a super, CO or BO order it is, ``parent_id`` the order of its entry where that is told; of
    a forever order how the list names its first leg. ``bracket``: the exits that hang on an entry, None where they are
    not told: frames never do (``terms.bracket`` is left out of reports). ``of_forever``: it is the order that a forever
    order (``parent_id``) became when it triggered. ``number``: the broker's own id where ``order_id`` is a name of ours
    (``core.naming``), else "".
    """

    account: str
    order_id: str
    number: str = ""
    source: Source
    as_of: int
    broker_time: int = 0
    created_time: int = 0
    status: OrderStatus | None = None
    status_text: str = ""
    side: Side | None = None
    segment: Segment | None = None
    security_id: str | None = None
    product: Product | None = None
    terms: Terms | None = None
    filled: int = 0
    average_price: Decimal = ZERO
    correlation_id: str = ""
    leg: Leg = Leg.ENTRY
    parent_id: str = ""
    super_order: bool = False
    bracket: Bracket | None = None
    of_forever: bool = False
    after_market: bool = False
    amo_time: AmoTime | None = None
    platform: str = ""
    text: str = ""
    category: Category | None = None
    last_price: Decimal | None = None
    instrument: Instrument | None = None


class Fill(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One trade of one order, as the trade book gives it. Unique by segment, ``trade_id`` and side: a self-match
    prints one trade id for both sides."""

    account: str
    order_id: str
    trade_id: str
    segment: Segment
    security_id: str
    side: Side
    product: Product | None
    quantity: int
    price: Decimal
    traded_at: int

    @property
    def key(self) -> str:
        """What tells this trade from every other of the account."""
        return f"{self.segment}:{self.trade_id}:{self.side}"


class Version(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Terms as some report gave them, and the first moment at which they were seen."""

    terms: Terms
    as_of: int
    source: Source


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The picture of one order of one account, folded from its reports (``core.book``).

    ``versions``: the terms seen with the newest broker time, since the broker's clock counts whole seconds and
    several changes share one. ``terms`` is the newest of them. ``furthest``: the furthest status that any report
    gave, rejections on the stream left out: a rejected modification may be told with the same word as a rejected
    order, so an order that was seen resting is over only when the book says so. ``newest_status``: what the newest
    report by the broker's time says. ``status`` is what follows from all of them. ``hint``: what frames told of the
    instrument. ``last_price_at``: when the newest last price came. ``seen_at``, ``newest_as_of``: our time of the first
    report and of the one that is newest by the broker's time. ``number``: the broker's id of it where ``order_id`` is a
    name of ours (a leg), and of a forever order that has triggered that of the order which it became. ``bracket``: the
    exits that hang on it, as they were told last (``bracket_at``); ``terms`` has them too, those of ``versions`` never.
    ``gone_at``: since when the list of forever orders lacks it, 0 for not.
    """

    account: str
    order_id: str
    number: str = ""
    status: OrderStatus | None = None
    furthest: OrderStatus | None = None
    newest_status: OrderStatus | None = None
    rejected_on_stream: bool = False
    side: Side | None = None
    segment: Segment | None = None
    security_id: str | None = None
    product: Product | None = None
    terms: Terms | None = None
    versions: tuple[Version, ...] = ()
    terms_time: int = 0
    filled: int = 0
    average_price: Decimal = ZERO
    correlation_id: str = ""
    leg: Leg = Leg.ENTRY
    parent_id: str = ""
    super_order: bool = False
    bracket: Bracket | None = None
    bracket_at: int = 0
    gone_at: int = 0
    after_market: bool = False
    amo_time: AmoTime | None = None
    platform: str = ""
    text: str = ""
    category: Category | None = None
    last_price: Decimal | None = None
    last_price_at: int = 0
    hint: Instrument | None = None
    triggered: bool = False
    unknown_words: tuple[str, ...] = ()
    created_time: int = 0
    broker_time: int = 0
    newest_as_of: int = 0
    book_as_of: int = 0
    seen_at: int = 0

    @property
    def doubtful(self) -> bool:
        """Do the reports leave open what the order is now? Then the book must be read."""
        return (
            (len(self.versions) > 1 and self.versions[0].source is not Source.BOOK and self._several_terms)
            or (self.rejected_on_stream and self.status is not OrderStatus.REJECTED and not self.over)
            or (self.status is None or self.terms is None or self.side is None)
        )

    @property
    def _several_terms(self) -> bool:
        return any(version.terms != self.versions[0].terms for version in self.versions)

    @property
    def forever(self) -> bool:
        """Is it a forever order (GTT)?"""
        return self.terms is not None and self.terms.validity is Validity.FOREVER

    @property
    def is_leg(self) -> bool:
        """Is it one of the exits that hang on an entry? (Of a forever order ``leg`` is but a name in a list.)"""
        return self.leg is not Leg.ENTRY and not self.forever

    @property
    def armed(self) -> bool:
        """Is it a forever order that waits for its trigger?"""
        return self.forever and not (self.number or self.triggered or self.filled or self.over)

    @property
    def over(self) -> bool:
        """Nothing more can trade."""
        return self.status is not None and self.status.is_final

    @property
    def accepted(self) -> bool:
        """Has the exchange taken it, as far as we have seen? An after-market order counts from TRANSIT on."""
        if self.filled:
            return True
        if self.status is None or self.status is OrderStatus.REJECTED:
            return False
        return self.after_market or self.status is not OrderStatus.TRANSIT

    @property
    def leaves(self) -> int:
        """Leaves quantity: what may still trade."""
        return 0 if self.over or self.terms is None else max(0, self.terms.quantity - self.filled)
