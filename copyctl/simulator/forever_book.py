"""What becomes of a forever order, and when?

    TRANSIT -> CONFIRM -> an ordinary order (orderPlatform FOVR, algoOrdNo = the forever order's number)
       +-> REJECTED   +-> CANCELLED

What is over is in no list any more. The stream tells of the ordinary order; of the forever order itself only where the
account's settings say so. The night changes nothing.
"""

from collections.abc import Callable
from dataclasses import replace

from copyctl.simulator import refusals, risk, terms
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.clock import Clock
from copyctl.simulator.exchange import Exchange
from copyctl.simulator.forever import PLATFORM, Forever, ForeverLeg, as_order, leg_names
from copyctl.simulator.market import Market
from copyctl.simulator.orders import ZERO, Order, Terms, Wish

Tell = Callable[[Account, Order, str], None]


class ForeverBook:
    """The forever orders of all accounts."""

    def __init__(self, accounts: Accounts, exchange: Exchange, clock: Clock, tell: Tell) -> None:
        self._accounts = accounts
        self._exchange = exchange
        self._clock = clock
        self._tell = tell

    def take(self, account: Account, forever: Forever) -> None:
        """Take one. Raises a Refusal while the kill switch is on, or when the account is refused at once."""
        if account.kill_switch:
            raise refusals.order_error(refusals.BLOCKED)
        text = self._objection(account, forever) if account.settings.refuse == "at_once" else None
        if text is not None:
            raise refusals.order_error(text)
        account.forevers[forever.order_id] = forever
        self._announce(account, forever, terms.FRAME_STATUSES[terms.TRANSIT])
        self._exchange.proceed(account, forever, lambda: self._arm(account, forever), admits=True)

    def modify(self, account: Account, forever: Forever, leg: ForeverLeg, wanted: Terms) -> None:
        """Take a modification of one leg; it happens a moment later, and may fail then."""
        forever.modifications += 1
        self._exchange.proceed(account, forever, lambda: self._change(account, forever, leg, wanted))

    def cancel(self, account: Account, forever: Forever) -> None:
        """Take a cancel; it may fire before."""
        self._exchange.proceed(
            account, forever, lambda: self.finish(account, forever, terms.CANCELLED, refusals.CANCELLED_BY_USER)
        )

    def finish(self, account: Account, forever: Forever, status: str, reason: str) -> None:
        """It is over, unless it was already."""
        if forever.is_final:
            return
        self._end(account, forever, status, reason)
        self._announce(account, forever, terms.FRAME_STATUSES[status])

    def look(self, market: Market) -> None:
        """The market trades at a price: what waited for it becomes an order."""
        for account in self._accounts.by_name.values():
            if account.forevers:
                self._look(account, market)

    def look_again(self, account: Account) -> None:
        """After its matching was held."""
        for forever in list(account.forevers.values()):
            self._fire_if_met(account, forever)

    def _look(self, account: Account, market: Market) -> None:
        for forever in list(account.forevers.values()):
            if forever.instrument.key == market.instrument.key:
                self._fire_if_met(account, forever)

    # ---- steps on the way --------------------------------------------------------------------------------------------

    def _arm(self, account: Account, forever: Forever) -> None:
        if forever.is_final:
            return
        text = self._objection(account, forever)
        if text is not None:
            self.finish(account, forever, terms.REJECTED, text)
            return
        forever.status = terms.CONFIRM
        forever.updated = self._clock.text()
        forever.turn(self._market(forever).last_price)
        self._announce(account, forever, terms.FRAME_STATUSES[terms.CONFIRM])
        self._fire_if_met(account, forever)

    def _change(self, account: Account, forever: Forever, leg: ForeverLeg, wanted: Terms) -> None:
        if forever.is_final:
            return
        before, leg.terms = leg.terms, wanted
        if self._objection(account, forever) is not None or account.settings.refuse_modification == "later":
            leg.terms = before
            return
        forever.updated = self._clock.text()
        if forever.status == terms.CONFIRM:
            forever.turn(self._market(forever).last_price)
        self._announce(account, forever, terms.MODIFIED_FRAME)
        self._fire_if_met(account, forever)

    def _fire_if_met(self, account: Account, forever: Forever) -> None:
        market = self._market(forever)
        if forever.status != terms.CONFIRM or market.halted or account.settings.hold_matching:
            return
        for leg in forever.legs:
            if leg.is_met(market.last_price):
                self._fire(account, forever, leg)
                return

    def _fire(self, account: Account, forever: Forever, leg: ForeverLeg) -> None:
        """The leg becomes an order of the day; the other leg, where there is one, is gone with it."""
        self._end(account, forever, terms.TRIGGERED, terms.CONFIRMED)
        echoes = account.settings.forever_child_correlation == "parent"
        wish = Wish(
            instrument=forever.instrument,
            side=forever.side,
            product=forever.product,
            terms=replace(leg.terms, trigger_price=ZERO, validity=terms.DAY),
            correlation_id=forever.correlation_id if echoes else None,
            source=forever.source,
            platform=PLATFORM,
            algo_order=forever.order_id,
        )
        try:
            self._exchange.place(account, wish)
        except refusals.Refusal as refused:
            # Nobody hears the answer; without a row in the book only the lost forever order shows it.
            forever.status, forever.reason = terms.REJECTED, str(refused)
            self._announce(account, forever, terms.FRAME_STATUSES[terms.REJECTED])

    # ---- what it stands on -------------------------------------------------------------------------------------------

    def _end(self, account: Account, forever: Forever, status: str, reason: str) -> None:
        forever.status, forever.reason, forever.updated = status, reason, self._clock.text()
        account.forevers.pop(forever.order_id, None)

    def _market(self, forever: Forever) -> Market:
        return self._exchange.markets[forever.instrument.key]

    def _objection(self, account: Account, forever: Forever) -> str | None:
        """What the risk desk has against one of its legs, as if that were ordered now."""
        last_price, today = self._market(forever).last_price, self._clock.today()
        questions = (risk.question(as_order(forever, leg, name)) for leg, name in self._named(account, forever))
        return next((text for asked in questions if (text := risk.objection(account, asked, last_price, today))), None)

    def _announce(self, account: Account, forever: Forever, word: str) -> None:
        if account.settings.forever_announced:
            for leg, name in self._named(account, forever):
                self._tell(account, as_order(forever, leg, name), word)

    def _named(self, account: Account, forever: Forever) -> list[tuple[ForeverLeg, str]]:
        return list(zip(forever.legs, leg_names(forever, account.settings), strict=True))
