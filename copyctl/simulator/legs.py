"""What do an order's target and stop do?

    the entry trades, if in part -> both exits are live for as much
    one exit trades, if in part  -> the other has as much less; nothing left: it is CANCELLED, the bracket is closed

Super orders, cover orders and bracket orders differ in how they are asked for and told of, and in nothing here. An exit
that rests knows nothing of the position: closed by another order, it still waits, and opens a new one when it trades.
"""

from dataclasses import replace
from decimal import Decimal

from copyctl.simulator import refusals, terms
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.bracket import Bracket
from copyctl.simulator.exchange import Exchange
from copyctl.simulator.instruments import on_tick
from copyctl.simulator.market import Market
from copyctl.simulator.orders import ZERO, Exits, Order, Terms, Wish


class Legs:
    """The brackets of all accounts."""

    def __init__(self, accounts: Accounts, exchange: Exchange) -> None:
        self._accounts = accounts
        self._exchange = exchange

    def place(self, account: Account, wish: Wish, exits: Exits) -> Order:
        """Take an order with exits; these wait until it trades. Raises a Refusal as any placement."""
        echoes = not exits.is_super or account.settings.super_correlation == "echo"
        entry = self._exchange.place(account, wish if echoes else replace(wish, correlation_id=None))
        held = account.brackets[entry.key] = Bracket(entry=entry, jump=exits.jump)
        for name, price in ((terms.STOP_LOSS_LEG, exits.stop), (terms.TARGET_LEG, exits.target)):
            if price:
                self._add(account, held, name, price)
        return entry

    def _add(self, account: Account, held: Bracket, name: str, price: Decimal) -> None:
        entry = held.entry
        shares = entry.is_super and account.settings.leg_ids == "shared"
        leg = Order(
            order_id=entry.order_id if shares else self._exchange.numbers.order(),
            account=entry.account,
            client_id=entry.client_id,
            instrument=entry.instrument,
            side=terms.OPPOSITE[entry.side],
            product=entry.product,
            terms=_exit_terms(name, price),
            correlation_id=self._exchange.numbers.correlation(account),
            after_market=False,
            amo_time=None,
            source=entry.source,
            platform=entry.platform,
            created=entry.created,
            updated=entry.updated,
            status=terms.PENDING,
            exits=Exits(is_super=entry.is_super),
            leg=name,
            family=entry.key,
            algo_order=entry.order_id,
        )
        if shares:
            leg.key = f"{entry.key}/{name}"
        if name == terms.STOP_LOSS_LEG:
            held.stop = leg
        else:
            held.target = leg

    # ---- what follows from what the orders do ------------------------------------------------------------------------

    def follow(self, account: Account, order: Order) -> None:
        """An entry or an exit has a new status."""
        held = account.brackets.get(order.family)
        if held is None:  # it is being placed
            return
        if order is not held.entry:
            self._follow_exit(account, held, order)
        elif order.filled:
            self._fit_all(account, held)
        elif order.is_final:
            for leg in held.exits:
                self._end(account, leg, order.status, order.reason)

    def _follow_exit(self, account: Account, held: Bracket, leg: Order) -> None:
        twin = held.twin(leg)
        if leg.status != terms.TRADED:
            if leg.filled and twin is not None and not twin.is_final:
                self._fit(account, held, twin)
            return
        held.closed = True
        if twin is not None:
            self._end(account, twin, terms.CANCELLED, refusals.OTHER_LEG_TRADED)
        if not held.entry.is_final:
            self._exchange.finish(account, held.entry, terms.CANCELLED, refusals.OTHER_LEG_TRADED)

    def _fit_all(self, account: Account, held: Bracket) -> None:
        distances = held.entry.exits
        for leg in held.exits:
            if leg.is_final:
                continue
            if distances is not None and distances.as_distances:
                self._price_from_average(held, leg, distances)
            self._fit(account, held, leg)

    def _fit(self, account: Account, held: Bracket, leg: Order) -> None:
        """Make an exit live for what the entry has brought in and the other exit has not taken out."""
        twin = held.twin(leg)
        units = held.entry.filled - (twin.filled if twin is not None else 0)
        wanted = replace(leg.terms, quantity=units)
        if leg.key not in account.open_orders:
            leg.terms = wanted
            if leg is held.stop:
                held.anchor = self._last_price(leg)
            self._exchange.rest(account, leg)
        elif wanted.quantity != leg.terms.quantity and units > leg.filled:
            self._exchange.restate(account, leg, wanted)

    def _price_from_average(self, held: Bracket, leg: Order, distances: Exits) -> None:
        """A bracket order's exits stand at a distance from what the entry paid, until somebody moves them."""
        if leg.modifications:
            return
        outward = 1 if held.entry.side == terms.BUY else -1
        away = outward * distances.target if leg is held.target else -outward * distances.stop
        price = on_tick(held.entry.average + away, leg.instrument.tick_size)
        leg.terms = _exit_terms(leg.leg, price, leg.terms.quantity)

    def _end(self, account: Account, leg: Order, status: str, reason: str) -> None:
        if leg.is_final:
            return
        if leg.key in account.open_orders:
            self._exchange.finish(account, leg, status, reason)
        else:  # it was never live: nothing is told
            leg.status, leg.reason = status, reason

    def trail(self, market: Market) -> None:
        """The market trades at a price: stops follow it, jump by jump."""
        for order in list(market.resting.values()):
            if order.leg != terms.STOP_LOSS_LEG or order.triggered or order.is_final or market.halted:
                continue
            account = self._accounts.by_name[order.account]
            held = account.brackets[order.family]
            if held.jump and not account.settings.hold_matching:
                self._follow_price(account, held, order, market.last_price)

    def _follow_price(self, account: Account, held: Bracket, stop: Order, last_price: Decimal) -> None:
        outward = 1 if held.entry.side == terms.BUY else -1
        while (last_price - held.anchor) * outward >= held.jump:
            held.anchor += outward * held.jump
            trigger = stop.terms.trigger_price + outward * held.jump
            self._exchange.restate(account, stop, replace(stop.terms, trigger_price=trigger))

    # ---- what clients ask for ----------------------------------------------------------------------------------------

    def modify_entry(self, account: Account, held: Bracket, wanted: Terms, exits: Exits) -> None:
        """Take a modification of the whole; it happens a moment later, and may fail then."""
        held.entry.modifications += 1
        self._exchange.proceed(account, held.entry, lambda: self._change_entry(account, held, wanted, exits))

    def _change_entry(self, account: Account, held: Bracket, wanted: Terms, exits: Exits) -> None:
        before, held.entry.exits = held.entry.exits, exits  # the risk desk sees the new ones
        if not self._exchange.change(account, held.entry, wanted):
            held.entry.exits = before
            return
        for name, price in ((terms.STOP_LOSS_LEG, exits.stop), (terms.TARGET_LEG, exits.target)):
            leg = held.leg(name)
            if leg is None and price and not held.entry.is_final:
                self._add(account, held, name, price)
                if held.entry.filled:
                    self._fit_all(account, held)
            elif leg is not None and not leg.is_final and price not in {leg.terms.price, leg.terms.trigger_price}:
                self._reprice(account, held, leg, price)
        self._set_jump(account, held, exits.jump)

    def modify_exit(self, account: Account, leg: Order, price: Decimal, jump: Decimal | None = None) -> None:
        """Take a modification of one exit, live or not; ``jump``: of the stop, None leaves it as it is."""
        held = account.brackets[leg.family]
        leg.modifications += 1
        self._exchange.proceed(account, leg, lambda: self._change_exit(account, held, leg, price, jump))

    def _change_exit(self, account: Account, held: Bracket, leg: Order, price: Decimal, jump: Decimal | None) -> None:
        if not leg.is_final and self._reprice(account, held, leg, price) and jump is not None:
            self._set_jump(account, held, jump)

    def _reprice(self, account: Account, held: Bracket, leg: Order, price: Decimal) -> bool:
        """Whether the exit has the new price."""
        wanted = _exit_terms(leg.leg, price, leg.terms.quantity)
        if leg.key in account.open_orders:
            return self._exchange.change(account, leg, wanted)
        if self._exchange.objection(account, leg, terms=wanted) is not None:
            return False
        leg.terms = wanted
        entry = held.entry
        if entry.exits is not None and not entry.exits.as_distances:
            is_stop = leg is held.stop
            entry.exits = replace(entry.exits, stop=price) if is_stop else replace(entry.exits, target=price)
            entry.row_text = ""
        return True

    def _set_jump(self, account: Account, held: Bracket, jump: Decimal) -> None:
        held.jump = jump
        held.anchor = self._last_price(held.entry)

    def cancel_all(self, account: Account, held: Bracket) -> None:
        """Take a cancel of the entry and its exits, whichever are open then."""
        self._exchange.proceed(account, held.entry, lambda: self._cancel_all(account, held))

    def _cancel_all(self, account: Account, held: Bracket) -> None:
        if not held.entry.is_final:
            self._exchange.finish(account, held.entry, terms.CANCELLED, refusals.CANCELLED_BY_USER)
        for leg in held.exits:
            self._end(account, leg, terms.CANCELLED, refusals.CANCELLED_BY_USER)

    def cancel_exit(self, account: Account, leg: Order) -> None:
        """Take a cancel of one exit, live or not; there will be no other."""
        self._exchange.proceed(
            account, leg, lambda: self._end(account, leg, terms.CANCELLED, refusals.CANCELLED_BY_USER)
        )

    def _last_price(self, order: Order) -> Decimal:
        return self._exchange.markets[order.instrument.key].last_price


def _exit_terms(name: str | None, price: Decimal, quantity: int = 0) -> Terms:
    """A target is a limit; a stop has a trigger and no limit, so that it trades at any price then."""
    if name == terms.TARGET_LEG:
        return Terms(order_type=terms.LIMIT, validity=terms.DAY, quantity=quantity, price=price)
    return Terms(order_type=terms.STOP_LOSS, validity=terms.DAY, quantity=quantity, price=ZERO, trigger_price=price)
