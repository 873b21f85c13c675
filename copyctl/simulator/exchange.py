"""What becomes of an order, and when?

    TRANSIT -> PENDING -> PART_TRADED* -> TRADED        each step takes `transit_ms`, or waits while `hold` is on
       |          +-> CANCELLED | EXPIRED               SL: PENDING -> TRIGGERED -> as a LIMIT
       +-> REJECTED

Every change of state is announced once (the stream makes frames of it). A MARKET order trades at the last price; a
LIMIT order trades at the last price when it arrives and at its own price when the market comes to it later.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from copyctl.simulator import after_market, protection, refusals, risk, terms
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.clock import Clock
from copyctl.simulator.forever import Forever
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.market import Key, Market
from copyctl.simulator.numbers import Numbers
from copyctl.simulator.orders import Order, Terms, Trade, Wish

Step = Callable[[], object]
Announce = Callable[[Account, Order, str], None]
Later = Callable[[float, Callable[[], None]], None]


class Waiting(NamedTuple):
    """What is on its way for an order, and does not arrive before it is let."""

    account: Account
    order: Order | Forever
    step: Step
    admits: bool  # it is the order itself that arrives, and no change of it


class Exchange:
    """The order books of all accounts, and the prices that move them."""

    def __init__(self, accounts: Accounts, clock: Clock, announce: Announce, later: Later) -> None:
        self.markets: dict[Key, Market] = {}
        self.held: list[Waiting] = []
        self.priced: Callable[[Market], None] = lambda market: None  # called after every price
        self.changed: Callable[[Account, Order], None] = lambda account, order: None  # a new status, of a leg alone
        self.unheld: Callable[[Account], None] = lambda account: None  # called when matching is no longer held
        self.numbers = Numbers(clock)
        self._accounts = accounts
        self._clock = clock
        self._announce = announce
        self._later = later

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
        order_id = self.numbers.order()
        order = Order(
            order_id=order_id,
            account=account.name,
            client_id=account.client_id,
            instrument=wish.instrument,
            side=wish.side,
            product=wish.product,
            terms=wish.terms,
            correlation_id=wish.correlation_id or self.numbers.correlation(account),
            after_market=wish.after_market,
            amo_time=wish.amo_time,
            source=wish.source,
            platform=wish.platform,
            created=text,
            updated=text,
            waits_for_open=wish.after_market,
            unchecked=wish.unchecked,
            exits=wish.exits,
            leg=terms.ENTRY_LEG if wish.exits is not None else None,
            family=order_id if wish.exits is not None else "",
            algo_order=wish.algo_order,
            must_fail=wish.must_fail,
        )
        protection.protect(order, account.settings, self.markets[wish.instrument.key].last_price)
        objection = self.objection(account, order) if account.settings.refuse == "at_once" else None
        if objection is not None:
            raise refusals.order_error(objection)
        self._note(account, order)
        self._announce(account, order, terms.FRAME_STATUSES[terms.TRANSIT])
        self.proceed(account, order, lambda: self._admit(account, order), admits=True)
        return order

    def rest(self, account: Account, order: Order) -> None:
        """An order of the broker's own making, the exit of another, goes straight into the exchange's book."""
        order.created = self._clock.text()
        self._note(account, order)
        self._enter(account, order)

    def _note(self, account: Account, order: Order) -> None:
        account.orders[order.key] = order
        account.open_orders[order.key] = order
        if order.correlation_id not in {"", "NA"}:
            account.by_correlation.setdefault(order.correlation_id, []).append(order)

    def modify(self, account: Account, order: Order, wanted: Terms) -> None:
        """Take a modification; it happens a moment later, and may fail then."""
        order.modifications += 1
        self.proceed(account, order, lambda: self.change(account, order, wanted))

    def cancel(self, account: Account, order: Order) -> None:
        """Take a cancel; a fill may still come before it."""
        self.proceed(account, order, lambda: self._cancel(account, order))

    # ---- what the world does -----------------------------------------------------------------------------------------

    def set_price(self, key: Key, price: Decimal) -> None:
        """The market trades at a price: whoever waited for it trades too."""
        market = self.markets[key]
        market.last_price = price
        self.match(market)
        self.priced(market)

    def match(self, market: Market) -> None:
        """Let all that rests in a market trade as far as it can."""
        for order in list(market.resting.values()):
            if order.key in market.resting:
                self._trade(self._accounts.by_name[order.account], order, market, arriving=False)

    def match_account(self, account: Account) -> None:
        """Let all that one account has resting trade, after its matching was held."""
        for order in list(account.open_orders.values()):
            market = self.markets[order.instrument.key]
            if order.key in market.resting:
                self._trade(account, order, market, arriving=False)
        self.unheld(account)

    def release(self, account: Account, order_id: str | None = None) -> int:
        """Let what is held on its way arrive, all of it or one order's; how many steps that was."""
        going: list[Waiting] = []
        staying: list[Waiting] = []
        for each in self.held:
            wanted = each.account is account and order_id in {None, each.order.order_id}
            (going if wanted else staying).append(each)
        self.held = staying
        for each in going:
            each.step()
        return len(going)

    def open_session(self, account: Account, *, whole: bool = True) -> int:
        """Send the after-market orders that wait to the exchange, all or those whose time has come; margin is checked
        again."""
        now = self._clock.now()
        waiting = [
            order
            for order in account.open_orders.values()
            if order.waits_for_open and (whole or (moment := after_market.due(order)) is None or moment <= now)
        ]
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
            order.exchange_order_id = self.numbers.exchange_order()
            order.exchanged = self._clock.text()
        trade = Trade(
            order=order,
            exchange_trade_id=self.numbers.trade(),
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
            self.markets[order.instrument.key].resting.setdefault(order.key, order)
            self._block(account, order, min(order.opening, order.remaining))
            self._become(account, order, terms.PART_TRADED)
        return trade

    def trigger(self, account: Account, order: Order) -> None:
        """A stop's price was reached."""
        order.triggered = True
        if account.settings.trigger_becomes_limit:
            order.terms = replace(order.terms, order_type=protection.triggered_type(order))
        self._become(account, order, terms.TRIGGERED)

    def finish(self, account: Account, order: Order, status: str, reason: str) -> None:
        """The order is over."""
        order.reason = reason
        self._block(account, order, 0)
        account.open_orders.pop(order.key, None)
        self.markets[order.instrument.key].resting.pop(order.key, None)
        self._become(account, order, status)

    def forget_finished(self) -> None:
        """What was on its way to orders that are over goes nowhere."""
        self.held = [each for each in self.held if not each.order.is_final]

    def confirm(self, account: Account, order: Order) -> None:
        """Let an order in transit arrive at once, whatever holds it."""
        self.held = [each for each in self.held if each.order is not order or not each.admits]
        self._admit(account, order)

    # ---- steps on the way --------------------------------------------------------------------------------------------

    def proceed(self, account: Account, order: Order | Forever, step: Step, *, admits: bool = False) -> None:
        """Let a step be on its way: it is taken a moment later, or when it is released."""
        waiting = Waiting(account, order, step, admits)
        if account.settings.hold:
            self.held.append(waiting)
            return
        self._later(account.settings.transit_ms / 1000, lambda: self._arrive(waiting))

    def _arrive(self, waiting: Waiting) -> None:
        if waiting.account.settings.hold:  # since it left
            self.held.append(waiting)
        else:
            waiting.step()

    def _admit(self, account: Account, order: Order) -> None:
        if order.is_final or order.status != terms.TRANSIT:
            return
        text = self.objection(account, order)
        if order.must_fail:
            text = risk.funds_refusal(account, risk.question(order), self.markets[order.instrument.key].last_price)
        if text is not None:
            self.finish(account, order, terms.REJECTED, text)
            return
        self._enter(account, order)
        for wanted in order.deferred:
            self.change(account, order, wanted)
        order.deferred.clear()

    def _enter(self, account: Account, order: Order, *, replace_exchange_id: bool = False) -> None:
        """Into the exchange's book; an after-market order stays before its door."""
        market = self.markets[order.instrument.key]
        if replace_exchange_id:
            text = self.objection(account, order, after_market=False)
            if text is not None:
                self.finish(account, order, terms.REJECTED, text)
                return
        self._ask_margin(account, order, market)
        market.resting[order.key] = order
        if order.waits_for_open:
            self._become(account, order, account.settings.amo_status)
            self._wait_for_open(account, order)
            return
        order.exchange_order_id = self.numbers.exchange_order()
        order.exchanged = self._clock.text()
        self._become(account, order, terms.PENDING)
        self._trade(account, order, market, arriving=True)

    def _wait_for_open(self, account: Account, order: Order) -> None:
        moment = after_market.due(order)
        if moment is not None:
            seconds = (moment - self._clock.now()).total_seconds()
            self._later(max(0.0, seconds), lambda: self._open_due(account))

    def _open_due(self, account: Account) -> None:
        self.open_session(account, whole=False)

    def change(self, account: Account, order: Order, wanted: Terms) -> bool:
        """A modification arrives; whether it is taken."""
        if order.is_final:
            return False
        if order.status == terms.TRANSIT and not order.waits_for_open:
            order.deferred.append(wanted)
            return True
        text = self.objection(account, order, terms=wanted)
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
            return False
        self.restate(account, order, wanted)
        self._trade(account, order, self.markets[order.instrument.key], arriving=True)
        return True

    def restate(self, account: Account, order: Order, wanted: Terms) -> None:
        """The order has these terms from now on; nobody is asked."""
        market = self.markets[order.instrument.key]
        if wanted.order_type in terms.STOPS and wanted.trigger_price != order.terms.trigger_price:
            order.triggered = False
        order.terms = wanted
        order.sent_as_market = False
        protection.protect(order, account.settings, market.last_price)
        self._ask_margin(account, order, market)
        self._touch(order)
        self._announce(account, order, terms.MODIFIED_FRAME)

    def objection(self, account: Account, order: Order, **changes: Any) -> str | None:
        """What the risk desk has against an order, or against what `changes` would make of it."""
        if order.unchecked:
            return None
        market = self.markets[order.instrument.key]
        asked = replace(risk.question(order), **changes)
        if order.is_exit:
            return risk.exit_objection(account, asked)
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

    def _ask_margin(self, account: Account, order: Order, market: Market) -> None:
        if order.is_exit:  # it closes what its entry opened
            return
        needed = risk.need(account, risk.question(order), market.last_price)
        order.unit_margin, order.opening = needed.unit_margin, needed.opening
        self._block(account, order, needed.opening)

    def _block(self, account: Account, order: Order, units: int) -> None:
        margin = order.unit_margin * units
        account.ledger.blocked += margin - order.margin
        order.margin = margin

    def _become(self, account: Account, order: Order, status: str) -> None:
        order.status = status
        self._touch(order)
        self._announce(account, order, terms.FRAME_STATUSES[status])
        if order.family:
            self.changed(account, order)

    def _touch(self, order: Order) -> None:
        order.updated = self._clock.text()
        order.row_text = ""
