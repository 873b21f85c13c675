"""Alerts: everything that a person should hear of at once, with its level, what it means and what to do.

Codes are a contract as reason codes are: people group and silence by them. The page ``docs/alerts.md`` is written
from this table.
"""

from dataclasses import dataclass
from enum import StrEnum

from copyctl.model.terms import Level


class Alert(StrEnum):
    """What an alert is about."""

    KILL_SWITCH = "kill_switch"
    BROKER_KILL_SWITCH = "broker_kill_switch"
    EXIT_NOT_SENT = "exit_not_sent"
    EXIT_MISSED = "exit_missed"
    EXIT_MADE = "exit_made"
    EXCESS_FILL = "excess_fill"
    EARLY_FILL = "early_fill"
    COPY_LATE = "copy_late"
    DRIFT = "drift"
    DEAD_LETTER = "dead_letter"
    UNRESOLVED = "unresolved"
    NEVER_PLACED = "never_placed"
    CHANGE_REFUSED = "change_refused"
    CHANGE_NOT_COPIED = "change_not_copied"
    CHANGED_BY_HAND = "changed_by_hand"
    BASKET_FAILED = "basket_failed"
    LIMIT_REACHED = "limit_reached"
    SELF_TRADE = "self_trade"
    DELIVERY = "delivery"
    CONVERTED = "converted"
    POSITIONS_DIFFER = "positions_differ"
    POSITIONS_UNKNOWN = "positions_unknown"
    STREAM_DOWN = "stream_down"
    STREAM_UP = "stream_up"
    ACCESS_REFUSED = "access_refused"
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105  a code, no secret
    TOKEN_DEAD = "token_dead"  # noqa: S105  a code, no secret
    TOKEN_NOT_RENEWED = "token_not_renewed"  # noqa: S105  a code, no secret
    TOKEN_RENEWED = "token_renewed"  # noqa: S105  a code, no secret
    ACCESS_RESTORED = "access_restored"
    PAUSED = "paused"
    INSTRUMENT_HALTED = "instrument_halted"
    SPECIAL_UNREAD = "special_orders_unread"
    ANOMALY = "anomaly"
    LATENCY = "latency"
    CLOCK_OFF = "clock_off"
    CALENDAR_STALE = "calendar_stale"
    NO_MASTER = "no_instrument_master"
    STORE_TROUBLE = "store_trouble"
    STORE_WELL = "store_well"
    RULES_REFUSED = "rules_refused"
    BACKUP_FAILED = "backup_failed"
    SET_ASIDE = "set_aside"
    FOLLOWER_HELD = "follower_held"
    RESERVE_TOUCHED = "reserve_touched"
    SHADOW_ENDED = "shadow_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One line of the table: the usual level, what has happened, what to do."""

    level: Level
    says: str
    do: str


_LOOK = (
    "Compare `copyctl orders` and `copyctl positions` with the broker's own pages; close by hand what must not stay."
)

ALERTS: dict[Alert, Meaning] = {
    Alert.KILL_SWITCH: Meaning(
        level=Level.CRITICAL,
        says="The kill switch of a follower went on, got more to do, or went off.",
        do="Find the cause in the text and in `copyctl status`; `copyctl resume` when it is gone.",
    ),
    Alert.BROKER_KILL_SWITCH: Meaning(
        level=Level.CRITICAL,
        says="The broker's own kill switch of an account was turned on, or could not be yet.",
        do="It holds for the rest of the day and is turned off in Dhan's own pages only.",
    ),
    Alert.EXIT_NOT_SENT: Meaning(
        level=Level.CRITICAL,
        says="An exit was refused by the broker and cannot rest there: the position is open without it.",
        do="Place the exit or the stop by hand, or close the position; copyctl tries again when the leader moves his.",
    ),
    Alert.EXIT_MISSED: Meaning(
        level=Level.CRITICAL,
        says="The leader's position is another one than his known orders explain: he traded while nobody looked.",
        do=_LOOK,
    ),
    Alert.EXIT_MADE: Meaning(
        level=Level.WARNING,
        says="A position changes without an order of the leader: a missed exit, a flatten, an unwind, a join.",
        do="Nothing, if the reason in the text is one that you expect.",
    ),
    Alert.EXCESS_FILL: Meaning(
        level=Level.CRITICAL,
        says="A follower filled more of an entry than the leader's order, which is over.",
        do="Close the excess by hand, or set `fills.excess: close`.",
    ),
    Alert.EARLY_FILL: Meaning(
        level=Level.INFO,
        says="A follower's entry filled before the leader's: he may still cancel his, or never fill.",
        do="Nothing while the leader's order is open; if he cancels it, `fills.on_leader_cancel` and `excess` decide.",
    ),
    Alert.COPY_LATE: Meaning(
        level=Level.WARNING,
        says="The leader's order has filled and the follower's is still open after `fills.lag_alert`.",
        do="Nothing while `fills.lag_action` acts; else look at the price and the order at the broker.",
    ),
    Alert.DRIFT: Meaning(
        level=Level.WARNING,
        says="A copy has come to differ from what the rules want of it; the text says in what, and why.",
        do="See `drift` in `copyctl orders`; place or close the difference by hand if it must not stay.",
    ),
    Alert.DEAD_LETTER: Meaning(
        level=Level.WARNING,
        says="The broker rejected a copy for good.",
        do="`copyctl dead-letters list` has the broker's words; mend the cause, then `retry` or `drop` it.",
    ),
    Alert.UNRESOLVED: Meaning(
        level=Level.CRITICAL,
        says="Nobody knows whether an order is at the broker: it is not found there, or cannot be looked for.",
        do="Look for its correlation id in the broker's order book. It is looked for on and on, and never sent again.",
    ),
    Alert.NEVER_PLACED: Meaning(
        level=Level.WARNING,
        says="An order whose answer was lost was never placed; it is placed anew while it is wanted.",
        do="Nothing. Many of them in a row speak of a bad network.",
    ),
    Alert.CHANGE_REFUSED: Meaning(
        level=Level.WARNING,
        says="The broker refused a modification: the copy stays as it was.",
        do="See `drift` in `copyctl orders`; change the copy by hand if it must not stay so.",
    ),
    Alert.CHANGE_NOT_COPIED: Meaning(
        level=Level.WARNING,
        says="The leader changed his order to something that cannot be copied: the copy stays as it was.",
        do="See `drift` in `copyctl orders`; change the copy by hand if it must not stay so.",
    ),
    Alert.CHANGED_BY_HAND: Meaning(
        level=Level.WARNING,
        says="A copy was changed or cancelled by hand, by the broker's risk desk or by the exchange.",
        do="Nothing is done about it until the leader changes his order. Was it you?",
    ),
    Alert.BASKET_FAILED: Meaning(
        level=Level.CRITICAL,
        says="A leg of a basket could not be placed or was rejected; the text names every leg and its state.",
        do="`multi_leg.on_failure` says what copyctl does; complete or close the rest by hand.",
    ),
    Alert.LIMIT_REACHED: Meaning(
        level=Level.WARNING,
        says="A follower has reached a limit that ends its day: no entry is copied any more, exits are. Once a day.",
        do="Nothing, if that is what the limit is for; else raise `limits` and start again.",
    ),
    Alert.SELF_TRADE: Meaning(
        level=Level.WARNING,
        says="An order could meet one of the same person in another account, and the rules let it go.",
        do="The exchange may cancel one of the two; give accounts of one person one `person`, and refuse.",
    ),
    Alert.DELIVERY: Meaning(
        level=Level.WARNING,
        says="Shares are bought for delivery in an account without DDPI: the API cannot sell them.",
        do="Have DDPI activated at Dhan, or set `checks.delivery: refuse`.",
    ),
    Alert.CONVERTED: Meaning(
        level=Level.CRITICAL,
        says="The leader converted a position to another product: that is not mirrored.",
        do="Convert the followers' positions by hand where the product matters (auto square-off, margin).",
    ),
    Alert.POSITIONS_DIFFER: Meaning(
        level=Level.CRITICAL,
        says="Leader and follower both hold something from before that is not counted as copied.",
        do="Decide: `join: shared` closes it when the leader closes his; else it is yours to close.",
    ),
    Alert.POSITIONS_UNKNOWN: Meaning(
        level=Level.CRITICAL,
        says="The leader's positions cannot be read: his fills alone count, also where they would open a short.",
        do="Look at Dhan's status and at the leader's token; compare positions when they can be read again.",
    ),
    Alert.STREAM_DOWN: Meaning(
        level=Level.WARNING,
        says="An order stream is down: copyctl reconnects for ever and reads the order books meanwhile.",
        do="Nothing for a minute; then look at the network, and at the token (`copyctl doctor`).",
    ),
    Alert.STREAM_UP: Meaning(level=Level.INFO, says="An order stream is up, and the books are read.", do="Nothing."),
    Alert.ACCESS_REFUSED: Meaning(
        level=Level.CRITICAL,
        says="Dhan refuses an account's token or address: nothing can be sent for it, its rows wait.",
        do="`copyctl doctor` tells which; `copyctl token` mints a new one. It goes on by itself when it works again.",
    ),
    Alert.TOKEN_EXPIRING: Meaning(
        level=Level.WARNING,
        says="An account's token dies within the hour (within ten minutes where copyctl was to replace it).",
        do="`copyctl token --account NAME`, or write a new one into its file: it is taken up by itself.",
    ),
    Alert.TOKEN_DEAD: Meaning(
        level=Level.CRITICAL,
        says="An account's token is dead, by Dhan's own word: nothing can be asked or sent for it.",
        do="`copyctl token --account NAME`, or write a new one into its file: it is taken up by itself.",
    ),
    Alert.TOKEN_NOT_RENEWED: Meaning(
        level=Level.WARNING,
        says="A new token was asked for and is not there; the text says why, and whether it is tried again.",
        do="Mend `pin`, `totp_secret` or the network. Where no answer came it is tried again after two minutes.",
    ),
    Alert.TOKEN_RENEWED: Meaning(
        level=Level.INFO,
        says="A new token is in use. A warning: it could not be kept, and the next start needs another one.",
        do="Nothing; where it could not be kept, have `access_token: ${file:...}` name a file that can be written.",
    ),
    Alert.ACCESS_RESTORED: Meaning(
        level=Level.WARNING,
        says="Dhan takes an account's token and address again: the books are read, and what waited is caught up.",
        do="Compare `copyctl orders` with what you expect: entries that waited too long follow `late`.",
    ),
    Alert.PAUSED: Meaning(
        level=Level.WARNING,
        says="A follower was paused, or goes on: while it is paused nothing is sent for it, cancels and exits neither.",
        do="Watch its positions yourself while it is paused; `copyctl unpause` catches up.",
    ),
    Alert.INSTRUMENT_HALTED: Meaning(
        level=Level.WARNING,
        says="A rejection names a halt or a suspension: what a follower wants of that instrument waits, or goes again.",
        do="Nothing: one request a minute is tried, and all go when one is taken or the leader trades it.",
    ),
    Alert.SPECIAL_UNREAD: Meaning(
        level=Level.WARNING,
        says="The book of super orders or the list of forever orders cannot be read: what is theirs is not followed.",
        do="Look at the text: the broker may be in trouble. They are read again at every sweep.",
    ),
    Alert.ANOMALY: Meaning(
        level=Level.WARNING,
        says="Frames of the order stream cannot be read in number; they are kept, and the order book is read.",
        do="Nothing at once; send the frames (`copyctl events`) to the authors.",
    ),
    Alert.LATENCY: Meaning(
        level=Level.WARNING,
        says="From the leader's frame to our request it takes longer than `alerts.latency_budget` (p99 of a minute).",
        do="Look at the load of this machine and its disk; `latency_ms` in `copyctl status` has the whole day.",
    ),
    Alert.CLOCK_OFF: Meaning(
        level=Level.WARNING,
        says="This machine's clock is more than two seconds off the broker's.",
        do="Have it set by NTP (`timedatectl`).",
    ),
    Alert.CALENDAR_STALE: Meaning(
        level=Level.WARNING,
        says="The trading calendar does not cover this day, or could not be had.",
        do="Update exchange-calendars, or write the days under `market_hours.holidays` and `special_sessions`.",
    ),
    Alert.NO_MASTER: Meaning(
        level=Level.WARNING,
        says="There is no instrument master: lot size and tick come from the leader's frames.",
        do="Look whether `broker.instruments` can be reached; it is fetched once a day.",
    ),
    Alert.STORE_TROUBLE: Meaning(
        level=Level.CRITICAL,
        says="The store cannot be written: nothing is sent until it can.",
        do="Free the disk, or give the folder back its rights; work goes on by itself then.",
    ),
    Alert.STORE_WELL: Meaning(
        level=Level.WARNING,
        says="The store can be written again; what waited is done now.",
        do="Nothing. Find out why it could not.",
    ),
    Alert.RULES_REFUSED: Meaning(
        level=Level.WARNING,
        says="Rules that were to be reloaded cannot be put in force: those from before stay.",
        do="The text says why; mend the file and `copyctl reload` again.",
    ),
    Alert.BACKUP_FAILED: Meaning(
        level=Level.WARNING,
        says="The journal's daily backup was not made, or was found damaged. Copying goes on.",
        do="Free the disk or mend what the text says, then `copyctl backup make`. It is tried again within an hour.",
    ),
    Alert.SET_ASIDE: Meaning(
        level=Level.CRITICAL,
        says="Something that came in could not be taken in, twice: it was kept and set aside, and the books were read.",
        do=f"This is a bug of copyctl: report it with the journal. {_LOOK}",
    ),
    Alert.FOLLOWER_HELD: Meaning(
        level=Level.CRITICAL,
        says="An event failed twice for one follower alone: nothing is decided for it until the next start.",
        do=f"This is a bug of copyctl: report it with the journal, and start again. {_LOOK}",
    ),
    Alert.RESERVE_TOUCHED: Meaning(
        level=Level.WARNING,
        says="An account's orders of a minute, an hour or a day are used up but for the reserve, and that is in use.",
        do="Nothing at once: cancels and exits still leave, entries and changes of price wait. Copy fewer orders, or "
        "see with `copyctl status` how much is left.",
    ),
    Alert.SHADOW_ENDED: Meaning(
        level=Level.WARNING,
        says="The shadow of `copyctl run --shadow` has ended: a full disk, a store that cannot be used, a bug.",
        do="Nothing for the copying, which goes on. Mend what the text says; the next `run --shadow` catches up. "
        "Where that does not help move the folder `shadow` below the store away.",
    ),
}
