"""Events: everything that can happen to a run. Each carries ``at``, the moment at which it was taken in (ns, UTC)."""

from msgspec import Struct

from copyctl.model.alerts import Alert
from copyctl.model.calendar import TradingDays
from copyctl.model.facts import FactArrived
from copyctl.model.instrument import Instrument
from copyctl.model.order import ExecutionReport, Fill
from copyctl.model.policy import Rules
from copyctl.model.request import Outcome
from copyctl.model.terms import Level, Segment


class Started(Struct, frozen=True, kw_only=True):
    """A process began: what was in flight before has an unknown fate, and no book is read yet."""

    at: int


class PolicyLoaded(Struct, frozen=True, kw_only=True):
    """These rules are in force from now on. ``digest``: SHA-256 of ``document``, the rules without secrets."""

    at: int
    digest: str
    document: str
    rules: Rules


class FrameRead(Struct, frozen=True, kw_only=True):
    """A frame of an account's stream and what it says; ``raw`` is the frame as it came."""

    at: int
    account: str
    raw: bytes
    reports: tuple[ExecutionReport, ...] = ()


class FrameUnreadable(Struct, frozen=True, kw_only=True):
    """A frame that says nothing we understand: kept, counted, survived."""

    at: int
    account: str
    raw: bytes
    why: str


class BooksRead(Struct, frozen=True, kw_only=True):
    """An account's order and trade books. ``asked_at``: when the first of them was asked for (ns).

    ``orders``: rows that are new, changed or not final since the last read; a final row that was read before is left
    out; those of super and forever orders come first, where these were read too. ``armed``: the ids of all forever
    orders in their list (a finished one drops out of it), None where it was not read. ``super_read``: was the book of
    super orders? ``special_why``: why one of the two could not be read. ``date``: the broker's clock at that moment,
    ns, 0 when unknown.
    """

    at: int
    account: str
    asked_at: int
    orders: tuple[ExecutionReport, ...] = ()
    fills: tuple[Fill, ...] = ()
    armed: tuple[str, ...] | None = None
    super_read: bool = False
    special_why: str = ""
    date: int = 0


class BooksUnreadable(Struct, frozen=True, kw_only=True):
    """An account's books could not be read. ``refused``: its token or address is not accepted."""

    at: int
    account: str
    why: str
    refused: bool = False


class StreamChanged(Struct, frozen=True, kw_only=True):
    """An account's order stream came up or went down."""

    at: int
    account: str
    up: bool
    why: str = ""


class Answered(Struct, frozen=True, kw_only=True):
    """A request of ours ended in one of three outcomes, or never left."""

    at: int
    request_id: str
    outcome: Outcome


class Looked(Struct, frozen=True, kw_only=True):
    """We looked for a placement of unknown fate, by its correlation id and in the order book.

    ``readable``: both could be read. ``reports``: what was found, the account's open and changed orders included.
    """

    at: int
    request_id: str
    account: str
    asked_at: int
    readable: bool
    reports: tuple[ExecutionReport, ...] = ()


class InstrumentFound(Struct, frozen=True, kw_only=True):
    """The answer to a question for an instrument. ``instrument`` is None where the master does not have it;
    ``master``: was there a master to look in at all? ``refreshed``: was it read once more for this?"""

    at: int
    segment: Segment
    security_id: str
    master: bool
    instrument: Instrument | None = None
    refreshed: bool = False


class CommandGiven(Struct, frozen=True, kw_only=True):
    """A person said something: ``kill`` or ``resume``, for one follower's account or ("") for all; ``pause``,
    ``unpause``, or ``retry`` or ``drop`` of a dead letter, for one; ``reconcile``: look at everything once more, or
    cancel an orphan of one. ``actions``: what the kill switch does besides what the rules say, words of
    ``kill_switch.actions``. ``reason``: why, of which row the dead letter is, or the orphan's order id."""

    at: int
    command_id: int
    command: str
    account: str = ""
    reason: str = ""
    actions: tuple[str, ...] = ()


class CredentialsChanged(Struct, frozen=True, kw_only=True):
    """An account's token is another one now: it is tried at once."""

    at: int
    account: str


class TokenTold(Struct, frozen=True, kw_only=True):
    """What a person must hear of an account's token: it runs out, it is dead, a new one could not be had. ``text``
    never holds a token. ``level``: another one than is usual for ``what``."""

    at: int
    account: str
    what: Alert
    text: str
    level: Level | None = None


class CalendarFound(Struct, frozen=True, kw_only=True):
    """The trading days of the calendar that the rules name, or (None) why they are not to be had."""

    at: int
    calendar: str
    days: TradingDays | None = None
    why: str = ""


class FollowerHeld(Struct, frozen=True, kw_only=True):
    """An event failed twice for this follower, and for no other: nothing is decided for it until the next start."""

    at: int
    account: str
    why: str


class EventSetAside(Struct, frozen=True, kw_only=True):
    """An event on which the step failed twice. ``seq``: its number in the journal."""

    at: int
    account: str
    why: str


class BackedUp(Struct, frozen=True, kw_only=True):
    """The journal was backed up as ``what``, or could not be, and ``why``."""

    at: int
    what: str = ""
    why: str = ""


class TimeReached(Struct, frozen=True, kw_only=True):
    """The moment that the last step named has come."""

    at: int


Event = (
    Started
    | PolicyLoaded
    | FrameRead
    | FrameUnreadable
    | BooksRead
    | BooksUnreadable
    | StreamChanged
    | Answered
    | Looked
    | InstrumentFound
    | CommandGiven
    | CredentialsChanged
    | TokenTold
    | FollowerHeld
    | EventSetAside
    | FactArrived
    | CalendarFound
    | BackedUp
    | TimeReached
)
