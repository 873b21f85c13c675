"""A rehearsal: the core's own decisions, in a world where copies fill as their leader orders do."""

import contextlib
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from copyctl.lab.decisions import Decisions
from copyctl.lab.figures import Figures
from copyctl.lab.orders import OrderUnreadable, read_order
from copyctl.lab.rehearsal import Rehearsal, World
from copyctl.lab.replay import as_it_would_be, changes
from copyctl.lab.tapes import Tape, TapeUnreadable, read_tape
from copyctl.lab.unasked import not_asked, without_broker
from copyctl.model.events import BooksRead, FrameRead, StreamChanged
from copyctl.model.facts import FactArrived, Funds, Quote, QuoteWanted
from copyctl.model.records import Copy, Position
from copyctl.model.terms import Segment, Side
from tests.core.building import ALICE, INSTRUMENTS, LEADER, NOON, SECOND, WEEKDAYS, report, rules

NAMES = {ALICE: "alice"}


def world(figures: Figures | None = None) -> World:
    return World(
        instrument=lambda segment, security_id: INSTRUMENTS.get(f"{segment}/{security_id}"),
        master=True,
        days=lambda _: (WEEKDAYS, ""),
        held={},
        fact=(figures or Figures()).answer,
    )


class Day:
    """A leader's day under half his size, in lots of five."""

    def __init__(self, policy: dict[str, Any] | None = None) -> None:
        written = rules(policy)
        self.decisions = Decisions(without_broker(written), written)
        self.rehearsal = Rehearsal(without_broker(written), world(), at=NOON, watch=self.decisions.note)

    def says(self, order_id: str, status: str = "PENDING", **said: Any) -> None:
        at = self.rehearsal.now + SECOND
        one = report(LEADER, order_id, status, as_of=at, **said)
        self.rehearsal.take(FrameRead(at=at, account=LEADER, raw=b"", reports=(one,)))

    def copy(self, order_id: str) -> Copy:
        return next(one for one in self.decisions.copies(ALICE) if one.leader_order_id == order_id)

    @property
    def net(self) -> int:
        found = self.rehearsal.state.tables["position"].values()
        return sum(one.net for one in found if isinstance(one, Position) and one.account == ALICE)


def test_a_copy_fills_as_its_leader_order_does_at_its_price() -> None:
    day = Day()
    day.says("L1", quantity=100, price=100)
    assert (day.copy("L1").filled, day.net) == (0, 0)
    day.says("L1", "PART_TRADED", quantity=100, filled=50, average_price=Decimal("99.5"))
    assert day.copy("L1").filled == 25
    day.says("L1", "TRADED", quantity=100, filled=100, average_price=Decimal("99.75"))
    (row,) = day.decisions.rows(NAMES)
    assert (row["decision"], row["filled"], row["value"]) == ("copied", 50, 50 * 99.75)
    assert row["order"]["quantity"] == 50
    assert day.net == 50


def test_what_has_traded_is_worth_the_multiplier_of_its_contract() -> None:
    key = "NSE_FNO/43210"
    by_ten = replace(world(), instrument=lambda *_: structs.replace(INSTRUMENTS[key], multiplier=10))
    lead = report(LEADER, "L1", "TRADED", as_of=NOON + SECOND, quantity=100, filled=100, average_price=Decimal(100))
    event = FrameRead(at=NOON + SECOND, account=LEADER, raw=b"", reports=(lead,))
    (row,) = as_it_would_be(rules(), [event], by_ten, Figures()).rows(NAMES)
    assert (row["filled"], row["value"]) == (50, 50 * 100 * 10)


def test_part_of_a_lot_is_not_traded() -> None:
    day = Day()
    day.says("L1", quantity=100)
    day.says("L1", "PART_TRADED", quantity=100, filled=16)
    assert day.copy("L1").filled == 5  # 8 units are one lot of five, and some


def test_what_he_cancels_is_told_by_the_quantity_that_it_had() -> None:
    day = Day()
    day.says("L1", quantity=100)
    day.says("L1", "CANCELLED", quantity=100)
    (row,) = day.decisions.rows(NAMES)
    assert (row["decision"], row["order"]["quantity"], row["filled"]) == ("copied", 50, 0)


def test_an_exit_of_his_closes_the_same_share_and_a_stop_waits_for_his() -> None:
    day = Day()
    day.says("L1", "TRADED", quantity=100, filled=100)
    day.says("L2", side=Side.SELL, quantity=100, order_type="STOP_LOSS", price=89, trigger=90)
    assert day.net == 50
    day.says("L3", "TRADED", side=Side.SELL, quantity=40, filled=40, order_type="MARKET")
    day.rehearsal.wait_until(day.rehearsal.now + 10 * SECOND)  # until the stop is known to be cut
    assert day.net == 30
    day.says("L2", "TRADED", side=Side.SELL, quantity=60, filled=60, order_type="STOP_LOSS", price=89, trigger=90)
    assert day.net == 0


def test_what_only_the_broker_can_tell_is_not_checked_and_said_so() -> None:
    written = rules({"checks": {"margin": True, "price_band": "auto"}})
    checks = written.followers[0].policy.checks
    assert set(not_asked(checks)) == {"margin", "price_band"}
    assert not_asked(without_broker(written).followers[0].policy.checks) == {}


def test_time_goes_on_by_itself_and_what_waits_for_it_is_decided() -> None:
    day = Day({"multi_leg": {"window": "2s"}})
    day.says("L1", quantity=100)
    assert day.copy("L1").reason == "basket"
    day.rehearsal.wait_until(day.rehearsal.now + 3 * SECOND)
    assert (day.copy("L1").decision, day.copy("L1").reason) == ("copied", None)


def test_a_price_counts_from_the_moment_at_which_it_was_told() -> None:
    figures = Figures()
    question = _quote(100)
    lead = report(LEADER, "L1", as_of=NOON + SECOND, order_type="MARKET", quantity=100)
    events = [
        question,
        FrameRead(at=NOON + SECOND, account=LEADER, raw=b"", reports=(lead,)),
    ]
    policy = rules({"sizing": {"strategy": "fixed_value", "value": 3_000}})
    with_price = as_it_would_be(policy, events, world(figures), figures).rows(NAMES)
    assert [row["order"]["quantity"] for row in with_price] == [30]
    blind = as_it_would_be(policy, events[1:], world(), Figures()).rows(NAMES)
    assert [(row["decision"], row["reason"]) for row in blind] == [("refused", "check_unavailable")]
    (change,) = changes(with_price, blind)
    assert (change["from"]["quantity"], change["leader_order_id"]) == (30, "L1")


def _quote(price: int) -> FactArrived:
    where = {"segment": Segment.NSE_FNO, "security_id": "43210"}
    return FactArrived(
        at=NOON,
        account=LEADER,
        question=QuoteWanted(account=LEADER, **where),
        fact=Quote(as_of=NOON, last_price=Decimal(price), **where),
    )


# --- files ------------------------------------------------------------------------------------------------------------

HEAD = '{"tape": 1, "client_id": "1100000009", "started_at": "2026-07-14T09:15:00+05:30"}'
AT = '"at": "2026-07-14T09:16:00+05:30"'


def tape(*lines: str) -> Tape:
    return read_tape([HEAD, *lines], LEADER)


def test_every_kind_of_line_is_read_as_of_the_leader() -> None:
    frame = json.dumps({"Type": "order_alert", "Data": {"orderNo": "1", "clientId": "1100000009", "status": "Pending"}})
    made = tape(
        f'{{{AT}, "frame": {frame}}}',
        f'{{{AT}, "frame": {json.dumps(frame)}}}',
        f'{{{AT}, "price": {{"exchange_segment": "NSE_FNO", "security_id": 43210, "last_price": 101.1}}}}',
        f'{{{AT}, "book": []}}',
        f'{{{AT}, "trades": []}}',
        f'{{{AT}, "positions": []}}',
        f'{{{AT}, "funds": {{"availabelBalance": 5000, "sodLimit": 6000}}}}',
        f'{{{AT}, "stream": "down"}}',
        f'{{{AT}, "account": "1100000002", "funds": {{"availabelBalance": 5000, "sodLimit": 6000}}}}',
    )
    assert [getattr(one, "account", None) for one in made.events] == [LEADER] * 8 + ["1100000002"]
    frames = [one for one in made.events if isinstance(one, FrameRead)]
    assert [one.reports[0].order_id for one in frames] == ["1", "1"]
    assert isinstance(made.events[7], StreamChanged)


def test_followers_are_named_and_books_that_were_asked_for_together_are_one_read() -> None:
    asked = f'{AT}, "asked_at": "2026-07-14T09:15:59.5+05:30"'
    funds = '"funds": {"availabelBalance": 5000, "sodLimit": 6000}'
    lines = [
        HEAD,
        f'{{{AT}, "account": "alice", {funds}}}',
        f'{{{asked}, "book": []}}',
        f'{{{asked}, "trades": []}}',
        f"{{{asked}, {funds}}}",
    ]
    alices, books, his = read_tape(lines, LEADER, {"alice": ALICE}).events
    assert isinstance(alices, FactArrived)
    assert alices.account == ALICE
    assert isinstance(books, BooksRead)
    assert books.at - books.asked_at == SECOND // 2
    assert isinstance(his, FactArrived)
    assert isinstance(his.fact, Funds)
    assert his.at - his.fact.as_of == SECOND // 2


@pytest.mark.parametrize(("net", "decided"), [(0, "copied"), (10, "refused")])
def test_what_the_leader_had_to_begin_with_is_what_his_tape_says(net: int, decided: str) -> None:
    (instrument,) = [one for one in INSTRUMENTS.values() if one.security_id == report(LEADER, "1").security_id]
    where = {"exchangeSegment": instrument.segment, "securityId": instrument.security_id}
    row = {**where, "productType": "INTRADAY", "netQty": net, "carryForwardBuyQty": net, "buyQty": net}
    (held,) = tape(f'{{{AT}, "positions": {json.dumps([row])}}}').events
    sold = report(LEADER, "1", side=Side.SELL, quantity=10, as_of=held.at - SECOND)
    events = [
        StreamChanged(at=held.at - 2 * SECOND, account=LEADER, up=True),
        FrameRead(at=held.at - SECOND, account=LEADER, raw=b"", reports=(sold,)),
        held,
    ]
    (told,) = as_it_would_be(rules(), events, world(), Figures()).rows(NAMES)
    assert told["decision"] == decided


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "line 1: a tape begins with"),
        (['{"tape": 2}'], "line 1: a tape begins with"),
        ([HEAD, "[]"], "line 2: is no object"),
        ([HEAD, "", "{"], "line 3: "),
        ([HEAD, f"{{{AT}}}"], "line 2: wants exactly one of frame"),
        ([HEAD, '{"stream": "up"}'], "line 2: lacks 'at'"),
        ([HEAD, f'{{{AT}, "stream": "sideways"}}'], "line 2: a stream is up or down"),
        (
            [HEAD, f'{{{AT}, "price": {{"exchange_segment": "NOWHERE", "security_id": 1, "last_price": 1}}}}'],
            "line 2: ",
        ),
        ([HEAD, f'{{{AT}, "book": {{"errorType": "x"}}}}'], "line 2: the order book cannot be read"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(lines: list[str], says: str) -> None:
    with pytest.raises(TapeUnreadable, match=says.replace("(", r"\(")):
        read_tape(lines, LEADER)


KEYS = ("at", "frame", "book", "price", "Data", "orderId", "orderStatus", "quantity", "legDetails")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=12,
)


@given(JSON)
def test_whatever_stands_in_a_line_it_is_read_or_named(said: Any) -> None:
    with contextlib.suppress(TapeUnreadable):
        read_tape([HEAD, json.dumps(said)], LEADER)


@given(JSON)
def test_whatever_stands_in_an_order_it_is_read_or_told(said: Any) -> None:
    with contextlib.suppress(OrderUnreadable):
        assert read_order(json.dumps(said), LEADER, NOON)
