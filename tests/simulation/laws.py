"""What always holds, looked at from outside: at the broker, on disk, and on the wire. Nothing here asks the core.

A leader's order is followed here by its fills at the exchange alone: what it opened and what it closed.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from copyctl.core.correlation import correlation_id, stem_of
from copyctl.core.hours import SECOND
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice
from copyctl.model.events import BooksRead, CommandGiven
from copyctl.model.journal import Entry
from tests.simulation.exchange import TICK, Placed, open_exits
from tests.simulation.policies import Follower

if TYPE_CHECKING:
    from tests.simulation.day import Day
    from tests.simulation.life import Life

SUFFIXES: Final = ("", "#entry")
KINDS: Final = {"POST": "place", "PUT": "modify", "DELETE": "cancel"}


@dataclass(eq=False, slots=True)
class Led:
    """One order of the leader. ``held``: what he had on the other side when he placed it, ``first``: its quantity then;
    ``opened``, ``closed``: units of its fills that enlarged and lessened his position."""

    order: Placed
    held: int
    first: int
    opened: int = 0
    closed: int = 0

    @property
    def enlarges(self) -> bool:
        """Could it only enlarge his position when he placed it?"""
        return not self.held


@dataclass(frozen=True, slots=True)
class Move:
    """One fill of the leader's: his position before it."""

    order: Placed
    units: int
    before: int


class Laws:
    """The watcher of a day."""

    def __init__(self, day: "Day", followers: Sequence[Follower]) -> None:
        self.day = day
        self.followers = {one.account: one for one in followers}
        self.led: dict[str, Led] = {}
        self.moves: list[Move] = []
        self.rows: dict[str, tuple[str, str]] = {}
        self.placed: dict[str, Placed] = {}
        self.of_row: dict[tuple[str, str], list[Placed]] = {}
        self.opened: Counter[str] = Counter()
        self.killed: dict[str, int] = {}
        self.on_side: dict[tuple[str, int], int] = {}
        self.unseen: dict[str, int] = {}
        self.leader_book = 0
        self.blind: set[str] = set()
        """Placements, and leader orders behind them, that left while something of his was not told as it should be."""
        self.notices: list[Notice] = []
        self.checked = 0

    # --- at the exchange ------------------------------------------------------------------------------------------

    def announced(self, order: Placed, word: str) -> None:
        self.day.tell(order.account, "order", order, word)
        self.day.announce(order, word)
        if order.account != self.day.exchange.leader:
            self._no_more_than_wanted(order)

    def taken(self, order: Placed) -> None:
        leader = self.day.exchange.leader
        if order.account == leader:
            net = self.day.exchange.held(leader, order.security)
            self.led[order.order_id] = Led(order, held=max(0, -net * order.side), first=order.wish.quantity)
            for account in self.followers:
                for suffix in SUFFIXES:
                    row = order.order_id + suffix
                    name = correlation_id(leader=leader, follower=account, leader_order_id=row, revision=0)
                    self.rows[stem_of(name)] = (account, order.order_id)
            return
        self.checked += 1
        if order.correlation in self.placed:
            self.day.broken(
                "placed twice", f"{order.correlation} was placed twice: never two orders under one id", order
            )
        self.placed[order.correlation] = order
        self.of_row.setdefault(self._row(order), []).append(order)
        self._no_more_than_wanted(order)
        self._offers_what_is_there(order)

    def traded(self, order: Placed, units: int) -> None:
        exchange = self.day.exchange
        after = exchange.held(order.account, order.security)
        before = after - order.side * units
        self.day.tell(order.account, "holds", order, f"-> {after}")
        closes = min(units, abs(before)) if before * order.side < 0 else 0
        self.opened[order.order_id] += units - closes
        if order.account == exchange.leader:
            led = self.led[order.order_id]
            led.closed += closes
            led.opened += units - closes
            self.moves.append(Move(order, units, before))
            if after:
                self.on_side[order.security.id, 1 if after > 0 else -1] = self.day.timeline.now
        elif self._closes(order) and after * order.side > 0 and not self._is_as_his(order, abs(after)):
            self.day.broken(
                "past flat", f"an exit of {units} took a position of {before} to {after}: never past flat", order
            )

    def _is_as_his(self, order: Placed, units: int) -> bool:
        """Is so much on this side no more than what the leader has there or has open? Then an entry of his was faster
        than the exit before it."""
        exchange, security = self.day.exchange, order.security
        his = max(0, order.side * exchange.held(exchange.leader, security))
        his += sum(one.rest for one in exchange.of(exchange.leader, security) if one.side == order.side)
        return units <= self.followers[order.account].q(his, security.lot)

    def _row(self, order: Placed) -> tuple[str, str]:
        return self.rows.get(stem_of(order.correlation), (order.account, order.correlation))

    def _led(self, order: Placed) -> Led | None:
        return self.led.get(self._row(order)[1])

    def _closes(self, order: Placed) -> bool:
        """Is it there to close and nothing else? The entry of a reversal is not, and its exit part is."""
        if self.followers[order.account].alternatives != "one":
            return False
        led = self._led(order)
        if led is None or led.order.side != order.side:
            return True
        if led.opened or led.enlarges or led.order.most_asked > self._most_held(led):
            return False
        if order.correlation in self.blind or led.order.order_id in self.blind:
            return False  # one follower's entry in the dark makes it one for all
        since = self.on_side.get((led.order.security.id, order.side), 0)
        return since < led.order.created_at  # else which of his orders opened that is a matter of opinion

    def _most_held(self, led: Led) -> int:
        """What the leader had on the other side, at most, since this order came."""
        exchange = self.day.exchange
        return max(0, -led.order.side * exchange.held(exchange.leader, led.order.security)) + led.closed

    def _no_more_than_wanted(self, order: Placed) -> None:
        led = self._led(order)
        if led is None or not led.enlarges or led.closed or led.order.side != order.side:
            return
        row = self._row(order)
        mine = [one for one in self.of_row.get(row, ()) if one.side == led.order.side]
        there = max(0, -order.side * self.day.exchange.held(order.account, order.security))
        rest = sum(one.rest for one in mine if one.open)
        exposure = sum(self.opened[one.order_id] for one in mine) + max(0, rest - there)
        most = self.followers[order.account].q(led.order.most_asked, order.security.lot)
        if exposure > most:
            self.day.broken(
                "more than wanted",
                f"{exposure} units filled or open for the leader's {led.order.order_id}, of which at most {most} were "
                f"ever wanted",
                order,
            )

    def _offers_what_is_there(self, order: Placed) -> None:
        """Open exits of a position never offer more than it holds."""
        if not self._closes(order):
            return
        exchange = self.day.exchange
        net = exchange.held(order.account, order.security)
        mine = [one for one in exchange.of(order.account, order.security) if self._closes(one)]
        offered = open_exits(iter(mine), net) if net else order.rest
        if order.side * net >= 0 or offered > abs(net):
            self.day.broken(
                "offers too much", f"exits of {offered} are open where {net} are held: never more than is there", order
            )

    # --- on the wire ----------------------------------------------------------------------------------------------

    def leaves(self, life: "Life", account: str, verb: str, path: str, body: bytes | None) -> None:
        """A request leaves: what it asks for must stand in the journal, on disk, as sent."""
        payload = json.loads(body) if body else {}
        correlation = payload.get("correlationId") or self._correlation(path.rpartition("/")[2])
        stored = life.record("request", f"{correlation}/{KINDS[verb]}")
        record = json.loads(stored) if stored else {}
        wanted = (record.get("desired") or {}).get("terms", {}).get("quantity")
        if record.get("state") != "sent" or (verb != "DELETE" and wanted != payload["quantity"]):
            self.day.broken(
                "not journalled", f"{verb} {path} {correlation} left for {account}, and the journal does not hold it"
            )
        for name in ("price", "triggerPrice"):
            if verb != "DELETE" and round((payload[name] or 0) * 10_000) % (TICK * 100):
                self.day.broken("off the tick", f"{verb} {path} of {account} asks for {name} {payload[name]}")
        if verb == "POST":
            if self.unseen.get(payload["securityId"], 0) > self.leader_book:
                self.blind |= {correlation, self.rows.get(stem_of(correlation), ("", ""))[1]}
            self._may_enter(account, payload)

    def _correlation(self, order_id: str) -> str:
        found = self.day.exchange.orders.get(order_id)
        return found.correlation if found is not None else ""

    def _may_enter(self, account: str, payload: dict[str, object]) -> None:
        led = self.led.get(self.rows.get(stem_of(str(payload["correlationId"])), ("", ""))[1])
        side = 1 if payload["transactionType"] == "BUY" else -1
        if led is None or not led.enlarges or led.order.side != side:
            return
        if -side * self.day.exchange.held(account, led.order.security) >= int(str(payload["quantity"])):
            return  # it closes what is there
        if self.killed.get(account, self.day.timeline.now) < self.day.timeline.now:
            self.day.broken("entry after kill", f"an entry of {account} left under the kill switch")
        follower, quantity = self.followers[account], int(str(payload["quantity"]))
        if follower.most_lots is not None and quantity > follower.most_lots * led.order.security.lot:
            self.day.broken("limit exceeded", f"{quantity} units left where {follower.most_lots} lots are the limit")

    def rate_exceeded(self, account: str, bucket: str, text: str) -> None:
        """The broker counted more requests than it takes. Reads of the process before, in the second in which this one
        began, nobody can know of: the broker refuses the one that is too many, and it is asked again."""
        if bucket == "other" and self.day.timeline.now - self.day.life_began < SECOND:
            return
        self.day.broken("reads exceeded" if bucket == "other" else "rate exceeded", f"{bucket} of {account}: {text}")

    # --- on disk --------------------------------------------------------------------------------------------------

    def journalled(self, entries: Sequence[Entry]) -> None:
        """A turn is durable."""
        for entry in entries:
            if entry.set_aside:
                self.day.broken("set aside", f"the step failed twice on {type(entry.event).__name__}")
            event = entry.event
            if isinstance(event, BooksRead) and event.account == self.day.exchange.leader:
                asked_at = event.asked_at - (event.at - self.day.timeline.now)
                self.leader_book = max(self.leader_book, asked_at)
            if isinstance(event, CommandGiven) and event.command == "kill":
                for account in [event.account] if event.account else list(self.followers):
                    self.killed.setdefault(account, self.day.timeline.now)
            self.notices.extend(entry.notices)

    def told(self, notice: Notice) -> None:
        """A line for people; those of the conductor itself are in no turn."""
        if notice.event == "alert":
            self.day.tell(notice.follower or "copyctl", "alert", notice.text, notice.leader_order_id)
            self._is_true(notice)
        elif notice.event == "decision":
            self.day.tell(notice.follower, "decides", notice.text, notice.leader_order_id, notice.facts.get("detail"))

    def _is_true(self, notice: Notice) -> None:
        """What an alert says that others did, they did."""
        row = (notice.follower, notice.leader_order_id.partition("#")[0])
        mine = self.of_row.get(row, ())
        if notice.facts["alert"] == Alert.CHANGED_BY_HAND and not any(one.by_hand for one in mine):
            self.day.broken("false alarm", f"nobody did this: {notice.text}", next(iter(mine), None))
        late = notice.facts["alert"] == Alert.CHANGE_REFUSED and notice.text.endswith("after it had taken it")
        if self.day.adversary.struck["clock step"]:
            return  # by a clock that was set back, a book of before is newer than a change of now
        if late and not any(one.late_refusals for one in mine):
            self.day.broken("false alarm", f"the broker did not: {notice.text}", next(iter(mine), None))
