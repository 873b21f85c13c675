"""The plan: the difference between the order that is wanted and the orders that are there.

It compares the wish with what was last *asked* of the broker, not with what the broker shows. So what a person, the
broker's risk desk or the exchange did to a copy is never fought over: only a new wish of the leader moves it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.core.freeze import NO_FREEZE, Freeze
from copyctl.model.order import Terms
from copyctl.model.terms import Book, Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """One placement as the plan sees it.

    ``waiting``: it has not left yet, so its terms can still be replaced. ``placing``: it left and has no order id
    yet. ``changing``: a modification is on its way. ``ending``: its cancellation was asked for. ``ends_itself``: the
    exchange cancels what is left of it (IOC). ``book``: in which it lives; ``native``: it is a leg that the broker
    keeps; ``triggered``: it was a forever order. ``done``: it traded in full. ``owed``: it ended because we wanted it
    anew, or was never placed: what it lacks may be placed again. ``lost``: it ended otherwise, and nothing has taken
    its place: what it lacks is not fought over.
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
    lost: bool = False
    left_alone: bool = False
    modifications: int = 0
    book: Book = Book.DAY
    native: bool = False
    triggered: bool = False

    def takes(self, terms: Terms) -> bool:
        """Can it be changed into these terms, or must another order take its place? A leg that the broker keeps has the
        quantity and the type that it has; an armed forever order stays one."""
        if self.native:
            return (terms.quantity, terms.order_type) == (self.asked.quantity, self.asked.order_type)
        return (self.book is Book.FOREVER and not self.triggered) == (terms.validity is Validity.FOREVER)

    def stays(self, terms: Terms) -> bool:
        """Is it a forever order that has triggered, where no less is wanted of it? Prices of one that waits say nothing
        of it any more."""
        is_armed_only = self.triggered and terms.validity is Validity.FOREVER
        return is_armed_only and terms.quantity >= self.asked.quantity

    @property
    def leaves(self) -> int:
        """What it was last asked to trade still."""
        return max(0, self.asked.quantity - self.filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Place an order of these terms; an ``urgent`` one has to trade now. ``cut``: units of the orders into which the
    broker cuts it, 0: it is one."""

    terms: Terms
    urgent: bool = False
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alter:
    """Give this placement these terms; the quantity is its total. ``cut``: of one that has not left, as in Begin."""

    revision: int
    terms: Terms
    urgent: bool = False
    cut: int = 0


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


def plan(
    wanted: Terms,
    slots: Sequence[Working],
    *,
    changed: bool,
    closing: bool,
    most_modifications: int,
    freeze: Freeze = NO_FREEZE,
) -> Plan:
    """How to get from ``slots`` to ``wanted``, whose quantity is the total over all of them.

    ``changed``: is this another wish than the one that the slots were made for? ``closing``: cancel what is open.
    ``freeze``: how large one of them may be; what is larger is several, and they are changed as one.
    """
    live = [slot for slot in slots if slot.live]
    if closing or wanted.quantity <= sum(slot.filled for slot in slots):
        return _end(live)
    staying = [slot for slot in live if not slot.ending]
    lacking = wanted.quantity - sum(slot.filled + (slot.leaves if slot.live else 0) for slot in slots)
    lost = sum(slot.leaves for slot in slots if slot.lost)
    if not staying:
        if live:
            return Plan(waits=True)
        anew = changed and not any(slot.done for slot in slots)
        if not (anew or any(slot.owed for slot in slots)):
            return Plan()
        return Plan(actions=begin(wanted, lacking if anew else lacking - lost, freeze))
    lacking = max(0, lacking - lost)  # what is ending may trade yet
    surplus = sum(slot.filled for slot in slots) + sum(slot.leaves for slot in staying) - wanted.quantity
    sizes = _shared_out(staying, max(0, surplus), lacking, freeze)
    plans = [
        _end([slot])
        if sizes[slot.revision] <= slot.filled
        else _change(slot, of(wanted, sizes[slot.revision]), changed=changed, most=most_modifications, freeze=freeze)
        for slot in staying
    ]
    beyond = lacking - sum(max(0, sizes[slot.revision] - slot.asked.quantity) for slot in staying)
    return Plan(
        actions=tuple(action for one in plans for action in one.actions) + begin(wanted, beyond, freeze),
        waits=any(one.waits for one in plans),
    )


def _shared_out(staying: Sequence[Working], surplus: int, missing: int, freeze: Freeze) -> dict[int, int]:
    """The total of each order that stays, by its revision: what is too much is taken from the newest, what lacks goes
    to the oldest, as far as they may be raised."""
    sizes = {slot.revision: slot.asked.quantity for slot in staying}
    for slot in reversed(staying):
        less = min(surplus, slot.leaves)
        sizes[slot.revision] -= less
        surplus -= less
    for slot in staying:
        is_cut_later = slot.waiting and not freeze.ours
        more = min(missing, max(0, freeze.most - slot.asked.quantity)) if freeze.most and not is_cut_later else missing
        sizes[slot.revision] += more
        missing -= more
    return sizes


def begin(wanted: Terms, units: int, freeze: Freeze, *, urgent: bool = False) -> tuple[Begin, ...]:
    """The placements of so many units: one, or several where the exchange takes no larger ones and the cutting is
    ours."""
    if units <= 0:
        return ()
    if freeze.ours:
        return tuple(Begin(terms=of(wanted, piece), urgent=urgent) for piece in freeze.pieces(units))
    return (Begin(terms=of(wanted, units), urgent=urgent, cut=freeze.cut(units)),)


def plan_traded(
    wanted: Terms, slots: Sequence[Working], *, changed: bool, most_modifications: int, freeze: Freeze = NO_FREEZE
) -> Plan:
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
            changes = changed or bool(less)
            plans.append(_change(slot, of(wanted, left), changed=changes, most=most_modifications, freeze=freeze))
    begins = begin(wanted, wanted.quantity - committed, freeze)
    return Plan(
        actions=tuple(action for one in reversed(plans) for action in one.actions) + begins,
        waits=any(one.waits for one in plans),
    )


def of(wanted: Terms, quantity: int) -> Terms:
    """These terms for a part of their quantity: what is disclosed of an order must be less than all of it."""
    if quantity == wanted.quantity:
        return wanted
    shown = wanted.disclosed_quantity if wanted.disclosed_quantity < quantity else 0
    second = replace(wanted.second, quantity=quantity) if wanted.second is not None else None
    return replace(wanted, quantity=quantity, disclosed_quantity=shown, second=second)


def _end(live: Sequence[Working]) -> Plan:
    """Cancel these; one whose order id is not known yet must wait for it, one that ends by itself is watched."""
    stays = [slot for slot in live if slot.placing or slot.ends_itself]
    ends = [slot for slot in live if not slot.ending and slot not in stays]
    return Plan(actions=tuple(End(revision=slot.revision) for slot in ends), waits=bool(stays))


def _change(slot: Working, terms: Terms, *, changed: bool, most: int, freeze: Freeze) -> Plan:
    """Bring one placement to these terms."""
    if slot.asked == terms or (slot.left_alone and not changed):
        return Plan()
    if slot.waiting:
        return Plan(actions=(Alter(revision=slot.revision, terms=terms, cut=freeze.cut(terms.quantity)),))
    if slot.placing or slot.changing:
        return Plan(waits=True)
    if slot.stays(terms):
        return Plan()
    if slot.modifications >= most or not slot.takes(terms):
        return Plan(actions=(End(revision=slot.revision, anew=True),), waits=True)
    return Plan(actions=(Alter(revision=slot.revision, terms=terms),))
