"""What a rehearsal needs from this machine: the instrument master and the trading days, never from the network."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

from copyctl.cli.speech import note
from copyctl.edge.instruments import MASTER_URL, InstrumentMaster, MasterSource
from copyctl.edge.trading_days import Calendars
from copyctl.lab.figures import Figures
from copyctl.lab.rehearsal import World
from copyctl.model.calendar import TradingDays
from copyctl.model.facts import Fact, Lack, Question
from copyctl.model.policy import Rules


def world(
    rules: Rules,
    day: date,
    figures: Figures,
    *,
    master: InstrumentMaster | MasterSource | None = None,
    fact: Callable[[Question, int], Fact | Lack | None] | None = None,
) -> World:
    """The world of a rehearsal of that day. The master, where none is given, is the file that ``broker.instruments``
    names, else the copy that a run has kept in the store; without either, orders tell what they can of their
    instruments."""
    folder = Path(rules.store.path)
    master = master or master_of(rules, day)
    return World(
        instrument=master.find,
        master=master.known,
        days=_calendars(folder),
        held={},
        fact=fact or figures.answer,
    )


def master_of(rules: Rules, day: date) -> InstrumentMaster:
    """The instrument list at hand, as of a day."""
    path = InstrumentMaster.at_hand(rules.broker.instruments, Path(rules.store.path))
    master = InstrumentMaster.load_file(path, today=day) if path is not None else InstrumentMaster()
    if not master.known:
        why = master.reason or "no run has kept one yet, and broker.instruments names no file that is there"
        mend = "name a file in broker.instruments, or let a run keep one"
        note(f"no instrument list: {why}; only what orders tell of their instruments is known ({mend})")
    return master


@contextlib.asynccontextmanager
async def listed(rules: Rules) -> AsyncIterator[MasterSource]:
    """The instrument list as a run would have it, from where the rules say; it leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        master = MasterSource(rules.broker.instruments or MASTER_URL, Path(folder))
        await master.read()
        if not master.known:
            note(f"no instrument list: {master.reason}; only what the order tells of its instrument is known")
        yield master


def _calendars(folder: Path) -> Callable[[str], tuple[TradingDays | None, str]]:
    def days(name: str) -> tuple[TradingDays | None, str]:
        if folder.is_dir():
            return Calendars(folder).find(name)
        with tempfile.TemporaryDirectory() as elsewhere:  # a rehearsal leaves nothing behind
            return Calendars(Path(elsewhere)).find(name)

    return days
