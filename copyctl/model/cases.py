"""Policy tests: what a leader does in a case, and what is expected to become of it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from copyctl.model.instrument import Instrument
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Side, Validity

EVERYBODY = "all"
"""The word for all followers together, in commands of a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """As much of an order, or of what became of it, as somebody wrote; None: not told.

    ``instrument``: the short name that the cases give it; ``lots`` stands in the place of ``quantity``. ``price``: the
    limit. ``decision``, ``reason`` and ``rule`` are told of copies alone.
    """

    side: Side | None = None
    quantity: int | None = None
    lots: int | None = None
    instrument: str | None = None
    order_type: OrderType | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product | None = None
    validity: Validity | None = None
    disclosed_quantity: int | None = None
    after_market: bool | None = None
    status: OrderStatus | None = None
    filled: int | None = None
    platform: str | None = None
    tag: str | None = None
    decision: Decision | None = None
    reason: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An instrument that the cases trade. Rupees: its last ``price``, the circuit limits of the day, what one lot of it
    blocks (``margin``); None: not told, so not asked."""

    instrument: Instrument
    price: Decimal
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None
    margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """So much of an instrument (by its short name), negative for what is sold."""

    instrument: str
    product: Product
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What an account has to begin with; None: not told, so not asked.

    ``positions``: of the leader what he holds, of a follower what its copies built; ``by_hand``: what a follower holds
    besides. ``profit``: the day's so far, in rupees. ``ddpi``: may its shares be sold over the API?
    """

    funds: Decimal | None = None
    start_of_day: Decimal | None = None
    positions: tuple[Stake, ...] = ()
    by_hand: tuple[Stake, ...] = ()
    profit: Decimal | None = None
    ddpi: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The facts of a case. ``at``: when it begins (ns); ``holidays``: more of them than the exchanges' own."""

    at: int
    holidays: tuple[datetime.date, ...] = ()
    listed: Mapping[str, Listed] = field(default_factory=dict)
    leader: Purse = field(default_factory=Purse)
    followers: Mapping[str, Purse] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An order of the leader's shows like this from now on, whether he did that or the exchange; every key that an
    order has is told. ``number`` counts his orders from 1."""

    at: int
    number: int
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A person says ``kill``, ``resume``, ``pause`` or ``unpause`` of a follower, or of EVERYBODY."""

    at: int
    command: str
    follower: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Instruments have other last prices from now on."""

    at: int
    prices: Mapping[str, Decimal]


Act: TypeAlias = Shown | Commanded | Priced


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected to have become of one leader order for one follower."""

    follower: str
    number: int
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One policy test. ``until``: when its outcome is looked at (ns); ``line``: where it stands in its file."""

    name: str
    line: int
    given: Given
    acts: tuple[Act, ...]
    until: int
    expected: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """A file of policy tests; ``rules``: the path of the rules file that they are about."""

    file: str
    rules: str
    cases: tuple[Case, ...]
