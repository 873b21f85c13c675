"""Policy tests: what the rules make of a leader's orders in a case, beside what was expected.

The case's world answers at once with what is given. What is not given is not to be had, and the check that would ask
for it lets the order pass (as with ``checks.unavailable: pass``): funds and margin, circuit limits, DDPI, the day's
profit. A size that needs a figure which is not given is refused, for there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key
from copyctl.core.state import State
from copyctl.lab.case_world import CaseWorld
from copyctl.lab.rehearsal import Rehearsal
from copyctl.model.cases import EVERYBODY, Case, Commanded, Expectation, Priced, Shown, Words
from copyctl.model.choices import Unavailable
from copyctl.model.events import BooksRead, CommandGiven, FrameRead
from copyctl.model.facts import FactArrived, QuoteWanted
from copyctl.model.order import ZERO, ExecutionReport, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Copy, Position
from copyctl.model.terms import Decision, Leg, OrderStatus, OrderType, Product, Source, Validity

NOTICED = SECOND // 10
"""So long (ns) after an order was seen as it is placed, it is seen as it has traded, and then as it has ended."""
_SEEN_AT_ONCE = frozenset({OrderStatus.TRANSIT, OrderStatus.PENDING, OrderStatus.REJECTED})

_ENDED_EARLY = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one leader order for one follower, beside what was expected: ``differs``: the keys in which it is
    otherwise; ``detail``: the sentence of the decision."""

    follower: str
    number: int
    wanted: Words
    got: Words
    detail: str
    differs: tuple[str, ...]


def run_case(rules: Rules, case: Case) -> list[Verdict]:
    """Let the rules decide, and compare."""
    play = _Play(_passing(rules), case)
    return [play.verdict(one) for one in case.expected]


def _on_the_way(words: Words, before: ExecutionReport | None) -> Iterator[Words]:
    if before is None and words.status not in _SEEN_AT_ONCE:
        yield replace(words, status=OrderStatus.PENDING, filled=0)
    filled = words.filled or 0
    if words.status in _ENDED_EARLY and filled > (before.filled if before is not None else 0):
        yield replace(words, status=OrderStatus.PART_TRADED)


def _passing(rules: Rules) -> Rules:
    """These rules, where a check whose figure is not given lets the order pass."""
    return replace(rules, followers=tuple(_let_pass(one) for one in rules.followers))


def _let_pass(follower: Follower) -> Follower:
    checks = replace(follower.policy.checks, unavailable=Unavailable.PASS)
    return replace(follower, policy=replace(follower.policy, checks=checks))


class _Play:
    """One case, played to its end."""

    def __init__(self, rules: Rules, case: Case) -> None:
        self._rules = rules
        self._case = case
        self._names = {one.name: one.client_id for one in rules.followers}
        self._world = CaseWorld(case.given, rules)
        self._shown: dict[int, ExecutionReport] = {}
        began = case.given.at - SECOND
        self._rehearsal = Rehearsal(
            rules,
            self._world.world,
            at=began,
            digest=rules.digest,
            records=self._world.records(began),
        )
        self._at_first = {name: self._blocked_by_all(name) for name in self._names.values()}
        self._world.blocked = lambda account: self._blocked_by_all(account) - self._at_first.get(account, ZERO)
        for count, act in enumerate(case.acts, start=1):
            match act:
                case Shown():
                    self._show(act)
                case Priced():
                    self._price(act)
                case Commanded():
                    self._command(act, count)
        self._rehearsal.wait_until(case.until)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _now(self, at: int) -> int:
        return max(at, self._rehearsal.now + 1)

    def _show(self, act: Shown) -> None:
        """What is seen of an order on its way to how it shows: that it was placed, and that it has traded a part."""
        at = act.at
        before = self._shown.get(act.number)
        for words in _on_the_way(act.words, before):
            self._tell(act.number, self._now(at), words)
            at += NOTICED
        self._tell(act.number, self._now(at), act.words)

    def _tell(self, number: int, at: int, words: Words) -> None:
        report = self._report(number, at, words)
        self._shown[number] = report
        if words.validity is not Validity.FOREVER:
            self._rehearsal.take(FrameRead(at=at, account=report.account, raw=b"", reports=(report,)))
            return
        forever = [one for one in self._shown.values() if one.terms and one.terms.validity is Validity.FOREVER]
        armed = tuple(one.order_id for one in forever if one.status is not None and not one.status.is_final)
        told = BooksRead(at=at, account=report.account, asked_at=at, orders=(report,), armed=armed)
        self._rehearsal.take(told)

    def _report(self, number: int, at: int, words: Words) -> ExecutionReport:
        """The order as the leader's stream, or of a forever order his list, shows it."""
        listed = self._case.given.listed[words.instrument or ""]
        before = self._shown.get(number)
        forever = words.validity is Validity.FOREVER
        price = self._world.prices[words.instrument or ""]
        return ExecutionReport(
            account=self._rules.leader.client_id,
            order_id=str(number),
            source=Source.BOOK if forever else Source.STREAM,
            as_of=at,
            broker_time=at // SECOND * SECOND,
            created_time=before.created_time if before is not None else at // SECOND * SECOND,
            status=words.status,
            side=words.side,
            segment=listed.instrument.segment,
            security_id=listed.instrument.security_id,
            product=words.product or Product.INTRADAY,
            terms=Terms(
                order_type=words.order_type or OrderType.MARKET,
                validity=words.validity or Validity.DAY,
                quantity=words.quantity or 0,
                price=words.price or ZERO,
                trigger_price=words.trigger_price or ZERO,
                disclosed_quantity=words.disclosed_quantity or 0,
            ),
            filled=words.filled or 0,
            average_price=(words.price or price) if words.filled else ZERO,
            correlation_id=words.tag or "",
            leg=Leg.TARGET if forever else Leg.ENTRY,
            after_market=bool(words.after_market),
            platform=words.platform or "",
            last_price=price,
        )

    def _price(self, act: Priced) -> None:
        self._world.prices.update(act.prices)
        for name in act.prices:
            at = self._now(act.at)
            quote = self._world.quote(name, at)
            account = self._rules.leader.client_id
            question = QuoteWanted(account=account, segment=quote.segment, security_id=quote.security_id)
            self._rehearsal.take(FactArrived(at=at, account=account, question=question, fact=quote))

    def _command(self, act: Commanded, count: int) -> None:
        account = "" if act.follower == EVERYBODY else self._names[act.follower]
        at = self._now(act.at)
        self._rehearsal.take(CommandGiven(at=at, command_id=count, command=act.command, account=account))

    def _blocked_by_all(self, account: str) -> Decimal:
        """What an account's positions and its open copies block, as far as margins are given."""
        return sum(self._blocked(self._rehearsal.state, account), ZERO)

    def _blocked(self, state: State, account: str) -> Iterator[Decimal]:
        for here in state.tables["position"].values():
            if isinstance(here, Position) and here.account == account:
                yield self._world.margin(here.segment, here.security_id, abs(here.net)) or ZERO
        for one in state.tables["copy"].values():
            if isinstance(one, Copy) and one.follower == account and one.wanted is not None and not one.exit:
                rest = sum(slot.asked.quantity - slot.filled for slot in one.slots if slot.live and slot.order_id)
                yield self._world.margin(one.wanted.segment, one.wanted.security_id, rest) or ZERO

    # --- what came of it ----------------------------------------------------------------------------------------------

    def verdict(self, expected: Expectation) -> Verdict:
        """What became of one order for one follower; of a reversal, of the part that opens something."""
        copies, account = self._rehearsal.state.tables["copy"], self._names[expected.follower]
        rows = (copies.get(copy_key(f"{expected.number}{part}", account)) for part in ("#entry", ""))
        copy = next((one for one in rows if isinstance(one, Copy)), None)
        got = self._outcome(copy) if copy is not None else Words()
        told = ((one.name, getattr(expected.words, one.name)) for one in fields(Words))
        differs = tuple(name for name, value in told if value is not None and getattr(got, name) != value)
        return Verdict(
            follower=expected.follower,
            number=expected.number,
            wanted=expected.words,
            got=got,
            detail=copy.detail if copy is not None else "nothing has been decided",
            differs=differs,
        )

    def _outcome(self, copy: Copy) -> Words:
        words = Words(decision=copy.decision, reason=copy.reason, rule=copy.rule)
        wanted = copy.wanted
        if wanted is None or copy.decision not in (Decision.COPIED, Decision.QUEUED):
            return words
        placed = [slot for slot in copy.slots if slot.sent and not slot.replaced]
        status = _status(placed)
        ended = status in (OrderStatus.CANCELLED, OrderStatus.REJECTED)  # nothing is wanted of it any more
        return replace(
            words,
            side=wanted.side,
            quantity=placed[-1].asked.quantity if ended else wanted.terms.quantity,
            instrument=self._world.name(wanted.segment, wanted.security_id),
            order_type=wanted.terms.order_type,
            price=wanted.terms.price or None,
            trigger_price=wanted.terms.trigger_price or None,
            product=wanted.product,
            validity=wanted.terms.validity,
            disclosed_quantity=wanted.terms.disclosed_quantity,
            after_market=wanted.after_market,
            status=status,
            filled=copy.filled,
        )


def _status(placed: Sequence[Slot]) -> OrderStatus | None:
    """Where the follower's order is; None: nothing has been placed."""
    filled = any(slot.filled for slot in placed)
    if any(slot.live for slot in placed):
        return OrderStatus.PART_TRADED if filled else OrderStatus.PENDING
    if not placed:
        return None
    last = placed[-1]
    if last.standing is Standing.REJECTED:
        return OrderStatus.REJECTED
    return OrderStatus.TRADED if last.filled >= last.asked.quantity else OrderStatus.CANCELLED
