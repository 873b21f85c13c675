"""Keys: under which name each record is kept."""

from collections.abc import Callable
from typing import Any

from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.facts import Funds, Quote
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order
from copyctl.model.policy import Rules
from copyctl.model.records import BasketRecord, Copy, Halt, LeaderOrder, Needed, Position, Record, Spent
from copyctl.model.request import Request
from copyctl.model.terms import Product, Segment


def order_key(account: str, order_id: str) -> str:
    """Where an order is kept."""
    return f"{account}/{order_id}"


def copy_key(leader_order_id: str, follower: str) -> str:
    """Where a copy is kept."""
    return f"{leader_order_id}/{follower}"


def instrument_key(segment: Segment | None, security_id: str | None) -> str:
    """Where an instrument is kept; of an order that does not say what it trades: nowhere."""
    return f"{segment}/{security_id}"


def fill_key(fill: Fill) -> str:
    """Where a fill is kept."""
    return f"{fill.account}/{fill.key}"


def position_key(account: str, segment: Segment, security_id: str, product: Product) -> str:
    """Where a position is kept."""
    return f"{account}/{segment}/{security_id}/{product}"


def spent_key(account: str, minute: int) -> str:
    """Where the requests of one minute are kept."""
    return f"{account}/{minute}"


def leader_id(row: str) -> str:
    """The leader's order that a row belongs to; the entry part of a reversal has a row of its own."""
    return row.partition("#")[0]


def halt_key(account: str, instrument: str) -> str:
    """Where it is kept that an instrument does not trade for an account."""
    return f"{account}/{instrument}"


_KEYS: dict[type, Callable[[Any], str]] = {
    Order: lambda one: order_key(one.account, one.order_id),
    Copy: lambda one: copy_key(one.leader_order_id, one.follower),
    Request: lambda one: one.request_id,
    Account: lambda one: one.account,
    LeaderOrder: lambda one: one.order_id,
    Instrument: lambda one: instrument_key(one.segment, one.security_id),
    Fill: fill_key,
    Position: lambda one: position_key(one.account, one.segment, one.security_id, one.product),
    Funds: lambda one: one.account,
    Quote: lambda one: instrument_key(one.segment, one.security_id),
    TradingDays: lambda one: one.calendar,
    Needed: lambda one: one.key,
    BasketRecord: lambda one: f"{one.follower}/{one.name}",
    Spent: lambda one: spent_key(one.account, one.minute),
    Halt: lambda one: halt_key(one.account, instrument_key(one.segment, one.security_id)),
}


def key_of(record: Record) -> str:
    """The key under which a record is journalled."""
    return _KEYS[type(record)](record)


def policy_mark(rules: Rules | None) -> str:
    """How the rules that decide something are named on it: so much of their digest as people can read."""
    return rules.digest[:12] if rules is not None else ""
