"""Baskets: entries in derivatives of one underlying that come close together, and in which order they may leave.

Each waits until the window that the first one opened closes. Then, with ``order: margin``, long options leave first; a
short option leaves when long ones of the basket that cover it have filled, and never without them; what no leg covers
leaves last, as any entry. Cover is shared out once: a unit of a long leg covers one unit of one short leg, the oldest
short leg is served first, and it takes from the long legs that expire first, which fewest others can use.

How much of a short leg *depends* on cover is what the long legs' wanted quantities could cover of it, whether or not
they came to anything: it is never sent without as much filled. What it has beyond that leaves along with it.

Pure: the legs come as plain values, whoever keeps them calls again after each event and at ``next_moment``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from copyctl.core.hours import SECOND
from copyctl.model.choices import LegOrder, OnFailure
from copyctl.model.policy import MultiLeg
from copyctl.model.terms import InstrumentKind, OptionType, Side

_OPTIONS: Final = frozenset(
    {InstrumentKind.OPTIDX, InstrumentKind.OPTSTK, InstrumentKind.OPTFUT, InstrumentKind.OPTCUR}
)
_FUTURES: Final = frozenset(
    {InstrumentKind.FUTIDX, InstrumentKind.FUTSTK, InstrumentKind.FUTCOM, InstrumentKind.FUTCUR}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Legs that came within one window. ``name``: the leader order id of the first. ``failed``: the legs that broke
    and why, as ``fallout`` last told; empty while none has."""

    name: str
    underlying: str
    opened_at: int
    closes_at: int
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One entry of the leader, and what became of it at the follower.

    ``quantity``: units wanted of it now. ``filled``: units of it that the follower has (what was closed again covers
    nothing). ``leader_filled_at``: when the leader's order was full, 0: it is not yet. ``placed``: a request for it
    left. ``open``: it is with the broker and may still fill (of unknown fate: too). ``dead``: it was refused, rejected
    or skipped, or a slice of it was; ``withheld``: it was because ``verdicts`` said Fail; ``why``: for what.
    ``withdrawn``: it will not be sent, and that is no failure: the leader took it back.
    """

    key: str
    side: Side
    kind: InstrumentKind | None
    option_type: OptionType | None
    expiry: date | None
    quantity: int
    filled: int = 0
    leader_filled_at: int = 0
    placed: bool = False
    open: bool = False
    dead: bool = False
    withheld: bool = False
    withdrawn: bool = False
    why: str = ""
    created_at: int

    @property
    def waits(self) -> bool:
        """Is it still to be sent?"""
        return not (self.placed or self.dead or self.withheld or self.withdrawn)

    @property
    def is_long_option(self) -> bool:
        """May it cover others?"""
        return self.side is Side.BUY and self._is_option

    @property
    def is_short_option(self) -> bool:
        """May others cover it?"""
        return self.side is Side.SELL and self._is_option

    @property
    def exposure(self) -> int:
        """The most units that the follower may come to have of it."""
        return max(self.quantity, self.filled) if self.waits or self.open else self.filled

    @property
    def _is_option(self) -> bool:
        return self.option_type is not None or self.kind in _OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """The leg may leave now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The leg waits (``queued: basket``). ``until``: when time alone may change that, None: never."""

    until: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The leg is not to be sent (``refused: basket_failed``)."""

    detail: str


Verdict = Go | Wait | Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallout:
    """What to do now that a leg broke. It stays the same until it is done, so each part may be asked for again.

    ``cancel``: keys of legs of which something is open; ``unwind``: keys of legs to close as far as they are filled;
    both short legs first. ``alert``: the text to raise, empty where it was raised before. ``failed``: to be kept as
    ``Basket.failed``.
    """

    cancel: tuple[str, ...]
    unwind: tuple[str, ...]
    alert: str
    failed: str


def may_join(kind: InstrumentKind | None, underlying: str) -> bool:
    """Is an entry in such an instrument a leg of a basket? Only one in an option or a future of a known underlying."""
    return bool(underlying) and (kind in _OPTIONS or kind in _FUTURES)


def opened(name: str, underlying: str, *, at: int, window: int) -> Basket:
    """The basket that a first leg opens."""
    return Basket(name=name, underlying=underlying, opened_at=at, closes_at=at + window)


def basket_for(baskets: Sequence[Basket], underlying: str, *, at: int, window: int) -> Basket | None:
    """The open basket that an entry which came at this moment joins; None: it is the first one of its own, or there
    are no baskets (a window of 0). A basket keeps the window that it was opened with; an entry that came less than a
    window before it was opened, and was looked at later, belongs to it too."""
    if window <= 0:
        return None
    mine = (one for one in baskets if one.underlying == underlying)
    return next((one for one in mine if one.opened_at - window < at < one.closes_at), None)


def verdicts(legs: Sequence[Leg], basket: Basket, policy: MultiLeg, *, now: int) -> Mapping[str, Verdict]:
    """What each leg that is still to be sent may do, by its key, in the order in which they are to leave.

    Until the window closes all wait, also where a leg broke already: what is then done concerns the later legs too.
    """
    ordered = sorted(legs, key=_age)
    waiting = [leg for leg in ordered if leg.waits]
    if now < basket.closes_at:
        return {leg.key: Wait(until=basket.closes_at, detail="more legs may come") for leg in waiting}
    if stopped := _stopped(ordered, basket, policy):
        return {leg.key: Fail(detail=stopped) for leg in waiting}
    if policy.order is LegOrder.AS_PLACED:
        return {leg.key: Go() for leg in waiting}
    said = _by_cover(ordered, basket, policy, now)
    failing = "; ".join(f"{key}: {verdict.detail}" for key, verdict in said.items() if isinstance(verdict, Fail))
    if failing and policy.on_failure is not OnFailure.ALERT:
        return {key: verdict if isinstance(verdict, Fail) else Fail(detail=failing) for key, verdict in said.items()}
    return said


def growth(legs: Sequence[Leg], key: str, basket: Basket, policy: MultiLeg, *, now: int) -> Verdict:
    """May a leg that has left become as large as it is wanted now? A short one not without the cover for all of it."""
    ordered = sorted(legs, key=_age)
    leg = next((one for one in ordered if one.key == key), None)
    if leg is None or not leg.is_short_option or policy.order is LegOrder.AS_PLACED:
        return Go()
    depends = _depends(ordered)
    longs = [one for one in ordered if one.is_long_option]
    hopeful = [one for one in longs if _is_hopeful(one, basket, policy, now)]
    filled = _Cover((one, one.filled) for one in longs)
    coming = _Cover((one, one.quantity if one in hopeful else one.filled) for one in longs)
    for other in ordered:
        if other is not leg and other.key in depends:
            filled.take(other, depends[other.key])
            coming.take(other, depends[other.key])
    needed, have = depends.get(key, 0), filled.of(leg)
    if have >= needed:
        return Go()
    if coming.of(leg) < needed:
        lost = [long for long in longs if _may_cover(long, leg) and long not in hopeful]
        return Fail(detail=_uncovered(have, needed, lost, policy))
    until = _next_deadline(hopeful, basket, policy)
    return Wait(until=until, detail=f"{have} of {needed} covered by long legs")


def next_moment(legs: Sequence[Leg], basket: Basket, policy: MultiLeg, *, now: int) -> int:
    """The next time at which time alone may change a verdict or bring a fallout; 0: there is none."""
    if now < basket.closes_at:
        return basket.closes_at
    said = verdicts(legs, basket, policy, now=now).values()
    return min((one.until for one in said if isinstance(one, Wait) and one.until is not None), default=0)


def fallout(legs: Sequence[Leg], basket: Basket, policy: MultiLeg, *, now: int) -> Fallout | None:
    """What ``on_failure`` does now; None: nothing (any more).

    Ask after what ``verdicts`` said was put into the legs, then the alert tells of those too. An order that came alone
    is no basket. Before the window closes nothing has left, so that the alert can wait until it knows every leg.
    """
    ordered = sorted(legs, key=_age)
    failed = _broken(ordered) or basket.failed
    if not failed or len(ordered) < 2 or now < basket.closes_at:
        return None
    undone = sorted(ordered, key=lambda leg: leg.side is not Side.SELL)
    cancels, unwinds = policy.on_failure is not OnFailure.ALERT, policy.on_failure is OnFailure.UNWIND
    result = Fallout(
        cancel=tuple(leg.key for leg in undone if cancels and leg.open),
        unwind=tuple(leg.key for leg in undone if unwinds and leg.filled > 0),
        alert="" if failed == basket.failed else _alert(ordered, basket, policy),
        failed=failed,
    )
    return result if result.cancel or result.unwind or result.alert else None


def _by_cover(ordered: Sequence[Leg], basket: Basket, policy: MultiLeg, now: int) -> dict[str, Verdict]:
    """The verdicts of ``order: margin``: long options, then short ones as they are covered, then the rest.

    Two pools of cover are shared out alike: what has filled, and what has or still may. A short leg that cannot have
    what it depends on from the second one fails and leaves its part to the others; one that waits keeps its part.
    """
    longs = [leg for leg in ordered if leg.is_long_option]
    hopeful = [leg for leg in longs if _is_hopeful(leg, basket, policy, now)]
    deadline = _next_deadline(hopeful, basket, policy)
    filled = _Cover((leg, leg.filled) for leg in longs)
    coming = _Cover((leg, leg.quantity if leg in hopeful else leg.filled) for leg in longs)
    depends = _depends(ordered)
    for leg in ordered:
        if leg.key in depends and leg.placed:
            filled.take(leg, depends[leg.key])
            coming.take(leg, depends[leg.key])
    said: dict[str, Verdict] = {leg.key: Go() for leg in longs if leg.waits}
    for leg in ordered:
        if leg.key not in depends or not leg.waits:
            continue
        needed, have = depends[leg.key], filled.of(leg)
        if coming.of(leg) < needed:
            lost = [long for long in longs if _may_cover(long, leg) and long not in hopeful]
            said[leg.key] = Fail(detail=_uncovered(have, needed, lost, policy))
            continue
        filled.take(leg, needed)
        coming.take(leg, needed)
        waits = Wait(until=deadline, detail=f"{have} of {needed} covered by long legs")
        said[leg.key] = Go() if have >= needed else waits
    ahead = any(not isinstance(verdict, Fail) for verdict in said.values())
    last = Wait(until=deadline, detail="sent last, after the legs that cover or are covered") if ahead else Go()
    return said | {leg.key: last for leg in ordered if leg.waits and leg.key not in said}


def _depends(ordered: Sequence[Leg]) -> dict[str, int]:
    """How many units of each short option depend on cover, where any do: the oldest is served first.

    A long leg counts as it was wanted, also where it came to nothing. A short leg that is over counts for what it
    filled, so that its cover is free for others; one withheld for want of cover keeps its claim, else what was
    never covered would come to depend on the same lost leg.
    """
    wanted = _Cover((leg, max(leg.quantity, leg.filled)) for leg in ordered if leg.is_long_option)
    taken = {
        leg.key: wanted.take(leg, leg.quantity if leg.withheld else leg.exposure)
        for leg in ordered
        if leg.is_short_option
    }
    return {key: units for key, units in taken.items() if units > 0}


class _Cover:
    """Units of long legs, to be taken by short ones of the same option type that expire no later. What expires first
    is taken first: everyone who may use it may use what expires later, but not the other way round."""

    def __init__(self, parts: Iterable[tuple[Leg, int]]) -> None:
        known = [(leg.expiry, leg, units) for leg, units in parts if leg.expiry is not None]
        known.sort(key=lambda part: part[0])
        self._longs = [leg for _, leg, _ in known]
        self._units = [units for _, _, units in known]

    def of(self, short: Leg) -> int:
        """How much there is for this leg."""
        return sum(units for long, units in zip(self._longs, self._units, strict=True) if _may_cover(long, short))

    def take(self, short: Leg, units: int) -> int:
        """Give this leg up to so many units; how many it got."""
        lacking = units
        for place, long in enumerate(self._longs):
            if _may_cover(long, short):
                given = min(self._units[place], lacking)
                self._units[place] -= given
                lacking -= given
        return units - lacking


def _may_cover(long: Leg, short: Leg) -> bool:
    """Same option type, expiring no earlier; what is not known covers nothing and is covered by nothing."""
    return (
        long.option_type is not None
        and long.option_type is short.option_type
        and long.expiry is not None
        and short.expiry is not None
        and long.expiry >= short.expiry
    )


def _is_hopeful(long: Leg, basket: Basket, policy: MultiLeg, now: int) -> bool:
    """May more of this leg fill in time?"""
    if long.dead or long.filled >= long.quantity or not (long.waits or long.open):
        return False
    deadline = _deadline(long, basket, policy)
    return deadline is None or now < deadline


def _deadline(long: Leg, basket: Basket, policy: MultiLeg) -> int | None:
    """Until when it must have filled; None where the leader's has not. It could not leave before the window closed,
    so time counts from then at the earliest."""
    return max(long.leader_filled_at, basket.closes_at) + policy.leg_timeout if long.leader_filled_at else None


def _next_deadline(hopeful: Sequence[Leg], basket: Basket, policy: MultiLeg) -> int | None:
    deadlines = (_deadline(leg, basket, policy) for leg in hopeful)
    return min((moment for moment in deadlines if moment is not None), default=None)


def _stopped(ordered: Sequence[Leg], basket: Basket, policy: MultiLeg) -> str:
    """Why nothing more of this basket is sent; empty where it goes on."""
    if policy.on_failure is OnFailure.ALERT or len(ordered) < 2:
        return ""
    return _broken(ordered) or basket.failed


def _broken(ordered: Sequence[Leg]) -> str:
    """The legs that broke, and why: those that broke of themselves, else those that were withheld."""
    dead = [leg for leg in ordered if leg.dead or leg.withheld]
    return "; ".join(f"{leg.key}: {leg.why}" for leg in [one for one in dead if not one.withheld] or dead)


def _uncovered(have: int, needed: int, lost: Sequence[Leg], policy: MultiLeg) -> str:
    """Why a short leg does not get the cover that it depends on."""
    reasons = [f"long leg {leg.key} {_lost(leg, policy)}" for leg in lost if leg.filled < leg.quantity]
    return "; ".join([f"{have} of {needed} covered by long legs", *reasons])


def _lost(long: Leg, policy: MultiLeg) -> str:
    """Why no more is to come of a long leg."""
    if long.dead or long.withheld:
        return f"failed: {long.why}"
    if long.waits or long.open:
        return f"not filled {policy.leg_timeout / SECOND:g} s after the leader's"
    return f"ended with {long.filled} of {long.quantity} filled"


def _alert(ordered: Sequence[Leg], basket: Basket, policy: MultiLeg) -> str:
    """Every leg and its state, and what is done."""
    done = {
        OnFailure.ALERT: "nothing is undone",
        OnFailure.CANCEL_REST: "the rest is cancelled",
        OnFailure.UNWIND: "the rest is cancelled, what filled is closed",
    }[policy.on_failure]
    states = "; ".join(_state(leg) for leg in ordered)
    return f"a leg of the basket {basket.name} in {basket.underlying} failed, {done}: {states}"


def _state(leg: Leg) -> str:
    """One leg in words."""
    what = " ".join(str(part) for part in (leg.side, leg.quantity, leg.option_type or leg.kind, leg.expiry) if part)
    if leg.withheld:
        state = f"withheld ({leg.why})"
    elif leg.dead:
        state = f"failed ({leg.why})" + (", part of it open" if leg.open else "")
    elif leg.waits:
        state = "not sent"
    elif leg.open:
        state = "open"
    elif leg.placed:
        state = "filled" if leg.filled >= leg.quantity else "ended"
    else:
        state = "withdrawn by the leader"
    return f"{leg.key} ({what}) {state}" + (f", {leg.filled} filled" if leg.placed or leg.filled else "")


def _age(leg: Leg) -> tuple[int, str]:
    return leg.created_at, leg.key
