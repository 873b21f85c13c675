"""Whatever happens through two days: no entry leaves at an hour or a price that the rules forbid, and nobody is asked
for prices in a storm."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.hours import ist
from copyctl.core.sessions import standing
from copyctl.model.facts import Question, QuoteWanted
from copyctl.model.market import Phase, Traits
from copyctl.model.placement import Standing
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, Request, RequestKind
from copyctl.model.terms import Decision, OrderStatus, Product, Segment
from tests.core.building import ALICE, LEADER, OPTION, SECOND, WEEKDAYS
from tests.core.clocked import Clocked
from tests.properties import tried

LOWER, UPPER = Decimal(90), Decimal(110)
SQUARE_OFF = timedelta(hours=15, minutes=15)
TRADES = frozenset({Phase.REGULAR})
JUMPS = (0.2, 1, 4, 11, 40, 600, 3000, 7200, 15000)
CHANGES = ("price", "quantity", "type", "trade", "part", "cancel")
ANSWERS = ("ack", "throttle", "refuse", "lose")
ACTS = ("place", "amo", *CHANGES, *ANSWERS, "fill", "pass", "pass", "pass", "books", "restart")
ACT = st.tuples(st.sampled_from(ACTS), st.integers(0, 7), st.integers(0, 8))
POLICY: dict[str, Any] = {
    "checks": {"price_band": "circuit"},
    "price_guard": {"entry_bps": 200, "emergency_bps": 300},
    "late": {"filled": "market"},
    "fills": {"lag_action": "market", "lag_deadline": "20s"},
}


class AnyDay(Clocked):
    """A desk on which things happen, that looks at everything that is sent."""

    def __init__(self, outside: str, pre_open: str, start: str) -> None:
        hours = {"outside": outside, "pre_open": pre_open, "square_off": "15:15"}
        super().__init__(start, {**POLICY, "market_hours": hours})
        self.shown: dict[str, dict[str, Any]] = {}
        self.asked_for: list[int] = []
        self.quoted(100, LOWER, UPPER).start()

    def tell(self, question: Question) -> None:
        self.asked_for += [self.now] if isinstance(question, QuoteWanted) else []
        super().tell(question)

    # --- what the leader and the broker do ------------------------------------------------------------------------

    def act(self, what: str, which: int, how: int) -> None:
        known = list(self.shown)
        order_id = known[which % len(known)] if known else ""
        if what in ("place", "amo"):
            order_id = f"L{len(known) + 1}"
            product = Product.INTRADAY if how % 2 else Product.MARGIN
            amo = what == "amo"
            shape = {"quantity": 100, "price": 96 + how, "product": product, "after_market": amo}
            self.shown[order_id] = {**shape, "status": "TRANSIT" if amo and how > 4 else "PENDING"}
            self.leader(order_id, **self.shown[order_id])
        elif what in CHANGES:
            if order_id and OrderStatus(self.shown[order_id]["status"]) not in _OVER:
                self._leader_changes(order_id, what, how)
        elif what in ANSWERS:
            self._answers(what)
        elif what == "fill":
            self._fills(order_id)
        elif what == "books":
            self.books(LEADER)
            self.books(ALICE)
        elif what == "restart":
            self.restart(books=True)
        else:
            self.lost = how == 8
            self.wait(JUMPS[how])
        self.check()

    def _leader_changes(self, order_id: str, what: str, how: int) -> None:
        shape = self.shown[order_id]
        changes: dict[str, dict[str, Any]] = {
            "price": {"price": 85 + 4 * how},
            "quantity": {"quantity": 40 + 20 * how},
            "type": {"order_type": "MARKET" if how % 2 else "LIMIT", "price": 95 + how},
            "trade": {"status": "TRADED", "filled": shape["quantity"]},
            "part": {"status": "PART_TRADED", "filled": 10},
            "cancel": {"status": "CANCELLED"},
        }
        shape.update(changes[what])
        self.leader(order_id, **shape)

    def _answers(self, what: str) -> None:
        waiting = {one.request_id: one for one in self.waiting}
        if self.last is None or self.last.request_id not in waiting or waiting[self.last.request_id] != self.last:
            return
        if what == "ack":
            self.ack(f"A-{self.last.correlation_id}")
        elif what == "throttle":
            self.reject(Category.THROTTLED, "too many requests")
        elif what == "refuse":
            self.reject(Category.UNKNOWN, "no")
        else:
            self.answer(Fate.UNKNOWN, text="timeout")

    def _fills(self, order_id: str) -> None:
        copy = self.state.tables["copy"].get(f"{order_id}/{ALICE}")
        slots = [one for one in copy.slots if one.order_id and one.standing is Standing.WORKING] if copy else []  # type: ignore[union-attr]
        if slots:
            self.copied("TRADED", number=slots[-1].revision, order_id=order_id, filled=slots[-1].asked.quantity)

    # --- what must hold -------------------------------------------------------------------------------------------

    def check(self) -> None:
        for request in self.taken():
            if request.kind is not RequestKind.CANCEL:
                self._may_have_left(request)
        recent = [at for at in self.asked_for if self.now - at < 60 * SECOND]
        assert len(recent) <= 24, "prices are asked for in a storm"

    def _may_have_left(self, request: Request) -> None:
        wanted, moment = request.desired, request.sent_at
        assert wanted is not None
        terms = wanted.terms
        if terms.order_type.has_price and not wanted.after_market and request.kind is RequestKind.PLACE:
            assert LOWER <= terms.price <= UPPER
        if request.kind is not RequestKind.PLACE:
            return
        hours = self.rules.followers[0].policy.market_hours
        now = standing(hours, WEEKDAYS, Segment.NSE_FNO, Traits(kind=OPTION.kind, underlying="NIFTY"), moment)
        shown = self.shown[request.leader_order_id]
        at = ist(moment)
        clock = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
        if wanted.after_market:
            assert now.phase not in TRADES or shown["status"] == "TRANSIT", f"after the market at {at}"
            return
        assert now.phase in TRADES, f"sent at {at}"
        assert wanted.product is not Product.INTRADAY or clock < SQUARE_OFF, f"opened intraday at {at}"


_OVER = frozenset({OrderStatus.TRADED, OrderStatus.CANCELLED})


@pytest.mark.parametrize("outside", ["reject", "queue", "after_market"])
@tried(60)
@given(
    acts=st.lists(ACT, max_size=40),
    pre_open=st.sampled_from(("place", "queue", "reject")),
    start=st.sampled_from(("08:58:00", "09:14:50", "12:00:00", "15:14:40", "15:39:50", "19:00:00")),
)
def test_whatever_happens_no_entry_leaves_at_a_wrong_hour_or_price(
    acts: list[tuple[str, int, int]], pre_open: str, start: str, outside: str
) -> None:
    desk = AnyDay(outside, pre_open, start)
    for what, which, how in acts:
        desk.act(what, which, how)
    for order_id in desk.shown:
        copy = desk.state.tables["copy"].get(f"{order_id}/{ALICE}")
        if copy is not None:
            live = [one for one in copy.slots if one.live]  # type: ignore[union-attr]
            assert len(live) <= 2
            assert copy.decision is not Decision.QUEUED or copy.reason  # type: ignore[union-attr]
