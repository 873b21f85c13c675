"""The world of a rehearsal: what an account had to begin with is told until it is taken in, and then no more."""

from decimal import Decimal

from copyctl.lab.rehearsal import Rehearsal, World
from copyctl.model.account import Account
from copyctl.model.events import FrameRead
from copyctl.model.facts import Lack, PositionRow
from copyctl.model.records import Position
from copyctl.model.terms import Product
from tests.core.building import ALICE, LEADER, NOON, OPTION, SECOND, WEEKDAYS, default_rules, held, report


def rehearsal(rows: dict[str, tuple[PositionRow, ...]], profits: dict[str, Decimal] | None = None) -> Rehearsal:
    world = World(
        instrument=lambda *_: OPTION,
        master=True,
        days=lambda _: (WEEKDAYS, ""),
        held=rows,
        fact=lambda *_: Lack.UNAVAILABLE,
        profits=profits or {},
    )
    return Rehearsal(default_rules(), world, at=NOON)


def net(one: Rehearsal, account: str) -> int:
    here = one.state.tables["position"][f"{account}/NSE_FNO/43210/INTRADAY"]
    assert isinstance(here, Position)
    return here.net


def trades(one: Rehearsal, units: int, after: int) -> None:
    at = NOON + after * SECOND
    seen = report(LEADER, "1", "TRADED", as_of=at, quantity=units, filled=units)
    one.take(FrameRead(at=at, account=LEADER, raw=b"", reports=(seen,)))


def test_what_the_accounts_had_is_known_from_the_start() -> None:
    one = rehearsal({LEADER: (held("43210", 100),), ALICE: (held("43210", 50),)})
    assert (net(one, LEADER), net(one, ALICE)) == (100, 50)


def test_what_is_traded_comes_to_it_once() -> None:
    one = rehearsal({LEADER: (held("43210", 100),)})
    trades(one, 30, after=1)
    one.wait_until(NOON + 3600 * SECOND)
    assert net(one, LEADER) == 130


def account(one: Rehearsal, name: str) -> Account:
    found = one.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def test_a_days_profit_is_that_of_the_whole_account_where_it_is_known() -> None:
    rows = {LEADER: (held("43210", 100),), ALICE: (held("43210", 50, product=Product.MARGIN),)}
    one = rehearsal(rows, {ALICE: Decimal(-300)})
    assert (account(one, ALICE).profit, account(one, LEADER).profit) == (-300, None)
