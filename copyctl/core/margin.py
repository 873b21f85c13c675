"""Margin: what an entry will block, and whether the follower has it, less what is held for orders on their way.

The calculator is asked for the order together with what the account holds in the same underlying, and for that alone;
the difference is what the order adds, so that a hedge counts (Dhan API v2, margin calculator: the flag that should
include positions was seen to change nothing). An answer serves later orders at about the same price in the same
instrument, side and product, as long as the same is held beside them.
"""

from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from copyctl.core.asked import Answer, Asked, Later, refuse, unavailable
from copyctl.core.capital import FUNDS_SERVE, HELD_SERVE, ask_funds, funds, held, unshown
from copyctl.core.hours import SECOND
from copyctl.core.keys import instrument_key
from copyctl.core.mapping import HUNDRED
from copyctl.core.market import FAILED_FOR, LOST_AFTER, last_price
from copyctl.core.state import Draft
from copyctl.model.facts import Ask, FactArrived, Funds, MarginNeed, MarginOrder, MarginWanted
from copyctl.model.instrument import Instrument
from copyctl.model.order import Terms
from copyctl.model.reasons import Reason
from copyctl.model.records import Blocked, Needed, Position
from copyctl.model.request import Desired
from copyctl.model.terms import Side

ZERO, ONE, PAISA = Decimal(0), Decimal(1), Decimal("0.01")
SERVES = 60 * SECOND
"""After this what the calculator said is asked for anew, while the old answer serves."""
AT_MOST = 600 * SECOND
"""An older answer says nothing any more."""
TOO_LITTLE_SERVES = 5 * SECOND
"""How long the calculator's word stands that the money is not enough."""
NEW_ENOUGH = 2 * SECOND
"""Funds that are older than this refuse nothing: money may have been freed since."""
ALONE = "alone"
TOGETHER = "together"


def covered(asked: Asked) -> Answer:
    """Is there the money for it? What its margin will be is held until funds that were read later show it (8.4)."""
    if not asked.follower.policy.checks.margin or not _costs_more(asked):
        return asked.copy
    draft, account = asked.draft, asked.copy.follower
    known = funds(draft, account, serve=HELD_SERVE if draft.holding(account) else FUNDS_SERVE)
    if known is None:
        if ask_funds(draft, account):
            return _funds_come(draft, account, "the follower's funds were asked for")
        return unavailable(asked, f"the follower's funds cannot be read: {draft.account(account).funds_why}")
    units = asked.more
    told = _told(asked, units)
    if isinstance(told, Later):
        return told
    if told.why:
        return unavailable(asked, f"the margin cannot be asked: {told.why}")
    dearer = _dearer(told, _price(asked, asked.wanted.terms))
    required = told.required * (units - _blocked_already(asked)) * dearer / told.units
    return afford(asked, known, told, max(ZERO, required.quantize(PAISA, rounding=ROUND_CEILING)))


def _funds_come(draft: Draft, account: str, detail: str) -> Later:
    lost_at = draft.account(account).funds_asked_at + LOST_AFTER
    return Later(reason=Reason.CHECKING, detail=detail, until=lost_at)


def afford(asked: Asked, known: Funds, told: Blocked, required: Decimal) -> Answer:
    """The copy with its margin held, or why there is no money for it."""
    draft, copy = asked.draft, asked.copy
    buffer = asked.follower.policy.checks.margin_buffer_pct
    wanted = required * (1 + buffer / HUNDRED)
    others = held(draft, copy.follower, known)
    free = known.available - others
    if told.free is not None:  # the broker's own word on what may be spent on this, where it is the smaller one
        free = min(free, told.free - others)
    if wanted <= free:
        return replace(copy, hold=unshown(draft, copy, known) + required, hold_at=draft.now)
    if not _is_new(draft, known) and ask_funds(draft, copy.follower):
        return _funds_come(draft, copy.follower, "the margin lacks by older funds: newer ones were asked for")
    detail = f"{wanted:.2f} required" + (f" (with {buffer.normalize():f} % more)" if buffer else "")
    detail += f", {free:.2f} available" + (f" ({others:.2f} held for orders on their way)" if others else "")
    return refuse(Reason.INSUFFICIENT_MARGIN, f"{detail}, rupees")


def _is_new(draft: Draft, known: Funds) -> bool:
    return draft.now - known.as_of <= NEW_ENOUGH or draft.account(known.account).funds_told_at == draft.now


# --- what a change adds ---------------------------------------------------------------------------------------------


def _rests(asked: Asked) -> Terms | None:
    """The terms whose margin is blocked or held already, where an order of this copy may still trade."""
    return asked.copy.checked if any(slot.live for slot in asked.copy.slots) else None


def _costs_more(asked: Asked) -> bool:
    """Can it block more than what is there of it? A lower price or a smaller quantity cannot."""
    before, now = _rests(asked), asked.wanted.terms
    if before is None:
        return asked.more > 0
    dearer = _by_price(asked) and _price(asked, now) > _price(asked, before)
    return now.quantity > before.quantity or (dearer and asked.more > 0)


def _blocked_already(asked: Asked) -> Decimal:
    """The units of the wanted terms whose margin what rests now blocks."""
    before, now = _rests(asked), asked.wanted.terms
    if before is None:
        return ZERO
    units = Decimal(max(0, before.quantity - asked.copy.filled))
    was, becomes = _price(asked, before), _price(asked, now)
    return units * min(ONE, was / becomes) if _by_price(asked) and was and becomes else units


def _by_price(asked: Asked) -> bool:
    """Does the margin follow the order's own price? What is sold in derivatives blocks by the risk of the contract."""
    return asked.wanted.side is Side.BUY or not asked.instrument.segment.is_derivative


def _price(asked: Asked, terms: Terms) -> Decimal:
    """The price at which an order is counted: its limit, else the last traded one; 0: not known."""
    return terms.price or last_price(asked.draft, asked.instrument, asked.leader) or ZERO


# --- the calculator -------------------------------------------------------------------------------------------------


def _told(asked: Asked, units: int) -> Blocked | Later:
    """What the calculator said that serves these terms, or that it was asked."""
    draft, wanted = asked.draft, asked.wanted
    price = _price(asked, wanted.terms)
    legs, basis = _held(draft, asked.copy.follower, asked.instrument)
    key = _key(asked.copy.follower, wanted, price)
    known = draft.margins.get(key)
    told = known.told if known is not None and known.told is not None and known.told.basis == basis else None
    if told is not None and not _serves(draft, told, units, 0):
        told = None
    fresh = told is not None and _serves(draft, told, units, SERVES)
    if not fresh and (known is None or not _pending(draft, known, basis, units)):
        known = _ask(draft, key, wanted, units, price, basis, legs)
    if told is not None:
        return told
    lost_at = (known.asked_at if known is not None else draft.now) + LOST_AFTER
    return Later(reason=Reason.CHECKING, detail="the margin calculator was asked", until=lost_at)


def _serves(draft: Draft, told: Blocked, units: int, serves: int) -> bool:
    """Does an answer say anything of so many units now? With a hedge beside it only of as many as were asked for."""
    if told.why:
        most = FAILED_FOR
    elif told.free is not None:
        most = TOO_LITTLE_SERVES
    else:
        most = serves or AT_MOST
    return draft.now - told.as_of <= most and (not told.basis or units <= told.units)


def _pending(draft: Draft, known: Needed, basis: str, units: int) -> bool:
    """Was just this asked, and not answered yet?"""
    fits = known.basis == basis and (not basis or units <= known.units)
    return bool(known.asked_at) and fits and abs(draft.now - known.asked_at) < LOST_AFTER


def _dearer(told: Blocked, price: Decimal) -> Decimal:
    """By how much more one unit counts at this price than at the one that was asked for; cheaper counts as equal."""
    return max(ONE, price / told.price) if told.price else ONE


def _key(account: str, wanted: Desired, price: Decimal) -> str:
    """Orders at about the same price share an answer: at the same two leading digits."""
    instrument = instrument_key(wanted.segment, wanted.security_id)
    return f"{account}/{instrument}/{wanted.product}/{wanted.side}/{price:.1e}"


def held_legs(draft: Draft, account: str, instrument: Instrument) -> tuple[MarginOrder, ...]:
    """The account's positions in the underlying of a derivative, as orders that the calculator understands."""
    return _held(draft, account, instrument)[0]


def _held(draft: Draft, account: str, instrument: Instrument) -> tuple[tuple[MarginOrder, ...], str]:
    """The same, and as a text that changes with it; kept while no position of the account changes."""
    if not instrument.segment.is_derivative or not instrument.underlying:
        return (), ""
    index, place = draft.state.index, (account, instrument.underlying)
    turn = index.turns.get(account, 0)
    moved = draft.instruments.written or any(key.startswith(f"{account}/") for key in draft.positions.written)
    kept = index.legs.get(place)
    if kept is not None and kept[0] == turn and not moved:
        return kept[1], kept[2]
    legs = tuple(
        MarginOrder(
            side=Side.BUY if here.net > 0 else Side.SELL,
            segment=here.segment,
            security_id=here.security_id,
            product=here.product,
            quantity=abs(here.net),
            price=here.price,
        )
        for here in draft.positions_of(account)
        if here.net and _underlying(draft, here) == instrument.underlying
    )
    basis = " ".join(f"{one.segment}/{one.security_id}/{one.product}:{one.side}:{one.quantity}" for one in legs)
    if not moved:
        index.legs[place] = (turn, legs, basis)
    return legs, basis


def _underlying(draft: Draft, here: Position) -> str:
    """What a derivative is one of, "" for none."""
    instrument = draft.instruments.get(instrument_key(here.segment, here.security_id))
    return instrument.underlying if instrument is not None and here.segment.is_derivative else ""


def _ask(
    draft: Draft, key: str, wanted: Desired, units: int, price: Decimal, basis: str, legs: tuple[MarginOrder, ...]
) -> Needed:
    known = draft.margins.get(key)
    account = key.partition("/")[0]
    order = MarginOrder(
        side=wanted.side,
        segment=wanted.segment,
        security_id=wanted.security_id,
        product=wanted.product,
        quantity=units,
        price=price,
        trigger_price=wanted.terms.trigger_price,
    )
    told = known.told if known is not None else None
    needed = Needed(key=key, account=account, units=units, price=price, basis=basis, asked_at=draft.now, told=told)
    return ask(draft, needed, legs, (order,))


def ask(draft: Draft, needed: Needed, legs: tuple[MarginOrder, ...], orders: tuple[MarginOrder, ...]) -> Needed:
    """Have the calculator asked what these orders block beside what is held (``legs``); as it is kept."""
    known = draft.margins.get(needed.key)
    needed = replace(needed, number=known.number + 1 if known is not None else 1, legs=bool(legs))
    draft.margins.put(needed)
    for part, asked in ((TOGETHER, (*legs, *orders)), (ALONE, legs)):
        if asked:
            question = MarginWanted(account=needed.account, key=f"{needed.key}#{part}#{needed.number}", orders=asked)
            draft.effects.append(Ask(question=question))
    return needed


def take(draft: Draft, event: FactArrived) -> None:
    """Take in what the calculator said to the question that was asked last."""
    if not isinstance(event.question, MarginWanted):
        return
    key, _, rest = event.question.key.partition("#")
    part, _, number = rest.partition("#")
    known = draft.margins.get(key)
    if known is None or not known.asked_at or str(known.number) != number:
        return
    told = Blocked(as_of=draft.now, units=known.units, price=known.price, basis=known.basis)
    fact, before = event.fact, known.told
    if not isinstance(fact, MarginNeed):
        still = before is not None and not before.why and before.basis == known.basis
        if before is None or not (still and _serves(draft, before, known.units, 0)):
            before = replace(told, why=event.why or "no answer")
        draft.margins.put(replace(known, asked_at=0, told=before))
        return
    if part == ALONE:
        known = replace(known, alone=fact.required)
    else:
        known = replace(known, together=fact.required, free=_free(fact))
    if known.together is not None and (known.alone is not None or not known.legs):
        added = max(ZERO, known.together - (known.alone or ZERO))
        known = replace(known, asked_at=0, told=replace(told, required=added, free=known.free))
    draft.margins.put(known)


def _free(fact: MarginNeed) -> Decimal | None:
    """What the broker says may be spent on it, where it says that this is not enough."""
    lacks = fact.insufficient
    return fact.required - lacks if lacks is not None and lacks > 0 else None


def forget_questions(draft: Draft) -> None:
    """A process begins: an answer that the last one waited for does not come any more."""
    for needed in list(draft.margins.values()):
        draft.margins.put(replace(needed, asked_at=0))
