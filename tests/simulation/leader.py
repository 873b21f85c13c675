"""The leader: some turns a day, each drawn from a chance of its own, so that one can be left out."""

from dataclasses import replace
from random import Random
from typing import Final

from tests.simulation.exchange import SECURITIES, TICK, Exchange, Placed, Security, Wish
from tests.simulation.timeline import MS, SECOND, Timeline

BURST: Final = (5, 20, 90, 400, 2000)
"""How soon after an act the leader acts on the same order again, ms."""


class Leader:
    """He trades at the exchange as others do: entries, changes, cancels, partial exits, stops, targets, reversals."""

    def __init__(self, seed: int, exchange: Exchange, timeline: Timeline) -> None:
        self.exchange = exchange
        self.timeline = timeline
        self._seed = seed
        self._me = exchange.leader
        self._liked = Random(f"{seed}/leader").sample(SECURITIES, k=2)

    def turn(self, number: int) -> None:
        """One thing that he does."""
        chance = Random(f"{self._seed}/turn/{number}")
        security = chance.choice(self._liked)
        mine, net = self.exchange.of(self._me, security), self.exchange.held(self._me, security)
        if mine and chance.random() < 0.35:
            self._act(chance, chance.choice(mine))
        elif not net:
            self._enter(chance, security, mine)
        elif chance.random() < 0.2:
            self._order(chance, security, 1 if net > 0 else -1, self._lots(chance, security))
        elif chance.random() < 0.08 and security.may_short and not mine:
            self._order(chance, security, -1 if net > 0 else 1, abs(net) + self._lots(chance, security), plain=True)
        else:
            self._leave(chance, security, net, mine)

    def finish(self, *, flat: bool) -> None:
        """He takes back what rests, and, where he ends flat, closes what he has."""
        for order in self.exchange.of(self._me):
            if order.status != "TRANSIT":
                self.exchange.cancel(order)
        for security in SECURITIES:
            net = self.exchange.held(self._me, security)
            if flat and net and not self.exchange.of(self._me, security):
                self.exchange.place(self._me, security, -1 if net > 0 else 1, Wish("MARKET", abs(net)))
        if self.exchange.of(self._me) or (flat and any(self.exchange.held(self._me, one) for one in SECURITIES)):
            self.timeline.later(2 * SECOND, lambda: self.finish(flat=flat))

    def _lots(self, chance: Random, security: Security) -> int:
        return security.lot * chance.choice((1, 2, 2, 3, 4, 6, 10))

    def _enter(self, chance: Random, security: Security, mine: list[Placed]) -> None:
        if mine and chance.random() < 0.7:
            return
        side = -1 if security.may_short and chance.random() < 0.35 else 1
        if any(one.side != side for one in mine):
            return
        order = self._order(chance, security, side, self._lots(chance, security))
        self._more(chance, order)

    def _leave(self, chance: Random, security: Security, net: int, mine: list[Placed]) -> None:
        side, lots = (-1 if net > 0 else 1), abs(net) // security.lot
        resting = sum(one.rest for one in mine if one.side == side)
        if not security.may_short and resting + security.lot > abs(net):
            return
        room = lots if security.may_short else (abs(net) - resting) // security.lot
        if room <= 0:
            return
        if chance.random() < 0.2 and security.may_short and not resting:
            self._order(chance, security, side, abs(net), kind="STOP_LOSS")
            self._order(chance, security, side, abs(net), kind="LIMIT", away=8)
            return
        units = security.lot * (room if chance.random() < 0.5 else chance.randint(1, room))
        self._more(chance, self._order(chance, security, side, units))

    def _order(
        self,
        chance: Random,
        security: Security,
        side: int,
        units: int,
        *,
        kind: str = "",
        away: int = 0,
        plain: bool = False,
    ) -> Placed:
        kinds = ("LIMIT", "LIMIT", "LIMIT", "MARKET", "MARKET") + (() if plain else ("STOP_LOSS",))
        if security.is_share and not plain:
            kinds += ("STOP_LOSS_MARKET",)
        kind = kind or chance.choice(kinds)
        step = TICK * (1 + security.price // 50_000)
        last = self.exchange.last[security.id]
        wish = Wish(kind, units, validity="IOC" if kind == "LIMIT" and chance.random() < 0.08 else "DAY")
        if kind == "LIMIT":
            wish = replace(wish, price=max(TICK, last - side * step * (away or chance.randint(-6, 6))))
        elif kind != "MARKET":
            trigger = max(TICK, last + side * step * chance.randint(3, 10))
            limit = max(TICK, trigger + side * step * 4) if kind == "STOP_LOSS" else 0
            wish = replace(wish, trigger=trigger, price=limit)
        return self.exchange.place(self._me, security, side, wish)

    def _more(self, chance: Random, order: Placed) -> None:
        """He may act on the same order again, and again."""
        moment = 0
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            moment += chance.choice(BURST) * MS
            self.timeline.later(moment, lambda: self._act(chance, order))

    def _act(self, chance: Random, order: Placed) -> None:
        if not order.open or order.status == "TRANSIT":
            return
        if chance.random() < 0.3:
            self.exchange.cancel(order)
            return
        wish, step = order.wish, TICK * (1 + order.security.price // 50_000)
        shift = step * chance.randint(-4, 4)
        if wish.kind in ("LIMIT", "STOP_LOSS"):
            wish = replace(wish, price=max(TICK, wish.price + shift))
        if wish.kind.startswith("STOP") and not order.triggered:
            wish = replace(wish, trigger=max(TICK, wish.trigger + shift))
        if chance.random() < 0.4 and order.security.may_short:
            wish = replace(wish, quantity=self._lots(chance, order.security))
        if wish.quantity > order.filled:
            self.exchange.modify(order, wish)
