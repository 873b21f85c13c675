"""What became of every leader order, for every follower."""

from collections.abc import Callable, Mapping
from typing import Any

from copyctl.model.order import Order, Terms
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.request import Desired
from copyctl.model.terms import Decision
from copyctl.report.codes import sentence
from copyctl.report.figures import number, rounded
from copyctl.report.followed import Followed, followed, is_entry_part, leader_order, without_orphans
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
    """One row per leader order and follower, oldest order first; both parts of a reversal are one row.

    ``leader``: the leader's account. ``names``: the followers' names by account. ``since`` and ``until`` (ns) bound
    the moment at which the leader's order was first seen; ``follower`` is a name.
    """
    picture = Picture(records)
    rows = []
    every = map(without_orphans, followed(picture.copies.values()))
    for row in sorted(every, key=lambda one: (_began(one, picture), names.get(one.follower, ""))):
        began = _began(row, picture)
        name = names.get(row.follower, row.follower)
        if (
            began < since
            or (until is not None and began >= until)
            or follower not in (None, name)
            or leader_order_id not in (None, row.leader_order_id)
        ):
            continue
        order = picture.orders.get((leader, row.leader_order_id))
        rows.append(_row(row, name, order, picture))
    return rows


def _began(row: Followed, picture: Picture) -> int:
    lead = picture.leads.get(row.leader_order_id)
    return lead.first_seen_at if lead else row.created_at


def _row(row: Followed, name: str, leader: Order | None, picture: Picture) -> Row:
    lead = picture.leads.get(row.leader_order_id)
    one = whole(row, picture)
    lost = slippage(row.slots, leader, picture)
    last, terms = row.last, _leader_terms(leader, lead)
    return {
        "leader_order_id": row.leader_order_id,
        "follower": name,
        "decision": last.decision.value,
        "reason": last.reason,
        "detail": _each(row, lambda copy: _detail(copy, last)),
        "exit": last.exit,
        "leader_status": leader.status.value if leader and leader.status else None,
        "leader_quantity": terms.quantity if terms else None,
        "leader_filled": leader.filled if leader else 0,
        "leader_average_price": number(leader.average_price) if leader and leader.filled else None,
        "wanted_quantity": row.wanted,
        "follower_order_ids": list(one.order_ids),
        "follower_status": one.status.value if one.status else None,
        "follower_quantity": one.quantity,
        "follower_filled": one.filled,
        "follower_average_price": number(one.average_price),
        "slippage_per_unit": rounded(lost.per_unit) if lost else None,
        "slippage_bps": rounded(lost.bps) if lost else None,
        "slippage": rounded(lost.cost) if lost else None,
        "drift": _each(row, lambda copy: copy.drift) or None,
        "rule": last.rule,
        "policy": last.policy or None,
        "basket": leader_order(last.basket) or None,
        "correlation_id": row.slots[-1].correlation_id if row.slots else None,
        **(_what_is_ours(last.wanted, picture) if row.is_own else _what(leader, terms, picture)),
        "created_at": told(_began(row, picture)),
        "updated_at": told(row.updated_at),
    }


def _detail(copy: Copy, last: Copy) -> str:
    """What a copy says for itself; a part whose decision is not the row's says that too."""
    said = copy.detail or sentence(copy.reason, copy.decision)
    if copy is last or copy.decision is Decision.COPIED:
        return said
    return f"{copy.decision} ({copy.reason}): {said}" if copy.reason else f"{copy.decision}: {said}"


def _each(row: Followed, says: Callable[[Copy], str]) -> str:
    """What the one copy says, or each part of a reversal by its name."""
    if len(row.copies) == 1:
        return says(row.last)
    parts = (("entry" if is_entry_part(copy.leader_order_id) else "exit", says(copy)) for copy in row.copies)
    return "; ".join(f"{part}: {said}" for part, said in parts if said)


def _what(leader: Order | None, terms: Terms | None, picture: Picture) -> Row:
    """The leader's order itself, in Dhan's words."""
    instrument = picture.instrument(leader.segment, leader.security_id) if leader else None
    return {
        "exchange_segment": leader.segment.value if leader and leader.segment else None,
        "security_id": leader.security_id if leader else None,
        "symbol": (instrument.symbol or None) if instrument else None,
        "side": leader.side.value if leader and leader.side else None,
        "product": leader.product.value if leader and leader.product else None,
        **_terms(terms),
    }


def _what_is_ours(wanted: Desired | None, picture: Picture) -> Row:
    """An order that no leader order asks for, in the same words."""
    if wanted is None:
        return _what(None, None, picture)
    instrument = picture.instrument(wanted.segment, wanted.security_id)
    return {
        "exchange_segment": wanted.segment.value,
        "security_id": wanted.security_id,
        "symbol": (instrument.symbol or None) if instrument else None,
        "side": wanted.side.value,
        "product": wanted.product.value,
        **_terms(wanted.terms),
    }


def _terms(terms: Terms | None) -> Row:
    """Type, validity and prices; of a super, CO or BO order with its exits, of a forever order with its second leg."""
    kept, second = (terms.bracket, terms.second) if terms else (None, None)
    return {
        "order_type": terms.order_type.value if terms else None,
        "validity": terms.validity.value if terms else None,
        "price": number(terms.price) if terms else None,
        "trigger_price": number(terms.trigger_price) if terms else None,
        "target_price": number(kept.target) if kept else None,
        "stop_price": number(kept.stop) if kept else None,
        "second_price": number(second.price) if second else None,
        "second_trigger_price": number(second.trigger_price) if second else None,
    }


def _leader_terms(leader: Order | None, lead: LeaderOrder | None) -> Terms | None:
    """The terms as the leader wished them last, or as the broker shows them."""
    return lead.wish if lead else leader.terms if leader else None
