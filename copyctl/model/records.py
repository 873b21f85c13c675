"""Records: the state of a run, in pieces that are kept and replaced one by one.

The journal holds the newest of each, so that a start reads them and goes on. All are frozen: a change is a new one.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order, Terms
from copyctl.model.request import Desired, Request
from copyctl.model.terms import Decision, Validity


class LeaderOrder(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the leader asked for with one order, less what the exchange made of it.

    ``wish``: the terms that he gave last. ``seen``: the terms that the broker showed last; they differ from the
    wish once a stop has triggered or a market order rests as a protected limit. ``unseen_for``: how long ago it had
    happened when it was first seen (ns), 0 where it was seen as it happened. ``filled_at_first``: what had traded
    when it was first seen.
    """

    order_id: str
    wish: Terms
    seen: Terms
    first_seen_at: int
    unseen_for: int
    filled_at_first: int


class FixedSizing(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The sizing of a copy, fixed at its first decision. Exactly one of ratio, lots and quantity is set."""

    rule: str | None
    lot_size: int
    rounding: str
    minimum_lots: int
    maximum_lots: int | None
    ratio: Decimal | None = None
    lots: int | None = None
    quantity: int | None = None


class Standing(StrEnum):
    """Where one placement of a copy stands."""

    WAITING = "waiting"  # queued, in flight, or its fate unknown
    WORKING = "working"  # at the broker, open as far as we know
    ENDED = "ended"  # over at the broker
    REJECTED = "rejected"
    ABSENT = "absent"  # settled: it was never placed
    WITHDRAWN = "withdrawn"  # taken back before it left


class Slot(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One placement of a copy. ``sent``: it has left at least once. ``asked``: the terms last asked of the broker
    and not refused at once.

    ``asked_at``: when that was acknowledged; a book that was read well after it and shows other terms tells of a
    change by somebody else or of a modification refused late. ``confirmed``: the broker has shown these terms
    since. ``changes_refused``: why the last modification was refused. ``rejected_as``: the category of a rejected
    placement. ``retired``: cancelled by us to be placed anew. ``cancel_asked``: we have asked for its end.
    ``left_alone``: somebody changed it by hand; it is not touched until the leader changes his order. ``rests``: a
    book that was read after it was taken shows it open. Times in ns:
    ``decided_at``, ``left_at`` (its bytes went out), ``answered_at``.
    """

    revision: int
    correlation_id: str
    asked: Terms
    standing: Standing = Standing.WAITING
    sent: bool = False
    order_id: str = ""
    filled: int = 0
    average_price: Decimal = Decimal(0)
    modifications: int = 0
    asked_at: int = 0
    changes_refused: str = ""
    confirmed: bool = False
    rejected_as: str = ""
    cancel_asked: bool = False
    retired: bool = False
    left_alone: bool = False
    rests: bool = False
    frame_at: int = 0
    decided_at: int = 0
    left_at: int = 0
    answered_at: int = 0

    @property
    def live(self) -> bool:
        """May it still trade?"""
        return self.standing in (Standing.WAITING, Standing.WORKING)

    @property
    def ends_itself(self) -> bool:
        """Is it an IOC order that the exchange has ended by now, as far as we know?"""
        return self.standing is Standing.WORKING and self.asked.validity is Validity.IOC and not self.rests


class Copy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one leader order for one follower.

    ``wanted``: the order that the rules want now. ``pursued``: the one that the placements so far were made for;
    while both are equal nothing is placed again, whatever others did to the copy. ``closing``: what is still open
    of it is to be cancelled. ``decided_on``: the leader's terms behind the decision. ``note``: the reason code that
    it has once it is copied, ``sized``: the arithmetic of its size. ``missed``: units that the leader had traded
    before a late first sight, not wanted. ``for_filled``: decided when the leader's order was over, for what it had
    traded. ``stopped``: cancelled under the kill switch, never taken up again. ``stuck``: why the leader's newest
    change cannot be copied. ``drift``: "" or in what the follower differs from what the rules want, and why.
    """

    leader_order_id: str
    follower: str
    decision: Decision
    reason: str | None = None
    detail: str = ""
    note: str | None = None
    rule: str | None = None
    sizing: FixedSizing | None = None
    decided_on: Terms | None = None
    wanted: Desired | None = None
    pursued: Desired | None = None
    closing: bool = False
    missed: int = 0
    sized: str = ""
    for_filled: bool = False
    stopped: bool = False
    stuck: str = ""
    slots: tuple[Slot, ...] = ()
    drift: str = ""
    created_at: int
    updated_at: int

    @property
    def filled(self) -> int:
        """Units traded by all its placements."""
        return sum(slot.filled for slot in self.slots)


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is known of one account as a place to talk to.

    ``ready``: its books were read since the process started. ``books_at``: when the newest book that we read was
    asked for. ``connected_at``: the last time its stream came up. ``sent``: when the requests of the last second
    left. ``killed_at``: 0 unless the kill switch holds it. ``broker_ahead``: the broker's clock less ours, ns.
    ``forgot_at``: when orders long over were last dropped. ``held``: why nothing is decided for this follower until
    the next start: an event failed for it alone. ``unreadable_at``: when the last unreadable frames came, no more of
    them than make an alert; ``noise_told_at``: when that was last told.
    """

    account: str
    ready: bool = False
    books_at: int = 0
    stream_up: bool = False
    stream_text: str = ""
    connected_at: int = 0
    last_frame_at: int = 0
    sent: tuple[int, ...] = ()
    refused_token: str = ""
    killed_at: int = 0
    killed_reason: str = ""
    broker_ahead: int = 0
    forgot_at: int = 0
    held: str = ""
    unreadable_at: tuple[int, ...] = ()
    noise_told_at: int = 0
    unreadable: int = 0
    unknown_status: int = 0
    early_fills: int = 0


Record = Order | LeaderOrder | Copy | Request | Account | Instrument | Fill
"""One of the pieces that the state is made of."""

TABLES: dict[str, type[Record]] = {
    "order": Order,
    "leader_order": LeaderOrder,
    "copy": Copy,
    "request": Request,
    "account": Account,
    "instrument": Instrument,
    "fill": Fill,
}
"""Every kind of record by the name that it is journalled under."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record that is new or replaced, or (None) gone. ``key`` is unique within ``table``, one of TABLES."""

    table: str
    key: str
    record: Record | None
