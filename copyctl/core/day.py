"""The day: what begins anew when the Indian day is another one than that of the counters (scenario 9.9)."""

from datetime import date, time, timedelta
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import halts
from copyctl.core.capital import ask_now, needs_funds
from copyctl.core.hours import day_number, day_start, ist
from copyctl.core.keys import instrument_key, position_key
from copyctl.core.market import calendar_known, had_its_session
from copyctl.core.observe import learned
from copyctl.core.positions import CARRIED
from copyctl.core.state import Draft, follower_of
from copyctl.core.unread import ask_positions, is_expired
from copyctl.core.watched import watched
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import FindCalendar
from copyctl.model.order import Order
from copyctl.model.policy import MarketHours, Rules
from copyctl.model.records import Position
from copyctl.model.terms import OrderStatus, Validity

FIRST_BELL = time(9)
"""After-market orders given before this hour of a trading day are that day's, later ones the next one's."""


def new_day(draft: Draft, rules: Rules) -> None:
    """Begin the day where it has not begun yet: counters, positions, orders of yesterday. A clock that steps back
    begins none."""
    today = day_number(draft.now)
    is_old = any(day < today for day in draft.state.index.days)
    for name in rules.accounts if is_old else watched(draft, rules):
        before = draft.account(name).day
        if before >= today:
            continue
        if before:
            _expire(draft, rules, name)
            halts.new_day(draft, name)
            if name == rules.leader.client_id:
                draft.effects.extend(find_calendars(rules))
        _roll_over(draft, rules, name, today)


def find_calendars(rules: Rules) -> list[FindCalendar]:
    """The questions for the calendars that the rules name."""
    hours = [one.policy.market_hours for one in rules.followers]
    return [FindCalendar(calendar=name) for name in sorted({one.calendar for one in hours if one.enforce})]


# --- orders -----------------------------------------------------------------------------------------------------------


def _expire(draft: Draft, rules: Rules, account: str) -> None:
    """DAY orders of yesterday are over, though no frame may ever say so. One that was given after the close lives
    through the trading day for which it was given."""
    began = day_start(draft.now)
    hours = (follower_of(rules, account) or rules.followers[0]).policy.market_hours
    for order in list(draft.orders.values()):
        if order.account != account or order.over or order.seen_at >= began:
            continue
        if order.terms is not None and order.terms.validity is Validity.FOREVER:
            continue
        if not _had_its_day(draft, hours, order, began):
            continue
        learned(draft, rules, order, replace(order, status=OrderStatus.EXPIRED, furthest=OrderStatus.EXPIRED))


def _had_its_day(draft: Draft, hours: MarketHours, order: Order, began: int) -> bool:
    """Is the trading day of an order over?"""
    instrument = draft.instruments.get(instrument_key(order.segment, order.security_id))
    if not order.after_market or (hours.enforce and calendar_known(draft, hours) and instrument is not None):
        return had_its_session(draft, hours, order, began)
    given = ist(order.created_time or order.seen_at)
    first = given.date() if given.time() < FIRST_BELL else given.date() + timedelta(days=1)
    return _trading_day(next(iter(draft.days.values()), None), first) < ist(draft.now).date()


def _trading_day(days: TradingDays | None, first: date) -> date:
    """The first trading day from this date on; where the calendar does not tell, the first day of the week that may
    be one."""
    for number in range(10):
        day = first + timedelta(days=number)
        if days is not None and days.covers(day):
            if days.trades(day):
                return day
        elif day.weekday() < 5:
            return day
    return first


# --- accounts ---------------------------------------------------------------------------------------------------------


def _roll_over(draft: Draft, rules: Rules, account: str, today: int) -> None:
    """Counters begin again; what is carried is what is there now, until the broker says what it is."""
    before = draft.account(account)
    draft.accounts.put(
        replace(
            before,
            day=today,
            positions_at=0,
            positions_why="",
            failing_since=0,
            fills_alone=False,
            unsure=(),
            asked_at=draft.now if before.day else 0,
            placed=(),
            placed_today=0,
            spent_today=sum(moment >= day_start(draft.now) for moment in before.sent),  # on their way at midnight
            rejected_in_a_row=0,
            profit=None,
            reached=(),
        )
    )
    ask_positions(draft, account)
    if not before.day:
        return
    if needs_funds(rules, account):
        draft.effects.append(ask_now(draft, account))
    for here in draft.positions_of(account):
        after = _carried(draft, here)
        if after is None:
            draft.positions.drop(position_key(here.account, here.segment, here.security_id, here.product))
        else:
            draft.positions.put(after)


def _carried(draft: Draft, here: Position) -> Position | None:
    """What of a position a new day begins with, None for nothing: what is intraday is over, and so is what expired."""
    instrument = draft.instruments.get(instrument_key(here.segment, here.security_id))
    if here.product not in CARRIED or is_expired(instrument, draft.now):
        return None
    after = replace(here, base=here.net, traded=0, odd=None, odd_at=0)
    if not after.net:
        after = replace(after, copied=0, target=Decimal(0))
    return after if after.net or after.apart else None
