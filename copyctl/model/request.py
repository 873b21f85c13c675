"""Requests: what is asked of the broker, the permission to ask it, and how the asking ended."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from copyctl.model.order import Terms
from copyctl.model.reasons import Category
from copyctl.model.terms import AmoTime, Book, Leg, Product, Segment, Side


class Desired(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The order that the rules want a follower to have; ``terms.quantity`` is the total over all its placements."""

    side: Side
    segment: Segment
    security_id: str
    product: Product
    terms: Terms
    after_market: bool = False
    amo_time: AmoTime | None = None


class RequestKind(StrEnum):
    """The three things that can be done to an order, in the order in which they leave when all three wait."""

    CANCEL = "cancel"
    MODIFY = "modify"
    PLACE = "place"

    @property
    def urgency(self) -> int:
        """Smaller leaves first."""
        return _URGENCY[self]


_URGENCY = {kind: place for place, kind in enumerate(RequestKind)}


class RequestState(StrEnum):
    """Where a request stands: it waits here, it left, or it left and nobody knows what became of it."""

    QUEUED = "queued"
    SENT = "sent"
    UNSETTLED = "unsettled"


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One call that changes an account, from the moment it is wanted until its fate is known.

    ``desired`` is what a placement or a modification asks for, ``desired.terms.quantity`` being that one order's
    total. ``due_at``: nothing is done with it before (retry, next look). ``unsettled_at``: since when its fate is
    unknown; ``absent_at``: since when it was looked for in vain with everything readable; 0 for never. ``exit``: does
    it close what copies built? ``urgent``: does it make something trade that has to trade now? ``throttled``: how many
    of its attempts the broker did not take for their number. ``number``: the broker's id of the order where
    ``order_id`` is a name of ours. ``book``: in which book it lives; ``leg``: which part of it is changed or cancelled
    (of a forever order by the name that the list gives it). ``slices``: of a placement that the broker cuts at the
    freeze quantity, into how many, 0 for none. Of a modification, ``before``: the terms that it changes, and ``cut``:
    those with the lesser quantity alone, None where it lessens nothing.
    """

    request_id: str
    account: str
    leader_order_id: str
    revision: int
    kind: RequestKind
    correlation_id: str
    order_id: str = ""
    number: str = ""
    desired: Desired | None = None
    state: RequestState = RequestState.QUEUED
    attempts: int = 0
    queued_at: int
    due_at: int = 0
    sent_at: int = 0
    unsettled_at: int = 0
    absent_at: int = 0
    waits_for: str = ""
    exit: bool = False
    urgent: bool = False
    throttled: int = 0
    book: Book = Book.DAY
    leg: Leg = Leg.ENTRY
    slices: int = 0
    before: Terms | None = None
    cut: Terms | None = None


class Approved(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Permission for one request to leave. Only ``core.guard`` makes one, only ``wire`` turns one into bytes."""

    request: Request


class Denied(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The guard's no: for good with ``final``, else until something changes, or a moment (``until``, ns) comes."""

    reason: str
    detail: str
    final: bool = True
    until: int = 0


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A request in the broker's client's words: which method with which arguments. Only ``wire`` makes one.

    Where the client refuses what Dhan takes, ``verb``, ``path`` and ``body`` say it directly and ``method`` is "".
    """

    method: str = ""
    arguments: Mapping[str, object] | None = None
    verb: str = ""
    path: str = ""
    body: Mapping[str, object] | None = None


class Passage(StrEnum):
    """What became of the bytes of one call on the way to the broker and back."""

    ANSWERED = "answered"
    NOT_LEFT = "not_left"
    NO_ANSWER = "no_answer"


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the transport saw: an HTTP answer, or why there is none. ``left_at`` and ``at``: our nanoseconds.

    ``date``: the broker's clock from the Date header, nanoseconds, whole seconds; 0 when it gave none.
    """

    passage: Passage
    at: int
    left_at: int = 0
    status: int = 0
    body: bytes = b""
    date: int = 0
    fault: str = ""


class Fate(StrEnum):
    """How a request ended. Three outcomes, never two; NOT_LEFT is the harmless fourth: no byte of it went out."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_LEFT = "not_left"


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The fate of a request as ``wire`` reads it from the answer. An acknowledgement only says that the broker took
    the message, never that the exchange did."""

    fate: Fate
    order_ids: tuple[str, ...] = ()
    category: Category | None = None
    text: str = ""
    left_at: int = 0
