"""Stakes: the position of a follower that an exit closes, and how much of it may be closed.

A follower's copied position is looked for in the product that the leader's is mapped to, then in its others; not in
one that stands for another position of the leader's own (scenario 4.6).
"""

from dataclasses import dataclass

from copyctl.core import filters
from copyctl.core.keys import instrument_key, leader_id, order_key, policy_mark
from copyctl.core.positions import position, sign_of
from copyctl.core.state import Draft
from copyctl.model.choices import ExitBase
from copyctl.model.copying import FilterRule, OrderMapping
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, Product, Side

OWN_ROW = "position:"
"""How the name of a row begins that belongs to no order of the leader's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """One exit that bears on a position. ``lead`` and ``order`` are None for a row of our own."""

    copy: Copy
    lead: LeaderOrder | None = None
    order: Order | None = None

    @property
    def key(self) -> str:
        """The name of its row."""
        return self.copy.leader_order_id

    @property
    def live(self) -> bool:
        """Does it still rest for the leader?"""
        return self.order is not None and not self.order.over

    @property
    def own(self) -> bool:
        """Is it a row of our own?"""
        return self.order is None and not self.unled

    @property
    def unled(self) -> bool:
        """Is it a leg that the broker keeps for us, while the leader's is not known?"""
        return self.order is None and not self.copy.leader_order_id.startswith(OWN_ROW)

    @property
    def wanted(self) -> Desired:
        """What a row of our own closes; of the leader's, what was last wanted of it."""
        if self.copy.wanted is None:
            raise ValueError(f"{self.key} names no position")
        return self.copy.wanted

    @property
    def sign(self) -> int:
        """+1 where it closes what was bought, -1 where it closes what was sold."""
        side = self.order.side if self.order is not None else self.wanted.side
        return -sign_of(side) if side is not None else 0


def blank(draft: Draft, row: str, follower: Follower) -> Copy:
    """A new row of an exit."""
    return Copy(
        leader_order_id=row,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        exit=True,
        policy=policy_mark(draft.rules),
        created_at=draft.now,
        updated_at=draft.now,
    )


def exit_rule(
    follower: Follower, order: Order, wish: Terms, instrument: Instrument | None, now: int
) -> FilterRule | None:
    """The filter rule that matches an exit, None where only the default is left."""
    if instrument is None:
        return None
    return filters.first_match(follower.policy.filters, order, wish, instrument, now, opens=False)


def mapping_of(follower: Follower, rule: str | None) -> OrderMapping:
    """The mapping of the rule with this name, or the policy's."""
    for one in follower.policy.filters.rules:
        if one.name == rule and one.mapping is not None:
            return one.mapping
    return follower.policy.mapping


def mapped_product(how: OrderMapping, product: Product) -> Product:
    """The product that a leader's product becomes; where such orders are skipped, that product itself."""
    return how.product.get(product, product) or product


def stakes(draft: Draft, rules: Rules, follower: Follower, order: Order, how: OrderMapping) -> list[Position]:
    """The follower's positions that an exit of the leader closes: first the one that its order goes to, then what is
    held beside it in products that stand for nothing of the leader's own."""
    if order.segment is None or order.security_id is None or order.side is None or order.product is None:
        raise ValueError(f"leader order {order.order_id} says neither side nor product")
    mapped = mapped_product(how, order.product)
    first = position(draft, follower.client_id, order.segment, order.security_id, mapped)
    beside = [
        here
        for here in draft.positions_in(follower.client_id, instrument_key(order.segment, order.security_id))
        if here.product is not mapped and closable(here, follower, order) > 0
    ]
    if closable(first, follower, order) <= 0 and beside and _was_converted(draft, rules, first, order):
        return beside
    taken = _products_of_his_others(draft, rules, order, how)
    others = [here for here in beside if here.product not in taken]
    if others and closable(first, follower, order) <= 0:
        return others
    return [first, *others]


def _was_converted(draft: Draft, rules: Rules, first: Position, order: Order) -> bool:
    """Did what this order closes come from another product? He has opened nothing in its own (scenario 4.8)."""
    if first.apart:
        return False
    for lead in draft.leads_in(instrument_key(order.segment, order.security_id)):
        other = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        opens = other is not None and (other.filled > lead.exits or not other.over)
        if other is not None and opens and other.product is order.product and other.side is not order.side:
            return False
    return True


def behind(draft: Draft, rules: Rules, order: Order, product: Product, how: OrderMapping) -> int:
    """What the leader has that stands behind a follower's position in this product, on the side that an order of his
    closes: in the order's own product, and in his others that are mapped to it."""
    sign = -sign_of(order.side) if order.side else 0
    return sign * sum(
        here.net
        for here in draft.positions_in(rules.leader.client_id, instrument_key(order.segment, order.security_id))
        if here.product is order.product or mapped_product(how, here.product) is product
    )


def _products_of_his_others(draft: Draft, rules: Rules, order: Order, how: OrderMapping) -> set[Product]:
    """The follower's products that the leader's other positions on the same side are mapped to. With nothing left on
    that side over all products together they are one position that he converted (scenario 4.8)."""
    sign = -sign_of(order.side) if order.side else 0
    theirs = draft.positions_in(rules.leader.client_id, instrument_key(order.segment, order.security_id))
    if sign * sum(here.net for here in theirs) <= 0:
        return set()
    others = (here for here in theirs if here.product is not order.product and here.net * sign > 0)
    return {mapped_product(how, here.product) for here in others}


def closable(here: Position, follower: Follower, order: Order) -> int:
    """Units of a position that an order of this side may close, negative for those on its own side."""
    sign = -sign_of(order.side) if order.side else 0
    return sign * (here.net if follower.policy.exits.base is ExitBase.ACCOUNT else here.copied)


def cap_of(draft: Draft, follower: Follower, here: Position, sign: int) -> int:
    """The most that may be closed of a position: what copies built, and no more than is there (the second law)."""
    there = max(0, sign * here.net) if draft.account(here.account).positions_at else None
    if follower.policy.exits.base is ExitBase.ACCOUNT and there is not None:
        return there
    copied = max(0, sign * here.copied)
    return copied if there is None else min(copied, there)


def leader_position(draft: Draft, order: Order) -> Position:
    """What the leader has in the instrument and product of an order of his."""
    if order.segment is None or order.security_id is None or order.product is None:
        raise ValueError(f"leader order {order.order_id} names no position")
    return position(draft, order.account, order.segment, order.security_id, order.product)


def leader_net(draft: Draft, order: Order) -> int:
    """The same in units, signed."""
    return leader_position(draft, order).net


def his_entries_open(draft: Draft, rules: Rules, order: Order, instrument: str) -> bool:
    """May entries of the leader into what an order of his closes still fill, as far as we know?"""
    for other in draft.open_leads_in(rules.leader.client_id, instrument):
        leader = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if leader is None or leader.over or leader.side is order.side or leader.product is not order.product:
            continue
        if leader.leaves > max(0, other.exits - leader.filled):
            return True
    return False


def leader_order(draft: Draft, rules: Rules, row: str) -> Order | None:
    """The leader's order behind a row."""
    return draft.orders.get(order_key(rules.leader.client_id, leader_id(row)))


def still_closing(draft: Draft, rules: Rules, follower: Follower, order: Order) -> bool:
    """Is something copied on the other side of an entry to be closed first, or may an entry there that is wanted no
    more still fill? Until then the entry would close it, and the exit open what the entry should (scenario 4.11)."""
    if order.segment is None or order.security_id is None or order.side is None or order.product is None:
        return False
    sign, key = -sign_of(order.side), instrument_key(order.segment, order.security_id)
    instrument = draft.instruments.get(key)
    product = mapped_product(follower.policy.mapping, order.product)
    here = position(draft, follower.client_id, order.segment, order.security_id, product)
    if sign * here.copied - max(ZERO, sign * here.target) >= (instrument.lot_size if instrument else 1):
        return True
    account, other = follower.client_id, Side.SELL if order.side is Side.BUY else Side.BUY
    if any(
        copy.wanted and copy.wanted.product is product for copy in draft.live_in(account, key, order.side, exits=True)
    ):
        return True
    entries = draft.live_in(account, key, other, exits=False)
    return any(
        copy.wanted is not None and copy.wanted.product is product and _is_ending(draft, rules, copy)
        for copy in entries
    )


def _is_ending(draft: Draft, rules: Rules, copy: Copy) -> bool:
    """Is an entry with open orders wanted no more?"""
    if copy.closing or copy.stopped or copy.given_up or copy.wanted is None:
        return True
    leader = leader_order(draft, rules, copy.leader_order_id)
    return copy.wanted.terms.quantity <= copy.filled or leader is None or leader.over
