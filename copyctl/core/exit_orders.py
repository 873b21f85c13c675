"""The orders of one exit: what to place, change and cancel so that they offer what they should, and never more.

Two kinds: those that rest by the leader's terms, and urgent ones that trade now. Nothing is placed or raised beyond
the room, and what is cut gives room only when the broker has confirmed it: until then its most counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from copyctl.core.freeze import NO_FREEZE, Freeze
from copyctl.core.plan import Action, Alter, End, Plan, Working, begin, of
from copyctl.model.order import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one exit's orders should be: so many units resting by the leader's ``terms``, so many at once by ``now``.

    ``freeze``: how large one of them may be. ``again``: may a resting order be placed? ``anew``: has the leader changed
    his since ours were made? ``now_again``: may an urgent one be placed? ``reprice``: those that are there take the
    terms of ``now`` in any case.
    """

    terms: Terms
    rest: int
    now: Terms
    urgent: int
    again: bool
    now_again: bool
    anew: bool = False
    reprice: bool = False
    freeze: Freeze = NO_FREEZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One live order of this exit. ``most``: what it may still close at the broker. ``refused``: was its last change
    refused? ``shown``: the terms that the broker shows."""

    working: Working
    most: int
    urgent: bool = False
    refused: bool = False
    shown: Terms | None = None

    @property
    def leaves(self) -> int:
        """What it was last asked to close still."""
        return max(0, self.working.asked.quantity - self.working.filled)


def plan_exit(wish: Wish, offers: Sequence[Offer], *, room: int, most_modifications: int) -> tuple[Plan, int]:
    """What to do, and how much of ``room`` it takes. ``room``: what may be offered beyond all that is offered, less
    than nothing where that is too much."""
    desk = _Desk(room, most_modifications, wish.freeze)
    desk.waits = any(one.working.ending for one in offers)
    staying = [one for one in offers if not one.working.ending]
    resting = [one for one in staying if not one.urgent]
    hurrying = [one for one in staying if one.urgent]
    lacking = wish.urgent - sum(one.leaves for one in hurrying)
    if lacking > 0 and wish.rest == 0 and _turns(wish, resting):
        for one in resting:
            desk.turn(one, wish.now, min(lacking, one.leaves) if len(resting) > 1 else lacking)
            lacking -= one.leaves
    else:
        unsure = sum(one.leaves for one in offers if one.working.ending or (one.working.placing and not one.urgent))
        _rest(desk, wish, resting)
        _hurry(desk, wish, hurrying, unsure)
    return Plan(actions=tuple(desk.actions), waits=desk.waits), room - desk.room


def _turns(wish: Wish, resting: Sequence[Offer]) -> bool:
    """Are what rests and what has to trade now the same orders: the one, or the parts of one that was cut?"""
    if not resting or any(one.working.placing for one in resting):
        return False
    return len(resting) == 1 or wish.freeze.most > 0


def _rest(desk: "_Desk", wish: Wish, resting: Sequence[Offer]) -> None:
    """Bring what rests to what should. Of several orders the newest stays, others of this exit end; where the exchange
    takes no single one as large they stay beside each other, and the newest give way first."""
    if not wish.freeze.exceeded(max(wish.rest, sum(one.leaves for one in resting))):
        for one in resting[:-1]:
            desk.end(one)
        if resting:
            desk.bring(resting[-1], wish.rest, wish.terms, anew=wish.anew)
        elif wish.again:
            desk.begin(wish.terms, wish.rest, urgent=False)
        return
    left = wish.rest
    for one in resting:
        most = left if one.working.waiting and not wish.freeze.ours else wish.freeze.most
        units = min(left, max(most, one.leaves) if one is resting[-1] else one.leaves)
        desk.bring(one, units, wish.terms, anew=wish.anew)
        left -= units
    if wish.again:
        desk.begin(wish.terms, left, urgent=False)


def _hurry(desk: "_Desk", wish: Wish, hurrying: Sequence[Offer], unsure: int) -> None:
    """Bring what has to trade now to what should. ``unsure``: what others of this exit may close yet, though they are
    being cancelled, or nobody knows whether they are there: it is not sent a second time on a guess."""
    there = 0
    for one in hurrying:
        leaves = max(0, min(one.leaves, wish.urgent - there))
        there += leaves
        if one.refused and leaves:
            desk.end(one, anew=True)  # it was to be turned, and the broker took it in its old form only
        else:
            terms = wish.now if wish.reprice else one.working.asked
            desk.bring(one, leaves, terms, anew=False, force=wish.reprice)
    if wish.now_again:
        desk.begin(wish.now, wish.urgent - there - unsure, urgent=True)


class _Desk:
    """The actions of one plan in the making, and the room that is left."""

    def __init__(self, room: int, most_modifications: int, freeze: Freeze) -> None:
        self.actions: list[Action] = []
        self.waits = False
        self.room = room
        self._most_modifications = most_modifications
        self._freeze = freeze

    def begin(self, terms: Terms, units: int, *, urgent: bool) -> None:
        """Place an order, of as much as there is room for."""
        units = min(units, self.room)
        if units > 0:
            self.room -= units
            self.actions.extend(begin(terms, units, self._freeze, urgent=urgent))

    def end(self, offer: Offer, *, anew: bool = False) -> None:
        """Cancel an order. One without an id yet must wait for it, one that ends by itself is watched."""
        one = offer.working
        self.waits |= one.placing or one.ends_itself or anew
        if not (one.placing or one.ends_itself):
            self.actions.append(End(revision=one.revision, anew=anew))

    def turn(self, offer: Offer, now: Terms, units: int) -> None:
        """Turn a resting order into one that trades now; where the broker refuses that it is placed anew."""
        one = offer.working
        if one.changing:
            self.waits = True
            return
        if offer.refused or one.ends_itself or (one.modifications >= self._most_modifications and not one.waiting):
            self.end(offer, anew=not one.ends_itself)
            return
        if not (one.waiting or one.takes(of(now, one.filled + units))):
            self.end(offer, anew=True)
            return
        leaves = self._within(offer, units)
        if leaves > 0:
            self._alter(one, of(now, one.filled + leaves), urgent=True)
        elif one.waiting:
            self.end(offer)

    def bring(self, offer: Offer, units: int, terms: Terms, *, anew: bool, force: bool = False) -> None:
        """Bring an order to so many open units of these terms."""
        one = offer.working
        if units <= 0:
            self.end(offer)
            return
        leaves = self._within(offer, units)
        if leaves <= 0:
            self.end(offer)
            return
        wanted = of(terms, one.filled + leaves)
        if one.left_alone and not anew and not force:
            wanted = _only_cut(offer, leaves)
        if offer.refused and not force and offer.most > leaves:
            self.end(offer, anew=True)  # the cut was refused, and it must not stay as it is
        elif (wanted == one.asked and not force) or one.stays(wanted):
            return
        elif one.waiting:
            self._alter(one, wanted, urgent=offer.urgent)
        elif one.placing or one.changing:
            self.waits = True
        elif one.modifications >= self._most_modifications or not one.takes(wanted):
            self.end(offer, anew=True)
        else:
            self._alter(one, wanted, urgent=offer.urgent)

    def _alter(self, one: Working, terms: Terms, *, urgent: bool) -> None:
        cut = self._freeze.cut(terms.quantity)
        self.actions.append(Alter(revision=one.revision, terms=terms, urgent=urgent, cut=cut))

    def _within(self, offer: Offer, units: int) -> int:
        """As many of these units as the order may offer; what it has beyond its most takes room. While more is
        offered than there is, it is raised into what it may have already only as far as all the others leave that; one
        that has not left gives way."""
        there = 0 if offer.working.waiting else min(offer.leaves, offer.most)
        units = min(units, max(there, offer.most + self.room))
        self.room -= max(0, units - offer.most)
        return units


def _only_cut(offer: Offer, leaves: int) -> Terms:
    """An order that somebody changed by hand keeps his terms; it is only cut, where it offers too much."""
    one = offer.working
    kept = offer.shown or one.asked
    return of(kept, one.filled + leaves) if kept.quantity - one.filled > leaves else one.asked
