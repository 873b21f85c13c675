"""The exit plan: which of the leader's exits closes how much of a follower's position.

Pure arithmetic over plain values. ``cap`` is the most that may be closed: what the copies built, and no more than the
account still has; nothing that is planned here ever goes past it (the second law).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from copyctl.model.order import ZERO

MILLIONTH = Decimal("0.000001")
"""A third of a position has no end in decimals: units are brought to a millionth before they are rounded to lots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One exit of the leader (or a row of our own) as it bears on one follower's position.

    ``due``: units that the leader's trades of it ask to be closed; ``filled``: what the follower has closed by it.
    ``offers``: units of the target that the leader still offers with it; ``whole``: that is all that he has.
    ``traded``: has any of it traded for the leader? ``stop``: does it wait for a trigger?
    """

    key: str
    due: Decimal
    filled: int
    offers: Decimal = ZERO
    whole: bool = False
    traded: bool = False
    stop: bool = False

    @property
    def outstanding(self) -> Decimal:
        """Units that are due and not closed."""
        return max(ZERO, self.due - self.filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """``owed``: to be closed, for the leader has; ``rest``: to be offered, as the leader offers it. Units."""

    owed: int = 0
    rest: int = 0


def in_lots(units: Decimal, lot: int) -> int:
    """Whole lots of these units, rounded down, never below 0."""
    return max(0, int((units.quantize(MILLIONTH) / lot).to_integral_value(rounding=ROUND_FLOOR)) * lot)


def allocate(
    items: Sequence[Item], *, cap: int, target: Decimal, lot: int, several: bool
) -> tuple[dict[str, Portion], int]:
    """How much each exit has to close and to offer, and how much nobody among them closes.

    ``target``: what of the follower's position ought to stay. ``several``: may exits rest for more than the position
    together (``exits.alternatives: all``)? Items come in the order in which the leader gave them; of what may rest
    stops are served first (scenario 4.12).
    """
    owed = min(in_lots(Decimal(cap), lot), in_lots(cap - max(ZERO, target), lot))
    spread, left = _spread(items, owed, lot)
    free = cap - sum(spread.values())
    portions: dict[str, Portion] = {}
    for item in sorted(items, key=lambda one: not one.stop):
        early = max(ZERO, item.filled - item.due)
        asked = item.offers - early
        most = cap - owed if several else free
        rest = min(most if item.whole and asked > 0 and not early else in_lots(asked, lot), most)
        rest = in_lots(Decimal(rest), lot)
        if not several:
            free -= rest
        portions[item.key] = Portion(owed=spread.get(item.key, 0), rest=rest)
    return portions, left


def _spread(items: Sequence[Item], owed: int, lot: int) -> tuple[dict[str, int], int]:
    """What must be closed, spread over the exits that ask for it; what rounding left goes with the newest of them."""
    spread: dict[str, int] = {}
    asked, given = ZERO, 0
    newest = ""
    for item in items:
        if item.traded or item.due:
            newest = item.key
        asked += item.outstanding
        part = min(owed, in_lots(asked, lot)) - given
        if part > 0:
            spread[item.key] = part
            given += part
    left = owed - given
    if left and newest:
        spread[newest] = spread.get(newest, 0) + left
        left = 0
    return spread, left


def trimmed(items: Sequence[Item], closable: Decimal) -> dict[str, Decimal]:
    """What is due of those exits that ask, all together, for more than is left to close: what a person has closed by
    hand nobody closes again. The newest gives way first."""
    beyond = sum((item.outstanding for item in items), ZERO) - max(ZERO, closable)
    less: dict[str, Decimal] = {}
    for item in reversed(items):
        part = min(beyond, item.outstanding)
        if part > 0:
            less[item.key] = item.due - part
            beyond -= part
    return less
