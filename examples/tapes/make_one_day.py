"""Make one-day.jsonl: a trading day of an invented leader, the same bytes every time.

    python examples/tapes/make_one_day.py [FILE]

Prices come first (one_day_prices). Then the leader trades against prices that are known for the whole day: each line of
DIARY is a small story (one_day_stories: an entry and its exit, a stop that is trailed, a ladder of limit orders), which
starts at the first moment from its time on at which the market allows it and the leader is not too busy.

The instruments are the simulator's own, whose contracts never expire there, however old the tape is.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from one_day_orders import BUY, CARRY, CLIENT_ID, DELIVERY, INTRADAY, SELL, Order, Story, compact, frame
from one_day_prices import CLOSE, CONTRACTS, MINUTE, OPENING, SECOND, SHARES, Prices, rupees
from one_day_stories import (
    abandoned,
    at_once,
    at_once_in_part,
    breakout,
    chased,
    cut_short,
    iceberg,
    in_tranches,
    kept,
    killed,
    ladder,
    nervous,
    outage,
    outside_the_band,
    resized,
    scalp,
    spread,
    stopped_out,
    swing,
    target_hit,
    trailed,
    without_funds,
)

SEED = 14
FLAT_BY = CLOSE - 10 * MINUTE  # when a broker squares off what is still open

SPEED = 800  # at which the demo plays it: WINDOW of the day in one real second
WINDOW = SPEED * SECOND
ORDERS_AT_MOST = 8  # in any WINDOW, but for the ladder
ACTIONS_AT_MOST = 9  # likewise: placements, modifications and cancels that the demo's followers copy
CATCHING_UP_AT_MOST = 6  # actions, while the followers catch up after an outage
LEFT_OUT = frozenset({"penny ce", "penny pe", "nifty 24500 ce today"})  # by the demo's rules

Tell = Callable[[Story, str, int, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the diary: from when on, which story, of what, how many lots (or shares), which way."""

    clock: str
    tell: Tell
    name: str
    lots: int
    side: str = BUY
    product: str = INTRADAY
    tag: str = ""

    @property
    def earliest(self) -> int:
        hour, minute = self.clock.split(":")
        return (int(hour) * 60 + int(minute) - 9 * 60 - 15) * MINUTE


# These come first, wherever they stand in the day: everything else is fitted around them.
FIXED = (
    Entry("11:58", outage, "nifty 24500 ce", 4),
    Entry("14:05", ladder, "nifty 24500 ce", 4),
)
DIARY = (
    Entry("09:15", scalp, "nifty 24500 ce", 4),
    Entry("09:16", breakout, "banknifty 54000 ce", 4),
    Entry("09:18", kept, "reliance", 100, product=DELIVERY),
    Entry("09:20", in_tranches, "nifty 24500 pe", 8),
    Entry("09:22", at_once, "sensex 80000 ce", 4),
    Entry("09:26", abandoned, "nifty 24600 ce", 4),
    Entry("09:30", target_hit, "banknifty 54000 pe", 8),
    Entry("09:33", scalp, "penny ce", 20),
    Entry("09:36", swing, "nifty 24400 pe", 4),
    Entry("09:42", without_funds, "banknifty 53500 pe", 18, SELL),
    Entry("09:44", stopped_out, "nifty 24500 ce", 4),
    Entry("09:48", killed, "sensex 80500 ce", 4),
    Entry("09:50", abandoned, "sbin", 150, product=DELIVERY),
    Entry("09:52", scalp, "nifty 24600 ce", 2, tag="breadth-02"),
    Entry("09:55", resized, "sensex 80000 pe", 4),
    Entry("10:00", scalp, "hdfcbank", 200),
    Entry("10:04", chased, "nifty 24400 pe", 4),
    Entry("10:08", trailed, "nifty 24500 pe", 4),
    Entry("10:12", scalp, "nifty 24500 ce today", 4),
    Entry("10:15", cut_short, "banknifty 54500 ce", 8),
    Entry("10:20", spread, "nifty 24500 ce", 4, SELL),
    Entry("10:24", outside_the_band, "sensex 80500 ce", 4),
    Entry("10:26", iceberg, "sbin", 200, product=DELIVERY),
    Entry("10:28", scalp, "nifty 24500 ce next", 2, product=CARRY),
    Entry("10:30", at_once_in_part, "sensex 80000 ce", 8),
    Entry("10:36", nervous, "nifty 24400 pe", 4),
    Entry("10:40", scalp, "banknifty 53500 pe", 4, tag="meanrev-11"),
    Entry("10:50", scalp, "nifty 24600 ce", 4),
    Entry("10:58", swing, "sensex 80000 pe", 4),
    Entry("11:02", scalp, "nifty 24500 pe", 1),
    Entry("11:10", abandoned, "sensex 80000 ce", 8),
    Entry("11:16", in_tranches, "banknifty 54000 ce", 8),
    Entry("11:20", scalp, "penny pe", 16),
    Entry("11:24", abandoned, "infy", 100, product=DELIVERY),
    Entry("11:26", kept, "nifty 24500 ce next", 4, product=CARRY),
    Entry("11:30", killed, "banknifty 54500 ce", 4, SELL),
    Entry("11:32", stopped_out, "banknifty 54000 pe", 4),
    Entry("11:36", scalp, "banknifty 53500 pe", 8),
    Entry("11:40", target_hit, "sensex 80500 ce", 4, SELL),
    Entry("11:46", abandoned, "nifty 24600 ce", 4),
    Entry("11:48", swing, "banknifty 54000 pe", 4),
    Entry("12:00", kept, "icicibank", 80, product=DELIVERY),
    Entry("12:04", cut_short, "nifty 24600 ce", 8),
    Entry("12:06", scalp, "banknifty 54000 pe", 8),
    Entry("12:08", scalp, "sensex 80500 ce", 4, SELL),
    Entry("12:10", at_once, "banknifty 54500 ce", 4),
    Entry("12:20", breakout, "nifty 24600 ce", 4),
    Entry("12:36", at_once, "nifty 24400 pe", 4),
    Entry("12:52", swing, "banknifty 53500 pe", 4),
    Entry("12:54", target_hit, "nifty 24500 ce", 8),
    Entry("12:57", scalp, "sensex 80500 ce", 2),
    Entry("13:00", trailed, "banknifty 54000 pe", 4),
    Entry("13:02", resized, "nifty 24400 pe", 4),
    Entry("13:06", without_funds, "nifty 24500 ce next", 26, SELL),
    Entry("13:10", swing, "sensex 80000 ce", 4),
    Entry("13:14", spread, "nifty 24500 pe", 4, SELL),
    Entry("13:22", abandoned, "nifty 24500 ce", 4, SELL),
    Entry("13:26", in_tranches, "sensex 80000 pe", 8),
    Entry("13:32", scalp, "nifty 24500 ce next", 2, product=CARRY),
    Entry("13:40", abandoned, "banknifty 54500 ce", 4),
    Entry("13:42", scalp, "tcs", 50),
    Entry("13:48", kept, "tcs", 40, product=DELIVERY),
    Entry("13:50", stopped_out, "nifty 24600 ce", 4, SELL),
    Entry("13:54", swing, "banknifty 54000 ce", 4),
    Entry("13:56", at_once, "sensex 80500 ce", 4),
    Entry("13:58", killed, "nifty 24600 ce", 4),
    Entry("14:20", scalp, "penny ce", 24),
    Entry("14:22", kept, "hdfcbank", 120, product=DELIVERY),
    Entry("14:24", scalp, "infy", 150),
    Entry("14:34", outside_the_band, "reliance", 100, SELL, product=DELIVERY),
    Entry("14:36", scalp, "nifty 24500 ce", 4, tag="closing-04"),
    Entry("14:40", cut_short, "sensex 80000 pe", 8),
    Entry("14:44", breakout, "nifty 24500 pe", 4),
    Entry("14:52", scalp, "sensex 80000 ce", 8),
    Entry("15:00", scalp, "nifty 24400 pe", 4),
    Entry("15:06", killed, "nifty 24500 pe", 4),
)


class Day:
    """What the leader did, story by story."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.orders: list[Order] = []
        self.outages: list[tuple[int, int]] = []

    def live(self, entry: Entry, number: int) -> None:
        """Let a story happen as soon as it can."""
        units = entry.lots if entry.tell in {ladder, outage} else entry.lots * CONTRACTS[entry.name].lot_size
        for ms in range(entry.earliest, FLAT_BY, 15 * SECOND):
            chance = Random(f"{SEED}/{number}")  # noqa: S311 - repeatable on purpose, guards nothing
            story = Story(self.prices, chance, ms + chance.randint(0, 14_000), entry.product, entry.tag)
            try:
                entry.tell(story, entry.name, units, entry.side)
            except LookupError:
                continue
            if self._has_room(story):
                self.orders += story.orders
                self.outages += story.outages
                return
        raise SystemExit(f"there is no room in the day for {entry}")

    def _has_room(self, story: Story) -> bool:
        if any(made.done > FLAT_BY for made in story.orders):
            return False
        if any(_clash(made, other) for made in story.orders for other in self.orders):
            return False
        placed = [made.created for made in (*self.orders, *story.orders) if not made.in_burst]
        acted = [ms for made in (*self.orders, *story.orders) for ms in _copied_actions(made)]
        catching_up = [ms for ms in acted for _, up in (*self.outages, *story.outages) if up < ms < up + 2 * WINDOW]
        return (
            _busiest(sorted(placed)) <= ORDERS_AT_MOST
            and _busiest(sorted(acted)) <= ACTIONS_AT_MOST
            and _busiest(sorted(catching_up)) <= CATCHING_UP_AT_MOST
            and not any(self._in_burst(ms) for made in story.orders for ms in made.actions)
        )

    def _in_burst(self, ms: int) -> bool:
        """Is the leader busy with his ladder then?"""
        return any(-WINDOW // 2 < ms - made.created < WINDOW for made in self.orders if made.in_burst)


def _copied_actions(made: Order) -> list[int]:
    """When a follower of the demo must send something for this order; the ladder's placements are not counted."""
    if made.name in LEFT_OUT or (made.name in SHARES and made.product == INTRADAY):
        return []
    return made.actions[1:] if made.in_burst else made.actions


def _clash(made: Order, other: Order) -> bool:
    """Two stories of one contract and product do not overlap."""
    return (made.name, made.product) == (other.name, other.product) and not (
        made.created > other.done or made.done < other.created
    )


def _busiest(moments: Sequence[int]) -> int:
    """The most of these moments within one WINDOW."""
    return max(
        (place + 1 - bisect_left(moments, ms - WINDOW + 1) for place, ms in enumerate(moments)),
        default=0,
    )


def lines(day: Day) -> Iterator[str]:
    """The tape: what happens at one moment in the order in which it is told, frames before the price."""
    header = {"tape": 1, "client_id": CLIENT_ID, "started_at": OPENING.isoformat()}
    events: list[tuple[int, int, int, dict[str, object]]] = []
    for down, up in day.outages:
        events += [(down, 0, 0, {"stream": "down"}), (up, 0, 0, {"stream": "up"})]
    for number, made in enumerate(sorted(day.orders, key=lambda each: each.created), start=1):
        events += [(each.ms, 1, number, {"frame": frame(made, number, each)}) for each in made.states]
    for name, points in day.prices.points.items():
        contract = CONTRACTS[name]
        key = {"exchange_segment": contract.exchange_segment, "security_id": contract.security_id}
        events += [(each.ms, 2, 0, {"price": {**key, "last_price": rupees(each.paise)}}) for each in points]
    yield compact(header)
    for ms, _, _, what in sorted(events, key=lambda event: event[:3]):
        at = (OPENING + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
        yield compact({"at": at, **what})


def main(path: Path) -> None:
    """Write the tape."""
    day = Day(Prices(Random(SEED)))  # noqa: S311 - repeatable on purpose, guards nothing
    for number, entry in enumerate((*FIXED, *DIARY)):
        day.live(entry, number)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines(day))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("one-day.jsonl"))
