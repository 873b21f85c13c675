"""Planted bugs: each takes the place of a function of copyctl while a day is simulated, and must be found."""

import contextlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from copyctl.core import exits, observe, owing, pursue, settle
from copyctl.core.plan import of
from copyctl.core.pursue import with_slot, working
from copyctl.engine.conductor import Conductor
from copyctl.model.request import RequestKind

Planted = tuple[Any, str, Any]
"""Where, the name of a function there, and what takes its place."""


def _journal_after_send() -> list[Planted]:
    """What was decided is done before it is durable."""
    write = Conductor.write

    def acts_first(self: Conductor) -> bool:
        effects, self._effects = self._effects, []
        for effect in effects:
            self._perform(effect)
        return write(self)

    return [(Conductor, "write", acts_first)]


def _retry_on_timeout() -> list[Planted]:
    """A placement without an answer is sent again."""
    unknown = settle._unknown

    def again(draft: Any, rules: Any, request: Any, copy: Any, outcome: Any) -> Any:
        if request.kind is RequestKind.PLACE:
            return settle._again(draft, rules, request, copy)
        return unknown(draft, rules, request, copy, outcome)

    return [(settle, "_unknown", again)]


def _ignore_late_fill() -> list[Planted]:
    """What an order had filled by the time that its cancel took place is not taken in."""
    fold = observe.fold

    def deaf(before: Any, report: Any) -> Any:
        if before is not None and report.status == "CANCELLED" and report.filled > before.filled:
            report = replace(report, filled=before.filled)
        return fold(before, report)

    return [(observe, "fold", deaf)]


def _exit_sized_from_leader() -> list[Planted]:
    """An exit closes the leader's units, not the share of its own position that he closes of his."""

    def his_units(self: Any, units: Any) -> Any:
        return min(units, Decimal(self.units))

    def offers(_group: Any, _copy: Any, lead: Any, order: Any) -> tuple[Decimal, bool]:
        return Decimal(max(0, min(order.leaves, lead.exits - lead.counted))), False

    return [(owing._Case, "share_of", his_units), (exits, "_offers", offers)]


def _lose_waiting_modification() -> list[Planted]:
    """A change that has to wait for an answer is taken for asked already."""
    real = pursue.pursue

    def forgetful(draft: Any, rules: Any, copy: Any, leader: Any, follower: Any) -> Any:
        copy = real(draft, rules, copy, leader, follower)
        for slot in copy.slots if copy.wanted is not None and not copy.closing else ():
            seen = working(draft, copy, slot)
            if slot.live and (seen.placing or seen.changing):
                asked = of(copy.wanted.terms, max(1, copy.wanted.terms.quantity - copy.filled + slot.filled))
                copy = with_slot(copy, replace(slot, asked=asked))
        return copy

    from copyctl.core import attend

    return [(where, "pursue", forgetful) for where in (attend,) if hasattr(where, "pursue")]


BUGS: Final[dict[str, Callable[[], list[Planted]]]] = {
    "journal-after-send": _journal_after_send,
    "retry-on-timeout": _retry_on_timeout,
    "ignore-late-fill": _ignore_late_fill,
    "exit-sized-from-leader": _exit_sized_from_leader,
    "lose-waiting-modification": _lose_waiting_modification,
}


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Plant a bug for a while, none where there is no name."""
    undo = []
    for where, attribute, what in BUGS[name]() if name else ():
        undo.append((where, attribute, getattr(where, attribute)))
        setattr(where, attribute, what)
    try:
        yield
    finally:
        for where, attribute, what in undo:
            setattr(where, attribute, what)
