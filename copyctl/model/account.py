"""An account of the broker, as a place to talk to: what is known of it, and how it stands."""

from decimal import Decimal

from msgspec import Struct


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is known of one account as a place to talk to.

    ``since``: since when it is a follower (ns), 0 for one that is none.
    ``ready``: its books were read since the process started. ``books_at``: when the newest book that we read was
    asked for. ``connected_at``: the last time its stream came up. ``sent``: when the requests of the last second
    arrived at the broker at the latest; ``spent_today``: how many since the day began. ``rests_until``: the broker said
    that it is asked too much, and nothing leaves before (0: it does not rest); ``rested``: how long that rest is (ns);
    ``probe``: the one request that leaves after it, to find out. ``reserve_told``: the windows of whose reserve it was
    told that it is in use. ``killed_at``: 0 unless the kill switch holds it. ``broker_ahead``: the broker's clock less
    ours, ns.
    ``forgot_at``: when orders long over were last dropped. ``held``: why nothing is decided for this follower until
    the next start: an event failed for it alone. ``unreadable_at``: when the last unreadable frames came, no more of
    them than make an alert; ``noise_told_at``: when that was last told. ``day``: the Indian day of its counters, as
    an ordinal. ``positions_at``: when the positions that it began the day with were asked for, 0: not known yet;
    ``positions_why``: why they could not be had, ``failing_since``: since when (ns), and the fills count;
    ``fills_alone``: also where they open a short. ``expects``: is it known what it ought to have, by an earlier day or
    by its fills? ``unsure``: what the first read said that earlier days left, while it is not taken for true.
    ``asked_at``: when facts were last asked for ahead of need. ``placed``: when the placements of the last minute
    left; ``placed_today``: how many since the day began. ``rejected_in_a_row``: final rejections since
    the last order that was taken. ``profit``: realised and unrealised profit of the day in rupees, None: not known.
    ``funds_why``, ``quotes_why``: why the last question for funds, or prices, got no answer. ``funds_asked_at``:
    when funds were last asked for, 0: it is answered; ``funds_told_at``: when the last answer came. ``ddpi``: may its
    shares be sold over the API; None: not known.
    ``kill_actions``: what the kill switch has still to do, ``kill_acting_at``: since when it does the first of it;
    ``halted``: it holds back cancels and exits too. ``excused``: causes that a person has resumed over. ``down_at``:
    since when its stream is down, 0: it never was, since the process began.
    ``broker_asked_at``: when the broker's own switch was last asked for, ``broker_told``: that it did not take it.
    ``paused_at``: since when a person has it paused, 0: it is not. ``resumed_at``: when it last went on after a pause,
    or its token or address was last refused: books asked for before say nothing of it. ``refused_token``: why its token
    or address is refused, ``refused_as``: which of both; ``probed_at``: when it was last tried, 0: that is due now;
    ``vouched``: what the broker said to that, and ``trying``: with which request orders are tried (``core.access``).
    ``special_at``: when its super and forever orders were last asked for and read, ``special_why``: why the last try
    to read one of both failed.
    ``joined``: were the positions looked at that both had when this follower first came? ``calendar_told``: the day
    (as ``day`` counts them) on which it was last told that the calendar does not cover it. ``reached``: the limits of
    which it was told today that they are reached.
    """

    account: str
    since: int = 0
    ready: bool = False
    books_at: int = 0
    stream_up: bool = False
    stream_text: str = ""
    connected_at: int = 0
    last_frame_at: int = 0
    sent: tuple[int, ...] = ()
    spent_today: int = 0
    rests_until: int = 0
    rested: int = 0
    probe: str = ""
    reserve_told: tuple[str, ...] = ()
    refused_token: str = ""
    refused_as: str = ""
    probed_at: int = 0
    vouched: str = ""
    trying: str = ""
    paused_at: int = 0
    resumed_at: int = 0
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
    day: int = 0
    positions_at: int = 0
    positions_why: str = ""
    failing_since: int = 0
    fills_alone: bool = False
    expects: bool = False
    unsure: tuple[tuple[str, int], ...] = ()
    asked_at: int = 0
    placed: tuple[int, ...] = ()
    placed_today: int = 0
    rejected_in_a_row: int = 0
    profit: Decimal | None = None
    funds_why: str = ""
    funds_asked_at: int = 0
    funds_told_at: int = 0
    quotes_why: str = ""
    ddpi: bool | None = None
    kill_actions: tuple[str, ...] = ()
    kill_acting_at: int = 0
    excused: tuple[str, ...] = ()
    down_at: int = 0
    halted: bool = False
    broker_asked_at: int = 0
    broker_told: bool = False
    special_at: int = 0
    special_why: str = ""
    joined: bool = False
    calendar_told: int = 0
    reached: tuple[str, ...] = ()
