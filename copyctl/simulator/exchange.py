"""What becomes of an order, and when?

    TRANSIT -> PENDING -> PART_TRADED* -> TRADED        each step takes `transit_ms`, or waits while `hold` is on
       |          +-> CANCELLED | EXPIRED               SL: PENDING -> TRIGGERED -> as a LIMIT
       +-> REJECTED

Every change of state is announced once (the stream makes frames of it). A MARKET order trades at the last price; a
LIMIT order trades at the last price when it arrives and at its own price when the market comes to it later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from copyctl.simulator import refusals, risk, terms
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.clock import Clock
from copyctl.simulator.instruments import Instrument, on_tick
from copyctl.simulator.numbers import Numbers
from copyctl.simulator.orders import ZERO, Order, Terms, Trade, Wish

Key = tuple[str, str]
Step = Callable[[Account, Order], None]
Waiting = tuple[Account, Order, Step]
Announce = Callable[[Account, Order, str], None]
Later = Callable[[float, Callable[[], None]], None]

STOP_MARKET_LIMIT = {terms.SELL: Decimal("0.95"), terms.BUY: Decimal("1.05")}  # seen on BSE: limit at trigger x 0.95


@dataclass(slots=True, kw_only=True)
class Market:
    """One instrument's trading: its last price, what can be had, and who waits."""

    instrument: Instrument
    last_price: Decimal
    available: int | None = None  # units left to trade; None: any number
    per_tick: int | None = None  # units that one order may trade at each price tick; None: any number
    halted: bool = False  # nothing trades
    resting: dict[str, Order] = field(default_factory=dict)

    def takes(self, wanted: int) -> int:
        """How many units trade now."""
        for bound in (self.available, self.per_tick):
            if bound is not None:
                wanted = min(wanted, bound)
        return wanted


class Exchange:
    """The order books of all accounts, and the prices that move them."""

    def __init__(self, accounts: Accounts, clock: Clock, announce: Announce, later: Later) -> None:
        self.markets: dict[Key, Market] = {}
        self.held: list[Waiting] = []
        self.priced: Callable[[], None] = lambda: None  # called after every price
        self._accounts = accounts
        self._clock = clock
        self._announce = announce
        self._later = later
        self._numbers = Numbers(clock)

    def list_instrument(self, instrument: Instrument) -> None:
        """Open trading in an instrument, or replace its terms."""
        known = self.markets.get(instrument.key)
        if known is None:
            self.markets[instrument.key] = Market(instrument=instrument, last_price=instrument.last_price)
        else:
            known.instrument = instrument
            known.last_price = instrument.last_price

    def clear(self) -> None:
        """Forget all orders and instruments."""
        self.held.clear()
        self.markets.clear()

    # ---- what clients ask for ---------------------------------------------------------------------------------------

    def place(self, account: Account, wish: Wish) -> Order:
        """Take an order. Raises a Refusal while the kill switch is on, or when the account is refused at once."""
        if account.kill_switch and not wish.unchecked:
            raise refusals.order_error(refusals.BLOCKED)
        text = self._clock.text()
        order = Order(
            order_id=self._numbers.order(),
            account=account.name,
            client_id=account.client_id,
            instrument=wish.instrument,
            side=wish.side,
            product=wish.product,
            terms=wish.terms,
            correlation_id=wish.correlation_id or self._numbers.correlation(account),
            after_market=wish.after_market,
            amo_time=wish.amo_time,
            source=wish.source,
            platform=wish.platform,
            created=text,
            updated=text,
            waits_for_open=wish.after_market,
            unchecked=wish.unchecked,
        )
        market = self.markets[wish.instrument.key]
        self._protect(account, order, market)
        objection = self._objection(account, order) if account.settings.refuse == "at_once" else None
        if objection is not None:
            raise refusals.order_error(objection)
        account.orders[order.order_id] = order
        account.open_orders[order.order_id] = order
        if order.correlation_id not in {"", "NA"}:
            account.by_correlation.setdefault(order.correlation_id, []).append(order)
        self._announce(account, order, terms.FRAME_STATUSES[terms.TRANSIT])
        self._proceed(account, order, self._admit)
        return order

    def modify(self, account: Account, order: Order, wanted: Terms) -> None:
        """Take a modification; it happens a moment later, and may fail then."""
        order.modifications += 1
        self._proceed(account, order, lambda account, order: self._change(account, order, wanted))

    def cancel(self, account: Account, order: Order) -> None:
        """Take a cancel; a fill may still come before it."""
        self._proceed(account, order, self._cancel)

    # ---- what the world does -----------------------------------------------------------------------------------------

    def set_price(self, key: Key, price: Decimal) -> None:
        """The market trades at a price: whoever waited for it trades too."""
        market = self.markets[key]
        market.last_price = price
        self.match(market)
        self.priced()

    def match(self, market: Market) -> None:
        """Let all that rests in a market trade as far as it can."""
        for order in list(market.resting.values()):
            if order.order_id in market.resting:
                self._trade(self._accounts.by_name[order.account], order, market, arriving=False)

    def match_account(self, account: Account) -> None:
        """Let all that one account has resting trade, after its matching was held."""
        for order in list(account.open_orders.values()):
            market = self.markets[order.instrument.key]
            if order.order_id in market.resting:
                self._trade(account, order, market, arriving=False)

    def release(self, account: Account, order_id: str | None = None) -> int:
        """Let what is held on its way arrive, all of it or one order's; how many steps that was."""
        going: list[Waiting] = []
        staying: list[Waiting] = []
        for each in self.held:
            wanted = each[0] is account and order_id in {None, each[1].order_id}
            (going if wanted else staying).append(each)
        self.held = staying
        for owner, order, step in going:
            step(owner, order)
        return len(going)

    def open_session(self, account: Account) -> int:
        """Send the after-market orders that wait to the exchange; margin is checked again."""
        waiting = [order for order in account.open_orders.values() if order.waits_for_open]
        for order in waiting:
            order.waits_for_open = False
            self._enter(account, order, replace_exchange_id=True)
        return len(waiting)

    def expire(self, account: Account) -> int:
        """The day is over: what rests is EXPIRED, its fills stay."""
        resting = [order for order in account.open_orders.values() if not order.waits_for_open]
        for order in resting:
            self.finish(account, order, terms.EXPIRED, refusals.EXPIRED_AT_CLOSE)
        return len(resting)

    def fill(self, account: Account, order: Order, quantity: int, price: Decimal) -> Trade:
        """An execution; of an order in transit too, which a fast order shows."""
        if order.is_final or not 0 < quantity <= order.remaining:
            raise ValueError(
                f"order {order.order_id} is {order.status} with {order.remaining} open: no fill of {quantity}"
            )
        if not order.exchange_order_id:
            order.exchange_order_id = self._numbers.exchange_order()
            order.exchanged = self._clock.text()
        trade = Trade(
            order=order,
            exchange_trade_id=self._numbers.trade(),
            quantity=quantity,
            price=price,
            at=self._clock.text(),
        )
        order.filled += quantity
        order.traded_value += quantity * price
        order.last_fill_price = price
        order.reason = terms.TRADE_CONFIRMED
        account.trades.append(trade)
        account.ledger.position(order.instrument, order.product).trade(order.side, quantity, price)
        if order.remaining == 0:
            self.finish(account, order, terms.TRADED, terms.TRADE_CONFIRMED)
        else:
            # One that traded while it was in transit rests from now on.
            self.markets[order.instrument.key].resting.setdefault(order.order_id, order)
            self._block(account, order, min(order.opening, order.remaining))
            self._become(account, order, terms.PART_TRADED)
        return trade

    def trigger(self, account: Account, order: Order) -> None:
        """A stop's price was reached."""
        order.triggered = True
        if account.settings.trigger_becomes_limit:
            becomes = terms.LIMIT if order.terms.order_type == terms.STOP_LOSS else terms.MARKET
            order.terms = replace(order.terms, order_type=becomes)
        self._become(account, order, terms.TRIGGERED)

    def finish(self, account: Account, order: Order, status: str, reason: str) -> None:
        """The order is over."""
        order.reason = reason
        self._block(account, order, 0)
        account.open_orders.pop(order.order_id, None)
        self.markets[order.instrument.key].resting.pop(order.order_id, None)
        self._become(account, order, status)

    def forget_finished(self) -> None:
        """What was on its way to orders that are over goes nowhere."""
        self.held = [each for each in self.held if not each[1].is_final]

    def confirm(self, account: Account, order: Order) -> None:
        """Let an order in transit arrive at once, whatever holds it."""
        self.held = [each for each in self.held if each[1] is not order or each[2] != self._admit]
        self._admit(account, order)

    # ---- steps on the way --------------------------------------------------------------------------------------------

    def _proceed(self, account: Account, order: Order, step: Step) -> None:
        if account.settings.hold:
            self.held.append((account, order, step))
            return
        self._later(account.settings.transit_ms / 1000, lambda: self._arrive(account, order, step))

    def _arrive(self, account: Account, order: Order, step: Step) -> None:
        if account.settings.hold:  # since it left
            self.held.append((account, order, step))
        else:
            step(account, order)

    def _admit(self, account: Account, order: Order) -> None:
        if order.is_final or order.status != terms.TRANSIT:
            return
        text = self._objection(account, order)
        if text is not None:
            self.finish(account, order, terms.REJECTED, text)
            return
        self._enter(account, order)
        for wanted in order.deferred:
            self._change(account, order, wanted)
        order.deferred.clear()

    def _enter(self, account: Account, order: Order, *, replace_exchange_id: bool = False) -> None:
        """Into the exchange's book; an after-market order stays before its door."""
        market = self.markets[order.instrument.key]
        if replace_exchange_id:
            text = self._objection(account, order, after_market=False)
            if text is not None:
                self.finish(account, order, terms.REJECTED, text)
                return
        needed = risk.need(account, _question(order), market.last_price)
        order.unit_margin = needed.unit_margin
        order.opening = needed.opening
        self._block(account, order, needed.opening)
        market.resting[order.order_id] = order
        if order.waits_for_open:
            self._become(account, order, account.settings.amo_status)
            return
        order.exchange_order_id = self._numbers.exchange_order()
        order.exchanged = self._clock.text()
        self._become(account, order, terms.PENDING)
        self._trade(account, order, market, arriving=True)

    def _change(self, account: Account, order: Order, wanted: Terms) -> None:
        if order.is_final:
            return
        if order.status == terms.TRANSIT and not order.waits_for_open:
            order.deferred.append(wanted)
            return
        market = self.markets[order.instrument.key]
        text = self._objection(account, order, terms=wanted)
        if account.settings.refuse_modification == "later":
            text = refusals.MODIFICATION_REFUSED
        if wanted.quantity <= order.filled:
            text = refusals.BELOW_TRADED.format(filled=order.filled)
        if text is not None:
            # The old order rests on; only the reason tells of the refusal.
            order.reason = text
            self._become(account, order, order.status)
            order.reason = terms.CONFIRMED
            order.row_text = ""
            return
        if wanted.order_type in terms.STOPS and wanted.trigger_price != order.terms.trigger_price:
            order.triggered = False
        order.terms = wanted
        order.sent_as_market = False
        self._protect(account, order, market)
        needed = risk.need(account, _question(order), market.last_price)
        order.unit_margin, order.opening = needed.unit_margin, needed.opening
        self._block(account, order, needed.opening)
        self._touch(order)
        self._announce(account, order, terms.MODIFIED_FRAME)
        self._trade(account, order, market, arriving=True)

    def _objection(self, account: Account, order: Order, **changes: Any) -> str | None:
        """What the risk desk has against an order, or against what `changes` would make of it."""
        if order.unchecked:
            return None
        market = self.markets[order.instrument.key]
        asked = replace(_question(order), **changes)
        return risk.objection(account, asked, market.last_price, self._clock.today())

    def _cancel(self, account: Account, order: Order) -> None:
        if not order.is_final:
            self.finish(account, order, terms.CANCELLED, refusals.CANCELLED_BY_USER)

    # ---- matching ----------------------------------------------------------------------------------------------------

    def _trade(self, account: Account, order: Order, market: Market, *, arriving: bool) -> None:
        if account.settings.hold_matching or order.waits_for_open or market.halted:
            return
        last = market.last_price
        if order.awaits_trigger:
            reached = (
                last >= order.terms.trigger_price if order.side == terms.BUY else last <= order.terms.trigger_price
            )
            if not reached:
                return
            self.trigger(account, order)
            arriving = True
        limit = order.limit
        if limit is None or (last <= limit if order.side == terms.BUY else last >= limit):
            quantity = market.takes(order.remaining)
            if quantity > 0:
                if market.available is not None:
                    market.available -= quantity
                self.fill(account, order, quantity, last if arriving or limit is None else limit)
        if order.is_final:
            return
        if order.terms.validity == terms.IOC:
            self.finish(account, order, account.settings.ioc_rest, refusals.IOC_CANCELLED)
        elif order.status == terms.TRIGGERED:
            self._become(account, order, terms.PENDING)

    def _protect(self, account: Account, order: Order, market: Market) -> None:
        """Market price protection, and the three ways of a STOP_LOSS_MARKET."""
        wanted, settings = order.terms, account.settings
        tick = order.instrument.tick_size
        if wanted.order_type == terms.MARKET and settings.market_orders == "protected":
            band = 1 + Decimal(str(settings.market_band_percent)) / 100 * (1 if order.side == terms.BUY else -1)
            price = on_tick(market.last_price * band, tick)
            order.terms = replace(wanted, order_type=terms.LIMIT, price=price)
            order.sent_as_market = True
        elif wanted.order_type == terms.STOP_LOSS_MARKET and settings.stop_market_orders == "limit":
            price = on_tick(wanted.trigger_price * STOP_MARKET_LIMIT[order.side], tick)
            order.terms = replace(wanted, order_type=terms.LIMIT, price=price, trigger_price=ZERO)

    def _block(self, account: Account, order: Order, units: int) -> None:
        margin = order.unit_margin * units
        account.ledger.blocked += margin - order.margin
        order.margin = margin

    def _become(self, account: Account, order: Order, status: str) -> None:
        order.status = status
        self._touch(order)
        self._announce(account, order, terms.FRAME_STATUSES[status])

    def _touch(self, order: Order) -> None:
        order.updated = self._clock.text()
        order.row_text = ""


def _question(order: Order) -> risk.Question:
    return risk.Question(
        order_id=order.order_id,
        instrument=order.instrument,
        side=order.side,
        product=order.product,
        terms=order.terms,
        filled=order.filled,
        after_market=order.after_market,
    )
