"""One line of what happened, as programs read it: in ``copyctl events`` and in the log."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from copyctl.model.effects import Notice
from copyctl.report.figures import number
from copyctl.report.followed import is_entry_part, leader_order
from copyctl.report.moments import told

LEADER = "leader"


def event(notice: Notice, names: Mapping[str, str], leader: str) -> dict[str, Any]:
    """A notice as a row. Accounts are told by their names (``names``, by account); the leader is no follower.
    ``part``: what it tells is the entry of an order that reverses a position. Its facts stand under their own names.
    """
    facts: dict[str, Any] = dict(notice.facts)
    account = _name(str(facts.pop("account", "")) or notice.follower, names, leader)
    is_leader = account == LEADER
    if "price" in facts:
        facts["price"] = number(Decimal(facts["price"])) if facts["price"] is not None else None
    told_of = {
        "at": told(notice.at),
        "event": notice.event,
        "level": notice.level.value,
        "text": notice.text,
        "leader_order_id": leader_order(notice.leader_order_id) or (facts.get("order_id") if is_leader else None),
        "part": "entry" if is_entry_part(notice.leader_order_id) else None,
        "follower": None if is_leader else account,
        "account": account,
    }
    return {**told_of, **{key: value for key, value in facts.items() if key not in told_of}}


def log_line(notice: Notice, names: Mapping[str, str], leader: str) -> dict[str, Any]:
    """A notice as a line of the log: the same, with its facts together. ``trace`` is one for all lines of one order of
    the leader, whichever follower they are about: its order id, or the name of copyctl's own row."""
    row = event(notice, names, leader)
    plain = {key: row.pop(key) for key in ("at", "event", "level", "text", "leader_order_id", "follower")}
    return {**plain, "trace": plain["leader_order_id"], "facts": {k: v for k, v in row.items() if v is not None}}


def _name(account: str, names: Mapping[str, str], leader: str) -> str | None:
    return LEADER if account == leader else names.get(account, account) or None
