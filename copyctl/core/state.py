"""The state of a run, and the draft in which one step writes.

``State`` is what is known; a step reads it and never changes it. It writes into a ``Draft``, an overlay that the rest
of the same step reads through. The draft's changes are what the journal keeps; applying them is the only way in which
a state moves on. A step that fails leaves nothing behind.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from copyctl.core.correlation import stem_of
from copyctl.core.index import Index, instrument_of, is_open, live_place, placements
from copyctl.core.keys import instrument_key, key_of, order_key
from copyctl.core.overlay import Overlay
from copyctl.core.waiting import Waiting
from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import Effect, Notice
from copyctl.model.facts import Funds, Quote
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import (
    TABLES,
    BasketRecord,
    Change,
    Copy,
    Halt,
    LeaderOrder,
    Needed,
    Position,
    Record,
    Spent,
)
from copyctl.model.request import Request, RequestState
from copyctl.model.terms import Side


class State:
    """Everything that a step may know. Changed by :meth:`apply` alone."""

    def __init__(self, records: Mapping[str, Sequence[Record]] | None = None) -> None:
        self.rules: Rules | None = None
        self.tables: dict[str, dict[str, Record]] = {name: {} for name in TABLES}
        self.copy_of: dict[str, str] = {}
        self.orders_of: dict[str, dict[str, None]] = {}
        self.names: dict[str, str] = {}
        self.stems: set[str] = set()
        self.waiting = Waiting()
        self.index = Index()
        for table, rows in (records or {}).items():
            self.apply(Change(table=table, key=key_of(row), record=row) for row in rows)

    def apply(self, changes: Iterable[Change]) -> list[Change]:
        """Take in what a step decided. Applying what comes back, last first, takes it back."""
        undo = []
        for change in changes:
            table = self.tables[change.table]
            before = table.get(change.key)
            undo.append(Change(table=change.table, key=change.key, record=before))
            if change.table == "request":
                self.waiting.note(change.key, before, change.record)  # type: ignore[arg-type]
            else:
                self.index.note(change.table, change.key, before, change.record)
            if change.record is None:
                table.pop(change.key, None)
                self._forget(before)
                continue
            table[change.key] = change.record
            if isinstance(change.record, Copy):
                for slot in change.record.slots:
                    self.copy_of[slot.correlation_id] = change.key
                    if slot.order_id:
                        self.copy_of[order_key(change.record.follower, slot.order_id)] = change.key
            elif isinstance(change.record, Order):
                self._note_order(change.record, change.key)
        return undo

    def _note_order(self, order: Order, key: str) -> None:
        if order.number:
            self.names[order_key(order.account, order.number)] = order.order_id
        if order.correlation_id:
            name = order_key(order.account, order.correlation_id)
            self.orders_of.setdefault(name, {})[key] = None
            self.stems.add(order_key(order.account, stem_of(order.correlation_id)))

    def _forget(self, record: Record | None) -> None:
        """Drop the ways that led to a record that is gone."""
        if isinstance(record, Copy):
            for slot in record.slots:
                self.copy_of.pop(slot.correlation_id, None)
                self.copy_of.pop(order_key(record.follower, slot.order_id), None)
        elif isinstance(record, Order):
            self.names.pop(order_key(record.account, record.number), None)
            name = order_key(record.account, record.correlation_id)
            keys = self.orders_of.get(name, {})
            keys.pop(key_of(record), None)
            if not keys:
                self.orders_of.pop(name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Units of a follower's copied position that have to be closed without an order of the leader, and why."""

    here: Position
    units: int
    why: str


class Draft:
    """One step's view of the state and everything that it decides. ``touched``: what is looked at again at its end;
    ``moved``: the followers' instruments (account, instrument) whose exits are; ``leads_moved``: leader orders whose
    fills are not counted yet; ``counted``: what of copies' fills is, by key; ``owed``: what is closed without an order
    of his; ``all_again``: whatever waits may leave now, or never, for another reason than room."""

    def __init__(self, state: State, now: int) -> None:
        self.state = state
        self.now = now
        self.rules: Rules | None = state.rules
        self.orders: Overlay[Order] = Overlay(state.tables["order"])  # type: ignore[arg-type]
        self.leader_orders: Overlay[LeaderOrder] = Overlay(state.tables["leader_order"])  # type: ignore[arg-type]
        self.copies: Overlay[Copy] = Overlay(state.tables["copy"], _follower_of_copy)  # type: ignore[arg-type]
        self.requests: Overlay[Request] = Overlay(state.tables["request"])  # type: ignore[arg-type]
        self.accounts: Overlay[Account] = Overlay(state.tables["account"])  # type: ignore[arg-type]
        self.instruments: Overlay[Instrument] = Overlay(state.tables["instrument"])  # type: ignore[arg-type]
        self.fills: Overlay[Fill] = Overlay(state.tables["fill"])  # type: ignore[arg-type]
        self.positions: Overlay[Position] = Overlay(state.tables["position"])  # type: ignore[arg-type]
        self.funds: Overlay[Funds] = Overlay(state.tables["funds"])  # type: ignore[arg-type]
        self.quotes: Overlay[Quote] = Overlay(state.tables["quote"])  # type: ignore[arg-type]
        self.days: Overlay[TradingDays] = Overlay(state.tables["days"])  # type: ignore[arg-type]
        self.margins: Overlay[Needed] = Overlay(state.tables["margin"])  # type: ignore[arg-type]
        self.baskets: Overlay[BasketRecord] = Overlay(state.tables["basket"])  # type: ignore[arg-type]
        self.spent: Overlay[Spent] = Overlay(state.tables["spent"], _account_of_minute)  # type: ignore[arg-type]
        self.halts: Overlay[Halt] = Overlay(state.tables["halt"])  # type: ignore[arg-type]
        self.moved: dict[tuple[str, str], None] = {}
        self.leads_moved: dict[str, None] = {}
        self.counted: dict[str, int] = {}
        self.owed: list[Owed] = []
        self.effects: list[Effect] = []
        self.notices: list[Notice] = []
        self.touched: dict[str, None] = {}
        self.all_again = False
        self._orders_of: dict[str, dict[str, None]] = {}
        self._names: dict[str, str] = {}

    def put_order(self, order: Order) -> None:
        """Write an order, to be found by its correlation id too, and by its number."""
        self.orders.put(order)
        if order.number:
            self._names[order_key(order.account, order.number)] = order.order_id
        if order.correlation_id:
            self._orders_of.setdefault(order_key(order.account, order.correlation_id), {})[key_of(order)] = None

    def account(self, name: str) -> Account:
        """What is known of an account; a new one is blank."""
        return self.accounts.get(name) or Account(account=name)

    def waiting(self) -> list[Request]:
        """The requests that are not on their way, without those that waited for room, or for their account, before this
        step began."""
        written = self.requests.written
        old = (self.requests.get(key) for key in self.state.waiting.others if key not in written)
        every = [request for request in (*old, *written.values()) if request is not None]
        return [request for request in every if request.state is not RequestState.SENT]

    def limited(self, account: str, *, reserve: bool) -> list[Request]:
        """The requests of an account that waited for room before this step began, and that it has not changed: those
        that may use the reserve, or the others."""
        written = self.requests.written
        keys = self.state.waiting.limited.get(account, {}).get(reserve, {})
        found = (self.requests.get(key) for key in keys if key not in written)
        return [request for request in found if request is not None]

    def held(self, account: str) -> list[Request]:
        """The requests of an account that waited until it is held no more, and that this step has not changed."""
        written = self.requests.written
        keys = self.state.waiting.held.get(account, {})
        found = (self.requests.get(key) for key in keys if key not in written)
        return [request for request in found if request is not None]

    def spent_in(self, account: str) -> dict[int, int]:
        """How many requests that change an account are recorded for each minute."""
        counts = dict(self.state.index.spent.get(account, {}))
        for key, one in self.spent.of(account).items():
            counts[int(key.rpartition("/")[2])] = len(one.moments) if one is not None else 0
        return counts

    def copy_with(self, order: Order) -> Copy | None:
        """The copy that an order of a follower belongs to: known by its id, or by a correlation id of ours."""
        copy_of = self.state.copy_of
        key = copy_of.get(order_key(order.account, order.order_id)) or copy_of.get(order.correlation_id)
        if key is not None:
            return self.copies.get(key)
        if not order.is_leg:
            return None
        mine = (one for one in self.copies.of(order.account).values() if one is not None)
        return next((one for one in mine if any(slot.order_id == order.order_id for slot in one.slots)), None)

    def orders_with(self, account: str, correlation_id: str) -> list[Order]:
        """The orders of an account that carry this correlation id, in the order in which they first came: one, or the
        parts of one that was cut."""
        name = order_key(account, correlation_id)
        keys = {**self.state.orders_of.get(name, {}), **self._orders_of.get(name, {})}
        return [order for key in keys if (order := self.orders.get(key)) is not None]

    def name_of(self, account: str, number: str) -> str:
        """Under which name of ours the order with this number of the broker's is kept, "" where it has none."""
        name = order_key(account, number)
        return self._names.get(name) or self.state.names.get(name, "")

    def is_known(self, account: str, stem: str) -> bool:
        """Did the account ever show an order whose correlation id begins like this?"""
        name = order_key(account, stem)
        return name in self.state.stems or any(known.startswith(name) for known in self._orders_of)

    # --- by index ---------------------------------------------------------------------------------------------------

    def positions_in(self, account: str, instrument: str) -> list[Position]:
        """The positions of an account in one instrument, a product each."""
        place = f"{account}/{instrument}"
        keys = dict(self.state.index.positions.get(place, {}))
        keys.update((key, None) for key in self.positions.written if key.startswith(f"{place}/"))
        return [one for key in keys if (one := self.positions.get(key)) is not None]

    def positions_of(self, account: str) -> list[Position]:
        """All positions of an account."""
        return self.positions.among(self.state.index.accounts.get(account, {}), lambda one: one.account == account)

    def leads_in(self, instrument: str) -> list[LeaderOrder]:
        """The leader's orders in an instrument that are not forgotten, oldest first: those of today, and some of
        earlier days."""
        keys = dict(self.state.index.leads.get(instrument, {}))
        keys.update((key, None) for key in self.leader_orders.written)
        found = (self.leader_orders.get(key) for key in keys)
        return [one for one in found if one is not None and one.instrument == instrument]

    def newest_leads_in(self, instrument: str, most: int) -> list[LeaderOrder]:
        """The leader's last orders in an instrument, newest first, those of this step left out."""
        keys = islice(reversed(self.state.index.leads.get(instrument, {})), most)
        found = (self.leader_orders.get(key) for key in keys)
        return [one for one in found if one is not None]

    def open_leads_in(self, account: str, instrument: str) -> list[LeaderOrder]:
        """The leader's orders in an instrument that are not over."""
        found = (self.leader_orders.get(order.order_id) for order in self.orders_in((account,), instrument))
        return [one for one in found if one is not None]

    def open_copies(self, account: str) -> list[Copy]:
        """A follower's copies that may still trade or be decided."""
        keys = self.state.index.open.get(account, {})
        return self.copies.among(keys, is_open, account)

    def open_copies_in(self, account: str, instrument: str) -> list[Copy]:
        """A follower's open copies in one instrument."""
        keys = self.state.index.working.get(f"{account}/{instrument}", {})
        return self.copies.among(keys, lambda one: instrument_of(one) == instrument and is_open(one), account)

    def placements(self, account: str) -> tuple[int, int]:
        """How many placements of a follower's copies may trade, and how many of these have not left yet."""
        live, unsent = self.state.index.slots.get(account, (0, 0))
        for key, one in self.copies.of(account).items():
            before = self.state.tables["copy"].get(key)
            (less_live, less_unsent), (more_live, more_unsent) = placements(before), placements(one)  # type: ignore[arg-type]
            live, unsent = live + more_live - less_live, unsent + more_unsent - less_unsent
        return live, unsent

    def holding(self, account: str) -> list[Copy]:
        """A follower's copies for which margin is held."""
        keys = self.state.index.holding.get(account, {})
        return self.copies.among(keys, lambda one: bool(one.hold), account)

    def orders_in(self, accounts: Sequence[str], instrument: str) -> list[Order]:
        """The orders of these accounts in one instrument that are not over."""
        keys: dict[str, None] = {}
        for account in accounts:
            keys.update(self.state.index.resting.get(f"{account}/{instrument}", {}))
        keys.update(
            (key, None)
            for key, one in self.orders.written.items()
            if one and one.account in accounts and instrument_key(one.segment, one.security_id) == instrument
        )
        found = (self.orders.get(key) for key in keys)
        return [one for one in found if one is not None and not one.over]

    def forever_of(self, account: str) -> list[Order]:
        """The forever orders of an account that are not over."""
        keys = self.state.index.forever.get(account, {})
        return self.orders.among(keys, lambda one: one.account == account and one.forever and not one.over)

    def orders_on(self, account: str, instrument: str, side: Side) -> list[Order]:
        """The orders of an account on one side of an instrument that are not over."""
        keys = self.state.index.sides.get(f"{account}/{instrument}/{side}", {})
        return self.orders.among(
            keys,
            lambda one: (
                one.account == account
                and one.side is side
                and instrument_key(one.segment, one.security_id) == instrument
                and not one.over
            ),
        )

    def live_in(self, account: str, instrument: str, side: Side, *, exits: bool) -> list[Copy]:
        """A follower's exits, or entries, that have open orders on one side of an instrument."""
        keys = dict(self.state.index.live.get(live_place(account, instrument, side, exits=exits), {}))
        keys.update((key, None) for key, one in self.copies.of(account).items() if one)
        found = [one for one in (self.copies.get(key) for key in keys) if one is not None and one.exit is exits]
        return [
            one
            for one in found
            if one.wanted
            and one.wanted.side is side
            and instrument_of(one) == instrument
            and any(slot.live for slot in one.slots)
        ]

    def copies_of_basket(self, account: str, basket: str) -> list[Copy]:
        """A follower's copies that are legs of one basket, oldest first."""
        keys = dict(self.state.index.baskets.get(f"{account}/{basket}", {}))
        keys.update((key, None) for key, one in self.copies.of(account).items() if one)
        found = (self.copies.get(key) for key in keys)
        return [one for one in found if one is not None and one.basket == basket]

    def copies_in(self, account: str, instrument: str) -> list[Copy]:
        """A follower's copies of today in one instrument, entries and exits, oldest first."""
        keys = self.state.index.copies.get(f"{account}/{instrument}", {})
        return self.copies.among(keys, lambda one: instrument_of(one) == instrument, account)

    def unsettled_copies_in(self, account: str, instrument: str) -> list[Copy]:
        """Those of them that are not settled, or that this step has changed, oldest first."""
        keys = self.state.index.unsettled.get(f"{account}/{instrument}", {})
        return self.copies.among(keys, lambda one: instrument_of(one) == instrument, account)

    def timed(self) -> list[str]:
        """The keys of the copies whose moment has come."""
        written = self.copies.written
        due = [key for key, at in self.state.index.timed.items() if at <= self.now and key not in written]
        return due + [key for key, one in written.items() if one and 0 < one.due_at <= self.now]

    def next_moment(self) -> int:
        """The next moment at which a copy is looked at again whatever happens, 0 for none."""
        written = self.copies.written
        moments = [at for key, at in self.state.index.timed.items() if key not in written]
        moments += [one.due_at for one in written.values() if one and one.due_at]
        return min((at for at in moments if at > self.now), default=0)

    def changes(self) -> tuple[Change, ...]:
        """What this step decided, in the order of the tables."""
        overlays: dict[str, Overlay[Record]] = {
            "order": self.orders,  # type: ignore[dict-item]
            "leader_order": self.leader_orders,  # type: ignore[dict-item]
            "copy": self.copies,  # type: ignore[dict-item]
            "request": self.requests,  # type: ignore[dict-item]
            "account": self.accounts,  # type: ignore[dict-item]
            "instrument": self.instruments,  # type: ignore[dict-item]
            "fill": self.fills,  # type: ignore[dict-item]
            "position": self.positions,  # type: ignore[dict-item]
            "funds": self.funds,  # type: ignore[dict-item]
            "quote": self.quotes,  # type: ignore[dict-item]
            "days": self.days,  # type: ignore[dict-item]
            "margin": self.margins,  # type: ignore[dict-item]
            "basket": self.baskets,  # type: ignore[dict-item]
            "spent": self.spent,  # type: ignore[dict-item]
            "halt": self.halts,  # type: ignore[dict-item]
        }
        return tuple(
            Change(table=table, key=key, record=record)
            for table, overlay in overlays.items()
            for key, record in overlay.written.items()
        )


def follower_of(rules: Rules, account: str) -> Follower | None:
    """The follower with this client id, as the rules name it."""
    return rules.by_account.get(account)


def _follower_of_copy(key: str) -> str:
    return key.rpartition("/")[2]


def _account_of_minute(key: str) -> str:
    return key.rpartition("/")[0]
