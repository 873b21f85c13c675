"""The plan: the difference between the order that is wanted and the orders that are there.

It compares the wish with what was last *asked* of the broker, not with what the broker shows. So what a person, the
broker's risk desk or the exchange did to a copy is never fought over: only a new wish of the leader moves it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.model.order import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """One placement as the plan sees it.

    ``waiting``: it has not left yet, so its terms can still be replaced. ``placing``: it left and has no order id
    yet. ``changing``: a modification is on its way. ``ending``: its cancellation was asked for. ``ends_itself``: the
    exchange cancels what is left of it (IOC). ``done``: it traded in full. ``owed``: it ended because we wanted it
    anew, or was never placed: what it lacks may be placed again.
    """

    revision: int
    asked: Terms
    live: bool
    filled: int = 0
    waiting: bool = False
    placing: bool = False
    changing: bool = False
    ending: bool = False
    ends_itself: bool = False
    done: bool = False
    owed: bool = False
    left_alone: bool = False
    modifications: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Place an order of these terms; an ``urgent`` one has to trade now."""

    terms: Terms
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alter:
    """Give this placement these terms; the quantity is its total."""

    revision: int
    terms: Terms
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Cancel what is open of this placement; with ``anew`` because it is to be placed again."""

    revision: int
    anew: bool = False


Action = Begin | Alter | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now. ``waits``: something must be answered first, then there is more to plan."""

    actions: tuple[Action, ...] = ()
    waits: bool = False


def plan(wanted: Terms, slots: Sequence[Working], *, changed: bool, closing: bool, most_modifications: int) -> Plan:
    """How to get from ``slots`` to ``wanted``, whose quantity is the total over all of them.

    ``changed``: is this another wish than the one that the slots were made for? ``closing``: cancel what is open.
    """
    live = [slot for slot in slots if slot.live]
    filled = sum(slot.filled for slot in slots)
    if closing or wanted.quantity <= filled:
        return _end(live)
    staying = [slot for slot in live if not slot.ending]
    if not staying:
        if live:
            return Plan(waits=True)
        owed = slots[-1].owed or (changed and not slots[-1].done) if slots else changed
        return Plan(actions=(Begin(terms=of(wanted, wanted.quantity - filled)),)) if owed else Plan()
    keep, *extra = staying
    ends = _end(extra)
    rest = of(wanted, wanted.quantity - (filled - keep.filled))
    change = _change(keep, rest, changed=changed, most_modifications=most_modifications)
    return Plan(actions=ends.actions + change.actions, waits=ends.waits or change.waits)


def plan_traded(wanted: Terms, slots: Sequence[Working], *, changed: bool, most_modifications: int) -> Plan:
    """The plan where only what trades is copied: each growth of the wanted quantity is a placement of its own; where
    less is wanted than was asked for (an exit took it away), the newest give way."""
    if 0 < wanted.quantity <= sum(slot.filled for slot in slots):
        return _end([slot for slot in slots if slot.live])
    committed = sum(slot.filled if slot.owed else max(slot.asked.quantity, slot.filled) for slot in slots)
    ending = sum(max(0, slot.asked.quantity - slot.filled) for slot in slots if slot.live and slot.ending)
    surplus = max(0, committed - ending - wanted.quantity)
    plans = []
    for slot in reversed([slot for slot in slots if slot.live and not slot.ending]):
        less = min(surplus, max(0, slot.asked.quantity - slot.filled))
        surplus -= less
        left = slot.asked.quantity - less
        if less and left <= slot.filled:
            plans.append(_end([slot]))
        else:
            most = most_modifications
            plans.append(_change(slot, of(wanted, left), changed=changed or bool(less), most_modifications=most))
    growth = wanted.quantity - committed
    begin: tuple[Action, ...] = (Begin(terms=of(wanted, growth)),) if growth > 0 else ()
    return Plan(
        actions=tuple(action for one in reversed(plans) for action in one.actions) + begin,
        waits=any(one.waits for one in plans),
    )


def of(wanted: Terms, quantity: int) -> Terms:
    """These terms for a part of their quantity: what is disclosed of an order must be less than all of it."""
    if quantity == wanted.quantity:
        return wanted
    shown = wanted.disclosed_quantity if wanted.disclosed_quantity < quantity else 0
    return replace(wanted, quantity=quantity, disclosed_quantity=shown)


def _end(live: Sequence[Working]) -> Plan:
    """Cancel these; one whose order id is not known yet must wait for it, one that ends by itself is watched."""
    stays = [slot for slot in live if slot.placing or slot.ends_itself]
    ends = [slot for slot in live if not slot.ending and slot not in stays]
    return Plan(actions=tuple(End(revision=slot.revision) for slot in ends), waits=bool(stays))


def _change(slot: Working, terms: Terms, *, changed: bool, most_modifications: int) -> Plan:
    """Bring one placement to these terms."""
    if slot.asked == terms or (slot.left_alone and not changed):
        return Plan()
    if slot.waiting:
        return Plan(actions=(Alter(revision=slot.revision, terms=terms),))
    if slot.placing or slot.changing:
        return Plan(waits=True)
    if slot.modifications >= most_modifications:
        return Plan(actions=(End(revision=slot.revision, anew=True),), waits=True)
    return Plan(actions=(Alter(revision=slot.revision, terms=terms),))
