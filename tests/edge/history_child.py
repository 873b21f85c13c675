"""A process of its own that keeps pages: ``python history_child.py FOLDER FIRST COUNT``, COUNT 0: for ever.

Page n holds the trades 3n, 3n + 1 and 3n + 2, and is said once it is durable.
"""

import itertools
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

from copyctl.edge.history import History
from copyctl.model.history import Days, PastTrade, Progress
from copyctl.model.terms import Segment, Side

SEPTEMBER = Days(first=date(2026, 9, 1), last=date(2026, 9, 30))


def trade(number: int) -> PastTrade:
    return PastTrade(
        account="A",
        order_id=f"O{number}",
        trade_id=str(number),
        segment=Segment.NSE_EQ,
        security_id="2885",
        side=Side.BUY,
        quantity=1,
        price=Decimal("1402.5"),
        traded_at=1_789_446_731_000_000_000,
    )


def progress(next_page: int, *, finished: bool = False, at: int = 1) -> Progress:
    return Progress(account="A", days=SEPTEMBER, next_page=next_page, finished=finished, at=at)


def keep_pages(folder: Path, first: int, count: int) -> None:
    history = History(folder)
    for page in itertools.islice(itertools.count(first), count or None):
        kept = history.keep(trades=[trade(3 * page + place) for place in range(3)], progress=progress(page + 1))
        print(page, kept.new, flush=True)
    history.close()


if __name__ == "__main__":
    keep_pages(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
