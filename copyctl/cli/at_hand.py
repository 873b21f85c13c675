"""What this machine has beside a rules file that ``lint`` may look into: the day, an instrument list, trading days.

Nothing is fetched, and a list is read only when a file names something to be looked up in it.
"""

from datetime import date, datetime
from functools import cache
from pathlib import Path

from copyctl.report.moments import IST
from copyctl.rules import AtHand, Contract, Listing


def at_hand() -> AtHand:
    """All of it."""
    return AtHand(today=datetime.now(IST).date(), listing=listing, calendar_end=calendar_end)


def listing(source: str | None, store: str | None) -> Listing | None:
    """The instrument list that a run with this ``broker.instruments`` would use, if it lies on this machine."""
    from copyctl.edge.instruments import InstrumentMaster

    path = InstrumentMaster.at_hand(source, Path(store) if store is not None else None)
    return _read(path) if path is not None else None


@cache
def _read(path: Path) -> Listing | None:
    from copyctl.edge.instruments import InstrumentMaster

    master = InstrumentMaster.load_file(path)
    if not master.known:
        return None
    contracts: dict[str, set[Contract]] = {}
    shares = set()
    for one in master.kinds():
        if not one.segment.is_derivative:
            shares.add(one.symbol)
        elif one.underlying:
            contract = Contract(one.segment.value, "" if one.kind is None else one.kind.value, one.lot_size)
            contracts.setdefault(one.underlying, set()).add(contract)
    return Listing(contracts=contracts, shares=shares, has=master.has)


def calendar_end(store: str, calendar: str) -> date | None:
    """The last date that a calendar's holidays cover, by what a run has kept in the store's folder; None where it has
    kept none, or the library that is installed now knows more."""
    if not Path(store).is_dir():
        return None
    from copyctl.edge.trading_days import known_end

    return known_end(Path(store), calendar)
