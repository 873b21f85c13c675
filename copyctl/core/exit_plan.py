"""The exit plan: which of the leader's exits closes how much of a follower's copied position, and by which orders.

Pure arithmetic over plain values. ``cap`` is the most that may be closed: what the copies built, and no more than the
account still has; nothing that is planned here ever goes past it (the second law).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from copyctl.core.plan import Action, Alter, Begin, End, Plan, Working, of
from copyctl.model.order import Terms

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One exit of the leader (or a row of our own) as it bears on one follower's position.

    ``due``: units that the leader's trades of it ask to be closed; ``filled``: what the follower has closed by it.
    ``share``: the part of the leader's position that still rests in it, 0 to 1. ``traded``: has any of it traded for
    the leader? ``stop``: does it wait for a trigger?
    """

    key: str
    due: Decimal
    filled: int
    share: Decimal
    traded: bool = False
    stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """``owed``: to be closed, for the leader has; ``rest``: to be offered, as the leader offers it. Units."""

    owed: int = 0
    rest: int = 0


def in_lots(units: Decimal, lot: int) -> int:
    """Whole lots of these units, rounded down, never below 0."""
    return max(0, int((units / lot).to_integral_value(rounding=ROUND_FLOOR)) * lot)


def allocate(
    items: Sequence[Item], *, cap: int, target: Decimal, lot: int, several: bool
) -> tuple[dict[str, Portion], int]:
    """How much each exit has to close and to offer, and how much nobody among them closes.

    ``target``: what of the follower's position ought to stay. ``several``: may exits rest for more than the position
    together (``exits.alternatives: all``)? Items come in the order in which the leader gave them.
    """
    owed = _owed(items, cap, target, lot)
    spread, left = _spread(items, owed, lot)
    free = cap - sum(spread.values())
    portions: dict[str, Portion] = {}
    for item in sorted(items, key=lambda one: not one.stop):
        early = max(ZERO, item.filled - item.due)
        asked = item.share * target - early
        most = cap - owed if several else free
        rest = most if item.share >= 1 and asked > 0 and not early else in_lots(asked, lot)
        rest = max(0, min(rest, most))
        if not several:
            free -= rest
        portions[item.key] = Portion(owed=spread.get(item.key, 0), rest=rest)
    return portions, left


def _owed(items: Sequence[Item], cap: int, target: Decimal, lot: int) -> int:
    """What must be closed by now: everything once nothing ought to stay, else whole lots."""
    if target <= 0:
        return cap if any(item.traded or item.due for item in items) else in_lots(Decimal(cap), lot)
    return min(cap, in_lots(cap - target, lot))


def _spread(items: Sequence[Item], owed: int, lot: int) -> tuple[dict[str, int], int]:
    """What must be closed, spread over the exits that ask for it; what rounding left goes with the newest of them."""
    spread: dict[str, int] = {}
    asked, given = ZERO, 0
    newest = ""
    for item in items:
        if item.traded or item.due:
            newest = item.key
        asked += max(ZERO, item.due - item.filled)
        part = min(owed, in_lots(asked, lot)) - given
        if part > 0:
            spread[item.key] = part
            given += part
    left = owed - given
    if left and newest:
        spread[newest] = spread.get(newest, 0) + left
        left = 0
    return spread, left


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one exit's orders should be: so many units resting by the leader's ``terms``, so many at once by ``now``.

    ``again``: may a resting part be placed that ended otherwise than by us? ``now_again``: may an urgent one?
    """

    terms: Terms
    rest: int
    now: Terms
    urgent: int
    again: bool
    now_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One live order of this exit. ``leaves``: what it may still close at the broker, as far as is known."""

    working: Working
    leaves: int
    urgent: bool


def plan_exit(wish: Wish, offers: Sequence[Offer], *, room: int, most_modifications: int) -> tuple[Plan, int]:
    """What to do, and how much of ``room`` it takes. ``room``: what may still be offered beyond all that is offered.

    Nothing is raised or placed beyond the room, and what is cut gives room only when the broker has confirmed it.
    """
    resting = [one for one in offers if not one.urgent and not one.working.ending]
    hurrying = [one for one in offers if one.urgent and not one.working.ending]
    actions: list[Action] = []
    waits = any(one.working.ending for one in offers)
    urgent = wish.urgent - sum(max(0, one.working.asked.quantity - one.working.filled) for one in hurrying)
    if urgent > 0 and wish.rest == 0 and len(resting) == 1 and _turns(resting[0], urgent):
        kept = resting[0].working
        change = Alter(revision=kept.revision, terms=of(wish.now, kept.filled + urgent), urgent=True)
        if kept.modifications < most_modifications:
            return Plan(actions=(change,), waits=waits), 0
    taken = 0
    keep = resting[-1] if resting else None
    for one in resting[:-1]:
        waits |= not _cut(actions, one, 0, wish.terms, most_modifications)
    if keep is not None:
        raised = max(0, wish.rest - max(0, keep.working.asked.quantity - keep.working.filled))
        grant = min(raised, room)
        waits |= not _cut(actions, keep, wish.rest - raised + grant, wish.terms, most_modifications)
        taken += grant
    elif wish.rest > 0 and wish.again:
        grant = min(wish.rest, room)
        if grant:
            actions.append(Begin(terms=of(wish.terms, grant)))
            taken += grant
    if urgent > 0 and wish.now_again:
        grant = min(urgent, room - taken)
        if grant > 0:
            actions.append(Begin(terms=of(wish.now, grant), urgent=True))
            taken += grant
    elif urgent < 0:
        surplus = -urgent
        for one in reversed(hurrying):
            open_part = max(0, one.working.asked.quantity - one.working.filled)
            less = min(surplus, open_part)
            if less:
                waits |= not _cut(actions, one, open_part - less, one.working.asked, most_modifications)
                surplus -= less
    elif hurrying and wish.now_again and wish.urgent > 0:
        last = hurrying[-1].working
        terms = of(wish.now, last.asked.quantity)
        if terms != last.asked and not (last.placing or last.changing or last.waiting):
            actions.append(Alter(revision=last.revision, terms=terms, urgent=True))
    return Plan(actions=tuple(actions), waits=waits), taken


def _turns(offer: Offer, urgent: int) -> bool:
    """Can this resting order be turned into one that trades now, without offering more than it does?"""
    one = offer.working
    return urgent <= max(0, one.asked.quantity - one.filled) and not (one.placing or one.changing or one.left_alone)


def _cut(actions: list[Action], offer: Offer, leaves: int, terms: Terms, most: int) -> bool:
    """Bring an order to so many open units of these terms; False where something must be answered first."""
    one = offer.working
    if leaves <= 0:
        if one.placing or one.ends_itself:
            return False
        actions.append(End(revision=one.revision))
        return True
    wanted = of(terms, one.filled + leaves)
    if wanted == one.asked or one.left_alone:
        return True
    if one.waiting:
        actions.append(Alter(revision=one.revision, terms=wanted))
        return True
    if one.placing or one.changing:
        return False
    if one.modifications >= most:
        actions.append(End(revision=one.revision, anew=True))
        return False
    actions.append(Alter(revision=one.revision, terms=wanted))
    return True
