"""The day: what begins anew when the Indian day is another one than that of the counters (scenario 9.9)."""

from msgspec.structs import replace

from copyctl.core.hours import day_start
from copyctl.core.market import had_its_session
from copyctl.core.observe import learned
from copyctl.core.positions import day_number, roll_over
from copyctl.core.state import Draft
from copyctl.model.effects import FindCalendar
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.terms import OrderStatus, Validity


def new_day(draft: Draft, rules: Rules) -> None:
    """Begin the day where it has not begun yet: counters, positions, orders of yesterday."""
    today = day_number(draft.now)
    names = (rules.leader.client_id, *(one.client_id for one in rules.followers))
    for name in names:
        before = draft.account(name).day
        if before == today:
            continue
        if before:
            _expire(draft, rules, name)
            if name == rules.leader.client_id:
                draft.effects.extend(find_calendars(rules))
        roll_over(draft, name)


def find_calendars(rules: Rules) -> list[FindCalendar]:
    """The questions for the calendars that the rules name."""
    hours = [one.policy.market_hours for one in rules.followers]
    return [FindCalendar(calendar=name) for name in sorted({one.calendar for one in hours if one.enforce})]


def _expire(draft: Draft, rules: Rules, account: str) -> None:
    """DAY orders of yesterday are over, though no frame may ever say so. After-market orders are of today, and so are
    those that were given after the last session."""
    began = day_start(draft.now)
    hours = next((one for one in rules.followers if one.client_id == account), rules.followers[0]).policy.market_hours
    for order in list(draft.orders.values()):
        if order.account != account or order.over or order.after_market or order.seen_at >= began:
            continue
        if order.terms is not None and order.terms.validity is Validity.FOREVER:
            continue
        if had_its_session(draft, hours, order, began):
            learned(draft, rules, order, _expired(order))


def _expired(order: Order) -> Order:
    return replace(order, status=OrderStatus.EXPIRED, furthest=OrderStatus.EXPIRED)
