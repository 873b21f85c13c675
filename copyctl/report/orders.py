"""What became of every leader order, for every follower."""

from collections.abc import Mapping
from typing import Any

from copyctl.model.order import Order, Terms
from copyctl.model.reasons import SENTENCES, Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.report.figures import number, rounded
from copyctl.report.moments import told
from copyctl.report.picture import Picture, Records
from copyctl.report.placements import whole
from copyctl.report.slippage import slippage

Row = dict[str, Any]


def copies(
    records: Records,
    names: Mapping[str, str],
    *,
    leader: str,
    since: int = 0,
    until: int | None = None,
    follower: str | None = None,
    leader_order_id: str | None = None,
) -> list[Row]:
    """One row per leader order and follower, oldest order first.

    ``leader``: the leader's account. ``names``: the followers' names by account. ``since`` and ``until`` (ns) bound
    the moment at which the leader's order was first seen; ``follower`` is a name.
    """
    picture = Picture(records)
    rows = []
    for copy in sorted(picture.copies.values(), key=lambda one: (_began(one, picture), names.get(one.follower, ""))):
        began = _began(copy, picture)
        name = names.get(copy.follower, copy.follower)
        if (
            began < since
            or (until is not None and began >= until)
            or follower not in (None, name)
            or leader_order_id not in (None, copy.leader_order_id)
        ):
            continue
        order = picture.orders.get((leader, copy.leader_order_id))
        rows.append(_row(copy, name, order, picture))
    return rows


def _began(copy: Copy, picture: Picture) -> int:
    lead = picture.leads.get(copy.leader_order_id)
    return lead.first_seen_at if lead else copy.created_at


def _row(copy: Copy, name: str, leader: Order | None, picture: Picture) -> Row:
    lead = picture.leads.get(copy.leader_order_id)
    one = whole(copy, picture)
    lost = slippage(copy, leader, picture)
    return {
        "leader_order_id": copy.leader_order_id,
        "follower": name,
        "decision": copy.decision.value,
        "reason": copy.reason,
        "detail": copy.detail or _sentence(copy.reason),
        "leader_status": leader.status.value if leader and leader.status else None,
        "leader_quantity": _leader_terms(leader, lead, "quantity"),
        "leader_filled": leader.filled if leader else 0,
        "leader_average_price": number(leader.average_price) if leader and leader.filled else None,
        "wanted_quantity": copy.wanted.terms.quantity if copy.wanted else 0,
        "follower_order_ids": list(one.order_ids),
        "follower_status": one.status.value if one.status else None,
        "follower_quantity": one.quantity,
        "follower_filled": one.filled,
        "follower_average_price": number(one.average_price),
        "slippage_per_unit": rounded(lost.per_unit) if lost else None,
        "slippage_bps": rounded(lost.bps) if lost else None,
        "slippage": rounded(lost.cost) if lost else None,
        "drift": copy.drift or None,
        "rule": copy.rule,
        "basket": None,
        "correlation_id": copy.slots[-1].correlation_id if copy.slots else None,
        **_what(leader, lead, picture),
        "created_at": told(_began(copy, picture)),
        "updated_at": told(copy.updated_at),
    }


def _what(leader: Order | None, lead: LeaderOrder | None, picture: Picture) -> Row:
    """The leader's order itself, in Dhan's words."""
    instrument = picture.instrument(leader.segment, leader.security_id) if leader else None
    return {
        "exchange_segment": leader.segment.value if leader and leader.segment else None,
        "security_id": leader.security_id if leader else None,
        "symbol": (instrument.symbol or None) if instrument else None,
        "side": leader.side.value if leader and leader.side else None,
        "product": leader.product.value if leader and leader.product else None,
        "order_type": _leader_terms(leader, lead, "order_type"),
        "price": number(_leader_terms(leader, lead, "price")),
        "trigger_price": number(_leader_terms(leader, lead, "trigger_price")),
    }


def _leader_terms(leader: Order | None, lead: LeaderOrder | None, term: str) -> Any:
    """A term as the leader wished it last, or as the broker shows it."""
    terms: Terms | None = lead.wish if lead else leader.terms if leader else None
    return getattr(terms, term) if terms else None


def _sentence(reason: str | None) -> str:
    """What a reason code says by itself."""
    found = SENTENCES.get(Reason(reason)) if reason in {one.value for one in Reason} else None
    return found[1] if found else ""
