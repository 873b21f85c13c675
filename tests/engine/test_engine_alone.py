"""How far a kill switch has come, by the state alone."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from copyctl.core.state import State
from copyctl.engine.alone import Standing, is_priced, prices_wanted, standing
from copyctl.model.account import Account
from copyctl.model.facts import Quote, QuoteWanted
from copyctl.model.order import Terms
from copyctl.model.placement import Slot
from copyctl.model.placement import Standing as Placed
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position, Record
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Decision, OrderType, Product, Segment, Validity

NOW, ENDS = 1_000, 2_000
ALICE = Account(account="alice", ready=True, killed_at=1)
ACTING = replace(ALICE, kill_actions=("cancel_open_orders",))
CANCEL = Request(
    request_id="c/cancel",
    account="alice",
    leader_order_id="L1",
    revision=0,
    kind=RequestKind.CANCEL,
    correlation_id="c",
    queued_at=NOW,
)
SLOT = Slot(
    revision=0,
    correlation_id="c",
    asked=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal(80)),
    standing=Placed.WORKING,
    sent=True,
    order_id="F1",
)
COPY = Copy(
    leader_order_id="L1", follower="alice", decision=Decision.COPIED, slots=(SLOT,), created_at=NOW, updated_at=NOW
)


def stands(*records: Record) -> Standing:
    tables: dict[str, list[Record]] = {"account": [], "request": [], "copy": []}
    for one in records:
        name = next(
            name for name, kind in (("account", Account), ("request", Request), ("copy", Copy)) if type(one) is kind
        )
        tables[name].append(one)
    return standing(State(tables), "alice", ends=ENDS)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ((ALICE,), Standing.DONE),
        ((replace(ALICE, ready=False),), Standing.ACTING),
        ((replace(ACTING, ready=False, refused_token="expired"),), Standing.DONE),
        ((replace(ACTING, halted=True), CANCEL), Standing.DONE),
        ((ACTING,), Standing.WAITS),
        ((ALICE, CANCEL), Standing.ACTING),
        ((ALICE, replace(CANCEL, account="bob")), Standing.DONE),
        ((ALICE, replace(CANCEL, state=RequestState.UNSETTLED, due_at=ENDS + 1)), Standing.ACTING),
        ((ACTING, replace(CANCEL, due_at=ENDS + 1)), Standing.WAITS),
        ((ALICE, replace(CANCEL, waits_for=Reason.KILL_SWITCH)), Standing.DONE),
        ((ALICE, replace(COPY, slots=(replace(SLOT, cancel_asked=True),))), Standing.ACTING),
        ((ALICE, replace(COPY, slots=(replace(SLOT, urgent=True),))), Standing.DONE),
        ((ACTING, replace(COPY, slots=(replace(SLOT, urgent=True),))), Standing.ACTING),
        ((ACTING, replace(COPY, slots=(replace(SLOT, urgent=True, sent=False, order_id=""),))), Standing.WAITS),
        ((), Standing.ACTING),
    ],
)
def test_what_is_waited_for(records: tuple[Record, ...], found: Standing) -> None:
    assert stands(*records) is found


def test_prices_are_wanted_of_what_was_copied_and_known_once_they_were_told_or_cannot_be() -> None:
    held = Position(account="alice", segment=Segment.NSE_FNO, security_id="1", product=Product.INTRADAY, copied=65)
    others = (replace(held, security_id="2", copied=0), replace(held, account="bob"))
    wanted = QuoteWanted(account="alice", segment=Segment.NSE_FNO, security_id="1")
    assert prices_wanted(State({"position": [held, *others]}), {"alice"}) == [wanted]
    quote = Quote(segment=Segment.NSE_FNO, security_id="1", as_of=NOW - 1)
    account = replace(ALICE, quotes_why="")
    assert not is_priced(State({"account": [account], "quote": [quote]}), wanted, since=NOW)
    assert is_priced(State({"account": [account], "quote": [replace(quote, as_of=NOW)]}), wanted, since=NOW)
    assert is_priced(State({"account": [account], "quote": [replace(quote, failed_at=NOW)]}), wanted, since=NOW)
    assert is_priced(State({"account": [replace(account, quotes_why="no data plan")]}), wanted, since=NOW)
