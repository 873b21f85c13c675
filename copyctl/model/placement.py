"""Placements: each order that a copy has at the broker, from the wish for it to its end."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from copyctl.model.order import Terms
from copyctl.model.terms import Book, Leg, Validity


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
    placement. ``retired``: cancelled by us, or rejected, to be placed anew. ``attempts``: how often it was sent.
    ``cancel_asked``: we have asked for its end. ``left_alone``: somebody changed it by hand; it is not touched until
    the leader changes his order. ``rests``: a book that was read after it was taken shows it open. ``urgent``: an exit
    that has to trade now. ``most``: of an exit, the largest total that it may have at the broker while changes of it
    are not confirmed, 0: what is asked. ``altered_to``: the total that the last change of an exit asked for.
    ``replaced``: another placement has taken its place. ``cut``: units of the orders into which the broker was to cut
    it, 0: it is one; ``part``: which of these it is, beginning with 0; they share one correlation id. ``book``: in
    which of the broker's books it lives; ``leg``: it is one of the exits that hang on an entry of ours. Times in
    ns: ``altered_at`` (an exit's last change was asked for; later while one before it may still take place),
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
    attempts: int = 0
    left_alone: bool = False
    rests: bool = False
    urgent: bool = False
    most: int = 0
    altered_at: int = 0
    altered_to: int = 0
    replaced: bool = False
    cut: int = 0
    part: int = 0
    book: Book = Book.DAY
    leg: Leg = Leg.ENTRY
    frame_at: int = 0
    decided_at: int = 0
    left_at: int = 0
    answered_at: int = 0

    @property
    def name(self) -> str:
        """What tells it from every other placement: parts of one placement share its correlation id."""
        return f"{self.correlation_id}.{self.part}" if self.part else self.correlation_id

    @property
    def native(self) -> bool:
        """Is it an exit that the broker keeps for what an entry of ours fills?"""
        return self.leg is not Leg.ENTRY

    @property
    def unseen(self) -> bool:
        """Is it a part of a placement that the broker has taken, and nobody knows its order yet?"""
        return bool(self.cut) and self.live and self.sent and not self.order_id

    @property
    def live(self) -> bool:
        """May it still trade?"""
        return self.standing in (Standing.WAITING, Standing.WORKING)

    @property
    def at_broker(self) -> bool:
        """Has the broker taken it, for all we know? A rejected one leaves a row there at the most."""
        return bool(self.order_id) and self.standing is not Standing.REJECTED

    @property
    def ends_itself(self) -> bool:
        """Is it an IOC order that the exchange has ended by now, as far as we know?"""
        return self.standing is Standing.WORKING and self.asked.validity is Validity.IOC and not self.rests
