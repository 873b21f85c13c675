"""The world of a policy test: what is given is what there is, and what is not given is not to be had."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from copyctl.core.hours import ist_day
from copyctl.core.keys import instrument_key
from copyctl.lab.rehearsal import World
from copyctl.model.account import Account
from copyctl.model.calendar import HOLIDAY_NAMES, TradingDays
from copyctl.model.cases import Given, Listed, Purse, Stake
from copyctl.model.facts import (
    Addresses,
    AddressWanted,
    BrokerKill,
    BrokerKillStateWanted,
    BrokerKillWanted,
    Fact,
    Funds,
    FundsWanted,
    Lack,
    MarginNeed,
    MarginOrder,
    MarginWanted,
    PositionRow,
    Profile,
    ProfileWanted,
    Question,
    Quote,
    QuoteWanted,
)
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO
from copyctl.model.policy import Rules
from copyctl.model.records import Position, Record
from copyctl.model.terms import Segment

SATURDAY: Final = 5


class CaseWorld:
    """What is given, as a rehearsal asks for it. ``prices``: the last ones by now, by the instruments' short names;
    ``blocked``: what an account's copies have blocked since the case began, in rupees."""

    def __init__(self, given: Given, rules: Rules) -> None:
        self.prices = {name: one.price for name, one in given.listed.items()}
        self.blocked: Callable[[str], Decimal] = lambda _: ZERO
        self._given = given
        self._names = {_key(one.instrument): name for name, one in given.listed.items()}
        names = {one.name: one.client_id for one in rules.followers}
        self._purses = {rules.leader.client_id: given.leader}
        self._purses |= {names[name]: purse for name, purse in given.followers.items()}
        self._leader = rules.leader.client_id

    @property
    def world(self) -> World:
        """The world of a rehearsal."""
        return World(
            instrument=self._instrument,
            master=True,
            days=self._days,
            held={account: tuple(self._rows(purse)) for account, purse in self._purses.items()},
            fact=self._fact,
            profits={account: purse.profit for account, purse in self._purses.items() if purse.profit is not None},
        )

    def records(self, at: int) -> Mapping[str, list[Record]]:
        """What copies have built before the case begins: followers that have such positions came earlier."""
        accounts: list[Record] = []
        positions: list[Record] = []
        for account, purse in self._purses.items():
            if account == self._leader or not purse.positions:
                continue
            accounts.append(Account(account=account, since=at, joined=True))
            for stake, units in _together(purse.positions).values():
                here = self._given.listed[stake.instrument].instrument
                positions.append(
                    Position(
                        account=account,
                        segment=here.segment,
                        security_id=here.security_id,
                        product=stake.product,
                        base=units,
                        copied=units,
                        target=Decimal(units),
                    )
                )
        return {"account": accounts, "position": positions}

    def name(self, segment: Segment, security_id: str) -> str:
        """The short name of an instrument."""
        return self._names.get(instrument_key(segment, security_id), security_id)

    def quote(self, name: str, now: int) -> Quote:
        """An instrument's price by now."""
        one = self._given.listed[name]
        return Quote(
            segment=one.instrument.segment,
            security_id=one.instrument.security_id,
            as_of=now,
            last_price=self.prices[name],
            lower_circuit=one.lower_circuit,
            upper_circuit=one.upper_circuit,
        )

    def margin(self, segment: Segment, security_id: str, units: int) -> Decimal | None:
        """What so many units block; None: it is not given."""
        listed = self._listed(segment, security_id)
        if listed is None or listed.margin is None:
            return None
        return listed.margin * units / listed.instrument.lot_size

    # --- what a rehearsal asks ----------------------------------------------------------------------------------------

    def _listed(self, segment: Segment, security_id: str) -> Listed | None:
        name = self._names.get(instrument_key(segment, security_id))
        return self._given.listed[name] if name is not None else None

    def _instrument(self, segment: Segment, security_id: str) -> Instrument | None:
        listed = self._listed(segment, security_id)
        return listed.instrument if listed is not None else None

    def _days(self, calendar: str) -> tuple[TradingDays, str]:
        """Weekdays that are no holiday of the exchanges and none that is given, from this year's first to the next
        year's last; whatever the calendar is called."""
        year = ist_day(self._given.at).year
        first, last = datetime.date(year, 1, 1), datetime.date(year + 1, 12, 31)
        closed = HOLIDAY_NAMES.keys() | set(self._given.holidays)
        days = (first + datetime.timedelta(days=count) for count in range((last - first).days + 1))
        open_days = tuple(day for day in days if day.weekday() < SATURDAY and day not in closed)
        return TradingDays(calendar=calendar, first=first, last=last, open_days=open_days), ""

    def _rows(self, purse: Purse) -> Iterator[PositionRow]:
        for stake, units in _together((*purse.positions, *purse.by_hand)).values():
            listed = self._given.listed[stake.instrument]
            yield PositionRow(
                segment=listed.instrument.segment,
                security_id=listed.instrument.security_id,
                product=stake.product,
                symbol=listed.instrument.symbol,
                net=units,
                buy_quantity=max(0, units),
                sell_quantity=max(0, -units),
                carried=units,
                day_buy=0,
                day_sell=0,
                buy_average=listed.price,
                sell_average=listed.price,
            )

    def _fact(self, question: Question, now: int) -> Fact | Lack | None:
        purse = self._purses.get(question.account, Purse())
        match question:
            case FundsWanted() if purse.funds is not None:
                available = purse.funds - self.blocked(question.account)
                start = purse.start_of_day
                return Funds(account=question.account, as_of=now, available=available, start_of_day=start)
            case MarginWanted():
                needs = [self._need(one) for one in question.orders]
                told = [one for one in needs if one is not None]
                return MarginNeed(as_of=now, required=sum(told, ZERO)) if len(told) == len(needs) else Lack.UNAVAILABLE
            case QuoteWanted():
                name = self._names.get(instrument_key(question.segment, question.security_id))
                return self.quote(name, now) if name is not None else Lack.NOT_KNOWN
            case ProfileWanted():
                return Profile(account=question.account, as_of=now, ddpi=purse.ddpi)
            case AddressWanted():
                return Addresses(account=question.account, as_of=now, allowed=True)
            case BrokerKillWanted() | BrokerKillStateWanted():
                return BrokerKill(account=question.account, as_of=now, active=True)
        return Lack.UNAVAILABLE

    def _need(self, order: MarginOrder) -> Decimal | None:
        return self.margin(order.segment, order.security_id, order.quantity)


def _key(instrument: Instrument) -> str:
    return instrument_key(instrument.segment, instrument.security_id)


def _together(stakes: tuple[Stake, ...]) -> dict[tuple[str, str], tuple[Stake, int]]:
    """Positions in one instrument and product are one."""
    found: dict[tuple[str, str], tuple[Stake, int]] = {}
    for one in stakes:
        key = (one.instrument, one.product.value)
        found[key] = (one, found.get(key, (one, 0))[1] + one.quantity)
    return found
