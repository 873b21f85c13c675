"""Margin: what an entry will block, and whether the follower has it, less what is held for orders on their way.

The calculator is asked for the order together with what the account holds in the same underlying, and for that alone;
the difference is what the order adds, so that a hedge counts (Dhan API v2, margin calculator: the flag that should
include positions was seen to change nothing). An answer serves the same instrument, side and product for a while.
"""

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.capital import held
from copyctl.core.decide import Verdict
from copyctl.core.hours import SECOND
from copyctl.core.mapping import HUNDRED
from copyctl.core.market import last_price
from copyctl.core.state import Draft, instrument_key
from copyctl.model.facts import Ask, FactArrived, Funds, MarginNeed, MarginOrder, MarginWanted
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Needed
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, Side

SERVES = 60 * SECOND
"""How long what the calculator said of an instrument serves the next order in it."""
FAILED_FOR = 5 * SECOND
"""A question that could not be answered is asked again after this."""
LOST_AFTER = 10 * SECOND
"""An answer that has not come after this, through a restart, never will."""
ALONE = "alone"
TOGETHER = "together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The margin is not known: it was ``asked``, or cannot be had and ``why``."""

    asked: bool
    why: str = ""


def need(draft: Draft, copy: Copy, instrument: Instrument, units: int, leader: Order) -> Decimal | Unknown:
    """What so many units of a copy will block, in rupees."""
    wanted = copy.wanted
    if wanted is None:
        return Decimal(0)
    price = wanted.terms.price or last_price(draft, instrument, leader) or Decimal(0)
    basis = _held_legs(draft, copy.follower, instrument)
    known = draft.margins.get(_key(copy.follower, wanted, price))
    if known is not None and _serves(draft, known, basis):
        if known.why:
            return Unknown(asked=False, why=known.why)
        if known.per_unit is not None:
            dearer = max(Decimal(1), price / known.price) if known.price else Decimal(1)
            return known.per_unit * units * dearer
    if known is None or not _pending(draft, known, basis):
        _ask(draft, copy.follower, wanted, units, price, basis)
    return Unknown(asked=True)


def _key(account: str, wanted: Desired, price: Decimal) -> str:
    """Orders at about the same price share an answer: at the same two leading digits."""
    instrument = instrument_key(wanted.segment, wanted.security_id)
    return f"{account}/{instrument}/{wanted.product}/{wanted.side}/{price:.1e}"


def _serves(draft: Draft, known: Needed, basis: str) -> bool:
    age = draft.now - known.as_of
    return bool(known.as_of) and known.basis == basis and age <= (FAILED_FOR if known.why else SERVES)


def _pending(draft: Draft, known: Needed, basis: str) -> bool:
    """Was just this asked, and not answered yet?"""
    return known.as_of == 0 and known.basis == basis and draft.now - known.asked_at < LOST_AFTER


def _held_legs(draft: Draft, account: str, instrument: Instrument) -> str:
    """What the account holds in the same underlying, as a text that changes with it; "" for nothing."""
    return " ".join(
        f"{order.segment}/{order.security_id}/{order.product}:{order.side}:{order.quantity}"
        for order in held_legs(draft, account, instrument)
    )


def held_legs(draft: Draft, account: str, instrument: Instrument) -> list[MarginOrder]:
    """The account's positions in the underlying of a derivative, as orders that the calculator understands."""
    if not instrument.segment.is_derivative or not instrument.underlying:
        return []
    legs = []
    for here in draft.positions_of(account):
        leg = draft.instruments.get(instrument_key(here.segment, here.security_id))
        if not here.net or leg is None or leg.underlying != instrument.underlying or not here.segment.is_derivative:
            continue
        legs.append(
            MarginOrder(
                side=Side.BUY if here.net > 0 else Side.SELL,
                segment=here.segment,
                security_id=here.security_id,
                product=here.product,
                quantity=abs(here.net),
                price=here.price,
            )
        )
    return legs


def _ask(draft: Draft, account: str, wanted: Desired, units: int, price: Decimal, basis: str) -> None:
    key = _key(account, wanted, price)
    order = MarginOrder(
        side=wanted.side,
        segment=wanted.segment,
        security_id=wanted.security_id,
        product=wanted.product,
        quantity=units,
        price=price,
        trigger_price=wanted.terms.trigger_price,
    )
    instrument = draft.instruments.get(instrument_key(wanted.segment, wanted.security_id))
    legs = held_legs(draft, account, instrument) if instrument is not None and basis else []
    draft.margins.put(
        Needed(
            key=key,
            account=account,
            units=units,
            price=price,
            basis=basis,
            asked_at=draft.now,
            legs=bool(legs),
        )
    )
    draft.effects.append(Ask(question=MarginWanted(account=account, key=f"{key}#{TOGETHER}", orders=(*legs, order))))
    if legs:
        draft.effects.append(Ask(question=MarginWanted(account=account, key=f"{key}#{ALONE}", orders=tuple(legs))))


def take(draft: Draft, event: FactArrived) -> None:
    """Take in what the calculator said."""
    if not isinstance(event.question, MarginWanted):
        return
    key, _, part = event.question.key.partition("#")
    known = draft.margins.get(key)
    if known is None:
        return
    if not isinstance(event.fact, MarginNeed):
        draft.margins.put(replace(known, as_of=draft.now, why=event.why or "no answer", per_unit=None))
        return
    fact = event.fact
    if part == ALONE:
        known = replace(known, alone=fact.required)
    else:
        known = replace(known, together=fact.required, missing=fact.insufficient or Decimal(0))
    if known.together is not None and (known.alone is not None or not known.legs):
        added = known.together - (known.alone or Decimal(0))
        known = replace(known, as_of=draft.now, per_unit=max(Decimal(0), added) / known.units, why="")
    draft.margins.put(known)


def afford(draft: Draft, copy: Copy, required: Decimal, buffer_pct: Decimal, known: Funds) -> Copy | Verdict:
    """The copy with its margin held, or why there is no money for it."""
    wanted = required * (1 + buffer_pct / HUNDRED)
    others = held(draft, copy.follower, known, without=copy.leader_order_id)
    free = known.available - others
    if wanted > free:
        detail = f"{wanted:.2f} required" + (f" (with {buffer_pct.normalize():f} % more)" if buffer_pct else "")
        detail += f", {free:.2f} available" + (f" ({others:.2f} held for orders on their way)" if others else "")
        return Verdict(decision=Decision.REFUSED, reason=Reason.INSUFFICIENT_MARGIN, detail=f"{detail}, rupees")
    return replace(copy, hold=required, hold_at=draft.now)
