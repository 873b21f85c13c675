"""The story of a day: what the leader did, what left, what came back, what was decided, what broke."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from tests.simulation.exchange import Placed
from tests.simulation.timeline import SECOND

Line = tuple[int, str, str, tuple[Any, ...]]
"""When (ns), who, what, and the facts of it."""

_SIDES: Final = {1: "BUY", -1: "SELL"}


def line(at: int, who: str, what: str, facts: Sequence[Any]) -> Line:
    """A line; what may change later is taken as it is now."""
    return at, who, what, tuple(_frozen(one) for one in facts)


def _frozen(fact: Any) -> Any:
    if isinstance(fact, Placed):
        return (
            fact.order_id, fact.correlation, fact.side, fact.security.instrument.symbol, fact.wish, fact.filled,
            fact.status,
        )  # fmt: skip
    return fact


def told(lines: Iterable[Line], began: int) -> list[str]:
    """The lines as text, with seconds since the day began."""
    return [f"{(at - began) / SECOND:9.3f}  {who:<11} {what:<8} {_text(facts)}" for at, who, what, facts in lines]


def _text(facts: tuple[Any, ...]) -> str:
    return " ".join(_fact(one) for one in facts if one not in ("", None))


def _fact(fact: Any) -> str:
    if isinstance(fact, bytes):
        return fact.decode("utf-8", "replace")[:400]
    if isinstance(fact, tuple) and len(fact) == 7:
        order_id, correlation, side, symbol, wish, filled, status = fact
        price = f" at {wish.price / 100:g}" if wish.price else ""
        trigger = f" trigger {wish.trigger / 100:g}" if wish.trigger else ""
        rest = "" if wish.validity == "DAY" else f" {wish.validity}"
        return (
            f"[{order_id} {correlation}] {_SIDES[side]} {wish.quantity} {symbol} {wish.kind}{price}{trigger}{rest} "
            f"{status} filled {filled}"
        )
    if isinstance(fact, tuple):
        return " ".join(_fact(one) for one in fact)
    return str(fact)


def around(lines: Sequence[Line], account: str, security: str, leader: str) -> list[Line]:
    """The lines that tell of one follower and the leader in one security, and of what went wrong meanwhile."""
    others = {"laws", "adversary", "copyctl"}

    def matters(one: Line) -> bool:
        _, who, what, facts = one
        if who in others:
            return True
        if who not in (account, leader):
            return False
        return what not in ("order", "holds") or not security or security in facts[0]

    return [one for one in lines if matters(one)]
