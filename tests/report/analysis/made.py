"""Journals that chance makes: partial fills, several placements, what was skipped, refused, queued or dead."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.events import Started
from copyctl.model.facts import Quote
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Entry
from copyctl.model.order import Fill, Order
from copyctl.model.placement import Slot
from copyctl.model.records import Copy, Record
from copyctl.model.terms import Decision, InstrumentKind, OrderStatus, Segment, Side
from tests.store.world import ALICE, BOB, LEADER, NIFTY, SECOND, TEN, change, copy, fill, order, slot, terms

CRUDE = Instrument(
    segment=Segment.MCX_COMM,
    security_id="77",
    symbol="CRUDEOIL-Sep2026",
    kind=InstrumentKind.FUTCOM,
    underlying="CRUDEOIL",
    lot_size=1,
    multiplier=100,
)
INSTRUMENTS = (NIFTY, CRUDE)
DAY = 86_400 * SECOND
REASONS = {
    Decision.COPIED: (None, "late_copied"),
    Decision.SKIPPED: ("filtered", "leader_over"),
    Decision.REFUSED: ("zero_quantity", "self_trade"),
    Decision.QUEUED: ("checking",),
    Decision.DEAD: ("rejected_margin", "rejected_price_band"),
}
PRICES = st.integers(1900, 2100).map(lambda steps: Decimal(steps) / 20)
AVERAGES = st.integers(950_000, 1_050_000).map(lambda steps: Decimal(steps) / 10_000)


@dataclass(frozen=True)
class Made:
    """Everything about one leader order: ``before`` it was copied, and ``after``."""

    before: Sequence[Record]
    after: Sequence[Record]


@st.composite
def placements(
    draw: st.DrawFn, account: str, name: str, lead: Order, instrument: Instrument, at: int
) -> tuple[list[Slot], list[Record]]:
    """The orders that a copy had, one after the other, and what the account's records say of them."""
    slots: list[Slot] = []
    records: list[Record] = []
    for number in range(draw(st.integers(0, 2))):
        lots = draw(st.integers(1, 3))
        prices = draw(st.lists(PRICES, max_size=lots))
        told = draw(st.integers(0, len(prices)))  # how many of its trades have been read
        quantity, filled = lots * instrument.lot_size, len(prices) * instrument.lot_size
        average = (sum(prices, Decimal(0)) / len(prices)).quantize(Decimal("0.0001")) if prices else Decimal(0)
        order_id = f"8{name}{number}"
        sent_at = at + draw(st.integers(1, 4_000)) * 1_000_000
        made = slot(f"cc{order_id}", order_id, quantity, filled, str(average), at=sent_at)
        slots.append(replace(made, revision=number))
        mine = order(account, order_id, quantity, filled, str(average), at=sent_at, side=lead.side)
        records.append(replace(mine, segment=instrument.segment, security_id=instrument.security_id))
        for place, price in enumerate(prices[:told]):
            one = fill(account, order_id, f"6{name}{number}{place}", instrument.lot_size, str(price), at=sent_at)
            records.append(of(one, instrument, lead.side))
    return slots, records


def of(one: Fill, instrument: Instrument, side: Side | None) -> Fill:
    assert side is not None
    return replace(one, segment=instrument.segment, security_id=instrument.security_id, side=side)


@st.composite
def copies(
    draw: st.DrawFn, account: str, name: str, lead: Order, instrument: Instrument, at: int
) -> tuple[list[Copy], list[Record]]:
    """What one follower made of it: one copy, or the exit and the entry of a reversal; or an order of copyctl's own."""
    rows = draw(st.sampled_from([("",), ("",), ("", "#entry"), ("own",)]))
    found: list[Copy] = []
    records: list[Record] = []
    for place, part in enumerate(rows):
        slots, theirs = draw(placements(account, f"{name}{place}", lead, instrument, at))
        decision = draw(st.sampled_from(list(Decision)))
        wanted = draw(st.integers(0, 4)) * instrument.lot_size
        row = f"position:{name}" if part == "own" else f"{lead.order_id}{part}"
        made = copy(
            row,
            account,
            slots,
            at=at,
            decision=decision,
            reason=draw(st.sampled_from(REASONS[decision])),
            exit=part == "" and len(rows) > 1,
            missed=draw(st.sampled_from([0, 0, instrument.lot_size])),
        )
        desired = copy("x", account, [slot("x", "x", 1, 0, "0")]).wanted
        assert desired is not None
        assert lead.side is not None
        wish = replace(
            desired,
            side=lead.side,
            segment=instrument.segment,
            security_id=instrument.security_id,
            terms=terms(wanted),
        )
        found.append(replace(made, wanted=wish if wanted or slots else None))
        records.extend(theirs)
    return found, records


@st.composite
def leader_orders(draw: st.DrawFn, number: int) -> Made:
    """One order of the leader on one of three days, open, over, or changed in its size before it traded."""
    instrument = draw(st.sampled_from(INSTRUMENTS))
    at = TEN + draw(st.integers(0, 2)) * DAY + draw(st.integers(0, 20_000)) * SECOND
    lots = draw(st.integers(1, 6))
    done = draw(st.integers(0, lots))
    average = draw(AVERAGES) if done else Decimal(0)
    side = draw(st.sampled_from(list(Side)))
    status = OrderStatus.TRADED if done == lots else draw(st.sampled_from([OrderStatus.PENDING, OrderStatus.CANCELLED]))
    quantity, filled = lots * instrument.lot_size, done * instrument.lot_size
    more: dict[str, Any] = {"side": side}
    if draw(st.booleans()):
        more |= {"last_price": draw(PRICES), "last_price_at": at + draw(st.integers(0, 9)) * SECOND}
    place = {"segment": instrument.segment, "security_id": instrument.security_id}
    smaller = order(LEADER, f"9{number:03}", instrument.lot_size, 0, "0", at=at, side=side)
    lead = replace(
        order(LEADER, f"9{number:03}", quantity, filled, str(average), at=at, **more), status=status, **place
    )
    after: list[Record] = [lead]
    early: list[Record] = [replace(smaller, **place), instrument]
    for account in draw(st.sampled_from([(ALICE,), (ALICE, BOB)])):
        made, records = draw(copies(account, f"{number:03}{account[-1]}", lead, instrument, at))
        early += [replace(one, slots=(), decision=Decision.QUEUED, reason="checking") for one in made]
        after += [*made, *records]
    if draw(st.booleans()):
        after.append(Quote(**place, as_of=at + SECOND, last_price=draw(PRICES)))
    return Made(before=early, after=after)


def turns(made: Sequence[Made]) -> list[Entry]:
    """Each order in two turns: as it came, and as it ended."""
    halves = [half for one in made for half in (one.before, one.after)]
    return [Entry(event=Started(at=TEN), changes=tuple(change(one) for one in half)) for half in halves]


@st.composite
def days(draw: st.DrawFn) -> list[Entry]:
    """Some days of trading as the turns of a run."""
    return turns([draw(leader_orders(number)) for number in range(draw(st.integers(1, 5)))])
