"""What holds in the end: a model of copying that knows nothing of orders, requests or answers.

A follower's position in a security is what the leader's fills make of it, in the order in which they took place: what
enlarges his position adds q(what that order has opened so far) less what it had added before; what lessens it takes the
same share of the follower's. Where the real one differs, some row of that follower in that security must say why.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from copyctl.model.order import Order
from copyctl.model.records import Account, Copy, Record
from copyctl.model.terms import Decision, Level
from tests.simulation.exchange import SECURITIES, Security
from tests.simulation.policies import Follower

if TYPE_CHECKING:
    from tests.simulation.day import Day

T = TypeVar("T")
HELD, FIRST = "held", "first"


@dataclass(frozen=True, slots=True)
class Difference:
    """A follower's position that is not what the model says."""

    follower: Follower
    security: Security
    is_units: int
    wants: Fraction
    leader: int
    why: str

    def __str__(self) -> str:
        return (
            f"{self.follower.name} holds {self.is_units} of {self.security.instrument.symbol} where the leader's "
            f"{self.leader} ask for {float(self.wants):g}"
        )


def judge(day: "Day") -> tuple[Difference, ...]:
    """Every difference in the end; one that no record explains breaks a law."""
    found = []
    for follower in day.drawn.followers:
        for security in SECURITIES:
            wants = _wanted(day, follower, security)
            units = day.exchange.held(follower.account, security)
            leader = day.exchange.held(day.exchange.leader, security)
            either = {wants, *(_wanted(day, follower, security, leftovers=how) for how in (HELD, FIRST))}
            if not any(_agrees(units, one, leader, security.lot) for one in either):
                why = _why(day, follower, security)
                found.append(Difference(follower, security, units, wants, leader, why))
    for one in found:
        if not one.why:
            _tell_rows(day, one)
            text = f"{one}, and no record says why"
            early = any(
                copy.exit and copy.filled > copy.due and _is_about(day, copy, one.security)
                for copy in _of(day.final["copy"], Copy)
                if copy.follower == one.follower.account
            )
            law = "untold early exit" if early else "unexplained difference"
            day.broken(law, text, account=one.follower.account, security=one.security.id)
    _nothing_left_open(day)
    _picture_is_true(day)
    return tuple(found)


def _tell_rows(day: "Day", one: Difference) -> None:
    for copy in _of(day.final["copy"], Copy):
        if copy.follower == one.follower.account and _is_about(day, copy, one.security):
            said = f"{copy.decision} {copy.reason or ''} {copy.detail}; filled {copy.filled}, due {copy.due}"
            day.tell(one.follower.account, "row", copy.leader_order_id, said)


def _agrees(units: int, wants: Fraction, leader: int, lot: int) -> bool:
    if not leader:
        return units == 0
    return units * wants >= 0 and abs(abs(units) - abs(wants)) < lot


def _wanted(day: "Day", follower: Follower, security: Security, *, leftovers: str = "") -> Fraction:
    """``leftovers``: what an exit of his opens, since his position is gone when it trades, is no entry (4.6: what he
    had before it counts), for as much as he had when he placed it, or as its quantity was then; "": it is one."""
    target, opened, filled = Fraction(0), Counter[str](), Counter[str]()
    for move in day.laws.moves:
        order = move.order
        if order.security is not security:
            continue
        name, there = order.order_id, max(0, -move.before * order.side)
        closes = min(move.units, there)
        filled[name] += move.units
        opens = move.units - closes
        if leftovers:
            led = day.laws.led[name]
            opens = min(opens, max(0, filled[name] - min(led.held, led.first if leftovers == FIRST else led.held)))
        if closes:
            target *= 1 - Fraction(closes, there)
        if opens:
            before, after = opened[name], opened[name] + opens
            opened[name] = after
            target += order.side * (follower.q(after, security.lot) - follower.q(before, security.lot))
    return target


def _why(day: "Day", follower: Follower, security: Security) -> str:
    """What the records say of a follower's rows in a security, or of the whole account; "" for nothing."""
    account = next((one for one in _of(day.final["account"], Account) if one.account == follower.account), None)
    if account is not None and (account.killed_at or account.held or account.refused_token):
        return f"account: {account.killed_reason or account.held or account.refused_token}"
    said = []
    for copy in _of(day.final["copy"], Copy):
        if copy.follower != follower.account or not _is_about(day, copy, security):
            continue
        if copy.decision is not Decision.COPIED:
            said.append(f"{copy.leader_order_id} {copy.decision} {copy.reason or ''}")
        elif copy.drift or copy.excess or copy.note or copy.given_up:
            said.append(f"{copy.leader_order_id} {copy.drift or copy.note or copy.given_up or 'excess'}")
    rows = {copy.leader_order_id for copy in _of(day.final["copy"], Copy) if _is_about(day, copy, security)}
    said += [
        f"{one.leader_order_id} alert: {one.text}"
        for one in day.laws.notices
        if one.event == "alert"
        and one.follower == follower.account
        and (one.leader_order_id in rows or one.level is Level.CRITICAL)
    ]
    return "; ".join(said)


def _is_about(day: "Day", copy: Copy, security: Security) -> bool:
    led = day.laws.led.get(copy.leader_order_id.partition("#")[0])
    if led is not None:
        return led.order.security is security
    return security.id in copy.leader_order_id


def _nothing_left_open(day: "Day") -> None:
    """The leader has nothing open, so nobody else has, but what a record tells of."""
    for order in day.exchange.orders.values():
        if not order.open or order.account == day.exchange.leader:
            continue
        follower = day.laws.followers[order.account]
        if not _why(day, follower, order.security):
            day.broken("left open", "an order of a follower is open in the end, and no record says why", order)


def _picture_is_true(day: "Day") -> None:
    """What is known of every copy in the end is what the broker has."""
    known = {(one.account, one.order_id): one.filled for one in _of(day.final["order"], Order)}
    for order in day.exchange.orders.values():
        seen = known.get((order.account, order.order_id), order.filled)
        if order.account != day.exchange.leader and seen != order.filled:
            day.broken("untrue picture", f"{order.filled} units have filled where {seen} are known", order)


def _of(rows: Sequence[Record], kind: type[T]) -> list[T]:
    return [one for one in rows if isinstance(one, kind)]
