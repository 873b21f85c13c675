"""The margin of a basket: what all its legs block together, hedge benefit counted (``multi_leg.margin: basket``).

The calculator is asked for the legs that have come so far beside what the account holds, so that its answer is there
when the window closes. It is all or nothing: where the money is enough, each leg's part is held from then on, also of
those that leave later; where it is not, no leg is sent.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import margin
from copyctl.core.asked import Answer, Asked, Later, refuse, unavailable
from copyctl.core.capital import ask_funds, funds
from copyctl.core.keys import instrument_key, leader_id, order_key
from copyctl.core.legs import members, record_of
from copyctl.core.market import FAILED_FOR, LOST_AFTER, last_price
from copyctl.core.state import Draft
from copyctl.model.choices import LegMargin
from copyctl.model.facts import MarginOrder
from copyctl.model.order import ZERO
from copyctl.model.reasons import Reason
from copyctl.model.records import BasketRecord, Blocked, Copy, Needed
from copyctl.model.terms import Decision

_OUT = frozenset({Decision.REFUSED, Decision.DEAD, Decision.SKIPPED})


def covered(asked: Asked) -> Answer:
    """Is there the money for an entry, as a leg of its basket where it is one?"""
    record = record_of(asked.draft, asked.copy)
    policy = asked.follower.policy
    together = policy.multi_leg.margin is LegMargin.BASKET
    if record is None or asked.copy.slots or not policy.checks.margin:
        return margin.covered(asked)
    if asked.draft.now < record.closes_at:  # nothing leaves yet, and what more comes may change the answer
        if together:
            _told(asked, tuple(_order(asked, one) for one in _legs(asked) if one.wanted is not None))
        return asked.copy
    if not together:
        return margin.covered(asked)
    if record.lacks:
        return refuse(Reason.INSUFFICIENT_MARGIN, record.lacks)
    if asked.wanted.terms.quantity <= dict(record.held).get(asked.copy.leader_order_id, 0):
        return asked.copy
    legs = _legs(asked)
    if len(legs) < 2 or record.held:  # he has raised it since, or it is all alone
        return margin.covered(asked)
    return _together(asked, record, legs)


def _legs(asked: Asked) -> list[Copy]:
    """The legs that may still come to something, this one as it is now."""
    found = {one.leader_order_id: one for one in members(asked.draft, asked.copy.follower, asked.copy.basket)}
    found[asked.copy.leader_order_id] = asked.copy
    return [one for one in found.values() if one.decision not in _OUT]


def _together(asked: Asked, record: BasketRecord, legs: list[Copy]) -> Answer:
    draft, account = asked.draft, asked.copy.follower
    if any(one.wanted is None for one in legs):
        return Later(reason=Reason.BASKET, detail="another leg is not sized yet")
    known = funds(draft, account)
    if known is None:
        if ask_funds(draft, account):
            return Later(reason=Reason.CHECKING, detail="the follower's funds were asked for")
        return unavailable(asked, f"the follower's funds cannot be read: {draft.account(account).funds_why}")
    orders = {one.leader_order_id: _order(asked, one) for one in legs}
    told = _told(asked, tuple(orders.values()))
    if told is None:
        return Later(reason=Reason.CHECKING, detail="the margin calculator was asked for all legs together")
    if told.why:
        return unavailable(asked, f"the margin of the basket cannot be asked: {told.why}")
    answer = margin.afford(asked, known, told, told.required)
    if isinstance(answer, Later):
        return answer
    if not isinstance(answer, Copy):
        lacks = f"{len(legs)} legs together: {answer.detail}"
        draft.baskets.put(replace(record, lacks=lacks))
        return refuse(Reason.INSUFFICIENT_MARGIN, lacks)
    return _hold(asked, record, legs, orders, told.required)


def _hold(
    asked: Asked, record: BasketRecord, legs: list[Copy], orders: dict[str, MarginOrder], required: Decimal
) -> Copy:
    """Every leg with its part of the margin, by its value, held from now on."""
    draft = asked.draft
    values = {key: max(Decimal(1), one.price * one.quantity) for key, one in orders.items()}
    whole = sum(values.values(), ZERO)
    parts = {key: required * value / whole for key, value in values.items()}
    for one in legs:
        if one.leader_order_id != asked.copy.leader_order_id:
            draft.copies.put(replace(one, hold=parts[one.leader_order_id], hold_at=draft.now))
    draft.baskets.put(replace(record, held=tuple((key, one.quantity) for key, one in orders.items())))
    return replace(asked.copy, hold=parts[asked.copy.leader_order_id], hold_at=draft.now)


def _order(asked: Asked, copy: Copy) -> MarginOrder:
    """A leg as the calculator sees it."""
    draft, wanted = asked.draft, copy.wanted
    if wanted is None:
        raise ValueError(f"{copy.leader_order_id} is not sized")
    instrument = draft.instruments.get(instrument_key(wanted.segment, wanted.security_id))
    row = leader_id(copy.leader_order_id)
    leader = draft.orders.get(order_key(asked.rules.leader.client_id, row))
    last = last_price(draft, instrument, leader) if instrument is not None else None
    return MarginOrder(
        side=wanted.side,
        segment=wanted.segment,
        security_id=wanted.security_id,
        product=wanted.product,
        quantity=wanted.terms.quantity,
        price=wanted.terms.price or last or ZERO,
        trigger_price=wanted.terms.trigger_price,
    )


def _told(asked: Asked, orders: tuple[MarginOrder, ...]) -> Blocked | None:
    """What the calculator said of just these orders beside what is held; None: it was asked."""
    draft, account = asked.draft, asked.copy.follower
    held = tuple(margin.held_legs(draft, account, asked.instrument))
    basis = " ".join(
        f"{one.segment}/{one.security_id}/{one.product}:{one.side}:{one.quantity}@{_round(one.price)}"
        for one in sorted((*held, *orders), key=lambda one: (one.security_id, one.side, one.quantity))
    )
    key = f"{account}/basket/{asked.copy.basket}"
    known = draft.margins.get(key)
    if known is not None and known.basis == basis:
        if known.told is not None and known.told.as_of >= known.asked_at:
            if not known.told.why or draft.now - known.told.as_of < FAILED_FOR:
                return known.told
        elif draft.now - known.asked_at < LOST_AFTER:
            return None
    _ask(draft, account, key, basis, held, orders)
    return None


def _round(price: Decimal) -> str:
    """A price to two leading digits: a tick more or less asks nothing anew."""
    return f"{price:.1e}"


def _ask(
    draft: Draft, account: str, key: str, basis: str, held: tuple[MarginOrder, ...], orders: tuple[MarginOrder, ...]
) -> None:
    needed = Needed(key=key, account=account, units=1, price=ZERO, basis=basis, asked_at=draft.now)
    margin.ask(draft, needed, held, orders)
