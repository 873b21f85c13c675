"""Whatever happens to orders, answers and the process, what was sent never takes a follower beyond a limit."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.allowed import exposures
from copyctl.core.state import Draft, State
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import Side
from tests.core.bank import BANK, CALL, BankDesk
from tests.core.building import ALICE, LEADER, SECOND
from tests.core.life import World
from tests.properties import tried

SEEDS = st.integers(0, 2**32)
LIMITS: tuple[dict[str, Any], ...] = (
    {"max_order_quantity": 60, "max_position_quantity": 100},
    {"max_order_lots": 12, "max_position_quantity": 150, "max_open_orders": 4},
    {"max_open_orders": 2},
    {"max_orders_per_minute": 3},
    {"max_orders_per_day": 4},
)
NO_LIMIT = 10**9


@dataclass
class Limited(World):
    """A day under limits, whose broker counts what it has, may have and was sent, whatever the follower thinks."""

    flying: dict[str, Request] = field(default_factory=dict)
    placed: dict[str, int] = field(default_factory=dict)

    def _leaves(self, request: Request) -> None:
        self.flying[request.request_id] = request
        if request.kind is RequestKind.PLACE:
            self.placed.setdefault(request.correlation_id, self.desk.now)
        super()._leaves(request)
        if request.kind is not RequestKind.CANCEL:
            self._within(request.account)

    def _arrives(self, request: Request, *, answers: bool) -> None:
        self.flying.pop(request.request_id, None)
        super()._arrives(request, answers=answers)

    def _within(self, account: str) -> None:
        units: dict[str, int] = {}
        count: dict[str, int] = {}
        for one in self.book.values():
            if one.account == account:
                units[one.correlation_id] = one.exposure
                count[one.correlation_id] = one.open
        for request in self.flying.values():
            if request.account == account and request.desired is not None and self._may_arrive(request):
                before = units.get(request.correlation_id, 0)
                units[request.correlation_id] = max(before, request.desired.terms.quantity)
                count[request.correlation_id] = 1
        limits = self.desk.rules.followers[0].policy.limits
        assert sum(units.values()) <= (limits.max_position_quantity or NO_LIMIT)
        assert sum(count.values()) <= (limits.max_open_orders or NO_LIMIT)
        most = min(limits.max_order_quantity or NO_LIMIT, 5 * (limits.max_order_lots or NO_LIMIT))
        assert all(one.desired.terms.quantity <= most for one in self.flying.values() if one.desired)
        assert len(self.placed) <= (limits.max_orders_per_day or NO_LIMIT)
        lately = sum(self.desk.now - at < 60 * SECOND for at in self.placed.values())
        assert lately <= (limits.max_orders_per_minute or NO_LIMIT)

    def _may_arrive(self, request: Request) -> bool:
        """What the desk waits for no more is known to be nowhere."""
        return any(one.request_id == request.request_id for one in self.desk.waiting)


@tried(100)
@given(SEEDS, st.sampled_from(LIMITS), st.sampled_from(("reject", "reduce")), st.sampled_from(("accepted", "traded")))
def test_no_limit_is_ever_exceeded_by_what_was_sent(
    seed: int, limits: dict[str, Any], on_breach: str, copy_on: str
) -> None:
    policy = {"limits": {**limits, "on_breach": on_breach}, "copy_on": copy_on}
    Limited(seed, policy=policy, trouble=0.15, orders=12).day()


@tried(100)
@given(SEEDS, st.sampled_from(LIMITS), st.sampled_from(("reject", "reduce")))
def test_no_limit_is_ever_exceeded_where_the_rate_is_low(seed: int, limits: dict[str, Any], on_breach: str) -> None:
    rates = {"rate_limits": {"orders": {"per_second": 1}}}
    policy = {"limits": {**limits, "on_breach": on_breach}}
    Limited(seed, policy=policy, trouble=0.1, orders=12, parts=rates).day()


# --- several instruments, both sides, exits and hands ---------------------------------------------------------------

SIDES: dict[str, Any] = {
    "max_position_quantity": 60,
    "max_open_positions": 2,
    "max_underlying_lots": {"NIFTY": 14, "*": 4},
    "max_gross_exposure": 9000,
}
LOTS = {"43210": 5, CALL.security_id: 5, BANK.security_id: 10}


class Counted(BankDesk):
    """A desk that keeps its own account of what the follower has and may come to have."""

    def worst(self) -> dict[str, int]:
        """Units held or owed at most, by instrument, whichever of the open orders fill."""
        nets, buys, sells = dict.fromkeys(LOTS, 0), dict.fromkeys(LOTS, 0), dict.fromkeys(LOTS, 0)
        for order in self.state.tables["order"].values():
            if order.account == ALICE:  # type: ignore[union-attr]
                nets[order.security_id] += order.filled if order.side is Side.BUY else -order.filled  # type: ignore
        for copy in self.state.tables["copy"].values():
            if copy.wanted is None:  # type: ignore[union-attr]
                continue
            side = buys if copy.wanted.side is Side.BUY else sells  # type: ignore[union-attr]
            rest = sum(slot.asked.quantity - slot.filled for slot in copy.slots if slot.live and slot.sent)  # type: ignore
            side[copy.wanted.security_id] += rest  # type: ignore[union-attr]
        return {one: max(nets[one] + buys[one], sells[one] - nets[one]) for one in LOTS}

    def breaks(self) -> list[str]:
        worst = self.worst()
        found = [f"{one}: {units}" for one, units in worst.items() if units > 60]
        if sum(1 for units in worst.values() if units) > 2:
            found.append(f"positions {worst}")
        nifty = sum(-(-worst[one] // LOTS[one]) for one in ("43210", CALL.security_id))
        if nifty > 14 or worst[BANK.security_id] > 40:
            found.append(f"lots {worst}")
        if sum(worst.values()) * 100 > 9000:
            found.append(f"exposure {worst}")
        return found


def _acts(desk: Counted, chance: Random, number: int) -> None:
    """The leader, the follower, the broker or a person does something."""
    leaders = [one for key, one in desk.state.tables["order"].items() if key.startswith(LEADER) and not one.over]  # type: ignore
    copies = [one for one in desk.state.tables["copy"].values() if any(slot.live for slot in one.slots)]  # type: ignore
    what = chance.choice(("order", "order", "order", "fill", "fill", "copy", "copy", "modify", "cancel", "hand", "die"))
    if what == "order":
        side, security_id = chance.choice((Side.BUY, Side.BUY, Side.SELL)), chance.choice(list(LOTS))
        desk.leader(f"L{number}", side=side, quantity=20 * chance.randrange(1, 6), security_id=security_id)
    elif what in ("fill", "modify", "cancel") and leaders:
        one: Any = chance.choice(leaders)
        said = {"side": one.side, "quantity": one.terms.quantity, "security_id": one.security_id}
        if what == "fill":
            filled = chance.randrange(one.filled, one.terms.quantity + 1)
            status = "TRADED" if filled == one.terms.quantity else "PART_TRADED" if filled else "PENDING"
            desk.leader(one.order_id, status, filled=filled, **said)
        elif what == "modify":
            quantity = max(one.filled + 20, 20 * chance.randrange(1, 8))
            desk.leader(one.order_id, filled=one.filled, **{**said, "quantity": quantity})
        else:
            desk.leader(one.order_id, "CANCELLED", filled=one.filled, **said)
    elif what == "copy" and copies:
        copy: Any = chance.choice(copies)
        for request in [one for one in desk.waiting if one.leader_order_id == copy.leader_order_id]:
            if request.state.value == "sent":
                desk.ack(request.order_id or f"A-{request.correlation_id}", request=request)
        slot = desk.copy(copy.leader_order_id).slots[-1]
        if slot.live and slot.order_id and slot.filled < slot.asked.quantity:
            filled = chance.randrange(slot.filled, slot.asked.quantity + 1)
            status = "TRADED" if filled == slot.asked.quantity else "PART_TRADED" if filled else "PENDING"
            if slot.cancel_asked and status != "TRADED":
                status = "CANCELLED"
            said = {"security_id": copy.wanted.security_id, "filled": filled}
            desk.copied(status, order_id=copy.leader_order_id, **said)
    elif what == "die":
        desk.restart(books=True)
    else:
        desk.sweep(after=chance.choice((1, 15)))


@tried(80)
@given(SEEDS, st.sampled_from(("reject", "reduce")))
def test_positions_stay_within_their_limits_in_whatever_order_things_fill(seed: int, on_breach: str) -> None:
    chance = Random(seed)
    checks = {"margin": False, "price_band": "none", "self_trade": "off"}
    policy = {
        "limits": {**SIDES, "on_breach": on_breach},
        "checks": checks,
        "exits": {"confirm_short": "never"},
        "sizing": {"strategy": "fixed_ratio", "ratio": 0.5},
    }
    desk = Counted(policy)
    desk.start()
    asked: dict[str, int] = {}
    for number in range(50):
        desk.pace = chance.choice((SECOND // 100, SECOND))
        _acts(desk, chance, number)
        sent = [one for one in desk.taken() if one.desired is not None]
        grown = [one for one in sent if _quantity(one) > asked.get(one.correlation_id, 0)]
        asked.update((one.correlation_id, _quantity(one)) for one in sent)
        if grown and not any(one.exit for one in sent):  # an exit passes, whatever it adds up to with open entries
            assert desk.breaks() == [], f"after step {number}"
        _is_kept_right(desk)


def _is_kept_right(desk: Counted) -> None:
    """What is kept of a follower's exposures and placements is what follows from the records."""
    anew = State({name: list(rows.values()) for name, rows in desk.state.tables.items()})
    kept, fresh = Draft(desk.state, desk.now), Draft(anew, desk.now)
    assert exposures(kept, ALICE) == exposures(fresh, ALICE)
    assert kept.placements(ALICE) == fresh.placements(ALICE)


def _quantity(request: Request) -> int:
    return request.desired.terms.quantity if request.desired is not None else 0
