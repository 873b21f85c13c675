"""The fold: the picture of an account's orders is the same however its reports come in."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.book import fold
from copyctl.model.order import ExecutionReport, Order
from copyctl.model.reasons import Category
from copyctl.model.terms import OrderStatus, Source
from tests.core.building import LEADER, NOON, SECOND, report
from tests.properties import tried

_OPEN = ("TRANSIT", "PENDING", "TRIGGERED", "PART_TRADED")
_ENDS = ("TRADED", "CANCELLED", "EXPIRED", "REJECTED", "PENDING")


@st.composite
def lives(draw: st.DrawFn, order_id: str) -> list[ExecutionReport]:
    """What stream and book tell of one order over its life, in the order of the broker's own time. Several changes
    may share one broker second, and a modification that was rejected may be told with the word of a rejection."""
    told = []
    moment, filled, price, quantity = NOON, 0, 100, draw(st.integers(5, 20)) * 10
    for number in range(draw(st.integers(1, 8))):
        moment += draw(st.sampled_from((1, SECOND // 10, SECOND, 3 * SECOND)))
        what = draw(st.sampled_from(("same", "price", "quantity", "fill", "rejected")))
        price += what == "price"
        quantity += 10 if what == "quantity" else 0
        filled = min(quantity, filled + draw(st.integers(1, 40))) if what == "fill" else filled
        rejection = what == "rejected"
        said: dict[str, Any] = {
            "price": price,
            "quantity": quantity,
            "filled": filled,
            "average_price": Decimal(100 + filled) if filled else 0,
            "broker_time": moment // SECOND * SECOND,
            "correlation_id": draw(st.sampled_from(("", f"cc{order_id}"))),
            "last_price": draw(st.sampled_from((None, Decimal(100 + number)))),
            "text": "rejected" if rejection else "",
            "category": draw(st.sampled_from((Category.TICK, Category.MARGIN))) if rejection else None,
        }
        status = "REJECTED" if rejection else draw(st.sampled_from(_OPEN))
        if draw(st.booleans()) or rejection:
            late = draw(st.integers(0, SECOND))
            told.append(report(LEADER, order_id, status, as_of=moment + late, **said))
        for _ in range(0 if rejection else draw(st.integers(0, 2))):
            asked = moment + draw(st.integers(0, 5 * SECOND))
            told.append(report(LEADER, order_id, status, as_of=asked, source=Source.BOOK, **said))
    status = draw(st.sampled_from(_ENDS))
    end = {"price": price, "quantity": quantity, "filled": quantity if status == "TRADED" else filled}
    told.append(report(LEADER, order_id, status, as_of=moment + 2 * SECOND, source=Source.BOOK, **end))
    return told


def book_of(reports: list[ExecutionReport]) -> dict[str, Order]:
    book: dict[str, Order] = {}
    for one in reports:
        book[one.order_id] = fold(book.get(one.order_id), one)
    return book


@tried(300)
@given(st.data())
def test_any_shuffle_with_repetitions_gives_the_same_book(data: st.DataObject) -> None:
    day = [one for order_id in ("1", "2", "3") for one in data.draw(lives(order_id))]
    again = data.draw(st.lists(st.sampled_from(day), max_size=10))
    shuffled = data.draw(st.permutations([*day, *again]))
    assert book_of(shuffled) == book_of(day)


@tried(300)
@given(st.data())
def test_the_book_never_loses_a_fill_and_what_the_book_ended_stays_ended(data: st.DataObject) -> None:
    reports = data.draw(st.permutations(data.draw(lives("1"))))
    order, ended = None, False
    for one in reports:
        before = order
        order = fold(before, one)
        if before is not None:
            assert order.filled >= before.filled
        if ended:
            assert order.over
        ended = ended or (one.status is not None and one.status.is_final and one.source is Source.BOOK)
        assert order.filled >= one.filled
        assert (order.status is OrderStatus.PART_TRADED) or order.over or not order.filled


@tried(300)
@given(lives("1"), st.data())
def test_a_row_asked_for_after_everything_settles_what_the_order_is(day: list[ExecutionReport], data: Any) -> None:
    last = report(
        LEADER, "1", "PENDING", as_of=max(one.as_of for one in day) + SECOND, source=Source.BOOK,
        broker_time=max(one.broker_time for one in day), price=77, quantity=990, filled=max(one.filled for one in day),
    )  # fmt: skip
    order = book_of(data.draw(st.permutations([*day, last])))["1"]
    assert order.terms == last.terms
    assert not (len({version.terms for version in order.versions}) > 1 and order.versions[0].source is Source.STREAM)


@given(lives("1"))
def test_a_report_that_tells_nothing_new_changes_nothing(day: list[ExecutionReport]) -> None:
    order = book_of(day)["1"]
    for one in day:
        assert fold(order, one) is order


def test_terms_without_a_broker_time_do_not_hide_later_ones_of_that_second() -> None:
    first = report(LEADER, "1", as_of=NOON + SECOND // 2, broker_time=0, price=100)
    second = report(LEADER, "1", as_of=NOON + SECOND * 9 // 10, broker_time=NOON, price=101)
    order = fold(fold(None, first), second)
    assert order.terms == second.terms
    assert order.doubtful
