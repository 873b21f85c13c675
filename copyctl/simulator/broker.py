"""What is the whole broker made of?

One Broker holds the parts and hands them to the doors (REST, stream, control, tape); it has no network of its own.
"""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from copyctl.simulator import closing
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.clock import Clock
from copyctl.simulator.exchange import Exchange
from copyctl.simulator.faults import Faults
from copyctl.simulator.forever_book import ForeverBook
from copyctl.simulator.instruments import Instrument, opening_market
from copyctl.simulator.legs import Legs
from copyctl.simulator.market import Market
from copyctl.simulator.orders import Order, Terms, Wish
from copyctl.simulator.rates import Rates
from copyctl.simulator.settings import Settings
from copyctl.simulator.stream import Stream
from copyctl.simulator.timers import Timers
from copyctl.simulator.walk import Walk

REQUESTS_KEPT = 200_000


@dataclass(slots=True, kw_only=True)
class Received:
    """A REST request as it came in, and how it was answered."""

    number: int
    monotonic_ns: int
    wall_ns: int
    account: str | None
    method: str
    path: str
    query: str
    raw: bytes
    status: int | None = None  # None: no answer left
    fault: str | None = None


class Broker:
    """All parts of the broker, wired."""

    def __init__(self, *, seed: int, clock_offset_seconds: float, token_hours: float) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self.clock = Clock(clock_offset_seconds)
        self.timers = Timers()
        self.accounts = Accounts(self.clock, self.chance, token_hours)
        self.stream = Stream(self.accounts, self.chance, self.timers.later)
        self.exchange = Exchange(self.accounts, self.clock, self._announce, self.timers.later)
        self.legs = Legs(self.accounts, self.exchange)
        self.forevers = ForeverBook(self.accounts, self.exchange, self.clock, self._announce)
        self.exchange.priced = self._follow_price
        self.exchange.changed = self.legs.follow
        self.exchange.unheld = self.forevers.look_again
        self.walk = Walk(self.exchange, self.chance, self.timers.later)
        self.faults = Faults(self.chance)
        self.settings = Settings()  # what a new account starts with
        self.received: deque[Received] = deque(maxlen=REQUESTS_KEPT)
        self.closing = asyncio.Event()
        self._rates: dict[str, Rates] = {}
        self._extra: dict[tuple[str, str], Instrument] = {}
        self._count = 0
        self._clock_offset = clock_offset_seconds
        self.list_all()

    def list_all(self) -> None:
        """Open trading in every instrument, at the opening prices."""
        for instrument in opening_market(self.clock.now().date()).values():
            self.exchange.list_instrument(instrument)
        for instrument in self._extra.values():
            self.exchange.list_instrument(instrument)

    def add_instrument(self, instrument: Instrument) -> None:
        """One more, which a reset does not forget."""
        self._extra[instrument.key] = instrument
        self.exchange.list_instrument(instrument)

    def reset(self) -> None:
        """A new day one: no orders, trades, faults, requests; prices, settings, rates, tokens, time as at the start."""
        self.timers.call_off()
        self.clock.shift(self._clock_offset)
        self.walk.set(0, 0)
        self.exchange.clear()
        self.faults.rules.clear()
        self.received.clear()
        self.stream.sent.clear()
        self._rates.clear()
        self.stream.down.clear()
        self.stream.all_down = False
        for account in self.accounts.by_name.values():
            account.clear()
            account.token_alive = True
            account.minted_at = None
            account.settings = self.settings.copy()
        self.list_all()

    def receive(
        self, account: Account | None, method: str, path: str, query: str, raw: bytes, monotonic_ns: int
    ) -> Received:
        """Note a request; ``monotonic_ns``: when it arrived."""
        self._count += 1
        noted = Received(
            number=self._count,
            monotonic_ns=monotonic_ns,
            wall_ns=time.time_ns(),
            account=account.name if account is not None else None,
            method=method,
            path=path,
            query=query,
            raw=raw,
        )
        self.received.append(noted)
        return noted

    def rates(self, account: Account) -> Rates:
        found = self._rates.get(account.name)
        if found is None:
            found = self._rates[account.name] = Rates(time.monotonic)
        return found

    def last_price(self, instrument: Instrument) -> Decimal:
        market = self.exchange.markets.get(instrument.key)
        return market.last_price if market is not None else instrument.last_price

    def place(self, account: Account, wish: Wish) -> Order:
        """Take an order, with its exits where it has any. Raises a Refusal as the exchange does."""
        if wish.exits is not None:
            return self.legs.place(account, wish, wish.exits)
        return self.exchange.place(account, wish)

    def modify(self, account: Account, order: Order, wanted: Terms) -> None:
        """Take a modification of an order or of an exit."""
        if order.is_exit:
            self.legs.modify_exit(account, order, wanted.price or wanted.trigger_price)
        else:
            self.exchange.modify(account, order, wanted)

    def _follow_price(self, market: Market) -> None:
        self.legs.trail(market)
        self.forevers.look(market)
        for account in self.accounts.by_name.values():
            if account.exit_rule is not None:
                closing.keep_exit_rule(self.exchange, account)

    def _announce(self, account: Account, order: Order, word: str) -> None:
        if order.is_exit and order.is_super and not account.settings.super_announced:
            return
        self.stream.announce(account, order, word, float(self.exchange.markets[order.instrument.key].last_price))
