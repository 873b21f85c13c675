"""Keys: under which name each record is kept."""

from copyctl.model.order import Fill
from copyctl.model.policy import Rules
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


def policy_mark(rules: Rules | None) -> str:
    """How the rules that decide something are named on it: so much of their digest as people can read."""
    return rules.digest[:12] if rules is not None else ""
