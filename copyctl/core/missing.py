"""Missing: positions that turned out to be otherwise than their fills explain (scenarios 4.8, 7.12).

Where the leader has less, he exited while nobody looked: every follower owes the same share, at the market, by a row of
its own. Where he has more, that is handled like what he had when the follower came (``join``). Where only the product
changed he converted it: that is told, not mirrored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from msgspec.structs import replace

from copyctl.core.decide import entry_part
from copyctl.core.entry_cuts import Entry, cut_entries, sized_entry
from copyctl.core.exit_plan import in_lots
from copyctl.core.index import is_open
from copyctl.core.join import more
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.positions import sign_of
from copyctl.core.reads import Shift
from copyctl.core.state import Draft, Owed
from copyctl.core.telling import alert
from copyctl.core.unread import is_expired
from copyctl.model.alerts import Alert
from copyctl.model.choices import CopyOn
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Position
from copyctl.model.terms import Product

WHY = "the leader's exit was not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the leader has of one instrument by now, and what his known orders explain: all products together."""

    draft: Draft
    key: str
    was: int
    now: int
    before: Sequence[Position]
    after: Sequence[Position]

    @property
    def instrument(self) -> Instrument | None:
        """What is known of the instrument."""
        return self.draft.instruments.get(self.key)

    @property
    def name(self) -> str:
        """For people."""
        return (self.instrument.symbol if self.instrument else "") or self.key

    @property
    def sign(self) -> int:
        """+1 where he had bought."""
        return 1 if self.was > 0 else -1

    @property
    def closed(self) -> int:
        """Units that he has closed unseen."""
        return abs(self.was) - max(0, min(abs(self.was), self.sign * self.now)) if self.was else 0

    @property
    def opened(self) -> int:
        """Units that he has beyond what is explained, signed."""
        return self.now - self.was if self.now * self.was > 0 and not self.closed else self.now if self.reversed else 0

    @property
    def reversed(self) -> bool:
        """Has he come to the other side, or from nothing?"""
        return bool(self.now) and self.now * self.was <= 0


def leader_shifted(draft: Draft, rules: Rules, shifts: Sequence[Shift]) -> None:
    """What follows for the followers from what the leader turned out to have."""
    by_instrument: dict[str, list[Shift]] = {}
    for shift in shifts:
        by_instrument.setdefault(_instrument(shift[0]), []).append(shift)
    for key, moved in by_instrument.items():
        if is_expired(draft.instruments.get(key), draft.now):
            continue
        still = draft.positions_in(rules.leader.client_id, key)
        others = sum(one.net for one in still) - sum(after.net for _, after in moved)
        turn = Turn(
            draft=draft,
            key=key,
            was=others + sum(before.net for before, _ in moved),
            now=others + sum(after.net for _, after in moved),
            before=[before for before, _ in moved],
            after=[after for _, after in moved],
        )
        _turned(rules, turn)


def _turned(rules: Rules, turn: Turn) -> None:
    explained = f"the leader has {turn.now} of {turn.name}, his known orders explain {turn.was}"
    if turn.was == turn.now:
        alert(
            turn.draft,
            Alert.CONVERTED,
            f"the leader converted his position in {turn.name} to another product: not mirrored",
        )
        for follower in rules.followers:
            _convert_apart(turn, follower)
        return
    if turn.closed:
        alert(turn.draft, Alert.EXIT_MISSED, f"{explained}: the missing exit is copied")
        for follower in rules.followers:
            _close(rules, turn, follower)
    if turn.opened:
        alert(turn.draft, Alert.EXIT_MISSED, f"{explained}: what he has more is handled as under join")
        grown = max(turn.after, key=lambda one: abs(one.net))
        for follower in rules.followers:
            more(turn.draft, rules, follower, grown, abs(turn.opened))


def _convert_apart(turn: Turn, follower: Follower) -> None:
    """What is kept apart of a position that he converted goes with it."""
    mapping = follower.policy.mapping.product
    lost = 0
    for after in turn.after:
        here = _mine(turn, follower, mapping.get(after.product, after.product))
        if here is not None and here.apart > abs(after.net):
            lost += here.apart - abs(after.net)
            turn.draft.positions.put(replace(here, apart=abs(after.net)))
    grown = max(turn.after, key=lambda one: abs(one.net))
    product = mapping.get(grown.product, grown.product)
    if lost and product is not None:
        here = _mine(turn, follower, product) or Position(
            account=follower.client_id, segment=grown.segment, security_id=grown.security_id, product=product
        )
        turn.draft.positions.put(replace(here, apart=here.apart + lost))


def _mine(turn: Turn, follower: Follower, product: Product | None) -> Position | None:
    return next((one for one in turn.draft.positions_in(follower.client_id, turn.key) if one.product is product), None)


def _close(rules: Rules, turn: Turn, follower: Follower) -> None:
    """The share that he closed of what was copied; what was kept apart is closed last, and what has not filled yet is
    taken from entries first (scenario 4.9)."""
    draft, sign = turn.draft, turn.sign
    held = draft.positions_in(follower.client_id, turn.key)
    apart = sum(here.apart for here in held)
    shared = abs(turn.was) - apart
    _lessen_apart(turn, held, max(0, sign * turn.now))
    units = min(turn.closed, max(0, shared))
    entries = _lacking(draft, rules, turn, follower)
    lacking = sum(entry.lacking for entry in entries)
    target = sum((max(ZERO, sign * here.target) for here in held), ZERO)
    if not units or not (lacking or target):
        return
    whole = units >= shared
    less = target + lacking if whole else (target + lacking) * units / shared
    lot = turn.instrument.lot_size if turn.instrument else 1
    cut = lacking if whole else min(lacking, in_lots(less, lot))
    cut_entries(draft, entries, cut)
    left = max(ZERO, less - cut)
    first = {follower.policy.mapping.product.get(one.product, one.product) for one in turn.before}
    for here in sorted(held, key=lambda one: one.product not in first):
        part = min(left, max(ZERO, sign * here.target))
        closing = int(part.to_integral_value(rounding=ROUND_FLOOR)) if not whole else abs(here.copied)
        if part > 0 and closing:
            draft.owed.append(Owed(here=here, units=closing, why=WHY))
        left -= part


def _lessen_apart(turn: Turn, held: Iterable[Position], there: int) -> None:
    for here in held:
        kept = min(here.apart, there)
        there -= kept
        if kept != here.apart:
            turn.draft.positions.put(replace(here, apart=kept))


def _lacking(draft: Draft, rules: Rules, turn: Turn, follower: Follower) -> list[Entry]:
    """The follower's entries on this side of which the leader's have filled more than theirs, newest first."""
    traded = follower.policy.copy_on is CopyOn.TRADED
    found = []
    for lead in draft.leads_in(turn.key):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        if order is None or order.side is None or sign_of(order.side) != turn.sign:
            continue
        part, _ = entry_part(order, lead)
        copy = draft.copies.get(copy_key(part.order_id, follower.client_id))
        if copy is None or copy.exit or copy.sizing is None or copy.wanted is None or not is_open(copy):
            continue
        found.append(sized_entry(copy, max(0, part.filled - int(copy.due)), over=order.over, traded=traded))
    return [entry for entry in found[::-1] if entry.lacking]


# --- followers --------------------------------------------------------------------------------------------------------


def follower_shifted(draft: Draft, shifts: Sequence[Shift]) -> None:
    """What a follower turned out to have: a position that was converted is the same in its new product."""
    for instrument in {_instrument(before) for before, _ in shifts}:
        moved = [shift for shift in shifts if _instrument(shift[0]) == instrument]
        if sum(before.net for before, _ in moved) == sum(after.net for _, after in moved):
            _convert(draft, moved)
    for _, after in shifts:
        draft.moved[(after.account, _instrument(after))] = None


def _convert(draft: Draft, moved: Sequence[Shift]) -> None:
    """What copies built goes along with what was converted."""
    lost: list[Position] = []
    for before, after in moved:
        sign = 1 if before.copied > 0 else -1
        most = max(0, sign * after.net)
        if before.copied and abs(before.copied) > most:
            gone = abs(before.copied) - most
            target = min(sign * before.target, Decimal(most))
            rest = replace(after, copied=sign * most, target=sign * max(ZERO, target))
            lost.append(replace(before, copied=sign * gone, target=before.target - rest.target))
            draft.positions.put(rest)
    for gone_from in lost:
        sign = 1 if gone_from.copied > 0 else -1
        for before, after in moved:
            if sign * (after.net - before.net) >= abs(gone_from.copied):
                draft.positions.put(
                    replace(after, copied=after.copied + gone_from.copied, target=after.target + gone_from.target)
                )
                break


def _instrument(here: Position) -> str:
    return instrument_key(here.segment, here.security_id)
