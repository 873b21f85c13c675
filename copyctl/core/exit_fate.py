"""What became of the orders of an exit so far, and what that allows next.

An exit is not given up while the leader's position asks for it (scenario 5.2): what has to trade is sent again and
again, what only rests is left to the leader's next change where the broker refuses it for good.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from copyctl.core.exit_plan import Portion
from copyctl.core.hours import SECOND, day_start
from copyctl.core.stakes import Exit
from copyctl.core.state import Draft
from copyctl.core.telling import alert_once
from copyctl.model.alerts import Alert
from copyctl.model.choices import ExitLagAction
from copyctl.model.effects import ReadBooks
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower
from copyctl.model.records import Copy
from copyctl.model.rejections import Treatment, treats_exit
from copyctl.model.terms import OrderStatus, OrderType, Product, Segment

TRY_AGAIN_AFTER = 5 * SECOND
"""An exit that died while the leader has traded is sent again after this (scenario 4.13)."""
SESSION_AGAIN_AFTER = 60 * SECOND
"""One that died because the market does not trade is tried again after this."""
CLEARING, CLEARED, DISPLACED = "clearing ", "cleared", "displaced"
"""Marks in ``Copy.told``: the other exits are cut so that the broker takes this one (with the number of its placement
before); that was in vain; it was refused while others rested."""
LAG, DEAD = "lag", "dead "
FROM_THE_BROKERS_HAND = {
    Segment.NSE_EQ: (15, 15),
    Segment.BSE_EQ: (15, 15),
    Segment.NSE_FNO: (15, 15),
    Segment.BSE_FNO: (15, 15),
    Segment.NSE_CURRENCY: (16, 40),
    Segment.BSE_CURRENCY: (16, 40),
    Segment.MCX_COMM: (23, 10),
}
"""From when on (IST) Dhan squares intraday positions off, a little early: cash and derivatives 15:20, currency 16:45,
commodity 23:15 (Dhan help)."""
WAITS_FOR_BOOK = 5 * SECOND
"""So long an exit waits at most until the follower's book was read after the leader was squared off (9.8)."""


def last_slot(copy: Copy, *, resting: bool = False) -> Slot | None:
    """The newest placement, or the newest of those that rest by the leader's terms."""
    return next((slot for slot in reversed(copy.slots) if not (resting and slot.urgent)), None)


def refused_as(slot: Slot | None) -> str:
    """The category of a placement that was rejected, "" of any other."""
    return slot.rejected_as if slot is not None and slot.standing is Standing.REJECTED else ""


def died_at(slot: Slot) -> int:
    """When this placement came to its end at the latest that we know (ns)."""
    return max(slot.decided_at, slot.answered_at, slot.left_at)


def ended_by_us(slot: Slot) -> bool:
    """Is it over because we wanted it, because it is done, or because it never was at the broker? Nor is one a
    reason to wait that was rejected and is to be placed anew."""
    if slot.standing in (Standing.WITHDRAWN, Standing.ABSENT):
        return True
    if slot.standing is Standing.REJECTED:
        return slot.retired
    if slot.standing is not Standing.ENDED:
        return False
    return slot.retired or slot.cancel_asked or slot.filled >= slot.asked.quantity


def may_rest(draft: Draft, copy: Copy, *, anew: bool, others_rest: bool, longest: int) -> bool:
    """May an order of this exit be placed that rests? ``anew``: the leader has changed his since; ``others_rest``: do
    other exits rest for the same position; ``longest``: the longest pause between retries (ns)."""
    last = last_slot(copy, resting=True)
    if last is None or last.live or anew or ended_by_us(last):
        return True
    category = refused_as(last)
    if treats_exit(category, Treatment.COVER):
        return DISPLACED in copy.told and not others_rest
    pause = _pause(category, longest)
    return bool(pause) and draft.now >= died_at(last) + pause


def may_hurry(draft: Draft, copy: Copy, *, others_rest: bool, longest: int) -> bool:
    """May what has to trade now be placed? What died is sent again, but not in a storm; what the broker did not take
    beside others waits until these are cut."""
    if _mark(copy, CLEARING) and others_rest:
        return False
    return draft.now >= hurry_at(copy, longest=longest)


def hurry_at(copy: Copy, *, longest: int) -> int:
    """From when on what has to trade now may be sent (ns), 0: at any time."""
    hurried = [slot for slot in copy.slots if slot.urgent or slot.asked.order_type is OrderType.MARKET]
    if not hurried or hurried[-1].live or ended_by_us(hurried[-1]):
        return 0
    last = hurried[-1]
    if treats_exit(last.rejected_as, Treatment.COVER) and _mark(copy, CLEARING):
        return 0
    return died_at(last) + (_pause(last.rejected_as, longest) or TRY_AGAIN_AFTER)


def rest_at(copy: Copy, *, longest: int) -> int:
    """When a resting order that was rejected may be tried again (ns), 0: never by time alone."""
    last = last_slot(copy, resting=True)
    pause = _pause(refused_as(last), longest)
    return died_at(last) + pause if last is not None and pause else 0


def _pause(category: str, longest: int) -> int:
    """How long after such a rejection the same may be tried again (ns), 0: time alone changes nothing."""
    if treats_exit(category, Treatment.SESSION):
        return SESSION_AGAIN_AFTER
    return longest if treats_exit(category, Treatment.AGAIN, Treatment.REST, Treatment.SHUT) else 0


# --- the other exits in its way ---------------------------------------------------------------------------------------


def clearing(exits: Sequence[Exit], portions: dict[str, Portion]) -> str:
    """The exit for which all others are cut, since the broker does not take it beside them (5.2); "" for none."""
    return next((one.key for one in exits if portions[one.key].owed and _mark(one.copy, CLEARING)), "")


def marked(copy: Copy, portion: Portion, *, others_rest: bool) -> Copy:
    """The copy with what a refusal for want of cover means for the others: they are cut, once, and put back where
    that was in vain."""
    last = last_slot(copy)
    refused = treats_exit(refused_as(last), Treatment.COVER)
    mark = _mark(copy, CLEARING)
    if not portion.owed:
        copy = _without(copy, CLEARING)
        return _with(copy, DISPLACED) if refused and others_rest and DISPLACED not in copy.told else copy
    if not refused or last is None:
        return copy
    if mark and last.revision >= int(mark.removeprefix(CLEARING)):
        return _with(_without(copy, CLEARING), CLEARED)
    if not mark and CLEARED not in copy.told and others_rest:
        return _with(copy, f"{CLEARING}{len(copy.slots)}")
    return copy


def _mark(copy: Copy, beginning: str) -> str:
    return next((word for word in copy.told if word.startswith(beginning)), "")


def _with(copy: Copy, word: str) -> Copy:
    return replace(copy, told=(*copy.told, word))


def _without(copy: Copy, *beginnings: str) -> Copy:
    kept = tuple(word for word in copy.told if not word.startswith(beginnings))
    return copy if kept == copy.told else replace(copy, told=kept)


# --- lag --------------------------------------------------------------------------------------------------------------


def lagging(draft: Draft, follower: Follower, one: Exit, copy: Copy, portion: Portion) -> Copy:
    """The leader's exit has traded and the follower's has not: alert, then at the market, again and again (4.13)."""
    if not portion.owed:
        if not copy.owed_since and not copy.hurried:
            return copy
        urgent = copy.urgent if one.own else ""
        copy = _without(copy, LAG, CLEARING, CLEARED)
        return replace(copy, owed_since=0, urgent=urgent, hurried=None, hurried_at=0)
    fills = follower.policy.fills
    copy = copy if copy.owed_since else replace(copy, owed_since=draft.now)
    waited = draft.now - copy.owed_since
    if waited >= fills.lag_alert and LAG not in copy.told:
        what = copy.urgent if one.own else "the leader's exit has traded"
        text = f"{what}: {portion.owed} units of this follower's are open after {waited // SECOND} s"
        copy = alert_once(draft, copy, Alert.COPY_LATE, text, mark=LAG)
    if _acts(follower, one) and waited >= fills.lag_deadline and not one.own:
        copy = replace(copy, urgent=LAG)
    return copy


def _acts(follower: Follower, one: Exit) -> bool:
    return one.own or follower.policy.exits.lag_action is ExitLagAction.MARKET


def price_is_due(draft: Draft, follower: Follower, one: Exit, copy: Copy) -> bool:
    """Has what has to trade now no price yet, or one so old that it is asked for again at another?"""
    if copy.hurried is None:
        return True
    return _acts(follower, one) and draft.now >= copy.hurried_at + follower.policy.fills.lag_deadline


def next_look(
    draft: Draft, follower: Follower, one: Exit, copy: Copy, portion: Portion, *, urgent: int, longest: int
) -> int:
    """When time alone changes something for this exit (ns), 0: never. ``urgent``: units that have to trade now."""
    fills = follower.policy.fills
    moments = []
    live = any(slot.live for slot in copy.slots)
    if portion.owed:
        moments.append(copy.owed_since + fills.lag_alert)
        if _acts(follower, one):
            moments.append(copy.owed_since + fills.lag_deadline)
    if urgent:
        moments.append(copy.hurried_at + fills.lag_deadline if _acts(follower, one) else 0)
        moments.append(0 if live else hurry_at(copy, longest=longest))
    if portion.rest and not live:
        moments.append(rest_at(copy, longest=longest))
    return min((at for at in moments if at > draft.now), default=0)


# --- before the first one ---------------------------------------------------------------------------------------------


def must_look_first(draft: Draft, one: Exit) -> bool:
    """Does the follower's own book have to be read before this leaves, since its broker may have squared it off as the
    leader's did (scenario 9.8)?"""
    order, lead = one.order, one.lead
    if order is None or lead is None or order.segment is None or order.product is not Product.INTRADAY:
        return False
    hour, minute = FROM_THE_BROKERS_HAND[order.segment]
    if draft.now < day_start(draft.now) + (hour * 60 + minute) * 60 * SECOND:
        return False
    if draft.now - lead.first_seen_at > WAITS_FOR_BOOK:
        return False
    return draft.account(one.copy.follower).books_at <= lead.first_seen_at


def has_triggered(one: Exit) -> bool:
    """Has the leader's stop been triggered?"""
    if one.order is None or one.lead is None or not one.lead.wish.order_type.has_trigger:
        return False
    return one.order.triggered or bool(one.order.filled) or not one.lead.seen.order_type.has_trigger


def watch(draft: Draft, one: Exit, copy: Copy) -> None:
    """An IOC order of ours is over by now, and nobody has said so: the book knows."""
    over = one.order is not None and (one.order.over or one.order.status is OrderStatus.TRADED)
    if over and any(slot.ends_itself for slot in copy.slots):
        draft.effects.append(ReadBooks(account=copy.follower))


def given_up(draft: Draft, copy: Copy) -> Copy:
    """A resting exit that the broker will not take: a person has to look, until the leader changes or trades his."""
    mark = f"{DEAD}{len(copy.slots)}"
    category = refused_as(last_slot(copy, resting=True))
    text = f"an exit was refused and cannot rest ({category}): it is tried again when the leader changes or trades his"
    return alert_once(draft, copy, Alert.EXIT_NOT_SENT, text, mark=mark)
