"""Market hours: in which phase an instrument's market is, why it is closed, when it opens, and what may be sent.

Asked once an order and more. What a day says is worked out once for all instruments that keep the same hours, so that
an answer is two look-ups. Whether the rules want hours kept at all (``enforce``), and what becomes of an order that
comes outside them (``outside``, ``pre_open``), the caller decides.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeVar

from copyctl.core.hours import SECOND, ist, ist_day, moment_of
from copyctl.core.timetable import DayPlan, Profile, Span, Timetable, every_profile, plan, profile_of, told
from copyctl.model.calendar import TradingDays
from copyctl.model.instrument import Instrument
from copyctl.model.market import Closure, Phase, Standing, Traits
from copyctl.model.policy import MarketHours
from copyctl.model.terms import OrderType, Product, Segment, Validity

HORIZON: Final = 40
"""Days. How far ahead the next opening is looked for: no exchange is closed for so long."""

T = TypeVar("T")

_DAY: Final = timedelta(days=1)


def traits_of(instrument: Instrument, *, has_derivatives: bool | None) -> Traits:
    """What of an instrument decides its hours. ``has_derivatives``: are there derivatives on this share (the master
    knows), None where that is not known."""
    return Traits(
        kind=instrument.kind,
        underlying=instrument.underlying,
        expiry=instrument.expiry,
        has_derivatives=has_derivatives,
    )


def standing(hours: MarketHours, days: TradingDays | None, segment: Segment, traits: Traits, moment: int) -> Standing:
    """Where the market of an instrument stands at a moment (ns, UTC).

    ``days`` is None where no trading days are known; those of another calendar than the rules name count as none.
    """
    return _day(timetable(hours, days), profile_of(segment, traits), ist_day(moment)).at(moment)


def next_change(hours: MarketHours, days: TradingDays | None, segment: Segment, moment: int) -> int | None:
    """The next moment (ns) after this one at which the phase of anything in a segment changes; None: not in sight.

    For timers. Square-off times are no phases: see ``square_off``.
    """
    table, day = timetable(hours, days), ist_day(moment)
    ends = [_day(table, profile, day).at(moment).until for profile in every_profile(segment)]
    return min((end for end in ends if end is not None), default=None)


def square_off(hours: MarketHours, segment: Segment, moment: int) -> int | None:
    """When INTRADAY entries end (ns) on the Indian day of this moment; None where the rules say nothing of a segment.

    From then to the end of the day, special sessions included, none is placed, and open ones are cancelled.
    """
    at = hours.square_off.get(segment)
    return None if at is None else moment_of(ist_day(moment), at)


def is_squared_off(hours: MarketHours, segment: Segment, moment: int) -> bool:
    """Are INTRADAY entries over for this day?"""
    at = square_off(hours, segment, moment)
    return at is not None and moment >= at


class Taken(NamedTuple):
    """What the exchange takes in a phase; None: everything."""

    phase: str
    order_types: frozenset[OrderType] | None = None
    validities: frozenset[Validity] | None = None
    products: frozenset[Product] | None = None
    disclosed: bool = True


_PRICED_OR_MARKET: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
TAKEN: Final[dict[Phase, Taken]] = {
    Phase.PRE_OPEN: Taken("the pre-open session", _PRICED_OR_MARKET, frozenset({Validity.DAY}), disclosed=False),
    Phase.REGULAR: Taken("regular trading"),
    Phase.CLOSING_AUCTION: Taken("the closing auction", _PRICED_OR_MARKET, disclosed=False),
    Phase.POST_CLOSE: Taken("the post-close session", frozenset({OrderType.MARKET}), products=frozenset({Product.CNC})),
}
"""Pre-open: limit and market, no stop loss, no IOC, no disclosed quantity. Closing auction: limit and market, no stop
loss, no iceberg (SEBI 16 Jan 2026, 4.5). Post-close: market orders at the closing price, for delivery."""


def unfit(
    phase: Phase, order_type: OrderType, validity: Validity, product: Product, disclosed_quantity: int = 0
) -> str | None:
    """Why the exchange does not take such an order in this phase, in a sentence; None where it does.

    Forever orders rest at the broker and are taken at any time.
    """
    if validity is Validity.FOREVER:
        return None
    taken = TAKEN.get(phase)
    if taken is None:
        return "the market is closed"
    if taken.order_types is not None and order_type not in taken.order_types:
        return f"{taken.phase} takes {_words(taken.order_types)} orders only, not {order_type}"
    if taken.validities is not None and validity not in taken.validities:
        return f"{taken.phase} takes {_words(taken.validities)} orders only, not {validity}"
    if taken.products is not None and product not in taken.products:
        return f"{taken.phase} takes {_words(taken.products)} orders only, not {product}"
    if disclosed_quantity and not taken.disclosed:
        return f"{taken.phase} takes no disclosed quantity"
    return None


def _words(words: Iterable[str]) -> str:
    return " and ".join(sorted(words))


# ---- what is worked out once a day -----------------------------------------------------------------------------------


class _Same(Generic[T]):
    """A value by its identity: what is looked up at every order is not hashed at every order."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def timetable(hours: MarketHours, days: TradingDays | None) -> Timetable:
    """The look-up table of these hours and days; one and the same as long as both are the same objects."""
    return _timetable(_Same(hours), _Same(days))


@lru_cache(maxsize=64)
def _timetable(hours: _Same[MarketHours], days: _Same[TradingDays | None]) -> Timetable:
    return Timetable(hours.value, days.value)


class _Day(NamedTuple):
    """The standings of a day, each with the moment (ns) from which it holds."""

    starts: tuple[int, ...]
    standings: tuple[Standing, ...]

    def at(self, moment: int) -> Standing:
        """The standing at a moment of this day."""
        return self.standings[bisect_right(self.starts, moment) - 1]


@lru_cache(maxsize=8192)
def _day(table: Timetable, profile: Profile, day: date) -> _Day:
    """The standings of one day, closed times included, from midnight to midnight."""
    today = plan(table, profile, day)
    change, opening, why_not = _beyond(table, profile, day)
    starts: list[int] = []
    standings: list[Standing] = []
    for piece in reversed(_pieces(today.spans, day)):
        is_closed = piece.phase is Phase.CLOSED
        text = why_not if opening is None else _moment_text(opening)
        starts.append(piece.start)
        standings.append(
            Standing(
                phase=piece.phase,
                until=change if is_closed else piece.end,
                next_open=opening,
                next_open_text=text,
                why=today.why if is_closed else None,
                sentence=_sentence(profile.segment, today, text) if is_closed else "",
                stale=today.stale,
            )
        )
        change = change if is_closed else piece.start
        opening = piece.start if piece.phase is Phase.REGULAR else opening
    return _Day(tuple(reversed(starts)), tuple(reversed(standings)))


def _pieces(spans: tuple[Span, ...], day: date) -> list[Span]:
    """The whole day from midnight to midnight: its spans, and what is closed between them."""
    pieces: list[Span] = []
    at, midnight = moment_of(day), moment_of(day + _DAY)
    for span in (*spans, Span(Phase.CLOSED, midnight, midnight)):
        if at < span.start:
            pieces.append(Span(Phase.CLOSED, at, span.start))
        if span.start < span.end:
            pieces.append(span)
        at = span.end
    return pieces


def _beyond(table: Timetable, profile: Profile, day: date) -> tuple[int | None, int | None, str]:
    """The first change of phase and the first opening (ns) after a day, None where there is none in sight, and why
    there is no opening."""
    change: int | None = None
    why_not = ""
    for ahead in range(1, HORIZON + 1):
        coming = plan(table, profile, day + timedelta(days=ahead))
        for span in coming.spans:
            change = span.start if change is None else change
            if span.phase is Phase.REGULAR:
                return change, span.start, ""
        if coming.why is Closure.CALENDAR_STALE:
            why_not = why_not or f"not known: {coming.note}"
        if profile.expiry is not None and day + timedelta(days=ahead) > profile.expiry:
            return change, None, why_not or f"never: the contract's last day is {told(profile.expiry)}"
    return change, None, why_not or f"not within {HORIZON} days"


def _sentence(segment: Segment, today: DayPlan, next_open_text: str) -> str:
    next_open = "" if today.note in next_open_text else f"; next open {next_open_text}"
    return f"{segment} is closed: {today.note}{next_open}"


def _moment_text(moment: int) -> str:
    at = ist(moment)
    clock = f"{at:%H:%M:%S}" if moment // SECOND % 60 else f"{at:%H:%M}"
    return f"{told(at.date())} {clock} IST"
