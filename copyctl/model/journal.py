"""What goes into the journal, and what comes out of its commands table."""

from msgspec import Struct

from copyctl.model.effects import Notice
from copyctl.model.events import Event
from copyctl.model.records import Change


class Entry(Struct, frozen=True, kw_only=True):
    """One event as it is journalled: with every record it changed and every line it gave people to read.

    ``set_aside``: the step failed on it twice; it is kept for us to look at, and changed nothing.
    """

    event: Event
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()
    set_aside: bool = False


class Command(Struct, frozen=True, kw_only=True):
    """What a person asked for, from any process, before a run has taken it in. ``account`` "": all followers.
    ``actions``: words of ``kill_switch.actions`` that a kill adds to those of the rules, in this order. ``reason``: in
    a person's words; of a reload the hash of the plan that was agreed to, "" for none."""

    command_id: int
    given_at: int
    command: str
    account: str = ""
    reason: str = ""
    actions: tuple[str, ...] = ()
